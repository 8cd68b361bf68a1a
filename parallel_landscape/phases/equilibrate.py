"""Fixed temperatures: a pilot that places them, and rounds that are thrown away before production.

At temperature k the frozen table is beta_k E over all levels, so that the weight exp(-table) is the canonical one, and the rule
by which windows exchange walkers, P = min(1, exp((beta_i - beta_j)(E_i - E_j))), is that of replica exchange (K. Hukushima,
K. Nemoto, J. Phys. Soc. Jpn. 65, 1604 (1996)). Even and odd pairs alternate, which makes the flow of walkers along the ladder
directed (Okabe et al. 2001; Syed et al. 2022).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.errors import RunError
from parallel_landscape.exchange.comm import Comm
from parallel_landscape.exchange.layout import Layout
from parallel_landscape.exchange.swap import exchange
from parallel_landscape.exchange.windows import Window
from parallel_landscape.job.tempering import equal_rejection, rejections
from parallel_landscape.rng import Purpose
from parallel_landscape.sampler import Sampler
from parallel_landscape.walker import FRESH, Slot

BLOCKS = 32  # spans of production of which the mean energy is kept apart: where its error comes from
FIRST_STAGE = 8  # rounds of the pilot on the first ladder; each further stage is twice as long


@dataclass
class Equilibration:
    """Rounds at inverse temperatures `betas` (descending: window k of the layout is temperature k), until round `most_rounds`.

    levels: all energies. steps: proposals of each walker in a round. rounds: those of the pilot are counted, too.
    blocks: (BLOCKS, width) for each local slot: proposals, and sum of the energies after them, in each span of production.
    """

    width: ClassVar[int] = 2
    betas: list[float]
    layout: Layout
    levels: range
    steps: int
    most_rounds: int
    exchanges: bool = True
    rounds: int = 0
    blocks: dict[int, NDArray[np.int64]] = field(default_factory=dict)

    @property
    def windows(self) -> list[Window]:
        """All levels at every temperature."""
        return [(0, len(self.levels) - 1)] * len(self.betas)

    def window_of(self, slot: Slot) -> Window:
        """First and last level."""
        return 0, len(self.levels) - 1

    def begin(self, slots: dict[int, Slot]) -> None:
        """Give every slot the table of its temperature, and count anew."""
        energies = np.arange(self.levels.start, self.levels.stop, self.levels.step)
        for slot in slots.values():
            slot.reached = True
            slot.ln_g[:] = table_of(self.betas[self.layout.place(slot.number).window], energies)
            for counts in (slot.histogram, slot.visits, slot.counted, slot.occasions):
                counts[:] = 0
            self._count_anew(slot)

    def _count_anew(self, slot: Slot) -> None:
        slot.steps = slot.accepted = slot.meetings = slot.swaps = 0
        self.blocks[slot.number] = np.zeros((BLOCKS, self.width), np.int64)

    def described(self) -> dict[str, Any]:
        """The temperatures, for frozen.h5."""
        return {"betas": self.betas}

    def production_begins(self, slots: dict[int, Slot]) -> None:
        """Forget all counts of equilibration. Raises RunError when a walker that is to be at energy 0 is not."""
        for slot in slots.values():
            if math.isinf(slot.ln_g[slot.walker.level]):
                raise RunError(
                    f"after {self.rounds} rounds the walker of slot {slot.number} is still at energy "
                    f"{self.levels[slot.walker.level]}, and beta = inf allows 0 alone: give more equilibration_rounds, "
                    "[landscape] descent = 10000 where there is that key, or a problem that has solutions"
                )
            slot.visits[:] = 0
            slot.walker.origin, slot.walker.trips = FRESH, 0
            self._count_anew(slot)

    def about(self) -> dict[str, Any]:
        """What all ranks know alike, as plain values for a checkpoint."""
        return {"rounds": self.rounds, "betas": self.betas}

    def arrays(self, slot: Slot) -> dict[str, NDArray[Any]]:
        """What a checkpoint keeps of a slot in this phase."""
        return {**slot.arrays(), "blocks": self.blocks[slot.number]}

    def restore_slot(self, slot: Slot, arrays: dict[str, NDArray[Any]]) -> None:
        """Put back a slot and its blocks."""
        slot.restore(arrays)
        self.blocks[slot.number] = np.array(arrays["blocks"], np.int64)

    def unfinished(self, slots: dict[int, Slot]) -> bool:
        """Whether there is to be another round; the same on all ranks."""
        return self.rounds < self.most_rounds

    def step(self, sampler: Sampler, slots: dict[int, Slot], comm: Comm) -> None:
        """One round: walk, then change places."""
        for slot in slots.values():
            sampler.advance(slot, Purpose.LEARN, 0.0, self.steps)
        if self.exchanges:
            exchange(slots, lambda slot: True, lambda slot, level: False, self.layout, comm, sampler.seed, self.rounds)
        self.rounds += 1

    def note_round(self, slot: Slot, number: int, most: int) -> None:
        """Add a round of production to its block."""
        new = slot.histogram - slot.counted
        total = int(new.sum())
        steps = int(np.dot(new, np.arange(len(new))))
        self.blocks[slot.number][number * BLOCKS // most] += total, total * self.levels.start + steps * self.levels.step
        slot.counted[:] = slot.histogram


def table_of(beta: float, energies: NDArray[Any]) -> NDArray[np.float64]:
    """beta E, also where beta is infinite and E is 0."""
    return np.where(energies == 0, 0.0, beta * np.where(energies == 0, 1, energies))


@dataclass
class Pilot(Equilibration):
    """Equilibration whose betas are moved, at the end of each stage, to where all exchanges are rejected alike."""

    def step(self, sampler: Sampler, slots: dict[int, Slot], comm: Comm) -> None:
        """One round; the last one of a stage moves the temperatures."""
        super().step(sampler, slots, comm)
        if self.rounds in stage_ends(self.most_rounds):
            self.betas = equal_rejection(self.betas, rejections(*pair_counts(self.layout, slots, comm)))
            self.begin(slots)


def stage_ends(rounds: int) -> list[int]:
    """After how many rounds each stage of a pilot ends: each is twice as long as the one before, the last one longer still."""
    ends = [FIRST_STAGE]
    while True:
        end = ends[-1] + FIRST_STAGE * 2 ** len(ends)
        if end + FIRST_STAGE * 2 ** (len(ends) + 1) > rounds:
            return [*ends, rounds]
        ends.append(end)


def pair_counts(layout: Layout, slots: dict[int, Slot], comm: Comm) -> tuple[list[int], list[int]]:
    """Swaps and meetings of each window with the next one, over all ranks."""
    mine = np.zeros((layout.windows, 2), np.int64)
    for slot in slots.values():
        mine[layout.place(slot.number).window] += slot.swaps, slot.meetings
    return pairs_from_windows(comm.add(mine))


def pairs_from_windows(counts: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """(swaps, meetings) of each pair from those of the windows (windows, 2), which count a pair on both of its sides."""
    pairs = [counts[0]]
    for window in counts[1:-1]:
        pairs.append(window - pairs[-1])
    swaps, meetings = np.array(pairs[: len(counts) - 1]).reshape(-1, 2).T.tolist()
    return swaps, meetings
