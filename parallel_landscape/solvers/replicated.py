"""Replicated stochastic gradient descent: y networks that learn by themselves and are drawn to a common centre.

Replica a has real hidden fields H^a and the weights W^a = sign(H^a). In each batch it meets some patterns, and where it is
wrong the units that are wrong by the least learn: H += rate x (folded). Then it is drawn to the centre,

    explicit centre W^c = sign(H^c):    H^a += pull (W^c - W^a),    H^c += pull (W^a - W^c), each a in turn;
    traced out:                         H^a += pull ( tanh(gamma y W_mean) - W^a ), gamma growing by `gamma_step` an epoch.

C. Baldassi et al., PNAS 113, E7655 (2016).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from parallel_landscape.solvers.normal import tanh_and_rest
from parallel_landscape.solvers.problem import Attempt, Best, Found, Problem
from parallel_landscape.solvers.units import fields_of, least_wrong
from parallel_landscape.specialise import compile_function

Real = NDArray[np.float64]
Signs = NDArray[np.int8]


def learn(x: Any, h: Real, weights: Signs, batch: NDArray[np.int64], rate: float, units: int, stride: int, room: Any) -> None:
    """One replica meets the patterns of one batch; its weights (V,) stay as they are meanwhile."""
    fields, chosen = room
    inputs = len(weights) // units
    for p in batch:
        right = fields_of(x, weights, p, stride, fields)
        missing = units // 2 + 1 - right
        if missing > 0:
            least_wrong(fields, missing, chosen)
            for k in range(units):
                if chosen[k]:
                    row, field = x[p, k * stride : k * stride + inputs], h[k * inputs : (k + 1) * inputs]
                    for i in range(inputs):
                        field[i] += rate * row[i]


def draw_together(h: Real, weights: Signs, pull: float, attraction: float, mean: Real) -> None:
    """Move all replicas towards their centre, the last row of h and weights (y + 1, V); mean (V,) is scratch space."""
    replicas, center = len(h) - 1, h[len(h) - 1]
    if attraction > 0.0:
        center[:] = 0.0
        for a in range(replicas):
            own = weights[a]
            for i in range(len(center)):
                center[i] += own[i]
        for i in range(len(center)):
            mean[i], _ = tanh_and_rest(attraction * center[i] / replicas)
    else:
        for i in range(len(center)):
            mean[i] = weights[replicas, i]
    for a in range(replicas):
        field, own = h[a], weights[a]
        for i in range(len(center)):
            difference = pull * (mean[i] - own[i])
            field[i] += difference
            if attraction == 0.0:
                center[i] -= difference
    for a in range(replicas + 1):
        field, own = h[a], weights[a]
        for i in range(len(center)):
            own[i] = 1 if field[i] >= 0.0 else -1


def epoch(
    x: Any, h: Real, weights: Signs, order: NDArray[np.int64], batch: int, rate: float, pull: float, attraction: float,
    units: int, stride: int, mean: Real, room: Any,
) -> None:  # fmt: skip
    """All patterns once. h, weights (y + 1, V), centre last; order (y, P); attraction: gamma y, 0 for a centre of its own."""
    patterns = order.shape[1]
    for start in range(0, patterns, batch):
        for a in range(len(order)):
            learn(x, h[a], weights[a], order[a, start : min(start + batch, patterns)], rate, units, stride, room)
        draw_together(h, weights, pull, attraction, mean)


def replicated_sgd(
    problem: Problem,
    attempt: Attempt,
    *,
    replicas: Annotated[int, Field(ge=1, description="number y of replicas")] = 7,
    center: Annotated[Literal["explicit", "traced"], Field(description="a centre of its own, or traced out")] = "traced",
    batch: Annotated[int, Field(ge=1, description="patterns between two pulls to the centre")] = 10,
    rate: Annotated[float, Field(gt=0, description="learning rate")] = 2.0,
    pull: Annotated[float, Field(ge=0, description="how strongly replicas and centre are drawn together")] = 0.5,
    gamma_step: Annotated[float, Field(gt=0, description="growth of gamma in an epoch, for a traced centre")] = 0.001,
) -> Found:
    """An iteration is an epoch. Ends when the centre or a replica makes no error; of several, the centre comes first."""
    network, rng, best, kernel = problem.network, attempt.generator(), Best(problem), compile_function(epoch)
    patterns, units = len(problem.compact), problem.units
    h = rng.uniform(-1.0, 1.0, (replicas + 1, network.weights))
    weights = np.where(h >= 0.0, 1, -1).astype(np.int8)
    room, mean = (np.zeros(units, np.int64 if problem.binary else np.float64), np.zeros(units, np.bool_)), np.zeros(h.shape[1])
    for iteration in range(attempt.max_iterations):
        attempt.tick()
        order = np.stack([rng.permutation(patterns) for _ in range(replicas)])
        attraction = gamma_step * (iteration + 1) * replicas if center == "traced" else 0.0
        kernel(problem.compact, h, weights, order, batch, rate, pull, attraction, units, problem.stride, mean, room)
        if any(best.offer(h[a]) for a in range(replicas, -1, -1)):
            return best.found(iteration + 1)
    return best.found(attempt.max_iterations)
