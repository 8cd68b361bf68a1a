"""A job that is interrupted in every way that a cluster knows ends with the same bits as an undisturbed one."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from faults.harness import Data, different, final_data, pland, write_job

from slurm.lab import JOB, Lab, chain, finished, log, submitted, those, under_way

pytestmark = [pytest.mark.slurm, pytest.mark.mpi]


def test_requeued_by_hand(clean: Lab, expected: Data, tmp_path: Path) -> None:
    number, run = submitted(tmp_path, JOB)
    under_way(clean, run)
    clean.slurm("scontrol", "requeue", number)
    finished(clean, run)
    assert [event["restart"] > 0 for event in those(chain(run), "began")] == [False, True]
    assert different(expected, final_data(run)) == []


def test_the_signal_before_the_limit(clean: Lab, expected: Data, tmp_path: Path) -> None:
    """What `--signal=B:USR1` sends: the ranks stop in good time, and the job requeues itself."""
    number, run = submitted(tmp_path, JOB)
    under_way(clean, run)
    clean.slurm("scancel", "--signal=USR1", "--batch", number)
    finished(clean, run)
    first, second = those(chain(run), "ended")
    assert first["code"] in (3, 128 + signal.SIGTERM), log(run)  # srun ends the ranks that leave after the first
    assert (first["why"], first["then"], second["code"], second["then"]) == ("stopped in good time", "requeue", 0, "done")
    assert different(expected, final_data(run)) == []


def test_a_step_that_is_killed(clean: Lab, expected: Data, tmp_path: Path) -> None:
    number, run = submitted(tmp_path, JOB)
    under_way(clean, run)
    clean.slurm("scancel", "--signal=KILL", f"{number}.0")
    finished(clean, run)
    first, second = those(chain(run), "ended")
    assert first["code"] not in (0, 2, 3) and (first["then"], second["then"]) == ("requeue", "done")
    assert different(expected, final_data(run)) == []


@pytest.mark.parametrize("node", ["first", "last"])
def test_a_node_that_fails(node: str, clean: Lab, expected: Data, tmp_path: Path) -> None:
    """The first node has the batch script, the other one only a rank."""
    number, run = submitted(tmp_path, JOB)
    under_way(clean, run)
    where = those(chain(run), "began")[0]["where"]
    assert where == "n[1-2]"
    clean.script("fail", 1 if node == "first" else 2)
    finished(clean, run)
    assert [event["restart"] > 0 for event in those(chain(run), "began")] == [False, True]
    assert different(expected, final_data(run)) == []


def test_three_time_limits(clean: Lab, tmp_path: Path) -> None:
    """Two links get a limit that is too short, and stop by themselves a minute before it; the third ends the run."""
    job = {**JOB, "production": {**JOB["production"], "rounds": 40_000}}  # minutes, where two links have seconds
    done = pland("run", write_job(tmp_path / "here", job), "-n", 2, "--quiet", timeout=300)
    assert done.returncode == 0, done.stderr
    number, run = submitted(tmp_path, job, "--signal-seconds", 1)
    for count in (1, 2):
        clean.wait_for(lambda count=count: len(those(chain(run), "began")) == count, lambda: log(run))
        clean.slurm("scontrol", "update", f"JobId={number}", "EndTime=now+72")
    clean.wait_for(lambda: len(those(chain(run), "ended")) == 2 and clean.state(number) == "PENDING", lambda: log(run))
    # a requeued job keeps the short limit, which may be too short again
    clean.slurm("scontrol", "update", f"JobId={number}", "TimeLimit=10")
    clean.wait_for(lambda: not clean.queue(), lambda: f"the job does not end: {log(run)}", seconds=300)
    first, second, third = those(chain(run), "ended")
    assert first["why"] == second["why"] == "stopped in good time" and third["then"] == "done", log(run)
    assert log(run).count("stopped (walltime), nothing is lost") == 2
    assert different(final_data(tmp_path / "here" / "runs" / "run"), final_data(run)) == []


def test_where_jobs_may_not_be_requeued(clean: Lab, expected: Data, tmp_path: Path) -> None:
    """Each link submits the next one, which waits for its end; none is left over."""
    number, run = submitted(tmp_path, JOB, requeue=False)
    under_way(clean, run)
    clean.slurm("scancel", "--signal=USR1", "--batch", number)
    finished(clean, run)
    first, second = those(chain(run), "ended")
    assert (first["then"], second["then"]) == ("next", "done")
    assert first["job"] == str(number) and second["job"] == first["next"] != first["job"]
    assert clean.state(int(second["next"])) == "CANCELLED"
    assert different(expected, final_data(run)) == []


@pytest.mark.parametrize("requeue", [True, False])
def test_a_person_who_cancels_is_obeyed(requeue: bool, clean: Lab, expected: Data, tmp_path: Path) -> None:
    """No link follows; submitted again, the run goes on to the same bits."""
    number, run = submitted(tmp_path, JOB, requeue=requeue)
    under_way(clean, run)
    clean.slurm("scancel", number)
    clean.wait_for(lambda: not clean.queue(), "the chain goes on")
    assert chain(run)[-1]["then"] == "stop", log(run)
    assert clean.state(number) == "CANCELLED"
    assert "cancelled" in pland("status", run).stdout
    submitted(tmp_path, JOB)
    finished(clean, run)
    assert different(expected, final_data(run)) == []
