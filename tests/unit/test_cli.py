"""The commands: exit codes, messages, and that bad input writes nothing. In process where that will do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from parallel_landscape.cli import main
from parallel_landscape.driver.launch import mpiexec
from parallel_landscape.store.run_folder import RunFolder

JOB = """
name = "small"
seed = 1

[landscape]
model = "ising-2d"
length = 4

[ensemble]
ln_f_final = 1e-3

[exchange]
windows = 2
walkers_per_window = 2
"""

TROUBLE = """
import os, sys
from dataclasses import replace
from parallel_landscape.landscapes.ising import ising_2d

def model(how: str):
    here = os.environ.get("PMI_RANK") == "1"
    made = ising_2d(4)
    old_delta, angry = made.delta, here and how == "compiled"
    def initial(rng):
        if here and how == "raise":
            raise ValueError("no spins left")
        if here and how == "exit":
            sys.exit(0)
        return made.initial(rng)
    def delta(params, state, move):
        if angry and move >= 0:
            raise ValueError("not this move")
        return old_delta(params, state, move)
    if here and how == "build":
        raise ValueError("cannot be built here")
    return replace(made, initial=initial, delta=delta)
"""


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A small job file in a folder of its own."""
    path = tmp_path / "job.toml"
    path.write_text(JOB)
    return path


def listing(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if "__pycache__" not in path.parts)


def refused(arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command says that must end with exit code 2 and leave `folder` as it was."""
    before = listing(folder)
    assert main(arguments) == 2
    assert listing(folder) == before
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("pland: ") and "Traceback" not in said.err
    return said.err


def start(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A real process, given a minute."""
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **environment})


def mpi(ranks: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The console script under mpiexec, as a user starts it: without -m mpi4py."""
    return start(mpiexec(), "-n", str(ranks), str(Path(sys.executable).parent / "pland"), *arguments)


# run and check


def test_run_writes_a_result_and_says_where(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(job), "-n", "1", "--quiet"]) == 0
    said = capsys.readouterr().out
    run = job.parent / "runs" / "small"
    assert said.startswith("small: converged (") and said.endswith(f")\n{run}\nsee it with: pland report {run}\n")
    assert (job.parent / "runs/small/result.nc").exists()


def test_check_prints_the_plan_and_writes_nothing(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = listing(job.parent)
    assert main(["check", str(job)]) == 0
    said = capsys.readouterr().out
    assert "small: no mistakes" in said and "slots     4 = 1 repeats x 2 windows x 2 walkers" in said
    for word in ("levels", "round", "memory", "speed", "time"):
        assert f"\n{word}" in said
    assert listing(job.parent) == before


@pytest.mark.parametrize("command", ["run", "check"])
def test_mistakes_are_listed_and_nothing_is_written(command: str, job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job.write_text(JOB.replace("seed = 1", "seed = -1").replace("windows = 2", "window = 2") + "\n[extra]\n")
    said = refused([command, str(job)], job.parent, capsys)
    assert said.startswith("pland: 3 mistakes:\n  - ")
    assert "seed" in said and "did you mean 'windows'" in said and "extra" in said


@pytest.mark.parametrize("name", ["none.toml", "", "broken.toml"])
@pytest.mark.parametrize("command", ["run", "check"])
def test_a_job_file_that_cannot_be_read(command: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.toml").write_bytes(b"\xff\xfe")
    assert "job file" in refused([command, str(tmp_path / name)], tmp_path, capsys)


@pytest.mark.parametrize("command", ["run", "check"])
def test_more_ranks_than_slots(command: str, job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "5 ranks for 4 slots" in refused([command, str(job), "-n", "5"], job.parent, capsys)


def test_an_existing_run_folder_is_refused_then_set_aside(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = job.parent / "runs/small"
    run.mkdir(parents=True)
    (run / "mine").write_text("precious")
    assert "--force-new" in refused(["run", str(job), "-n", "1"], job.parent, capsys)
    assert main(["run", str(job), "-n", "1", "--quiet", "--force-new"]) == 0
    assert (job.parent / "runs/small.1/mine").read_text() == "precious"
    assert not (run / "mine").exists() and (run / "result.nc").exists()


def test_a_file_in_the_way_of_the_run_folder(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (job.parent / "runs").write_text("a file")
    said = refused(["run", str(job), "-n", "1"], job.parent, capsys)
    assert "runs/small cannot be made: Not a directory" in said and "[run] folder" in said


def test_a_run_folder_that_cannot_be_written(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job.write_text(JOB + '\n[run]\nfolder = "/proc/no/such"\n')
    assert "cannot be made" in refused(["run", str(job), "-n", "1"], job.parent, capsys)


def test_a_model_that_cannot_be_compiled_leaves_no_folder(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (job.parent / "cli_uncompilable.py").write_text(
        TROUBLE.replace("return old_delta", "os.getpid()\n        return old_delta")
    )
    job.write_text(JOB.replace('"ising-2d"\nlength = 4', '"cli_uncompilable:model"\nhow = ""'))
    said = refused(["run", str(job), "-n", "1"], job.parent, capsys)
    assert "delta cannot be compiled" in said


@pytest.mark.parametrize("arguments", [["run"], ["fly"], [], ["run", "job.toml", "-n", "0"], ["run", "job.toml", "-n", "two"]])
def test_a_command_line_that_makes_no_sense(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: pland" in capsys.readouterr().err


def test_base_is_where_relative_paths_start(job: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert main(["run", str(job), "-n", "1", "--quiet", "--base", str(elsewhere)]) == 0
    assert (elsewhere / "runs/small/result.nc").exists() and not (job.parent / "runs").exists()


# status and new


def test_status_of_a_finished_run(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(job), "-n", "1", "--quiet"]) == 0
    run = str(job.parent / "runs/small")
    capsys.readouterr()
    assert main(["status", run, "--json"]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert found["phase"] == "done" and found["status"] == "converged" and found["windows"]["gap_rms"][-1] is None
    assert main(["status", run]) == 0
    said = capsys.readouterr().out
    assert "round trips" in said and "status: converged" in said and "ln g is absolute" in said


def test_status_before_there_is_a_result(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder(job.parent / "runs/small")
    folder.create()
    folder.submitted.write_text(JOB)
    assert main(["status", str(folder.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "stopped"
    folder.report({"phase": "search", "energy": [-32, 32], "round": 7, "time": time.time()})
    folder.progress.open("a").write('{"phase": "lea')  # the writer is in the middle of a line
    folder.alive.write_text(json.dumps({"host": os.uname().nodename, "pid": os.getpid(), "ranks": 1}))
    assert main(["status", str(folder.path)]) == 0
    said = capsys.readouterr().out
    assert "energies -32 to 32 found, round 7" in said and "status: under way" in said


def test_status_of_something_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        assert "is not a run folder" in refused(["status", str(path)], tmp_path, capsys)


def test_status_of_a_damaged_result(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder(job.parent / "runs/small")
    folder.create()
    folder.submitted.write_text(JOB)
    folder.result.write_bytes(b"no netCDF")
    assert main(["status", str(folder.path)]) == 1
    assert "result.nc cannot be read" in capsys.readouterr().err


def test_new_lists_and_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new"]) == 0
    assert "digits\n" in capsys.readouterr().out
    assert "choose from" in refused(["new", "digit"], tmp_path, capsys)


# several ranks


@pytest.mark.mpi
def test_bad_input_under_mpiexec_is_said_once(job: Path) -> None:
    for ranks, arguments, words in (
        (5, ["run", str(job)], "5 ranks for 4 slots"),
        (2, ["run", str(job.parent / "none.toml")], "does not exist"),
        (2, ["run", str(job), "-n", "3"], "a launcher has started 2 ranks already"),
    ):
        before = listing(job.parent)
        ended = mpi(ranks, *arguments)
        assert ended.returncode == 2
        assert ended.stderr.count(words) == 1 and "Traceback" not in ended.stderr
        assert listing(job.parent) == before


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("how", "code", "words"),
    [
        ("raise", 1, "`initial` of the landscape failed for slot 0: ValueError: no spins left (cli_trouble.py, line"),
        ("exit", 1, "`initial` of the landscape failed for slot 0: it calls sys.exit(0)"),
        ("compiled", 1, "`delta` or `commit` of the landscape failed: ValueError: not this move"),
        ("build", 2, '"cli_trouble:model" fails: ValueError: cannot be built here'),
    ],
)
def test_one_rank_that_fails_takes_the_job_down(how: str, code: int, words: str, job: Path) -> None:
    (job.parent / "cli_trouble.py").write_text(TROUBLE)
    job.write_text(JOB.replace('"ising-2d"\nlength = 4', f'"cli_trouble:model"\nhow = "{how}"'))
    started = time.monotonic()
    ended = mpi(2, "run", str(job), "--quiet")
    assert time.monotonic() - started < 45
    assert ended.returncode == code, ended.stderr
    assert ended.stderr.count("pland: ") == 1 and words in ended.stderr and "(rank 1)" in ended.stderr
    assert "Traceback" not in ended.stderr and not (job.parent / "runs/small/result.nc").exists()


@pytest.mark.mpi
def test_run_starts_its_own_ranks_and_gives_the_same(job: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pland = str(Path(sys.executable).parent / "pland")
    assert start(pland, "run", str(job), "-n", "2", "--quiet").returncode == 0
    two = (job.parent / "runs/small").rename(job.parent / "two")
    assert main(["run", str(job), "-n", "1", "--quiet"]) == 0
    from parallel_landscape.store.result import read_result

    one, other = (read_result(folder / "result.nc")[0] for folder in (job.parent / "runs/small", two))
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)


@pytest.mark.mpi
def test_processes_that_do_not_see_each_other_are_refused(job: Path) -> None:
    before = listing(job.parent)
    ended = start(sys.executable, "-m", "parallel_landscape", "run", str(job), PMI_SIZE="4", PMI_RANK="1")
    assert ended.returncode == 1
    assert "the launcher started 4 processes, but MPI sees only one" in ended.stderr and "--mpi=" in ended.stderr
    assert listing(job.parent) == before
