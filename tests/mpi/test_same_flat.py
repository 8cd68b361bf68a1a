"""ln g of continuous weights on any number of ranks, stopped in any phase or killed: the same bits."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faults.harness import Data, Trial, command, different, pland, run_on, stopped_in

pytestmark = [pytest.mark.mpi, pytest.mark.long]

JOB: dict[str, Any] = {
    "name": "run",
    "seed": 11,
    "landscape": {
        "model": "one-hidden-layer",
        "inputs": 6,
        "hidden": 2,
        "prior": 1.0,
        "data": {"source": "teacher", "patterns": 10},
    },
    "dynamics": {"kind": "hmc", "step": "adapt", "steps": 3, "pack": 4},
    "ensemble": {"kind": "wang-landau", "bin_width": 0.8, "ln_f_final": 0.05, "occasions": 3, "largest_gap": 1.0},
    "exchange": {"energy": [4.0, 12.0], "windows": 3, "walkers_per_window": 2},
    "production": {
        "rounds": 24,
        "record_every_sweeps": 5,
        "weights": True,
        "observables": ["norm-squared", "training-error"],
    },
    "run": {"checkpoint_rounds": 30, "repeats": 2},
}
# velocities persist, and each walker learns alone
BAOAB: dict[str, Any] = {
    **JOB,
    "landscape": {"model": "spherical-perceptron", "inputs": 9, "data": {"source": "random", "patterns": 12}},
    "dynamics": {"kind": "langevin", "friction": 1.0, "metropolis": True, "step": "adapt", "sweeps_per_round": 20, "pack": 4},
    "exchange": {**JOB["exchange"], "share": "none"},
}
STOPS = [("learn", 20, 2), pytest.param("produce", 15, 4, marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return run_on(tmp_path_factory.mktemp("alone") / "hmc", 1, JOB)


@pytest.mark.parametrize("ranks", [pytest.param(2, marks=pytest.mark.slow), 4])
def test_same_bits_on_any_number_of_ranks(ranks: int, alone: Data, tmp_path: Path) -> None:
    """12 slots in packs of 4, two of three walkers of a window on one rank."""
    assert different(alone, run_on(tmp_path / "run", ranks, JOB)) == []


@pytest.mark.parametrize(("kind", "number", "ranks"), STOPS)
def test_same_bits_after_a_stop(kind: str, number: int, ranks: int, alone: Data, tmp_path: Path) -> None:
    run = stopped_in(tmp_path, JOB, kind, number)
    moved = Path(shutil.copytree(run, tmp_path / "run"))
    assert different(alone, command("resume", moved, ranks, moved)) == []


@pytest.mark.slow
def test_persistent_velocities_on_a_sphere(tmp_path: Path) -> None:
    one = run_on(tmp_path / "one", 1, BAOAB)
    assert different(one, run_on(tmp_path / "four", 4, BAOAB)) == []
    (tmp_path / "stopped").mkdir()
    run = stopped_in(tmp_path / "stopped", BAOAB, "learn", 20)
    assert different(one, command("resume", run, 2, run)) == []


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.parametrize("seed", range(3))
def test_same_bits_after_kills(seed: int, alone: Data, tmp_path: Path) -> None:
    rng = random.Random(seed)
    found = Trial(tmp_path, JOB, seconds=4.0, most_ranks=4).carry_out(rng.randint(1, 4), rng)
    assert different({name: array for name, array in alone.items() if name != "job"}, found) == []


@pytest.mark.slow
def test_a_replay_finds_no_difference(tmp_path: Path) -> None:
    run_on(tmp_path / "run", 1, JOB)
    done = pland("verify", tmp_path / "run" / "runs" / "run")
    assert done.returncode == 0 and "all the same" in done.stdout, done.stdout + done.stderr


def test_runs_that_are_compared_hold_something(alone: Data, tmp_path: Path) -> None:
    """Another seed gives other bits everywhere, other steps included."""
    other = different(alone, run_on(tmp_path / "run", 1, {**JOB, "seed": 12}))
    assert {"result ln_g", "result histogram", "records energy", "records weights", "windows step_length", "frozen"} <= set(
        other
    )
    assert alone["result visited"].all() and alone["windows exchange_acceptance"][0] > 0.05
    assert (alone["windows outside"] > 0).all() and len(np.unique(alone["records walker"])) == 12
