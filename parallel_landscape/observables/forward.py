"""A network of sign units on patterns, forward, for what looks at the patterns and not at the caches of the moves.

Inputs are integers, +-1 or real ones on a fine grid (fixed_point.py), so all fields are exact; a field of 0 counts as +1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.landscapes.fixed_point import fixed_point, is_binary
from parallel_landscape.network import Network


class Examples(NamedTuple):
    """inputs: (P * N,) int32, pattern after pattern; labels: (P * outputs,) int8; widths: units of each layer, inputs first."""

    inputs: NDArray[np.int32]
    labels: NDArray[np.int8]
    widths: NDArray[np.int64]
    patterns: int


def examples_of(network: Network, training_set: TrainingSet) -> tuple[Examples, NDArray[np.int64]]:
    """The patterns as integers 2^s x, and the exponents s (P,); 0 for +-1 inputs."""
    patterns = training_set.patterns
    if is_binary(patterns):
        integers, shifts = patterns.astype(np.int64), np.zeros(len(patterns), np.int64)
    else:
        integers, shifts = fixed_point(patterns, network.layers[1] if network.tree else 1)
    labels = np.ascontiguousarray(training_set.labels, np.int8).reshape(-1)
    widths = np.array(network.layers, np.int64)
    return Examples(np.ascontiguousarray(integers, np.int32).reshape(-1), labels, widths, len(patterns)), shifts


def fields_of(network: Network) -> Callable[..., None]:
    """The function that fills (depth, widest) `fields` with the fields of every unit, layer by layer, for one pattern."""
    tree = network.tree

    def fill_fields(examples: Examples, weights: NDArray[np.int8], pattern: int, fields: NDArray[np.int64]) -> None:
        widths = examples.widths
        first = pattern * widths[0]
        fan_in = widths[0] // widths[1] if tree else widths[0]
        for unit in range(widths[1]):
            start = first + (unit * fan_in if tree else 0)
            field = np.int64(0)
            for i in range(fan_in):
                field += np.int64(weights[unit * fan_in + i]) * np.int64(examples.inputs[start + i])
            fields[0, unit] = field
        at = widths[1] * fan_in
        for layer in range(1, len(widths) - 1):
            for unit in range(widths[layer + 1]):
                field = np.int64(0)
                for i in range(widths[layer]):
                    # a frozen layer is the last one: it has no weights left in the flat vector
                    weight = np.int64(weights[at + i]) if at < len(weights) else np.int64(1)
                    field += weight if fields[layer - 1, i] >= 0 else -weight
                fields[layer, unit] = field
                at += widths[layer]

    return fill_fields


def room_for(examples: Examples) -> Any:
    """Room for all fields of one pattern; also called by compiled code."""
    return np.zeros((len(examples.widths) - 1, examples.widths[1:].max()), np.int64)
