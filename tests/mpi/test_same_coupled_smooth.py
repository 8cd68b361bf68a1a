"""Coupled replicas of continuous weights on any number of ranks, stopped in any phase and resumed on others: the same bits."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faults.harness import command, different, pland, run_on, stopped_in

pytestmark = [pytest.mark.mpi, pytest.mark.long]
NETWORK = {"model": "one-hidden-layer", "inputs": 12, "hidden": 3, "prior": 1.0}
SPHERE = {"model": "spherical-perceptron", "inputs": 12}
HMC = {"kind": "hmc", "step": "adapt", "steps": 3, "adapt_rounds": 24, "sweeps_per_round": 1, "pack": 4}
# velocities persist, and no test hides what rounding does
LANGEVIN = {"kind": "langevin", "friction": 1.0, "metropolis": False, "step": 0.02, "sweeps_per_round": 3, "pack": 4}
SLOW = pytest.mark.slow


def job_of(form: str, landscape: dict[str, Any], dynamics: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "name": "run",
        "seed": 11,
        "landscape": {**landscape, "data": {"source": "teacher", "patterns": 20}},
        "dynamics": dynamics,
        "ensemble": {
            "kind": "coupled",
            "form": form,
            "replicas": 3,
            "gamma": [0.2, 0.4],
            "beta": [1.0, 0.9],
            "equilibration_rounds": 30,
        },
        "production": {"rounds": 60, "record_every_sweeps": 2, "weights": True, "observables": ["norm-squared"]},
        "run": {"checkpoint_rounds": 20, "repeats": 2},
        **changes,
    }


CASES = [
    ("star", NETWORK, HMC, [("produce", 31, 2)]),
    pytest.param("star", NETWORK, HMC, [("pilot", 12, 2), ("equilibrate", 27, 3)], marks=SLOW),
    pytest.param("pairwise", SPHERE, LANGEVIN, [("equilibrate", 17, 3), ("produce", 31, 2)], marks=SLOW),
]


@pytest.mark.parametrize(("form", "landscape", "dynamics", "stops"), CASES)
def test_same_bits(
    form: str, landscape: dict[str, Any], dynamics: dict[str, Any], stops: list[tuple[str, int, int]], tmp_path: Path
) -> None:
    """12 slots in packs of 4: on 4 ranks packs and groups lie on two of them. A replay agrees, too."""
    job = job_of(form, landscape, dynamics)
    alone = run_on(tmp_path / "alone", 1, job)
    assert different(alone, run_on(tmp_path / "four", 4, job)) == []
    for kind, number, ranks in stops:
        (tmp_path / kind).mkdir()
        run = stopped_in(tmp_path / kind, job, kind, number)
        moved = Path(shutil.copytree(run, tmp_path / kind / "moved"))
        assert different(alone, command("resume", moved, ranks, moved)) == [], kind
    done = pland("verify", tmp_path / "alone" / "runs" / "run")
    assert done.returncode == 0 and "all the same" in done.stdout, done.stdout + done.stderr
    assert alone["windows exchange_acceptance"][0] > 0.05 and len(np.unique(alone["records walker"])) == 12


@pytest.mark.slow
def test_runs_that_are_compared_hold_something(tmp_path: Path) -> None:
    """Another seed gives other bits everywhere."""
    one, other = (run_on(tmp_path / str(seed), 1, {**job_of("star", NETWORK, HMC), "seed": seed}) for seed in (1, 2))
    wanted = {"records energy", "records weights", "records overlap", "records centre-energy", "windows step_length", "frozen"}
    assert wanted <= set(different(one, other))
