"""The overlap with a fixed vector as an energy of its own: E(w) = sum_i v_i w_i, w and v in {-1, +1}^N, moves flip one weight.

Beside another landscape over the same weights it is the second coordinate of a joint density of states.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.landscape import Landscape


class Params(NamedTuple):
    """vector: (N,) int8 of +-1."""

    vector: NDArray[np.int8]


class State(NamedTuple):
    """weights: (N,) int8 of +-1."""

    weights: NDArray[np.int8]


def _energy(params: Params, state: State) -> Any:
    total = np.int64(0)
    for i in range(len(params.vector)):
        total += np.int64(params.vector[i]) * np.int64(state.weights[i])
    return total


def _delta(params: Params, state: State, move: int) -> Any:
    return np.int64(-2) * np.int64(params.vector[move]) * np.int64(state.weights[move])


def _commit(params: Params, state: State, move: int) -> None:
    state.weights[move] = -state.weights[move]


def overlap_landscape(vector: NDArray[Any]) -> Landscape:
    """The landscape of the overlap with `vector` (N,) of +-1; g(E) is binomial."""
    fixed = np.ascontiguousarray(vector, np.int8).reshape(-1)
    size = len(fixed)
    return Landscape(
        params=Params(fixed),
        initial=lambda rng: State((2 * rng.integers(0, 2, size) - 1).astype(np.int8)),
        energy=_energy,
        delta=_delta,
        commit=_commit,
        moves=size,
        levels=range(-size, size + 1, 2),
        ln_states=size * math.log(2.0),
        weights=lambda state: state.weights,
    )
