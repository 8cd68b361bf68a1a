"""Figures of overlaps between configurations: P(q) within ranges of energy."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from parallel_landscape.analysis.plots.style import curve, legend, new_axes, ramp, say, values

MOST = 6


def plot_overlap(overlap: xr.Dataset, ax: Axes | None = None, *, within: bool = False) -> Axes:
    """P(q) of pairs of different walkers, a curve for each range of energies (six at most, spread), with one standard error.

    overlap: group `overlap` of result.nc, dimensions (range, q). within: pairs of records of one walker instead, which tell
    how far it wanders; they carry no error.
    """
    ax = new_axes(ax)
    name, count = ("probability_within", "pairs_within") if within else ("probability", "pairs")
    there = np.array([], dtype=int)
    if name in overlap:
        there = np.flatnonzero((values(overlap, count) > 0) & np.isfinite(overlap[name].values).any(axis=1))
    if not len(there):
        return say(ax, "no pairs of recorded configurations")
    chosen = there[np.unique(np.linspace(0, len(there) - 1, min(MOST, len(there))).round().astype(int))]
    q = values(overlap.drop_dims("range"), "q")
    for number, color in zip(chosen, ramp(len(chosen)), strict=True):
        low, high = int(overlap["energy_low"][number]), int(overlap["energy_high"][number])
        probability = np.asarray(overlap[name].values[number], dtype=float)
        error = np.asarray(overlap["probability_error"].values[number], dtype=float) if not within else None
        text = f"E = {low}" if low == high else f"E = {low} … {high}"
        curve(ax, q, probability, error, color=color, label=text)
    ax.set_xlabel("overlap q")
    ax.set_ylabel("P(q), same walker" if within else "P(q)")
    ax.set_ylim(bottom=0.0)
    legend(ax)
    return ax
