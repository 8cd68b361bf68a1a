"""Bring a state to given weights by the landscape's own moves, so that its caches are right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.landscape import Landscape
from parallel_landscape.specialise import Kernel, specialise


def place_template(delta: Callable[..., Any], commit: Callable[..., Any]) -> Callable[..., Any]:
    """Makes the given moves, one after the other, whatever they cost; returns the change of the energy."""

    def place(params: Any, state: Any, moves: NDArray[np.int64]) -> Any:
        change = np.int64(0)
        for i in range(len(moves)):
            change += np.int64(delta(params, state, moves[i]))
            commit(params, state, moves[i])
        return change

    return place


def make_place(landscape: Landscape) -> Kernel:
    """The kernel for this landscape, compiled or loaded."""
    return specialise(place_template, landscape.delta, landscape.commit)


def place(kernel: Kernel, landscape: Landscape, state: Any, weights: NDArray[Any]) -> int:
    """Flip what differs from `weights` (V,) of +-1; move i has to flip weight i. Returns the change of the energy."""
    assert landscape.weights is not None
    flips = np.flatnonzero(np.asarray(landscape.weights(state)) != weights).astype(np.int64)
    return int(kernel(landscape.params, state, flips))
