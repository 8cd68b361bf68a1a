"""Rotations on a sphere against exact laws: uniform on solutions, canonical, and two wrong twins that the same tests reject.

Angles in the plane and heights on the sphere are known in closed form. Samples lie far apart, so that the distance of
Kolmogorov has its own law; a false alarm has probability 1e-6.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from parallel_landscape.dynamics import circle
from parallel_landscape.dynamics.circle import ROTATIONS, circle_template
from parallel_landscape.landscape import Landscape, moved_by
from parallel_landscape.landscapes.sphere import spherical_constraints
from parallel_landscape.rng import Purpose
from parallel_landscape.sampler import Sampler, make_sampler
from parallel_landscape.specialise import Kernel

pytestmark = pytest.mark.statistics
KINDS = ("rotation", "great-circle")
SAMPLES = 4000
LIMIT = math.sqrt(math.log(2 / 1e-6) / 2)  # sqrt(n) times the distance of Kolmogorov, exceeded with probability 1e-6


def distance(samples: NDArray[Any], law: Callable[[NDArray[Any]], NDArray[Any]]) -> float:
    """sqrt(n) times the distance of Kolmogorov between samples and a distribution function."""
    expected, n = law(np.sort(samples)), len(samples)
    steps = np.arange(n + 1) / n
    return math.sqrt(n) * float(max(np.max(steps[1:] - expected), np.max(expected - steps[:-1])))


def sampler_of(patterns: NDArray[Any], kappa: float, kind: str, seed: int = 1) -> Sampler:
    landscape = spherical_constraints(patterns, np.ones(len(patterns)), kappa)
    return make_sampler(moved_by(landscape, kind), seed)


def weights_of(sampler: Sampler, table: NDArray[Any], steps: int, samples: int = SAMPLES) -> NDArray[Any]:
    """Weights (samples, N) `steps` rotations apart, under exp(-table)."""
    slot = sampler.new_slot(0)
    slot.ln_g[:] = table
    sampler.advance(slot, Purpose.LEARN, 0.0, 1000)
    assert np.isfinite(slot.ln_g[slot.walker.level])
    found = []
    for _ in range(samples):
        sampler.advance(slot, Purpose.PRODUCE, 0.0, steps)
        found.append(slot.walker.state.weights.copy())
        sampler.check_drift(slot)
    return np.array(found)


def hard(patterns: int) -> NDArray[Any]:
    return np.where(np.arange(patterns + 1) == 0, 0.0, np.inf)


def angle_law(patterns: NDArray[Any], kappa: float, cost: NDArray[Any]) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """The distribution function of the angle of weights sqrt(2) (cos, sin), from a fine grid."""
    grid = np.linspace(0, 2 * np.pi, 400_001)
    fields = patterns @ np.array([np.cos(grid), np.sin(grid)])  # |w| / sqrt(N) = 1
    density = np.exp(-cost[(fields < kappa).sum(axis=0)])
    cumulated = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    return lambda angle: np.interp(angle, grid, cumulated / cumulated[-1])


PLANE = np.random.default_rng(4).standard_normal((5, 2))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("beta", [0.7, math.inf])
def test_two_weights_have_the_law_of_their_angle(kind: str, beta: float) -> None:
    cost = hard(5) if math.isinf(beta) else beta * np.arange(6)
    found = weights_of(sampler_of(PLANE, -0.4, kind), cost, 1)
    assert distance(np.arctan2(found[:, 1], found[:, 0]) % (2 * np.pi), angle_law(PLANE, -0.4, cost)) < LIMIT


@pytest.mark.parametrize("kind", KINDS)
def test_a_cap_is_filled_evenly(kind: str) -> None:
    """N = 3, one pattern: stability uniform above the margin, angle about the pattern uniform (Archimedes)."""
    pattern = np.array([[1.0, -2.0, 0.5]])
    found = weights_of(sampler_of(pattern, -1.1, kind), hard(1), 8)
    length = float(np.linalg.norm(pattern))
    height = found @ pattern[0] / (np.sqrt(3) * length)
    assert distance(height, lambda h: (h + 1.1 / length) / (1 + 1.1 / length)) < LIMIT
    across = np.cross(pattern[0], [0.0, 0.0, 1.0])
    other = np.cross(pattern[0], across)
    angle = np.arctan2(found @ across / np.linalg.norm(across), found @ other / np.linalg.norm(other))
    assert distance(angle, lambda a: (a + np.pi) / (2 * np.pi)) < LIMIT


@pytest.mark.parametrize("kind", KINDS)
def test_levels_have_their_canonical_share(kind: str) -> None:
    """N = 6, P = 9: the number of violated patterns against a million uniform points weighed by exp(-beta E)."""
    rng = np.random.default_rng(8)
    patterns, beta = rng.standard_normal((9, 6)), 0.8
    sampler = sampler_of(patterns, -0.2, kind)
    slot = sampler.new_slot(0)
    slot.ln_g[:] = beta * np.arange(10)
    sampler.advance(slot, Purpose.LEARN, 0.0, 1000)
    slot.histogram[:] = 0
    shares = []
    for _ in range(64):
        sampler.advance(slot, Purpose.PRODUCE, 0.0, 2000)
        shares.append(slot.histogram / slot.histogram.sum())
        slot.histogram[:] = 0
    points = rng.standard_normal((1_000_000, 6))
    fields = points @ patterns.T / np.linalg.norm(points, axis=1, keepdims=True)
    states = np.bincount((fields < -0.2).sum(axis=1), minlength=10)
    weight = states * np.exp(-beta * np.arange(10))
    exact, many = weight / weight.sum(), states > 1000
    error = np.std(shares, axis=0, ddof=1) / 8 + exact / np.sqrt(np.maximum(states, 1))
    assert np.all(np.abs(np.mean(shares, axis=0) - exact)[many] < 5.5 * error[many])  # 1e-6 over all levels, from 64 spans


def in_plain_python(sampler: Sampler, draw: Callable[..., float], turn: Callable[..., None]) -> Sampler:
    """The sampler with its kernel as it is in `circle` now, not compiled."""
    plain = circle_template(draw, turn, lambda weight, level: weight.ln_g[level], lambda weight, level, here: here)
    return Sampler(sampler.landscape, 1, Kernel(plain, plain, ""), sampler.energy_kernel, None, sampler.scratch)


def walked(sampler: Sampler, cost: NDArray[Any], steps: int) -> NDArray[Any]:
    """Weights after each rotation."""
    slot = sampler.new_slot(0)
    slot.ln_g[:] = cost
    found = []
    with np.errstate(over="ignore"):
        for _ in range(steps):
            sampler.advance(slot, Purpose.PRODUCE, 0.0, 1)
            found.append(slot.walker.state.weights.copy())
    return np.array(found[10:])


def short_arcs(fields: Any, b: Any, c: Any, kappa: float, at: Any, change: Any) -> int:
    """Says that patterns are violated where they are not yet."""
    count = MEETINGS(fields, b, c, kappa, at, change)
    for k in range(0, count, 2):
        if at[k + 1] < at[k]:  # satisfied at 0
            at[k], at[k + 1] = 2 * np.pi - 0.6 * (2 * np.pi - at[k]), 0.6 * at[k + 1]
    return int(count)


def short_walls(fields: Any, b: Any, c: Any, kappa: float) -> tuple[float, float]:
    """The same between walls."""
    back, ahead = WALLS(fields, b, c, kappa)
    return 0.6 * back, 0.6 * ahead


MEETINGS, WALLS = circle.meetings, circle.walls


@pytest.mark.parametrize("wrong", [False, True])
@pytest.mark.parametrize("beta", [2.0, math.inf])
def test_arcs_that_end_too_early_are_rejected(beta: float, wrong: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if wrong:
        monkeypatch.setattr(circle, "meetings", short_arcs)
        monkeypatch.setattr(circle, "walls", short_walls)
    cost = hard(5) if math.isinf(beta) else beta * np.arange(6)
    found = walked(in_plain_python(sampler_of(PLANE, -0.4, "rotation"), *ROTATIONS["rotation"]), cost, 6000)[::2]
    angle = np.arctan2(found[:, 1], found[:, 0]) % (2 * np.pi)
    assert (distance(angle, angle_law(PLANE, -0.4, cost)) < LIMIT) != wrong


def meridian(params: Any, state: Any, room: Any, b: Any, c: Any, key: Any, purpose: Any, slot: Any, number: Any) -> float:
    """Circles through the ends of an axis, on which the uniform law is not uniform: |sin|^(N-2) is forgotten."""
    u = circle.great_circle(params, state, room, b, c, key, purpose, slot, number)
    axis = np.array([0.0, 0.0, 1.0])
    tangent = axis - (axis @ state.weights) * state.weights / 3
    room[:3] = np.sqrt(3) * tangent / np.linalg.norm(tangent)
    c[:] = room[:3] @ params.columns
    return u


@pytest.mark.parametrize("wrong", [False, True])
def test_circles_without_their_jacobian_are_rejected(wrong: bool) -> None:
    draw, turn = ROTATIONS["great-circle"]
    sampler = in_plain_python(sampler_of(np.ones((1, 3)), -9.0, "great-circle"), meridian if wrong else draw, turn)
    height = walked(sampler, np.zeros(2), 4000)[:, 2][::2] / np.sqrt(3)
    assert (distance(height, lambda h: (1 + h) / 2) < LIMIT) != wrong


def test_plain_and_compiled_are_the_same_bits() -> None:
    for kind in KINDS:
        patterns = np.random.default_rng(2).standard_normal((6, 5))
        ends = []
        for compiled in (True, False):
            sampler = sampler_of(patterns, -0.3, kind)
            if not compiled:
                kernel = Kernel(sampler.advance_kernel.plain, sampler.advance_kernel.plain, "")
                sampler = Sampler(sampler.landscape, 1, kernel, sampler.energy_kernel, None, sampler.scratch)
            slot = sampler.new_slot(0)
            slot.ln_g[:] = 0.5 * np.arange(7)
            with np.errstate(over="ignore"):
                sampler.advance(slot, Purpose.LEARN, 0.0, 50)
            ends.append(slot.walker.state)
        np.testing.assert_allclose(ends[0].weights, ends[1].weights, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_way_down_leads_to_solutions(kind: str) -> None:
    rng = np.random.default_rng(3)
    sampler = sampler_of(rng.standard_normal((60, 60)), -0.5, kind)
    slot = sampler.new_slot(0)
    slot.ln_g[:] = hard(60)
    last = slot.walker.level
    for _ in range(200):
        sampler.advance(slot, Purpose.LEARN, 0.0, 20)
        assert slot.walker.level <= last
        last = slot.walker.level
    assert last == 0


def test_a_landscape_says_how_it_is_moved() -> None:
    made: Landscape = spherical_constraints(PLANE, np.ones(5))
    assert moved_by(made, "great-circle").dynamics == ("great-circle",)
    assert moved_by(made, "flip").dynamics == ("rotation", "great-circle")
