"""The figure of the study, six panels, and its numbers, from a folder of runs.

    python jobs/langevin-dimension/figure.py jobs/langevin-dimension/small/runs

Above: loss and its spread against the temperature, the effective dimension beside a model loss, and against the patterns that
carry the loss. Below: the curvature where the walkers are, its largest eigenvalues, and a perceptron beside its theory.
"""

from __future__ import annotations

import math
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from parallel_landscape.analysis.plots.style import INK, PALETTE, curve, legend, new_axes, ramp
from parallel_landscape.commands.curvature import How, curvatures
from parallel_landscape.commands.path_runs import Samples, read_samples
from parallel_landscape.commands.study_view import points_of
from parallel_landscape.landscapes.losses import loss_function
from parallel_landscape.paths.curvature import hessian, largest
from parallel_landscape.smooth import SmoothLandscape
from parallel_landscape.theory.spherical import spherical_perceptron
from parallel_landscape.theory.thermal import boundary_law, cosh_model

DASHED = (0, (4, 2))
TIMES, CURVED, TOP = 100, 12, 40  # weights of each temperature, those whose curvature is taken, and eigenvalues that are shown
HOT, PINCHED = 0.2, 1e-4  # temperature above which points are hollow; lowest loss of a pinched direction
Pair = tuple[float, float]  # mean and standard error


class Run(NamedTuple):
    """Means at each temperature, coldest first, and what the recorded weights say there; (2, T) with errors.

    carriers: (sum l)^2 / sum l^2 over patterns, those that carry the loss; near: patterns whose stability is below ln(1/T);
    trace: of the Hessian; held: sum of k/(k + prior T) over its eigenvalues k; top: (T, TOP), the largest of one sample.
    """

    weights: int
    patterns: int
    temperature: np.ndarray
    table: xr.Dataset
    ground: float
    on_line: int
    carriers: np.ndarray
    near: np.ndarray
    trace: np.ndarray
    held: np.ndarray
    top: np.ndarray


def read(study: Path) -> list[Run]:
    """The runs of a study that have a result, in its order."""
    return [look(folder) for folder in points_of(study)] if study.exists() else []


def look(folder: Path) -> Run:
    """One run."""
    table = means(folder)
    with xr.open_dataset(folder / "result.nc") as result:
        ground, on_line = float(result.attrs["energy_at_zero"]), int(result.attrs["temperatures_on_line"])
    here = [read_samples(folder, TIMES, number) for number in range(table.sizes["beta"])]
    temperature = 1 / table.beta.values
    rows = [sample(one, float(t)) for one, t in zip(here, temperature, strict=True)]
    seen = [np.array([row[number] for row in rows]).T for number in range(4)]
    top = np.array([row[4] for row in rows])
    landscape = here[0].landscape
    return Run(landscape.size, patterns_of(here[0]), temperature, table, ground, on_line, *seen, top)  # type: ignore[union-attr]


def means(folder: Path) -> xr.Dataset:
    """The means of a run, coldest first."""
    return xr.load_dataset(folder / "result.nc", group="canonical").sortby("beta", ascending=False)


def patterns_of(samples: Samples) -> int:
    """Number of patterns."""
    return stabilities(samples, samples.weights[0, :1]).shape[1]


def stabilities(samples: Samples, weights: np.ndarray) -> np.ndarray:
    """(R, P)."""
    assert isinstance(samples.landscape, SmoothLandscape) and samples.landscape.stabilities is not None
    return samples.landscape.stabilities(weights)


def sample(samples: Samples, temperature: float) -> tuple[Pair, Pair, Pair, Pair, np.ndarray]:
    """What the weights of one temperature say, as in `Run`."""
    landscape, weights = samples.landscape, samples.weights.reshape(-1, samples.weights.shape[2])
    assert isinstance(landscape, SmoothLandscape)
    t = stabilities(samples, weights)
    losses = loss_function("cross-entropy", 0.0, 0.5)(t)[0]
    chosen = weights[np.linspace(0, len(weights) - 1, CURVED).round().astype(int)]
    curved = curvatures(landscape, chosen, landscape.prior * temperature, How(top=0))
    return (
        of(losses.sum(axis=1) ** 2 / (losses**2).sum(axis=1)),
        of((t < math.log(1 / temperature)).sum(axis=1)),
        of(curved["sample_trace"]),
        of(curved["sample_directions"]),
        largest(hessian(landscape.energy_gradient, chosen[-1]), min(TOP, landscape.size - 1)),
    )


def of(values: np.ndarray | list[float]) -> Pair:
    """Mean and standard error, from ten spans where there are many values."""
    found = np.asarray(values, float)
    parts = [part.mean() for part in np.array_split(found, min(10, len(found)))]
    return float(found.mean()), float(np.std(parts, ddof=1) / math.sqrt(len(parts)))


def model(run: Run, lowest: float) -> np.ndarray:
    """2 Var E / T^2 of cosh models of this lowest loss, as many as make it the measured one at the coldest temperature."""
    values = np.array([cosh_model(float(t), math.log(2 / lowest)).dimension_variance for t in run.temperature])
    return values * float(run.table.dimension_fluctuation[0]) / values[0]


def draw_losses(ax: Axes, runs: list[Run]) -> None:
    """Mean and standard deviation of the loss, which in a quadratic basin both go as T."""
    for run, color in zip(runs, ramp(len(runs)), strict=True):
        t, rise = run.temperature, run.table.energy_mean.values - run.ground
        curve(ax, t, rise, run.table.energy_mean_error.values, color=color, label=f"P = {run.patterns}")
        curve(ax, t, t * np.sqrt(run.table.heat_capacity.values), color=color, linestyle=":")
    ax.plot(t, 10 * t, color=INK, linestyle=DASHED, linewidth=1.0, label="proportional to T")
    ax.set(xscale="log", yscale="log", xlabel="temperature T", ylabel="loss above that at T = 0; dotted: spread")
    legend(ax)


def draw_dimensions(ax: Axes, runs: list[Run]) -> None:
    """From fluctuations and from means; cosh models that are stiff, or pinched by patterns far from the boundary."""
    for run, color in zip(runs, ramp(len(runs)), strict=True):
        one = run.table
        ax.errorbar(run.temperature, one.dimension_fluctuation, one.dimension_fluctuation_error, fmt="o", markersize=4,
                    color=color, label=f"P = {run.patterns}")  # fmt: skip
        ax.errorbar(run.temperature, one.dimension_mean, one.dimension_mean_error, fmt="s", markersize=4, fillstyle="none",
                    color=color)  # fmt: skip
    middle = runs[len(runs) // 2]
    for lowest, line in ((1.0, DASHED), (PINCHED, ":")):
        ax.plot(
            middle.temperature, model(middle, lowest), color=INK, linestyle=line, linewidth=1.0, label=f"cosh model, {lowest:g}"
        )
    ax.set(xscale="log", xlabel="temperature T", ylabel="dimension; squares: from means",
           ylim=(0, 1.1 * max(float(run.table.dimension_fluctuation.max()) for run in runs)))  # fmt: skip
    legend(ax)


def draw_carriers(ax: Axes, studies: dict[str, list[Run]]) -> None:
    """Dimension against the patterns that carry the loss; hollow: hot."""
    for (name, runs), color in zip(studies.items(), PALETTE, strict=False):
        for number, run in enumerate(runs):
            for hot in (False, True):
                here = (run.temperature > HOT) == hot
                x, y = run.carriers[:, here], [run.table[f"dimension_fluctuation{end}"].values[here] for end in ("", "_error")]
                told, full = name if number == 0 and not hot else None, "none" if hot else "full"
                ax.errorbar(
                    x[0], y[0], y[1], x[1], fmt="o", markersize=3.5, elinewidth=0.7, fillstyle=full, color=color, label=told
                )
    most = max(float(run.carriers[0].max()) for runs in studies.values() for run in runs)
    ax.plot([0, most], [0, 2 * most], color=INK, linestyle=DASHED, linewidth=1.0, label="two for each")
    ax.set(xlabel="patterns that carry the loss", ylabel="effective dimension, 2 Var E/T²", xlim=(0, None), ylim=(0, 4 * most))
    legend(ax)


def draw_curvature(ax: Axes, runs: list[Run]) -> None:
    """Trace of the Hessian, its largest eigenvalue, and the mean loss, which in the cosh model is the trace."""
    for run, color in zip(runs, ramp(len(runs)), strict=True):
        curve(ax, run.temperature, run.trace[0], run.trace[1], color=color, label=f"P = {run.patterns}")
        curve(ax, run.temperature, run.top[:, 0], color=color, linestyle=":")
        ax.plot(run.temperature, run.table.energy_mean, color=color, linestyle=DASHED, linewidth=0.8)
    ax.plot([], [], color=INK, linestyle=DASHED, linewidth=0.8, label="mean loss")
    ax.set(xscale="log", yscale="log", xlabel="temperature T", ylabel="trace of the Hessian; dotted: largest")
    legend(ax)


def draw_eigenvalues(ax: Axes, run: Run) -> None:
    """The largest eigenvalues at a few temperatures."""
    chosen = np.linspace(0, len(run.temperature) - 1, 4).round().astype(int)
    for number, color in zip(chosen, ramp(len(chosen)), strict=True):
        shown = np.where(run.top[number] > 0, run.top[number], np.nan)
        ax.plot(np.arange(1, len(shown) + 1), shown, "o-", markersize=2.5, linewidth=0.8, color=color,
                label=f"T = {run.temperature[number]:.2g}")  # fmt: skip
    ax.set(yscale="log", xlabel=f"eigenvalue of the Hessian, P = {run.patterns}", ylabel="curvature")
    legend(ax)


def draw_perceptron(ax: Axes, tables: list[xr.Dataset], about: tuple[int, float, float]) -> None:
    """2 <E>/T and 2 Var E/T^2 for each weight, beside the replica-symmetric theory and its law at low temperature."""
    weights, alpha, kappa = about
    t = 1 / tables[0].beta.values
    e = np.array([one.energy_mean.values for one in tables]) / weights
    d = np.array([one.dimension_fluctuation.values for one in tables]) / weights
    fine = np.geomspace(t.min() / 1.2, t.max() * 1.2, 61)
    theory = np.array([spherical_perceptron(alpha, 1 / x, kappa, "quadratic").energy for x in fine])
    slope = np.gradient(theory, fine)
    shown = {"2 E/(N T)": (2 * e / t, 2 * theory / fine), "2 Var E/(N T²)": (d, 2 * slope)}
    for (told, (values, line)), color in zip(shown.items(), PALETTE, strict=False):
        error = values.std(axis=0, ddof=1) / math.sqrt(len(values))
        ax.errorbar(t, values.mean(axis=0), error, fmt="o", markersize=4, color=color, label=told)
        ax.plot(fine, line, color=color, linestyle=DASHED, linewidth=1.0)
    law = [2 * boundary_law(alpha, float(x), kappa).boundary_energy / x for x in fine]
    ax.plot(fine, law, color=INK, linestyle=":", linewidth=1.0, label="patterns at the boundary")
    ax.set(xscale="log", yscale="log", xlabel="temperature T", ylabel="effective dimension per weight")
    legend(ax)
    print(f"\nspherical perceptron, N = {weights}, alpha = {alpha:g}, kappa = {kappa:g}\n")
    print("| T | 2 E/(N T) | theory | 2 Var E/(N T^2) | theory | law at the boundary |\n|---|---|---|---|---|---|")
    for number, x in enumerate(t):
        mine, spread = 2 * e[:, number] / x, d[:, number]
        exact = 2 * spherical_perceptron(alpha, 1 / x, kappa, "quadratic").energy / x
        print(f"| {x:.4g} | {show(mine)} | {exact:.4f} | {show(spread)} | {2 * np.interp(x, fine, slope):.4f} | "
              f"{2 * boundary_law(alpha, float(x), kappa).boundary_energy / x:.4f} |")  # fmt: skip


def show(values: np.ndarray) -> str:
    """Mean and standard error over training sets."""
    return f"{values.mean():.4f} ± {values.std(ddof=1) / math.sqrt(len(values)):.4f}"


def tell(studies: dict[str, list[Run]]) -> None:
    """The numbers of the networks in Markdown."""
    names = ("study", "weights", "P", "T", "on the line", "d, fluctuations", "d, means", "held by the Hessian",
             "patterns that carry the loss", "with t < ln(1/T)", "trace", "largest eigenvalue")  # fmt: skip
    print(f"| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for name, runs in studies.items():
        for run in runs:
            one = run.table
            for number in range(0, len(run.temperature), 3):
                cells = [(float(one[f"dimension_{kind}"][number]), float(one[f"dimension_{kind}_error"][number]))
                         for kind in ("fluctuation", "mean")]  # fmt: skip
                cells += [tuple(values[:, number]) for values in (run.held, run.carriers, run.near, run.trace)]
                told = " | ".join(f"{mean:.3g} ± {error:.2g}" for mean, error in cells)
                head = f"| {name} | {run.weights} | {run.patterns} | {run.temperature[number]:.3g} | {run.on_line} coldest |"
                print(f"{head} {told} | {run.top[number, 0]:.3g} |")


def main(runs: Path) -> None:
    """Draw what there is."""
    studies = {name: read(runs / name) for name in ("patterns", "width")}
    studies = {name: found for name, found in studies.items() if found}
    if "patterns" not in studies:
        raise SystemExit(
            f"{runs} holds no run of patterns.toml: pland run jobs/langevin-dimension/small/patterns.toml makes it"
        )
    figure = Figure(figsize=(12.6, 6.6), layout="constrained")
    axes = [new_axes(ax) for ax in figure.subplots(2, 3).flat]
    for draw, ax in ((draw_losses, axes[0]), (draw_dimensions, axes[1]), (draw_curvature, axes[3])):
        draw(ax, studies["patterns"])
    draw_carriers(axes[2], studies)
    draw_eigenvalues(axes[4], studies["patterns"][len(studies["patterns"]) // 2])
    tell(studies)
    folders = points_of(runs / "perceptron") if (runs / "perceptron").exists() else []
    if folders:
        draw_perceptron(axes[5], [means(folder) for folder in folders], landscape_of(folders[0]))
    figure.savefig(runs / "langevin-dimension.png", dpi=150)
    print(f"\n{runs / 'langevin-dimension.png'}")


def landscape_of(folder: Path) -> tuple[int, float, float]:
    """N, alpha and margin of a perceptron's run."""
    landscape = tomllib.loads((folder / "submitted.toml").read_text())["landscape"]
    return int(landscape["inputs"]), float(landscape["data"]["alpha"]), float(landscape["kappa"])


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs"))
