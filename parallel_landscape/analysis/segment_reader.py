"""One segment read column-wise in blocks of bounded size; a chunk that cannot be read costs its own records and no others."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

Block = dict[str, NDArray[Any]]
FEWEST = 4_096  # records read at once, whatever the memory
MOST = 65_536  # more would leave the processor's caches and gain nothing


@dataclass(frozen=True)
class Source:
    """A segment's file: where it lies, its checksum in the catalogue, how many records it holds."""

    path: str
    sha256: str
    records: int


@dataclass
class Shared:
    """Pieces of columns that several surveys want of one segment, read once as long as they fit into `room` bytes."""

    columns: frozenset[str] = frozenset()
    room: int = 0
    kept: dict[tuple[str, int, int], NDArray[Any]] = field(default_factory=dict)

    def read(self, name: str, one: Any, first: int, count: int) -> NDArray[Any]:
        """Records `first` to `first + count` of the column. Raises OSError when a chunk is bad."""
        if name not in self.columns:
            return np.asarray(one[first : first + count])
        key = (name, first, count)
        found = self.kept.get(key)
        if found is None:
            found = np.asarray(one[first : first + count])
            if found.nbytes <= self.room:
                self.room -= found.nbytes
                self.kept[key] = found
        return found


@dataclass
class Reader:
    """The open file of a source; `memory` bytes for one block. `lost`: (first record, count, column) that could not be read."""

    file: Any
    source: Source
    memory: int
    lost: list[tuple[int, int, str]] = field(default_factory=list)
    shared: Shared = field(default_factory=Shared)

    def blocks(self, columns: Sequence[str]) -> Iterator[tuple[int, Block]]:
        """(first record, the columns) of one block after the other, in order; lost records are left out of all columns."""
        sets = {name: self.file[name] for name in columns}
        size = self._block_size(list(sets.values()))
        for first in range(0, self.source.records, size):
            count = min(size, self.source.records - first)
            try:
                yield first, {name: self.shared.read(name, one, first, count) for name, one in sets.items()}
            except OSError:  # a checksum of HDF5: look for the chunk
                yield from self._sound_pieces(sets, first, count)

    def _sound_pieces(self, sets: dict[str, Any], first: int, count: int) -> Iterator[tuple[int, Block]]:
        step = min((one.chunks[0] for one in sets.values() if one.chunks), default=FEWEST)
        for start in range(first, first + count, step):
            length = min(step, first + count - start)
            piece: Block = {}
            for name, one in sets.items():
                try:
                    piece[name] = one[start : start + length]
                except OSError:
                    self.lost.append((start, length, name))
                    break
            else:
                yield start, piece

    def _block_size(self, sets: list[Any]) -> int:
        """Records in a block: whole chunks, as many as the memory allows."""
        width = sum(one.dtype.itemsize * int(np.prod(one.shape[1:], dtype=np.int64)) for one in sets)
        chunk = max((one.chunks[0] for one in sets if one.chunks), default=FEWEST)
        wanted = max(FEWEST, min(MOST, self.memory // max(1, width)))
        return max(chunk, wanted // chunk * chunk)

    def first_and_last(self, column: str) -> tuple[int, int] | None:
        """The first and the last readable value of an integer column; None when there is none."""
        one = self.file[column]
        step = one.chunks[0] if one.chunks else FEWEST
        starts = range(0, self.source.records, step)
        first = next((found[0] for start in starts if (found := _try(one, start, step)) is not None), None)
        last = next((found[-1] for start in reversed(starts) if (found := _try(one, start, step)) is not None), None)
        return None if first is None or last is None else (int(first), int(last))


def _try(one: Any, start: int, step: int) -> NDArray[Any] | None:
    try:
        return np.asarray(one[start : start + step])
    except OSError:
        return None


def open_source(source: Source, memory: int) -> Reader:
    """Open a segment. Raises OSError when it is missing or no HDF5 file."""
    _load_filters()
    return Reader(h5py.File(source.path, "r"), source, memory)


@functools.cache
def _load_filters() -> None:
    """Filters beyond those of h5py, for a job that asked for blosc."""
    with suppress(ImportError):
        importlib.import_module("hdf5plugin")
