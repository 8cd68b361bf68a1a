"""Algorithms for continuous weights: against closed forms, and against each other."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.optimize import brentq

from parallel_landscape.commands.solve import attempt_at, make_problem
from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.errors import RunError
from parallel_landscape.job.job import Job, make_job
from parallel_landscape.landscapes.layered import Architecture, Energy, layered
from parallel_landscape.smooth import F, SmoothLandscape
from parallel_landscape.solvers import CONTINUOUS
from parallel_landscape.solvers.elastic import Replicas, replicated_sgd
from parallel_landscape.solvers.goal import Goal
from parallel_landscape.solvers.gradient_descent import gd
from parallel_landscape.solvers.problem import Attempt, Found
from parallel_landscape.solvers.quasi_newton import l_bfgs
from parallel_landscape.solvers.smooth_problem import SmoothProblem
from parallel_landscape.solvers.stochastic import Learner, sgd

DATA = {"source": "random", "kind": "gaussian", "alpha": 0.5, "seed": 3}
SPHERE = {"model": "spherical-perceptron", "inputs": 30, "kappa": 0.3, "data": DATA}
TREE = {"model": "one-hidden-layer", "inputs": 30, "hidden": 3, "tree": True, "data": DATA}
MLP = {"model": "mlp", "layers": [12, 5, 4, 1], "data": {**DATA, "alpha": 0.3}}
SQUARE = {
    "model": "one-hidden-layer",
    "inputs": 8,
    "hidden": 2,
    "loss": "square",
    "decay": 0.01,
    "data": {**DATA, "alpha": 3.0},
}


def job_of(landscape: dict[str, Any], algorithm: str, **keys: Any) -> Job:
    return make_job({"name": "s", "seed": 3, "landscape": landscape, "solve": {"algorithm": algorithm, **keys}})


def problem_of(landscape: dict[str, Any], goal: Goal | None = None) -> SmoothProblem:
    problem = make_problem(job_of(landscape, "gd", until="minimum"), 0)
    assert isinstance(problem, SmoothProblem)
    return replace(problem, goal=goal or Goal("minimum", tolerance=1e-12))


def attempt(iterations: int, number: int = 0) -> Attempt:
    return Attempt(5, number, iterations)


def quadratic(curvatures: F, lowest: F) -> SmoothProblem:
    """E = sum_i k_i (w_i - m_i)^2 / 2."""

    def energy_gradient(points: F) -> tuple[F, F]:
        slopes = curvatures * (points - lowest)
        return 0.5 * (slopes * (points - lowest)).sum(axis=1), slopes

    landscape = SmoothLandscape(len(lowest), energy_gradient, lambda rng: rng.standard_normal(len(lowest)))
    return SmoothProblem(landscape, None, Goal("minimum", tolerance=1e-10))


CURVATURES, LOWEST = np.array([0.5, 1.0, 2.0]), np.array([1.0, -2.0, 0.5])


@pytest.mark.parametrize("landscape", [SPHERE, TREE, MLP], ids=["sphere", "tree", "mlp"])
@pytest.mark.parametrize("algorithm", CONTINUOUS)
def test_claimed_solutions_are_solutions(landscape: dict[str, Any], algorithm: str) -> None:
    """No errors, counted anew from patterns and weights by a plain forward pass; and the norm on the sphere."""
    job = job_of(landscape, algorithm)
    problem = make_problem(job, 0)
    found = attempt_at(job, problem, (0, 0))
    assert found.more["success"] == 1 and found.more["errors"] == 0 and found.iterations <= 1000
    assert np.all(outputs(landscape, found.weights, problem.training_set.patterns) * problem.training_set.labels[:, 0] > 0)
    if landscape is SPHERE:
        assert found.weights @ found.weights == pytest.approx(30)
    else:
        assert found.iterations > 0


def outputs(landscape: dict[str, Any], w: F, x: F) -> F:
    """(P,), up to a positive factor."""
    if landscape is SPHERE:
        return x @ w
    if landscape is TREE:
        hidden = np.tanh(np.einsum("pki,ki->pk", x.reshape(-1, 3, 10), w[:30].reshape(3, 10)) / math.sqrt(10))
        return hidden @ w[30:]
    first, second, last = w[:60].reshape(5, 12), w[60:80].reshape(4, 5), w[80:]
    return np.tanh(np.tanh(x @ first.T / math.sqrt(12)) @ second.T / math.sqrt(5)) @ last


def test_gd_is_the_formula() -> None:
    """In flat space w_t = m + (1 - rate k)^t (w_0 - m), and step by step w - rate grad to the last bit; twin: another rate."""
    problem = quadratic(CURVATURES, LOWEST)
    start = problem.initial(attempt(1).generator())
    after = gd(problem, attempt(40), rate=0.1).weights
    np.testing.assert_allclose(after, LOWEST + (1 - 0.1 * CURVATURES) ** 40 * (start - LOWEST), rtol=1e-12)
    assert not np.allclose(after, LOWEST + (1 - 0.11 * CURVATURES) ** 40 * (start - LOWEST), rtol=1e-3)
    weights = start
    for _ in range(40):
        weights = weights - 0.1 * problem.landscape.energy_gradient(weights[None])[1][0]
    np.testing.assert_array_equal(after, weights)


def test_gd_with_momentum_is_the_formula() -> None:
    problem, velocity = quadratic(CURVATURES, LOWEST), np.zeros(3)
    weights = problem.initial(attempt(1).generator())
    for _ in range(8):
        velocity = 0.2 * velocity - 0.1 * CURVATURES * (weights - LOWEST)
        weights = weights + velocity
    np.testing.assert_allclose(gd(problem, attempt(8), rate=0.1, momentum=0.2).weights, weights, rtol=1e-13)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_rate_that_is_too_large_is_halved(momentum: float) -> None:
    """1e6 is far beyond 2/k = 1, and yet the minimum is found; energies never rise."""
    problem = quadratic(CURVATURES, LOWEST)
    seen: list[float] = []

    def watched(points: F) -> tuple[F, F]:
        energies, slopes = problem.landscape.energy_gradient(points)
        seen.append(float(energies[0]))
        return energies, slopes

    watch = replace(problem, landscape=replace(problem.landscape, energy_gradient=watched))
    found = gd(watch, attempt(2000), rate=1e6, momentum=momentum)
    np.testing.assert_allclose(found.weights, LOWEST, atol=1e-9)
    assert max(seen) > 1e6 and found.iterations < 2000


@pytest.mark.parametrize("algorithm", [sgd, replicated_sgd])
def test_weights_that_run_away_end_in_words(algorithm: Callable[..., Found]) -> None:
    with pytest.raises(RunError, match="run away to an energy of .*smaller \\[solve\\] rate"):
        algorithm(problem_of(SQUARE), attempt(200), rate=1e3)
    job = job_of(SQUARE, "sgd", rate=1e3)
    with pytest.raises(RunError, match="sgd on instance 0, restart 2: .*run away"):
        attempt_at(job, make_problem(job, 0), (0, 2))


@pytest.fixture(scope="module")
def linear() -> SmoothProblem:
    """A perceptron with linear output in flat space, E = sum (1 - t)^2 + decay |w|^2: a ridge regression."""
    rng = np.random.default_rng(1)
    data = TrainingSet(rng.standard_normal((24, 8)), rng.choice([-1, 1], (24, 1)).astype(np.int8))
    landscape = layered(Architecture((8, 1)), Energy("square", decay=0.5), data, precision="float64")
    return SmoothProblem(landscape, data, Goal("minimum", tolerance=1e-6))


def ridge(problem: SmoothProblem) -> F:
    """Where its minimum is, from linear equations."""
    assert problem.training_set is not None
    x = problem.training_set.patterns * problem.training_set.labels / math.sqrt(8)
    return np.asarray(np.linalg.solve(x.T @ x + 0.5 * np.eye(8), x.sum(axis=0)))


@pytest.mark.parametrize("algorithm", [gd, l_bfgs])
def test_minima_are_those_of_closed_forms(algorithm: Callable[..., Found], linear: SmoothProblem) -> None:
    np.testing.assert_allclose(algorithm(quadratic(CURVATURES, LOWEST), attempt(1000)).weights, LOWEST, atol=1e-9)
    found = algorithm(linear, attempt(1000))
    np.testing.assert_allclose(found.weights, ridge(linear), atol=1e-6)
    assert found.iterations < 1000 and linear.look(found.weights).slope <= 1e-6


@pytest.mark.parametrize("algorithm", [gd, l_bfgs])
def test_the_minimum_on_a_sphere_is_that_of_its_secular_equation(algorithm: Callable[..., Found]) -> None:
    """All patterns fall short of a margin of 9: E = sum (9 - t)^2 = w.A w - 18 b.w + const, (A + mu) w = 9 b on |w|^2 = N."""
    problem = problem_of({**SPHERE, "kappa": 9.0}, Goal("minimum", tolerance=1e-5))
    assert problem.training_set is not None
    x = problem.training_set.patterns * problem.training_set.labels / math.sqrt(30)
    assert np.all(problem.landscape.stabilities(found := algorithm(problem, attempt(5000)).weights[None]) < 9)

    def at(mu: float) -> F:
        return np.asarray(np.linalg.solve(x.T @ x + mu * np.eye(30), 9 * x.sum(axis=0)))

    exact = at(brentq(lambda mu: at(mu) @ at(mu) - 30, 1e-3, 1e3, xtol=1e-14))
    np.testing.assert_allclose(found[0], exact, atol=1e-5)


@pytest.mark.parametrize("convention", ["sum", "mean"])
@pytest.mark.parametrize("landscape", [SPHERE, TREE, MLP, SQUARE], ids=["sphere", "tree", "mlp", "square"])
def test_estimates_are_right_on_average(landscape: dict[str, Any], convention: str) -> None:
    """Over the batches of an epoch, each by its share of the patterns; twin: all alike, though the last one is small."""
    problem = problem_of({**landscape, "convention": convention})
    weights, rng = problem.initial(np.random.default_rng(2)), np.random.default_rng(1)
    batches = list(problem.batches(rng, 4 if problem.patterns % 4 else 5))
    assert len(batches[0]) > len(batches[-1]) > 0 and sorted(np.concatenate(batches)) == list(range(problem.patterns))
    found = [problem.downhill(weights, rows) for rows in batches]
    shares = np.array([len(rows) for rows in batches]) / problem.patterns
    energy, gradient = problem.downhill(weights)
    assert shares @ [part[0] for part in found] == pytest.approx(energy, rel=1e-12)
    np.testing.assert_allclose(shares @ [part[1] for part in found], gradient, atol=1e-11)
    assert not np.allclose(np.mean([part[1] for part in found], axis=0), gradient, rtol=1e-3)


def test_sgd_with_all_patterns_is_gd(linear: SmoothProblem) -> None:
    """Up to the order of sums; twin: half of them."""
    keys: dict[str, Any] = {"rate": 0.002, "momentum": 0.5}
    expected = gd(linear, attempt(30), **keys).weights
    np.testing.assert_allclose(sgd(linear, attempt(30), batch=1000, **keys).weights, expected, rtol=1e-11)
    assert not np.allclose(sgd(linear, attempt(30), batch=12, **keys).weights, expected, rtol=1e-3)


def test_the_rate_decays(linear: SmoothProblem) -> None:
    """w_t - m is the product of 1 - rate_t K; and SGD comes nearer to the minimum with it than without."""
    assert linear.training_set is not None
    x = linear.training_set.patterns / math.sqrt(8)
    curvature, exact = 2 * (x.T @ x + 0.5 * np.eye(8)), ridge(linear)
    apart = linear.initial(attempt(1).generator()) - exact
    for t in range(12):
        apart = apart - 0.01 / (1 + 0.3 * t) * curvature @ apart
    found = sgd(linear, attempt(12), batch=24, rate=0.01, rate_decay=0.3).weights
    np.testing.assert_allclose(found - exact, apart, rtol=1e-9)
    ends = [Learner(linear, attempt(1).generator(), 0.0) for _ in range(2)]
    for t in range(400):
        for end, decay in zip(ends, (0.0, 0.1), strict=True):
            for rows in linear.batches(end.stream, 4):
                end.step(rows, 0.01 / (1 + decay * t))
    kept, cooled = (float(np.linalg.norm(end.weights - exact)) for end in ends)
    assert cooled < 0.6 * kept


@pytest.mark.parametrize("landscape", [SPHERE, TREE], ids=["sphere", "tree"])
def test_replicas_that_are_not_pulled_learn_alone(landscape: dict[str, Any]) -> None:
    """Bit for bit those of SGD with their streams, the first one that of the attempt; twin: pulled ones."""
    problem, keys = problem_of(landscape), {"batch": 4, "rate": 0.02, "momentum": 0.3}
    groups = [Replicas(problem, attempt(1), 3, 0.3, traced=traced) for traced in (True, False, True)]
    for _ in range(5):
        for group, gamma in zip(groups, (0.0, 0.0, 2.0), strict=True):
            group.epoch(4, 0.02, gamma)
    streams = [attempt(1).generator(), *attempt(1).generator().spawn(2)]
    alone = [Learner(problem, stream, 0.3) for stream in streams]
    for learner in alone:
        for _ in range(5):
            for rows in problem.batches(learner.stream, 4):
                learner.step(rows, 0.02)
    for group in groups[:2]:
        for learner, other in zip(group.learners, alone, strict=True):
            np.testing.assert_array_equal(learner.weights, other.weights)
    assert not np.allclose(groups[2].learners[0].weights, alone[0].weights, rtol=1e-3)
    single = replicated_sgd(problem, attempt(5), replicas=1, pull=0.0, **keys)
    np.testing.assert_allclose(single.weights, sgd(problem, attempt(5), **keys).weights, rtol=1e-14)


@pytest.mark.parametrize("traced", [True, False])
def test_a_pull_is_the_elastic_flow(traced: bool) -> None:
    """dw_a/dt = -gamma (w_a - c), c the mean, or dc/dt = -gamma sum_a (c - w_a), by the exponential of the matrix."""
    group = Replicas(quadratic(CURVATURES, LOWEST), attempt(1), 4, 0.0, traced=traced)
    group.centre = np.array([3.0, 0.0, -1.0]) if not traced else group.centre
    before = np.array([*(learner.weights for learner in group.learners), group.centre])
    flow = np.zeros((5, 5))
    flow[:4, :4] = -np.eye(4) + (0.25 if traced else 0.0)
    if not traced:
        flow[:4, 4], flow[4, :4], flow[4, 4] = 1.0, 1.0, -4.0
    exact = expm(0.7 * flow) @ before
    group.pull(0.7)
    np.testing.assert_allclose([learner.weights for learner in group.learners], exact[:4], rtol=1e-12)
    np.testing.assert_allclose(group.centre, exact[:4].mean(axis=0) if traced else exact[4], rtol=1e-12)


def test_a_centre_in_the_mean_does_not_move() -> None:
    """Traced out or not, the replicas then do the same; and a strong pull makes all of them one."""
    groups = [Replicas(quadratic(CURVATURES, LOWEST), attempt(1), 3, 0.0, traced=traced) for traced in (True, False)]
    for group in groups:
        group.pull(0.4)
    for one, other in zip(groups[0].learners, groups[1].learners, strict=True):
        np.testing.assert_allclose(one.weights, other.weights, rtol=1e-13)
    np.testing.assert_allclose(groups[0].centre, groups[1].centre, rtol=1e-13)
    groups[0].pull(1e9)
    assert all(np.array_equal(learner.weights, groups[0].mean) for learner in groups[0].learners)


def test_the_mean_of_replicas_of_a_quadratic_goes_down_like_gd(linear: SmoothProblem) -> None:
    """Gradients are linear, so that the mean knows of no pull; twin: it does where they are not."""
    for problem, same in ((linear, True), (replace(problem_of(TREE), goal=linear.goal), False)):
        group = Replicas(problem, attempt(1), 3, 0.0, traced=True)
        centre = group.centre
        for _ in range(20):
            group.epoch(problem.patterns, 0.01, 5.0)
            centre = centre - 0.01 * problem.downhill(centre)[1]
        assert np.allclose(group.centre, centre, rtol=1e-9) == same
