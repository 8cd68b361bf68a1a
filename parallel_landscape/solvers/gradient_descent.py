"""Gradient descent on all patterns at once, with or without momentum:

    v' = momentum v - rate grad E(w),    w' = w + v' .

A step that would lead up is not made: first the velocity is forgotten (the restart of B. O'Donoghue, E. Candes, Found. Comput.
Math. 15, 715 (2015)), and where there was none the rate is halved for good. So a rate that is too large costs some iterations,
and nothing else. On a sphere gradient and velocity are tangential, and each step is carried back to it.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from parallel_landscape.dynamics.flow import tangential
from parallel_landscape.smooth import F
from parallel_landscape.solvers.problem import Attempt, Found
from parallel_landscape.solvers.smooth_problem import SmoothProblem, Track

ROUNDING = 1e-14  # of an energy: what may look like a step up, and is none
SMALLEST = 1e-18  # of the rate, when no step leads down any more

Momentum = Annotated[float, Field(ge=0, lt=1, description="share of a step that is made again in the next one")]


def gd(
    problem: SmoothProblem,
    attempt: Attempt,
    *,
    rate: Annotated[float, Field(gt=0, description="learning rate; halved where a step would lead up")] = 0.1,
    momentum: Momentum = 0.0,
) -> Found:
    """An iteration is a step that is tried. Ends at the goal, or where no step leads down."""
    track, weights = Track(problem), problem.initial(attempt.generator())
    here, velocity, least = problem.downhill(weights), np.zeros_like(weights), SMALLEST * rate
    if track.offer(weights, here):
        return track.found(0)
    for iteration in range(1, attempt.max_iterations + 1):
        attempt.tick()
        step = momentum * velocity - rate * here[1]
        ahead = problem.settled(weights + step)
        there = problem.downhill(ahead)
        if there[0] <= here[0] + ROUNDING * max(1.0, abs(here[0])):
            weights, here, velocity = ahead, there, turned(problem, step, ahead) if momentum else velocity
            if track.offer(weights, here):
                return track.found(iteration)
        elif velocity.any():
            velocity = np.zeros_like(weights)
        else:
            rate *= 0.5
        if rate < least or not (here[1].any() or velocity.any()):
            return track.found(iteration)
    return track.found(attempt.max_iterations)


def turned(problem: SmoothProblem, velocity: F, weights: F) -> F:
    """The velocity (n,) as it is at weights (n,): its tangential part on a sphere."""
    sphere = problem.landscape.sphere
    return tangential(velocity[None], weights[None], sphere)[0] if sphere else velocity
