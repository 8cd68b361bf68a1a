"""Algorithms that look for solutions: weights +-1 with as few errors as possible, whatever their statistical weight.

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
