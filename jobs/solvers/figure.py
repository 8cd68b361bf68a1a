"""Solved instances against alpha, for each algorithm and size: a table in Markdown, and the figure.

    python jobs/solvers/figure.py jobs/solvers/runs jobs/solvers/large/runs

Reads all folders of `pland solve` below these; those whose attempts are not all over are named and left out. Bars are 68 %
intervals of the chance to solve an instance (E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927)); dashed: thresholds of the
literature.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binomtest

from parallel_landscape.analysis.plots.style import INK, MUTED, PALETTE, legend, new_axes

THRESHOLDS = {0.69: "SBPI", 0.75: "BP", 0.833: "capacity"}
MARKS = "osD^vX"


class Cell(NamedTuple):
    """One folder: instances solved of so many, and the median iterations of the attempts that did it."""

    size: int
    algorithm: str
    alpha: float
    solved: int
    instances: int
    iterations: float


def cell_of(path: Path) -> Cell:
    """What a table `solve.nc` says."""
    with xarray.open_dataset(path) as table:
        job = tomllib.loads(table.attrs["job"])
        landscape, success = job["landscape"], table.success.values.astype(bool)
        taken = table.iterations.values[success]
        name = job["solve"]["algorithm"] + (", nodes" if job["solve"].get("messages") == "nodes" else "")
        median = float(np.median(taken)) if taken.size else np.nan
        solved = int(success.any(axis=1).sum())
        return Cell(landscape["inputs"], name, landscape["data"]["alpha"], solved, len(success), median)


def table_of(cells: list[Cell]) -> list[str]:
    """Lines of Markdown: for each size a row for each algorithm; solved instances and (median iterations) for each alpha."""
    lines = []
    for size in sorted({cell.size for cell in cells}):
        here = {(cell.algorithm, cell.alpha): cell for cell in cells if cell.size == size}
        alphas, names = sorted({alpha for _, alpha in here}), sorted({name for name, _ in here})
        lines += [
            "",
            f"| N = {size:,} | " + " | ".join(f"{alpha:g}" for alpha in alphas) + " |",
            "|---" * (len(alphas) + 1) + "|",
        ]
        for name in names:
            found = [here.get((name, alpha)) for alpha in alphas]
            lines.append(f"| {name} | " + " | ".join("" if cell is None else _text(cell) for cell in found) + " |")
    return lines[1:]


def _text(cell: Cell) -> str:
    """Solved instances, of how many unless these are 20, and median iterations."""
    of = "" if cell.instances == 20 else f" of {cell.instances}"
    return f"{cell.solved}{of} ({cell.iterations:.0f})" if cell.solved else f"{cell.solved}{of}"


def family(algorithm: str) -> str:
    """The algorithm without a word on its messages."""
    return algorithm.split(",")[0]


def draw(ax: Axes, cells: list[Cell], families: list[str]) -> None:
    """Chance to solve an instance against alpha, one size; a colour for each family, whatever its messages."""
    new_axes(ax)
    names = sorted({cell.algorithm for cell in cells})
    for place, name in enumerate(names):
        number = families.index(family(name))
        own = sorted(cell for cell in cells if cell.algorithm == name)
        chance = np.array([cell.solved / cell.instances for cell in own])
        bounds = [binomtest(cell.solved, cell.instances).proportion_ci(0.68, "wilson") for cell in own]
        bars = np.abs([[p - bound.low, bound.high - p] for p, bound in zip(chance, bounds, strict=True)]).T
        shifted = np.array([cell.alpha for cell in own]) + 0.0015 * (place - (len(names) - 1) / 2)
        style = {"color": PALETTE[number % len(PALETTE)], "marker": MARKS[number % len(MARKS)], "markersize": 4.5}
        ax.errorbar(shifted, chance, bars, label=name, linewidth=1.2, elinewidth=0.9, **style)
    legend(ax, loc="lower left")
    for alpha, what in THRESHOLDS.items():
        ax.axvline(alpha, color=MUTED, linewidth=0.9, linestyle=(0, (4, 2)))
        ax.annotate(what, (alpha, 1.07), ha="center", fontsize=8, color=MUTED, annotation_clip=False)
    ax.set_xlabel("patterns per weight, alpha")
    ax.set_ylim(-0.04, 1.05)


def figure(cells: list[Cell]) -> Figure:
    """One panel for each size."""
    sizes, families = sorted({cell.size for cell in cells}), sorted({family(cell.algorithm) for cell in cells})
    drawn = Figure(figsize=(4.8 * len(sizes), 3.6), layout="constrained")
    panels = drawn.subplots(1, len(sizes), squeeze=False, sharey=True)[0]
    for ax, size in zip(panels, sizes, strict=True):
        draw(ax, [cell for cell in cells if cell.size == size], families)
        ax.set_title(f"N = {size:,}", fontsize=9.5, color=INK, pad=18)
    panels[0].set_ylabel("fraction of instances solved")
    return drawn


def main(folders: list[str]) -> None:
    """Print the table, write `solvers.png` into the first folder, and name what is not finished."""
    started = sorted(path for folder in folders for path in Path(folder).glob("**/*-solve"))
    done = [path / "solve.nc" for path in started if (path / "solve.nc").exists()]
    if not done:
        sys.exit(f"{' '.join(folders)}: no solve.nc below; `pland solve` with one of the jobs first")
    cells = [cell_of(path) for path in done]
    print("\n".join(table_of(cells)))
    path = Path(folders[0]) / "solvers.png"
    figure(cells).savefig(path, dpi=150, metadata={"Software": None})
    print(f"\n{path}")
    for folder in started:
        if folder / "solve.nc" not in done:
            print(f"{folder}: not finished; `pland solve` with its job goes on", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
