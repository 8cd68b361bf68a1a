"""The survey of all records: visits of levels in time, averages of observables, and where slots and walkers have been."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.analysis.counting import HIGH_END, LOW_END, Places, Scale, Tally, adder, counter
from parallel_landscape.analysis.segment_reader import Reader
from parallel_landscape.analysis.survey import Partial
from parallel_landscape.analysis.timeline import BINS, BLOCKS, Timeline
from parallel_landscape.store.frozen_tables import Frozen

COLUMNS = ("slot", "sweep", "energy", "walker")


@dataclass(frozen=True)
class Visits:
    """A `Survey`: what `Tally` adds up, without its zeros."""

    frozen: Frozen
    timeline: Timeline
    name: str = "visits"

    @property
    def request(self) -> dict[str, Any]:
        """What the partial results depend on."""
        return {**self.timeline.plain(), "frozen": self.frozen.digest, "observables": [x.name for x in self.frozen.observables]}

    @property
    def columns(self) -> tuple[str, ...]:
        """What places a record, and all observables."""
        return (*COLUMNS, *(observable.name for observable in self.frozen.observables))

    def map(self, reader: Reader) -> Partial:
        """Add up one segment."""
        ends = reader.first_and_last("sweep")
        if ends is None:
            reader.lost.append((0, reader.source.records, "sweep"))
            return {"strange": np.zeros(1, np.int64)}
        scale, tally = _begin(self.frozen, self.timeline, *ends)
        places, strange = _places(self.frozen), 0
        names = [observable.name for observable in self.frozen.observables]
        for _, block in reader.blocks(self.columns):
            rows, blocks = np.empty((2, len(block["slot"])), np.int64)
            strange += counter()(*(block[name] for name in COLUMNS), rows, blocks, places, scale, tally)
            for kind, name in enumerate(names):
                adder()(block[name], rows, blocks, kind, tally)
        return {"strange": np.array([strange]), **_sparse(tally, scale)}


def _places(frozen: Frozen) -> Places:
    ends = LOW_END * (frozen.window == frozen.window.min()) + HIGH_END * (frozen.window == frozen.window.max())
    allowed = np.isfinite(frozen.ln_weight)
    base = frozen.offset[frozen.table]
    return Places(frozen.repeat, frozen.window, frozen.low, frozen.high, base, ends.astype(np.uint8), allowed)


def _begin(frozen: Frozen, timeline: Timeline, first_sweep: int, last_sweep: int) -> tuple[Scale, Tally]:
    """Zeros for the time from the first to the last sweep."""
    first, last = ((sweep // timeline.sweeps - 1) >> timeline.shift for sweep in (first_sweep, last_sweep))
    scale = Scale(
        *(frozen.energy_start, frozen.energy_step, frozen.levels, timeline.sweeps, timeline.shift, timeline.block_shift),
        *(first, first >> timeline.block_shift),
    )
    bins, blocks = max(0, last - first + 1), (last >> timeline.block_shift) - scale.first_block + 1
    rows, kinds, slots = (int(frozen.repeat.max()) + 1) * frozen.levels, len(frozen.observables), frozen.slots
    count, real = np.int64, np.float64
    tally = Tally(
        *(np.zeros((rows, blocks), count), np.zeros(rows, count), np.zeros((kinds, rows, blocks), real)),
        *(np.zeros((kinds, rows), real), np.zeros((kinds, rows), count)),
        *(np.zeros((kinds, rows), real), np.zeros((kinds, rows), real)),
        *(np.zeros((slots, bins), count), np.zeros((slots, bins), count)),
        *(np.zeros((slots, bins), count), np.zeros((slots, bins), count), np.zeros((slots, bins), np.uint8)),
        *(np.zeros(slots, count), np.zeros(slots, count), np.zeros((slots, int(frozen.window.max()) + 1), np.uint8)),
        *(np.full((slots, 3), -2, count), np.zeros((slots, 2), count)),
    )
    return scale, tally


def _sparse(tally: Tally, scale: Scale) -> Partial:
    """Positions in the tables of the whole run, and what stands there."""
    row, block = np.nonzero(tally.visits)
    slot, slot_bin = np.nonzero(tally.slot_count)
    walker, walker_bin = np.nonzero(tally.walker_count)
    seen = np.flatnonzero(tally.seen)
    traveller, window = np.nonzero(tally.walker_windows)
    moved = np.flatnonzero(tally.moves[:, 0])
    return {
        "visits_at": row * BLOCKS + block + scale.first_block,
        "visits": tally.visits[row, block],
        "sums": tally.sums[:, row, block],
        "seen_at": seen,
        "seen": tally.seen[seen],
        "mean": tally.first[:, seen] + tally.apart[:, seen] / tally.seen[seen],
        "squares": np.maximum(tally.squares[:, seen] - tally.apart[:, seen] ** 2 / tally.seen[seen], 0.0),
        "slot_at": slot * BINS + slot_bin + scale.first_bin,
        "slot_count": tally.slot_count[slot, slot_bin],
        "slot_level": tally.slot_level[slot, slot_bin],
        "walker_at": walker * BINS + walker_bin + scale.first_bin,
        "walker_count": tally.walker_count[walker, walker_bin],
        "walker_level": tally.walker_level[walker, walker_bin],
        "walker_ends": tally.walker_ends[walker, walker_bin],
        "level_squares": np.stack([tally.walker_squares, tally.slot_squares]),
        "travel": np.stack([traveller, window]),
        "moves_at": moved,
        "moves": tally.moves[moved],
    }


@dataclass
class Seen:
    """All segments together. visits (repeats, levels, blocks); sums (observables, repeats, levels, blocks); mean, squares
    (observables, repeats, levels); the rest as in `Tally`; `strange`: records that fit nowhere."""

    visits: NDArray[np.int64]
    sums: NDArray[np.float64]
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]
    slot_count: NDArray[np.int64]
    slot_level: NDArray[np.int64]
    walker_count: NDArray[np.int64]
    walker_level: NDArray[np.int64]
    walker_ends: NDArray[np.uint8]
    walker_squares: NDArray[np.int64]
    slot_squares: NDArray[np.int64]
    walker_windows: NDArray[np.uint8]
    moves: NDArray[np.int64]
    strange: int = 0


def merge_visits(survey: Visits, parts: Iterable[Partial]) -> Seen:
    """Add up the partial results in their order."""
    frozen, timeline = survey.frozen, survey.timeline
    repeats, kinds, slots = int(frozen.repeat.max()) + 1, len(frozen.observables), frozen.slots
    rows, blocks, bins, count = repeats * frozen.levels, timeline.blocks, timeline.bins, np.int64
    visits, sums = np.zeros((rows, blocks), count), np.zeros((kinds, rows, blocks))
    seen, mean, squares = np.zeros(rows, count), np.zeros((kinds, rows)), np.zeros((kinds, rows))
    by_slot, by_walker = np.zeros((2, slots, bins), count), np.zeros((2, slots, bins), count)
    ends, windows = np.zeros((slots, bins), np.uint8), np.zeros((slots, int(frozen.window.max()) + 1), np.uint8)
    level_squares, moves, strange = np.zeros((2, slots), count), np.zeros((slots, 2), count), 0
    for part in parts:
        strange += int(part["strange"][0])
        if "visits" not in part:
            continue
        at = np.divmod(part["visits_at"], BLOCKS)
        visits[at] += part["visits"]
        sums[:, *at] += part["sums"]
        _merge_moments(seen, mean, squares, part)
        by_slot[:, *np.divmod(part["slot_at"], BINS)] += np.stack([part["slot_count"], part["slot_level"]])
        at = np.divmod(part["walker_at"], BINS)
        by_walker[:, *at] += np.stack([part["walker_count"], part["walker_level"]])
        ends[at] |= part["walker_ends"]
        level_squares += part["level_squares"]
        windows[tuple(part["travel"])] = 1
        moves[part["moves_at"]] += part["moves"]
    shape = (repeats, frozen.levels)
    return Seen(
        *(visits.reshape(*shape, blocks), sums.reshape(kinds, *shape, blocks)),
        *(mean.reshape(kinds, *shape), squares.reshape(kinds, *shape)),
        *(*by_slot, *by_walker, ends, *level_squares, windows, moves, strange),
    )


def _merge_moments(seen: NDArray[np.int64], mean: NDArray[np.float64], squares: NDArray[np.float64], part: Partial) -> None:
    """Chan, Golub and LeVeque, Am. Stat. 37, 242 (1983), eq. 2.1: mean and squared deviations of two samples together."""
    at, more = part["seen_at"], part["seen"]
    before = seen[at]
    both = before + more
    apart = part["mean"] - mean[:, at]
    mean[:, at] += apart * (more / both)
    squares[:, at] += part["squares"] + apart**2 * (before * more / both)
    seen[at] = both
