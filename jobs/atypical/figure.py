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
from parallel_landscape.theory.franz_parisi import franz_parisi
from parallel_landscape.theory.local_energy import local_energy
from parallel_landscape.theory.thresholds import features_capacity

DASHED = (0, (4, 2))
NAMES = {"typical": "typical (sampled)", "sbpi": "SBPI", "focusing-bp": "focusing BP", "replicated-sgd": "replicated SGD",
         "annealing": "annealing"}  # fmt: skip


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
    for (name, folder), color in zip(every.items(), PALETTE, strict=False):
        rows = np.array([at_zero(folder, names)[key] for key in names]) / patterns
        ax.errorbar(d, rows[:, 0], rows[:, 1], fmt="o-", markersize=3, linewidth=1.0, color=color, label=NAMES[name])
        print(f"| {NAMES[name]} | {' | '.join(f'{mean:.4f} ± {error:.4f}' for mean, error in rows)} |")
    ax.set(xscale="log", yscale="log", xlabel="fraction of weights flipped, d", ylabel="errors afterwards, E/P")
    legend(ax)


def draw_local_entropy(ax: Axes, runs: Path) -> None:
    """Number of solutions at a distance from a solution, ln over N."""
    rows = {}
    for (name, label), color in zip(
        {"around-typical": "typical", "around-found": "focusing BP"}.items(), PALETTE[0::2], strict=False
    ):
        run = runs / name
        if not (run / "result.nc").exists():
            continue
        landscape = landscape_of(run)
        weights, patterns = landscape["inputs"], landscape["data"]["patterns"]
        with xr.open_dataset(run / "result.nc", group="local_entropy") as table:
            ln_n, error = (table[key].sel(energy=0).values / weights for key in ("ln_n", "ln_n_error"))
            d = table.distance.values / weights
        good = np.isfinite(ln_n) & np.isfinite(error) & (error < 0.01) & (d < 0.3)
        ax.plot(d[good], ln_n[good], color=color, label=label)
        ax.fill_between(d[good], (ln_n - error)[good], (ln_n + error)[good], color=color, alpha=0.25, linewidth=0)
        rows[label] = (d, ln_n, error)
    if not rows:
        return
    x = np.array([0.02, 0.04, 0.06, 0.08, 0.1, 0.14, 0.18, 0.22, 0.26, 0.3])
    theory = [franz_parisi(patterns / weights, 1 - 2 * float(one)).local_entropy for one in x]
    ax.plot(x, theory, color=INK, linestyle=DASHED, linewidth=1.0, label="typical, theory")
    every = np.linspace(1e-3, 0.3, 100)
    ax.plot(every, entr(every) + entr(1 - every), color=MUTED, linestyle=":", linewidth=1.0, label="all weights")
    print(f"\nlocal entropy per weight\n\n| d/N | theory of typical | {' | '.join(rows)} |\n|---|---|" + "---|" * len(rows))
    for one, expected in zip(x[[1, 3, 5, 7]], np.array(theory)[[1, 3, 5, 7]], strict=True):
        cells = []
        for d, ln_n, error in rows.values():
            place = int(np.argmin(np.abs(d - one)))
            cells.append(f"{ln_n[place]:.4f} ± {error[place]:.4f}")
        print(f"| {one:.2f} | {expected:.4f} | {' | '.join(cells)} |")
    ax.set(xlabel="distance d/N", ylabel="ln (number of solutions) / N")
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
    for ax in (left, right):
        ax.axvline(point.weights_per_pattern, color=INK, linestyle=DASHED, linewidth=0.8, label="interpolation, theory")
        ax.set_xlabel("weights per pattern N/P")
        legend(ax)
    left.set_ylabel("fraction solved; errors after flips, E/P")
    right.set_ylabel("test error")
    print(f"\ninterpolation point of the theory: N/P = {point.weights_per_pattern:.4f}\n")
    head = ("N/P", "solved", "lowest E sampled", "sampled: E/P after flips", "found", "sampled: test error", "found")
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        keys = [(who, key) for key in ("near", "test-error") for who in ("sampled", "found")]
        scale = {"near": row["patterns"], "test-error": 1}
        cells = [[value / scale[key] for value in row[who][key]] for who, key in keys]
        told = " | ".join("none" if math.isnan(mean) else f"{mean:.4f} ± {error:.4f}" for mean, error in cells)
        print(f"| {row['N/P']:.2f} | {row['solved'] * row['attempts']:.0f} of {row['attempts']} | {row['lowest']} | {told} |")


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
