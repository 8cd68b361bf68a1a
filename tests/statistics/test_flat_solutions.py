"""At the same energy, solutions of replicated SGD stand noise on their weights better than those of gradient descent."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parallel_landscape.commands.solve import attempt_at, make_problem
from parallel_landscape.job.job import make_job
from parallel_landscape.observables.observable import Around
from parallel_landscape.observables.smooth import SMOOTH_KINDS

JOB = Path(__file__).parents[2] / "jobs" / "solve-continuous.toml"
SIGMAS = 5.0  # the false alarm rate of a difference without one is below 1e-6 for normal errors, and 2e-3 with 7 degrees


def local_errors(algorithm: str, restart: int = 0) -> np.ndarray:
    """Errors after noise, by instance; every attempt has come down to the energy that was asked for."""
    content: dict[str, Any] = {key: part for key, part in tomllib.loads(JOB.read_text()).items() if key != "sweep"}
    job = make_job({**content, "solve": {**content["solve"], "algorithm": algorithm}})
    assert job.solve is not None
    found = []
    for instance in range(job.solve.instances):
        problem = make_problem(job, instance)
        weights = attempt_at(job, problem, (instance, restart))
        assert weights.more["success"] == 1 and 0.015 < weights.energy <= 0.03
        seen: Any = SMOOTH_KINDS["local-error"].make(Around(problem.landscape, None, job.base, instance))  # type: ignore[arg-type]
        found.append(seen.function(_Rows(weights.weights[None]))[0])
    return np.array(found)


class _Rows:
    """As much of a batch as the observable looks at."""

    def __init__(self, weights: np.ndarray) -> None:
        self.weights = weights


def significance(one: np.ndarray, other: np.ndarray) -> float:
    """Mean difference on the same instance over its standard error."""
    apart = one - other
    return float(apart.mean() / (apart.std(ddof=1) / math.sqrt(len(apart))))


@pytest.mark.long
def test_replicas_find_flatter_solutions() -> None:
    """By a quarter and more. Wrong twins: gradient descent from elsewhere is no flatter, SGD alone hardly is."""
    descended, stochastic, replicated = (local_errors(name) for name in ("gd", "sgd", "replicated-sgd"))
    assert significance(descended, replicated) > SIGMAS and significance(stochastic, replicated) > SIGMAS
    assert replicated.mean() < 0.75 * descended.mean() and stochastic.mean() > 0.95 * descended.mean()
    assert abs(significance(descended, local_errors("gd", restart=1))) < SIGMAS
