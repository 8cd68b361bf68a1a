"""Figures of single walkers: energy against time, across the windows."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from parallel_landscape.analysis.plots.style import DENSE, PALETTE, energy_axis, new_axes, say


def plot_trajectory(trajectory: xr.Dataset, walker: int, ax: Axes | None = None) -> Axes:
    """Energy of one walker against the sweeps of production.

    trajectory: dimension record, with `sweep`, `energy` and `walker`; walker: its number.
    """
    ax = new_axes(ax)
    mine = trajectory["walker"].values == walker
    sweep, energy = trajectory["sweep"].values[mine], trajectory["energy"].values[mine]
    if not len(sweep):
        return say(ax, f"no records of walker {walker}")
    order = np.argsort(sweep, kind="stable")
    ax.plot(sweep[order], energy[order], color=PALETTE[0], linewidth=0.7, rasterized=len(sweep) > DENSE)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=4))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.set_xlim(sweep.min(), sweep.max() if len(sweep) > 1 else sweep.min() + 1)
    ax.set_xlabel("sweeps of production")
    energy_axis(ax.yaxis, trajectory)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=energy.dtype.kind != "f"))
    return ax
