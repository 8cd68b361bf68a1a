"""Who sits where: slots, numbered over (repeat, window, k), are dealt out to ranks, all first walkers before the second ones.

So the walkers of a hard window lie on different ranks, and neighbouring windows on one. Everything random belongs to a slot's
global number, so the layout decides only who does the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Place:
    """Where a slot is: independent repeat, energy window, and k-th walker of that window."""

    slot: int
    repeat: int
    window: int
    walker: int


@dataclass(frozen=True)
class Layout:
    """`repeats` x `windows` x `walkers` slots on `ranks` ranks, dealt out in packs of `pack` as long as every rank gets one.

    Windows lie in rows of `across`, numbered row by row.
    """

    repeats: int
    windows: int
    walkers: int
    ranks: int = 1
    pack: int = 1
    across: int = 1

    @property
    def slots(self) -> int:
        """Number of slots in all."""
        return self.repeats * self.windows * self.walkers

    @property
    def unit(self) -> int:
        """Slots that lie on one rank together."""
        return self.pack if self.ranks <= -(-self.slots // self.pack) else 1

    def place(self, slot: int) -> Place:
        """Repeat, window and walker number of a slot."""
        rest, walker = divmod(slot, self.walkers)
        repeat, window = divmod(rest, self.windows)
        return Place(slot, repeat, window, walker)

    def slot(self, repeat: int, window: int, walker: int) -> int:
        """Global number of a slot."""
        return (repeat * self.windows + window) * self.walkers + walker

    @cached_property
    def _dealt(self) -> list[range]:
        """What lies on one rank together, in the order in which it is dealt out."""
        units = [range(first, min(first + self.unit, self.slots)) for first in range(0, self.slots, self.unit)]
        return sorted(units, key=lambda slots: slots[0] % self.walkers)

    @cached_property
    def _ranks(self) -> dict[int, int]:
        units = len(self._dealt)
        return {slot: ((place + 1) * self.ranks - 1) // units for place, slots in enumerate(self._dealt) for slot in slots}

    def slots_of(self, rank: int) -> list[int]:
        """The slots that a rank holds, ascending."""
        first, end = (one * len(self._dealt) // self.ranks for one in (rank, rank + 1))
        return sorted(slot for slots in self._dealt[first:end] for slot in slots)

    def rank_of(self, slot: int) -> int:
        """The rank that holds a slot."""
        return self._ranks[slot]

    def group_of(self, slot: int) -> range:
        """The slots of the same repeat and window."""
        first = slot - slot % self.walkers
        return range(first, first + self.walkers)

    @cached_property
    def turns(self) -> list[list[tuple[int, int]]]:
        """Windows that meet, one list a round, in turn: even rows with the next one, odd ones, then the same along rows."""
        rows, across = self.windows // self.across, self.across
        number = [range(row * across, (row + 1) * across) for row in range(rows)]
        turns = []
        if rows > 1 or across == 1:
            for parity in range(2):
                starts = range(parity, rows - 1, 2)
                turns.append([pair for row in starts for pair in zip(number[row], number[row + 1], strict=True)])
        if across > 1:
            for parity in range(2):
                turns.append([(row[k], row[k + 1]) for row in number for k in range(parity, across - 1, 2)])
        return turns

    @property
    def neighbours(self) -> list[tuple[int, int]]:
        """All windows that ever meet, in ascending order."""
        return sorted(pair for turn in self.turns for pair in turn)

    def pairs(self, round_number: int) -> list[tuple[int, int]]:
        """Slots that meet in this round: even windows with the next one in even rounds, odd ones in odd rounds.

        Alternating the parity makes the flow of walkers through the windows directed instead of diffusive (Okabe et al. 2001;
        Syed et al., JRSS B 84, 321 (2022)). Where windows lie in rows of several, both directions take turns. The k-th walker
        meets another one each time.
        """
        cycle, turn = divmod(round_number, len(self.turns))
        shift = cycle % self.walkers
        return [
            (self.slot(repeat, window, k), self.slot(repeat, other, (k + shift) % self.walkers))
            for repeat in range(self.repeats)
            for window, other in self.turns[turn]
            for k in range(self.walkers)
        ]
