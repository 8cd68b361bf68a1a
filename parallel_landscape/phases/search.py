"""The first phase: which energies there are, and how hard they are to cross.

Every slot walks over the whole range under a rough Wang-Landau weight (ln f = 1/4 and more), which drives it to the ends.
The search is over when nothing new has been found for as long again as it took to find the last level. It is counted in
sweeps, and what it learns besides the range and the diffusivity is thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.exchange.comm import Comm
from parallel_landscape.rng import Purpose
from parallel_landscape.sampler import Sampler
from parallel_landscape.walker import Slot

CHUNKS = 100  # looks at the level in one round
SHORTEST = 20  # rounds
ROUGHEST, FINEST = 1.0, 0.25


@dataclass
class Search:
    """What has been found so far; the arrays are sums over all slots, (levels,) int64.

    reach: the largest number of levels that a single move could cross.
    """

    levels: int
    chunk: int
    most_rounds: int
    ln_f: dict[int, float] = field(default_factory=dict)
    seen: NDArray[np.int64] = field(init=False)
    looks: NDArray[np.int64] = field(init=False)
    squares: NDArray[np.int64] = field(init=False)
    rounds: int = 0
    last_found: int = 0
    reach: int = 0

    def __post_init__(self) -> None:
        self.seen, self.looks, self.squares = (np.zeros(self.levels, np.int64) for _ in range(3))

    @property
    def finished(self) -> bool:
        """Whether nothing new has come for as long again as it took to find the last level."""
        return self.rounds >= self.most_rounds or self.rounds >= max(SHORTEST, 2 * self.last_found)

    @property
    def range(self) -> tuple[int, int]:
        """Lowest and highest level seen."""
        found = np.flatnonzero(self.seen)
        return int(found[0]), int(found[-1])

    def about(self) -> dict[str, Any]:
        """What all ranks know alike, as plain values for a checkpoint."""
        arrays = {name: getattr(self, name).tolist() for name in ("seen", "looks", "squares")}
        return {**arrays, "rounds": self.rounds, "last_found": self.last_found, "reach": self.reach}

    def restore(self, about: dict[str, Any]) -> None:
        """Become the search that `about` was taken from."""
        for name in ("seen", "looks", "squares"):
            getattr(self, name)[:] = about[name]
        self.rounds, self.last_found, self.reach = about["rounds"], about["last_found"], about.get("reach", 0)

    def arrays(self, slot: Slot) -> dict[str, NDArray[Any]]:
        """What a checkpoint keeps of a slot in this phase."""
        return {**slot.arrays(), "ln_f": np.array([self.ln_f.get(slot.number, ROUGHEST)])}

    def restore_slot(self, slot: Slot, arrays: dict[str, NDArray[Any]]) -> None:
        """Put back a slot and its ln f."""
        slot.restore(arrays)
        self.ln_f[slot.number] = float(arrays["ln_f"][0])

    def unfinished(self, slots: dict[int, Slot]) -> bool:
        """Whether there is to be another round; the same on all ranks."""
        return not self.finished

    def step(self, sampler: Sampler, slots: dict[int, Slot], comm: Comm) -> None:
        """One round: every slot walks CHUNKS chunks, then all put together what they saw."""
        news = np.zeros((3, self.levels), np.int64)
        reach = 0
        for slot in slots.values():
            self._walk(sampler, slot, news)
            reach = max(reach, sampler.reach(slot.walker))
        self.reach = max(self.reach, -int(comm.lowest(np.array([-reach]))[0]))
        before = np.count_nonzero(self.seen)
        found = comm.add(news)
        self.seen += found[0]
        self.looks += found[1]
        self.squares += found[2]
        self.rounds += 1
        if np.count_nonzero(self.seen) > before:
            self.last_found = self.rounds

    def _walk(self, sampler: Sampler, slot: Slot, news: NDArray[np.int64]) -> None:
        ln_f = self.ln_f.setdefault(slot.number, ROUGHEST)
        news[0, slot.walker.level] += 1
        for _ in range(CHUNKS):
            before = slot.walker.level
            sampler.advance(slot, Purpose.SEARCH, ln_f, self.chunk)
            news[1, before] += 1
            news[2, before] += (slot.walker.level - before) ** 2
        slot.visits += slot.histogram
        news[0] += slot.histogram > 0
        if np.all(slot.histogram[slot.visits > 0] > 0):
            self.ln_f[slot.number] = max(FINEST, ln_f / 2)
        slot.histogram[:] = 0

    def crossing_cost(self) -> NDArray[np.float64]:
        """D**-1/2 for each level of the range found, D the mean square displacement in one chunk, smoothed over neighbours."""
        first, last = self.range
        looks, squares = self.looks[first : last + 1].astype(float), self.squares[first : last + 1].astype(float)
        width = max(3, len(looks) // 10) | 1
        box = np.ones(width)
        smooth_looks, smooth_squares = np.convolve(looks, box, "same"), np.convolve(squares, box, "same")
        overall = max(squares.sum() / max(looks.sum(), 1.0), 1e-6)
        diffusivity = np.where(smooth_looks > 0, smooth_squares / np.maximum(smooth_looks, 1.0), overall)
        return np.maximum(diffusivity, 1e-3 * overall) ** -0.5
