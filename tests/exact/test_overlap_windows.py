"""P(q) of a perceptron at each temperature, and of coupled replicas, against the sum over all pairs of states.

Seeds are fixed. Errors are asked to be honest: the mean of squares of (found - exact) / error over all q with a probability
above 1 % lies between 0.1 and 5. The values of a window move together: taken as chi^2 / 2 with two degrees of freedom, either
end is a chance of 1 in 10 and 1 in 150.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from parallel_landscape.analysis import overlap_windows
from parallel_landscape.commands.analyze import Request, analyze
from parallel_landscape.driver.rounds import run_job
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.job.job import Job, make_job
from parallel_landscape.network import Network
from parallel_landscape.store.result import read_groups

N, P, BETAS = 9, 8, [0.3, 0.8, 1.5]


def run(folder: Path, ensemble: dict[str, Any]) -> tuple[Job, dict[str, Any]]:
    """The job, and the group of its analysed run."""
    job = make_job(
        {
            "name": "run",
            "seed": 4,
            "landscape": {"model": "binary-perceptron", "inputs": N, "data": {"source": "random", "patterns": P}},
            "dynamics": {"sweeps_per_round": 5},
            "ensemble": {"equilibration_rounds": 100, **ensemble},
            "production": {"rounds": 3000, "record_every_sweeps": 5, "weights": True},
            "run": {"repeats": 2},
        },
        folder,
    )
    run_job(job, Serial(), quiet=True)
    analyze(job.folder, Request(scheduler="none"))
    return job, read_groups(job.folder / "result.nc")[0]["overlap_windows"]


def law_of(weight: NDArray[np.float64], every: NDArray[np.int64]) -> NDArray[np.float64]:
    """P over q = -1 .. 1 of two independent draws of the states `every` with these weights."""
    weight = weight / weight.sum()
    distance = (N - every @ every.T) // 2
    return np.bincount(distance.reshape(-1), np.outer(weight, weight).reshape(-1), N + 1)[::-1]


def energies_of(job: Job) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All states, and their energies."""
    every = np.array(list(product([-1, 1], repeat=N)))
    examples = job.training_set(Network((N, 1)))
    return every, ((every @ examples.patterns.T) * examples.labels.reshape(-1) < 0).sum(axis=1)


def squares(found: dict[str, Any], name: str, truth: NDArray[np.float64]) -> float:
    """Mean square of the deviations in units of the errors."""
    seen = truth > 0.01
    return float(np.mean(((found[name] - truth)[seen] / found[f"{name}_error"][seen]) ** 2))


@pytest.fixture(scope="module")
def tempered(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return run(tmp_path_factory.mktemp("run"), {"kind": "canonical", "betas": BETAS[::-1]})


def exact(job: Job) -> NDArray[np.float64]:
    every, energy = energies_of(job)
    return np.array([law_of(np.exp(-beta * energy), every) for beta in BETAS[::-1]])


def test_at_each_temperature(tempered: Any) -> None:
    job, found = tempered
    for name in ("between_repeats", "between_walkers", "along_walker"):
        assert found[name].shape == (3, N + 1) and found[f"{name}_pairs"].min() > 10_000
    np.testing.assert_allclose(found["between_repeats"].sum(axis=1), 1.0)
    assert 0.1 < squares(found, "between_repeats", exact(job)) < 5
    assert np.abs(found["between_walkers"] - exact(job)).max() < 0.03


def test_a_turned_overlap_is_rejected(tempered: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin counts equal bits for different ones; at low temperature P(q) of this landscape is far from even in q."""
    job, _ = tempered
    right = overlap_windows.pair_distances
    turned = lambda weights: ((first, last, N - distance) for first, last, distance in right(weights))  # noqa: E731
    monkeypatch.setattr(overlap_windows, "pair_distances", turned)
    analyze(job.folder, Request(scheduler="none"))
    assert squares(read_groups(job.folder / "result.nc")[0]["overlap_windows"], "between_repeats", exact(job)) > 10


def test_of_coupled_replicas(tmp_path: Path) -> None:
    """Replicas around a given reference are independent: their law is that of states in a field."""
    reference = np.random.default_rng(1).choice([-1, 1], N)
    np.save(tmp_path / "reference.npy", reference)
    about = {"kind": "coupled", "form": "reference", "reference": "reference.npy", "replicas": 2}
    job, found = run(tmp_path, {**about, "beta": 0.8, "gamma": [0.2, 0.5]})
    every, energy = energies_of(job)
    truth = np.array([law_of(np.exp(-0.8 * energy + gamma * every @ reference), every) for gamma in (0.2, 0.5)])
    assert 0.1 < squares(found, "between_repeats", truth) < 5 and 0.1 < squares(found, "between_walkers", truth) < 5
