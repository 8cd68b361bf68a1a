"""SBPI: the stochastic on-line rule that is what remains of belief propagation when each synapse has an integer to remember.

Each weight has an odd integer field h_i, W_i = sign(h_i). A pattern of folded stability D = W . x is met as follows:
D > threshold: nothing. 0 < D <= threshold: with probability `probability`, h_i += 2 x_i where W_i x_i = +1, which turns no
weight. D < 0: h_i += 2 x_i for all i. C. Baldassi, A. Braunstein, N. Brunel, R. Zecchina, PNAS 104, 11079 (2007);
C. Baldassi, J. Stat. Phys. 136, 902 (2009). In a committee that is wrong, the units that are wrong by the least learn, as many
as a majority needs; when it is right by one vote, the second rule is for the units at +1.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from parallel_landscape.solvers.problem import Attempt, Best, Found, Problem
from parallel_landscape.solvers.units import fields_of, least_wrong
from parallel_landscape.specialise import compile_function

MOST = 2**29  # of a field, in size


def epoch(
    x: NDArray[np.int8],
    h: NDArray[np.int32],
    weights: NDArray[np.int8],
    order: NDArray[np.int64],
    lot: NDArray[np.bool_],
    units: int,
    stride: int,
    threshold: int,
    room: Any,
) -> Any:
    """Meet every pattern once, in `order`; `lot`: where the second rule is followed. Returns how many were wrong when met."""
    fields, chosen = room
    inputs, wrong = len(weights) // units, 0
    for number in range(len(order)):
        p = order[number]
        right = fields_of(x, weights, p, stride, fields)
        missing = units // 2 + 1 - right
        if missing > 0:
            wrong += 1
            least_wrong(fields, missing, chosen)
            for k in range(units):
                if chosen[k]:
                    row = x[p, k * stride : k * stride + inputs]
                    field, weight = h[k * inputs : (k + 1) * inputs], weights[k * inputs : (k + 1) * inputs]
                    for i in range(inputs):
                        new = min(max(field[i] + 2 * row[i], -MOST), MOST)
                        field[i] = new
                        weight[i] = 1 if new > 0 else -1
        elif missing == 0 and lot[number]:
            for k in range(units):
                if 0 < fields[k] <= threshold:
                    row = x[p, k * stride : k * stride + inputs]
                    field, weight = h[k * inputs : (k + 1) * inputs], weights[k * inputs : (k + 1) * inputs]
                    for i in range(inputs):
                        field[i] += row[i] + weight[i]  # 2 x_i where both agree, else 0
    return wrong


def sbpi(
    problem: Problem,
    attempt: Attempt,
    *,
    probability: Annotated[float, Field(ge=0, le=1, description="of the second rule")] = 0.3,
    threshold: Annotated[int, Field(ge=1, description="largest stability of a pattern that is barely right")] = 1,
) -> Found:
    """An iteration is an epoch: each pattern once, in a random order. Ends with the first epoch without a mistake."""
    network, rng, best, kernel = problem.network, attempt.generator(), Best(problem), compile_function(epoch)
    x, patterns, units = problem.compact, len(problem.compact), problem.units
    h = (2 * rng.integers(0, 2, network.weights) - 1).astype(np.int32)
    weights = np.where(h > 0, 1, -1).astype(np.int8)
    room = np.zeros(units, np.int64), np.zeros(units, np.bool_)
    for iteration in range(attempt.max_iterations):
        attempt.tick()
        order, lot = rng.permutation(patterns), rng.random(patterns) < probability
        wrong = kernel(x, h, weights, order, lot, units, problem.stride, threshold, room)
        if wrong <= best.energy and best.offer(weights):
            return best.found(iteration + 1)
    best.offer(weights)
    return best.found(attempt.max_iterations)
