"""Starts runs as a user does, kills them in all the ways there are, and compares what they leave in the end."""

from __future__ import annotations

import contextlib
import copy
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tomli_w

from parallel_landscape.cli import main
from parallel_landscape.driver import rounds
from parallel_landscape.driver.boundary import PHASES
from parallel_landscape.driver.launch import mpiexec
from parallel_landscape.driver.stopping import handlers_kept
from parallel_landscape.store import checkpoint
from parallel_landscape.store.result import read_groups
from parallel_landscape.store.segments import Segment, read_records, read_transitions
from parallel_landscape.store.transitions import added

HUNG = 120.0  # seconds after which a command hangs
GONE = 20.0  # seconds in which the processes of a killed run must have ended
KILLER = Path(__file__).with_name("killer.py")

JOB: dict[str, Any] = {
    "name": "run",
    "seed": 5,
    "landscape": {"model": "binary-perceptron", "inputs": 21, "data": {"source": "random", "patterns": 20}},
    "dynamics": {"sweeps_per_round": 50},
    "ensemble": {"ln_f_final": 1e-4, "occasions": 100},
    "exchange": {"windows": 3, "walkers_per_window": 2, "search_sweeps": 20_000},
    "production": {
        "rounds": 400,
        "record_every_sweeps": 10,
        "weights": True,
        "observables": ["magnetisation", "local-energy"],
    },
    "run": {"checkpoint_rounds": 40},
}

Data = dict[str, np.ndarray]


def job_of(**sections: Any) -> dict[str, Any]:
    """JOB with some keys of its sections replaced; a section None is left out."""
    job = copy.deepcopy(JOB)
    for name, section in sections.items():
        if section is None:
            job.pop(name, None)
        elif isinstance(section, dict):
            job[name] = {**job.get(name, {}), **section}
        else:
            job[name] = section
    return job


def write_job(folder: Path, job: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "job.toml"
    path.write_text(tomli_w.dumps(job))
    return path


def pland(*arguments: object, timeout: float = HUNG) -> subprocess.CompletedProcess[str]:
    """A command, carried out."""
    command = [sys.executable, "-m", "parallel_landscape", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout)


def final_data(run: Path) -> Data:
    """Every array of result.nc, every record of the trajectory by slot and time, counts of proposals, frozen weights."""
    groups, attributes = read_groups(run / "result.nc")
    generation, damaged = checkpoint.newest(run / "checkpoints")
    assert generation is not None and not damaged
    records = read_records(run / "trajectory", [Segment(**segment) for segment in generation.about["segments"]])
    counted = added([read_transitions(run / "trajectory", Segment(**segment)) for segment in generation.about["segments"]])
    named = {"status": np.array(attributes["status"]), "complete": np.array(attributes["complete"])}
    result = groups.pop("")
    for kind, group in {"result": result, **groups, "records": records, "counts": counted}.items():
        named |= {f"{kind} {name}": np.asarray(array) for name, array in group.items()}
    frozen = run / "trajectory" / "frozen.h5"
    return named | ({"frozen": np.frombuffer(frozen.read_bytes(), np.uint8)} if frozen.exists() else {})


def run_on(folder: Path, ranks: int, job: dict[str, Any]) -> Data:
    """The final data of a whole run, with the job as it was resolved."""
    return command("run", write_job(folder, job), ranks, folder / "runs" / str(job["name"]))


def command(name: str, what: Path, ranks: int, run: Path) -> Data:
    """The same of a command, `run` or `resume`, that ends the run in the folder `run`."""
    done = pland(name, what, "-n", ranks, "--quiet")
    assert done.returncode == 0, done.stderr
    return final_data(run) | {"job": np.frombuffer((run / "job.toml").read_bytes(), np.uint8)}


def different(one: Data, other: Data) -> list[str]:
    """Names of arrays that are not the same, bit for bit."""
    same = [name for name in one.keys() & other.keys() if _bits(one[name]) == _bits(other[name])]
    return sorted((one.keys() | other.keys()) - set(same))


def _bits(array: np.ndarray) -> tuple[str, tuple[int, ...], bytes]:
    return array.dtype.str, array.shape, array.tobytes()


def checkpoints_of(run: Path) -> int:
    """How many checkpoints a run has made, those included that it has forgotten."""
    return max((int(path.parent.name) for path in run.glob("checkpoints/*/manifest.json")), default=0)


@dataclass
class Under:
    """A command under way, with everything that it has started."""

    process: subprocess.Popen[str]
    me: psutil.Process
    family: list[psutil.Process] = field(default_factory=list)

    def look(self) -> list[psutil.Process]:
        """The processes that the command has started and that are alive, itself first."""
        try:
            alive = [self.me, *self.me.children(recursive=True)]
        except psutil.NoSuchProcess:
            alive = []
        self.family += [one for one in alive if one not in self.family]
        return [one for one in self.family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]

    def ended(self) -> tuple[int, str]:
        """Exit code and what was said; fails when it hangs, or leaves a process behind."""
        try:
            said, _ = self.process.communicate(timeout=HUNG)
        except subprocess.TimeoutExpired:
            self.kill_all()
            raise AssertionError(f"hung: {self.process.args}") from None
        last = time.monotonic() + GONE
        while left := self.look():
            if time.monotonic() > last:
                names = [one.cmdline() for one in left]
                self.kill_all()
                raise AssertionError(f"left behind: {names}")
            time.sleep(0.05)
        return self.process.returncode, said

    def wait_for(self, sign: Callable[[], bool]) -> None:
        """Until there is a sign, or the command has ended."""
        last = time.monotonic() + HUNG
        while not sign() and self.process.poll() is None and time.monotonic() < last:
            time.sleep(0.02)

    def kill_all(self) -> None:
        for one in reversed(self.look()):
            _send(one, signal.SIGKILL)


def start(*arguments: object, ranks: int, bullet: tuple[int, int] | None = None) -> Under:
    """A command under way on so many ranks; `bullet` is (rank, change of the file system) at which that rank dies."""
    command = [sys.executable, "-m", "parallel_landscape", *map(str, arguments), "-n", str(ranks), "--quiet"]
    environment = dict(os.environ)
    if bullet is not None:
        deadly = [str(KILLER), *map(str, bullet), *map(str, arguments), "--quiet"]
        command = [sys.executable, *deadly, "-n", "1"]
        if ranks > 1:
            environment["MPIR_CVAR_ENABLE_HEAVY_YIELD"] = "1"
            command = [mpiexec(), "-n", str(ranks), sys.executable, "-m", "mpi4py", *deadly]
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    return Under(process, psutil.Process(process.pid))


def _send(process: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _is_rank(process: psutil.Process) -> bool:
    try:
        return "parallel_landscape" in process.cmdline() and "mpiexec" not in process.name()
    except psutil.Error:
        return False


def kill_rank(under: Under, rng: random.Random) -> None:
    """SIGKILL to one of the ranks (or to the process that has started them)."""
    ranks = [process for process in under.look() if _is_rank(process)]
    if ranks:
        _send(rng.choice(ranks), signal.SIGKILL)


def kill_launcher(under: Under, rng: random.Random) -> None:
    """SIGKILL to mpiexec, or to the command itself when there is none."""
    family = under.look()
    launchers = [process for process in family if process.name() == "mpiexec" or process.name().startswith("mpiexec")]
    if launchers or family:
        _send((launchers or family)[0], signal.SIGKILL)


def kill_all(under: Under, rng: random.Random) -> None:
    """SIGKILL to everything at once, as when a node goes down."""
    under.kill_all()


def ask(under: Under, rng: random.Random) -> None:
    """A polite signal to the command."""
    under.look()
    under.process.send_signal(rng.choice((signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)))


def ask_rank(under: Under, rng: random.Random) -> None:
    """A polite signal to one rank alone."""
    ranks = [process for process in under.look()[1:] if _is_rank(process)] or under.look()
    if ranks:
        _send(rng.choice(ranks), rng.choice((signal.SIGTERM, signal.SIGUSR1)))


STRIKES: tuple[Callable[[Under, random.Random], None], ...] = (kill_rank, kill_launcher, kill_all, ask, ask_rank)


@dataclass
class Trial:
    """One run that is struck once or more, and resumed until it is done."""

    folder: Path
    job: dict[str, Any]
    seconds: float
    most_ranks: int
    log: list[str] = field(default_factory=list)

    def carry_out(self, ranks: int, rng: random.Random) -> Data:
        """Its final data. The first command runs on `ranks`, the others on random numbers of them."""
        file, run = write_job(self.folder, self.job), self.folder / "runs" / self.job["name"]
        strikes = rng.choice((1, 1, 2, 3))
        for attempt in range(20):
            arguments = ["resume", run] if run.exists() else ["run", file]
            if attempt < strikes:
                code, said = self._struck(arguments, ranks, rng)
            else:
                code, said = start(*arguments, ranks=ranks).ended()
                self.log.append(f"{arguments[0]} on {ranks}: {code}")
                assert code == 0, f"{self.log}\n{said}"
            assert "Traceback" not in said or "mpi4py" in said, f"{self.log}\n{said}"
            if code == 0:
                return final_data(run)
            ranks = rng.randint(1, self.most_ranks)
        raise AssertionError(f"not done: {self.log}")

    @property
    def under_way(self) -> bool:
        """Whether a process drives the run."""
        return (self.folder / "runs" / self.job["name"] / "alive.json").exists()

    def _struck(self, arguments: list[Any], ranks: int, rng: random.Random) -> tuple[int, str]:
        how = rng.randrange(2 * len(STRIKES))
        if how >= len(STRIKES):  # half of them while a file is written
            bullet = rng.randrange(ranks), round(3.0 ** rng.uniform(1.5, 5.3))
            under = start(*arguments, ranks=ranks, bullet=bullet)
            name = f"bullet {bullet}"
        else:
            under = start(*arguments, ranks=ranks)
            wait = rng.uniform(0.0, self.seconds)
            if rng.random() < 0.9:  # else while it still starts, maybe
                under.wait_for(lambda: self.under_way)
            time.sleep(wait)
            STRIKES[how](under, rng)
            name = f"{STRIKES[how].__name__} after {wait:.2f} s"
        code, said = under.ended()
        self.log.append(f"{arguments[0]} on {ranks}, {name}: {code}")
        return code, said


def stopped_in(folder: Path, job: dict[str, Any], kind: str, number: int) -> Path:
    """The run folder of a run that was asked to stop before a round of a phase."""
    (folder / "job.toml").write_text(tomli_w.dumps(job))
    goes_on = rounds.goes_on

    def stopping(campaign: Any, phase: Any) -> bool:
        if PHASES[type(phase)] == kind and phase.rounds == number:
            campaign.stop.signal = "SIGTERM"
        return goes_on(campaign, phase)

    with pytest.MonkeyPatch.context() as patch, handlers_kept():
        patch.setattr(rounds, "goes_on", stopping)
        assert main(["run", str(folder / "job.toml"), "-n", "1", "--quiet"]) == 3
    return folder / "runs" / "run"
