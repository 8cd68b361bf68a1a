"""The one mechanism of every analysis: each segment becomes a small partial result, and these are merged in a fixed order.

A survey maps one segment, read in blocks, to named arrays. The order of the segments in the catalogue is the order in which
partial results are merged, and inside a segment records are taken one after the other: whoever does the work, in whatever
blocks, the same additions are done in the same order, so that all numbers are the same to the last bit.

Partial results are kept in files named after the segment's checksum, in a folder named after a digest of the request: an
analysis that was interrupted starts again without reading finished segments. They hold plain arrays, no pickles.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.analysis.segment_reader import Reader, Shared, Source, open_source
from parallel_landscape.errors import RunError
from parallel_landscape.store.files import write_atomically

Partial = dict[str, NDArray[Any]]
VERSION = 1  # of the partial results: a new number where their meaning changes


class Survey(Protocol):
    """What is asked of every segment. Everything that its answer depends on, the segment apart, is in `request`."""

    @property
    def name(self) -> str:
        """Name of the survey, for its folder."""
        ...

    @property
    def request(self) -> dict[str, Any]:
        """All that is asked for, as plain values."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads from the first to the last record."""
        ...

    def map(self, reader: Reader) -> Partial:
        """The partial result of one segment."""
        ...


@dataclass(frozen=True)
class Piece:
    """What became of one segment: the file of its partial result ("" when there is none), and a sentence for what was lost."""

    path: str
    lost: int = 0
    note: str = ""
    gone: bool = False
    fresh: bool = True


def folder_of(survey: Survey, kept: Path) -> Path:
    """Where the partial results of a survey are kept."""
    text = json.dumps({"version": VERSION, **survey.request}, sort_keys=True)
    return kept / f"{survey.name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def map_all(surveys: Sequence[Survey], folders: Sequence[str], memory: int, source: Source) -> list[Piece]:
    """Find the partial results of a segment, or make and keep them in half of the `memory`. What two of them want is read
    once. A segment with lost records is read again the next time."""
    paths = [Path(folder) / f"{source.sha256}.npz" for folder in folders]
    missing = [not _is_sound(path) for path in paths]
    wanted = Counter(name for survey, asked in zip(surveys, missing, strict=True) if asked for name in survey.columns)
    shared = Shared(frozenset(name for name, times in wanted.items() if times > 1), memory // 4)
    return [
        _map_one(survey, path, memory // 4, source, shared) if asked else Piece(str(path), fresh=False)
        for survey, path, asked in zip(surveys, paths, missing, strict=True)
    ]


def _map_one(survey: Survey, path: Path, memory: int, source: Source, shared: Shared) -> Piece:
    try:
        reader = open_source(source, memory)
        reader.shared = shared
    except FileNotFoundError:
        return Piece("", source.records, f"{source.path} is missing: its {source.records} records are left out", gone=True)
    except OSError as error:
        return Piece("", source.records, f"{source.path} cannot be opened ({error}): its {source.records} records are left out")
    with reader.file:
        try:
            partial = survey.map(reader)
        except (KeyError, OSError, RuntimeError) as error:
            return Piece(
                "", source.records, f"{source.path} cannot be read ({error}): its {source.records} records are left out"
            )
    lost = sum(count for _, count, _ in reader.lost)
    if lost:
        path = path.with_suffix(".damaged.npz")
    write_atomically(path, lambda beside: _save(beside, partial))
    return Piece(str(path), lost, _lost_sentence(reader) if lost else "")


def _lost_sentence(reader: Reader) -> str:
    first, _, column = reader.lost[0]
    lost = sum(count for _, count, _ in reader.lost)
    return (
        f"{reader.source.path} has {len(reader.lost)} bad chunk{'s' * (len(reader.lost) > 1)}, the first one in {column} at "
        f"record {first}: {lost} of its {reader.source.records} records are left out; put the file back from a copy"
    )


def _save(path: Path, partial: Partial) -> None:
    with path.open("wb") as file:  # a name of its own choice would get another suffix
        np.savez(file, **partial)  # type: ignore[arg-type]


def _is_sound(path: Path) -> bool:
    """A file that was renamed into place is whole; a folder brought over from elsewhere may hold half of one."""
    if not path.exists():
        return False
    try:
        with np.load(path, allow_pickle=False) as found:
            return len(found.files) > 0
    except (OSError, ValueError, EOFError, KeyError, BadZipFile):
        path.unlink(missing_ok=True)
        return False


def partials(pieces: list[Piece]) -> Iterator[Partial]:
    """The partial results in order, one in memory at a time."""
    for piece in pieces:
        if piece.path:
            try:
                with np.load(piece.path, allow_pickle=False) as found:
                    yield {name: found[name] for name in found.files}
            except FileNotFoundError:
                raise RunError(f"{piece.path} has been removed while it was needed; run `pland analyze` again") from None
