"""One set of laws for every motion of continuous weights, in flat space, with a prior, and on a sphere; each with a wrong twin.

The laws: a word run backwards comes back; its error falls as the square of the step; it keeps the volume of weights and
velocities; on the sphere neither the norm nor the tangent is left; and a move leaves the law of states as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.dynamics import flow
from parallel_landscape.dynamics.flow import Batch, Canonical, Motion, dot, evaluate, spelt, tangential
from parallel_landscape.landscapes.smooth_networks import one_hidden_layer, spherical_perceptron
from parallel_landscape.landscapes.toys import double_well, quadratic
from parallel_landscape.smooth import F, SmoothLandscape

WORDS = {"BAB": ("BAB", 1), "leapfrog": ("BAB", 7), "BAOAB": ("BAOAB", 1), "long": ("BAOAB", 5)}


def patterns(network: Any) -> TrainingSet:
    rng = np.random.default_rng(1)
    return TrainingSet(rng.standard_normal((5, network.inputs)), (2 * rng.integers(0, 2, (5, 1)) - 1).astype(np.int8))


LANDSCAPES: dict[str, Callable[[], SmoothLandscape]] = {
    "quadratic": lambda: quadratic(weights=4, stiffest=3.0, softest=0.3, flat=1, prior=0.7),
    "double-well": lambda: double_well(weights=3, tilt=0.2),
    "network": lambda: one_hidden_layer(3, 2, patterns, prior=1.0),
    "sphere": lambda: spherical_perceptron(5, patterns, kappa=0.5),
}


def start(landscape: SmoothLandscape, rows: int = 6, seed: int = 2) -> Batch:
    """Weights and velocities at random, on the sphere where there is one."""
    rng = np.random.default_rng(seed)
    weights, velocities = rng.standard_normal((2, rows, landscape.size))
    if landscape.sphere:
        weights *= np.sqrt(landscape.sphere / dot(weights, weights))[:, None]
        velocities = tangential(velocities, weights, landscape.sphere)
    batch = Batch(weights, velocities, np.zeros(rows), weights)
    evaluate(landscape, batch)
    return batch


def carried(
    landscape: SmoothLandscape, batch: Batch, word: str, step: float, noise: F | None = None, damping: float = 1.0
) -> F:
    rows = len(batch.energies)
    drawn = np.zeros_like(batch.weights) if noise is None else noise
    letters = spelt(*WORDS[word])
    weight = Canonical(np.full(rows, 1.3))
    return flow.flow(landscape, weight, batch, letters, np.full(rows, step), np.full(rows, damping), lambda: drawn)


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("name", LANDSCAPES)
def test_a_word_run_backwards_comes_back(name: str, word: str) -> None:
    """Without noise O does nothing at damping 1; energies and work come back, too."""
    landscape = LANDSCAPES[name]()
    batch = start(landscape)
    before = batch.copy()
    work = carried(landscape, batch, word, 0.1)
    assert np.abs(batch.weights - before.weights).max() > 0.01
    batch.velocities *= -1
    again = carried(landscape, batch, word, 0.1)
    np.testing.assert_allclose(batch.weights, before.weights, atol=1e-11)
    np.testing.assert_allclose(batch.velocities, -before.velocities, atol=1e-11)
    np.testing.assert_allclose(again, -work, atol=1e-11)


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("name", LANDSCAPES)
def test_the_energy_error_falls_as_the_square_of_the_step(name: str, word: str) -> None:
    landscape = LANDSCAPES[name]()

    def error(parts: int) -> float:
        batch = start(landscape)
        return float(np.abs(sum(carried(landscape, batch, word, 0.1 / parts) for _ in range(parts))).mean())

    assert 3.0 < error(2) / error(4) < 5.0


@pytest.mark.parametrize("word", ["BAB", "leapfrog", "BAOAB"])
@pytest.mark.parametrize("name", ["quadratic", "double-well", "network"])
def test_the_volume_is_kept(name: str, word: str) -> None:
    """The determinant of the derivative of (w, v) after by (w, v) before, by central differences."""
    landscape = LANDSCAPES[name]()
    size, tiny = landscape.size, 1e-5
    one = start(landscape, rows=1)
    point = np.concatenate([one.weights[0], one.velocities[0]])
    points = np.concatenate([point + tiny * np.eye(2 * size), point - tiny * np.eye(2 * size)])
    batch = Batch(points[:, :size].copy(), points[:, size:].copy(), np.zeros(len(points)), points[:, :size])
    evaluate(landscape, batch)
    carried(landscape, batch, word, 0.1)
    after = np.concatenate([batch.weights, batch.velocities], axis=1)
    jacobian = (after[: 2 * size] - after[2 * size :]) / (2 * tiny)
    assert abs(np.linalg.det(jacobian)) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("word", WORDS)
def test_nothing_leaves_the_sphere(word: str) -> None:
    landscape = LANDSCAPES["sphere"]()
    batch = start(landscape)
    noise = np.random.default_rng(3).standard_normal(batch.weights.shape)
    carried(landscape, batch, word, 0.4, noise, 0.6)
    np.testing.assert_allclose(dot(batch.weights, batch.weights), landscape.sphere, rtol=1e-12)
    np.testing.assert_allclose(dot(batch.weights, batch.velocities), 0.0, atol=1e-12)


def test_a_spelt_word_uses_each_letter_for_one_step() -> None:
    for word, steps in WORDS.values():
        letters = spelt(word, steps)
        for letter in set(word):
            assert sum(share for one, share in letters if one == letter) == pytest.approx(steps)
    assert [letter for letter, _ in spelt("BAB", 3)] == list("BABABAB")


def test_the_number_of_words_is_jittered_evenly() -> None:
    motion = Motion("BAB", fresh=True, metropolis=True, steps=10, jitter=0.3)
    found = np.bincount([motion.words(uniform) for uniform in np.linspace(0, 1, 7000, endpoint=False)])
    assert found.tolist() == [0] * 7 + [1000] * 7
    assert {Motion("BAB", True, True).words(uniform) for uniform in (0.0, 0.5, 0.999)} == {1}


MOTIONS = {
    "hmc": (Motion("BAB", fresh=True, metropolis=True, steps=4, jitter=0.5), 0.6),
    "mala": (Motion("BAB", fresh=True, metropolis=True), 0.7),
    "baoab": (Motion("BAOAB", fresh=False, metropolis=True), 0.6),
    "overdamped": (Motion("BAB", fresh=True, metropolis=False), 0.12),
    "underdamped": (Motion("BAOAB", fresh=False, metropolis=False), 0.2),
}
ROWS, MOVES = 256, 250


def drawn(landscape: SmoothLandscape, beta: float, seed: int) -> Batch:
    """Exact samples: of the quadratic, or uniform on the sphere thinned by exp(-beta E)."""
    rng = np.random.default_rng(seed)
    if not landscape.sphere:
        curvatures = np.zeros(landscape.size)
        curvatures[:4] = np.geomspace(3.0, 0.3, 4)
        weights = rng.standard_normal((ROWS, landscape.size)) / np.sqrt(beta * curvatures + landscape.prior)
    else:
        points = rng.standard_normal((400 * ROWS, landscape.size))
        points *= np.sqrt(landscape.sphere / dot(points, points))[:, None]
        weights = points[rng.random(len(points)) < np.exp(-beta * landscape.energies(points))][:ROWS]
        assert len(weights) == ROWS
    velocities = rng.standard_normal(weights.shape)
    if landscape.sphere:
        velocities = tangential(velocities, weights, landscape.sphere)
    batch = Batch(weights.copy(), velocities, np.zeros(ROWS), weights)
    evaluate(landscape, batch)
    return batch


def left_alone(name: str, kind: str, damping: float = 0.7) -> float:
    """By how many errors the mean energy is off its exact value after many moves from exact samples: rows are independent."""
    landscape, beta = LANDSCAPES[name](), 1.3
    motion, step = MOTIONS[kind]
    rng = np.random.default_rng(5)
    batch = drawn(landscape, beta, 6)
    weight = Canonical(np.full(ROWS, beta))
    found = []
    for _ in range(MOVES):
        flow.move(
            *(landscape, weight, motion, batch, motion.words(rng.random()), np.full(ROWS, step), np.full(ROWS, damping)),
            lambda: rng.standard_normal(batch.weights.shape),
            rng.standard_exponential(ROWS),
        )
        found.append(batch.energies.copy())
    means = np.array(found[20:]).mean(axis=0)
    return float((means.mean() - exact_mean(name, beta)) / (means.std(ddof=1) / np.sqrt(ROWS)))


def exact_mean(name: str, beta: float) -> float:
    if name == "quadratic":
        curvatures = np.geomspace(3.0, 0.3, 4)
        return float((0.5 * curvatures / (beta * curvatures + 0.7)).sum())
    landscape = LANDSCAPES[name]()
    points = np.random.default_rng(7).standard_normal((2_000_000, landscape.size))
    points *= np.sqrt(landscape.sphere / dot(points, points))[:, None]
    energies = landscape.energies(points)
    weights = np.exp(-beta * energies)
    return float((weights * energies).sum() / weights.sum())  # error 1e-3 of the spread, far below that of 256 rows


@pytest.mark.statistics
@pytest.mark.parametrize("kind", MOTIONS)
@pytest.mark.parametrize("name", ["quadratic", "sphere"])
def test_moves_leave_the_canonical_law(name: str, kind: str) -> None:
    """|z| < 4.5: false alarm once in 100,000. Unadjusted motions have short steps here, whose bias is below the error."""
    assert abs(left_alone(name, kind)) < 4.5


def weak_noise(right: Any) -> Any:
    """The factor 2^(1/2) of (2 T dt)^(1/2) forgotten."""

    def refresh(landscape: SmoothLandscape, batch: Batch, damping: F, noise: F) -> None:
        right(landscape, batch, damping, noise * np.sqrt(0.5))

    return refresh


def beside(right: Any) -> Any:
    """Noise that is not made tangential."""

    def refresh(landscape: SmoothLandscape, batch: Batch, damping: F, noise: F) -> None:
        batch.velocities = damping[:, None] * batch.velocities + np.sqrt(1.0 - damping**2)[:, None] * noise

    return refresh


def upwards(right: Any) -> Any:
    """The force with the wrong sign."""
    return lambda *arguments: -right(*arguments)


def straight(right: Any) -> Any:
    """No geodesic: a straight step, and the norm put back."""

    def drift(landscape: SmoothLandscape, batch: Batch, steps: F) -> None:
        batch.weights = batch.weights + steps[:, None] * batch.velocities
        batch.weights *= np.sqrt(landscape.sphere / dot(batch.weights, batch.weights))[:, None]

    return drift


TWINS = {
    "weak noise, overdamped": ("refresh", weak_noise, "quadratic", "overdamped"),
    "weak noise, underdamped": ("refresh", weak_noise, "sphere", "underdamped"),
    "upwards": ("force", upwards, "quadratic", "overdamped"),
    "upwards on the sphere": ("force", upwards, "sphere", "underdamped"),
    "no projection": ("tangential", lambda right: lambda vectors, weights, sphere: vectors, "sphere", "underdamped"),
    "noise that leaves the sphere": ("refresh", beside, "sphere", "hmc"),
    "no geodesic": ("drift", straight, "sphere", "hmc"),
}


@pytest.mark.statistics
@pytest.mark.parametrize("twin", TWINS)
def test_wrong_moves_are_noticed(twin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, make, name, kind = TWINS[twin]
    monkeypatch.setattr(flow, function, make(getattr(flow, function)))
    with np.errstate(all="ignore"):
        z = left_alone(name, kind)
    assert not abs(z) < 4.5, z


@pytest.mark.statistics
def test_hmc_without_its_final_test_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Batch, "put_back", lambda self, rows, before: None)
    monkeypatch.setitem(MOTIONS, "long", (Motion("BAB", True, True, steps=4, jitter=0.5), 0.9))
    assert not abs(left_alone("quadratic", "long")) < 4.5


@pytest.mark.statistics
def test_the_bias_of_unadjusted_langevin_is_of_second_order_in_its_length() -> None:
    """Of curvature k, w' = w (1 - eta k) + (2 eta T)^(1/2) xi has variance T / (k (1 - eta k / 2)) exactly."""
    landscape, rng = quadratic(weights=1, stiffest=2.0), np.random.default_rng(8)
    motion, eta, rows = Motion("BAB", fresh=True, metropolis=False), 0.3, 4000
    batch = Batch(rng.standard_normal((rows, 1)), np.zeros((rows, 1)), np.zeros(rows), np.zeros((rows, 1)))
    evaluate(landscape, batch)
    for _ in range(40):
        length, unit = np.full(rows, np.sqrt(2 * eta)), np.ones(rows)
        flow.move(landscape, Canonical(unit), motion, batch, 1, length, 0 * unit, lambda: rng.standard_normal((rows, 1)), unit)
    expected = 1.0 / (2.0 * (1.0 - eta))
    assert batch.weights.var() == pytest.approx(expected, abs=4.5 * expected * np.sqrt(2 / rows))
    assert abs(0.5 - expected) > 10 * expected * np.sqrt(2 / rows)  # that of the true law is far off


def test_what_diverges_is_counted_and_put_back() -> None:
    landscape = double_well(weights=3)
    batch, motion = start(landscape), Motion("BAB", fresh=True, metropolis=True, steps=5)
    before = batch.copy()
    rows = len(batch.energies)
    steps = np.where(np.arange(rows) < 2, 50.0, 1e-3)
    rng = np.random.default_rng(9)
    moved = flow.move(
        *(landscape, Canonical(np.ones(rows)), motion, batch, 5, steps, np.zeros(rows)),
        lambda: rng.standard_normal(batch.weights.shape),
        np.full(rows, 0.5),
    )
    assert moved.diverged.tolist() == [True, True, False, False, False, False]
    assert moved.accepted.tolist() == [False, False, True, True, True, True]
    assert np.array_equal(batch.weights[:2], before.weights[:2]) and np.array_equal(batch.energies[:2], before.energies[:2])
    assert not np.array_equal(batch.weights[2:], before.weights[2:]) and np.isfinite(batch.energies).all()
