"""A joint density on any number of ranks, stopped in the search or while learning and resumed on others: the same bits."""

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
    "seed": 11,
    "landscape": {"model": "committee", "inputs": 5, "hidden": 3, "data": {"source": "teacher", "patterns": 12}},
    "dynamics": {"sweeps_per_round": 50},
    "ensemble": {"kind": "joint", "coordinate": "test-errors", "test_patterns": 10, "ln_f_final": 5e-3, "occasions": 20},
    "exchange": {"windows": [2, 2], "walkers_per_window": 2, "search_sweeps": 2_000},
    "run": {"checkpoint_rounds": 200},
}


def command(name: str, what: Path, ranks: int, run: Path) -> Data:
    done = pland(name, what, "-n", ranks, "--quiet")
    assert done.returncode == 0, done.stderr
    return final_data(run)


def run_on(folder: Path, ranks: int, job: dict[str, Any] = JOB) -> Data:
    """The final data of a whole run."""
    folder.mkdir()
    (folder / "job.toml").write_text(tomli_w.dumps(job))
    return command("run", folder / "job.toml", ranks, folder / "runs" / "run")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return run_on(tmp_path_factory.mktemp("alone") / "run", 1)


@pytest.mark.parametrize("ranks", [2, 4])
def test_same_bits_on_any_number_of_ranks(ranks: int, alone: Data, tmp_path: Path) -> None:
    assert different(alone, run_on(tmp_path / "run", ranks)) == []


@pytest.mark.parametrize(("kind", "number", "ranks"), [("search", 13, 2), ("learn", 77, 3)])
def test_same_bits_after_a_stop(kind: str, number: int, ranks: int, alone: Data, tmp_path: Path) -> None:
    run = stopped_in(tmp_path, JOB, kind, number)
    moved = Path(shutil.copytree(run, tmp_path / "run"))
    assert different(alone, command("resume", moved, ranks, moved)) == []


def test_the_resolved_job_gives_the_same_windows(alone: Data, tmp_path: Path) -> None:
    """Windows as they were found are keys of a job, too; without the search other numbers come out."""
    run_on(tmp_path / "run", 1)
    resolved = (tmp_path / "run" / "runs" / "run" / "job.toml").read_text()
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "job.toml").write_text(resolved)
    again = command("run", tmp_path / "again" / "job.toml", 2, tmp_path / "again" / "runs" / "run")
    ends = [f"windows {name}" for name in ("energy_low", "energy_high", "value_low", "value_high")]
    assert not set(ends) & set(different(alone, again)) and "joint ln_g" in different(alone, again)


def test_runs_that_are_compared_hold_something(alone: Data, tmp_path: Path) -> None:
    """Another seed gives other bits; walkers have met in both directions."""
    other = different(alone, run_on(tmp_path / "run", 1, {**JOB, "seed": 12}))
    assert {"joint ln_g", "joint histogram", "windows steps"} <= set(other)
    assert np.isfinite(alone["joint ln_g"]).sum() > 50 and (alone["windows exchange_acceptance"] > 0.05).all()
