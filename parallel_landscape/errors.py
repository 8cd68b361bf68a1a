"""Errors meant for people: what was given, what is allowed, what to do next."""

from __future__ import annotations

from collections.abc import Iterable


class PlandError(Exception):
    """Any failure that the program explains itself; the exit code of the command is `exit_code`."""

    exit_code = 1


class JobError(PlandError):
    """Bad input. Carries every mistake found, one sentence each, and is raised before anything is written."""

    exit_code = 2

    def __init__(self, mistakes: str | Iterable[str]) -> None:
        self.mistakes: tuple[str, ...] = (mistakes,) if isinstance(mistakes, str) else tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


class RunError(PlandError):
    """A run that cannot go on: a landscape that breaks its contract, a full disk, a lost rank."""


class Stopped(PlandError):
    """A run that stopped in good time and can be resumed."""

    exit_code = 3
