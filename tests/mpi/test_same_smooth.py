"""Continuous weights on any number of ranks, stopped in any phase: the same bits, though ranks hold packs that are not full."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from faults.harness import Data, different, final_data, pland, stopped_in

from parallel_landscape.store.result import read_groups

pytestmark = [pytest.mark.mpi, pytest.mark.long]

HMC: dict[str, Any] = {
    "name": "run",
    "seed": 11,
    "landscape": {
        "model": "one-hidden-layer",
        "inputs": 12,
        "hidden": 3,
        "prior": 1.0,
        "data": {"source": "teacher", "patterns": 20},
    },
    "dynamics": {"kind": "hmc", "step": "adapt", "steps": 4, "adapt_rounds": 24, "pack": 4},
    "ensemble": {
        "kind": "canonical",
        "betas": {"min": 0.1, "max": 3.0, "count": 3, "spacing": "adapted"},
        "equilibration_rounds": 16,
        "pilot_rounds": 40,
    },
    "exchange": {"walkers_per_temperature": 2},
    "production": {
        "rounds": 60,
        "record_every_sweeps": 5,
        "weights": True,
        "observables": ["norm-squared", "gradient-norm", "training-error"],
    },
    "run": {"checkpoint_rounds": 25, "repeats": 2},
}
# velocities persist, on a sphere, and no test hides what rounding does
LANGEVIN: dict[str, Any] = {
    **HMC,
    "landscape": {"model": "spherical-perceptron", "inputs": 12, "data": {"source": "random", "patterns": 20}},
    "dynamics": {"kind": "langevin", "friction": 1.0, "metropolis": False, "step": 0.05, "sweeps_per_round": 10, "pack": 4},
    "ensemble": {"kind": "canonical", "temperatures": [0.3, 1.0, 3.0], "equilibration_rounds": 40},
}

STOPS = [
    ("pilot", 30, 2),
    pytest.param("equilibrate", 50, 1, marks=pytest.mark.slow),
    pytest.param("produce", 33, 4, marks=pytest.mark.slow),
]


def run_on(folder: Path, ranks: int, job: dict[str, Any]) -> Data:
    """The final data of a whole run."""
    folder.mkdir()
    (folder / "job.toml").write_text(tomli_w.dumps(job))
    return command("run", folder / "job.toml", ranks, folder / "runs" / "run")


def command(name: str, what: Path, ranks: int, run: Path) -> Data:
    done = pland(name, what, "-n", ranks, "--quiet")
    assert done.returncode == 0, done.stderr
    canonical = {f"canonical {key}": np.asarray(array) for key, array in read_groups(run / "result.nc")[0]["canonical"].items()}
    return final_data(run) | canonical | {"job": np.frombuffer((run / "job.toml").read_bytes(), np.uint8)}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Data]:
    folder = tmp_path_factory.mktemp("alone")
    return {name: run_on(folder / name, 1, job) for name, job in (("hmc", HMC), ("langevin", LANGEVIN))}


@pytest.mark.parametrize("ranks", [pytest.param(2, marks=pytest.mark.slow), 4])
def test_same_bits_on_any_number_of_ranks(ranks: int, alone: dict[str, Data], tmp_path: Path) -> None:
    """12 slots in packs of 4: on 4 ranks each pack lies on two of them."""
    assert different(alone["hmc"], run_on(tmp_path / "run", ranks, HMC)) == []


@pytest.mark.slow
def test_same_bits_without_a_test_of_moves(alone: dict[str, Data], tmp_path: Path) -> None:
    assert different(alone["langevin"], run_on(tmp_path / "run", 4, LANGEVIN)) == []


@pytest.mark.parametrize(("kind", "number", "ranks"), STOPS)
def test_same_bits_after_a_stop(kind: str, number: int, ranks: int, alone: dict[str, Data], tmp_path: Path) -> None:
    run = stopped_in(tmp_path, HMC, kind, number)
    moved = Path(shutil.copytree(run, tmp_path / "run"))
    assert different(alone["hmc"], command("resume", moved, ranks, moved)) == []


def test_persistent_velocities_survive_a_stop(alone: dict[str, Data], tmp_path: Path) -> None:
    run = stopped_in(tmp_path, LANGEVIN, "produce", 33)
    moved = Path(shutil.copytree(run, tmp_path / "run"))
    assert different(alone["langevin"], command("resume", moved, 2, moved)) == []


@pytest.mark.slow
def test_a_replay_finds_no_difference(alone: dict[str, Data], tmp_path: Path) -> None:
    run_on(tmp_path / "run", 1, HMC)
    done = pland("verify", tmp_path / "run" / "runs" / "run")
    assert done.returncode == 0 and "all the same" in done.stdout, done.stdout + done.stderr


def test_runs_that_are_compared_hold_something(alone: dict[str, Data], tmp_path: Path) -> None:
    """Another seed gives other bits everywhere, other steps and another ladder included."""
    other = different(alone["hmc"], run_on(tmp_path / "run", 1, {**HMC, "seed": 12}))
    assert {
        "records energy",
        "records weights",
        "windows beta",
        "windows step_length",
        "windows virial",
        "frozen",
        "job",
    } <= set(other)
    assert {"canonical norm-squared", "canonical training-error"} <= set(other)
    assert alone["hmc"]["windows exchange_acceptance"][0] > 0.05 and len(np.unique(alone["hmc"]["records walker"])) == 12
