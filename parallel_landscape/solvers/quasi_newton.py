"""L-BFGS: gradient descent that learns curvatures from its last steps; D. Liu, J. Nocedal, Math. Program. 45, 503 (1989).

On a sphere |w|^2 = S it moves v freely, with w = S^(1/2) v/|v|: dE/dv is the tangential gradient at w times S^(1/2)/|v|.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import Field

from parallel_landscape.smooth import F
from parallel_landscape.solvers.problem import Attempt, Found
from parallel_landscape.solvers.smooth_problem import SmoothProblem, Track, norm


def l_bfgs(
    problem: SmoothProblem,
    attempt: Attempt,
    *,
    memory: Annotated[int, Field(ge=1, description="steps from which curvatures are learned")] = 10,
) -> Found:
    """An iteration is a step with its line search. Ends at the goal, or where no step leads down."""
    from scipy.optimize import minimize

    track, start, made = Track(problem), problem.initial(attempt.generator()), 0
    if track.offer(start):
        return track.found(0)

    def energy_gradient(free: F) -> tuple[float, F]:
        energy, gradient = problem.downhill(problem.settled(free))
        sphere = problem.landscape.sphere
        return energy, gradient * (math.sqrt(sphere) / norm(free)) if sphere else gradient

    def look(intermediate_result: Any) -> None:
        nonlocal made
        attempt.tick()
        made += 1
        if track.offer(problem.settled(intermediate_result.x)):
            raise StopIteration

    options = {"maxcor": memory, "maxiter": attempt.max_iterations, "maxfun": 20 * attempt.max_iterations + 20}
    goals = {"ftol": 0.0, "gtol": 0.0}  # the goal is looked at after each step
    minimize(energy_gradient, start, jac=True, method="L-BFGS-B", callback=look, options={**options, **goals})
    return track.found(made)
