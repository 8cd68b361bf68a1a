"""Overlaps q = (1/N) sum_i w_i v_i of N weights +-1 with a fixed vector v of +-1: the teacher, a reference, or all +1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from parallel_landscape.errors import JobError
from parallel_landscape.observables.observable import Around, Kind, Observable, no_binary_weights

RECIPE = 'write it with numpy.save("reference.npy", weights)'


class Params(NamedTuple):
    """vector: (N,) int8."""

    vector: NDArray[np.int8]


def overlap_of(weights: Callable[[Any], NDArray[Any]]) -> Callable[[Any, Any], float]:
    """The overlap of `weights(state)` with params.vector."""

    def overlap(params: Params, state: Any) -> float:
        own = weights(state)
        total = np.int64(0)
        for i in range(len(own)):
            total += np.int64(own[i]) * np.int64(params.vector[i])
        return total / len(own)

    return overlap


def _with(around: Around, vector: NDArray[np.int8], meaning: str) -> Observable:
    assert around.landscape.weights is not None
    return Observable(overlap_of(around.landscape.weights), Params(np.ascontiguousarray(vector, np.int8)), meaning)


def overlap_teacher(around: Around) -> Observable:
    """Overlap with the teacher of the training set."""
    assert around.data.training_set is not None and around.data.training_set.teacher is not None
    return _with(around, around.data.training_set.teacher, "overlap of the weights with the teacher's")


def no_teacher(around: Around) -> str | None:
    """Why there is no teacher to compare with."""
    training_set = around.data.training_set
    if training_set is None or training_set.teacher is None:
        return 'it needs a training set with a teacher of the same architecture: [landscape.data] source = "teacher"'
    if around.binary != training_set.teacher.size:
        return f"the teacher has {training_set.teacher.size} weights and the landscape {around.binary} of +-1"
    return None


def overlap_reference(
    around: Around,
    *,
    path: Annotated[Path, Field(description="A .npy file with the reference, one +1 or -1 for each weight.")],
) -> Observable:
    """Overlap with weights from a file."""
    return _with(around, read_reference(around.base / path.expanduser(), around.binary), f"overlap of the weights with {path}")


def magnetisation(around: Around) -> Observable:
    """The mean of all weights or spins."""
    return _with(around, np.ones(around.binary, np.int8), "mean of all weights")


def read_reference(path: Path, size: int) -> NDArray[np.int8]:
    """A vector of `size` entries +-1 from a .npy file. JobError when it is none."""
    try:
        vector = np.load(path, allow_pickle=False)
    except OSError as error:
        raise JobError(f"{path} cannot be read ({error.strerror or error}); {RECIPE}.") from None
    except (ValueError, EOFError) as error:
        raise JobError(f"{path} is no .npy file of plain numbers ({error}); {RECIPE}.") from None
    if not isinstance(vector, np.ndarray) or vector.dtype.kind not in "iuf":
        raise JobError(f"{path} holds no array of numbers; {RECIPE}.")
    if vector.size != size:
        raise JobError(f"{path} holds {vector.size} numbers, and the landscape has {size} weights; give one for each.")
    if not np.all(np.abs(vector) == 1):
        raise JobError(f"{path} holds other numbers than +1 and -1; weights 0 and 1 become allowed by 2 * weights - 1.")
    return vector.reshape(-1).astype(np.int8)


TEACHER = Kind(overlap_teacher, no_teacher)
REFERENCE = Kind(overlap_reference, no_binary_weights)
MAGNETISATION = Kind(magnetisation, no_binary_weights)
