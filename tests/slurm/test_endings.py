"""Ends that SLURM forces on a job: it makes way for another one, its time is over too soon, its batch script dies."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults.harness import Data, checkpoints_of, different, final_data, pland, write_job

from slurm.lab import JOB, Lab, chain, finished, log, submitted, those, under_way

pytestmark = [pytest.mark.slurm, pytest.mark.mpi]

STALLED = """
import os, time
from pathlib import Path
from parallel_landscape.driver import rounds
from parallel_landscape.landscapes.ising import ising_2d
from parallel_landscape.driver.stopping import StopRequest

FIRST = "SLURM_STEP_ID" in os.environ and "SLURM_RESTART_COUNT" not in os.environ

def model():
    if FIRST:
        StopRequest.hear = lambda self, number: None
        goes_on = rounds.goes_on
        def stalled(campaign, phase):
            while any(path.name > "000001" for path in campaign.folder.checkpoints.glob("0*")):
                time.sleep(1.0)
            return goes_on(campaign, phase)
        rounds.goes_on = stalled
    return ising_2d(4)
"""


@pytest.mark.parametrize(
    ("partition", "why"),
    [("scavenge", "preempted, or requeued"), ("polite", "stopped in good time"), ("evict", "preempted")],
)
def test_preempted(partition: str, why: str, clean: Lab, expected: Data, tmp_path: Path) -> None:
    """At once, after a grace time that the ranks need not use up, and for good: the link itself puts the job back then."""
    number, run = submitted(tmp_path, JOB, "--partition", partition)
    under_way(clean, run)
    other = int(clean.slurm("sbatch", "--parsable", "-N", 4, "--exclusive", "-o", "/dev/null", "--wrap", "sleep 3"))
    clean.wait_for(lambda: clean.state(other) == "COMPLETED", "the other job does not come in")
    finished(clean, run)
    assert [event["restart"] > 0 for event in those(chain(run), "began")] == [False, True]
    first, second = those(chain(run), "ended")
    assert first["then"] == "requeue" and first["why"].startswith(why) and second["then"] == "done", log(run)
    assert different(expected, final_data(run)) == []


def test_a_time_limit_that_the_ranks_do_not_heed(clean: Lab, tmp_path: Path) -> None:
    """They hang, deaf to every signal, until SLURM kills all; the link has put the job back before."""
    (tmp_path / "slurm_stalled.py").write_text(STALLED)
    job = {**JOB, "landscape": {"model": "slurm_stalled:model"}, "production": {"rounds": 400}}
    undisturbed = {**job, "name": "undisturbed"}
    done = pland("run", write_job(tmp_path, undisturbed), "-n", 2, "--quiet")
    assert done.returncode == 0, done.stderr
    number, run = submitted(tmp_path, job, "--signal-seconds", 1)
    clean.wait_for(lambda: checkpoints_of(run) >= 2, lambda: log(run))
    clean.slurm("scontrol", "update", f"JobId={number}", "EndTime=now+3")
    clean.wait_for(lambda: clean.state(number) == "PENDING", lambda: log(run))
    clean.slurm("scontrol", "update", f"JobId={number}", "TimeLimit=10")
    finished(clean, run)
    first, second = those(chain(run), "ended")
    assert (first["then"], second["then"]) == ("requeue", "done") and first["why"].startswith("the time limit was reached")
    assert different(final_data(tmp_path / "runs" / "undisturbed"), final_data(run)) == []


@pytest.mark.parametrize("requeue", [True, False])
def test_a_batch_script_that_is_killed(requeue: bool, clean: Lab, expected: Data, tmp_path: Path) -> None:
    """Nobody is left to put the job back: `status` says so, and what to do. Where each link submits the next, that goes on."""
    number, run = submitted(tmp_path, JOB, requeue=requeue)
    under_way(clean, run)
    clean.slurm("scancel", "--signal=KILL", "--batch", number)
    if requeue:
        clean.wait_for(lambda: not clean.queue(), "the job does not end")
        shown = pland("status", run).stdout
        assert f"job {number} has left the queue (FAILED) and none follows it: submit the job file again" in shown
        submitted(tmp_path, JOB)
    finished(clean, run)
    assert different(expected, final_data(run)) == []


def test_no_progress_ends_the_chain(clean: Lab, tmp_path: Path) -> None:
    """A run that fails at the same place again and again is not requeued for ever."""
    (tmp_path / "slurm_broken.py").write_text(BROKEN)
    job = {**JOB, "landscape": {"model": "slurm_broken:model"}, "production": {"rounds": 10}}
    number, run = submitted(tmp_path, job)
    clean.wait_for(lambda: not clean.queue(), lambda: f"the chain goes on: {log(run)}")
    ended = those(chain(run), "ended")
    assert [event["then"] for event in ended] == ["requeue", "stop"], log(run)
    assert "no progress" in ended[-1]["why"] and "no progress" in pland("status", run).stdout


BROKEN = """
import os
from dataclasses import replace
from parallel_landscape.landscapes.ising import ising_2d

def model():
    made = ising_2d(4)
    def initial(rng):
        if "SLURM_STEP_ID" in os.environ:
            raise ValueError("not on this machine")
        return made.initial(rng)
    return replace(made, initial=initial)
"""
