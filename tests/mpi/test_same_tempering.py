"""A ladder of temperatures on any number of ranks, stopped in the pilot, in equilibration or in production: the same bits."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faults.harness import Data, command, different, pland, run_on, stopped_in

pytestmark = [pytest.mark.mpi, pytest.mark.long]

JOB: dict[str, Any] = {
    "name": "run",
    "seed": 11,
    "landscape": {"model": "binary-perceptron", "inputs": 21, "data": {"source": "teacher", "patterns": 20}},
    "dynamics": {"sweeps_per_round": 10},
    "ensemble": {
        "kind": "canonical",
        "betas": {"min": 0.1, "max": 3.0, "count": 4, "spacing": "adapted"},
        "equilibration_rounds": 40,
        "pilot_rounds": 60,
    },
    "exchange": {"walkers_per_temperature": 2},
    "production": {"rounds": 90, "record_every_sweeps": 5, "weights": True, "observables": ["overlap-teacher"]},
    "run": {"checkpoint_rounds": 25, "repeats": 2},
}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return run_on(tmp_path_factory.mktemp("alone") / "run", 1, JOB)


@pytest.mark.parametrize("ranks", [2, 4])
def test_same_bits_on_any_number_of_ranks(ranks: int, alone: Data, tmp_path: Path) -> None:
    assert different(alone, run_on(tmp_path / "run", ranks, JOB)) == []


@pytest.mark.parametrize(("kind", "number", "ranks"), [("pilot", 30, 1), ("equilibrate", 77, 3), ("produce", 50, 2)])
def test_same_bits_after_a_stop(kind: str, number: int, ranks: int, alone: Data, tmp_path: Path) -> None:
    run = stopped_in(tmp_path, JOB, kind, number)
    moved = Path(shutil.copytree(run, tmp_path / "run"))
    assert different(alone, command("resume", moved, ranks, moved)) == []


def test_a_replay_finds_no_difference(alone: Data, tmp_path: Path) -> None:
    run_on(tmp_path / "run", 1, JOB)
    done = pland("verify", tmp_path / "run" / "runs" / "run")
    assert done.returncode == 0 and "all the same" in done.stdout, done.stdout + done.stderr


def test_runs_that_are_compared_hold_something(alone: Data, tmp_path: Path) -> None:
    """Another seed gives other bits everywhere, another ladder included."""
    other = different(alone, run_on(tmp_path / "run", 1, {**JOB, "seed": 12}))
    assert {"records energy", "counts count", "windows beta", "windows energy_mean", "frozen", "job"} <= set(other)
    assert (alone["windows round_trips"] > 0).any() and len(np.unique(alone["records walker"])) == 16
