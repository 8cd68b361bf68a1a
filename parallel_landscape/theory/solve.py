"""Fixed points of the saddle-point equations, with a stated residual."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import brentq, root

from parallel_landscape.theory.quadrature import Array, NoSolution

RESIDUAL = 1e-11
DAMPING = 0.3
ITERATIONS = 3000
POLISH_AT = (10, 40, 160, 640, 2560)
BRANCH = 0.05  # Newton's method may not leave the branch that the iteration is on by more than this


def fixed_point(
    update: Callable[[Array], Array], start: Sequence[float], what: str, iterations: int = ITERATIONS
) -> tuple[Array, float]:
    """x with x = update(x), and the largest |update(x) - x|.

    Damped iteration finds the branch; now and then Newton's method (MINPACK hybr) tries to finish. what: the problem, for
    the message. Raises NoSolution when neither arrives.
    """
    point = np.array(start, dtype=np.float64)
    residual = np.inf
    for step in range(iterations):
        new = update(point)
        if not np.isfinite(new).all():
            raise NoSolution(f"{what}: the equations run away; there is no replica-symmetric solution here")
        residual = float(np.abs(new - point).max())
        if residual <= RESIDUAL:
            return point, residual
        if step in POLISH_AT:
            polished = root(lambda x: update(x) - x, point, method="hybr", options={"xtol": 1e-14}).x
            missed = float(np.abs(update(polished) - polished).max()) if np.isfinite(polished).all() else np.inf
            if missed <= RESIDUAL and np.abs(polished - point).max() <= BRANCH * max(1.0, float(np.abs(point).max())):
                return polished, missed
        point = DAMPING * point + (1 - DAMPING) * new
    raise NoSolution(f"{what}: no solution found in {iterations} iterations; the equations are still missed by {residual:.1e}")


def first_root(function: Callable[[float], float], points: Sequence[float]) -> float | None:
    """The first zero of `function` along `points`, found by the change of its sign; None when there is none.

    A point where the function cannot be evaluated (NoSolution) ends the search.
    """
    before, value_before = None, 0.0
    for point in points:
        try:
            value = function(point)
        except NoSolution:
            return None
        if value == 0:
            return point
        if before is not None and (value > 0) != (value_before > 0):
            return float(brentq(function, before, point, xtol=1e-13, rtol=8.9e-16))
        before, value_before = point, value
    return None
