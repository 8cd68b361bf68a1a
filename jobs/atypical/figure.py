"""The figure of the study, four panels, and its numbers, from a folder of runs.

    python jobs/atypical/figure.py jobs/atypical/small/runs

Above: local energy and local entropy of typical solutions and of those that algorithms find, with the theory of typical ones.
Below: more weights for the same data: what a solver and the ladder of temperatures reach, and how well it generalises.
"""

from __future__ import annotations

import json
import math
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import entr

from parallel_landscape.analysis.plots.style import INK, MUTED, PALETTE, legend, new_axes
from parallel_landscape.theory.features import random_features
from parallel_landscape.theory.franz_parisi import franz_parisi
from parallel_landscape.theory.local_energy import local_energy
from parallel_landscape.theory.thresholds import features_capacity

DASHED = (0, (4, 2))
MOST = 0.01  # error by sampling, above which a distance is not shown
NAMES = {"typical": "typical (sampled)", "sbpi": "SBPI", "focusing-bp": "focusing BP", "replicated-sgd": "replicated SGD",
         "annealing": "annealing"}  # fmt: skip
COLORS = dict(zip(NAMES, PALETTE, strict=False))


def landscape_of(run: Path) -> dict[str, Any]:
    """[landscape] of a run or of a solver's folder."""
    return dict(tomllib.loads((run / "submitted.toml").read_text())["landscape"])


def at_zero(run: Path, names: list[str]) -> dict[str, tuple[float, float]]:
    """Mean and standard error of observables at E = 0; nan where nothing got there."""
    with xr.open_dataset(run / "result.nc") as result:
        here = result.where(result.energy == 0, drop=True)
        if not here.sizes["energy"] or not float(here["samples"][0]):
            return dict.fromkeys(names, (math.nan, math.nan))
        return {name: (float(here[name][0]), float(here[f"{name}_error"][0])) for name in names}


def folders(runs: Path) -> dict[str, Path]:
    """The sampled solutions and those of each algorithm, by name."""
    sampled = runs / "typical" if (runs / "typical" / "result.nc").exists() else runs / "typical" / "typical-0000"
    found = {"typical": sampled}
    for folder in sorted((runs / "found").glob("found-*-solve")):
        with xr.open_dataset(folder / "solve.nc") as table:
            found.setdefault(str(table.attrs["algorithm"]), folder)
    return found


def draw_local_energy(ax: Axes, runs: Path) -> None:
    """dE/P against the distance; the theory is that of typical solutions."""
    every, sampled = folders(runs), folders(runs)["typical"]
    with xr.open_dataset(sampled / "result.nc") as result:
        names = sorted((str(name) for name in np.atleast_1d(result.attrs["observables"]) if str(name).startswith("d-")),
                       key=lambda name: float(name[2:]))  # fmt: skip
    landscape = landscape_of(sampled)
    weights, patterns = landscape["inputs"], landscape["data"]["patterns"]
    d = np.array([max(1, round(float(name[2:]) * weights)) for name in names]) / weights
    theory = [local_energy(patterns / weights, float(x)).local_energy for x in d]
    ax.plot(d, theory, color=INK, linestyle=DASHED, linewidth=1.0, label="typical, theory")
    print(f"local energy per pattern at E = 0, N = {weights}, P = {patterns}\n")
    print(f"| solutions | {' | '.join(f'd = {x:.3f}' for x in d)} |")
    print("|---|" + "---|" * len(d) + f"\n| theory of typical | {' | '.join(f'{t:.4f}' for t in theory)} |")
    for name, folder in every.items():
        rows = np.array([at_zero(folder, names)[key] for key in names]) / patterns
        ax.errorbar(d, rows[:, 0], rows[:, 1], fmt="o-", markersize=3, linewidth=1.0, color=COLORS[name], label=NAMES[name])
        print(f"| {NAMES[name]} | {' | '.join(f'{mean:.4f} ± {error:.4f}' for mean, error in rows)} |")
    ax.set(xscale="log", yscale="log", xlabel="fraction of weights flipped, d", ylabel="errors afterwards, E/P")
    legend(ax)


def local_entropies(runs: Path) -> dict[str, list[np.ndarray]]:
    """For typical solutions and those of each algorithm: ln of the number of solutions per weight at each distance from several
    of them, and the error of each by sampling; rows (2, distances)."""
    found: dict[str, list[np.ndarray]] = {}
    for file in sorted([*(runs / "around-typical").glob("*/result.nc"), *(runs / "around-found").glob("*/result.nc")]):
        job = tomllib.loads((file.parent / "submitted.toml").read_text())
        source = runs.parent / job["ensemble"]["reference"] / "solve.nc"
        name = "typical"
        if source.exists():
            with xr.open_dataset(source) as table:
                name = str(table.attrs["algorithm"])
        with xr.open_dataset(file, group="local_entropy") as table:
            rows = [table[key].sel(energy=0).values / job["landscape"]["inputs"] for key in ("ln_n", "ln_n_error")]
        found.setdefault(name, []).append(np.array(rows))
    return found


def draw_local_entropy(ax: Axes, runs: Path) -> None:
    """Number of solutions at a distance from a solution, ln over N; bars: over solutions, and of sampling."""
    landscape = landscape_of(folders(runs)["typical"])
    weights, alpha = landscape["inputs"], landscape["data"]["patterns"] / landscape["inputs"]
    d, shown = np.arange(weights + 1) / weights, {}
    for name, rows in local_entropies(runs).items():
        values, errors = np.array(rows).transpose(1, 0, 2)
        mean = np.where(errors < MOST, values, np.nan).mean(axis=0)
        error = np.hypot(values.std(axis=0, ddof=1), errors.mean(axis=0)) / math.sqrt(len(rows))
        ax.plot(d, mean, color=COLORS[name], label=NAMES[name])
        ax.fill_between(d, mean - error, mean + error, color=COLORS[name], alpha=0.25, linewidth=0)
        shown[f"{NAMES[name]}, {len(rows)} solutions"] = mean, error
    x = np.array([4, 8, 12, 16, 20, 28, 36, 44, 52]) * weights // 201 / weights
    theory = np.array([franz_parisi(alpha, 1 - 2 * float(one)).local_entropy for one in x])
    ax.plot(x, theory, color=INK, linestyle=DASHED, linewidth=1.0, label="typical, theory")
    every = np.linspace(1e-3, x[-1], 100)
    ax.plot(every, entr(every) + entr(1 - every), color=MUTED, linestyle=":", linewidth=1.0, label="all weights")
    print(f"\nlocal entropy per weight\n\n| d/N | theory of typical | {' | '.join(shown)} |\n|---|---|{'---|' * len(shown)}")
    for one, expected in zip(x[::2], theory[::2], strict=True):
        place = round(float(one) * weights)
        cells = [f"{mean[place]:.4f} ± {error[place]:.4f}" for mean, error in shown.values()]
        print(f"| {one:.3f} | {expected:.4f} | {' | '.join(cells)} |")
    ax.set(xlabel="distance d/N", ylabel="ln (number of solutions) / N", xlim=(0, x[-1]), ylim=(0, 0.62))
    legend(ax)


def transition(runs: Path) -> list[dict[str, Any]]:
    """A row for each number of weights: success, and both kinds of solutions at E = 0."""
    study, rows = runs / "transition", []
    for point in json.loads((study / "study.json").read_bytes())["points"]:
        run, solved = study / point["folder"], study / f"{point['folder']}-solve"
        landscape = landscape_of(run)
        with xr.open_dataset(solved / "solve.nc") as table, xr.open_dataset(run / "result.nc") as result:
            success = table.success.values.astype(bool).any(axis=1)
            lowest = int(result.energy[result["samples"].values > 0][0])
        row = {"N/P": landscape["inputs"] / landscape["data"]["patterns"], "solved": success.mean(), "attempts": len(success)}
        row |= {"lowest": lowest, "patterns": landscape["data"]["patterns"], "latent": landscape["data"]["alpha_latent"]}
        rows.append(row | {"sampled": at_zero(run, ["near", "test-error"]), "found": at_zero(solved, ["near", "test-error"])})
    return rows


def draw_transition(left: Axes, right: Axes, runs: Path) -> None:
    """Success and local energy; generalisation error."""
    rows = transition(runs)
    x, point = [row["N/P"] for row in rows], features_capacity(rows[0]["latent"])
    left.plot(x, [row["solved"] for row in rows], "s-", color=MUTED, markersize=3, linewidth=1.0, label="solved (focusing BP)")
    for who, color, label in (("sampled", PALETTE[0], "typical (sampled)"), ("found", PALETTE[2], "focusing BP")):
        for ax, key, scale in ((left, "near", rows[0]["patterns"]), (right, "test-error", 1)):
            mean, error = np.array([row[who][key] for row in rows]).T / scale
            ax.errorbar(x, mean, error, fmt="o-", markersize=3, linewidth=1.0, color=color, label=label)
    theory = [random_features(1 / one, rows[0]["latent"]).generalisation_error if one > point.weights_per_pattern else math.nan
              for one in x]  # fmt: skip
    right.plot(x, theory, color=INK, linestyle=DASHED, linewidth=1.0, label="typical, theory")
    for ax in (left, right):
        ax.axvline(point.weights_per_pattern, color=INK, linestyle=":", linewidth=1.0, label="interpolation, theory")
        ax.set_xlabel("weights per pattern N/P")
        legend(ax)
    left.set_ylabel("fraction solved; errors after flips, E/P")
    right.set_ylabel("test error")
    print(f"\ninterpolation point of the theory: N/P = {point.weights_per_pattern:.4f}\n")
    head = (
        "N/P",
        "solved",
        "lowest E sampled",
        "sampled: E/P after flips",
        "found",
        "sampled: test error",
        "found",
        "typical, theory",
    )
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row, expected in zip(rows, theory, strict=True):
        keys = [(who, key) for key in ("near", "test-error") for who in ("sampled", "found")]
        scale = {"near": row["patterns"], "test-error": 1}
        cells = [[value / scale[key] for value in row[who][key]] for who, key in keys]
        told = " | ".join("none" if math.isnan(mean) else f"{mean:.4f} ± {error:.4f}" for mean, error in cells)
        solved = f"{row['solved'] * row['attempts']:.0f} of {row['attempts']}"
        print(f"| {row['N/P']:.2f} | {solved} | {row['lowest']} | {told} | {expected:.4f} |")


def main(runs: Path) -> None:
    """Draw what there is."""
    figure = Figure(figsize=(9.6, 6.4), layout="constrained")
    (one, two), (three, four) = figure.subplots(2, 2)
    for ax in (one, two, three, four):
        new_axes(ax)
    draw_local_energy(one, runs)
    draw_local_entropy(two, runs)
    draw_transition(three, four, runs)
    figure.savefig(runs / "atypical.png", dpi=150)
    print(f"\n{runs / 'atypical.png'}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs"))
