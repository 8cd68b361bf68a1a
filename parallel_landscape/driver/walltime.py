"""When the batch system will end this job; time limits as it writes them."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
from datetime import datetime
from functools import cache


@cache
def slurm_end() -> float:
    """Unix time at which SLURM ends this job; infinity outside SLURM or when it does not say."""
    told = os.environ.get("SLURM_JOB_END_TIME", "")
    if told.isdigit():
        return float(told)
    job = os.environ.get("SLURM_JOB_ID")
    if not job or shutil.which("scontrol") is None:
        return math.inf
    try:
        shown = subprocess.run(
            ["scontrol", "show", "job", job, "--oneliner"], capture_output=True, text=True, timeout=20
        ).stdout
        end = next(word.split("=", 1)[1] for word in shown.split() if word.startswith("EndTime="))
        return datetime.fromisoformat(end).timestamp()
    except (OSError, subprocess.TimeoutExpired, StopIteration, ValueError):
        return math.inf


def read_time(text: str) -> int:
    """Minutes, rounded up, of a time limit as SLURM takes it: "90", "04:00:00", "30:00", "2-12", "2-00:00:00".

    Raises ValueError for anything else, and for no time at all.
    """
    match = re.fullmatch(r"(?:(\d+)-)?(\d+(?::\d+){0,2})", text.strip())
    if match is None:
        raise ValueError(f'a time limit is needed, such as "04:00:00", "2-00:00:00" or "90" (minutes), not {text!r}')
    parts = [int(part) for part in match.group(2).split(":")]
    if match.group(1) is not None:  # hours, minutes, seconds
        parts = [*parts, 0, 0][:3]
    elif len(parts) < 3:  # minutes, seconds
        parts = [0, *parts, 0][:3]
    total = (int(match.group(1) or 0) * 24 + parts[0]) * 3600 + parts[1] * 60 + parts[2]
    if total == 0:
        raise ValueError(f"a time limit must be longer than {text!r}")
    return -(-total // 60)


def show_time(minutes: int) -> str:
    """A time limit as SLURM writes it."""
    days, rest = divmod(minutes, 24 * 60)
    return f"{f'{days}-' if days else ''}{rest // 60:02d}:{rest % 60:02d}:00"
