"""How slots and walkers get about: autocorrelation, diffusion in energy, round trips."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.analysis.autocorrelation import time_of_binned
from parallel_landscape.analysis.counting import HIGH_END, LOW_END
from parallel_landscape.analysis.timeline import Timeline
from parallel_landscape.analysis.visits import Seen
from parallel_landscape.store.frozen_tables import Frozen

Table = dict[str, Any]


def _times(count: NDArray[np.int64], level: NDArray[np.int64], squares: NDArray[np.int64]) -> NDArray[np.float64]:
    """Autocorrelation time of each row in records."""
    total = np.maximum(count.sum(axis=1), 1)
    mean = level.sum(axis=1) / total
    return time_of_binned(count, level, squares / total - mean**2)


def slot_table(seen: Seen, frozen: Frozen, timeline: Timeline) -> Table:
    """The group `slots`."""
    records = _times(seen.slot_count, seen.slot_level, seen.slot_squares)
    samples = seen.slot_count.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        diffusion = frozen.energy_step**2 * seen.moves[:, 1] / seen.moves[:, 0] / (2 * timeline.sweeps)
    return {
        "slot": frozen.slot,
        "repeat": frozen.repeat,
        "window": frozen.window,
        "energy_low": frozen.energies[frozen.low],
        "energy_high": frozen.energies[frozen.high],
        "samples": samples,
        "autocorrelation_time": records * timeline.sweeps,
        "effective_samples": samples / (2 * records),
        "diffusion": diffusion,
    }


def window_columns(slots: Table, seen: Seen, frozen: Frozen, timeline: Timeline) -> Table:
    """What `analyze` adds to the group `windows`."""
    columns: dict[str, list[float]] = {"autocorrelation_time": [], "effective_samples": [], "diffusion": []}
    for window in range(int(frozen.window.max()) + 1):
        mine = frozen.window == window
        times, effective = slots["autocorrelation_time"][mine], slots["effective_samples"][mine]
        made, squared = seen.moves[mine].sum(axis=0)
        columns["autocorrelation_time"].append(float(np.nanmax(times)) if np.isfinite(times).any() else np.nan)
        columns["effective_samples"].append(float(np.nansum(effective)))
        columns["diffusion"].append(frozen.energy_step**2 * squared / made / (2 * timeline.sweeps) if made else np.nan)
    return columns


def walker_table(seen: Seen, timeline: Timeline) -> Table:
    """The group `walkers`: those that were recorded."""
    samples = seen.walker_count.sum(axis=1)
    there = samples > 0
    records = _times(seen.walker_count, seen.walker_level, seen.walker_squares)
    return {
        "walker": np.flatnonzero(there),
        "samples": samples[there],
        "autocorrelation_time": (records * timeline.sweeps)[there],
        "round_trips": _round_trips(seen.walker_ends)[there],
        "windows_visited": seen.walker_windows.sum(axis=1)[there],
    }


def _round_trips(ends: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Half the number of changes of the end that was visited last, along each row; both ends in one bin count as one change."""
    walkers = len(ends)
    if np.all((ends == 0) | (ends == LOW_END | HIGH_END)):  # a single window has no ends to travel between
        return np.zeros(walkers, np.int64)
    last, changes = np.zeros(walkers, np.uint8), np.zeros(walkers, np.int64)
    for column in ends.T:
        both = column == LOW_END | HIGH_END
        new = np.where(both, (LOW_END | HIGH_END) - last, column)  # the other end than last time
        new = np.where(both & (last == 0), LOW_END, new)
        changes += (new != 0) & (last != 0) & (new != last)
        last = np.where(new != 0, new, last).astype(np.uint8)
    return changes // 2


def typical_time(slots: Table) -> float:
    """The median autocorrelation time of the slots in sweeps; slower modes show in the growth of errors with longer blocks."""
    times = slots["autocorrelation_time"]
    return float(np.nanmedian(times)) if np.isfinite(times).any() else 0.0
