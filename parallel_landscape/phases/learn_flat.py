"""Learning ln g of continuous weights: walkers move by packs, driven by what they have learnt, the rest is as for levels.

Steps are adapted as in the pilot at fixed temperatures (`thermal`), for each slot on its own, all through learning: what they
depend on changes with ln g. The gain falls as 1/rounds, so that they come to rest; production takes them as they are. In the
first WARM rounds in its window nothing is learnt from a walker: one whose steps are refused would pile up ln g where it sits,
and what is wrong when ln f begins to fall as 1/t is still wrong by t0/t at time t.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from parallel_landscape.flat_sampler import FlatSampler, FlatSlot
from parallel_landscape.job.motion_keys import FIRST_LENGTH, Moving
from parallel_landscape.landscapes.binned import Bins
from parallel_landscape.phases.learn import Learning
from parallel_landscape.rng import Purpose
from parallel_landscape.smooth_sampler import ONE
from parallel_landscape.walker import Slot

APPROACH = 100  # steps towards a window in a round, at most
TAU = 8.0  # rounds after which the gain of adaptation begins to fall
WARM = 32  # rounds of adaptation from which nothing is learnt


@dataclass
class FlatLearning(Learning):
    """Windows of `bins` with their learners; `steps` are moves. wanted: acceptance that steps are adapted to, 0 where `lengths`
    of each window are given."""

    bins: Bins = field(default_factory=lambda: Bins(0.0, 1.0, 1))
    motion: Moving | None = None
    wanted: float = 0.0
    lengths: list[float] | None = None

    def begin(self, slots: dict[int, Slot]) -> None:
        """As in Learning; and every slot gets its first step."""
        super().begin(slots)
        for slot in flat(slots):
            slot.length = self.lengths[self.layout.place(slot.number).window] if self.lengths else FIRST_LENGTH

    def walk(self, sampler: FlatSampler, slots: dict[int, Slot]) -> None:
        """Move all walkers for a round, those that move as often together; then adapt their steps."""
        here = [slot for slot in flat(slots) if slot.reached]
        gains = {slot.number: 0.0 if self._cold(slot) else self.learner_of(slot).ln_f for slot in here}
        moves = {slot.number: self.steps_of(self.learner_of(slot)) for slot in here}
        self.settle(here)
        for count in sorted(set(moves.values())):
            sampler.walk([slot for slot in here if moves[slot.number] == count], Purpose.LEARN, self.rounds, count, gains)
        for slot in here:
            self._adapt(slot, moves[slot.number])
        self._approach_all(sampler, [slot for slot in flat(slots) if not slot.reached])

    def settle(self, slots: list[FlatSlot]) -> None:
        """Tell slots what a step leaves of a velocity; velocities have variance 1, as at temperature 1."""
        assert self.motion is not None
        for slot in slots:
            slot.damping = self.motion.damping(1.0, slot.length)

    def _cold(self, slot: FlatSlot) -> bool:
        """Whether nothing is learnt from a walker yet."""
        return self.wanted > 0 and slot.adapted < WARM

    def _adapt(self, slot: FlatSlot, moves: int) -> None:
        if self._cold(slot):
            slot.histogram[:] = 0
        if self.wanted:
            gain = 1.0 / (1.0 + slot.adapted / TAU)
            slot.length *= 1.0 + gain * (slot.chances / (moves * ONE) - self.wanted)
            slot.adapted += 1
        slot.chances = 0

    def _approach_all(self, sampler: FlatSampler, slots: list[FlatSlot]) -> None:
        """Bring walkers to the middle of their windows, until they are inside."""
        left = [slot for slot in slots if slot.steps < self.approach_steps]
        windows = {slot.number: self.window_of(slot) for slot in left}
        targets = {number: 0.5 * (self.bins.edge(low) + self.bins.edge(high + 1)) for number, (low, high) in windows.items()}
        ranges = {number: range(low, high + 1) for number, (low, high) in windows.items()}
        sampler.approach(left, targets, ranges, APPROACH)
        for slot in left:
            if self.fits(slot, slot.walker.level):
                self.arrive(slot)

    def arrive(self, slot: Slot) -> None:
        """As in Learning; counts of moves begin anew."""
        super().arrive(slot)
        assert isinstance(slot, FlatSlot)
        slot.divergences = slot.outside = slot.chances = 0

    def bounds(self, levels: range, window: int) -> dict[str, Any]:
        """Where a window begins and ends."""
        low, high = self.windows[window]
        return {"energy_low": self.bins.edge(low), "energy_high": self.bins.edge(high + 1)}

    def energy_of(self, levels: range, level: int) -> float:
        """The energy in the middle of a bin."""
        return self.bins.edge(level) + 0.5 * self.bins.width


def flat(slots: dict[int, Slot]) -> list[FlatSlot]:
    """The slots, which are all of continuous weights."""
    return [slot for slot in slots.values() if isinstance(slot, FlatSlot)]
