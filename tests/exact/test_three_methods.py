"""ln g(E) of a perceptron too large to enumerate, N = 101, by three methods that share no estimator: Wang-Landau in windows,
replica exchange in temperature with MBAR, and thermodynamic integration of its mean energies.

Each has an error of its own, from independent repeats (its blocks, for MBAR), with some ten degrees of freedom each; a
difference over its error then has a mean square of 10/8 (Student), and its mean over levels, which move together, stays
below 3 but in about 1 of 100 cases. Seeds are fixed. A rectangle rule instead of the trapezoid is the wrong twin.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faults.harness import pland, write_job
from numpy.typing import NDArray

from parallel_landscape.store.catalogue import read_catalogue
from parallel_landscape.store.result import read_groups
from parallel_landscape.store.segments import read_records

INPUTS, PATTERNS, REPEATS, LARGEST = 101, 50, 12, 3.0
BETAS = np.linspace(0.0, 3.0, 16)
F = NDArray[np.float64]
PROBLEM: dict[str, Any] = {
    "seed": 3,
    "landscape": {
        "model": "binary-perceptron",
        "inputs": INPUTS,
        "data": {"source": "random", "patterns": PATTERNS, "seed": 8},
    },
}
LEARNED = {
    "name": "learned",
    **PROBLEM,
    "ensemble": {"ln_f_final": 1e-6, "occasions": 200},
    "exchange": {"windows": 4},
    "run": {"repeats": REPEATS},
}
TEMPERED = {
    "name": "tempered",
    **PROBLEM,
    "dynamics": {"sweeps_per_round": 10},
    "ensemble": {"kind": "canonical", "betas": BETAS.tolist(), "equilibration_rounds": 300},
    "exchange": {"kind": "temperatures"},
    "production": {"rounds": 1500, "record_every_sweeps": 10},
    "run": {"repeats": REPEATS},
}


def curve(run: Path, name: str = "ln_g") -> tuple[F, F]:
    """ln g and its error over all energies, nan where unknown."""
    group = read_groups(run / "result.nc")[0][""]
    found = np.full((2, PATTERNS + 1), np.nan)
    inside = (group["energy"] >= 0) & (group["energy"] <= PATTERNS)
    found[:, group["energy"][inside]] = group[name][inside], group[f"{name}_error"][inside]
    return found[0], found[1]


def records_of(run: Path) -> NDArray[np.int64]:
    """Energies (repeats, temperatures, records), the hottest first."""
    catalogue = read_catalogue(run)
    records = read_records(catalogue.folder, catalogue.segments)
    return records["energy"].reshape(REPEATS, len(BETAS), -1)[:, ::-1]  # slots begin with the coldest


def integrated(energies: NDArray[np.int64], trapezoid: bool = True) -> F:
    """ln g of each repeat (repeats, levels): ln Z(beta) = N ln 2 - the integral of <E>, and g = Z p(E) exp(beta E) at the
    temperature at which E is seen most. <E>' = -Var E corrects the trapezoid to fourth order (Euler-Maclaurin)."""
    mean, variance, step = energies.mean(2), energies.var(2), np.diff(BETAS)
    area = mean[:, :-1] * step
    if trapezoid:
        area = 0.5 * (mean[:, 1:] + mean[:, :-1]) * step + step**2 / 12.0 * (variance[:, 1:] - variance[:, :-1])
    ln_z = INPUTS * math.log(2.0) - np.concatenate([np.zeros((REPEATS, 1)), np.cumsum(area, axis=1)], axis=1)
    seen = np.array([[np.bincount(one, minlength=PATTERNS + 1) for one in row] for row in energies])  # (repeats, betas, levels)
    best = seen.sum(0).argmax(0)  # the temperature of each energy
    levels = np.arange(PATTERNS + 1)
    with np.errstate(divide="ignore"):
        return np.asarray(ln_z[:, best] + BETAS[best] * levels + np.log(seen[:, best, levels] / energies.shape[2]))


def mean_square(one: tuple[F, F], other: tuple[F, F]) -> float:
    """Of the difference over its error, over the energies that both know."""
    z = (one[0] - other[0]) / np.hypot(one[1], other[1])
    assert np.isfinite(z).sum() >= 20
    return float(np.mean(z[np.isfinite(z)] ** 2))


@pytest.mark.slow
@pytest.mark.statistics
def test_three_methods_agree(tmp_path: Path) -> None:
    for job in (LEARNED, TEMPERED):
        done = pland("run", write_job(tmp_path / str(job["name"]), job), "-n", 2, "--quiet", timeout=1800)
        assert done.returncode == 0, done.stderr
    learned, tempered = tmp_path / "learned" / "runs" / "learned", tmp_path / "tempered" / "runs" / "tempered"
    energies = records_of(tempered)
    done = pland("analyze", tempered, timeout=600)
    assert done.returncode == 0, done.stderr
    methods = {"Wang-Landau": curve(learned), "MBAR": curve(tempered, "ln_g_mbar")}
    for name, trapezoid in (("integration", True), ("rectangles", False)):
        repeats = np.where(np.isfinite(found := integrated(energies, trapezoid)), found, np.nan)
        methods[name] = repeats.mean(0), repeats.std(0, ddof=1) / math.sqrt(REPEATS)
    names = list(methods)
    squares = {(a, b): mean_square(methods[a], methods[b]) for i, a in enumerate(names) for b in names[i + 1 :]}
    print("\n".join(f"{a} and {b}: mean z^2 {square:.2f}" for (a, b), square in squares.items()))
    for name in names:
        print(f"{name}: median error {np.nanmedian(methods[name][1]):.4f} on {np.isfinite(methods[name][0]).sum()} energies")
    assert all(square < LARGEST for pair, square in squares.items() if "rectangles" not in pair), squares
    assert squares["Wang-Landau", "rectangles"] > LARGEST, squares
