"""The lab as Python sees it: a real SLURM with four virtual nodes, jobs in it, and what becomes of them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w
from faults.harness import checkpoints_of, job_of, pland, write_job

from parallel_landscape.slurm.chain import Event, events
from parallel_landscape.store.run_folder import RunFolder

SCRIPT = Path(__file__).with_name("lab.sh")
DAEMONS = ("slurmctld", "slurmd", "munged", "srun", "unshare")
INSTALL = "PLAND_SLURM_LAB_INSTALL"  # "1": the lab may install what is missing by apt
HUNG = 100.0

CLUSTER = {
    "mpi": "pmi2",
    # nodes that are one host share its memory, in which MPICH's segments of several nodes can get in each other's way
    "environment": {"MPIR_CVAR_ENABLE_HEAVY_YIELD": "1", "MPIR_CVAR_CH4_NETMOD": "ofi", "MPIR_CVAR_NOLOCAL": "1"},
    "default_partition": "main",
}

JOB = job_of(
    exchange={"windows": 2, "walkers_per_window": 1}, production={"rounds": 2_500}, slurm={"cluster": "lab", "doctor": False}
)


def missing() -> str:
    """Why there can be no lab here; empty when there can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "a SLURM lab needs Linux and root"
    if subprocess.run(["unshare", "--uts", "--mount", "true"], capture_output=True).returncode:
        return "a SLURM lab needs name spaces (unshare --uts --mount), which are not allowed here"
    absent = [name for name in DAEMONS if shutil.which(name) is None]
    if absent and os.environ.get(INSTALL) == "1" and shutil.which("apt-get"):
        done = subprocess.run([SCRIPT, "install"], capture_output=True, text=True, env=_environment(Path("/nowhere")))
        if done.returncode:
            return f"SLURM could not be installed: {done.stderr.strip().splitlines()[-1:]}"
        absent = [name for name in DAEMONS if shutil.which(name) is None]
    if absent:
        return f"no SLURM here ({', '.join(absent)} missing); `tests/slurm/lab.sh install` or {INSTALL}=1 installs it by apt"
    return ""


def _environment(folder: Path, port: int = 0) -> dict[str, str]:
    return {**os.environ, "SLURM_LAB": str(folder), "SLURM_LAB_PORT": str(port)}


def free_ports(count: int = 5) -> int:
    """The first of some successive ports that nobody listens on."""
    for first in range(27100, 32000, count):
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise AssertionError("no free ports")


@dataclass(frozen=True)
class Lab:
    """A SLURM in a folder."""

    folder: Path
    port: int = field(default_factory=free_ports)
    seen: dict[str, float] = field(default_factory=dict)  # since when jobs wait for their time to begin

    def script(self, *arguments: object) -> None:
        """Carry out a command of lab.sh."""
        command = [str(SCRIPT), *map(str, arguments)]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=90,
            env=_environment(self.folder, self.port),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def slurm(self, *command: object) -> str:
        """What a command of SLURM prints."""
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def state(self, job: int) -> str:
        """RUNNING, PENDING, ..."""
        (found,) = set(re.findall(r"JobState=(\w+)", self.slurm("scontrol", "show", "job", job, "--oneliner")))
        return str(found)

    def queue(self) -> list[str]:
        """The jobs that wait or run."""
        return self.slurm("squeue", "-h", "-o", "%i %T %r").splitlines()

    def nodes_up(self) -> bool:
        told = self.slurm("sinfo", "-h", "-p", "main", "-N", "-o", "%t").split()
        return len(told) == 4 and set(told) <= {"idle", "mix", "alloc", "comp"}

    def release(self) -> None:
        """A requeued job waits two minutes, so that no node takes it for the one that it has just ended; here two seconds."""
        now = time.monotonic()
        held = {line.split()[0] for line in self.queue() if line.endswith(" PENDING BeginTime")}
        for job in held:
            if now - self.seen.setdefault(job, now) >= 2.0:
                subprocess.run(["scontrol", "update", f"JobId={job}", "StartTime=now"], capture_output=True)
        for job in [job for job, when in self.seen.items() if job not in held or now - when >= 2.0]:
            del self.seen[job]

    def wait_for(self, sign: Callable[[], Any], what: Callable[[], str] | str, seconds: float = HUNG) -> None:
        """Until there is a sign; else fails with `what`, asked for only then. Requeued jobs are let in meanwhile."""
        last = time.monotonic() + seconds
        while not sign():
            self.release()
            assert time.monotonic() < last, f"{what if isinstance(what, str) else what()}\n{self.queue()}"
            time.sleep(0.25)


def write_cluster(folder: Path, name: str = "lab", **keys: Any) -> None:
    """A cluster file beside the jobs in `folder`."""
    path = folder / "slurm" / "clusters" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(tomli_w.dumps({**CLUSTER, **keys}))


def number_of(said: str) -> int:
    """The job number that `submit` has printed."""
    found = re.search(r"job (\d+) submitted", said)
    assert found is not None, said
    return int(found.group(1))


def chain(run: Path) -> list[Event]:
    return events(RunFolder(run))


def those(found: Iterable[Event], event: str) -> list[Mapping[str, Any]]:
    return [one for one in found if one["event"] == event]


def submitted(folder: Path, job: dict[str, Any], *flags: object, **cluster: Any) -> tuple[int, Path]:
    """Number and run folder of a job on two nodes."""
    write_cluster(folder, **cluster)
    done = pland("submit", write_job(folder, job), "--nodes", 2, "--time", "10", *flags)
    assert done.returncode == 0, done.stderr
    return number_of(done.stdout), folder / "runs" / job["name"]


def under_way(lab: Lab, run: Path, more: int = 2) -> None:
    """Until the run has made some more checkpoints."""
    before = checkpoints_of(run)
    lab.wait_for(lambda: checkpoints_of(run) >= before + more, lambda: f"{run} does not come under way: {log(run)}")


def log(run: Path) -> str:
    """What the links of a run have said."""
    return "\n".join(path.read_text() for path in sorted((run / "slurm").glob("*.log")))


def finished(lab: Lab, run: Path) -> None:
    """Until the queue is empty; then the run must be done."""
    lab.wait_for(lambda: not lab.queue(), lambda: f"jobs stay in the queue: {log(run)}")
    assert chain(run)[-1]["then"] == "done", log(run)
