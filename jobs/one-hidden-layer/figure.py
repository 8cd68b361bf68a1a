"""The figure of the study, twelve panels, and its numbers, from a folder of runs.

    python jobs/one-hidden-layer/figure.py jobs/one-hidden-layer/small/runs

First row: energy against the temperature, overlaps inside chains and between them, and their distribution hot and cold.
Second: curves between chains, their barriers, and what the ratchet finds instead. Third and fourth: coupled replicas and their
centres (`centres.py`), and chains that change temperature. Crosses: published, of larger networks.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any, NamedTuple

import centres
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from parallel_landscape.analysis.plots.style import INK, PALETTE, legend, new_axes, ramp
from parallel_landscape.commands.path_runs import read_samples
from parallel_landscape.commands.study_view import points_of

DASHED = (0, (4, 2))
TIMES = 100  # moments of each chain
# A. Zambon et al., arXiv:2503.08266, N = 1000, K = 50: files of its figures 2 and 5; temperature of the summed loss: value
ENERGY = {0.018: 0.06795, 0.054: 0.07864, 0.18: 0.11954, 0.54: 0.23232, 1.8: 0.63501, 5.4: 1.9114, 18.0: 6.8165}  # alpha = 1.8
OVERLAP = {0.2: {0.0006: 0.676, 0.002: 0.409, 0.006: 0.243}, 1.8: {18.0: 0.526}}


class Run(NamedTuple):
    """One alpha and temperature: (mean, error) of the energy and of the training error; overlaps, one each; and the curves.

    inside: of a chain with itself half a run later; between: of chains; both (pairs,).
    """

    folder: Path
    alpha: float
    temperature: float
    energy: tuple[float, float]
    error: tuple[float, float]
    size: float
    inside: np.ndarray
    between: np.ndarray
    paths: xr.Dataset


def read(study: Path) -> list[Run]:
    """The points of the study, with what `pland paths` says of each; in order of alpha and temperature."""
    paths = xr.load_dataset(study / "paths.nc")
    found = []
    for number, folder in enumerate(points_of(study)):
        samples, table = read_samples(folder, TIMES), xr.load_dataset(folder / "result.nc", group="canonical")
        patterns = round(samples.alpha * samples.weights.shape[2])
        numbers = [(float(table[name][0]), float(table[f"{name}_error"][0])) for name in ("training-error", "norm-squared")]
        energy = float(table["energy_mean"][0]), float(table["energy_mean_error"][0])
        size = numbers[1][0] / samples.weights.shape[2]
        overlaps = inside(samples.weights), between(samples.weights)
        found.append(
            Run(
                folder,
                samples.alpha,
                patterns / samples.beta,
                energy,
                numbers[0],
                size,
                *overlaps,
                paths.isel(group=number, ends=0),
            )
        )
    return sorted(found, key=lambda run: (run.alpha, run.temperature))


def inside(weights: np.ndarray) -> np.ndarray:
    """Cosines of each chain's weights with those half a run later."""
    half = weights.shape[1] // 2
    return centres.cosines(weights[:, :half], weights[:, -half:]).ravel()


def between(weights: np.ndarray) -> np.ndarray:
    """Cosines of every two chains, in the second half of the run."""
    late = weights[:, weights.shape[1] // 2 :]
    return np.concatenate([centres.cosines(late[a], late[b]) for a, b in itertools.combinations(range(len(late)), 2)])


def by_alpha(runs: list[Run]) -> dict[float, list[Run]]:
    """Runs of each alpha, from cold to hot."""
    return {alpha: [run for run in runs if run.alpha == alpha] for alpha in dict.fromkeys(run.alpha for run in runs)}


def spread(run: Run) -> float:
    """Standard error of the mean overlap between chains, over pairs of chains."""
    pairs = np.array([part.mean() for part in np.array_split(run.between, len(run.between) // (TIMES - TIMES // 2))])
    return float(pairs.std(ddof=1) / np.sqrt(len(pairs)))


def draw_energy(ax: Axes, runs: list[Run]) -> None:
    """Energy and training error against the temperature."""
    for (alpha, mine), color in zip(by_alpha(runs).items(), PALETTE, strict=False):
        t = [run.temperature for run in mine]
        ax.errorbar(t, *np.array([run.energy for run in mine]).T, fmt="o-", markersize=4, linewidth=1.0, color=color,
                    label=f"α = {alpha:g}")  # fmt: skip
        wrong = np.array([run.error[0] for run in mine])
        ax.plot(t, np.where(wrong > 0, wrong, np.nan), "s:", markersize=3.5, linewidth=1.0, fillstyle="none", color=color)
    ax.plot(list(ENERGY), list(ENERGY.values()), "x", color=INK, markersize=7, label="N = 1000, α = 1.8, published")
    ax.set(xscale="log", yscale="log", xlabel="temperature of the summed loss", ylabel="mean energy; squares: training error")
    legend(ax)


def draw_overlaps(ax: Axes, runs: list[Run]) -> None:
    """Mean overlaps inside chains and between them."""
    for (alpha, mine), color in zip(by_alpha(runs).items(), PALETTE, strict=False):
        t = [run.temperature for run in mine]
        ax.errorbar(t, [run.between.mean() for run in mine], [spread(run) for run in mine], fmt="o-", markersize=4,
                    linewidth=1.0, color=color, label=f"α = {alpha:g}")  # fmt: skip
        ax.plot(t, [run.inside.mean() for run in mine], "s:", markersize=4, linewidth=1.0, fillstyle="none", color=color)
    published = [(t, q) for points in OVERLAP.values() for t, q in points.items()]
    ax.plot(*zip(*published, strict=True), "x", color=INK, markersize=7, label="N = 1000, published")
    ax.set(xscale="log", xlabel="temperature of the summed loss", ylabel="overlap of chains; squares: inside", ylim=(0, 1.05))
    legend(ax)


def draw_distributions(ax: Axes, runs: list[Run]) -> None:
    """Inside and between, at the largest alpha: hot and cold."""
    mine = list(by_alpha(runs).values())[-1]
    bins = np.linspace(0, 1, 61)
    for run, color in ((mine[-1], PALETTE[1]), (mine[0], PALETTE[0])):
        ax.hist(run.between, bins, density=True, color=color, alpha=0.35, label=f"between, T = {run.temperature:.2g}")
        ax.hist(run.inside, bins, density=True, histtype="step", color=color, label=f"inside, T = {run.temperature:.2g}")
    ax.set(xlabel=f"overlap q, α = {mine[0].alpha:g}", ylabel="density", yscale="symlog")
    legend(ax, loc="upper left")


def draw_curves(ax: Axes, runs: list[Run]) -> None:
    """Energy along the line between chains, in units of the ends, at the largest alpha and the smallest."""
    groups = list(by_alpha(runs).values())
    for mine, line in ((groups[-1], "-"), (groups[0], DASHED)):
        for run, color in zip(mine, ramp(len(mine)), strict=True):
            energy = run.paths.energy.values
            label = f"α = {run.alpha:g}, T = {run.temperature:.2g}"
            ax.plot(
                run.paths.position, energy / energy[[0, -1]].mean(), color=color, linestyle=line, linewidth=1.2, label=label
            )
    ax.set(yscale="log", xlabel="position on the line between two chains", ylabel="energy over that of the ends", ylim=(0.7, 9))
    legend(ax, fontsize=7, ncols=2, loc="upper center")


def draw_barriers(ax: Axes, runs: list[Run]) -> None:
    """Mean barrier over the energy of the ends."""
    for (alpha, mine), color in zip(by_alpha(runs).items(), PALETTE, strict=False):
        values = np.array([[float(run.paths.barrier), float(run.paths.barrier_error)] for run in mine])
        values /= np.array([run.energy[0] for run in mine])[:, None]
        ax.errorbar([run.temperature for run in mine], *values.T, fmt="o-", markersize=4, linewidth=1.0, color=color,
                    label=f"α = {alpha:g}")  # fmt: skip
    ax.set(xscale="log", xlabel="temperature of the summed loss", ylabel="barrier over the energy of the ends")
    legend(ax)


def draw_ratchet(ax: Axes, runs: list[Run], study: Path) -> None:
    """Energies of the ends and the barrier of the line between them, while the ratchet brings them together."""
    for file in sorted(study.glob("*-ratchet/ratchet.nc")):
        with xr.open_dataset(file) as ratchet:
            (run,) = [one for one in runs if f"{one.folder.name}-ratchet" == file.parent.name]
            met = f"{int(ratchet.met.sum())} of {ratchet.sizes['path']} pairs met"
            print(f"\nratchet at alpha = {run.alpha:g}, T = {run.temperature:.3g}: {met}\n")
            print("| path | direct barrier | ends at first | highest energy of the ends |\n|---|---|---|---|")
            for number in range(ratchet.sizes["path"]):
                one = ratchet.isel(path=number)
                first = float(one.energies[0].max())
                ax.plot(
                    one.overlap, one.energies.max("end"), color=PALETTE[0], linewidth=0.8, label="_" if number else "higher end"
                )
                ax.plot(
                    one.overlap, one.barrier, color=PALETTE[1], linewidth=0.8, label="_" if number else "barrier between them"
                )
                print(f"| {number} | {float(one.barrier[0]):.3f} | {first:.3f} | {float(one.highest):.3f} |")
            ax.set_xlabel(f"overlap of the two ends, α = {run.alpha:g}, T = {run.temperature:.2g}")
    ax.set_ylabel("energy")
    legend(ax)


def draw_ladder(ax: Axes, runs: list[Run], folder: Path) -> None:
    """Energies over the published ones at alpha = 1.8: of single chains, and of those that change temperature; a table, too."""
    cold = by_alpha(runs)[1.8]
    known = [run for run in cold if any(np.isclose(run.temperature, t, rtol=0.01) for t in ENERGY)]
    published = [next(u for t, u in ENERGY.items() if np.isclose(run.temperature, t, rtol=0.01)) for run in known]
    values = np.array([run.energy for run in known]) / np.array(published)[:, None]
    ax.errorbar([run.temperature for run in known], *values.T, fmt="o-", markersize=4, linewidth=1.0, color=PALETTE[1],
                label="single chains")  # fmt: skip
    if (folder / "result.nc").exists():
        ladder = xr.load_dataset(folder / "result.nc", group="canonical").sortby("beta", ascending=False)
        patterns = round(cold[0].alpha * read_samples(folder, 1).weights.shape[2])
        order = np.argsort(patterns / ladder.beta.values)
        t = np.array(list(ENERGY))
        mine = np.interp(np.log(t), np.log(patterns / ladder.beta.values[order]), np.log(ladder.energy_mean.values[order]))
        ax.plot(t, np.exp(mine) / np.array(list(ENERGY.values())), "s-", markersize=4, linewidth=1.0, color=PALETTE[2],
                label="chains on a ladder")  # fmt: skip
        tell_ladder(folder, ladder, patterns)
    ax.axhline(1.0, color=INK, linewidth=0.8)
    ax.set(xscale="log", xlabel="temperature of the summed loss, α = 1.8", ylabel="energy over that published for N = 1000")
    legend(ax)


def tell_ladder(folder: Path, ladder: xr.Dataset, patterns: int) -> None:
    """Energies and the rest at the temperatures of single chains; q: of a temperature with itself half a run later."""
    print("\n| T | energy | training error | w² | q inside |\n|---|---|---|---|---|")
    for t in (0.018, 0.18, 1.8, 18.0):
        window = int(np.abs(np.log(patterns / ladder.beta.values / t)).argmin())
        row, weights = ladder.isel(beta=window), read_samples(folder, TIMES, window).weights
        cells = [f"{t:g}", f"{float(row.energy_mean):.4g} ± {float(row.energy_mean_error):.2g}"]
        cells += [f"{float(row['training-error']):.4f} ± {float(row['training-error_error']):.4f}"]
        cells += [f"{float(row['norm-squared']) / weights.shape[2]:.0f}", f"{inside(weights).mean():.3f}"]
        print(f"| {' | '.join(cells)} |")


def draw_centres(axes: Any, runs: list[Run], study: Path) -> None:
    """The five panels of `centres.py`, and its table."""
    if not (study / "paths.nc").exists():
        return
    groups = centres.read_groups(study)
    singles = {}
    for alpha in dict.fromkeys(one.alpha for one in groups):
        t = next(one.temperature for one in groups if one.alpha == alpha)
        (run,) = [run for run in runs if run.alpha == alpha and np.isclose(run.temperature, t, rtol=0.01)]
        singles[alpha] = centres.read_single(run.folder, by_alpha(runs)[alpha][0].folder, run.paths)
    for draw, ax in zip((centres.draw_energies, centres.draw_overlaps, centres.draw_barriers), axes, strict=False):
        draw(ax, groups, singles)
    for (alpha, single), ax in zip(singles.items(), axes[3:], strict=False):
        centres.draw_noise(ax, groups, alpha, single)
    centres.tell(groups, singles)


def tell(runs: list[Run]) -> None:
    """The numbers in Markdown."""
    names = ("alpha", "T", "energy", "training error", "w²", "q inside", "q between", "barrier", "curves without")
    print(f"| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for run in runs:
        cells = [f"{run.alpha:g}", f"{run.temperature:.3g}", "{:.4g} ± {:.2g}".format(*run.energy)]
        cells += ["{:.4f} ± {:.4f}".format(*run.error), f"{run.size:.0f}", f"{run.inside.mean():.3f}"]
        cells += [f"{run.between.mean():.3f} ± {spread(run):.3f}"]
        cells += [f"{float(run.paths.barrier):.4g} ± {float(run.paths.barrier_error):.2g}", f"{float(run.paths.free):.2f}"]
        print(f"| {' | '.join(cells)} |")


def main(runs: Path) -> None:
    """Draw what there is."""
    study = runs / "sample"
    if not (study / "paths.nc").exists():
        raise SystemExit(f"{study}/paths.nc is missing: pland paths {study} makes it, once sample.toml has been run")
    found = read(study)
    figure = Figure(figsize=(12.6, 13.2), layout="constrained")
    axes = [new_axes(ax) for ax in figure.subplots(4, 3).flat]
    for draw, ax in zip((draw_energy, draw_overlaps, draw_distributions, draw_curves, draw_barriers), axes, strict=False):
        draw(ax, found)
    tell(found)
    draw_ratchet(axes[5], found, study)
    draw_centres(axes[6:11], found, runs / "coupled")
    draw_ladder(axes[11], found, runs / "ladder")
    figure.savefig(runs / "one-hidden-layer.png", dpi=120)
    print(f"\n{runs / 'one-hidden-layer.png'}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs"))
