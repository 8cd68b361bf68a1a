"""When the batch system will end this job."""

from __future__ import annotations

import math
import os
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
