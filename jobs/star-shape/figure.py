"""The figure of the study, six panels, and its numbers, from the file that `pland paths` has written.

    python jobs/star-shape/figure.py jobs/star-shape/small/runs

Above: curves between solutions at alpha = 1, the largest energy on them against the margin of one end, and against alpha.
Below: barycentres, curves that are nowhere above their ends, and which margins see what. Dashed or thin: the theory.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import brentq

from parallel_landscape.analysis.plots.style import INK, MUTED, PALETTE, curve, legend, new_axes, ramp
from parallel_landscape.theory.path import barrier
from parallel_landscape.theory.spherical import gardner_integral
from parallel_landscape.theory.star import star

DASHED = (0, (4, 2))


class Row(NamedTuple):
    """Curves of one kind: the margin of their first end; value, error and theory of what was measured."""

    alpha: float
    margin: float
    overlap: tuple[float, float, float]
    halfway: tuple[float, float, float]
    highest: tuple[float, float, float]
    free: tuple[float, float]
    position: np.ndarray
    energy: np.ndarray  # (3, positions)


def rows_of(paths: xr.Dataset) -> list[Row]:
    """Typical to typical once for each alpha, then each margin of a reference, in order of alpha and margin."""
    found = {}
    for group in range(paths.sizes["group"]):
        one = paths.isel(group=group)
        alpha = float(one.patterns / one.inputs)
        for ends, margin in enumerate((float(one.kappa), float(one.reference_kappa))):
            here = one.isel(ends=ends)
            energy = np.array([here[name].values for name in ("energy", "energy_error", "energy_theory")])
            top, middle = int(np.argmax(energy[0])), energy.shape[1] // 2
            overlap = tuple(float(here[name]) for name in ("overlap", "overlap_error", "overlap_theory"))
            highest = (*energy[:2, top], np.nanmax(energy[2]) if np.isfinite(energy[2]).any() else math.nan)
            free = float(here.free), float(here.free_error)
            numbers = overlap, tuple(energy[:, middle]), highest, free
            found[alpha, margin] = Row(alpha, margin, *numbers, paths.position.values, energy)  # type: ignore[arg-type]
    return [found[key] for key in sorted(found)]


def peak(alpha: float, kappa: float, margin: float) -> float:
    """Largest energy per pattern between solutions of this margin and typical ones, by the theory; rounded on a grid."""
    return max(barrier(alpha, kappa, float(c), margin, kappa, tolerance=1e-6).path_loss for c in np.linspace(0.1, 0.9, 17))


def draw_curves(ax: Axes, rows: list[Row], alpha: float) -> None:
    """E/P along the geodesics at one alpha."""
    mine = [row for row in rows if row.alpha == alpha]
    for row, color in zip(mine, ramp(len(mine)), strict=True):
        curve(ax, row.position, row.energy[0], row.energy[1], color=color, label=f"margin {row.margin:g}")
        ax.plot(row.position, row.energy[2], color=INK, linestyle=":", linewidth=1.0)
    ax.set(xlabel=f"weight of the end with this margin, α = {alpha:g}", ylabel="violated patterns, E/P",
           ylim=(None, 1.5 * max(float(row.energy[0].max()) for row in mine)))  # fmt: skip
    legend(ax, ncols=2)


def draw_margins(ax: Axes, rows: list[Row], alpha: float, kappa: float) -> None:
    """The largest of it, against the margin."""
    mine = [row for row in rows if row.alpha == alpha]
    ax.errorbar([row.margin for row in mine], *np.array([row.highest[:2] for row in mine]).T, fmt="o", markersize=4,
                color=PALETTE[0], label="measured")  # fmt: skip
    margins = np.linspace(kappa, max(row.margin for row in mine), 21)
    ax.plot(
        margins, [peak(alpha, kappa, float(k)) for k in margins], color=INK, linestyle=DASHED, linewidth=1.0, label="theory"
    )
    ax.axvline(
        star(alpha, kappa, tolerance=1e-6).kappa_star, color=MUTED, linestyle=":", linewidth=1.0, label="sees all, theory"
    )
    ax.set(xlabel=f"margin of one end, α = {alpha:g}", ylabel="largest E/P on the mean curve")
    legend(ax)


def draw_alphas(ax: Axes, rows: list[Row], margins: list[float], kappa: float) -> None:
    """The largest of it, against alpha; where the theory lets the barrier go."""
    for margin, color in zip(margins, PALETTE, strict=False):
        mine = [row for row in rows if row.margin == margin]
        alphas = [row.alpha for row in mine]
        ax.errorbar(alphas, *np.array([row.highest[:2] for row in mine]).T, fmt="o", markersize=4, color=color,
                    label=f"margin {margin:g} to typical")  # fmt: skip
        fine = np.linspace(min(alphas), max(alphas), 13)
        ax.plot(fine, [peak(float(alpha), kappa, margin) for alpha in fine], color=color, linestyle=DASHED, linewidth=1.0)
        if margin > kappa:
            ax.axvline(gone(margin, kappa), color=color, linestyle=":", linewidth=1.0)
    ax.set(xlabel="patterns per weight, α", ylabel="largest E/P on the mean curve", ylim=(0, None))
    legend(ax, loc=(0.05, 0.3))


def gone(margin: float, kappa: float) -> float:
    """The alpha above which the theory has no barrier between this margin and typical solutions."""
    return float(brentq(lambda alpha: star(alpha, kappa, tolerance=1e-5).kappa_star - margin, 0.2, 3.5, xtol=1e-3))


def draw_barycentres(ax: Axes, paths: xr.Dataset) -> None:
    """Energy at the barycentre of several typical solutions."""
    alphas = (paths.patterns / paths.inputs).values
    chosen = np.sort(np.unique(alphas, return_index=True)[1])
    for group, color in zip(chosen, ramp(len(chosen)), strict=True):
        one = paths.isel(group=group)
        ax.errorbar(paths.vertices, one.barycentre, one.barycentre_error, fmt="o", markersize=3.5, color=color,
                    label=f"α = {alphas[group]:g}")  # fmt: skip
        ax.plot(paths.vertices, one.barycentre_theory, color=color, linestyle=DASHED, linewidth=1.0)
    ax.set(xlabel="typical solutions that span the simplex", ylabel="E/P at the barycentre", ylim=(0, None))
    legend(ax)


def draw_free(ax: Axes, rows: list[Row], margins: list[float]) -> None:
    """Fraction of curves nowhere above their higher end."""
    for margin, color in zip(margins, PALETTE, strict=False):
        mine = [row for row in rows if row.margin == margin]
        ax.errorbar([row.alpha for row in mine], *np.array([row.free for row in mine]).T, fmt="o-", markersize=4, linewidth=1.0,
                    color=color, label=f"margin {margin:g} to typical")  # fmt: skip
    ax.set(xlabel="patterns per weight, α", ylabel="fraction of curves without a barrier", ylim=(0, 1.05))
    legend(ax)


def draw_map(ax: Axes, rows: list[Row], kappa: float) -> None:
    """Which margins there are, which see all typical solutions, which see each other; full: measured without a violation."""
    alphas = np.linspace(0.25, 3.6, 15)
    stars = [star(float(alpha), kappa, tolerance=1e-5) for alpha in alphas]
    ax.plot(alphas, [one.kappa_star for one in stars], color=PALETTE[1], label="sees typical ones above")
    ax.plot(alphas, [one.kappa_kernel for one in stars], color=PALETTE[2], label="sees its like above")
    margins = np.linspace(kappa, 0.15, 60)
    ax.plot([gardner_integral(float(k)) for k in margins], margins, color=INK, label="none above")
    for row in rows:
        ax.plot(row.alpha, row.margin, "o", markersize=5, color=PALETTE[0], fillstyle="none" if row.energy[0].max() else "full")
    ax.set(xlabel="patterns per weight, α", ylabel="margin", xlim=(0.2, 3.8), ylim=(kappa - 0.03, 0.4))
    legend(ax, loc="upper right")


def tell(rows: list[Row], paths: xr.Dataset) -> None:
    """The numbers in Markdown."""
    print("| alpha | margin of one end | overlap | theory | E(1/2)/P | theory | largest | theory | without barrier |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        numbers = zip((row.overlap, row.halfway, row.highest), (3, 5, 5), strict=True)
        cells = [f"{value:.{n}f} ± {error:.{n}f} | {theory:.{n}f}" for (value, error, theory), n in numbers]
        print(f"| {row.alpha:g} | {row.margin:g} | {' | '.join(cells)} | {row.free[0]:.3f} |")
    print("\n| alpha | vertices | E/P at the barycentre | theory |\n|---|---|---|---|")
    alphas = (paths.patterns / paths.inputs).values
    for group in np.sort(np.unique(alphas, return_index=True)[1]):
        one = paths.isel(group=group)
        for place, count in enumerate(paths.vertices.values):
            value, error, theory = (float(one[f"barycentre{end}"][place]) for end in ("", "_error", "_theory"))
            print(f"| {alphas[group]:g} | {count} | {value:.5f} ± {error:.5f} | {theory:.5f} |")


def main(runs: Path) -> None:
    """Draw what `pland paths` has measured."""
    file = runs / "typical" / "paths.nc"
    if not file.exists():
        raise SystemExit(f"{file} is missing: pland paths {runs}/typical --reference {runs}/robust {runs}/margins makes it")
    paths = xr.load_dataset(file)
    rows, kappa = rows_of(paths), float(paths.kappa[0])
    counts = {row.alpha: sum(other.alpha == row.alpha for other in rows) for row in rows}
    many = max(counts, key=lambda alpha: counts[alpha])
    margins = sorted({row.margin for row in rows if sum(other.margin == row.margin for other in rows) > 2})
    figure = Figure(figsize=(12.6, 6.6), layout="constrained")
    axes = [new_axes(ax) for ax in figure.subplots(2, 3).flat]
    draw_curves(axes[0], rows, many)
    draw_margins(axes[1], rows, many, kappa)
    draw_alphas(axes[2], rows, margins, kappa)
    draw_barycentres(axes[3], paths)
    draw_free(axes[4], rows, margins)
    draw_map(axes[5], rows, kappa)
    figure.savefig(runs / "star-shape.png", dpi=150)
    tell(rows, paths)
    print(f"\n{runs / 'star-shape.png'}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs"))
