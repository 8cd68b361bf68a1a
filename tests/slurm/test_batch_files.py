"""The batch files in slurm/, for those who do not want `pland submit`: each as it lies there, made smaller by flags."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import tomli_w
from faults.harness import checkpoints_of, different, final_data, job_of, pland, write_job

from slurm.lab import CLUSTER, HUNG, Lab, chain, those, write_cluster

pytestmark = [pytest.mark.slurm, pytest.mark.mpi]

FILES = Path(__file__).parents[2] / "slurm"
JOB = job_of(exchange={"windows": 2, "walkers_per_window": 1}, production={"rounds": 1_500})


@pytest.fixture
def place(clean: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of a user: the environment of the README, and a job file."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    write_job(tmp_path, JOB)
    for name, value in CLUSTER["environment"].items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sbatch(lab: Lab, name: str, *arguments: object, flags: tuple[object, ...] = ()) -> int:
    """Submit one of the files; its job number."""
    return int(lab.slurm("sbatch", "--parsable", *flags, FILES / f"{name}.sbatch", *arguments))


def ended(lab: Lab, place: Path, number: int) -> str:
    """What a job has said, once it has ended well."""
    lab.wait_for(lambda: not lab.queue(), f"job {number} does not end")
    log = "\n".join(path.read_text() for path in sorted(place.glob(f"*-{number}*.log")))
    assert lab.state(number) == "COMPLETED", log
    return log


def test_the_compute_nodes(clean: Lab, place: Path) -> None:
    log = ended(clean, place, sbatch(clean, "check"))
    assert "the launcher's 4 ranks see one world" in log and "fault" not in log


def test_the_login_node(clean: Lab, place: Path) -> None:
    write_cluster(place)
    command = [FILES / "login-check.sh", "job.toml", "--cluster", "lab", "--nodes", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * HUNG)
    assert done.returncode == 0 and "to start at" in done.stderr, done  # SLURM's own words
    assert "run: no mistakes" in done.stdout and "not inside a job" in done.stdout
    assert clean.queue() == [] and not (place / "runs").exists()


def test_one_node_then_the_analysis(clean: Lab, place: Path) -> None:
    log = ended(clean, place, sbatch(clean, "single-node", "job.toml", flags=("--ntasks=2",)))
    assert "pland: done" in log
    small = ("--cpus-per-task=2", "--mem=2G")
    ended(clean, place, sbatch(clean, "analysis", "runs/run", flags=small))
    assert "<html" in (place / "runs" / "run" / "report.html").read_text()


def test_many_nodes_in_two_links(clean: Lab, place: Path) -> None:
    done = pland("run", write_job(place / "here", JOB), "-n", 2, "--quiet")
    assert done.returncode == 0, done.stderr
    number = sbatch(clean, "many-nodes", flags=("--nodes=2", "--ntasks-per-node=1"))
    run = place / "runs" / "run"
    clean.wait_for(lambda: checkpoints_of(run) >= 2, "it does not come under way")
    clean.slurm("scancel", "--signal=USR1", "--batch", number)
    ended(clean, place, number)
    assert [event["then"] for event in those(chain(run), "ended")] == ["requeue", "done"]
    assert different(final_data(place / "here" / "runs" / "run"), final_data(run)) == []


def test_an_array_and_what_collects_it(clean: Lab, place: Path) -> None:
    study = {**JOB, "name": "study", "production": {**JOB["production"], "rounds": 20}, "sweep": {"seed": [1, 2]}}
    (place / "study.toml").write_text(tomli_w.dumps(study))
    number = sbatch(clean, "array", "study.toml", flags=("--array=0-1%2", "--ntasks=1"))
    after = sbatch(clean, "collect", "runs/study", flags=("--mem=2G", f"--dependency=afterany:{number}"))
    assert "study.nc" in ended(clean, place, after)
    assert "2 of 2 points are done" in pland("status", "runs/study").stdout
