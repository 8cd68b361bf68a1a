"""Production on any number of ranks, stopped and resumed on others: the same records, counts and frozen weights."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from faults.harness import Data, different, final_data

from parallel_landscape.cli import main
from parallel_landscape.driver import rounds
from parallel_landscape.driver.stopping import handlers_kept
from parallel_landscape.phases.produce import Production

pytestmark = [pytest.mark.mpi, pytest.mark.long]

JOB: dict[str, Any] = {
    "name": "run",
    "seed": 8,
    "landscape": {"model": "committee", "inputs": 7, "hidden": 3, "data": {"source": "teacher", "patterns": 30}},
    "dynamics": {"sweeps_per_round": 40},
    "ensemble": {"ln_f_final": 1e-3},
    "exchange": {"windows": 3, "walkers_per_window": 2, "search_sweeps": 20_000},
    "production": {
        "rounds": 100,
        "record_every_sweeps": 20,
        "weights": True,
        "observables": ["overlap-teacher", "test-error", "local-energy", "flat", "hidden-overlap"],
        "parameters": {"flat": {"observable": "local-energy", "fraction": 0.2, "sets": 4}},
    },
    "run": {"checkpoint_rounds": 9},
}
STOP = 50  # rounds of production


def run_on(folder: Path, ranks: int, job: dict[str, Any] = JOB) -> Data:
    """The final data of a whole run."""
    folder.mkdir()
    (folder / "job.toml").write_text(tomli_w.dumps(job))
    return command("run", folder / "job.toml", ranks, folder / "runs" / "run")


def command(name: str, what: Path, ranks: int, run: Path) -> Data:
    line = [sys.executable, "-m", "parallel_landscape", name, str(what), "-n", str(ranks), "--quiet"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return final_data(run)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return run_on(tmp_path_factory.mktemp("alone") / "run", 1)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a run that was asked to stop in the middle of production."""
    folder = tmp_path_factory.mktemp("stopped")
    (folder / "job.toml").write_text(tomli_w.dumps(JOB))
    goes_on = rounds.goes_on

    def stopping(campaign: Any, phase: Any) -> bool:
        if isinstance(phase, Production) and phase.rounds == STOP:
            campaign.stop.signal = "SIGTERM"
        return goes_on(campaign, phase)

    with pytest.MonkeyPatch.context() as patch, handlers_kept():
        patch.setattr(rounds, "goes_on", stopping)
        assert main(["run", str(folder / "job.toml"), "-n", "1", "--quiet"]) == 3
    return folder / "runs" / "run"


@pytest.mark.parametrize("ranks", [2, 3])
def test_same_bits_on_any_number_of_ranks(ranks: int, alone: Data, tmp_path: Path) -> None:
    assert different(alone, run_on(tmp_path / "run", ranks)) == []


@pytest.mark.parametrize("ranks", [1, 3])
def test_same_bits_after_a_stop(ranks: int, alone: Data, stopped: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(stopped, tmp_path / "run"))
    assert different(alone, command("resume", run, ranks, run)) == []


def test_runs_that_are_compared_hold_something(alone: Data, tmp_path: Path) -> None:
    """Equal but empty files would prove nothing; another seed gives other bits everywhere."""
    for name in JOB["production"]["observables"]:
        assert len(np.unique(alone[f"records {name}"])) > 5, name
    assert alone["counts count"].sum() == 6 * 100 * 40 * 21 and len(alone["frozen"]) > 1000
    other = different(alone, run_on(tmp_path / "run", 1, {**JOB, "seed": 9}))
    assert {"records local-energy", "counts count", "frozen", "records test-error", "records weights"} <= set(other)
