"""Figures of measured curves with those of a theory beside them, over the fraction of errors or over beta."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from parallel_landscape.analysis.plots.style import INK, PALETTE, curve, legend, new_axes, values

DASHED = (0, (4, 2))
WIDE = 8.0  # ratio of the largest to the smallest beta from which on both axes are logarithmic


def plot_entropy_theory(
    measured: xr.Dataset,
    theory: xr.Dataset,
    ax: Axes | None = None,
    *,
    name: str = "theory",
    what: str = "fraction of errors",
) -> Axes:
    """s = ln g/N against E/P with one standard error, and the curve of a theory.

    measured: energy_per_pattern, entropy and error over `level`; theory: energy_per_pattern and entropy over `point`.
    """
    ax = new_axes(ax)
    ax.plot(theory["energy_per_pattern"], theory["entropy"], color=INK, linewidth=1.0, linestyle=DASHED, label=name)
    at, entropy = values(measured, "energy_per_pattern"), values(measured, "entropy")
    curve(ax, at, entropy, values(measured, "error"), color=PALETTE[0], label="measured")
    ax.set_xlabel(f"{what} E/P")
    ax.set_ylabel("s = ln g / N")
    legend(ax)
    return ax


def plot_energy_theory(measured: xr.Dataset, theory: xr.Dataset, ax: Axes | None = None, *, name: str = "theory") -> Axes:
    """Mean fraction of errors against beta with one standard error, and the curve of a theory over the same betas.

    measured: energy_mean and energy_mean_error, per pattern, over `beta`; theory: energy_per_pattern and beta over `point`.
    """
    ax = new_axes(ax)
    beta = np.asarray(measured["beta"].values, float)
    inside = (theory["beta"].values >= 0) & (theory["beta"].values <= 1.1 * max(beta.max(initial=0.0), 0.1))
    ax.plot(
        theory["beta"].values[inside], theory["energy_per_pattern"].values[inside], color=INK, linewidth=1.0,
        linestyle=DASHED, label=name,
    )  # fmt: skip
    curve(ax, beta, values(measured, "energy_mean"), values(measured, "energy_mean_error"), label="measured")
    ax.set_xlabel("inverse temperature β")
    if beta.min(initial=np.inf) > 0 and beta.max() > WIDE * beta.min():
        ax.set(xscale="log", yscale="log", xlim=(beta.min() / 1.3, beta.max() * 1.3))
    ax.set_ylabel("⟨E⟩/P")
    legend(ax)
    return ax


def plot_test_error_theory(measured: xr.Dataset, theory: xr.Dataset, ax: Axes | None = None, *, name: str = "theory") -> Axes:
    """Generalisation error against E/P with one standard error, and the curve of a theory.

    measured: energy_per_pattern, error and spread over `level`; theory: energy_per_pattern and generalisation_error over
    `point`.
    """
    ax = new_axes(ax)
    ax.plot(
        theory["energy_per_pattern"], theory["generalisation_error"], color=INK, linewidth=1.0, linestyle=DASHED, label=name
    )
    at, error = values(measured, "energy_per_pattern"), values(measured, "error")
    curve(ax, at, error, values(measured, "spread"), color=PALETTE[0], label="measured")
    ax.set_xlabel("fraction of errors E/P")
    ax.set_ylabel("generalisation error")
    legend(ax)
    return ax
