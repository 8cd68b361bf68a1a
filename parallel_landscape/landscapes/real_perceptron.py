"""The binary perceptron on real inputs: E(w) = number of patterns with w . x on the wrong side, w in {-1, +1}^N.

Inputs are integers on a fine grid (fixed_point.py), so the fields f = w . x are exact and never drift; 0 counts as +1.
With labels folded in, a pattern is wrong when f < t, where t = 1 for the label -1 (a field of 0 is then an error) and 0 for +1.
What is stored is h = (f - t) >> 1: negative exactly for wrong patterns, and a flip of w_i changes it by -w_i x_i.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.landscape import Landscape
from parallel_landscape.landscapes.bits import flat_aligned
from parallel_landscape.landscapes.fixed_point import fixed_point
from parallel_landscape.network import Network
from parallel_landscape.simd import NEGATIVE, SUBTRACT, aligned, count_ones


class Params(NamedTuple):
    """lanes: (N * 64 * words,) int32, for each input its folded integers over the patterns; ties: t of each pattern, (P,)."""

    lanes: NDArray[np.int32]
    ties: NDArray[np.int64]
    inputs: int
    patterns: int


class State(NamedTuple):
    """fields: (64 * words,) int32, h of each pattern, 0 in the padding; errors: (now, of the last proposal), so that commit
    need not count again; weights: +-1."""

    fields: NDArray[np.int32]
    errors: NDArray[np.int64]
    weights: NDArray[np.int8]


def _kernels(words: int) -> tuple[Callable[..., int], Callable[..., None]]:
    """delta and commit for 64 * words patterns."""
    negative, subtract = NEGATIVE[1], SUBTRACT[1]
    lanes, word = np.uint64(64 * words), np.uint64(64)

    def delta(params: Params, state: State, move: int) -> Any:
        column = np.uint64(move) * lanes
        weight = np.int64(state.weights[np.uint64(move)])
        errors = np.int64(0)
        for k in range(words):
            at = np.uint64(k) * word
            errors += count_ones(negative(state.fields, at, params.lanes, column + at, weight))
        state.errors[1] = errors
        return errors - state.errors[0]

    def commit(params: Params, state: State, move: int) -> None:
        column = np.uint64(move) * lanes
        weight = np.int64(state.weights[np.uint64(move)])
        for k in range(words):
            at = np.uint64(k) * word
            subtract(state.fields, at, params.lanes, column + at, weight)
        state.errors[0] = state.errors[1]
        state.weights[np.uint64(move)] = -state.weights[np.uint64(move)]

    return delta, commit


def _energy(params: Params, state: State) -> Any:
    """Errors counted from the weights and the inputs alone."""
    row = len(params.lanes) // params.inputs
    errors = np.int64(0)
    for pattern in range(params.patterns):
        field = np.int64(0)
        for i in range(params.inputs):
            field += np.int64(state.weights[i]) * np.int64(params.lanes[i * row + pattern])
        errors += field < params.ties[pattern]
    return errors


def real_perceptron(patterns: NDArray[Any], labels: NDArray[Any]) -> Landscape:
    """The landscape of real `patterns` (P, N) with +-1 `labels` (P,) or (P, 1)."""
    fold = np.asarray(labels).reshape(-1).astype(np.int64)
    integers = fixed_point(patterns, 1)[0] * fold[:, None]
    count, inputs = integers.shape
    words = -(-count // 64)
    room = np.zeros((inputs, 64 * words), dtype=np.int32)
    room[:, :count] = integers.T
    params = Params(flat_aligned(room), (fold < 0).astype(np.int64), inputs, count)
    delta, commit = _kernels(words)

    def initial(rng: np.random.Generator) -> State:
        weights = np.array(2 * rng.integers(0, 2, inputs) - 1, dtype=np.int8)
        fields = aligned(64 * words, np.int32)
        fields[:count] = (integers @ weights.astype(np.int64) - params.ties) >> 1
        errors = int((fields < 0).sum())
        return State(fields, np.array([errors, errors]), weights)

    return Landscape(
        params=params,
        initial=initial,
        energy=_energy,
        delta=delta,
        commit=commit,
        moves=inputs,
        levels=range(count + 1),
        ln_states=inputs * math.log(2.0),
        weights=lambda state: state.weights,
        network=Network((inputs, 1)),
    )
