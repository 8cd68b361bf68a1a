"""Every wrong request is refused with one clear sentence before anything is submitted, against what SLURM itself says."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults.harness import job_of, pland, write_job

from slurm.lab import Lab, write_cluster

pytestmark = pytest.mark.slurm

JOB = job_of(
    exchange={"windows": 2, "walkers_per_window": 1}, slurm={"cluster": "lab", "time": "00:10:00", "partition": "main"}
)
WRONG = {
    "unknown partition": (
        ["--partition", "mian"],
        "partition: given 'mian', which this cluster does not have; did you mean",
    ),
    "too long": (["--time", "2-00:00:00"], "partition 'main' allows at most 1-00:00:00"),
    "too many nodes": (
        ["--partition", "short", "--nodes", "2", "--time", "5"],
        "in partition 'short' may have at most 1",
    ),
    "too many tasks": (["--ntasks", "9"], "9 tasks for 2 slots of the job"),
    "a partition that is down": (["--partition", "closed"], "'closed' takes no jobs at present"),
    "no account": (["--partition", "theirs"], "account: a job must name one here"),
    "a wrong account": (
        ["--partition", "theirs", "--account", "ours"],
        "account: given 'ours', which may not use this",
    ),
    "no account, by SLURM's own rules": (["--partition", "charged"], "must name an account"),
    "no account, by the cluster file": (["--cluster", "strict"], "account: a job must name one here"),
    "too much memory": (["--memory-per-task", "5GiB"], "nodes of partition 'main' have 4 GiB"),
    "what only SLURM knows": (["--option=--constraint=abacus"], "SLURM would refuse the job: "),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_requests(what: str, lab: Lab, tmp_path: Path) -> None:
    write_cluster(tmp_path)
    write_cluster(tmp_path, "strict", account_required=True)
    flags, words = WRONG[what]
    before = lab.slurm("scontrol", "show", "job")
    done = pland("submit", write_job(tmp_path, JOB), *flags)
    assert done.returncode == 2 and words in done.stderr and "1 mistake:" in done.stderr, done.stderr
    assert not (tmp_path / "runs").exists() and lab.slurm("scontrol", "show", "job") == before


@pytest.mark.parametrize("flags", [["--partition", "charged"], ["--cluster", "strict"]])
def test_an_account_is_all_that_was_missing(flags: list[str], clean: Lab, tmp_path: Path) -> None:
    write_cluster(tmp_path)
    write_cluster(tmp_path, "strict", account_required=True)
    said = pland("submit", write_job(tmp_path, JOB), *flags, "--account", "physics", "--option=--begin=now+1hour")
    assert said.returncode == 0 and len(clean.queue()) == 1, said.stderr


def test_no_sbatch_on_this_machine(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the cluster runs, but its commands are not installed."""
    monkeypatch.setenv("PATH", "/nowhere")
    done = pland("submit", write_job(tmp_path, JOB))
    assert done.returncode == 2 and "  - there is no sbatch on this machine; submit from a login node" in done.stderr
    assert "1 mistake:" in done.stderr and not (tmp_path / "runs").exists()


def test_a_run_in_the_queue_is_not_submitted_again(clean: Lab, tmp_path: Path) -> None:
    write_cluster(tmp_path)
    file = write_job(tmp_path, JOB)
    assert pland("submit", file, "--option=--begin=now+1hour").returncode == 0
    assert "was submitted" in pland("status", tmp_path / "runs" / "run").stdout
    again = pland("submit", file)
    assert again.returncode == 2 and "in the queue already" in again.stderr
