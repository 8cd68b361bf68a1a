"""Dask workers that are SLURM jobs analyse a run, to the same bits as this process alone; no job and no file stays behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from faults.harness import job_of, pland, write_job

from slurm.lab import Lab

pytestmark = pytest.mark.slurm

JOB = job_of(exchange={"windows": 2, "walkers_per_window": 1}, production={"rounds": 400})
WORKERS = {"INTERFACE": "lo", "WALLTIME": "00:05:00", "MEMORY": "900MB", "QUEUE": "main"}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that is done; the working directory is its job's."""
    for name, value in WORKERS.items():
        monkeypatch.setenv(f"DASK_JOBQUEUE__SLURM__{name}", value)
    monkeypatch.chdir(tmp_path)
    done = pland("run", write_job(tmp_path, JOB), "-n", 1, "--quiet")
    assert done.returncode == 0, done.stderr
    return tmp_path / "runs" / "run"


def left(folder: Path) -> list[Path]:
    return list(folder.glob(".pland-workers-*"))


def test_the_same_bits_and_nothing_left(clean: Lab, run: Path, tmp_path: Path) -> None:
    alone = shutil.copytree(run, tmp_path / "alone")
    assert pland("analyze", alone, "--quiet", "--scheduler", "none").returncode == 0
    done = pland("analyze", run, "--quiet", "--scheduler", "slurm", "--workers", 2)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    assert clean.queue() == [] and left(tmp_path) == []
    assert (run / "result.nc").read_bytes() == (alone / "result.nc").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_interrupted(number: signal.Signals, clean: Lab, run: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "parallel_landscape", "analyze", str(run), "--quiet", "--scheduler", "slurm"]
    under = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ))
    clean.wait_for(clean.queue, "no worker is asked for")
    under.send_signal(number)
    said, _ = under.communicate(timeout=60)
    assert under.returncode == 130 and said.strip() == "pland: interrupted", said
    clean.wait_for(lambda: not clean.queue(), "jobs stay in the queue", seconds=20)
    assert left(tmp_path) == []


def test_workers_that_slurm_refuses(clean: Lab, run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DASK_JOBQUEUE__SLURM__QUEUE", "abacus")
    done = pland("analyze", run, "--quiet", "--scheduler", "slurm")
    assert done.returncode == 2 and "SLURM would refuse a worker's job" in done.stderr and "Traceback" not in done.stderr
    assert clean.queue() == [] and left(tmp_path) == []
