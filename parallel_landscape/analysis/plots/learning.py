"""Figures of learning: how ln f, flatness and coverage of each window went in the course of a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from parallel_landscape.analysis.plots.style import INK, MUTED, legend, log_y, new_axes, ramp, say

UNITS = (("days", 172_800.0), ("h", 7200.0), ("min", 120.0))  # a unit, and from how many seconds on it is used
_LENGTH = {"days": 86_400.0, "h": 3600.0, "min": 60.0, "s": 1.0}


def plot_ln_f(progress: xr.Dataset, ax: Axes | None = None) -> Axes:
    """ln f of each window against the time of the run; a dashed line where learning ends.

    progress: dimensions (report, window) with `seconds` (report) and `ln_f`; attribute `ln_f_final` when known.
    """
    ax = _against_time(progress, "ln_f", "ln f", ax)
    final = progress.attrs.get("ln_f_final")
    if progress.sizes["report"]:
        log_y(ax, np.append(progress["ln_f"].values, final or np.nan))
        if final:
            ax.axhline(float(final), color=INK, linewidth=0.9, linestyle=(0, (4, 3)), label="asked for")
            _legend(ax)
    return ax


def plot_flatness(progress: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Flatness (rarest level over the mean, in the present stage) of each window against the time of the run.

    progress: dimensions (report, window) with `seconds` (report) and `flatness`.
    """
    ax = _against_time(progress, "flatness", "flatness: rarest level / mean", ax)
    if progress.sizes["report"]:
        ax.set_ylim(0.0, 1.05)
    return ax


def plot_coverage(progress: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Fraction of the known levels of each window that every repeat has visited while learning, against the time of the run.

    progress: dimensions (report, window) with `seconds` (report) and `coverage`.
    """
    ax = _against_time(progress, "coverage", "levels visited / known", ax)
    if progress.sizes["report"]:
        ax.set_ylim(0.0, 1.05)
    return ax


def _against_time(progress: xr.Dataset, name: str, axis: str, ax: Axes | None) -> Axes:
    ax = new_axes(ax)
    if not progress.sizes["report"]:
        return say(ax, "no reports: the run was over before the first one")
    windows = progress.sizes["window"]
    seconds = progress["seconds"].values
    unit = next((unit for unit, least in UNITS if seconds[-1] >= least), "s")
    marker = "o" if len(seconds) <= 40 else ""
    for window, color in enumerate(ramp(windows)):
        text = f"window {window}" if windows <= 8 or window in (0, windows - 1) else "_nolegend_"
        line: dict[str, Any] = {"color": color, "linewidth": 1.3, "marker": marker, "markersize": 2.6, "label": text}
        ax.plot(seconds / _LENGTH[unit], progress[name].values[:, window], **line)
    ax.set_xlabel(f"time of the run ({unit})")
    ax.set_ylabel(axis)
    ax.set_xlim(left=0.0)
    began = progress.attrs.get("production_seconds")
    if began is not None and np.isfinite(began) and began > seconds[0]:
        ax.axvline(began / _LENGTH[unit], color=MUTED, linewidth=0.8, linestyle=":", label="production begins")
    _legend(ax)
    return ax


def _legend(ax: Axes) -> None:
    """Above the axes, where it hides no curve."""
    legend(ax, loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=3, columnspacing=1.2, borderpad=0.2)
