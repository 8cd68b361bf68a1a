"""Replicated stochastic gradient descent with continuous weights: y networks learn and are drawn to their centre.

Together they go down  sum_a E(w_a) + (gamma/2) sum_a |w_a - c|^2 .  Each step of learning at a rate is followed by a pull,
which carries the elastic force out exactly for the time t = rate, however strong it is:

    centre traced out (c the mean m):    w_a - m  shrinks by exp(-gamma t);
    centre of its own:                   besides,  m - c  shrinks by exp(-gamma (1 + y) t), and  y m + c  stays.

gamma grows by a factor in each epoch, so that the replicas first look around and then gather where many of them can stay.
C. Baldassi et al., PNAS 113, E7655 (2016); F. Pittorino et al., J. Stat. Mech. (2021) 124015.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from parallel_landscape.smooth import F
from parallel_landscape.solvers.gradient_descent import Momentum
from parallel_landscape.solvers.problem import Attempt, Found
from parallel_landscape.solvers.smooth_problem import SmoothProblem, Track
from parallel_landscape.solvers.stochastic import Learner, Rate, RateDecay, Size


class Replicas:
    """y learners and their centre (n,), which follows their mean or moves by itself."""

    def __init__(self, problem: SmoothProblem, attempt: Attempt, replicas: int, momentum: float, *, traced: bool) -> None:
        first = attempt.generator()  # one replica alone is `sgd`
        streams = [first, *attempt.generator().spawn(replicas - 1)]
        self.problem, self.traced = problem, traced
        self.learners = [Learner(problem, stream, momentum) for stream in streams]
        self.centre: F = problem.settled(self.mean)

    @property
    def mean(self) -> F:
        """(n,)."""
        return np.mean([learner.weights for learner in self.learners], axis=0)

    def pull(self, strength: float) -> None:
        """Draw replicas and centre together; strength: gamma times the time."""
        mean, shrink = self.mean, math.exp(-strength)
        ahead = mean
        if not self.traced:
            count = len(self.learners)
            apart = (mean - self.centre) * math.exp(-strength * (1 + count))
            total = count * mean + self.centre
            ahead, self.centre = (total + apart) / (count + 1), self.problem.settled((total - count * apart) / (count + 1))
        for learner in self.learners:
            learner.weights = self.problem.settled(ahead + shrink * (learner.weights - mean))
        if self.traced:
            self.centre = self.problem.settled(self.mean)

    def epoch(self, batch: int, rate: float, gamma: float) -> None:
        """Every replica meets every pattern once, in an order of its own."""
        orders = [self.problem.batches(learner.stream, batch) for learner in self.learners]
        for several in zip(*orders, strict=True):
            for learner, rows in zip(self.learners, several, strict=True):
                learner.step(rows, rate)
            if gamma:
                self.pull(rate * gamma)
        if not gamma and self.traced:
            self.centre = self.problem.settled(self.mean)


def replicated_sgd(
    problem: SmoothProblem,
    attempt: Attempt,
    *,
    replicas: Annotated[int, Field(ge=1, description="number y of replicas")] = 3,
    center: Annotated[
        Literal["traced", "explicit"], Field(description="traced out, the mean, or a centre of its own")
    ] = "traced",
    batch: Size = 10,
    rate: Rate = 0.01,
    momentum: Momentum = 0.0,
    rate_decay: RateDecay = 0.0,
    pull: Annotated[float, Field(ge=0, description="gamma of the first epoch, energy over squared weight")] = 0.1,
    growth: Annotated[float, Field(ge=0, description="gamma grows by this part of itself in an epoch")] = 0.02,
) -> Found:
    """An iteration is an epoch of all replicas. What is looked at, and ends at the goal, is the centre."""
    track, group = Track(problem), Replicas(problem, attempt, replicas, momentum, traced=center == "traced")
    if track.offer(group.centre):
        return track.found(0)
    for epoch in range(attempt.max_iterations):
        attempt.tick()
        gamma = pull and math.exp(min(math.log(pull) + epoch * math.log1p(growth), 700.0))
        group.epoch(batch, rate / (1.0 + rate_decay * epoch), gamma)
        if track.offer(group.centre):
            return track.found(epoch + 1)
    return track.found(attempt.max_iterations)
