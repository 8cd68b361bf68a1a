"""What a solver is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.errors import JobError
from parallel_landscape.landscape import Landscape
from parallel_landscape.landscapes.fixed_point import is_binary, rounded
from parallel_landscape.network import Network
from parallel_landscape.rng import Purpose, generator
from parallel_landscape.solvers.units import fields_of
from parallel_landscape.specialise import Kernel, compile_function


@dataclass(frozen=True)
class Problem:
    """One instance: a landscape and the training set that it was made from (None for a landscape without one)."""

    landscape: Landscape
    training_set: TrainingSet | None

    @cached_property
    def network(self) -> Network:
        """The perceptron or committee machine. Raises JobError for anything else."""
        network = self.landscape.network
        fits = network is not None and network.outputs == 1 and (len(network.layers) == 2 or network.majority)
        if network is None or not fits or len(network.layers) > 3 or self.training_set is None:
            raise JobError(
                "[solve] algorithm: this one is for weights +-1 of a perceptron or a committee machine (binary-perceptron, "
                'committee), and the landscape is none; use algorithm = "annealing", or another model.'
            )
        return network

    @property
    def units(self) -> int:
        """Number K of hidden units; 1 for a perceptron."""
        return self.network.layers[1]

    @cached_property
    def binary(self) -> bool:
        """Whether all inputs are +-1."""
        return is_binary(self.inputs)

    @cached_property
    def inputs(self) -> NDArray[np.float64]:
        """The patterns (P, N) as the landscape has them."""
        assert self.training_set is not None
        patterns = self.training_set.patterns
        return patterns if is_binary(patterns) else rounded(patterns, self.units if self.network.tree else 1)

    @cached_property
    def folded(self) -> NDArray[np.float64]:
        """The patterns (P, N) times their labels, real ones divided by their root mean square: all outputs are to be +1."""
        assert self.training_set is not None
        folded = self.inputs * self.training_set.labels.reshape(-1, 1)
        scale = np.sqrt(np.mean(folded**2, axis=1, keepdims=True))
        return np.ascontiguousarray(folded / np.where(scale > 0, scale, 1.0))

    @cached_property
    def signs(self) -> NDArray[np.int8]:
        """The patterns (P, N) as they are, one byte an input: for inputs of +-1 only."""
        return self.inputs.astype(np.int8)

    @cached_property
    def compact(self) -> NDArray[Any]:
        """The folded patterns (P, N): one byte an input where all inputs are +-1, else `folded`."""
        assert self.training_set is not None
        return self.signs * self.training_set.labels.reshape(-1, 1) if self.binary else self.folded

    @cached_property
    def stride(self) -> int:
        """How far apart the inputs of two hidden units begin: 0 when each sees them all."""
        return self.network.fan_in[0] if self.network.tree else 0

    def errors(self, weights: NDArray[np.int8]) -> int:
        """Number of patterns that flat `weights` (V,) of +-1 get wrong, from patterns and labels alone."""
        assert self.training_set is not None
        labels = self.training_set.labels
        if not self.binary:
            return self.network.errors(weights, self.inputs, labels)
        return int(self._count(self.signs, labels.reshape(-1), weights, self.stride, np.zeros(self.units, np.int64)))

    @cached_property
    def _count(self) -> Kernel:
        return compile_function(count_errors)


def count_errors(
    x: NDArray[np.int8], labels: NDArray[np.int8], weights: NDArray[np.int8], stride: int, fields: NDArray[np.int64]
) -> int:
    """Number of wrong outputs, inputs of +-1; fields (K,) is scratch space. A tie counts as +1, of a unit and of the vote."""
    wrong = 0
    for p in range(len(x)):
        up = fields_of(x, weights, p, stride, fields)
        wrong += (2 * up >= len(fields)) != (labels[p] > 0)
    return wrong


@dataclass(frozen=True)
class Attempt:
    """One restart on one instance. Its streams belong to `number`, which instance and restart make; `tick` is called once an
    iteration, and raises when the attempt is to be given up."""

    seed: int
    number: int
    max_iterations: int
    tick: Callable[[], None] = lambda: None

    def generator(self) -> np.random.Generator:
        """The attempt's random stream."""
        return generator(self.seed, Purpose.SOLVE, self.number)


@dataclass(frozen=True)
class Found:
    """The best weights of an attempt (V,), int8 of +-1 or float64, their energy, and the iterations that were made. more: what
    is kept besides of continuous weights."""

    weights: NDArray[Any]
    energy: float
    iterations: int
    more: Mapping[str, float] = field(default_factory=dict)


class Best:
    """Remembers the weights with the fewest errors, the first ones of several."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self.weights: NDArray[np.int8] = np.ones(problem.network.weights, np.int8)
        self.energy = problem.errors(self.weights)

    def offer(self, fields: NDArray[Any]) -> bool:
        """Look at the signs of `fields` (V,), 0 counting as +1; whether they make no error."""
        weights = np.where(fields >= 0, 1, -1).astype(np.int8)
        energy = self._problem.errors(weights)
        if energy < self.energy:
            self.weights, self.energy = weights, energy
        return energy == 0

    def found(self, iterations: int) -> Found:
        """What the attempt ends with."""
        return Found(self.weights, self.energy, iterations)
