"""Algorithms for continuous weights: where attempts end, what they leave, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm
from test_descent import DATA, SPHERE, TREE, attempt, job_of, problem_of, quadratic

from parallel_landscape.commands.solve import attempt_at, make_problem
from parallel_landscape.dynamics.flow import Batch
from parallel_landscape.errors import JobError, RunError
from parallel_landscape.job.job import make_job
from parallel_landscape.observables.observable import Around
from parallel_landscape.observables.smooth import SMOOTH_KINDS
from parallel_landscape.rng import Purpose, generator
from parallel_landscape.solvers import CONTINUOUS
from parallel_landscape.solvers.catalogue import check_suits
from parallel_landscape.solvers.goal import Goal, Look
from parallel_landscape.solvers.gradient_descent import gd
from parallel_landscape.solvers.problem import Found
from parallel_landscape.solvers.quasi_newton import l_bfgs
from parallel_landscape.solvers.stochastic import Learner, sgd


def test_ends_are_what_the_goal_says() -> None:
    sound, wrong = Look(0.2, 0, 0.1), Look(0.1, 2, 1e-9)
    assert [Goal().reached(look) for look in (sound, wrong)] == [True, False]
    assert [Goal("energy", below=0.1).reached(look) for look in (sound, wrong)] == [False, True]
    assert [Goal("minimum").reached(look) for look in (sound, wrong)] == [False, True]
    assert Goal().rank(sound) < Goal().rank(wrong) and Goal("minimum").rank(wrong) < Goal("minimum").rank(sound)


@pytest.mark.parametrize("algorithm", CONTINUOUS)
def test_each_end_is_reached_or_said_not_to_be(algorithm: str) -> None:
    """success, energy, errors and slope of what is kept are those of the weights, and fit the goal."""
    for keys, reached in (
        ({"until": "energy", "below": 0.5}, lambda found: found.energy <= 0.5),
        ({"until": "minimum", "tolerance": 1e-3}, lambda found: found.more["gradient_norm"] <= 1e-3),
        ({"until": "energy", "below": -1.0, "max_iterations": 7}, lambda found: False),
    ):
        job = job_of(SPHERE, algorithm, **keys)
        problem = make_problem(job, 0)
        found = attempt_at(job, problem, (0, 1))
        assert bool(found.more["success"]) == reached(found) == (keys.get("below") != -1.0), (algorithm, keys)
        energies, gradients = problem.landscape.energy_gradient(found.weights[None])
        assert found.energy == energies[0] and found.iterations <= job.solve.max_iterations
        radial = (gradients[0] @ found.weights) ** 2 / 30
        assert found.more["gradient_norm"] == pytest.approx(math.sqrt(gradients[0] @ gradients[0] - radial), rel=1e-6, abs=1e-9)
        assert found.more["errors"] == (problem.landscape.stabilities(found.weights[None]) <= 0).sum()


def test_a_failed_attempt_leaves_the_best_it_has_seen() -> None:
    """Far above capacity: the fewest errors; twin: the last ones have more."""
    problem = problem_of({**SPHERE, "data": {**DATA, "alpha": 6.0}}, Goal())
    keys = {"batch": 1, "rate": 0.02}
    found, learner = sgd(problem, attempt(30), **keys), Learner(problem, attempt(1).generator(), 0.0)
    errors = []
    for _ in range(30):
        for rows in problem.batches(learner.stream, 1):
            learner.step(rows, 0.02)
        errors.append(problem.errors(learner.weights))
    assert problem.errors(found.weights) == min(errors) < errors[-1] and found.iterations == 30


def test_a_false_claim_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_of(SPHERE, "gd")
    problem = make_problem(job, 0)
    weights = problem.initial(np.random.default_rng(1))
    true = float(problem.landscape.energies(weights[None])[0])
    for claimed, wrong in ((true, False), (true * (1 + 1e-6), True), (math.nan, True)):
        claim = Found(weights, claimed, 1)
        monkeypatch.setattr("parallel_landscape.solvers.catalogue.Solve.load", lambda solve, c=claim: lambda *a, **k: c)
        if wrong:
            with pytest.raises(RunError, match="gd on instance 0, restart 0 claims energy"):
                attempt_at(job, problem, (0, 0))
        else:
            assert attempt_at(job, problem, (0, 0)).more["success"] == 0


def test_streams_belong_to_the_attempt() -> None:
    job = job_of(TREE, "sgd")
    problem = make_problem(job, 1)
    one, other, again = (attempt_at(job, problem, key) for key in ((1, 0), (1, 1), (1, 0)))
    np.testing.assert_array_equal(one.weights, again.weights)
    assert not np.allclose(one.weights, other.weights)


def test_what_does_not_fit_is_refused_all_at_once() -> None:
    with pytest.raises(JobError) as caught:
        job_of(SPHERE, "gd", rate=0.0, until="flat", restart=2)
    text = "\n".join(caught.value.mistakes)
    assert len(caught.value.mistakes) == 3
    assert "[solve] rate: given 0.0" in text and "until: given 'flat'" in text and "did you mean 'restarts'" in text
    for landscape, algorithm, keys, said in (
        (SPHERE, "sbpi", {}, "'sbpi', which is for weights \\+-1.* choose from gd, sgd, l-bfgs, replicated-sgd"),
        ({"model": "binary-perceptron", "inputs": 11, "data": DATA}, "l-bfgs", {}, "for continuous weights.* choose from sbpi"),
        (SPHERE, "adam", {}, "given 'adam'; choose from gd"),
        (SPHERE, "gd", {"until": "energy"}, "below: not given; it is needed with until"),
        (SPHERE, "gd", {"below": 0.1}, "below: given 0.1; it is needed with until"),
        (SPHERE, "replicated-sgd", {"gamma_step": 0.1}, "gamma_step: unknown key"),
    ):
        with pytest.raises(JobError, match=said):
            job_of(landscape, algorithm, **keys)
    binary = job_of({"model": "binary-perceptron", "inputs": 11, "data": DATA}, "replicated-sgd", gamma_step=0.1)
    assert binary.solve is not None and binary.solve.goal is None


def test_what_a_landscape_does_not_offer_is_refused_all_at_once() -> None:
    for landscape, algorithm, said in (
        ({"model": "quadratic", "weights": 3}, "sgd", ['"no-errors" needs a landscape with patterns', "a sum over patterns"]),
        ({**SPHERE, "loss": "violations"}, "gd", ["the energy has none"]),
    ):
        job = job_of(landscape, algorithm)
        with pytest.raises(JobError) as caught:
            check_suits(job.solve, make_problem(job, 0), 1)
        assert len(caught.value.mistakes) == len(said)
        assert all(part in sentence for part, sentence in zip(said, caught.value.mistakes, strict=True))
    easy = job_of({**SPHERE, "kappa": -9.0}, "gd")
    check_suits(easy.solve, make_problem(easy, 0), 1)  # no slope, for nothing is wrong anywhere


OWN = """
import numpy as np
import parallel_landscape as pl


def landscape():
    def energy_gradient(w):
        return -np.cos(w).sum(axis=1), np.sin(w)

    return pl.SmoothLandscape(size=2, energy_gradient=energy_gradient, initial=lambda rng: rng.uniform(-2, 2, 2))


def told() -> pl.SmoothLandscape:
    return landscape()
"""


def test_a_landscape_of_your_own(tmp_path: Path) -> None:
    """An algorithm of one kind alone says of which kind the weights are; a name of both needs the annotation."""
    (tmp_path / "my_waves.py").write_text(OWN)
    for function, algorithm in (("landscape", "gd"), ("told", "l-bfgs")):
        content = {"name": "s", "seed": 3, "landscape": {"model": f"my_waves:{function}"}}
        job = make_job({**content, "solve": {"algorithm": algorithm, "until": "minimum"}}, tmp_path)
        found = attempt_at(job, make_problem(job, 0), (0, 0))
        assert found.more["success"] == 1 and found.energy == pytest.approx(-2) and "errors" not in found.more
    unknown = make_job({**content, "landscape": {"model": "my_waves:landscape"}, "solve": {"algorithm": "annealing"}}, tmp_path)
    with pytest.raises(JobError, match="has continuous weights, .* choose from gd, .* returns: -> pl.SmoothLandscape"):
        make_problem(unknown, 0)


def test_l_bfgs_needs_fewer_steps_where_curvatures_differ() -> None:
    """Condition 1000, twelve directions; and it ends where scipy's BFGS, another algorithm, ends."""
    curvatures = np.geomspace(1.0, 1000.0, 12)
    problem = quadratic(curvatures, np.arange(12.0))
    quick, slow = l_bfgs(problem, attempt(5000)), gd(problem, attempt(5000), rate=1.9e-3)
    assert 10 * quick.iterations < slow.iterations
    energy = problem.landscape.energies
    other = minimize(lambda w: float(energy(w[None])[0]), np.zeros(12), method="BFGS").x
    np.testing.assert_allclose(quick.weights, other, atol=1e-3)


@pytest.mark.parametrize("landscape", [SPHERE, TREE], ids=["sphere", "tree"])
def test_local_errors_are_errors_after_noise(landscape: dict[str, Any]) -> None:
    """Against one draw at a time; and of the spherical perceptron, from the stabilities alone within 4.5 standard errors: after
    noise of length eps a pattern of stability t = w.x/N^(1/2) is wrong with probability Phi(-t N^(1/2) / (eps |x|))."""
    problem = problem_of(landscape)
    around: Any = Around(problem.landscape, None, Path(), 5)  # type: ignore[arg-type]
    seen: Any = SMOOTH_KINDS["local-error"].make(around, noise=0.3, sets=2000)
    weights = gd(problem, attempt(20)).weights
    size = len(weights)
    draws = generator(5, Purpose.OBSERVE).standard_normal((2000, size)) * 0.3 * np.linalg.norm(weights) / math.sqrt(size)
    errors = np.array([problem.errors(problem.settled(weights + draw)) for draw in draws]) / problem.patterns
    rows = np.array([weights, -weights])
    found = seen.function(Batch(rows, rows, rows[:, 0], rows))
    assert found[0] == pytest.approx(errors.mean()) and 0 < found[0] < 0.5
    if landscape is SPHERE:
        assert problem.training_set is not None and problem.landscape.stabilities is not None
        assert found[1] > 0.5
        t, x = problem.landscape.stabilities(weights[None])[0], problem.training_set.patterns
        exact = norm.cdf(-t * math.sqrt(size) / (0.3 * np.linalg.norm(x, axis=1))).mean()
        assert abs(found[0] - exact) < 4.5 * errors.std(ddof=1) / math.sqrt(2000)
