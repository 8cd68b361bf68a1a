"""Who sits where: slots, numbered over (repeat, window, k), lie in contiguous blocks on ranks.

Everything random belongs to a slot's global number, so the layout decides only who does the work.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where a slot is: independent repeat, energy window, and k-th walker of that window."""

    slot: int
    repeat: int
    window: int
    walker: int


@dataclass(frozen=True)
class Layout:
    """`repeats` x `windows` x `walkers` slots on `ranks` ranks, dealt out in packs of `pack` as long as every rank gets one."""

    repeats: int
    windows: int
    walkers: int
    ranks: int = 1
    pack: int = 1

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

    def slots_of(self, rank: int) -> range:
        """The slots that a rank holds."""
        units = -(-self.slots // self.unit)
        first, end = (self.unit * (one * units // self.ranks) for one in (rank, rank + 1))
        return range(first, min(end, self.slots))

    def rank_of(self, slot: int) -> int:
        """The rank that holds a slot."""
        units = -(-self.slots // self.unit)
        return ((slot // self.unit + 1) * self.ranks - 1) // units

    def group_of(self, slot: int) -> range:
        """The slots of the same repeat and window."""
        first = slot - slot % self.walkers
        return range(first, first + self.walkers)

    def pairs(self, round_number: int) -> list[tuple[int, int]]:
        """Slots that meet in this round: even windows with the next one in even rounds, odd ones in odd rounds.

        Alternating the parity makes the flow of walkers through the windows directed instead of diffusive (Okabe et al. 2001;
        Syed et al., JRSS B 84, 321 (2022)). The k-th walker meets another one each time.
        """
        shift = (round_number // 2) % self.walkers
        return [
            (self.slot(repeat, window, k), self.slot(repeat, window + 1, (k + shift) % self.walkers))
            for repeat in range(self.repeats)
            for window in range(round_number % 2, self.windows - 1, 2)
            for k in range(self.walkers)
        ]
