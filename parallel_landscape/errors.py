"""Errors meant for people: what was given, what is allowed, what to do next."""

from __future__ import annotations

import os
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path

_NOT_THE_USERS = (str(Path(__file__).parent), sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), "<frozen")


class PlandError(Exception):
    """Any failure that the program explains itself; the exit code of the command is `exit_code`."""

    exit_code = 1


class JobError(PlandError):
    """Bad input. Carries every mistake found, one sentence each, and is raised before anything is written."""

    exit_code = 2

    def __init__(self, mistakes: str | Iterable[str]) -> None:
        self.mistakes: tuple[str, ...] = (mistakes,) if isinstance(mistakes, str) else tuple(mistakes)
        super().__init__("\n".join(self.mistakes))

    def within(self, section: str) -> JobError:
        """The same mistakes, each with the section of the job file that it is in."""
        return JobError(line if line.startswith("[") else f"{section} {line}" for line in self.mistakes)


class RunError(PlandError):
    """A run that cannot go on: a landscape that breaks its contract, a full disk, a lost rank."""


class Stopped(PlandError):
    """A run that stopped in good time and can be resumed."""

    exit_code = 3


def describe(error: BaseException) -> str:
    """What somebody else's code raised, and in which line of it: "ValueError: no such lattice (ring.py, line 12)"."""
    if isinstance(error, SystemExit):
        text = f"it calls sys.exit({error.code!r})"
    else:
        text = f"{type(error).__name__}: {error}".rstrip(" :.")
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(_NOT_THE_USERS)]
    return text + (f" ({os.path.basename(frames[-1].filename)}, line {frames[-1].lineno})" if frames else "")
