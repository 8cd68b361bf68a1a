"""The flags of `pland submit`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from parallel_landscape.job.sections import Slurm

_WORDS = ("cluster", "partition", "account", "qos", "time", "memory_per_task")
_NUMBERS = ("nodes", "ntasks", "links", "at_once", "signal_seconds")


def add_submit(commands: Any) -> None:
    """Add the command to a parser's subparsers; what a flag means stands at the key of [slurm]."""
    parser = commands.add_parser("submit", help="hand a job to SLURM, and let it go on by itself until it is done")
    parser.add_argument("job", type=Path)
    for name in (*_WORDS, *_NUMBERS):
        kind: Any = int if name in _NUMBERS else str
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help=Slurm.model_fields[name].description)
    parser.add_argument("--chain", choices=("requeue", "dependent", "none"), help="how it goes on; the cluster file knows")
    parser.add_argument("--no-doctor", action="store_true", help="do not examine the machine at the head of each link")
    parser.add_argument("--option", action="append", metavar="OPTION", help="one more option for sbatch, as --option=--nice")
    parser.add_argument("--dry-run", action="store_true", help="show the batch script and submit nothing")


def submit_flags(parsed: argparse.Namespace) -> dict[str, Any]:
    """The flags as keys of [slurm]; None where one was not given."""
    flags: dict[str, Any] = {name: getattr(parsed, name) for name in (*_WORDS, *_NUMBERS)}
    return flags | {"options": parsed.option, "doctor": False if parsed.no_doctor else None}
