"""What a record of production holds besides what every record has, and how large it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.job.sections import Production
from parallel_landscape.landscape import Landscape
from parallel_landscape.observables.observable import SAMPLES
from parallel_landscape.rng import Purpose, generator
from parallel_landscape.smooth import SmoothLandscape
from parallel_landscape.store.segments import COMMON

BUFFER, BUFFER_BYTES = 65_536, 2**26  # records that a rank holds before it cuts a segment, and their bytes, at most
Column = tuple[str, tuple[int, ...]]  # type and shape of an entry


def columns_of(section: Production, landscape: Landscape, seed: int, more: Iterable[str] = ()) -> dict[str, Column]:
    """The columns of a record besides those that all have; `more`: names of numbers that the ensemble records."""
    columns: dict[str, Column] = dict.fromkeys([*section.observables, *more], ("f8", ()))
    if section.weights and landscape.weights is not None:
        example = landscape.weights(landscape.initial(generator(seed, Purpose.PILOT)))
        stored = stored_weights(example, "bits" if binary_weights(landscape, seed) else "as they are")
        columns["weights"] = (stored.dtype.str, stored.shape)
    return columns


def smooth_columns(section: Production, landscape: SmoothLandscape, more: Iterable[str] = ()) -> dict[str, Column]:
    """The same for continuous weights, whose energies are real."""
    columns: dict[str, Column] = dict.fromkeys(["energy", *section.observables, *more], ("f8", ()))
    return columns | ({"weights": ("f8", (landscape.size,))} if section.weights else {})


def record_bytes(columns: Mapping[str, Column]) -> int:
    """Bytes of a record before compression."""
    every: Iterable[Column] = {**COMMON, **columns}.values()
    return sum(np.dtype(kind).itemsize * int(np.prod(shape)) for kind, shape in every)


def buffer_length(columns: Mapping[str, Column]) -> int:
    """Records that a rank holds before it cuts a segment."""
    return max(16, min(BUFFER, BUFFER_BYTES // record_bytes(columns)))


def binary_weights(landscape: Landscape, seed: int) -> int:
    """Number of weights when they are all +-1, which one bit each can hold; else 0."""
    if landscape.weights is None:
        return 0
    states = (landscape.initial(generator(seed, Purpose.PILOT, number)) for number in range(SAMPLES))
    examples = [np.asarray(landscape.weights(state)) for state in states]
    return examples[0].size if all(np.all(np.abs(example) == 1) for example in examples) else 0


def stored_weights(weights: NDArray[Any], how: str) -> NDArray[Any]:
    """A configuration as a record holds it."""
    return np.packbits(weights > 0, bitorder="little") if how == "bits" else np.asarray(weights)
