"""Figures of runs at given temperatures: means and dimensions against T, health, coupled replicas, laws of overlaps."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullFormatter, StrMethodFormatter
from numpy.typing import NDArray

from parallel_landscape.analysis.plots.style import INK, MUTED, PALETTE, curve, label, legend, new_axes, ramp, say, values

SYMBOLS = {"energy_mean": "⟨E⟩(T)", "energy_variance": "Var E(T)", "heat_capacity": "heat capacity C(T)", "ln_z": "ln Z"}
WIDE = 8.0  # ratio of the largest to the smallest temperature, from which on an axis is logarithmic
MOST = 6
KINDS = {"between_repeats": "different repeats", "between_walkers": "different walkers", "along_walker": "one walker"}


def _temperatures(ax: Axes, beta: NDArray[np.float64]) -> NDArray[np.float64]:
    """T where every beta is positive, on a logarithmic axis when they are far apart; else beta itself."""
    if not (beta > 0).all():
        ax.set_xlabel("inverse temperature β")
        return beta
    ax.set_xlabel("temperature T")
    if beta.max() > WIDE * beta.min():
        ax.set_xscale("log")
        few = beta.max() < 100 * beta.min()
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,), numticks=12))
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}") if few else LogFormatterSciNotation())
        ax.xaxis.set_minor_formatter(NullFormatter())
    return 1.0 / beta


def plot_thermal(canonical: xr.Dataset, name: str, ladder: xr.Dataset | None = None, ax: Axes | None = None) -> Axes:
    """A mean of continuous weights against T with one standard error: by reweighting a curve, and of each temperature a point.

    canonical: group `canonical` of result.nc; ladder: group `ladder`; name: energy_mean, energy_variance, heat_capacity, ln_z,
    or an observable.
    """
    ax = new_axes(ax)
    mean = values(canonical, name)
    if not np.isfinite(mean).any():
        return say(ax, f"{name} is not known at any temperature")
    x = _temperatures(ax, values(canonical, "beta"))
    curve(ax, x, mean, values(canonical, f"{name}_error"), color=PALETTE[0], label="all temperatures together")
    if ladder is not None and name in ladder:
        at = _temperatures(ax, values(ladder, "beta"))
        error = values(ladder, f"{name}_error")
        ax.errorbar(at, values(ladder, name), error, fmt="o", color=PALETTE[1], markersize=3.2, label="each by itself")
        legend(ax)
    if ax.get_xscale() == "log" and np.nanmin(mean) > 0 and np.nanmax(mean) > WIDE * np.nanmin(mean):
        ax.set_yscale("log")
    ax.set_ylabel(label(canonical[name], SYMBOLS.get(name, f"⟨{name}⟩(T)")))
    return ax


def plot_dimension(canonical: xr.Dataset, ax: Axes | None = None) -> Axes:
    """The effective dimension against T, from fluctuations and from means, with one standard error.

    canonical: group `canonical` of result.nc. Both agree where the landscape looks quadratic.
    """
    ax = new_axes(ax)
    names = {"dimension_fluctuation": "2 Var E / T²", "dimension_mean": "2 (⟨E⟩ − E₀) / T"}
    if not any(np.isfinite(values(canonical, name)).any() for name in names):
        return say(ax, "no effective dimension without positive temperatures")
    x = _temperatures(ax, values(canonical, "beta"))
    for (name, text), color in zip(names.items(), PALETTE, strict=False):
        if np.isfinite(values(canonical, name)).any():
            curve(ax, x, values(canonical, name), values(canonical, f"{name}_error"), color=color, label=text)
    ax.set_ylabel("effective dimension")
    ax.set_ylim(bottom=0.0)
    legend(ax)
    return ax


def plot_health(windows: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Virial, balance and response of each window with one standard error; all are 1 in equilibrium.

    windows: group `windows` of result.nc of a run with continuous weights.
    """
    ax = new_axes(ax)
    names = [name for name in ("virial", "balance", "response") if np.isfinite(values(windows, name)).any()]
    if not names:
        return say(ax, "nothing is known of the health of this run")
    place = np.arange(windows.sizes["window"], dtype=float)
    for number, name in enumerate(names):
        at = place + 0.16 * (number - 0.5 * (len(names) - 1))
        ax.errorbar(at, values(windows, name), values(windows, f"{name}_error"), fmt="o", color=PALETTE[number],
                    markersize=3.2, elinewidth=1.0, label=name)  # fmt: skip
    ax.axhline(1.0, color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)))
    ax.set_xticks(place[:: max(1, len(place) // 8)])
    ax.set_xlabel("temperature, coldest first" if "gamma" not in windows else "group")
    ax.set_ylabel("1 in equilibrium")
    legend(ax)
    return ax


def plot_coupled(windows: xr.Dataset, names: dict[str, str], ax: Axes | None = None, *, what: str = "mean") -> Axes:
    """Quantities of coupled replicas against gamma with one standard error; names: variable -> what the legend says; what: the
    label of their axis.

    windows: group `windows` of result.nc of a run with coupled replicas.
    """
    ax = new_axes(ax)
    gamma, order = values(windows, "gamma"), np.argsort(values(windows, "gamma"), kind="stable")
    shown = {name: text for name, text in names.items() if np.isfinite(values(windows, name)).any()}
    if not shown:
        return say(ax, "not known at any gamma")
    for (name, text), color in zip(shown.items(), PALETTE, strict=False):
        curve(ax, gamma[order], values(windows, name)[order], values(windows, f"{name}_error")[order], color=color, label=text)
    ax.set_xlabel("strength of the attraction γ")
    ax.set_ylabel(what)
    if len(shown) > 1:
        legend(ax)
    return ax


def plot_law(overlaps: xr.Dataset, windows: xr.Dataset | None, kind: str, ax: Axes | None = None) -> Axes:
    """P(q) of each window (six at most, spread), with one standard error.

    overlaps: group `overlap_windows` of result.nc; windows: group `windows`, for the legend; kind: one of KINDS.
    """
    ax = new_axes(ax)
    law, error = (np.asarray(overlaps[name].values, float) for name in (kind, f"{kind}_error"))
    there = np.flatnonzero(np.isfinite(law).any(axis=1))
    if not len(there):
        return say(ax, f"no pairs of {KINDS[kind]}")
    q = np.asarray(overlaps["q"].values, float)
    chosen = there[np.unique(np.linspace(0, len(there) - 1, min(MOST, len(there))).round().astype(int))]
    for number, color in zip(chosen, ramp(len(chosen)), strict=True):
        curve(ax, q, law[number], error[number], color=color, label=_name(windows, int(number)))
    seen = q[np.nan_to_num(law[chosen]).max(axis=0) > 1e-3 * np.nanmax(law[chosen])]
    ax.set_xlim(max(-1.0, seen.min() - 0.05), min(1.0, seen.max() + 0.05))
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel("overlap q")
    ax.set_ylabel("P(q)", color=INK)
    legend(ax)
    return ax


def _name(windows: xr.Dataset | None, number: int) -> str:
    """Of a window: gamma, or the temperature."""
    if windows is not None and "gamma" in windows:
        return f"γ = {float(windows['gamma'][number]):.3g}"
    if windows is not None and "beta" in windows:
        return f"β = {float(windows['beta'][number]):.3g}"
    return f"window {number}"
