"""The catalogue: which segments belong to a run, and which of them lie there as they were written.

A segment belongs to the run when the newest sound checkpoint names it. Each is looked at by `stat` alone, so that a folder of
10,000 segments opens in seconds; what is damaged inside is noticed when it is read.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from parallel_landscape.errors import RunError
from parallel_landscape.store import checkpoint
from parallel_landscape.store.frozen import NAME
from parallel_landscape.store.frozen_tables import Frozen, read_frozen
from parallel_landscape.store.run_folder import RunFolder
from parallel_landscape.store.segments import Segment


@dataclass(frozen=True)
class Catalogue:
    """`segments` in the order of the checkpoint, those that can be read; `notes`: a sentence for each that cannot, and for
    each checkpoint that was passed over; `lost`: records in them; `generation`: number of the checkpoint, 0 for none."""

    folder: Path
    segments: tuple[Segment, ...]
    notes: tuple[str, ...]
    lost: int
    generation: int

    @property
    def records(self) -> int:
        """Records in the segments that can be read."""
        return sum(segment.records for segment in self.segments)

    def path(self, segment: Segment) -> Path:
        """Where a segment lies."""
        return self.folder / segment.name

    def frozen(self) -> Frozen:
        """How the records were sampled. Raises RunError when that file is missing or damaged."""
        return read_frozen(self.folder / NAME)

    def check_whole(self) -> None:
        """Raise RunError, naming it, when anything is missing or damaged."""
        if self.notes:
            raise RunError("; ".join(self.notes))


def read_catalogue(run: Path) -> Catalogue:
    """The segments of the run in folder `run`. A missing or truncated one is a sentence in `notes`, never a fill value.

    Raises RunError when checkpoints are there and none of them is sound, for then nobody knows what belongs to the run.
    """
    folder = RunFolder(run)
    generation, notes = checkpoint.newest(folder.checkpoints)
    if generation is None:
        if notes:
            raise RunError("; ".join([*notes, f"no checkpoint of {run} is sound; put the folder back from a copy"]))
        return Catalogue(folder.trajectory, (), (), 0, 0)
    named = [Segment(**segment) for segment in generation.about.get("segments", [])]
    present = _sizes(folder.trajectory)
    sound, lost = [], 0
    for segment in named:
        wrong = _wrong(folder.trajectory / segment.name, segment, present.get(segment.name))
        if wrong is None:
            sound.append(segment)
        else:
            notes.append(wrong)
            lost += segment.records
    return Catalogue(folder.trajectory, tuple(sound), tuple(notes), lost, generation.number)


def _sizes(folder: Path) -> dict[str, int]:
    """Size of every file in the folder, by one pass over it."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry.stat().st_size for entry in entries if entry.is_file()}
    except FileNotFoundError:
        return {}


def _wrong(path: Path, segment: Segment, size: int | None) -> str | None:
    if size is None:
        return f"{path} is missing: its {segment.records} records are left out; put the file back from a copy"
    if size != segment.size:
        return (
            f"{path} has {size} bytes instead of {segment.size}: its {segment.records} records are left out; "
            "put the file back from a copy"
        )
    return None
