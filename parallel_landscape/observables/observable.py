"""An observable, and the kinds of them that a job may ask for.

The function is plain, `(params, state) -> float`, with params of its own: a NamedTuple of arrays and numbers that holds what it
compares the state with. It is compiled with all that it calls, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.rng import Purpose, generator
from parallel_landscape.smooth import SmoothLandscape

SAMPLES = 8  # random states that are looked at to tell what weights are like


@dataclass(frozen=True)
class Observable:
    """A function with its params, what its value means, and its unit.

    moment: an array (3,) int64 inside `params` that gets (slot, number of the record, energy) before each call, for what needs
    random numbers: drawn from these, they are the same on any number of ranks.
    """

    function: Callable[..., Any]
    params: Any
    meaning: str
    unit: str = "1"
    moment: NDArray[np.int64] | None = None


class Data(Protocol):
    """Where observables get patterns from."""

    training_set: TrainingSet | None  # None when the landscape has asked for none

    def test_set(self, patterns: int | None, path: Path | None) -> TrainingSet:
        """Patterns that the training set does not hold, of the same rule; JobError when there are none."""


@dataclass(frozen=True)
class Around:
    """What an observable is made from: the landscape, its training set, the job's folder and seed."""

    landscape: Any  # a Landscape or a SmoothLandscape: each kind of observable knows its own
    data: Data
    base: Path
    seed: int

    @cached_property
    def samples(self) -> list[NDArray[Any]]:
        """Weights of some random states; none for a landscape without weights."""
        if isinstance(self.landscape, SmoothLandscape) or self.landscape.weights is None:
            return []
        states = (self.landscape.initial(generator(self.seed, Purpose.PILOT, number)) for number in range(SAMPLES))
        return [np.array(self.landscape.weights(state)) for state in states]

    @property
    def binary(self) -> int:
        """Number of weights, when all of them are +-1; else 0."""
        return self.samples[0].size if self.samples and all(np.all(np.abs(one) == 1) for one in self.samples) else 0


@dataclass(frozen=True)
class Kind:
    """`make(around, *, keys...)` makes an observable; `why_not(around)` says why it cannot be had, or None."""

    make: Callable[..., Observable]
    why_not: Callable[[Around], str | None]


def no_binary_weights(around: Around) -> str | None:
    """Why there is nothing to compare with +-1."""
    return None if around.binary else "it needs a landscape whose `weights` are all +-1"


def no_network(around: Around) -> str | None:
    """Why nothing can be said of units and patterns."""
    network, training_set = around.landscape.network, around.data.training_set
    if network is None or around.binary != network.weights:
        return "it needs the landscape of a network of sign units with weights +-1"
    if training_set is None or training_set.patterns.shape[1] != network.inputs:
        return "it needs a training set"
    return None
