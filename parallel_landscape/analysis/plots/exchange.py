"""Figures of the windows: how well neighbours agree, and how walkers travel between them."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from parallel_landscape.analysis.plots.style import ALARM, INK, PALETTE, legend, new_axes, ramp, say, values


def plot_joins(windows: xr.Dataset, ax: Axes | None = None, limit: float | None = None) -> Axes:
    """Disagreement in ln g of neighbouring windows where they overlap: rms and largest, at each join.

    windows: group `windows` of result.nc, dimension window. limit: the largest disagreement that is allowed.
    The axis is linear below 1e-3 and logarithmic above.
    """
    ax = new_axes(ax)
    rms, largest = values(windows, "gap_rms")[:-1], values(windows, "gap_largest")[:-1]
    if not np.isfinite(largest).any():
        return say(ax, "no joins: one window only" if windows.sizes["window"] == 1 else "the windows have not been joined yet")
    place = np.arange(len(largest))
    ax.vlines(place, 0.0, largest, color=PALETTE[0], linewidth=1.0, alpha=0.5)
    ax.plot(place, largest, "o", color=PALETTE[0], markersize=5, label="largest")
    ax.plot(place, rms, "D", color=PALETTE[4], markersize=4, label="rms")
    if limit is not None:
        ax.axhline(limit, color=ALARM, linewidth=1.0, linestyle=(0, (4, 3)), label=f"allowed: {limit:g}")
    ax.set_yscale("symlog", linthresh=1e-3)
    ax.set_ylim(0.0, 3.0 * np.nanmax([*largest, limit or 1e-3]))
    _joins(ax, place)
    ax.set_ylabel("disagreement in ln g")
    legend(ax, loc="upper center", ncols=3, bbox_to_anchor=(0.5, 1.14))
    return ax


def plot_exchange(windows: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Fraction of the meetings of two neighbouring windows at which the walkers changed places.

    windows: group `windows` of result.nc, dimension window.
    """
    ax = new_axes(ax)
    accepted = values(windows, "exchange_acceptance")[:-1]
    if not np.isfinite(accepted).any():
        return say(ax, "no exchange: walkers never met")
    place = np.arange(len(accepted))
    ax.bar(place, accepted, width=0.6, color=PALETTE[0])
    for where in place[np.isnan(accepted)]:
        ax.text(where, 0.01, "no\nmeetings", ha="center", va="bottom", color=ALARM, fontsize="x-small")
    ax.set_ylim(0.0, max(0.5, 1.15 * float(np.nanmax(accepted))))
    _joins(ax, place)
    ax.set_ylabel("exchanges accepted")
    return ax


def plot_round_trips(windows: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Round trips between the lowest and the highest window, by the window in which the walkers sat at the end.

    windows: group `windows` of result.nc, dimension window. Without round trips the windows are not known to be in touch.
    """
    ax = new_axes(ax)
    trips = values(windows, "round_trips")
    if len(trips) < 2 or not np.isfinite(trips).any():
        return say(ax, "one window only: nowhere to travel")
    ax.bar(np.arange(len(trips)), trips, width=0.6, color=ramp(len(trips)))
    ax.set_ylim(0.0, max(1.0, 1.1 * float(np.nanmax(trips))))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10))
    ax.set_xlabel("window")
    ax.set_ylabel("round trips")
    return ax


def plot_flow(flow: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Fraction of the recorded walkers in each window that were last in the highest window rather than in the lowest.

    flow: dimension window, `fraction` and `fraction_error`. A straight fall from 1 to 0 spreads round trips best; a step
    marks a bottleneck (S. Trebst, D. A. Huse, M. Troyer, PRE 70, 046701 (2004)).
    """
    ax = new_axes(ax)
    fraction, error = values(flow, "fraction"), values(flow, "fraction_error")
    if not np.isfinite(fraction).any():
        return say(ax, "no walker has been at an end of the range yet")
    place = np.arange(len(fraction))
    ax.plot([0, len(fraction) - 1], [0.0, 1.0], color=INK, linewidth=0.8, linestyle=(0, (4, 3)), label="even flow")
    ax.errorbar(place, fraction, error, fmt="o-", color=PALETTE[0], markersize=4, linewidth=1.3, capsize=2, label="recorded")
    ax.set_ylim(-0.05, 1.05)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10))
    ax.set_xlabel("window")
    ax.set_ylabel("share last seen at the top")
    legend(ax, loc="upper left")
    return ax


def _joins(ax: Axes, place: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
    """Name the joins on the x axis: 0|1 between windows 0 and 1; at most ten of them."""
    shown = place[:: max(1, -(-len(place) // 10))]
    ax.set_xticks(shown, [f"{join}|{join + 1}" for join in shown])
    ax.set_xlim(-0.6, len(place) - 0.4)
    ax.set_xlabel("windows that meet")
