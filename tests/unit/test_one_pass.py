"""One pass over the segments answers all surveys that do not wait for one another, and workers import only what they map."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import pytest
from benchmarks.make_trajectory import Synthetic, write_run

from parallel_landscape.analysis import survey
from parallel_landscape.analysis.findings import Question
from parallel_landscape.analysis.segment_reader import Shared
from parallel_landscape.commands.analyze import Request, Surveyor, analyze

MADE = Synthetic(bits=12, marked=5, records=300, weights=True, noises=1, segments=1)
QUESTION = Question(betas=(0.0,), ranges=((5, 6), (6, 7)), joint=("ones", "noise-1"), pairs=1000)
IN_ALL = ["slot", "sweep", "energy", "walker", "ones", "noise-1"]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Counter[tuple[str, str, str]]]:
    """For each pass over the segments, how often each piece of each column was read from its file."""
    found: list[Counter[tuple[str, str, str]]] = []
    read, ask = h5py.Dataset.__getitem__, Surveyor.__call__

    def counted(self: Any, piece: Any) -> Any:
        if found and self.name.strip("/") in IN_ALL:
            found[-1][self.file.filename, self.name, repr(piece)] += 1
        return read(self, piece)

    def counting(self: Any, *surveys: Any) -> list[Iterator[Any]]:
        found.append(Counter())
        return ask(self, *surveys)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", counted)
    monkeypatch.setattr(Surveyor, "__call__", counting)
    return found


def test_no_piece_of_a_column_is_read_twice_in_a_pass(tmp_path: Path, reads: list[Counter[tuple[str, str, str]]]) -> None:
    run = write_run(tmp_path / "run", MADE)
    reads.clear()
    analyze(run, Request(QUESTION, scheduler="none"))
    assert len(reads) == 3  # where segments end; all that needs no more than that; what builds on ln g and on edges
    for column in IN_ALL:
        assert sum(times for (_, name, _), times in reads[1].items() if name == f"/{column}") >= MADE.ranks
    # the time in the middle of a segment's transitions comes from its first and last chunk of sweeps, which are small
    assert max(times for key, times in reads[1].items() if key[1] != "/sweep") == max(reads[2].values()) == 1


def test_without_sharing_pieces_are_read_again(
    tmp_path: Path, reads: list[Counter[tuple[str, str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wrong twin: the count above notices."""
    run = write_run(tmp_path / "run", MADE)
    reads.clear()
    monkeypatch.setattr(survey, "Shared", lambda columns, room: Shared())
    analyze(run, Request(QUESTION, scheduler="none"))
    assert reads[1][next(key for key in reads[1] if key[1] == "/ones")] == 2 and max(reads[2].values()) == 4


@pytest.mark.parametrize(
    ("module", "needless"),
    [
        ("parallel_landscape.__main__", "parallel_landscape.cli"),
        ("parallel_landscape.analysis.visits", "scipy.sparse"),
        ("parallel_landscape.analysis.transition_counts", "scipy.sparse"),
        ("parallel_landscape.analysis.ends", "numba"),
    ],
)
def test_workers_import_only_what_they_map(module: str, needless: str) -> None:
    code = f"import sys, {module}; sys.exit({needless!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
