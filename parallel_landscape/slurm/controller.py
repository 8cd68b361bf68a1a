"""SLURM's own commands, asked for plain answers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from parallel_landscape.errors import RunError

PATIENCE_SECONDS = 60
GLANCE_SECONDS = 10  # for what is only shown
ALIVE = ("PENDING", "RUNNING", "SUSPENDED", "CONFIGURING", "COMPLETING", "REQUEUED", "REQUEUE_HOLD", "PREEMPTED")


def present() -> bool:
    """Whether jobs can be submitted from here."""
    return shutil.which("sbatch") is not None


def ask(*command: str, text: str | None = None, seconds: int = PATIENCE_SECONDS) -> str:
    """What a command of SLURM prints. Raises RunError with what it says when it fails."""
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=seconds, env=outside_environment())
    except FileNotFoundError:
        raise RunError(f"{command[0]} is not on the path") from None
    except subprocess.TimeoutExpired:
        raise RunError(f"{command[0]} has not answered for {seconds} s; is SLURM's controller up?") from None
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
        return fields(ask("scontrol", "show", "job", job, "--oneliner").splitlines()[0])
    except (RunError, IndexError):
        return {}


def job_state(job: str) -> str | None:
    """RUNNING, PENDING, COMPLETING, CANCELLED, ...; None for a job that SLURM knows no more, or when it does not answer."""
    return job_fields(job).get("JobState")


def fate(job: str, restart: int) -> str:
    """What becomes of a job that still runs: "stays", "again" (SLURM will start it again by itself), "limit" or "preempted"
    (it ends, and does not come back by itself), "cancelled" (by a person). "stays" when SLURM does not answer.

    restart: how often the job had been restarted when it began. SLURM says COMPLETING, whatever it is that ends a job.
    """
    found = job_fields(job)
    if int(found.get("Restarts", "0")) > restart:
        return "again"
    if found.get("JobState", "RUNNING") == "RUNNING":
        return "stays"
    if found.get("Reason") == "TimeLimit":
        return "limit"
    return "preempted" if found.get("PreemptTime", "None") != "None" else "cancelled"


def gone(job: str) -> str:
    """How a job stands that neither waits nor runs any more, such as "TIMEOUT" or "unknown"; empty for one that does, or when
    SLURM does not answer."""
    try:
        state = fields(ask("scontrol", "show", "job", job, "--oneliner", seconds=GLANCE_SECONDS).splitlines()[0])["JobState"]
    except RunError as error:
        return "unknown" if "Invalid job id" in str(error) else ""
    except (IndexError, KeyError):
        return ""
    return "" if state in ALIVE else state


def in_queue(jobs: Sequence[str]) -> list[str]:
    """Those of the jobs that wait or run."""
    return [job for job in jobs if job_state(job) in ALIVE]


def fields(line: str) -> dict[str, str]:
    """KEY=VALUE, as `scontrol --oneliner` writes a job or a partition."""
    return dict(word.split("=", 1) for word in line.split() if "=" in word)
