"""Stochastic gradient descent: in an epoch each pattern counts once, `batch` of them at a time in random order,

    v' = momentum v - rate_t grad E_B(w),    w' = w + v',    rate_t = rate / (1 + rate_decay t)

with t the epoch and E_B the energy estimated from the patterns of the batch, their loss scaled to all patterns: E_B is the
energy when the batch holds all of them. H. Robbins, S. Monro, Ann. Math. Stat. 22, 400 (1951).
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from parallel_landscape.smooth import F
from parallel_landscape.solvers.gradient_descent import Momentum, turned
from parallel_landscape.solvers.problem import Attempt, Found
from parallel_landscape.solvers.smooth_problem import SmoothProblem, Track

Size = Annotated[int, Field(ge=1, description="patterns in a step; all of them when there are fewer")]
Rate = Annotated[float, Field(gt=0, description="learning rate of the first epoch")]
RateDecay = Annotated[float, Field(ge=0, description="epoch t has the rate over 1 + rate_decay t")]


class Learner:
    """One network that learns: weights and velocity (n,), and a random stream for where it starts and what it meets."""

    def __init__(self, problem: SmoothProblem, stream: np.random.Generator, momentum: float) -> None:
        self.problem, self.stream, self.momentum = problem, stream, momentum
        self.weights: F = problem.initial(stream)
        self.velocity: F = np.zeros_like(self.weights)

    def step(self, rows: NDArray[np.int64], rate: float) -> None:
        """Learn from the patterns `rows`."""
        gradient = self.problem.downhill(self.weights, rows)[1]
        self.velocity = self.momentum * self.velocity - rate * gradient
        self.weights = self.problem.settled(self.weights + self.velocity)
        if self.momentum:
            self.velocity = turned(self.problem, self.velocity, self.weights)


def sgd(
    problem: SmoothProblem,
    attempt: Attempt,
    *,
    batch: Size = 10,
    rate: Rate = 0.01,
    momentum: Momentum = 0.0,
    rate_decay: RateDecay = 0.0,
) -> Found:
    """An iteration is an epoch. Ends at the goal. Raises RunError when the weights run away: the rate is too large."""
    track, learner = Track(problem), Learner(problem, attempt.generator(), momentum)
    if track.offer(learner.weights):
        return track.found(0)
    for epoch in range(attempt.max_iterations):
        attempt.tick()
        for rows in problem.batches(learner.stream, batch):
            learner.step(rows, rate / (1.0 + rate_decay * epoch))
        if track.offer(learner.weights):
            return track.found(epoch + 1)
    return track.found(attempt.max_iterations)
