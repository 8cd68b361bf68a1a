"""Figure of energies along the curves between samples."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from parallel_landscape.analysis.plots.style import INK, curve, legend, new_axes, ramp

MOST = 6
STYLES = ("-", "--")


def plot_paths(paths: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Mean energy along the curve, a colour for each group of runs (six at most, spread), with one standard error; dashed from
    a reference; thin and dotted the theory.

    paths: the file of `pland paths`, dimensions (group, ends, position).
    """
    ax = new_axes(ax)
    count = paths.sizes["group"]
    chosen = np.unique(np.linspace(0, count - 1, min(MOST, count)).round().astype(int))
    position = paths["position"].values
    for group, color in zip(chosen, ramp(len(chosen)), strict=True):
        one = paths.isel(group=group)
        for ends in range(paths.sizes["ends"]):
            energy, error = (one[name].values[ends] for name in ("energy", "energy_error"))
            ax.plot(position, one["energy_theory"].values[ends], color=INK, linestyle=":", linewidth=1.0)
            text = _words(one) if ends == 0 else "_nolegend_"
            curve(ax, position, energy, error, color=color, linestyle=STYLES[ends], label=text)
    ax.set_xlabel("weight of the first end" + (" (dashed: of the reference)" if paths.sizes["ends"] > 1 else ""))
    ax.set_ylabel("energy" + (" per pattern" if int(paths["patterns"].max()) > 1 else ""))
    ax.set_ylim(bottom=min(0.0, float(np.nanmin(paths["energy"].values))))
    legend(ax)
    return ax


def _words(one: xr.Dataset) -> str:
    named = {"α": "alpha", "κ": "kappa", "β": "beta"}
    known = [f"{sign} = {float(one[name]):.3g}" for sign, name in named.items() if np.isfinite(float(one[name]))]
    return ", ".join([*known, f"N = {int(one['inputs'])}"])
