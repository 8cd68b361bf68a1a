"""Weights on a sphere moved by rotations, on any number of ranks, stopped in equilibration or in production: the same bits."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from faults.harness import Data, different, final_data, pland, stopped_in

pytestmark = [pytest.mark.mpi, pytest.mark.long]

JOB: dict[str, Any] = {
    "name": "run",
    "seed": 5,
    "landscape": {
        "model": "margin-perceptron",
        "inputs": 24,
        "kappa": -0.4,
        "descent": 50,
        "data": {"source": "random", "kind": "gaussian", "alpha": 1.0},
    },
    "dynamics": {"kind": "rotation", "sweeps_per_round": 10},
    "ensemble": {"kind": "canonical", "beta": float("inf"), "equilibration_rounds": 40},
    "exchange": {"kind": "none", "walkers_per_temperature": 4},
    "production": {"rounds": 90, "record_every_sweeps": 5, "weights": True, "observables": ["smallest-stability"]},
    "run": {"checkpoint_rounds": 25},
}


def command(name: str, what: Path, ranks: int, run: Path) -> Data:
    done = pland(name, what, "-n", ranks, "--quiet")
    assert done.returncode == 0, done.stderr
    return final_data(run) | {"job": np.frombuffer((run / "job.toml").read_bytes(), np.uint8)}


def run_on(folder: Path, ranks: int) -> Data:
    """The final data of a whole run."""
    folder.mkdir()
    (folder / "job.toml").write_text(tomli_w.dumps(JOB))
    return command("run", folder / "job.toml", ranks, folder / "runs" / "run")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return run_on(tmp_path_factory.mktemp("alone") / "run", 1)


@pytest.mark.parametrize("ranks", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_same_bits_on_any_number_of_ranks(ranks: int, alone: Data, tmp_path: Path) -> None:
    assert different(alone, run_on(tmp_path / "run", ranks)) == []


@pytest.mark.parametrize(
    ("kind", "number", "ranks"), [pytest.param("equilibrate", 27, 3, marks=pytest.mark.slow), ("produce", 50, 2)]
)
def test_same_bits_after_a_stop(kind: str, number: int, ranks: int, alone: Data, tmp_path: Path) -> None:
    run = stopped_in(tmp_path, JOB, kind, number)
    moved = Path(shutil.copytree(run, tmp_path / "run"))
    assert different(alone, command("resume", moved, ranks, moved)) == []


def test_the_weights_are_recorded_as_they_are(alone: Data) -> None:
    (weights,) = [column for name, column in alone.items() if name.endswith("weights")]
    np.testing.assert_allclose((weights**2).sum(axis=1), 24.0)
