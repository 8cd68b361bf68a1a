"""The figure of the study: p(E) = g(E)/sum g against E/P, a panel for each study found in a folder of runs, and its numbers.

    python jobs/density-of-states/figure.py jobs/density-of-states/small/runs

Several seeds are instances: drawn is the mean of ln p(E) over those that have the level; the table has means and errors.
"""

from __future__ import annotations

import json
import math
import sys
import tomllib
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from parallel_landscape.analysis.plots.style import curve, legend, new_axes, ramp

TITLES = {
    "separation": "distance of the classes",
    "balance": "patterns with label +1",
    "labels": "labels turned",
    "digits": "digits, labels shuffled",
    "mnist": "MNIST, labels shuffled",
    "width": "layers (width)",
    "depth": "layers (depth)",
}


def read(folder: Path) -> tuple[xr.DataArray, int] | None:
    """ln p(E) over (instance, value, energy), and the number of patterns; None where the study has not been run."""
    if not (folder / "study.nc").exists():
        return None
    about = json.loads((folder / "study.json").read_bytes())
    with xr.open_dataset(folder / "study.nc") as study:
        ln_g = (study.ln_g - study.ln_g_total).load()
        ln_g = ln_g.rename({next(name for name in ln_g.dims if name not in ("seed", "energy")): "value"})
    if "seed" not in ln_g.dims:
        ln_g = ln_g.expand_dims("seed")
    first = tomllib.loads((folder / about["points"][0]["folder"] / "submitted.toml").read_text())
    return ln_g.transpose("seed", "value", "energy"), int(first["landscape"]["data"]["patterns"])


def of_instances(values: list[float]) -> str:
    """Mean and standard error, as far as they are finite."""
    good = np.array([value for value in values if math.isfinite(value)])
    if not good.size:
        return "none"
    return f"{good.mean():.2f}" + (f" ± {good.std(ddof=1) / math.sqrt(good.size):.2f}" if good.size > 1 else "")


def numbers(ln_p: xr.DataArray, patterns: int) -> tuple[str, str, str, str]:
    """ln p(0), lowest energy, standard deviation of E/P and place of the maximum, over (seed, energy)."""
    energy, rows = ln_p.energy.values.astype(float), np.where(np.isnan(ln_p.values), -np.inf, ln_p.values)
    p = np.exp(rows)
    mean = p @ energy
    spread = np.sqrt(np.maximum(p @ energy**2 - mean**2, 0)) / patterns
    zero = [float(row[energy == 0][0]) if (energy == 0).any() else math.nan for row in rows]
    lowest = [float(energy[np.isfinite(row)][0]) for row in rows]
    return (
        of_instances(zero), of_instances(lowest), of_instances(spread.tolist()),
        of_instances((energy[np.argmax(rows, axis=1)] / patterns).tolist()),
    )  # fmt: skip


def main(runs: Path) -> None:
    """Draw all studies that there are and print their numbers in Markdown."""
    found = {name: study for name in TITLES if (study := read(runs / name)) is not None}
    if not found:
        raise SystemExit(f"{runs} holds no study that has been run: pland run small/separation.toml makes the first")
    columns = min(3, len(found))
    rows = -(-len(found) // columns)
    figure = Figure(figsize=(3.6 * columns, 2.9 * rows), layout="constrained")
    print("| study | value | ln p(0) | lowest E | std(E/P) | maximum at E/P |\n|---|---|---|---|---|---|")
    for place, (name, (ln_p, patterns)) in enumerate(found.items(), 1):
        ax = new_axes(figure.add_subplot(rows, columns, place))
        for value, color in zip(ln_p.value.values, ramp(ln_p.sizes["value"]), strict=True):
            mine = ln_p.sel(value=value)
            curve(ax, mine.energy / patterns, mine.mean("seed"), color=color, label=str(value))
            print(f"| {name} | {value} | {' | '.join(numbers(mine, patterns))} |")
        ax.set_title(TITLES[name], fontsize=9.5)
        ax.set_xlabel("E/P")
        ax.set_ylabel("ln p(E)")
        legend(ax)
    figure.savefig(runs / "density-of-states.png", dpi=150)
    print(f"\n{runs / 'density-of-states.png'}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs"))
