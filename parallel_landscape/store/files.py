"""Files that are there whole or not at all: written beside, brought to the disk, renamed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from parallel_landscape.errors import RunError

GONE = "the run folder has been moved or removed; put it back, then resume"


def set_aside(path: Path) -> Path | None:
    """Move an existing folder out of the way, to the first free `name.1`, `name.2`, ...; returns its new place."""
    if not path.exists():
        return None
    number = next(n for n in range(1, 10**6) if not path.with_name(f"{path.name}.{n}").exists())
    return path.rename(path.with_name(f"{path.name}.{number}"))


def make_folder(path: Path) -> None:
    """Make a folder inside a run folder. Raises RunError, with what to do; a run folder that has gone is not made again."""
    try:
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes have left half-written in a folder."""
    for path in folder.glob(".*.tmp"):
        remove(path)


def remove(path: Path) -> None:
    """Remove a file that nobody needs; one that cannot be removed does no harm."""
    with suppress(OSError):
        path.unlink()


def sync_folder(path: Path) -> None:
    """Let the names in a folder reach the disk."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Write beside, fsync, rename: the file is either the old one or the whole new one. RunError names the file."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(beside)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        remove(beside)


def cannot_write(path: Path, error: OSError) -> RunError:
    """The error for people of a file that could not be written."""
    if isinstance(error, FileNotFoundError):
        return RunError(f"cannot write {path}: {GONE}")
    reason = error.strerror or str(error)
    return RunError(
        f"cannot write {path}: {reason}; make room or mend the folder, then resume: nothing written earlier is touched"
    )


def cannot_use(error: OSError) -> str:
    """The sentence for people about a file that was there before, as far as anybody knew."""
    advice = f"perhaps {GONE}" if isinstance(error, FileNotFoundError) else "mend that, then resume"
    return f"cannot use {error.filename}: {error.strerror}; {advice}"


def still_there(paths: Iterable[Path]) -> None:
    """Raise RunError when a file written earlier has gone: a folder that is being emptied still takes new files."""
    missing = [path for path in paths if not os.path.lexists(path)]
    if missing:
        raise RunError(f"{missing[0]} is missing: {GONE}")


def write_text(path: Path, text: str) -> None:
    """`write_atomically` for text."""
    write_atomically(path, lambda beside: beside.write_text(text))
