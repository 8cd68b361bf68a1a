"""Continuous weights at fixed temperatures: a pilot that finds step lengths and places temperatures, then equilibration.

Exchanges are those of `equilibrate`, with real energies. The pilot multiplies the length of a step by 1 + gain (a - a*) after
each round, a the mean acceptance probability at that temperature over the round and a* the one that is wanted, with a gain that
falls (H. Robbins, S. Monro, Ann. Math. Stat. 22, 400 (1951)); what is kept is the mean over the last stage. Acceptance is
summed in integers, and the rest is plain arithmetic, so that all ranks come to the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.exchange.comm import Comm
from parallel_landscape.exchange.layout import Layout
from parallel_landscape.exchange.swap import exchange
from parallel_landscape.exchange.windows import Window
from parallel_landscape.job.motion_keys import Moving
from parallel_landscape.job.tempering import equal_rejection, rejections
from parallel_landscape.phases.equilibrate import BLOCKS, pair_counts, stage_ends
from parallel_landscape.rng import Purpose
from parallel_landscape.smooth import F
from parallel_landscape.smooth_sampler import ONE, TALLIES, SmoothSampler, SmoothSlot
from parallel_landscape.walker import FRESH, Slot

KEPT = 1024  # energies of production that are kept of a slot, at most: for the law at neighbouring temperatures
LOOKS = len(TALLIES)  # where the number of looks stands among the sums; sums of what was looked at follow
Slots = dict[int, Slot]


@dataclass
class Thermal:
    """Rounds of `steps` moves at inverse temperatures `betas` (descending: window k of the layout is temperature k), with
    `lengths` that their own steps have, until round `most_rounds`; rounds of the pilot are counted, too.

    sums: (BLOCKS, LOOKS + 1 + measured) for each local slot, in each span of production: TALLIES of its moves, looks, and what
    was measured in them. energies: (kept,) of each local slot, at even distances in production; nan when not yet there.
    """

    betas: list[float]
    lengths: list[float]
    layout: Layout
    motion: Moving
    steps: int
    most_rounds: int
    exchanges: bool = True
    measured: int = 0
    kept: int = 0
    rounds: int = 0
    sums: dict[int, F] = field(default_factory=dict)
    energies: dict[int, F] = field(default_factory=dict)

    @property
    def windows(self) -> list[Window]:
        """Of integer levels, of which there are none."""
        return [(0, 0)] * len(self.betas)

    def window_of(self, slot: Slot) -> Window:
        """As `windows`."""
        return 0, 0

    def begin(self, slots: Slots) -> None:
        """Tell every slot its temperature, and count anew."""
        self.place(slots)
        for slot in smooth(slots):
            self._count_anew(slot)

    def place(self, slots: Slots) -> None:
        """Tell every slot its temperature and its step."""
        for slot in smooth(slots):
            window = self.layout.place(slot.number).window
            slot.beta, slot.length = self.betas[window], self.lengths[window]
            slot.damping = self.motion.damping(slot.beta, slot.length)

    def _count_anew(self, slot: SmoothSlot) -> None:
        slot.steps = slot.accepted = slot.meetings = slot.swaps = slot.divergences = slot.chances = 0
        slot.tally[:] = 0
        self.sums[slot.number] = np.zeros((BLOCKS, LOOKS + 1 + self.measured))
        self.energies[slot.number] = np.full(self.kept, np.nan)

    def described(self) -> dict[str, Any]:
        """The temperatures, for frozen.h5."""
        return {"betas": self.betas, "lengths": self.lengths}

    def production_begins(self, slots: Slots) -> None:
        """Forget all counts of equilibration."""
        for slot in smooth(slots):
            slot.walker.origin, slot.walker.trips = FRESH, 0
            self._count_anew(slot)

    def about(self) -> dict[str, Any]:
        """What all ranks know alike, as plain values for a checkpoint."""
        return {"rounds": self.rounds, "betas": self.betas, "lengths": self.lengths}

    def arrays(self, slot: Slot) -> dict[str, NDArray[Any]]:
        """What a checkpoint keeps of a slot in this phase."""
        return {**slot.arrays(), "sums": self.sums[slot.number], "energies": self.energies[slot.number]}

    def restore_slot(self, slot: Slot, arrays: dict[str, NDArray[Any]]) -> None:
        """Put back a slot and its sums."""
        slot.restore(arrays)
        self.sums[slot.number] = np.array(arrays["sums"])
        self.energies[slot.number] = np.array(arrays["energies"])
        self.place({slot.number: slot})

    def unfinished(self, slots: Slots) -> bool:
        """Whether there is to be another round; the same on all ranks."""
        return self.rounds < self.most_rounds

    def step(self, sampler: SmoothSampler, slots: Slots, comm: Comm) -> None:
        """One round: walk, then change places."""
        self.prepare(sampler, slots, comm, self.rounds)
        sampler.advance(smooth(slots), Purpose.LEARN, self.steps)
        self.meet(sampler, slots, comm, self.rounds)
        self.rounds += 1
        for slot in smooth(slots):
            slot.tally[:] = 0  # nothing is summed up before production

    def prepare(self, sampler: SmoothSampler, slots: Slots, comm: Comm, number: int) -> None:
        """What comes before the walk of round `number`, counted from the beginning of the run: nothing, of single walkers."""

    def meet(self, sampler: SmoothSampler, slots: Slots, comm: Comm, number: int) -> None:
        """Exchanges of round `number`, counted from the beginning of the run."""
        if self.exchanges:
            exchange(slots, lambda slot: True, lambda slot, level: False, self.layout, comm, sampler.seed, number)

    def note_round(self, slot: Slot, number: int, most: int) -> None:
        """Add the moves of a round of production to its span."""
        assert isinstance(slot, SmoothSlot)
        self.sums[slot.number][number * BLOCKS // most, :LOOKS] += slot.tally
        slot.tally[:] = 0


@dataclass
class ThermalPilot(Thermal):
    """Equilibration that adapts the lengths of steps to the acceptance `wanted` (0: does not), round by round, and `moving`
    betas, at the end of each stage, to where all exchanges are rejected alike. mean: of the lengths in the last stage."""

    wanted: float = 0.0
    moving: bool = False
    mean: list[float] = field(default_factory=list)

    def about(self) -> dict[str, Any]:
        """What all ranks know alike."""
        return {**super().about(), "mean": self.mean}

    def step(self, sampler: SmoothSampler, slots: Slots, comm: Comm) -> None:
        """One round; the last one of a stage moves the temperatures."""
        before = self._chances(slots, comm) if self.wanted else None
        super().step(sampler, slots, comm)
        if before is not None:
            self._adapt(self._chances(slots, comm) - before)
        ends = stage_ends(self.most_rounds)
        if self.moving and self.rounds in ends:
            self.betas = equal_rejection(self.betas, rejections(*pair_counts(self.layout, slots, comm)))
            for slot in smooth(slots):
                self._count_anew(slot)
        if self.rounds == self.most_rounds and self.mean:
            self.lengths = self.mean
        self.place(slots)

    def _chances(self, slots: Slots, comm: Comm) -> NDArray[np.int64]:
        """Sums of acceptance probabilities at each temperature so far, and moves: (temperatures, 2), over all ranks."""
        mine = np.zeros((len(self.betas), 2), np.int64)
        for slot in smooth(slots):
            mine[self.layout.place(slot.number).window] += slot.chances, slot.steps
        return comm.add(mine)

    def _adapt(self, since: NDArray[np.int64]) -> None:
        """Lengthen or shorten the steps by what was accepted in this round."""
        gain = 1.0 / (1.0 + self.rounds / 8.0)
        chances = [int(chance) / (int(moves) * ONE) for chance, moves in since]
        self.lengths = [
            length * (1.0 + gain * (chance - self.wanted)) for length, chance in zip(self.lengths, chances, strict=True)
        ]
        last = [0, *stage_ends(self.most_rounds)][-2]
        if self.rounds > last:
            count = self.rounds - last
            mean = self.mean or self.lengths
            self.mean = [old + (new - old) / count for old, new in zip(mean, self.lengths, strict=True)]


def smooth(slots: Slots) -> list[SmoothSlot]:
    """The slots, which are all of continuous weights."""
    return [slot for slot in slots.values() if isinstance(slot, SmoothSlot)]
