"""A stop changes nothing: runs that are killed at any moment, in any way, end with the same bits as one that never was.

Each trial runs a job of several windows, walkers and production, strikes it (SIGKILL of a rank, of mpiexec, of everything;
polite signals; death in the middle of a write, before or after an fsync, a rename, a removal), and resumes it on a random
number of ranks, now and then to be struck again. In the end every array of result.nc and every record must be that of the
undisturbed run.
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest

from faults.harness import Data, Trial, different, final_data, job_of, pland, start, write_job

pytestmark = [pytest.mark.faults, pytest.mark.mpi]

CONTINUOUS: dict[str, Any] = {
    "name": "run",
    "seed": 5,
    "landscape": {
        "model": "one-hidden-layer",
        "inputs": 6,
        "hidden": 2,
        "prior": 1.0,
        "data": {"source": "teacher", "patterns": 10},
    },
    "dynamics": {"kind": "hmc", "step": "adapt", "steps": 3, "adapt_rounds": 24, "pack": 4, "sweeps_per_round": 5},
    "production": {"rounds": 200, "record_every_sweeps": 5, "weights": True, "observables": ["norm-squared"]},
    "run": {"checkpoint_rounds": 30},
}
JOBS: dict[str, dict[str, Any]] = {
    "searched": job_of(),
    "explicit": job_of(
        landscape={"inputs": 25, "data": {"source": "random", "patterns": 30}},
        exchange={"windows": [[0, 12], [6, 20], [14, 30]], "walkers_per_window": 1, "search_sweeps": 20_000},
        run={"checkpoint_rounds": 25, "repeats": 2},
    ),
    "alone": job_of(
        exchange={"windows": 4, "walkers_per_window": 2, "share": "none", "search_sweeps": 20_000},
        production=None,
        run={"checkpoint_rounds": 15},
    ),
    "tempered": job_of(
        ensemble=None,
        exchange=None,
    )
    | {
        "ensemble": {
            "kind": "canonical",
            "betas": {"min": 0.2, "max": 3.0, "count": 4, "spacing": "adapted"},
            "equilibration_rounds": 100,
            "pilot_rounds": 200,
        }
    },
    "coupled": job_of(
        ensemble=None,
        exchange=None,
        dynamics={"sweeps_per_round": 5},
    )
    | {"ensemble": {"kind": "coupled", "replicas": 3, "gamma": [0.2, 0.5], "beta": 1.0, "equilibration_rounds": 200}},
    "joint": job_of(
        ensemble={"kind": "joint", "coordinate": "magnetisation", "ln_f_final": 1e-3, "largest_gap": 1.0, "occasions": 10},
        exchange={"windows": [2, 2], "walkers_per_window": 2, "search_sweeps": 5_000},
        production=None,
    ),
    "thermal": {
        **CONTINUOUS,
        "ensemble": {"kind": "canonical", "betas": [0.3, 1.0, 3.0], "equilibration_rounds": 40},
        "exchange": {"walkers_per_temperature": 2},
    },
    "coupled, continuous": {
        **CONTINUOUS,
        "ensemble": {"kind": "coupled", "replicas": 3, "gamma": [0.2, 0.4], "beta": 1.0, "equilibration_rounds": 40},
    },
    "flat, continuous": {
        **CONTINUOUS,
        "ensemble": {"kind": "wang-landau", "bin_width": 0.8, "ln_f_final": 0.02, "occasions": 5, "largest_gap": 1.0},
        "exchange": {"energy": [4.0, 12.0], "windows": 3, "walkers_per_window": 2},
    },
}


class Reference:
    """The undisturbed run of each job: its data, and how long it took."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[Data, float]] = {}

    def of(self, name: str) -> tuple[Data, float]:
        if name not in self._known:
            file = write_job(self._folder / name, JOBS[name])
            for _ in range(2):  # the first one compiles
                started = time.monotonic()
                done = pland("run", file, "-n", 1, "--quiet", "--force-new")
                seconds = time.monotonic() - started
                assert done.returncode == 0, done.stderr
            self._known[name] = final_data(file.parent / "runs" / "run"), seconds
        return self._known[name]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return Reference(tmp_path_factory.mktemp("reference"))


def struck(number: int, reference: Reference, folder: Path) -> None:
    """One trial, all of it chosen by its number."""
    rng = random.Random(number)
    name = list(JOBS)[number % len(JOBS)]
    expected, seconds = reference.of(name)
    trial = Trial(folder, JOBS[name], 1.5 * seconds, most_ranks=4)
    found = trial.carry_out((1, 2, 4)[(number + number // len(JOBS)) % 3], rng)
    print(f"trial {number}, {name}: {'; '.join(trial.log)}")
    assert different(expected, found) == [], trial.log


@pytest.mark.parametrize("number", [0, 3, *(pytest.param(one, marks=pytest.mark.long) for one in (1, 2, *range(4, 18)))])
def test_struck_runs_end_with_the_same_bits(number: int, reference: Reference, tmp_path: Path) -> None:
    struck(number, reference, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(100, 200))
def test_a_hundred_struck_runs_end_with_the_same_bits(number: int, reference: Reference, tmp_path: Path) -> None:
    struck(number, reference, tmp_path)


def test_the_comparison_notices_a_difference(reference: Reference, tmp_path: Path) -> None:
    """Another seed gives other arrays and other records; one bit is enough."""
    expected, _ = reference.of("searched")
    file = write_job(tmp_path, JOBS["searched"] | {"seed": 6})
    assert start("run", file, ranks=2).ended()[0] == 0
    names = different(expected, final_data(tmp_path / "runs" / "run"))
    assert "result ln_g" in names and "records energy" in names and "records weights" in names
    changed = dict(expected)
    changed["records energy"] = expected["records energy"].copy()
    changed["records energy"][-1] ^= 1
    assert different(expected, changed) == ["records energy"]
