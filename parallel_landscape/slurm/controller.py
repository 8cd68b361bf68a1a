"""SLURM's own commands, asked for plain answers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from parallel_landscape.errors import RunError
from parallel_landscape.slurm.cluster import Partition
from parallel_landscape.walltime import read_time

PATIENCE_SECONDS = 60
ALIVE = ("PENDING", "RUNNING", "SUSPENDED", "CONFIGURING", "COMPLETING", "REQUEUED", "REQUEUE_HOLD", "PREEMPTED")


def present() -> bool:
    """Whether jobs can be submitted from here."""
    return shutil.which("sbatch") is not None


def ask(*command: str, text: str | None = None) -> str:
    """What a command of SLURM prints. Raises RunError with what it says when it fails."""
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=PATIENCE_SECONDS, env=outside_environment()
        )
    except FileNotFoundError:
        raise RunError(f"{command[0]} is not on the path") from None
    except subprocess.TimeoutExpired:
        raise RunError(f"{command[0]} has not answered for {PATIENCE_SECONDS} s; is SLURM's controller up?") from None
    if done.returncode:
        raise RunError(f"{command[0]}: {_said(done.stderr or done.stdout)}")
    return done.stdout if done.stdout.strip() else done.stderr


def _said(text: str) -> str:
    """One sentence out of what a command of SLURM says."""
    lines = [re.sub(r"^\w+: (error: )?", "", line).strip() for line in text.splitlines() if line.strip()]
    return "; ".join(lines) or "failed without a word"


def outside_environment() -> dict[str, str]:
    """The environment without the present job's own variables, which would be taken for wishes about the next one."""
    return {key: value for key, value in os.environ.items() if key == "SLURM_CONF" or not key.startswith(("SLURM_", "SBATCH_"))}


def submit(script: Path, *options: str) -> int:
    """Submit a batch script; its job number."""
    return int(ask("sbatch", "--parsable", *options, str(script)).strip().split(";")[0])


def would_take(script: str, *options: str) -> None:
    """Raise RunError with SLURM's reason when it would refuse a batch script; submits nothing."""
    ask("sbatch", "--test-only", *options, text=script)


def job_fields(job: str) -> dict[str, str]:
    """What SLURM tells of a job; nothing for one that it knows no more, or when it does not answer."""
    try:
        return _fields(ask("scontrol", "show", "job", job, "--oneliner").splitlines()[0])
    except (RunError, IndexError):
        return {}


def job_state(job: str) -> str | None:
    """RUNNING, PENDING, COMPLETING, CANCELLED, ...; None for a job that SLURM knows no more, or when it does not answer."""
    return job_fields(job).get("JobState")


def out_of_time(job: str) -> bool:
    """Whether a job has used up its time limit. SLURM says only COMPLETING, whatever it is that ends the job."""
    found = job_fields(job)
    try:
        used, limit = (read_time(found[key]) for key in ("RunTime", "TimeLimit"))  # rounded up to minutes
    except (KeyError, ValueError):
        return False
    return used >= limit


def in_queue(jobs: Sequence[str]) -> list[str]:
    """Those of the jobs that wait or run."""
    return [job for job in jobs if job_state(job) in ALIVE]


def _fields(line: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in line.split() if "=" in word)


def live_partitions() -> tuple[dict[str, Partition], str | None]:
    """What SLURM says of its partitions, and which is the default; nothing where it does not answer."""
    try:
        told = [_fields(line) for line in ask("scontrol", "show", "partition", "--oneliner").splitlines() if line.strip()]
        cores = _cores(ask("sinfo", "-h", "-o", "%R|%c|%m"))
    except RunError:
        return {}, None
    default = next((one["PartitionName"] for one in told if one.get("Default") == "YES"), None)
    return {one["PartitionName"]: _partition(one, cores) for one in told}, default


def _cores(text: str) -> dict[str, tuple[int, int]]:
    """{partition: (most cores, most MiB) of a node}, from lines such as "main|48+|190000+"."""
    found: dict[str, tuple[int, int]] = {}
    for line in text.splitlines():
        name, cores, memory = (part.rstrip("+") for part in line.split("|"))
        before = found.get(name, (0, 0))
        found[name] = max(before[0], int(cores)), max(before[1], int(memory))
    return found


def _partition(told: Mapping[str, str], cores: Mapping[str, tuple[int, int]]) -> Partition:
    limits = [int(told[key]) for key in ("MaxNodes", "TotalNodes") if told.get(key, "").isdigit()]
    core, memory = cores.get(told["PartitionName"], (0, 0))
    time, accounts = told.get("MaxTime", "UNLIMITED"), told.get("AllowAccounts", "ALL")
    return Partition(
        time=read_time(time) if time[:1].isdigit() else None,
        nodes=min([n for n in limits if n], default=None),
        cores=core or None,
        memory=memory * 2**20 or None,
        accounts=None if accounts == "ALL" else accounts.split(","),
        up=told.get("State", "UP") == "UP",
    )
