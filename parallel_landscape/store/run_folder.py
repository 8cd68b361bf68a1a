"""The run folder: where things lie, and how they are written so that a reader never sees half a file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parallel_landscape.errors import JobError, RunError


@dataclass(frozen=True)
class RunFolder:
    """Paths inside one run's folder."""

    path: Path

    @property
    def job(self) -> Path:
        """The job as resolved: defaults filled in, windows as they were found."""
        return self.path / "job.toml"

    @property
    def submitted(self) -> Path:
        """The job as it was given, defaults filled in: what a run that is started over begins from."""
        return self.path / "submitted.toml"

    @property
    def provenance(self) -> Path:
        """Versions, host, MPI, kernel digests."""
        return self.path / "provenance.json"

    @property
    def alive(self) -> Path:
        """Host and process number of the rank that drives the run."""
        return self.path / "alive.json"

    @property
    def origin(self) -> Path:
        """The folder that the job's relative paths and modules start from."""
        return self.path / "origin.json"

    @property
    def checkpoints(self) -> Path:
        """The generations of checkpoints."""
        return self.path / "checkpoints"

    @property
    def trajectory(self) -> Path:
        """The segments of recorded walkers."""
        return self.path / "trajectory"

    @property
    def progress(self) -> Path:
        """One JSON line a report."""
        return self.path / "progress.jsonl"

    @property
    def result(self) -> Path:
        """The result."""
        return self.path / "result.nc"

    def create(self) -> None:
        """Make the folder. Raises JobError when it exists or cannot be made."""
        self.refuse_existing()
        try:
            self.path.mkdir(parents=True)
        except OSError as error:
            reason = error.strerror or str(error)
            raise JobError(f"the run folder {self.path} cannot be made: {reason}; choose another [run] folder") from None

    def refuse_existing(self, allowed: bool = False) -> None:
        """Raise JobError when the folder exists already, unless that is `allowed`."""
        if not allowed and os.path.lexists(self.path):
            raise JobError(
                f"the run folder {self.path} exists; give the job another name, remove the folder, or start anew beside it "
                "with --force-new"
            )

    def driver(self) -> dict[str, Any] | None:
        """Host and process number of the rank that drives (or drove) the run; None when it ended by itself."""
        try:
            return dict(json.loads(self.alive.read_text()))
        except (OSError, ValueError):
            return None

    def report(self, line: dict[str, Any]) -> None:
        """Append one line to the progress file."""
        with self.progress.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def last_report(self) -> dict[str, Any] | None:
        """The newest complete line of the progress file; None before the first."""
        try:
            lines = self.progress.read_text().splitlines()
        except FileNotFoundError:
            return None
        for line in reversed(lines):
            try:
                return dict(json.loads(line))
            except json.JSONDecodeError:
                continue  # the writer is in the middle of it
        return None


def lives(process: int) -> bool:
    """Whether a process of this machine is alive."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def set_aside(path: Path) -> Path | None:
    """Move an existing folder out of the way, to the first free `name.1`, `name.2`, ...; returns its new place."""
    if not path.exists():
        return None
    number = next(n for n in range(1, 10**6) if not path.with_name(f"{path.name}.{n}").exists())
    return path.rename(path.with_name(f"{path.name}.{number}"))


def write_atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Write beside, fsync, rename: the file is either the old one or the whole new one. RunError names the file."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(beside)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        beside.unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise RunError(
            f"cannot write {path}: {reason}; make room or mend the folder, nothing written earlier is touched"
        ) from error


def write_text(path: Path, text: str) -> None:
    """`write_atomically` for text."""
    write_atomically(path, lambda beside: beside.write_text(text))
