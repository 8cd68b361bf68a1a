"""The compiled loop over records: visits, sums and flags, one record after the other."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from numpy.typing import NDArray

from parallel_landscape.specialise import Kernel, compile_function

LOW_END, HIGH_END = 1, 2  # flags of the lowest and the highest window


class Places(NamedTuple):
    """What the loop knows of the slots: (slots,) each; `allowed` tells of every entry of the ragged tables, from `base`,
    whether it has a weight."""

    repeat: NDArray[Any]
    window: NDArray[Any]
    low: NDArray[Any]
    high: NDArray[Any]
    base: NDArray[Any]
    ends: NDArray[Any]
    allowed: NDArray[Any]


class Scale(NamedTuple):
    """Energies and times as small integers; bins and blocks are counted from the first one of the segment."""

    energy_start: int
    energy_step: int
    levels: int
    sweeps: int
    shift: int
    block_shift: int
    first_bin: int
    first_block: int


class Tally(NamedTuple):
    """What is added up. Rows are repeat * levels + level.

    visits (rows, blocks); seen (rows,); sums (observables, rows, blocks). Of the deviations from the value met first, `first`
    (observables, rows): their number, their sum `apart` and the sum of their squares. slot_count, slot_level (slots, bins);
    walker_count, walker_level, walker_ends (walkers, bins); walker_squares (walkers,) and slot_squares (slots,): sums of
    squared levels; walker_windows (walkers, windows); last (slots, 3): look, level and walker before; moves (slots, 2):
    steps between looks, and their squared change of level.
    """

    visits: NDArray[Any]
    seen: NDArray[Any]
    sums: NDArray[Any]
    first: NDArray[Any]
    number: NDArray[Any]
    apart: NDArray[Any]
    squares: NDArray[Any]
    slot_count: NDArray[Any]
    slot_level: NDArray[Any]
    walker_count: NDArray[Any]
    walker_level: NDArray[Any]
    walker_ends: NDArray[Any]
    walker_squares: NDArray[Any]
    slot_squares: NDArray[Any]
    walker_windows: NDArray[Any]
    last: NDArray[Any]
    moves: NDArray[Any]


@functools.cache
def counter() -> Kernel:
    """The compiled `count`."""
    return compile_function(count)


@functools.cache
def adder() -> Kernel:
    """The compiled `add`."""
    return compile_function(add)


def add(values: NDArray[Any], rows: NDArray[Any], blocks: NDArray[Any], kind: int, tally: Tally) -> None:
    """Add the values (records,) of an observable where `count` has put the records."""
    for record in range(len(values)):
        row = rows[record]
        if row < 0:
            continue
        value = values[record]
        if tally.number[kind, row] == 0:
            tally.first[kind, row] = value
        apart = value - tally.first[kind, row]
        tally.number[kind, row] += 1
        tally.apart[kind, row] += apart
        tally.squares[kind, row] += apart * apart
        tally.sums[kind, row, blocks[record]] += value


def count(
    slots: NDArray[Any],
    sweeps: NDArray[Any],
    energies: NDArray[Any],
    walkers: NDArray[Any],
    rows: NDArray[Any],
    blocks: NDArray[Any],
    places: Places,
    scale: Scale,
    tally: Tally,
) -> int:
    """Add (records,) to the tally, and write the row and the block of each; row -1 for those that fit nowhere. Returns their
    number."""
    strange = 0
    for record in range(len(slots)):
        slot, walker = slots[record], walkers[record]
        look = sweeps[record] // scale.sweeps - 1
        level = (energies[record] - scale.energy_start) // scale.energy_step
        bin_ = (look >> scale.shift) - scale.first_bin
        if not (0 <= slot < len(places.low) and 0 <= walker < len(places.low) and 0 <= bin_ < tally.slot_count.shape[1]):
            strange, rows[record] = strange + 1, -1
            continue
        in_table = places.base[slot] + level - places.low[slot]
        if level < places.low[slot] or level > places.high[slot] or not places.allowed[in_table]:
            strange, rows[record] = strange + 1, -1
            continue
        block = (look >> (scale.shift + scale.block_shift)) - scale.first_block
        row = places.repeat[slot] * scale.levels + level
        tally.visits[row, block] += 1
        tally.seen[row] += 1
        rows[record], blocks[record] = row, block
        tally.slot_count[slot, bin_] += 1
        tally.slot_level[slot, bin_] += level
        tally.walker_count[walker, bin_] += 1
        tally.walker_level[walker, bin_] += level
        tally.walker_ends[walker, bin_] |= places.ends[slot]
        tally.walker_squares[walker] += level * level
        tally.slot_squares[slot] += level * level
        tally.walker_windows[walker, places.window[slot]] = 1
        if tally.last[slot, 0] == look - 1 and tally.last[slot, 2] == walker:
            change = level - tally.last[slot, 1]
            tally.moves[slot, 0] += 1
            tally.moves[slot, 1] += change * change
        tally.last[slot, 0], tally.last[slot, 1], tally.last[slot, 2] = look, level, walker
    return strange
