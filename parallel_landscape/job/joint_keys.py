"""Jobs for a joint density of states: [ensemble] kind = "joint" and its [exchange], and the landscape that they make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.ensembles.schedule import Schedule
from parallel_landscape.errors import JobError
from parallel_landscape.job.coupling import why_not_coupled
from parallel_landscape.landscape import Landscape
from parallel_landscape.landscapes.joint import JointLandscape, joint
from parallel_landscape.landscapes.overlap import overlap_landscape
from parallel_landscape.model import Made
from parallel_landscape.network import Network
from parallel_landscape.observables.overlap import read_reference
from parallel_landscape.section import Section

Rectangle = Annotated[list[int], Field(min_length=4, max_length=4)]
Pair = Annotated[list[int], Field(min_length=2, max_length=2)]
Count = Annotated[int, Field(ge=1)]
Source = Callable[[Network], TrainingSet]
TestSet = Callable[[Network, int | None, Path | None], TrainingSet]


class Joint(Schedule):
    """ln g(E, X) of the energy and a second coordinate X, learnt by visiting all pairs alike."""

    model_config = Section.model_config

    kind: Annotated[Literal["joint"], Field(description="learn ln g(E, X) by visiting all pairs of levels alike")] = "joint"
    coordinate: Annotated[
        Literal["overlap-teacher", "overlap-reference", "magnetisation", "test-errors"],
        Field(
            description="X: sum_i w_i v_i with the teacher v, with a reference v from a file, or with v = 1; or the number of "
            "wrong test patterns"
        ),
    ]
    reference: Annotated[
        str | None, Field(description="coordinate = overlap-reference: a .npy file with one +1 or -1 for each weight")
    ] = None
    test_patterns: Annotated[
        int | None,
        Field(ge=1, description="coordinate = test-errors: number of test patterns; as many as a test set has when left out"),
    ] = None
    max_sweeps: Annotated[int | None, Field(ge=1, description="stop learning after so many sweeps of each walker")] = None


class Rectangles(Section):
    """What walkers do together between rounds."""

    kind: Annotated[Literal["windows", "none"], Field(description="replica exchange between neighbouring windows, or none")] = (
        "windows"
    )
    windows: Annotated[
        Annotated[list[Count], Field(min_length=2, max_length=2)]
        | Annotated[list[Annotated[list[Rectangle], Field(min_length=1)]], Field(min_length=1)],
        Field(
            description="number of windows along E and along X, [rows, columns]; or rows of windows, each row a list of "
            "[lowest E, highest E, lowest X, highest X]"
        ),
    ] = [1, 1]
    walkers_per_window: Annotated[int, Field(ge=1, description="walkers in each window")] = 1
    share: Annotated[
        Literal["window", "none"], Field(description="the walkers of a window average their ln g, or learn alone")
    ] = "window"
    overlap: Annotated[float, Field(gt=0, lt=1, description="fraction of a window that it shares with the next")] = 0.5
    energy: Annotated[Pair | None, Field(description="lowest and highest energy; all of them when left out")] = None
    values: Annotated[Pair | None, Field(description="lowest and highest X; all of them when left out")] = None
    search_sweeps: Annotated[
        int, Field(ge=1, description="most sweeps a walker may spend to find the range, and again to find its window")
    ] = 200_000

    @property
    def given(self) -> list[list[list[int]]] | None:
        """The rows of explicit windows."""
        rows: Any = self.windows
        return rows if isinstance(rows[0], list) else None

    @property
    def shape(self) -> tuple[int, int]:
        """Windows along E and along X."""
        counts: Any = self.windows if self.given is None else (len(self.given), len(self.given[0]))
        return counts[0], counts[1]


def contradictions(ensemble: Joint | None, exchange: Rectangles | None) -> list[str]:
    """What is wrong between keys of [ensemble] and [exchange], None where the section is wrong by itself."""
    found = []
    if ensemble is not None:
        if (ensemble.coordinate == "overlap-reference") != (ensemble.reference is not None):
            found.append('[ensemble] reference: a file is needed with coordinate = "overlap-reference", and only there.')
        if ensemble.test_patterns is not None and ensemble.coordinate != "test-errors":
            found.append('[ensemble] test_patterns: goes with coordinate = "test-errors" only; leave it out.')
    if exchange is not None:
        rows = exchange.given
        if rows is not None and len({len(row) for row in rows}) > 1:
            found.append(f"[exchange] windows: rows of {[len(row) for row in rows]} windows; each row needs as many.")
        for key in ("energy", "values"):
            given = getattr(exchange, key)
            if given is not None and given[0] >= given[1]:
                found.append(f"[exchange] {key}: given {given}; the lowest must be below the highest.")
            if given is not None and rows is not None:
                found.append(f"[exchange] {key} and explicit windows were both given; leave out {key}.")
    return found


def mistakes_in_rectangles(exchange: Rectangles, rows: range, columns: range) -> list[str]:
    """What is wrong between windows and the levels of energy (`rows`) and X (`columns`)."""
    found = []
    for name, given, levels in (("energy", exchange.energy, rows), ("values", exchange.values, columns)):
        found += [f"[exchange] {name}: {_no_level(end, levels)}" for end in given or () if end not in levels]
    for row in exchange.given or ():
        for low, high, left, right in row:
            ends = ((low, rows), (high, rows), (left, columns), (right, columns))
            wrong = [_no_level(end, levels) for end, levels in ends if end not in levels]
            if low >= high or left >= right:
                wrong.append("the lowest must be below the highest, in E and in X.")
            found += [f"[exchange] windows: {[low, high, left, right]}: {sentence}" for sentence in wrong]
    for count, levels, name in zip(exchange.shape, (rows, columns), ("energy", "X"), strict=True):
        if exchange.given is None and count > max(1, len(levels) // 3):
            most = max(1, len(levels) // 3)
            found.append(f"[exchange] windows: {count} windows in {len(levels)} levels of {name}; at most {most}.")
    return found


def _no_level(end: int, levels: range) -> str:
    return f"{end} is no level: these are {levels[0]}, {levels[0] + levels.step}, ..., {levels[-1]}."


def joint_landscape(
    ensemble: Joint, make: Callable[[Source], Made], source: Source, test_set: TestSet, folder: Path, seed: int
) -> JointLandscape:
    """The landscape of the pairs (E, X), on the training set of `source`; `make` makes that of E alone.

    Raises JobError when there is no such coordinate here.
    """
    seen: list[tuple[Network, TrainingSet]] = []

    def remember(network: Network) -> TrainingSet:
        seen.append((network, source(network)))
        return seen[-1][1]

    landscape = discrete(make(remember))
    reason = why_not_coupled(landscape, seed, "a joint density of states needs")
    if reason is not None:
        raise JobError(f"[ensemble] kind: {reason}.")
    if ensemble.coordinate != "test-errors":
        return joint(landscape, overlap_landscape(_vector(ensemble, landscape.moves, seen, folder)))
    if not seen:
        raise JobError("[ensemble] coordinate: 'test-errors' needs a landscape with a training set.")
    shared = getattr(source, "test_set", None)  # of several ranks only one reads files
    asked = ensemble.test_patterns
    unseen = shared(asked, None) if shared is not None else test_set(seen[0][0], asked, None)
    return joint(landscape, discrete(make(lambda network: unseen)))


def discrete(made: Made) -> Landscape:
    """The landscape, which is none of continuous weights. Raises JobError when it is."""
    if isinstance(made, Landscape):
        return made
    raise JobError("[ensemble] kind: a joint density of states needs weights +-1; those of this landscape are continuous.")


def _vector(ensemble: Joint, size: int, seen: list[tuple[Network, TrainingSet]], folder: Path) -> NDArray[np.int8]:
    """What the weights are compared with, (size,) of +-1."""
    if ensemble.coordinate == "magnetisation":
        return np.ones(size, np.int8)
    if ensemble.reference is not None:
        try:
            return read_reference(folder / Path(ensemble.reference).expanduser(), size)
        except JobError as error:
            raise JobError([f"[ensemble] reference: {sentence}" for sentence in error.mistakes]) from None
    teacher = seen[0][1].teacher if seen else None
    if teacher is None or teacher.size != size:
        raise JobError(
            "[ensemble] coordinate: 'overlap-teacher' needs a training set with a teacher of the same architecture: "
            '[landscape.data] source = "teacher".'
        )
    return teacher
