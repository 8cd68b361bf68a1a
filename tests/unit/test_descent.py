"""Algorithms for continuous weights: against closed forms, against each other, and what is kept of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.optimize import brentq, minimize
from scipy.stats import norm

from parallel_landscape.commands.solve import attempt_at, make_problem
from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.dynamics.flow import Batch
from parallel_landscape.errors import JobError, RunError
from parallel_landscape.job.job import Job, make_job
from parallel_landscape.landscapes.layered import Architecture, Energy, layered
from parallel_landscape.observables.observable import Around
from parallel_landscape.observables.smooth import SMOOTH_KINDS
from parallel_landscape.rng import Purpose, generator
from parallel_landscape.smooth import F, SmoothLandscape
from parallel_landscape.solvers import CONTINUOUS
from parallel_landscape.solvers.catalogue import check_suits
from parallel_landscape.solvers.elastic import Replicas, replicated_sgd
from parallel_landscape.solvers.goal import Goal, Look
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
