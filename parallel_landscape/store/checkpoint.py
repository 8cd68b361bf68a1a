"""Checkpoints: generations of HDF5 files, one a rank, that count only when their manifest has been renamed into place.

Each rank writes its slots beside, fsyncs and renames; rank 0 then writes the manifest with the size and SHA-256 of every
file. The last two generations are kept; one with a missing or damaged file is passed over for the one before. Slots are
found by number, so any number of ranks can go on from what any number has written. Nothing is pickled.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from parallel_landscape.errors import RunError
from parallel_landscape.store.checksums import digest_of_plain, sha256_of
from parallel_landscape.store.files import make_folder, set_aside, write_text
from parallel_landscape.store.hdf5 import write_hdf5

SCHEMA = 2
KEPT = 2
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Entry:
    """One file of a generation."""

    name: str
    size: int
    sha256: str
    slots: tuple[int, ...]


@dataclass(frozen=True)
class Generation:
    """A complete checkpoint: where it lies, what it was made from, and its files."""

    path: Path
    number: int
    about: dict[str, Any]
    entries: tuple[Entry, ...]

    @property
    def size(self) -> int:
        """Bytes in all files."""
        return sum(entry.size for entry in self.entries)


def write_rank_file(folder: Path, number: int, rank: int, slots: Mapping[int, Arrays]) -> Entry:
    """Write the local slots of a new generation; returns the entry for the manifest."""
    path = _generation_path(folder, number) / f"rank-{rank:05d}.h5"
    make_folder(folder)
    make_folder(path.parent)

    def fill(file: Any) -> None:
        file.attrs["schema"] = SCHEMA
        file["slot"] = np.array(list(slots), dtype=np.int64)
        for name, rows in _columns(slots.values()).items():
            file.create_dataset(name, data=rows)

    write_hdf5(path, fill)
    return Entry(path.name, path.stat().st_size, sha256_of(path), tuple(slots))


def _columns(rows: Iterable[Arrays]) -> dict[str, NDArray[Any]]:
    """One (slots, ...) array a field."""
    rows = list(rows)
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]} if rows else {}


def publish(folder: Path, number: int, about: Mapping[str, Any], entries: Iterable[Entry]) -> Generation:
    """Make a generation count, then forget all but the last two. Called on rank 0 when every rank has written."""
    generation = Generation(_generation_path(folder, number), number, dict(about), tuple(entries))
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "about": generation.about,
        "files": [{"name": e.name, "size": e.size, "sha256": e.sha256, "slots": list(e.slots)} for e in generation.entries],
    }
    content["digest"] = digest_of_plain(content)
    write_text(generation.path / "manifest.json", json.dumps(content))
    for older in sorted(_numbers(folder))[:-KEPT]:
        shutil.rmtree(_generation_path(folder, older), ignore_errors=True)
    return generation


def clear_unfinished(folder: Path) -> None:
    """Remove what a killed run has left half-written."""
    for number in _numbers(folder):
        path = _generation_path(folder, number)
        if not (path / "manifest.json").exists():
            shutil.rmtree(path, ignore_errors=True)


def newest(folder: Path) -> tuple[Generation | None, list[str]]:
    """The newest sound generation, and a sentence for each damaged one that was passed over."""
    damaged: list[str] = []
    for generation in _generations(folder, damaged):
        return generation, damaged
    return None, damaged


def set_newer_aside(folder: Path, number: int) -> None:
    """Rename the generations after `number`, which have been passed over, so that they count no more."""
    for newer in _numbers(folder):
        if newer > number:
            set_aside(_generation_path(folder, newer))


def read_generation(folder: Path, number: int) -> Generation:
    """A generation that is known to be sound."""
    return _read_manifest(_generation_path(folder, number), number)


def all_sound(folder: Path, damaged: list[str] | None = None) -> list[Generation]:
    """Every generation whose own files are sound, newest first; a sentence for each other one is added to `damaged`."""
    return list(_generations(folder, [] if damaged is None else damaged))


def next_number(folder: Path) -> int:
    """Number of the generation to write next."""
    return max(_numbers(folder), default=0) + 1


def read_slots(generation: Generation, wanted: Iterable[int]) -> dict[int, Arrays]:
    """The arrays of the wanted slots. Raises RunError when one is not there."""
    missing = set(wanted)
    found: dict[int, Arrays] = {}
    for entry in generation.entries:
        here = missing & set(entry.slots)
        if not here:
            continue
        with h5py.File(generation.path / entry.name, "r") as file:
            rows = {int(slot): row for row, slot in enumerate(file["slot"][...])}
            columns = {name: file[name][...] for name in file if name != "slot"}
        found |= {slot: {name: column[rows[slot]] for name, column in columns.items()} for slot in sorted(here)}
        missing -= here
    if missing:
        raise RunError(f"checkpoint {generation.path} has no slots {sorted(missing)}; it belongs to another job")
    return found


def _generations(folder: Path, damaged: list[str]) -> Iterator[Generation]:
    for number in sorted(_numbers(folder), reverse=True):
        path = _generation_path(folder, number)
        manifest = path / "manifest.json"
        if not manifest.exists():
            continue
        try:
            generation = _read_manifest(path, number)
            _check_files(generation)
        except (ValueError, KeyError, TypeError, OSError) as error:
            damaged.append(f"checkpoint {number} is damaged: {error}")
            continue
        yield generation


def _read_manifest(path: Path, number: int) -> Generation:
    name = path / "manifest.json"
    try:
        content = json.loads(name.read_text())
        digest = content.pop("digest")
    except (ValueError, KeyError, AttributeError) as error:
        raise ValueError(f"{name} cannot be read ({error})") from None
    if digest != digest_of_plain(content):
        raise ValueError(f"{name} does not match its own checksum")
    if content["schema"] > SCHEMA:
        raise RunError(
            f"{name} was written by a newer version (schema {content['schema']}, this one reads {SCHEMA}); upgrade to resume"
        )
    entries = tuple(Entry(e["name"], e["size"], e["sha256"], tuple(e["slots"])) for e in content["files"])
    return Generation(path, number, content["about"], entries)


def _check_files(generation: Generation) -> None:
    for entry in generation.entries:
        path = generation.path / entry.name
        if not path.exists():
            raise ValueError(f"{path} is missing")
        if path.stat().st_size != entry.size or sha256_of(path) != entry.sha256:
            raise ValueError(f"{path} does not match its checksum")


def _generation_path(folder: Path, number: int) -> Path:
    return folder / f"{number:06d}"


def _numbers(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    return [int(name) for name in os.listdir(folder) if name.isdigit()]
