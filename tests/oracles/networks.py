"""Exact densities of states of small networks of sign units with weights +-1: every weight vector is visited.

E(w) = number of patterns with at least one output unlike its label; a field of zero counts as +1. The weights are flat:
layer by layer, each layer row-major (units, fan-in). With `majority` the last layer is fixed at +1 and not counted among
the weights; with `tree` unit k of the first layer sees the k-th block of inputs / hidden inputs.

The 2^M vectors are taken in the order of the reflected Gray code, one flip each. The fields of the first layer follow
the flips, everything above is computed anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, log, prod
from typing import Any

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]

MOST_WEIGHTS = 25
REFRESH = 1024  # steps between exact recomputations of the first fields: real patterns leave no room for rounding to grow


def count_errors(
    layers: Sequence[int], patterns: ArrayLike, labels: ArrayLike, majority: bool = False, tree: bool = False
) -> NDArray[np.int64]:
    """Number of weight vectors (P + 1,) that err on 0 .. P of the patterns (P, N) with labels (P,) or (P, outputs)."""
    reference = np.ones(_free_weights(layers, majority, tree))
    return count_errors_by_distance(layers, patterns, labels, reference, majority, tree).sum(axis=1)


def count_errors_by_distance(
    layers: Sequence[int],
    patterns: ArrayLike,
    labels: ArrayLike,
    reference: ArrayLike,
    majority: bool = False,
    tree: bool = False,
) -> NDArray[np.int64]:
    """Number of weight vectors (P + 1, M + 1) by errors and by Hamming distance from `reference` (M,) of +-1."""
    free = _free_weights(layers, majority, tree)
    if free > MOST_WEIGHTS:
        raise ValueError(f"{free} weights: at most {MOST_WEIGHTS} can be enumerated")
    reference = np.asarray(reference, dtype=np.float64)
    if reference.shape != (free,):
        raise ValueError(f"a reference of shape {reference.shape} for {free} weights")
    inputs = np.ascontiguousarray(np.asarray(patterns, dtype=np.float64).T)
    size = inputs.shape[1]
    targets = np.ascontiguousarray(np.asarray(labels).reshape(size, layers[-1]).T > 0)
    units, sources = _first_layer(layers, tree)
    weights = np.ones(free + majority * layers[-2] * layers[-1])
    counts = np.zeros((size + 1, free + 1), dtype=np.int64)
    _visit_all(weights, reference, units, sources, np.array(layers), inputs, targets, counts)
    return counts


def ln_counts(counts: ArrayLike) -> NDArray[np.float64]:
    """ln g of exact counts of any size, -inf where no state exists."""
    exact = np.asarray(counts, dtype=object)
    return np.array([log(count) if count else -inf for count in exact.flat]).reshape(exact.shape)


def _free_weights(layers: Sequence[int], majority: bool, tree: bool) -> int:
    """Number M of weights that vary."""
    if majority and len(layers) < 3:
        raise ValueError(f"layers {tuple(layers)}: a majority needs a hidden layer below it")
    if tree and layers[0] % layers[1]:
        raise ValueError(f"layers {tuple(layers)}: the inputs of a tree must divide evenly among its hidden units")
    last = len(layers) - majority
    return len(_first_layer(layers, tree)[0]) + sum(prod(layers[i - 1 : i + 1]) for i in range(2, last))


def _first_layer(layers: Sequence[int], tree: bool) -> tuple[Array, Array]:
    """The unit that each weight of the first layer belongs to, and the input it multiplies."""
    fan_in = layers[0] // layers[1] if tree else layers[0]
    units = np.repeat(np.arange(layers[1]), fan_in)
    return units, np.arange(layers[1] * fan_in) if tree else np.tile(np.arange(fan_in), layers[1])


@numba.njit
def _visit_all(
    weights: Array, reference: Array, units: Array, sources: Array, layers: Array, inputs: Array, targets: Array, counts: Array
) -> None:
    """Adds every vector of the first `reference.size` weights to counts[errors, distance]."""
    first = units.size
    fields = np.zeros((layers.size - 1, layers[1:].max(), inputs.shape[1]))
    wrong = np.empty(inputs.shape[1], dtype=np.bool_)
    distance = np.sum(weights[: reference.size] != reference)
    for step in range(1 << reference.size):
        if step > 0:
            flip = _trailing_zeros(step)
            weights[flip] = -weights[flip]
            distance += 1 if weights[flip] != reference[flip] else -1
            if flip < first:
                _add(fields[0, units[flip]], 2 * weights[flip], inputs[sources[flip]])
        if step % REFRESH == 0:
            fields[0] = 0
            for weight in range(first):
                _add(fields[0, units[weight]], weights[weight], inputs[sources[weight]])
        counts[_errors(fields, weights[first:], layers, targets, wrong), distance] += 1


@numba.njit
def _errors(fields: Array, weights: Array, layers: Array, targets: Array, wrong: Array) -> int:
    """Number of wrong patterns, from the fields of the first layer and the flat weights above it."""
    weight = 0
    for layer in range(1, layers.size - 1):
        for unit in range(layers[layer + 1]):
            fields[layer, unit] = 0
            for source in range(layers[layer]):
                _add_sign(fields[layer, unit], weights[weight], fields[layer - 1, source])
                weight += 1
    wrong[:] = False
    for unit in range(targets.shape[0]):
        for pattern in range(wrong.size):
            wrong[pattern] |= (fields[layers.size - 2, unit, pattern] >= 0) != targets[unit, pattern]
    return np.sum(wrong)


@numba.njit
def _add(total: Array, factor: float, values: Array) -> None:
    """total += factor * values, without a temporary."""
    for index in range(total.size):
        total[index] += factor * values[index]


@numba.njit
def _add_sign(total: Array, factor: float, values: Array) -> None:
    """total += factor * sign(values), where sign(0) = +1."""
    for index in range(total.size):
        total[index] += factor if values[index] >= 0 else -factor


@numba.njit
def _trailing_zeros(number: int) -> int:
    """Position of the lowest set bit: the one that the Gray code flips at step `number`."""
    position = 0
    while (number >> position) & 1 == 0:
        position += 1
    return position
