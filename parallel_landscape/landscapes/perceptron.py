"""The binary perceptron on +-1 inputs: E(w) = number of patterns with sign(w . x) unlike the label, w in {-1, +1}^N, N odd.

Labels are folded into the patterns, so an error is a negative margin m. The margins are bit-sliced: h = (m-1)/2 in two's
complement over `planes` bit planes of P bits. m = +1 is h = 0 (all planes 0), m = -1 is h = -1 (all planes 1), and the last
plane is the sign. A flip of w_i changes each margin by +-2, so only patterns with |m| = 1 can cross: with the mask C of
those, nC = |C| and nB of them wrong, a proposal reads C and one column, and a rejection writes nothing. Real inputs have no
such mask: they take the way of sign_network.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from parallel_landscape.errors import JobError
from parallel_landscape.landscape import DataSource, Landscape
from parallel_landscape.landscapes.bits import (
    ONES,
    ZERO,
    bit,
    flat_aligned,
    pack,
    pack_counters,
    planes_for,
    width_of,
    words_for,
)
from parallel_landscape.landscapes.fixed_point import is_binary
from parallel_landscape.landscapes.real_perceptron import real_perceptron
from parallel_landscape.landscapes.sign_network import even_inputs
from parallel_landscape.network import Network
from parallel_landscape.simd import LOAD, SPLAT, lane_sum, popcounts, store


class Params(NamedTuple):
    """columns: for each input the bits of its patterns, (N * words,) uint64, 1 where the folded input is +1."""

    columns: NDArray[np.uint64]
    valid: NDArray[np.uint64]
    inputs: int
    patterns: int


class State(NamedTuple):
    """planes: (planes * words,) uint64 bit-sliced margins; critical: C; counts: (nB, nC); weights: +-1, kept because a
    proposal needs the sign of its weight."""

    planes: NDArray[np.uint64]
    critical: NDArray[np.uint64]
    counts: NDArray[np.int64]
    weights: NDArray[np.int8]


def _kernels(words: int, planes: int) -> tuple[Callable[..., int], Callable[..., None]]:
    """delta and commit for `words` 64-bit words a plane."""
    load, splat = LOAD[width_of(words)], SPLAT[width_of(words)]
    step = width_of(words)

    def delta(params: Params, state: State, move: int) -> Any:
        column = np.uint64(move) * np.uint64(words)
        counts = splat(ZERO)
        for k in range(0, words, step):
            counts = counts + popcounts(load(state.critical, np.uint64(k)) & load(params.columns, column + np.uint64(k)))
        touched = lane_sum(counts)
        wrong, near = state.counts[0], state.counts[1]
        return (touched if state.weights[np.uint64(move)] > 0 else near - touched) - wrong

    def commit(params: Params, state: State, move: int) -> None:
        column = np.uint64(move) * np.uint64(words)
        down = splat(ZERO if state.weights[np.uint64(move)] > 0 else ONES)
        wrong, near = splat(ZERO), splat(ZERO)
        for k in range(0, words, step):
            falling = down ^ load(params.columns, column + np.uint64(k))
            carry = splat(ONES)
            some, every = splat(ZERO), splat(ONES)
            for plane in range(planes):
                where = np.uint64(plane * words + k)
                old = load(state.planes, where)
                new = old ^ carry
                carry = carry & (old ^ falling)
                store(state.planes, where, new)
                some = some | new
                every = every & new
            valid = load(params.valid, np.uint64(k))
            critical = valid & (~some | every)
            store(state.critical, np.uint64(k), critical)
            wrong = wrong + popcounts(every & valid)
            near = near + popcounts(critical)
        state.counts[0] = lane_sum(wrong)
        state.counts[1] = lane_sum(near)
        state.weights[np.uint64(move)] = -state.weights[np.uint64(move)]

    return delta, commit


def _energy(params: Params, state: State) -> Any:
    """Errors counted from the weights and the patterns alone."""
    words = len(params.valid)
    errors = np.int64(0)
    for pattern in range(params.patterns):
        margin = np.int64(0)
        for i in range(params.inputs):
            margin += np.int64(state.weights[i]) * (2 * bit(params.columns, i * words, pattern) - 1)
        errors += margin < 0
    return errors


def binary_perceptron(
    inputs: Annotated[int, Field(ge=1, description="Number N of inputs, and of weights +-1; odd when the patterns are +-1.")],
    data: DataSource,
) -> Landscape:
    """Perceptron with binary weights: one sign unit."""
    network = Network((inputs, 1))
    training_set = data(network)
    if not is_binary(training_set.patterns):
        return real_perceptron(training_set.patterns, training_set.labels)
    if inputs % 2 == 0:
        raise JobError(even_inputs(f"inputs = {inputs}", inputs))
    return sign_perceptron(training_set.patterns, training_set.labels)


def sign_perceptron(patterns: NDArray[Any], labels: NDArray[Any]) -> Landscape:
    """The landscape of +-1 `patterns` (P, N), N odd, with +-1 `labels` (P,)."""
    folded = np.asarray(patterns) * np.asarray(labels).reshape(-1, 1)
    count, inputs = folded.shape
    words, planes = words_for(count), planes_for(inputs)
    columns = flat_aligned(pack(folded.T > 0, words))
    valid = flat_aligned(pack(np.ones(count), words))
    params = Params(columns, valid, inputs, count)
    delta, commit = _kernels(words, planes)

    def initial(rng: np.random.Generator) -> State:
        weights = (2 * rng.integers(0, 2, inputs) - 1).astype(np.int8)
        counters = ((folded @ weights).astype(np.int64) - 1) >> 1
        critical = pack((counters == 0) | (counters == -1), words)
        counts = np.array([(counters == -1).sum(), ((counters == 0) | (counters == -1)).sum()])
        return State(flat_aligned(pack_counters(counters, planes, words)), flat_aligned(critical), counts, weights)

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
