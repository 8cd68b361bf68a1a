"""Coupled replicas on any number of ranks, stopped in equilibration or in production and resumed on others: the same bits."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from faults.harness import Data, different, final_data, pland, stopped_in

pytestmark = [pytest.mark.mpi, pytest.mark.long]
FORMS = ["star", "pairwise", "distance"]


def job_of(form: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": "run",
        "seed": 11,
        "landscape": {"model": "committee", "inputs": 7, "hidden": 3, "data": {"source": "teacher", "patterns": 20}},
        "ensemble": {
            "kind": "coupled",
            "form": form,
            "replicas": 3,
            "gamma": [0.3, 0.6],
            "beta": [1.0, 0.8],
            "equilibration_rounds": 40,
        },
        "production": {"rounds": 90, "record_every_sweeps": 2, "weights": True, "observables": ["overlap-teacher"]},
        "run": {"checkpoint_rounds": 25, "repeats": 2},
        **changes,
    }


def run_on(folder: Path, ranks: int, job: dict[str, Any]) -> Data:
    """The final data of a whole run."""
    folder.mkdir()
    (folder / "job.toml").write_text(tomli_w.dumps(job))
    return command("run", folder / "job.toml", ranks, folder / "runs" / "run")


def command(name: str, what: Path, ranks: int, run: Path) -> Data:
    done = pland(name, what, "-n", ranks, "--quiet")
    assert done.returncode == 0, done.stderr
    return final_data(run)


@pytest.mark.parametrize("form", [FORMS[0], *(pytest.param(form, marks=pytest.mark.slow) for form in FORMS[1:])])
def test_same_bits(form: str, tmp_path: Path) -> None:
    """On 2 and 4 ranks, and after stops in both phases, as on one rank; a replay agrees, too."""
    job = job_of(form)
    alone = run_on(tmp_path / "alone", 1, job)
    assert different(alone, run_on(tmp_path / "two", 2, job)) == []
    assert different(alone, run_on(tmp_path / "four", 4, job)) == []
    for kind, number, ranks in (("equilibrate", 17, 3), ("produce", 51, 2)):
        (tmp_path / kind).mkdir()
        run = stopped_in(tmp_path / kind, job, kind, number)
        moved = Path(shutil.copytree(run, tmp_path / kind / "moved"))
        assert different(alone, command("resume", moved, ranks, moved)) == []
    done = pland("verify", tmp_path / "two" / "runs" / "run")
    assert done.returncode == 0 and "all the same" in done.stdout, done.stdout + done.stderr


def test_runs_that_are_compared_hold_something(tmp_path: Path) -> None:
    """Another seed gives other bits everywhere."""
    alone = run_on(tmp_path / "one", 1, job_of("star"))
    other = different(alone, run_on(tmp_path / "other", 1, job_of("star", seed=12)))
    names = ("energy", "weights", "overlap", "centre-overlap", "centre-energy", "overlap-teacher", "walker")
    assert {f"records {name}" for name in names} <= set(other)
    assert alone["records slot"].size == 12 * 45 and len(np.unique(alone["records walker"])) == 12
    assert "windows overlap" in other and (alone["windows round_trips"] > 0).any()
