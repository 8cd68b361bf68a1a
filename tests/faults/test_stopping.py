"""Stopped in good time by a signal or the walltime, at once by a second Ctrl-C; and no process stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from faults.harness import Data, Under, checkpoints_of, different, final_data, job_of, pland, start, write_job
from parallel_landscape.commands import status
from parallel_landscape.store import checkpoint

pytestmark = [pytest.mark.faults, pytest.mark.mpi]

JOB = job_of(production={"rounds": 1_000}, run={"checkpoint_rounds": 40})
LONG = job_of(production={"rounds": 100_000}, run={"checkpoint_rounds": 40})


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Data:
    folder = tmp_path_factory.mktemp("undisturbed")
    done = pland("run", write_job(folder, JOB), "-n", 1, "--quiet")
    assert done.returncode == 0, done.stderr
    return final_data(folder / "runs" / "run")


def under_way(folder: Path, ranks: int, job: dict[str, object] = LONG) -> tuple[Under, Path]:
    """A run that has made checkpoints."""
    run = folder / "runs" / "run"
    under = start("run", write_job(folder, job), ranks=ranks)
    under.wait_for(lambda: checkpoints_of(run) >= 2)
    return under, run


def ranks_of(under: Under) -> list[psutil.Process]:
    return [process for process in under.look() if "mpi4py" in process.cmdline() and process.name() != "mpiexec"]


def check_stopped(under: Under, run: Path, why: str = "asked to") -> None:
    code, said = under.ended()
    assert code == 3, said
    assert said == f"pland: stopped ({why}), nothing is lost; go on with: pland resume {run}\n"
    assert not (run / "alive.json").exists()
    assert status.status(run)["state"] == "stopped"


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_to_the_command(number: signal.Signals, ranks: int, tmp_path: Path) -> None:
    under, run = under_way(tmp_path, ranks)
    under.process.send_signal(number)
    check_stopped(under, run)


def test_a_signal_while_ranks_start(tmp_path: Path) -> None:
    """They do not know signals yet. Nothing has begun, so the same command is the one to type next."""
    under = start("run", write_job(tmp_path, LONG), ranks=2)
    under.wait_for(lambda: len(ranks_of(under)) >= 2)
    under.process.send_signal(signal.SIGTERM)
    code, said = under.ended()
    assert (
        code == 3 and ("type the same command again" in said or "go on with: pland resume" in said) and "Traceback" not in said
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_to_one_rank(number: signal.Signals, tmp_path: Path) -> None:
    under, run = under_way(tmp_path, 3)
    ranks = ranks_of(under)
    assert len(ranks) >= 3
    ranks[-1].send_signal(number)
    check_stopped(under, run)


def test_the_command_that_is_named_goes_on_to_the_same_bits(expected: Data, tmp_path: Path) -> None:
    under, run = under_way(tmp_path, 2, JOB)
    under.process.send_signal(signal.SIGTERM)
    code, said = under.ended()
    assert code == 3
    command = said.rpartition("go on with: ")[2].split()
    done = subprocess.run([Path(sys.executable).parent / command[0], *command[1:]], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert different(expected, final_data(run)) == []


@pytest.mark.parametrize("ranks", [2, pytest.param(1, marks=pytest.mark.long)])
def test_the_walltime_of_the_job(ranks: int, expected: Data, tmp_path: Path) -> None:
    """Stopped again and again before its walltime, it comes to the same end."""
    job = JOB | {"run": {"checkpoint_rounds": 40, "walltime_minutes": 0.004}}
    run = tmp_path / "runs" / "run"
    code, said = start("run", write_job(tmp_path, job), ranks=ranks).ended()
    assert code == 3 and said == f"pland: stopped (walltime), nothing is lost; go on with: pland resume {run}\n"
    for _ in range(3):
        generation, _ = checkpoint.newest(run / "checkpoints")
        assert generation is not None
        code, said = start("resume", run, "--set", "run.walltime_minutes=0.004", ranks=ranks).ended()
        assert code in (0, 3), said
    code, said = start("resume", run, "--set", "run.walltime_minutes=10", ranks=3 - ranks).ended()
    assert code == 0, said
    assert different(expected, final_data(run)) == []


def test_the_end_that_slurm_has_set(tmp_path: Path) -> None:
    """Under SLURM the run stops by itself a minute before the job's end."""
    run = tmp_path / "runs" / "run"
    os.environ["SLURM_JOB_END_TIME"] = str(int(time.time()) + 64)
    try:
        code, said = start("run", write_job(tmp_path, LONG), ranks=1).ended()
    finally:
        del os.environ["SLURM_JOB_END_TIME"]
    assert code == 3 and "stopped (walltime)" in said and str(run) in said


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_second_ctrl_c_leaves_at_once(ranks: int, expected: Data, tmp_path: Path) -> None:
    """A round that takes for ever does not hold it up. What was saved before is there."""
    slow = LONG | {"dynamics": {"sweeps_per_round": 10_000_000}, "run": {"checkpoint_minutes": 10}}
    run = tmp_path / "runs" / "run"
    under = start("run", write_job(tmp_path, slow), ranks=ranks)
    under.wait_for(lambda: checkpoints_of(run) >= 1)
    under.look()
    for _ in range(2):
        under.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
    started = time.monotonic()
    code, said = under.ended()
    assert code == 130 and "Traceback" not in said
    assert time.monotonic() - started < 10


def test_the_command_is_killed_and_its_ranks_stop(tmp_path: Path) -> None:
    """Nobody is left to wait for the ranks: they stop by themselves, politely."""
    under, run = under_way(tmp_path, 2)
    under.look()
    under.process.kill()
    under.ended()
    assert checkpoint.newest(run / "checkpoints")[0] is not None


def test_a_rank_that_is_killed_takes_the_others_down(tmp_path: Path) -> None:
    under, run = under_way(tmp_path, 3)
    ranks_of(under)[-1].kill()
    started = time.monotonic()
    code, said = under.ended()
    assert code not in (0, 2, 3) and time.monotonic() - started < 10 and "Traceback" not in said
    assert status.status(run)["state"] == "dead"


def test_a_rank_that_raises_is_heard_once(tmp_path: Path) -> None:
    """Whatever it is that goes wrong in one rank, the job ends within seconds, with that one message."""
    (tmp_path / "angry.py").write_text(
        "import os\nfrom dataclasses import replace\nfrom parallel_landscape.landscapes.ising import ising_2d\n"
        "def model(length: int):\n    made = ising_2d(length)\n    old = made.weights\n    calls = [0]\n"
        "    def weights(state):\n        calls[0] += 1\n        if os.environ.get('PMI_RANK') == '1' and calls[0] > 50:\n"
        "            raise ValueError('no weights today')\n        return old(state)\n"
        "    return replace(made, weights=weights)\n"
    )
    plain = {**LONG["production"], "observables": []}  # which would want to compile `weights`
    job = LONG | {"landscape": {"model": "angry:model", "length": 4}, "production": plain}
    started = time.monotonic()
    code, said = start("run", write_job(tmp_path, job), ranks=3).ended()
    assert code == 1 and said.count("no weights today") >= 1 and said.count("pland: ") == 1
    assert time.monotonic() - started < 60


def test_status_never_fails_while_a_run_goes_on(tmp_path: Path) -> None:
    """A thousand times in this process, and as a command; always JSON, always with the same keys."""
    under, run = under_way(tmp_path, 2, LONG | {"run": {"checkpoint_rounds": 2}})
    keys, phases, commands = set(status.status(run)), set(), 0
    for number in range(1_000):
        found = json.loads(json.dumps(status.status(run)), parse_constant=pytest.fail)
        assert set(found) == keys and found["checkpoints"] and found["state"] == "running"
        phases.add(found["phase"])
        if number % 250 == 0:
            done = pland("status", run, "--json")
            assert done.returncode == 0 and set(json.loads(done.stdout)) == keys, done.stderr
            commands += 1
    assert under.process.poll() is None and commands == 4 and phases <= {"search", "learn", "produce"}
    under.process.send_signal(signal.SIGTERM)
    check_stopped(under, run)
