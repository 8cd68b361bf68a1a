"""Figures of the entropy: S(E) = ln g(E), its error, and how the estimators of it compare."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from parallel_landscape.analysis.plots.style import (
    ALARM,
    INK,
    MUTED,
    PALETTE,
    curve,
    energy_axis,
    legend,
    log_y,
    new_axes,
    say,
    values,
)

ESTIMATORS = {"mbar": "MBAR", "transition": "transition matrix", "learned": "learned"}


def plot_entropy(result: xr.Dataset, ax: Axes | None = None) -> Axes:
    """S(E) = ln g(E) against E with a band of one standard error; levels seen but never visited again are ticks below.

    result: root of result.nc, dimension energy. ln g counts states when `normalisation` is "absolute", else its maximum is 0.
    """
    ax = new_axes(ax)
    ln_g = curve(ax, result["energy"], result["ln_g"], values(result, "ln_g_error"), label="ln g(E)")
    missed = result["energy"].values[(values(result, "known") == 1) & np.isnan(ln_g)]
    if len(missed):
        place: dict[str, Any] = {"transform": ax.get_xaxis_transform(), "color": ALARM, "linestyle": "none"}
        ax.plot(missed, np.full(len(missed), 0.015), marker="|", markersize=7, label="seen, no value", **place)
        legend(ax, loc="best")
    absolute = result.attrs.get("normalisation") == "absolute"
    energy_axis(ax.xaxis, result)
    ax.set_ylabel("S(E) = ln g(E)" if absolute else "ln g(E) − max ln g")
    if np.isnan(ln_g).all():
        say(ax, "no level has a value yet")
    return ax


def plot_entropy_error(result: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Standard error of ln g(E) against E, on a logarithmic axis; that of each estimator that there is.

    result: root of result.nc, dimension energy.
    """
    ax = new_axes(ax)
    chosen = values(result, "ln_g_error")
    if not np.isfinite(chosen).any():
        return say(ax, "no error bars:\na single repeat and no analysis of records")
    others = [name for name in ESTIMATORS if f"ln_g_{name}_error" in result and name != _chosen(result)]
    for name, color in zip(others, PALETTE[1:], strict=False):
        error = values(result, f"ln_g_{name}_error")
        curve(ax, result["energy"], np.where(error > 0, error, np.nan), color=color, linewidth=1.0, label=ESTIMATORS[name])
    curve(ax, result["energy"], np.where(chosen > 0, chosen, np.nan), label=_name(result))
    log_y(ax, np.concatenate([values(result, f"ln_g_{name}_error") for name in others] + [chosen]))
    energy_axis(ax.xaxis, result)
    ax.set_ylabel("standard error of ln g")
    if others:
        legend(ax)
    return ax


def plot_estimators(result: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Each other estimate of ln g minus the one in the result, with one standard error of that estimate.

    result: root of result.nc after `pland analyze`, dimension energy. The constants are matched at the mean difference.
    """
    ax = new_axes(ax)
    chosen = values(result, "ln_g")
    found = {name: values(result, f"ln_g_{name}") - chosen for name in ESTIMATORS if name != _chosen(result)}
    found = {name: difference for name, difference in found.items() if np.isfinite(difference).any()}
    if not found:
        return say(ax, "one estimate only: nothing to compare")
    band = values(result, "ln_g_error")
    ax.fill_between(result["energy"], -band, band, color=MUTED, alpha=0.2, linewidth=0, label=f"± error of {_name(result)}")
    ax.axhline(0.0, color=INK, linewidth=0.8)
    for (name, difference), color in zip(found.items(), PALETTE, strict=False):
        matched = difference - np.nanmean(difference)
        curve(ax, result["energy"], matched, values(result, f"ln_g_{name}_error"), color=color, label=ESTIMATORS[name])
    energy_axis(ax.xaxis, result)
    ax.set_ylabel("difference in ln g")
    legend(ax)
    return ax


def plot_samples(result: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Records on each level, and how many independent ones they are worth.

    result: root of result.nc after `pland analyze`, dimension energy, with `samples` and `effective_samples`.
    """
    ax = new_axes(ax)
    samples, effective = values(result, "samples"), values(result, "effective_samples")
    if not (samples > 0).any():
        return say(ax, "no records")
    curve(ax, result["energy"], np.where(samples > 0, samples, np.nan), color=MUTED, label="records")
    curve(ax, result["energy"], np.where(effective > 0, effective, np.nan), label="worth independent")
    log_y(ax, np.concatenate([samples, effective]))
    energy_axis(ax.xaxis, result)
    ax.set_ylabel("records on the level")
    legend(ax)
    return ax


def _chosen(result: xr.Dataset) -> str:
    estimator = str(result.attrs.get("estimator", "learned"))
    return "transition" if estimator.startswith("transition") else estimator


def _name(result: xr.Dataset) -> str:
    return ESTIMATORS.get(_chosen(result), _chosen(result))
