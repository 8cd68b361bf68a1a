"""The table of windows of a run that learns ln g: how each stands, and how it gets on with its neighbours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.analysis.join import Joined
from parallel_landscape.flat_sampler import FlatSampler
from parallel_landscape.outcomes.reports import SlotReport
from parallel_landscape.phases.learn import Learning
from parallel_landscape.sampler import Sampler


def by_window(learning: Learning, reports: dict[int, SlotReport]) -> dict[int, list[SlotReport]]:
    """The reports of each window's slots, repeat by repeat."""
    table: dict[int, list[SlotReport]] = {window: [] for window in range(len(learning.windows))}
    for number, report in reports.items():
        table[learning.layout.place(number).window].append(report)
    return table


def window_table(
    sampler: Sampler | FlatSampler,
    learning: Learning,
    reports: dict[int, SlotReport],
    joins: list[Joined] | None = None,
    known: NDArray[np.bool_] | None = None,
) -> dict[str, Any]:
    """The per-window table of `store.schema.WINDOWS`; what is not known yet is left out."""
    levels = sampler.landscape.levels
    columns: dict[str, list[Any]] = {}
    for window, group in by_window(learning, reports).items():
        cells = learning.cells[window]
        visits = np.sum([report.visits for report in group], axis=0)
        seen = visits > 0 if known is None else known
        walkers = learning.layout.walkers
        per_repeat = [
            np.sum([r.visits for r in group[first : first + walkers]], axis=0) > 0 for first in range(0, len(group), walkers)
        ]
        steps = sum(report.steps for report in group)
        meetings, swaps = _meetings(learning, reports, window)
        row = {
            **learning.bounds(levels, window),
            "walkers": len(group),
            "reached": sum(report.reached for report in group),
            "finished": all(report.learner.finished for report in group),
            "ln_f": max(report.learner.ln_f for report in group),
            "stage": min(report.learner.stage for report in group),
            "flatness": min(report.learner.flatness for report in group),
            "restarts": sum(report.learner.restarts for report in group),
            "levels_known": int(seen[cells].sum()),
            "levels_visited": int(np.logical_and.reduce(per_repeat)[cells].sum()),
            "steps": steps,
            "acceptance": sum(report.accepted for report in group) / steps if steps else math.nan,
            "exchange_acceptance": swaps / meetings if meetings else math.nan,
            "round_trips": sum(report.trips for report in group),
        }
        if joins:
            following = [number for number, pair in enumerate(learning.layout.neighbours) if pair[0] == window]
            for name in ("gap_rms", "gap_largest"):
                gaps = [float(getattr(joined, name)[pair]) for joined in joins for pair in following]
                row[name] = max(gaps, default=math.nan)
        for key, value in row.items():
            columns.setdefault(key, []).append(value)
    return columns


def _meetings(learning: Learning, reports: dict[int, SlotReport], window: int) -> tuple[int, int]:
    """Meetings and swaps of a window: with the next one, or with all its neighbours where windows lie in rows.

    A slot counts those on both sides, the first and last window of a chain have only one.
    """
    counts = {
        w: (sum(r.meetings for r in group), sum(r.swaps for r in group)) for w, group in by_window(learning, reports).items()
    }
    if learning.layout.across > 1:
        return counts[window]
    meetings = swaps = 0
    for below in range(window + 1):
        meetings, swaps = counts[below][0] - meetings, counts[below][1] - swaps
    return (meetings, swaps) if window < len(counts) - 1 else (0, 0)
