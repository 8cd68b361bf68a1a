"""From the slots at the end of a run with continuous weights to ln g of the bins of the energy, with its status."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from parallel_landscape.exchange.comm import Comm
from parallel_landscape.flat_sampler import FlatSampler
from parallel_landscape.outcomes.outcome import Outcome, join_reports
from parallel_landscape.outcomes.reports import SlotReport
from parallel_landscape.phases.learn_flat import FlatLearning, flat
from parallel_landscape.smooth import F
from parallel_landscape.walker import Slot

Motion = dict[int, F]  # of each slot: length of a step, moves, divergences, moves that ended outside


def collect_motion(slots: dict[int, Slot], comm: Comm) -> Motion | None:
    """How every slot has moved on rank 0, None elsewhere."""
    mine = {slot.number: [slot.length, slot.steps, slot.divergences, slot.outside] for slot in flat(slots)}
    rows = comm.gather({number: np.array(row, np.float64).view(np.uint8) for number, row in mine.items()})
    return None if rows is None else {number: row.view(np.float64) for number, row in rows.items()}


def with_motion(table: dict[str, Any], learning: FlatLearning, motion: Motion) -> dict[str, Any]:
    """The table of windows with the columns that say how walkers have moved."""
    columns: dict[str, list[Any]] = {"step_length": [], "divergences": [], "outside": []}
    for window in range(len(learning.windows)):
        rows = np.array([row for number, row in motion.items() if learning.layout.place(number).window == window])
        length, moves, divergences, outside = rows.T
        columns["step_length"].append(float(length.mean()))
        columns["divergences"].append(int(divergences.sum()))
        columns["outside"].append(float(outside.sum() / moves.sum()) if moves.sum() else math.nan)
    return {**table, **columns}


def conclude_flat(
    sampler: FlatSampler, learning: FlatLearning, reports: dict[int, SlotReport], motion: Motion, stopped: str
) -> Outcome:
    """The outcome of a run. `stopped` says why it ended early, or is empty.

    ln_g of a bin is ln of the mass that the prior has there: in all, 1, where it is absolute.
    """
    bins, landscape = sampler.landscape.bins, sampler.landscape
    curve = join_reports(sampler, learning, reports, np.zeros(bins.count, bool), stopped)
    kept = np.flatnonzero(curve.known if curve.known.any() else curve.inside)
    span = slice(int(kept[0]), int(kept[-1]) + 1)
    columns = {"energy": bins.centres, "ln_g": curve.ln_g, "ln_g_error": curve.error, "visited": curve.visited}
    columns |= {"known": curve.known, "histogram": curve.visits}
    attributes = {
        **curve.attributes,
        "bin_width": bins.width,
        "unbounded": str(bins.unbounded),
        "measure": _measure(landscape.sphere, landscape.prior),
        "weights": "continuous",
        "size": landscape.size,
        "convention": landscape.convention,
    }
    result = {name: column[span] for name, column in columns.items()}
    return Outcome(result, with_motion(curve.windows, learning, motion), attributes)


def _measure(sphere: float, prior: float) -> str:
    """In a word or two, what ln g counts."""
    if sphere:
        return f"uniform on the sphere |w|^2 = {sphere:g}"
    return f"Gaussian prior of precision {prior:g}" if prior else "volume of the weights"
