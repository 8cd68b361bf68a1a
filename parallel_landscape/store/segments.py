"""The trajectory: closed HDF5 segments, written beside, fsynced and renamed, so that a reader never sees half a record.

A record is one walker at one moment. Each rank cuts a segment at every checkpoint, and earlier when its buffer is full;
eight of one size are merged into one of the next, so that a rank's files stay few. A segment counts when a checkpoint's
manifest names it: what a killed run has written after its last checkpoint is dropped on resume and sampled again, to the
same bits. Columns are compressed chunk by chunk, each chunk with a checksum of its own that is compared whenever it is read.
A segment that was cut at a checkpoint also holds the proposals counted since the one before, as `transitions` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from parallel_landscape.errors import RunError
from parallel_landscape.store.checkpoint import KEPT
from parallel_landscape.store.checksums import sha256_of
from parallel_landscape.store.files import make_folder, remove
from parallel_landscape.store.hdf5 import filters, know_all_filters, write_hdf5
from parallel_landscape.store.trajectory_schema import RECORDS
from parallel_landscape.store.transitions import added

MERGED = 8  # segments of one tier become one of the next
LARGE = 2**26  # bytes; segments are not merged into larger ones, for that takes their size in memory
CHUNK = 16_384  # records to an HDF5 chunk, at most
CHUNK_BYTES = 2**20  # of one column in a chunk, about
GROUP = "transitions"
Columns = dict[str, NDArray[Any]]
COMMON: dict[str, tuple[str, tuple[int, ...]]] = {
    name: (variable.dtype, ()) for name, variable in RECORDS.items() if name != "weights"
}


@dataclass(frozen=True)
class Segment:
    """One closed file of records."""

    name: str
    size: int
    sha256: str
    records: int
    tier: int = 0

    def plain(self) -> dict[str, Any]:
        """As plain values for a manifest."""
        return asdict(self)


class Recorder:
    """Collects this rank's records and cuts them into segments named after leg (start or resume number) and rank.

    columns: type and shape of one entry of each column, beyond those that every record has.
    """

    def __init__(
        self,
        folder: Path,
        leg: int,
        rank: int,
        capacity: int,
        columns: Mapping[str, tuple[str, tuple[int, ...]]],
        compression: str = "lzf",
    ) -> None:
        self._folder, self._prefix, self._compression = folder, f"leg-{leg:04d}-rank-{rank:05d}", compression
        every = {**COMMON, **columns}
        self._columns: Columns = {name: np.zeros((capacity, *shape), kind) for name, (kind, shape) in every.items()}
        self._filled = 0
        self._written = 0
        self._merged: list[list[str]] = [[]]
        self.segments: list[Segment] = []

    def add(self, **values: Any) -> None:
        """Add one record; a full buffer becomes a segment."""
        for name, value in values.items():
            self._columns[name][self._filled] = value
        self._filled += 1
        if self._filled == len(self._columns["slot"]):
            self.cut()

    def cut(self, transitions: Columns | None = None) -> None:
        """Close what has been collected into a segment, and merge segments where eight of a tier stand together."""
        if self._filled or transitions is not None:
            self._write({name: column[: self._filled] for name, column in self._columns.items()}, transitions, tier=0)
            self._filled = 0
        while self._mergeable(last := self.segments[-MERGED:]):
            merged = [read_segment(self._folder, segment) for segment in last]
            counted = [read_transitions(self._folder, segment) for segment in last]
            del self.segments[-MERGED:]
            self._merged[-1] += [segment.name for segment in last]
            columns = {name: np.concatenate([part[name] for part in merged]) for name in merged[0]}
            self._write(columns, added(counted) if any(counted) else None, tier=last[0].tier + 1)

    @staticmethod
    def _mergeable(last: list[Segment]) -> bool:
        one_tier = len({segment.tier for segment in last}) == 1
        return len(last) == MERGED and one_tier and sum(segment.size for segment in last) < LARGE

    def forget(self) -> None:
        """A checkpoint has begun: remove what was merged away before the last one but one, which no kept checkpoint names."""
        self._merged.append([])
        while len(self._merged) > KEPT + 1:
            for name in self._merged.pop(0):
                remove(self._folder / name)

    def _write(self, columns: Columns, transitions: Columns | None, tier: int) -> None:
        path = self._folder / f"{self._prefix}-{self._written:06d}.h5"
        self._written += 1
        make_folder(self._folder)
        write_hdf5(path, lambda file: fill_segment(file, columns, transitions, self._compression))
        self.segments.append(Segment(path.name, path.stat().st_size, sha256_of(path), len(columns["slot"]), tier))


def fill_segment(file: Any, columns: Columns, transitions: Columns | None, compression: str = "lzf") -> None:
    """Put records, and counts of proposals if there are any, into an open HDF5 file."""
    _fill(file, columns, compression)
    if transitions is not None:
        _fill(file.create_group(GROUP), transitions, compression)


def _fill(group: Any, columns: Columns, compression: str) -> None:
    for name, column in columns.items():
        if not len(column):  # between two checkpoints that a full buffer was just cut before: counts, and no records
            group.create_dataset(name, data=column)
            continue
        row = max(1, column.itemsize * int(np.prod(column.shape[1:])))
        chunk = (min(len(column), CHUNK, max(1, CHUNK_BYTES // row)), *column.shape[1:])
        group.create_dataset(name, data=column, chunks=chunk, **filters(compression))


def read_segment(folder: Path, segment: Segment) -> Columns:
    """All records of a segment. Raises RunError when the file is missing or damaged."""
    with _opened(folder, segment) as file:
        return {name: file[name][...] for name in file if name != GROUP}


def read_transitions(folder: Path, segment: Segment) -> Columns:
    """The proposals that a segment counts; empty when it counts none. Raises RunError when the file is missing or damaged."""
    with _opened(folder, segment) as file:
        return {name: file[GROUP][name][...] for name in file[GROUP]} if GROUP in file else {}


def _opened(folder: Path, segment: Segment) -> Any:
    wrong = damage(folder, segment)
    if wrong is not None:
        raise RunError(wrong)
    know_all_filters()
    try:
        return h5py.File(folder / segment.name, "r")
    except OSError as error:
        raise RunError(f"{folder / segment.name} cannot be opened ({error}); put the file back from a copy") from None


def damage(folder: Path, segment: Segment) -> str | None:
    """What is wrong with a segment's file, and what to do; None when it is sound."""
    path = folder / segment.name
    try:
        if path.stat().st_size == segment.size and sha256_of(path) == segment.sha256:
            return None
    except FileNotFoundError:
        return f"{path} is missing: {segment.records} records are lost; put the file back from a copy"
    except OSError as error:
        return f"{path} cannot be read ({error.strerror}): {segment.records} records are lost; put the file back from a copy"
    return f"{path} does not match its checksum: {segment.records} records are damaged; put the file back from a copy"


def read_records(folder: Path, segments: Iterable[Segment]) -> Columns:
    """All records of several segments, sorted by slot and time."""
    parts = [read_segment(folder, segment) for segment in segments]
    if not parts:
        return {name: np.zeros(0, kind) for name, (kind, _) in COMMON.items()}
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort((columns["sweep"], columns["slot"]))
    return {name: column[order] for name, column in columns.items()}


def drop_unlisted(folder: Path, kept: Iterable[str]) -> None:
    """Remove segments that no checkpoint names."""
    names = set(kept)
    for path in folder.glob("leg-*.h5"):
        if path.name not in names:
            remove(path)
