"""`pland status` on runs that are going on, stopped, killed, elsewhere and done; it touches nothing and never fails."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from parallel_landscape.cli import main
from parallel_landscape.commands.status import _learning_left, status
from parallel_landscape.commands.status_view import MOTION, PROGRESS, duration, sentences, show, text_lines, watch
from parallel_landscape.ensembles.schedule import Schedule

JOB = """
name = "{name}"
seed = 1
[landscape]
model = "ising-2d"
length = 4
[ensemble]
ln_f_final = {final}
[exchange]
windows = 2
[run]
checkpoint_rounds = 20
"""


def write_job(folder: Path, name: str, final: float) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(JOB.format(name=name, final=final))
    return path


def start(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "parallel_landscape", *arguments, "-n", "1", "--quiet"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for(condition: Any, child: subprocess.Popen[bytes], seconds: float = 300.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert child.poll() is None, f"the run ended with exit code {child.returncode}"
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Any]]]:
    """What `status` finds in each state of real runs."""
    base = tmp_path_factory.mktemp("states")
    found: dict[str, dict[str, Any]] = {}
    run = base / "runs/long"
    child = start("run", str(write_job(base, "long", 1e-9)))
    try:
        wait_for(lambda: (run / "progress.jsonl").exists(), child)
        found["running"] = status(run)
        for _ in range(1000):  # checkpoints come and go meanwhile
            json.dumps(status(run), allow_nan=False)
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 3
        found["stopped"] = status(run)
        child = start("resume", str(run))
        wait_for(lambda: status(run)["state"] == "running", child)
        child.kill()
        child.wait()
        found["dead"] = status(run)
    finally:
        child.kill()
    alive = run / "alive.json"
    alive.write_text(json.dumps({**json.loads(alive.read_text()), "host": "far-away"}))
    found["elsewhere"] = status(run)
    assert main(["run", str(write_job(base, "short", 1e-3)), "-n", "1", "--quiet"]) == 0
    found["done"] = status(base / "runs/short")
    yield found


def test_a_run_that_goes_on(states: dict[str, dict[str, Any]]) -> None:
    found = states["running"]
    assert (found["state"], found["status"], found["phase"], found["next"]) == ("running", "under way", "learn", None)
    assert found["process"]["alive"] is True and found["age"] < 10 and found["steps_per_second"] > 0
    assert found["seconds_left"] == max(found["windows"]["seconds_left"]) > 60
    assert all(speed > 0 for speed in found["windows"]["steps_per_second"])
    assert [row["number"] for row in found["checkpoints"]] == sorted((r["number"] for r in found["checkpoints"]), reverse=True)
    assert all(row["bytes"] > 0 and row["seconds"] >= 0 and row["age"] >= 0 for row in found["checkpoints"])


def test_a_run_that_stopped_in_time(states: dict[str, dict[str, Any]]) -> None:
    found = states["stopped"]
    assert (found["state"], found["status"], found["process"]) == ("stopped", "out of time", None)
    assert found["next"] == f"pland resume {found['run']}" and found["result"].endswith("result.nc")
    assert "ln g so far" in "\n".join(sentences(found)) and found["next"] in "\n".join(sentences(found))


def test_a_run_that_was_killed(states: dict[str, dict[str, Any]]) -> None:
    found = states["dead"]
    assert (found["state"], found["process"]["alive"]) == ("dead", False)
    assert "nothing is lost" in found["reason"] and found["next"] == f"pland resume {found['run']}"


def test_a_run_on_another_machine(states: dict[str, dict[str, Any]]) -> None:
    found = states["elsewhere"]
    assert (found["state"], found["process"]["alive"], found["next"]) == ("elsewhere", None, None)
    assert "last report" in "\n".join(sentences(found)) and "far-away" in found["reason"]


def test_a_run_that_is_done(states: dict[str, dict[str, Any]]) -> None:
    found = states["done"]
    assert (found["state"], found["phase"], found["status"], found["next"]) == ("done", "done", "converged", None)
    assert found["windows"]["gap_rms"][-1] is None and found["normalisation"] == "absolute"


def test_the_keys_are_the_same_in_every_state_and_documented(states: dict[str, dict[str, Any]]) -> None:
    assert len({tuple(sorted(found)) for found in states.values()}) == 1
    described = {word.strip(",") for line in (status.__doc__ or "").splitlines() for word in line[:28].split()}
    assert set(states["done"]) <= described
    for found in states.values():
        assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize("state", ["running", "stopped", "dead", "elsewhere", "done"])
def test_tables_fit_into_80_columns(states: dict[str, dict[str, Any]], state: str) -> None:
    lines = text_lines(states[state])
    tables = lines[: -len(sentences(states[state]))]
    assert tables and max(map(len, tables)) <= 80 and all(len(line) == len(line.rstrip()) for line in tables)


def test_status_touches_nothing(states: dict[str, dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    run = Path(states["done"]["run"])
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in run.rglob("*")}
    assert main(["status", str(run)]) == 0 and main(["status", str(run), "--json"]) == 0
    assert "short: done" in capsys.readouterr().out
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in run.rglob("*")} == before


@pytest.mark.parametrize("width", [30, 60, 200])
def test_a_terminal_sees_every_column(states: dict[str, dict[str, Any]], width: int) -> None:
    screen = io.StringIO()
    show(Path(states["done"]["run"]), Console(file=screen, force_terminal=True, color_system=None, width=width))
    said = screen.getvalue()
    wanted = (PROGRESS.keys() | MOTION.keys()) - {"left", "steps/s", "X"}  # X: of joint densities
    assert all(header in said for header in wanted) and "…" not in said
    assert f'xarray.open_dataset("{states["done"]["result"]}")\n' in said


def test_watch_ends_with_the_run(states: dict[str, dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", states["done"]["run"], "--watch", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "done"
    for width in (50, 100):
        screen = io.StringIO()
        watch(Path(states["done"]["run"]), console=Console(file=screen, force_terminal=True, width=width), pause=0)
        assert "converged" in screen.getvalue() and "…" not in screen.getvalue()


def test_watch_follows_a_run(states: dict[str, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    shutil.copytree(states["dead"]["run"], run)
    (run / "alive.json").write_text(json.dumps({"host": os.uname().nodename, "pid": os.getpid(), "ranks": 1}))
    command = [sys.executable, "-m", "parallel_landscape", "status", str(run), "--watch"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert any("status: under way" in line for line in child.stdout)  # reads until it has been said
    (run / "alive.json").unlink()
    assert child.communicate(timeout=30)[0].count("status: out of time") == 1


def test_files_that_are_being_written_do_no_harm(states: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(states["dead"]["run"], run)
    whole = status(run)
    with (run / "progress.jsonl").open("a") as file:
        file.write('{"phase": "lea')
    newest = run / "checkpoints" / f"{whole['checkpoints'][0]['number']:06d}"
    (newest / "manifest.json").write_text('{"schema"')
    found = status(run)
    assert found["time"] == whole["time"] and found["windows"].keys() == whole["windows"].keys()
    assert len(found["checkpoints"]) == len(whole["checkpoints"]) - 1
    shutil.rmtree(run / "checkpoints")
    for name in ("alive.json", "progress.jsonl", "result.nc"):
        (run / name).unlink(missing_ok=True)
        assert status(run)["state"] in ("elsewhere", "stopped")
    assert text_lines(status(run))


@pytest.mark.parametrize(
    ("schedule", "seconds"),
    [
        (Schedule(schedule="1/t", ln_f_final=1e-6), 10 * 2 * (1e6 - 1e5) / 1e6),
        (Schedule(schedule="samc", ln_f_final=1e-4, t0=100.0), 10 * 2 * 100.0 * (1e4 - 1e5) / 1e6),
        (Schedule(schedule="halving", ln_f_final=1e-5 / 4), 50.0 * 32.0 / 31.0),
    ],
)
def test_time_left(schedule: Schedule, seconds: float) -> None:
    """Ten levels, two walkers, a million steps a second; halving: ten stages took 50 s, two more, each longer by sqrt 2."""
    left = _learning_left(schedule, 50.0, 1e-5, 10, 10, 2, 1e6)
    assert left == pytest.approx(max(0.0, seconds))


def test_durations() -> None:
    assert [duration(value) for value in (None, 0.4, 100, 3000, 86400, 4e5)] == ["-", "0 s", "100 s", "50 min", "24 h", "5 d"]
