"""Algorithms that look for solutions, whatever their statistical weight: weights +-1 with as few errors as possible, or
continuous ones without an error, of low energy, or at a minimum.

An algorithm is a plain function `algorithm(problem, attempt, *, keys...) -> Found`. Its keyword parameters are the keys of the
section [solve], as those of a landscape are the keys of [landscape].
"""

from __future__ import annotations

ALGORITHMS: dict[str, str] = {
    "sbpi": "parallel_landscape.solvers.sbpi:sbpi",
    "reinforced-bp": "parallel_landscape.solvers.focusing:reinforced_bp",
    "focusing-bp": "parallel_landscape.solvers.focusing:focusing_bp",
    "replicated-sgd": "parallel_landscape.solvers.replicated:replicated_sgd",
    "annealing": "parallel_landscape.solvers.annealing:annealing",
}

# Those for continuous weights, which follow the gradient of a smooth landscape.
CONTINUOUS: dict[str, str] = {
    "gd": "parallel_landscape.solvers.gradient_descent:gd",
    "sgd": "parallel_landscape.solvers.stochastic:sgd",
    "l-bfgs": "parallel_landscape.solvers.quasi_newton:l_bfgs",
    "replicated-sgd": "parallel_landscape.solvers.elastic:replicated_sgd",
}
