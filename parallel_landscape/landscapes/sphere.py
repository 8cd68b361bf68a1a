"""Perceptron with real weights on the sphere |w|^2 = N: E(w) = number of patterns with Delta = y w.x / sqrt(N) < kappa.

For kappa < 0 the spherical negative perceptron, whose solutions E = 0 form no convex set: S. Franz, G. Parisi, J. Phys. A 49,
145001 (2016); B. L. Annesi et al., Phys. Rev. Lett. 131, 227301 (2023).
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from parallel_landscape.landscape import DataSource, Landscape, no_moves
from parallel_landscape.network import Network
from parallel_landscape.specialise import compile_function

F = NDArray[np.float64]
BEYOND = 0.1  # how much further than the margin the way down aims


class Params(NamedTuple):
    """columns: (N, P) float64, for each input its values in all patterns, labels folded in, over sqrt(N)."""

    columns: F
    kappa: float
    inputs: int
    patterns: int


class State(NamedTuple):
    """weights (N,) with |w|^2 = N; fields (P,): the stability Delta of each pattern, as the last rotation left it."""

    weights: F
    fields: F


def energy(params: Params, state: State) -> Any:
    """Violated patterns, from the weights and the patterns alone."""
    fields = np.zeros(params.patterns)
    for i in range(params.inputs):
        for mu in range(params.patterns):
            fields[mu] += state.weights[i] * params.columns[i, mu]
    errors = 0
    for mu in range(params.patterns):
        errors += fields[mu] < params.kappa
    return errors


def settle(params: Params, weights: F, fields: F, steps: int) -> Any:
    """Go down the squared hinge sum_mu (kappa + BEYOND - Delta_mu)_+^2 until all patterns reach kappa, `steps` times at most.

    Projected gradient with momentum (Y. Nesterov, 1983), steps of 1/(2 L) with L = (1 + sqrt(alpha))^2, about the largest
    curvature there is. In loops, not by a library, so that the bits do not depend on threads. Returns the violated patterns.
    """
    inputs, count = params.inputs, params.patterns
    rate = 0.5 / (1.0 + np.sqrt(count / inputs)) ** 2
    before, ahead, short = weights.copy(), weights.copy(), np.empty(count)
    errors = count
    for step in range(steps + 1):
        fields[:] = 0.0
        for i in range(inputs):
            for mu in range(count):
                fields[mu] += ahead[i] * params.columns[i, mu]
        errors = 0
        for mu in range(count):
            errors += fields[mu] < params.kappa
            short[mu] = max(params.kappa + BEYOND - fields[mu], 0.0)
        if errors == 0 or step == steps:
            break
        length = 0.0
        for i in range(inputs):
            push = 0.0
            for mu in range(count):
                push += short[mu] * params.columns[i, mu]
            before[i], weights[i] = weights[i], ahead[i] + 2.0 * rate * push
            length += weights[i] * weights[i]
        scale, square = np.sqrt(inputs / length), 0.0
        for i in range(inputs):
            weights[i] *= scale
            ahead[i] = weights[i] + step / (step + 3.0) * (weights[i] - before[i])
            square += ahead[i] * ahead[i]
        ahead *= np.sqrt(inputs / square)
    weights[:] = ahead
    return errors


def smallest_stability(params: Params, state: State) -> float:
    """The smallest stability Delta of all patterns."""
    smallest = state.fields[0]
    for mu in range(1, params.patterns):
        smallest = min(smallest, state.fields[mu])
    return smallest


def margin_perceptron(
    inputs: Annotated[int, Field(ge=2, description="Number N of inputs, and of weights, which lie on |w|^2 = N.")],
    data: DataSource,
    kappa: Annotated[float, Field(description="Margin that each stability must reach; below 0: negative perceptron.")] = 0.0,
    descent: Annotated[
        int, Field(ge=0, description="Most steps of gradient descent to a first solution; 0: walkers start anywhere.")
    ] = 0,
) -> Landscape:
    """Perceptron with weights on a sphere and a margin; its energy counts violated patterns."""
    training_set = data(Network((inputs, 1)))
    return spherical_constraints(training_set.patterns, training_set.labels, kappa, descent)


def spherical_constraints(patterns: NDArray[Any], labels: NDArray[Any], kappa: float = 0.0, descent: int = 0) -> Landscape:
    """The landscape of real `patterns` (P, N) with +-1 `labels` (P,). The measure on the sphere is normalised to 1."""
    folded = np.asarray(patterns, float) * np.asarray(labels, float).reshape(-1, 1)
    count, inputs = folded.shape
    params = Params(np.ascontiguousarray(folded.T / np.sqrt(inputs)), float(kappa), inputs, count)

    down = compile_function(settle)

    def initial(rng: np.random.Generator) -> State:
        weights = rng.standard_normal(inputs)
        weights *= np.sqrt(inputs / np.sum(weights * weights))
        fields = np.zeros(count)
        down.compiled(params, weights, fields, descent)
        return State(weights, fields)

    def energies(weights: F) -> F:
        return np.asarray((weights @ params.columns < kappa).sum(axis=1), float)

    return Landscape(
        params=params,
        initial=initial,
        energy=energy,
        delta=no_moves,
        commit=no_moves,
        moves=inputs,
        levels=range(count + 1),
        ln_states=0.0,
        weights=lambda state: state.weights,
        observables={"smallest-stability": smallest_stability},
        dynamics=("rotation", "great-circle"),
        energies=energies,
        sphere=float(inputs),
    )
