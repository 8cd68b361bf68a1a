"""The run folder: where things lie, and how they are written so that a reader never sees half a file."""

from __future__ import annotations

import itertools
import json
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parallel_landscape.errors import JobError
from parallel_landscape.store.files import cannot_write, sync_folder

_TAIL = 65_536  # bytes at the end of the progress file that are looked at first


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
    def slurm(self) -> Path:
        """The batch script, its logs and the chain of its links."""
        return self.path / "slurm"

    @property
    def finished(self) -> Path:
        """Attempts of `pland solve` that are over, one file each, until they are put together in the trajectory."""
        return self.path / "finished"

    @property
    def solved(self) -> Path:
        """The table of all attempts."""
        return self.path / "solve.nc"

    @property
    def steered(self) -> Path:
        """What `pland ratchet` was asked for, in a folder of its own."""
        return self.path / "ratchet.json"

    @property
    def result(self) -> Path:
        """The result."""
        return self.path / "result.nc"

    def create(self, fill: Callable[[RunFolder], Any] = lambda made: None) -> None:
        """Make the folder with what `fill` writes; it appears whole. Raises JobError when it exists or cannot be made."""
        self.refuse_existing()
        made = RunFolder(self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp"))
        try:
            made.path.mkdir(parents=True)
            fill(made)
            made.path.rename(self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            reason = error.strerror or str(error)
            raise JobError(f"the run folder {self.path} cannot be made: {reason}; choose another [run] folder") from None

    @property
    def of_solver(self) -> bool:
        """Whether the folder is one of `pland solve`."""
        return not self.steered.exists() and (self.finished.exists() or self.solved.exists())

    def refuse_solver(self, instead: str = "") -> None:
        """Raise JobError when the folder's records follow no law that could be sampled on: those of solvers, steered paths."""
        if self.steered.exists():
            raise JobError(
                f"{self.path} is a folder of `pland ratchet`: steered paths are samples of no law, so nothing can be averaged "
                "over them; its table is ratchet.nc"
            )
        if self.of_solver:
            raise JobError(
                f"{self.path} is a folder of `pland solve`: its records follow no law, and its table is {self.solved.name}; "
                + (instead or "`pland solve` with its job goes on with it")
            )

    def refuse_existing(self, allowed: bool = False) -> None:
        """Raise JobError when the folder exists already, unless that is `allowed`."""
        if not allowed and os.path.lexists(self.path):
            raise JobError(
                f"the run folder {self.path} exists; give the job another name, remove the folder, or start anew beside it "
                "with --force-new"
            )

    def driver(self) -> dict[str, Any] | None:
        """Host, number and birth of the process that drives (or drove) the run; None when it ended by itself or is unknown."""
        try:
            found = dict(json.loads(self.alive.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
        sound = isinstance(found.get("host"), str) and isinstance(found.get("pid"), int) and isinstance(found.get("ranks"), int)
        return found if sound else None

    def report(self, line: dict[str, Any]) -> None:
        """Append one line to the progress file, with a checksum. Raises RunError when that cannot be done."""
        append_line(self.progress, line)

    def last_reports(self, count: int = 1) -> list[dict[str, Any]]:
        """The newest whole lines of the progress file, oldest first. Half-written and damaged lines do not count."""
        found: list[dict[str, Any]] = []
        try:
            with self.progress.open("rb") as file:
                end = file.seek(0, os.SEEK_END)
                start = end
                while start > 0 and len(found) < count:
                    start = max(0, end - 4 * (end - start or _TAIL // 4))
                    file.seek(start)
                    reports = (_sound(line) for line in file.read(end - start).splitlines())
                    found = [report for report in reports if report is not None][-count:]
        except FileNotFoundError:
            pass
        return found

    def some_reports(self, most: int) -> list[dict[str, Any]]:
        """At most `most` whole lines of the progress file, spread evenly from the first to the last; the file is read once."""
        found: list[dict[str, Any]] = []
        try:
            with self.progress.open("rb") as file:
                starts = [0, *itertools.accumulate(map(len, file))][:-1]
                count = min(most, len(starts))
                for number in range(count):
                    file.seek(starts[round(number * (len(starts) - 1) / max(1, count - 1))])
                    report = _sound(file.readline())
                    found += [report] if report is not None else []
        except FileNotFoundError:
            pass
        return found


def append_line(path: Path, line: dict[str, Any]) -> None:
    """Append one line of JSON, with a checksum, in one write. Raises RunError when that cannot be done."""
    try:
        with path.open("a") as file:
            file.write(json.dumps({**line, "crc": _crc(line)}) + "\n")
    except OSError as error:
        raise cannot_write(path, error) from error


def read_lines(path: Path) -> list[dict[str, Any]]:
    """All sound lines of a file that `append_line` has written, oldest first; none without the file."""
    try:
        found = [_sound(line) for line in path.read_bytes().splitlines()]
    except OSError:
        return []
    return [line for line in found if line is not None]


def _crc(line: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(line, sort_keys=True).encode())


def _sound(text: bytes) -> dict[str, Any] | None:
    """The report in a line; None when the line is not as it was written."""
    try:
        line = dict(json.loads(text))
    except (ValueError, TypeError):
        return None
    return line if line.pop("crc", None) in (None, _crc(line)) else None


def lives(process: int, born: str | None = None) -> bool:
    """Whether a process of this machine is alive, and was `born` then: numbers are given out again."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    told = _stat(process)
    if told[:1] in (["Z"], ["X"]):  # dead, but its parent has not been told yet
        return False
    return born is None or birth(process) in (None, born)


def birth(process: int) -> str | None:
    """When a process was started, as Linux tells: boot and clock ticks since; None elsewhere."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {_stat(process)[19]}"
    except (OSError, IndexError):
        return None


def _stat(process: int) -> list[str]:
    """What Linux tells about a process, from its state on; nothing elsewhere."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
