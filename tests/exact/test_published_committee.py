"""The tree committee of A. Zambon et al., arXiv:2503.08266: minimum and averages as published.

E = mean of ln(1 + exp(-y f)) + 1e-7 |w|^2, relu units, second layer half +1 and half -1, Gaussian patterns with random labels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from parallel_landscape.driver.rounds import run_job
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.job.job import Job, make_job
from parallel_landscape.store.result import read_groups

COMMITTEE = {
    "model": "one-hidden-layer",
    "tree": True,
    "activation": "relu",
    "output": "halves",
    "loss": "cross-entropy",
    "convention": "mean",
    "decay": 1e-7,
}


def job_of(folder: Path, inputs: int, hidden: int, alpha: float, temperatures: list[float], seed: int = 1) -> Job:
    data = {"source": "random", "kind": "gaussian", "alpha": alpha}
    content = {
        "name": "run",
        "seed": seed,
        "landscape": {**COMMITTEE, "inputs": inputs, "hidden": hidden, "data": data},
        "dynamics": {"kind": "hmc", "step": "adapt", "steps": 40, "adapt_rounds": 60, "sweeps_per_round": 2, "pack": 4},
        "ensemble": {"kind": "canonical", "temperatures": temperatures, "equilibration_rounds": 60},
        "exchange": {"kind": "none", "walkers_per_temperature": 2},
        "production": {"rounds": 100, "record_every_sweeps": 2, "observables": ["norm-squared", "training-error"]},
    }
    return make_job(content, folder)


@pytest.mark.slow
def test_the_minimum_at_alpha_1(tmp_path: Path) -> None:
    """By L-BFGS from small weights; published is one instance: E = 0.0197 and 0.0200 by two algorithms, |w| = 371 and 374.

    Instances scatter by 2 % in E and 1 % in |w| (seen over these four), so a mean of four lies within 4 (1 + 1/4)^(1/2) times
    that of a single other one but for a chance of 1 in 10^4.
    """
    found = []
    for seed in (1, 2, 3, 4):
        landscape = job_of(tmp_path, 1000, 50, 1.0, [0.01], seed).build_landscape()

        def energy(weights: np.ndarray, landscape: Any = landscape) -> tuple[float, np.ndarray]:
            energies, gradients = landscape.energy_gradient(weights[None])
            return float(energies[0]), gradients[0]

        start = np.random.default_rng(0).uniform(-1, 1, landscape.size) / np.sqrt(20)
        options = {"maxiter": 5000, "maxfun": 40_000, "ftol": 1e-15, "gtol": 1e-9, "maxcor": 30}
        end = minimize(energy, start, jac=True, method="L-BFGS-B", options=options)
        found.append([end.fun, np.linalg.norm(end.x)])
    lowest, norm = np.mean(found, axis=0)
    spread = 4 * np.sqrt(1 + 1 / 4)
    assert lowest == pytest.approx(0.01985, rel=0.02 * spread)
    assert norm == pytest.approx(372.5, rel=0.01 * spread)


@pytest.mark.slow
@pytest.mark.statistics
def test_averages_at_two_temperatures(tmp_path: Path) -> None:
    """alpha = 1.8, T = 0.01 and 0.001 (for one instance): the loss is <E> - 1e-7 <|w|^2>."""
    job = job_of(tmp_path, 1000, 50, 1.8, [0.01, 0.001])
    run_job(job, Serial(), quiet=True)
    groups, attributes = read_groups(job.folder / "result.nc")
    table, canonical = groups["windows"], groups["canonical"]
    assert attributes["status"] == "converged" and attributes["convention"] == "mean"
    assert np.abs(table["virial"] - 1).max() < 0.02
    published = {"norm-squared": (4.45e6, 3.3e7), "training-error": (0.0675, 0.175), "loss": (0.185, 3.5)}
    measured = {**canonical, "loss": canonical["energy_mean"] - 1e-7 * canonical["norm-squared"]}
    for name, (cold, hot) in published.items():
        assert measured[name] == pytest.approx([cold, hot], rel=0.1), name
