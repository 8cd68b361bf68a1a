"""Figures of an observable: its mean on each level, and the joint density of states g(E, X)."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from parallel_landscape.analysis.plots.style import (
    MAP,
    MUTED,
    PALETTE,
    curve,
    energy_axis,
    label,
    legend,
    new_axes,
    say,
    values,
)


def plot_observable(result: xr.Dataset, name: str, ax: Axes | None = None) -> Axes:
    """Microcanonical mean <X>(E) with one standard error, and lightly the spread of X on the level (one standard deviation).

    result: root of result.nc after `pland analyze`, dimension energy; name: of the observable.
    """
    ax = new_axes(ax)
    mean = values(result, name)
    if not np.isfinite(mean).any():
        return say(ax, f"no records of {name}")
    spread = np.sqrt(np.maximum(values(result, f"{name}_variance"), 0.0))
    if np.isfinite(spread).any():
        light: dict[str, Any] = {"color": MUTED, "alpha": 0.18, "linewidth": 0.0, "label": "spread on the level"}
        ax.fill_between(result["energy"], mean - spread, mean + spread, **light)
    curve(ax, result["energy"], mean, values(result, f"{name}_error"), color=PALETTE[0], label="mean ± error")
    energy_axis(ax.xaxis, result)
    ax.set_ylabel(label(result[name], name))
    legend(ax)
    return ax


def plot_joint(joint: xr.Dataset, name: str = "X", ax: Axes | None = None) -> Axes:
    """ln g(E, X) as a heat map: columns are levels, rows are bins of the observable; what was never recorded is left blank.

    joint: a group `joint-X` of result.nc, dimensions (energy, bin) and `edges` (bin + 1); name: of the observable.
    """
    ax = new_axes(ax)
    ln_g = np.asarray(joint["ln_g"].values, dtype=float)
    if not np.isfinite(ln_g).any():
        return say(ax, f"no records of {name}")
    edges = np.asarray(joint["edges"].values, dtype=float)
    ax.grid(False)
    shown = np.ma.masked_invalid(ln_g.T)
    mesh = ax.pcolormesh(_borders(joint["energy"].values), edges, shown, cmap=MAP, rasterized=True, linewidth=0)
    rows = np.flatnonzero(np.isfinite(ln_g).any(axis=0))
    ax.set_ylim(edges[rows[0]], edges[rows[-1] + 1])
    bar = ax.figure.colorbar(mesh, ax=ax, pad=0.02, aspect=25)
    bar.set_label("ln g(E, X)")
    bar.outline.set_visible(False)
    bar.ax.tick_params(color=MUTED, labelcolor=MUTED, length=3, width=0.6)
    energy_axis(ax.xaxis, joint)
    ax.set_ylabel(label(joint["edges"], name))
    return ax


def _borders(centres: NDArray[np.int64]) -> NDArray[np.float64]:
    """The borders between levels: halfway."""
    centres = np.asarray(centres, dtype=float)
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    inner = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - inner[0]], inner, [2 * centres[-1] - inner[-1]]])
