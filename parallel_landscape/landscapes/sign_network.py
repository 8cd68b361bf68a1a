"""Any feed-forward network of sign units with weights +-1: E(w) = number of patterns with at least one wrong output.

Every unit above the first layer has an odd number of sources, and so has the first layer when its inputs are +-1, so that
a field is never 0; a field of real inputs that is 0 counts as +1. With one output the label is folded into the pattern: a
network of odd fields is odd, f(-x) = -f(x), so a pattern is wrong when the folded one gives -1. The moves are in
cascade.py, and where things lie in layout.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.landscape import Landscape
from parallel_landscape.landscapes.bits import ONES, ZERO, bit, flat_aligned, pack, pack_counters, words_for
from parallel_landscape.landscapes.cascade import cascade
from parallel_landscape.landscapes.fixed_point import fixed_point, is_binary
from parallel_landscape.landscapes.layout import Layout, layout_of
from parallel_landscape.network import Network
from parallel_landscape.simd import aligned


class Params(NamedTuple):
    """The (folded) patterns, either as sign planes or as integers, and the labels.

    columns: (N * words,) uint64, for each +-1 input the patterns where it is -1; empty for real inputs.
    lanes: (N * 64 * words,) int32, for each real input its integers over the patterns; empty for +-1 inputs.
    valid: (words,) uint64, patterns that are no padding. labels: (outputs * words,) uint64, patterns whose label is -1, none
    when folded. ties: (P,) int64, the field below which a unit of the first layer is -1. widths: units of each layer.
    """

    columns: NDArray[np.uint64]
    lanes: NDArray[np.int32]
    valid: NDArray[np.uint64]
    labels: NDArray[np.uint64]
    ties: NDArray[np.int64]
    widths: NDArray[np.int64]
    patterns: int


class State(NamedTuple):
    """All that changes.

    words: all bit planes, as `Layout` has them. fields: (units * 64 * words,) int32, the first layer's fields of real
    inputs, which a proposal adds a column to. weights: the free weights, +-1, in the order of `Network.split`.
    """

    words: NDArray[np.uint64]
    fields: NDArray[np.int32]
    weights: NDArray[np.int8]


def odd_beside(even: int) -> str:
    """The odd numbers next to an even one, for a message."""
    return f"{even - 1} or {even + 1}"


def even_inputs(given: str, fan_in: int, tree: bool = False) -> str:
    """What is wrong with an even number of +-1 inputs, and what to do."""
    several = " inputs a unit" if tree else ""
    return (
        f"{given}{f' = {fan_in}' if tree else ''} is even: a field of +-1 products could be 0 and the sign undefined; "
        f"use an odd number{several} ({odd_beside(fan_in)})."
    )


def sign_network(network: Network, training_set: TrainingSet) -> Landscape:
    """The landscape of `network` on a training set whose patterns are +-1 (odd fan-in) or real."""
    real = not is_binary(training_set.patterns)
    patterns, labels = training_set.patterns, training_set.labels.reshape(-1, network.outputs)
    inputs = fixed_point(patterns, network.layers[1] if network.tree else 1)[0] if real else patterns.astype(np.int64)
    fold = labels[:, 0].astype(np.int64) if network.outputs == 1 else np.ones(len(labels), np.int64)
    inputs = np.ascontiguousarray((inputs * fold[:, None]).T)
    count, words = len(labels), words_for(len(labels))
    layout = layout_of(network, words, real)
    room = np.zeros((network.inputs if real else 0, 64 * words), dtype=np.int32)
    room[:, :count] = inputs if real else 0
    params = Params(
        columns=flat_aligned(pack(inputs < 0, words) if not real else np.zeros(0, np.uint64)),
        lanes=flat_aligned(room),
        valid=flat_aligned(pack(np.ones(count), words)),
        labels=flat_aligned(pack(labels.T * fold < 0, words)),
        ties=np.where(fold < 0, 1, 0).astype(np.int64),
        widths=np.array(network.layers, dtype=np.int64),
        patterns=count,
    )
    delta, commit = cascade(layout, real, network.tree)

    def initial(rng: np.random.Generator) -> State:
        weights = (2 * rng.integers(0, 2, network.weights) - 1).astype(np.int8)
        return _filled(network, layout, inputs, params, weights, real)

    return Landscape(
        params=params,
        initial=initial,
        energy=_energy_of(_integer_input if real else _sign_input, network.tree),
        delta=delta,
        commit=commit,
        moves=network.weights,
        levels=range(count + 1),
        ln_states=network.weights * math.log(2.0),
        weights=lambda state: state.weights,
        network=network,
    )


def _filled(
    network: Network, layout: Layout, inputs: NDArray[np.int64], params: Params, weights: NDArray[np.int8], real: bool
) -> State:
    """The state with these weights: all layers forward, each written to its planes; `inputs` (N, P) are folded."""
    words, count = layout.words, params.patterns
    buffer = aligned(layout.size, np.uint64)
    fields = aligned(network.layers[1] * 64 * words if real else 0, np.int32)
    matrices = [matrix.astype(np.int64) for matrix in network.split(weights)]
    if network.majority:
        matrices.append(np.ones((network.outputs, network.layers[-2]), dtype=np.int64))
    below = inputs
    for index, (layer, matrix) in enumerate(zip(layout.layers, matrices, strict=True)):
        if index == 0 and network.tree:
            sums = np.einsum("ki,kip->kp", matrix, below.reshape(layer.units, layer.fan_in, count))
        else:
            sums = matrix @ below
        counters = (sums - params.ties if index == 0 else sums) >> 1
        if index == 0 and real:
            fields.reshape(layer.units, -1)[:, :count] = counters
            planes = pack(counters < 0, words)
        else:
            planes = pack_counters(counters, layer.planes, words)
        _write(buffer, layer.counters, planes)
        if layer.planes:
            _write(buffer, layer.critical, pack((counters == 0) | (counters == -1), words))
        if index > 0 and not layer.frozen:
            _write(buffer, layer.masks, np.where(matrix.T < 0, ONES, ZERO))
        below = np.where(counters < 0, -1, 1)
    wanted = params.labels.reshape(network.outputs, words)
    wrong = np.bitwise_or.reduce(pack(below < 0, words) ^ wanted, axis=0)
    _write(buffer, layout.wrong, wrong)
    buffer[layout.errors] = np.bitwise_count(wrong).sum()
    return State(buffer, fields, weights)


def _write(buffer: NDArray[np.uint64], start: int, planes: NDArray[np.uint64]) -> None:
    buffer[start : start + planes.size] = planes.ravel()


def _sign_input(params: Params, index: int, pattern: int) -> Any:
    return 1 - 2 * bit(params.columns, index * len(params.valid), pattern)


def _integer_input(params: Params, index: int, pattern: int) -> Any:
    return np.int64(params.lanes[index * 64 * len(params.valid) + pattern])


def _energy_of(value: Callable[..., int], tree: bool) -> Callable[..., int]:
    """The errors counted forward, one pattern after the other, from weights and patterns alone."""

    def energy(params: Params, state: State) -> Any:
        depth = len(params.widths) - 1
        signs = np.zeros((depth, params.widths[1:].max()), dtype=np.int64)
        first = params.widths[1]
        fan_in = params.widths[0] // first if tree else params.widths[0]
        errors = np.int64(0)
        for pattern in range(params.patterns):
            for unit in range(first):
                field = np.int64(0)
                for i in range(fan_in):
                    source = unit * fan_in + i if tree else i
                    field += np.int64(state.weights[unit * fan_in + i]) * value(params, source, pattern)
                signs[0, unit] = -1 if field < params.ties[pattern] else 1
            at = first * fan_in
            for layer in range(1, depth):
                for unit in range(params.widths[layer + 1]):
                    field = np.int64(0)
                    for i in range(params.widths[layer]):
                        # a frozen layer is the last one: it has no weights left in the flat vector
                        field += (np.int64(state.weights[at + i]) if at < len(state.weights) else 1) * signs[layer - 1, i]
                    signs[layer, unit] = -1 if field < 0 else 1
                    at += params.widths[layer]
            wrong = False
            for unit in range(params.widths[depth]):
                label = 1 - 2 * bit(params.labels, unit * len(params.valid), pattern)
                wrong |= signs[depth - 1, unit] != label
            errors += np.int64(wrong)
        return errors

    return energy
