"""How the hidden units of a network share the work: do their signs balance, are their weights alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.network import Network
from parallel_landscape.observables.forward import Examples, examples_of, fields_of, room_for
from parallel_landscape.observables.observable import Around, Kind, Observable, no_network


class Units(NamedTuple):
    """Number of units of the first layer, and inputs of each."""

    units: int
    fan_in: int


def balance_of(network: Network, weights: Callable[[Any], NDArray[Any]]) -> Callable[[Any, Any], float]:
    """The mean sign over all hidden units and patterns."""
    fill_fields = fields_of(network)

    def balance(params: Examples, state: Any) -> float:
        own, fields = weights(state), room_for(params)
        total, count = np.int64(0), np.int64(0)
        for pattern in range(params.patterns):
            fill_fields(params, own, pattern, fields)
            for layer in range(len(params.widths) - 2):
                for unit in range(params.widths[layer + 1]):
                    total += 1 if fields[layer, unit] >= 0 else -1
                    count += 1
        return total / count

    return balance


def mutual_of(weights: Callable[[Any], NDArray[Any]]) -> Callable[[Any, Any], float]:
    """(2 / (K (K - 1) n)) sum_{k<l} w_k . w_l for K units of n inputs, from |sum_k w_k|^2 = K n + 2 sum_{k<l} w_k . w_l."""

    def mutual(params: Units, state: Any) -> float:
        own = weights(state)
        squares = np.int64(0)
        for i in range(params.fan_in):
            total = np.int64(0)
            for unit in range(params.units):
                total += np.int64(own[unit * params.fan_in + i])
            squares += total * total
        pairs = params.units * (params.units - 1) * params.fan_in
        return (squares - params.units * params.fan_in) / pairs

    return mutual


def hidden_balance(around: Around) -> Observable:
    """The mean sign of the hidden units on the training set."""
    network, weights, training_set = around.landscape.network, around.landscape.weights, around.data.training_set
    assert network is not None and weights is not None and training_set is not None
    examples, _ = examples_of(network, training_set)
    return Observable(balance_of(network, weights), examples, "mean sign of all hidden units over the training patterns")


def hidden_overlap(around: Around) -> Observable:
    """The mean overlap between the weights of two units of the first layer."""
    network, weights = around.landscape.network, around.landscape.weights
    assert network is not None and weights is not None
    units = Units(network.layers[1], network.fan_in[0])
    return Observable(mutual_of(weights), units, "mean overlap of the weights of two units of the first hidden layer")


def no_hidden_units(around: Around) -> str | None:
    """Why there is nothing to say of hidden units."""
    network = around.landscape.network
    if network is not None and len(network.layers) < 3:
        return "it needs a network with hidden units"
    return no_network(around)


def no_pairs(around: Around) -> str | None:
    """Why units cannot be compared with each other."""
    network, other = around.landscape.network, no_hidden_units(around)
    if other is None and network is not None and network.tree:
        return "the hidden units of a tree see different inputs"
    if other is None and network is not None and network.layers[1] < 2:
        return "it needs at least two hidden units"
    return other


BALANCE = Kind(hidden_balance, no_hidden_units)
OVERLAP = Kind(hidden_overlap, no_pairs)
