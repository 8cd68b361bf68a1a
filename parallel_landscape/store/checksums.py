"""`checksums.json`: the SHA-256 of the files that lie singly in a run folder, so that a changed byte is noticed.

A file's new checksum is listed before the file is renamed into place, beside that of the file it replaces: whenever a run is
killed, what lies there is listed. Files that are not listed are taken as they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from parallel_landscape.errors import RunError
from parallel_landscape.store.files import write_atomically, write_text

NAME = "checksums.json"


def write_listed(path: Path, write: Callable[[Path], Any]) -> None:
    """`write_atomically`, with the new checksum listed."""

    def write_and_list(beside: Path) -> None:
        write(beside)
        _list(path, sha256_of(beside))

    write_atomically(path, write_and_list)


def write_listed_text(path: Path, text: str) -> None:
    """`write_listed` for text."""
    write_listed(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def check_listed(path: Path, remedy: str = "put it back from a copy") -> None:
    """Raise RunError, with what to do, when a file is not one that was written here."""
    for _ in range(2):  # a writer may come between the two readings, but hardly twice
        found = sha256_of(path)
        if found in _read(path.parent).get(path.name, [found]):
            return
    raise RunError(f"{path} does not match its checksum: it was damaged, or edited; {remedy}")


def _list(path: Path, coming: str) -> None:
    listed = _read(path.parent)
    present = [sha256_of(path)] if path.exists() else []
    sound = [digest for digest in present if digest in listed.get(path.name, present)]
    listed[path.name] = [*sound, coming]
    write_text(path.with_name(NAME), json.dumps({"files": listed, "digest": digest_of_plain(listed)}))


def _read(folder: Path) -> dict[str, list[str]]:
    path = folder / NAME
    try:
        content = json.loads(path.read_bytes())
        if content["digest"] == digest_of_plain(content["files"]):
            return dict(content["files"])
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError):
        pass
    raise RunError(
        f"{path} is damaged, so the files beside it cannot be checked; put it back from a copy, or remove it if they are sound"
    )


def digest_of_plain(content: Mapping[str, Any]) -> str:
    """SHA-256 of plain values, as JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
