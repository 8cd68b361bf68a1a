"""`pland resume` refuses what would spoil a run, in one sentence that says what to do, and allows what does not change it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np
import pytest

from faults.harness import Data, different, final_data, job_of, pland, start, write_job
from parallel_landscape.store import checkpoint
from parallel_landscape.store.checksums import digest_of_plain

pytestmark = [pytest.mark.faults, pytest.mark.mpi]

MODEL = """
from parallel_landscape.landscapes.ising import ising_2d

def model(length: int):
    return ising_2d(length)
"""
OTHER_MODEL = """
from dataclasses import replace
from parallel_landscape.landscapes.ising import ising_2d

def model(length: int):
    made = ising_2d(length)
    old = made.delta
    def delta(params, state, move):
        return 1 * old(params, state, move)
    return replace(made, delta=delta)
"""
ISING = job_of(landscape={}, exchange={"windows": 2, "walkers_per_window": 2}, production={"rounds": 20_000})
ISING["landscape"] = {"model": "own_ising:model", "length": 4}
FROM_FILE = job_of(exchange={"windows": 2}, production={"rounds": 20_000})
FROM_FILE["landscape"]["data"] = {"source": "file", "path": "patterns.npz"}


def write_patterns(folder: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    patterns, labels = rng.choice([-1, 1], (20, 21)), rng.choice([-1, 1], 20)
    np.savez(folder / "patterns.npz", patterns=patterns, labels=labels)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs, stopped by their walltime: `own` with the user's model and `data` with the user's patterns."""
    folder = tmp_path_factory.mktemp("stopped")
    (folder / "own_ising.py").write_text(MODEL)
    write_patterns(folder, 1)
    for name, job in (("own", ISING), ("data", FROM_FILE)):
        file = write_job(folder, job | {"name": name, "run": {"checkpoint_rounds": 40, "walltime_minutes": 0.02}})
        done = pland("run", file, "-n", 1)
        assert done.returncode == 3, done.stderr
    return folder


def refused(run: Path, *arguments: object, code: int = 2) -> str:
    """What resume says; the run folder stays as it was."""
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    done = pland("resume", run, *(arguments or ("-n", 1)))
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr and done.stderr.count("pland: ") == 1
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    return done.stderr


def test_a_changed_job(stopped: Path, tmp_path: Path) -> None:
    run = shutil.copytree(stopped / "runs" / "data", tmp_path / "run")
    text = (run / "submitted.toml").read_text()
    (run / "submitted.toml").write_text(text.replace("seed = 5", "seed = 6"))
    assert "it was damaged, or edited; put it back as it was, or start a new run" in refused(run, code=1)
    (run / "checksums.json").unlink()  # and when nobody knows what it was like
    assert "is not the one that this run began with; put it back, or start a new run" in refused(run)


def test_changed_source_of_the_model(stopped: Path) -> None:
    (stopped / "own_ising.py").write_text(OTHER_MODEL)
    try:
        said = refused(stopped / "runs" / "own")
        assert "code has changed after checkpointed round" in said and "--accept-new-code" in said
    finally:
        (stopped / "own_ising.py").write_text(MODEL)


def test_a_changed_data_file(stopped: Path) -> None:
    write_patterns(stopped, 2)
    try:
        assert "the training set differs from the one that this run began with" in refused(stopped / "runs" / "data")
        (stopped / "patterns.npz").unlink()
        assert "patterns.npz cannot be read" in refused(stopped / "runs" / "data")
    finally:
        write_patterns(stopped, 1)


def test_a_newer_format(stopped: Path, tmp_path: Path) -> None:
    run = shutil.copytree(stopped / "runs" / "data", tmp_path / "run")
    for path in (run / "checkpoints").glob("*/manifest.json"):
        content = json.loads(path.read_text())
        content.pop("digest")
        content["schema"] = checkpoint.SCHEMA + 1
        path.write_text(json.dumps(content | {"digest": digest_of_plain(content)}))
    said = refused(run, code=1)
    assert f"schema {checkpoint.SCHEMA + 1}, this one reads {checkpoint.SCHEMA}" in said and "upgrade" in said


def test_what_is_no_run(tmp_path: Path) -> None:
    assert "is not a run folder: it has no submitted.toml; give the folder that `pland run` printed" in refused(tmp_path)
    done = pland("resume", tmp_path / "absent", "-n", 1)
    assert done.returncode == 2 and "is not a run folder" in done.stderr


def test_more_ranks_than_slots(stopped: Path) -> None:
    assert "5 ranks for 4 slots" in refused(stopped / "runs" / "own", "-n", 5)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("seed=3", "seed: cannot be changed for a run that has begun; allowed: run.checkpoint_minutes"),
        ("run.repeats=2", "run.repeats: cannot be changed"),
        ("ensemble.ln_f_final=1e-3", "ensemble.ln_f_final: cannot be changed"),
        ("walltime_minutes=3", "walltime_minutes: cannot be changed"),
        ("run.walltime_minutes=-1", "run"),
        ("run.walltime_minutes", "write KEY=VALUE"),
        ("run.walltime_minutes=soon", "write KEY=VALUE"),
    ],
)
def test_keys_that_may_not_be_changed(setting: str, words: str, stopped: Path) -> None:
    assert words in refused(stopped / "runs" / "own", "-n", 1, "--set", setting)


def test_keys_that_may_be_changed(stopped: Path, tmp_path: Path) -> None:
    """walltime_minutes stops it in time once more; checkpoint_rounds and checkpoint_minutes make more checkpoints."""
    run = shutil.copytree(stopped / "runs" / "data", tmp_path / "run")
    before, _ = checkpoint.newest(run / "checkpoints")
    settings = ("run.walltime_minutes=0.03", "run.checkpoint_rounds=10", "run.checkpoint_minutes=0.5")
    done = pland("resume", run, "-n", 2, *(word for setting in settings for word in ("--set", setting)))
    assert done.returncode == 3, done.stderr
    assert done.stderr.count(f"stopped (walltime), nothing is lost; go on with: pland resume {run}") == 1
    after, _ = checkpoint.newest(run / "checkpoints")
    assert before is not None and after is not None and after.number > before.number + 2
    provenance = json.loads((run / "provenance.json").read_text())
    assert provenance["ranks"] == 2 and [leg["ranks"] for leg in provenance["earlier"]] == [1]


def test_a_run_that_is_being_run(stopped: Path, tmp_path: Path) -> None:
    run = shutil.copytree(stopped / "runs" / "data", tmp_path / "run")
    under = start("resume", run, "--set", "run.walltime_minutes=60", ranks=1)
    under.wait_for(lambda: (run / "alive.json").exists())
    done = pland("resume", run, "-n", 2)
    assert done.returncode == 2 and f"{run} is being run by process" in done.stderr
    under.kill_all()
    under.ended()
    alive = json.loads((run / "alive.json").read_text())
    alive["pid"] = 1  # a number that another process was given meanwhile
    (run / "alive.json").write_text(json.dumps(alive))
    done = pland("resume", run, "-n", 1, "--set", "run.walltime_minutes=0.01")
    assert done.returncode == 3, done.stderr


def test_new_code_is_accepted_and_noted(stopped: Path, tmp_path: Path) -> None:
    """A change that does not change the numbers gives the same bits; the result says that the code was changed all the same."""
    final: list[Data] = []
    for source, options in ((MODEL, []), (OTHER_MODEL, ["--accept-new-code"])):
        folder = tmp_path / str(len(final))
        job: dict[str, Any] = ISING | {
            "production": {"rounds": 400},
            "run": {"checkpoint_rounds": 40, "walltime_minutes": 0.005},
        }
        file = write_job(folder, job)
        (folder / "own_ising.py").write_text(MODEL)
        assert pland("run", file, "-n", 1).returncode == 3
        (folder / "own_ising.py").write_text(source)
        done = pland("resume", folder / "runs" / "run", "-n", 1, "--set", "run.walltime_minutes=60", *options)
        assert done.returncode == 0, done.stderr
        final.append(final_data(folder / "runs" / "run"))
    assert different(*final) == []
    run = tmp_path / "1" / "runs" / "run"
    with h5netcdf.File(run / "result.nc") as result:
        assert "code has changed after checkpointed round" in result.attrs["code_changed"]
    assert len(json.loads((run / "provenance.json").read_text())["code_changed"]) == 1
    with h5netcdf.File(tmp_path / "0" / "runs" / "run" / "result.nc") as result:
        assert "code_changed" not in result.attrs
    done = pland("resume", run, "-n", 1)  # once accepted, the new code is that of the run
    assert done.returncode == 0, done.stderr
