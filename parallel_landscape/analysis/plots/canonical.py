"""Figures at a temperature: means by reweighting against the inverse temperature."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from parallel_landscape.analysis.plots.style import ALARM, PALETTE, curve, label, legend, new_axes, say, values

SYMBOLS = {
    "energy_mean": "⟨E⟩(β)",
    "heat_capacity": "heat capacity C(β)",
    "free_energy": "free energy F(β)",
    "entropy": "canonical entropy S(β)",
}


def plot_canonical(canonical: xr.Dataset, name: str = "energy_mean", ax: Axes | None = None) -> Axes:
    """A canonical quantity against beta with one standard error; betas that the sampled levels do not cover are shaded.

    canonical: group `canonical` of result.nc, dimension beta; name: energy_mean, heat_capacity, free_energy, entropy, or an
    observable.
    """
    ax = new_axes(ax)
    beta, mean = values(canonical, "beta"), values(canonical, name)
    if not np.isfinite(mean).any():
        return say(ax, f"{SYMBOLS.get(name, name)} is not known at any β")
    covered = values(canonical, "covered") == 1 if "covered" in canonical else np.ones(len(beta), bool)
    error = values(canonical, f"{name}_error")
    curve(ax, beta, np.where(covered, mean, np.nan), np.where(covered, error, np.nan), color=PALETTE[0])
    if not covered.all():
        ax.plot(beta, np.where(_grown(~covered), mean, np.nan), color=ALARM, linewidth=1.0, linestyle=(0, (3, 2)))
        for first, last in _stretches(~covered):
            ends = (beta[max(first - 1, 0)] + beta[first]) / 2, (beta[last] + beta[min(last + 1, len(beta) - 1)]) / 2
            ax.axvspan(*ends, color=ALARM, alpha=0.1, linewidth=0, label="not covered" if first == np.argmin(covered) else None)
        legend(ax)
    ax.set_xlabel("inverse temperature β")
    ax.set_ylabel(label(canonical[name], SYMBOLS.get(name, f"⟨{name}⟩(β)")))
    return ax


def _grown(mask: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """The mask and its neighbours, so that lines of two kinds meet."""
    wide = np.pad(mask, 1)
    return wide[1:-1] | wide[:-2] | wide[2:]


def _stretches(mask: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[tuple[int, int]]:
    """First and last index of each stretch of True."""
    edges = np.flatnonzero(np.diff(np.pad(mask.astype(np.int8), 1)))
    return [(int(first), int(last) - 1) for first, last in zip(edges[::2], edges[1::2], strict=True)]
