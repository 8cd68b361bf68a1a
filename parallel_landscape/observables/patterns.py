"""What a network does on patterns: its error on a test set, and how near the boundary its training patterns lie."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from parallel_landscape.network import Network
from parallel_landscape.observables.forward import Examples, examples_of, fields_of, room_for
from parallel_landscape.observables.observable import Around, Kind, Observable, no_network


class Near(NamedTuple):
    """examples; limits: (P,) int64, the largest |field| of an output that counts as near."""

    examples: Examples
    limits: NDArray[np.int64]


def errors_of(network: Network, weights: Callable[[Any], NDArray[Any]]) -> Callable[[Any, Any], float]:
    """The fraction of patterns with at least one output unlike its label."""
    fill_fields = fields_of(network)

    def error(params: Examples, state: Any) -> float:
        own, fields = weights(state), room_for(params)
        top = len(params.widths) - 2
        outputs = params.widths[top + 1]
        wrong = np.int64(0)
        for pattern in range(params.patterns):
            fill_fields(params, own, pattern, fields)
            unlike = False
            for unit in range(outputs):
                unlike |= (fields[top, unit] >= 0) != (params.labels[pattern * outputs + unit] > 0)
            wrong += np.int64(unlike)
        return wrong / params.patterns

    return error


def near_of(network: Network, weights: Callable[[Any], NDArray[Any]]) -> Callable[[Any, Any], float]:
    """The fraction of patterns with at least one output whose field is within its limit."""
    fill_fields = fields_of(network)

    def near(params: Near, state: Any) -> float:
        examples = params.examples
        own, fields = weights(state), room_for(examples)
        top = len(examples.widths) - 2
        count = np.int64(0)
        for pattern in range(examples.patterns):
            fill_fields(examples, own, pattern, fields)
            inside = False
            for unit in range(examples.widths[top + 1]):
                inside |= abs(fields[top, unit]) <= params.limits[pattern]
            count += np.int64(inside)
        return count / examples.patterns

    return near


def test_error(
    around: Around,
    *,
    patterns: Annotated[
        int | None, Field(ge=1, description="Number of test patterns; 1,000, or all that are left of a file, when left out.")
    ] = None,
    path: Annotated[
        Path | None, Field(description="A .npz file with test patterns and labels, in place of those of the source.")
    ] = None,
) -> Observable:
    """Generalisation error: the fraction of test patterns that come out wrong."""
    network, weights = around.landscape.network, around.landscape.weights
    assert network is not None and weights is not None
    test_set = around.data.test_set(patterns, None if path is None else around.base / path.expanduser())
    examples, _ = examples_of(network, test_set)
    return Observable(
        errors_of(network, weights), examples, f"fraction of {examples.patterns} test patterns that come out wrong"
    )


def margins(
    around: Around,
    *,
    distance: Annotated[float, Field(ge=0, description="Largest |w . x| / sqrt(n) of an output with n inputs to count.")] = 1.0,
) -> Observable:
    """The fraction of training patterns near the decision boundary; x of an output is its inputs, +-1 from hidden units."""
    network, weights, training_set = around.landscape.network, around.landscape.weights, around.data.training_set
    assert network is not None and weights is not None and training_set is not None
    examples, shifts = examples_of(network, training_set)
    limit = distance * math.sqrt(network.fan_in[-1])
    scale = np.exp2(shifts.astype(float)) if len(network.layers) == 2 else np.ones(examples.patterns)
    limits = np.floor(np.minimum(limit * scale, 2.0**62)).astype(np.int64)
    meaning = f"fraction of training patterns with an output's |w . x| / sqrt(n) at most {distance:g}"
    return Observable(near_of(network, weights), Near(examples, limits), meaning)


TEST_ERROR = Kind(test_error, no_network)
MARGINS = Kind(margins, no_network)
