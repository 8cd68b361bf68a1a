"""Time of a production, cut into bins whose width is a power of two of records: so a longer run changes few of them.

All slots go through the same time, so a bin, or a jackknife block of adjacent bins, holds what all of them did at once: what
walkers carry from slot to slot stays within a block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BLOCKS = 64  # jackknife blocks at most
BINS = 1024  # time bins at most
ROOM = 2**21  # numbers in a table of all slots and bins


@dataclass(frozen=True)
class Timeline:
    """`records` looks at every slot, `sweeps` apart; bin = look >> `shift`, block = bin >> `block_shift`."""

    records: int
    sweeps: int
    shift: int
    block_shift: int

    @property
    def bins(self) -> int:
        """Number of bins."""
        return ((self.records - 1) >> self.shift) + 1 if self.records else 0

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return ((self.bins - 1) >> self.block_shift) + 1 if self.bins else 0

    @property
    def bin_records(self) -> int:
        """Records of one slot in a bin."""
        return 1 << self.shift

    @property
    def block_sweeps(self) -> int:
        """Sweeps in a block."""
        return self.sweeps << (self.shift + self.block_shift)

    def plain(self) -> dict[str, Any]:
        """What the partial results depend on."""
        return {"sweeps": self.sweeps, "shift": self.shift, "block_shift": self.block_shift}


def make_timeline(last_sweep: int, sweeps: int, slots: int) -> Timeline:
    """The timeline of a production that ends at `last_sweep`."""
    most = BLOCKS
    while most < BINS and 2 * most * slots <= ROOM:
        most *= 2
    records, shift = last_sweep // sweeps, 0
    while records and ((records - 1) >> shift) + 1 > most:
        shift += 1
    return Timeline(records, sweeps, shift, (most // BLOCKS).bit_length() - 1)
