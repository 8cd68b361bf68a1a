"""Channels and quadrature of the theory against adaptive numerical integration (scipy.integrate.quad, 1e-11)."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy.integrate import quad

from parallel_landscape.errors import RunError
from parallel_landscape.theory.channel import POWERS, Channel, cut_moments, local, mean_shortfall, stability_density
from parallel_landscape.theory.quadrature import Answer, gaussian_rule, refine
from parallel_landscape.theory.solve import first_root, fixed_point

CASES = [
    Channel(loss, beta, kappa) for loss in POWERS for beta, kappa in ((0.7, 0.0), (3.0, -0.5), (8.0, 0.8), (np.inf, -0.5))
] + [Channel("errors", -1.5, 0.2)]
POINTS = [(-1.3, 0.6), (0.4, 0.25), (1.9, 0.9)]


def weight(channel: Channel, delta: float) -> float:
    """exp(-beta l), written anew."""
    short = channel.kappa - delta
    if short <= 0:
        return 1.0
    return 0.0 if math.isinf(channel.beta) else math.exp(-channel.beta * short ** POWERS[channel.loss])


def integral(channel: Channel, omega: float, variance: float, of, upper: float | None = None) -> float:
    """int dDelta N(Delta; omega, V) exp(-beta l) of(Delta), up to `upper`."""

    def integrand(delta: float) -> float:
        prior = math.exp(-((delta - omega) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
        return prior * weight(channel, delta) * of(delta)

    width = 12 * math.sqrt(variance)
    low, high = min(omega, channel.kappa) - width, max(omega, channel.kappa) + width
    high = high if upper is None else min(high, upper)
    pieces = sorted({low, min(channel.kappa, high), min(omega, high), high})
    return sum(quad(integrand, a, b, epsabs=1e-14, epsrel=1e-12)[0] for a, b in zip(pieces, pieces[1:], strict=False))


@pytest.mark.parametrize("channel", CASES, ids=str)
@pytest.mark.parametrize("omega, variance", POINTS)
def test_a_channel_is_its_integral(channel: Channel, omega: float, variance: float) -> None:
    at = local(channel, np.array(omega), variance)
    total = integral(channel, omega, variance, lambda delta: 1.0)
    first = integral(channel, omega, variance, lambda delta: delta - omega) / total
    second = integral(channel, omega, variance, lambda delta: (delta - omega - first) ** 2) / total
    power = POWERS[channel.loss]
    loss = integral(channel, omega, variance, lambda delta: max(channel.kappa - delta, 0.0) ** power if power else 0.0) / total
    if power == 0:
        loss = integral(channel, omega, variance, lambda delta: 1.0, channel.kappa) / total
    expected = (math.log(total), first / variance, second / variance**2 - 1 / variance, loss)
    np.testing.assert_allclose((at.ln_z, at.g, at.dg, at.loss), expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("channel", CASES, ids=str)
@pytest.mark.parametrize("power", [0, 1, 2])
def test_the_shortfall_below_any_level_is_its_integral(channel: Channel, power: int) -> None:
    omega, variance = 0.3, 0.7
    total = integral(channel, omega, variance, lambda delta: 1.0)
    for level in (-1.1, -0.5, 0.1, 0.8, 2.0):
        exact = integral(channel, omega, variance, lambda delta, level=level: max(level - delta, 0.0) ** power, level) / total
        found = mean_shortfall(channel, np.array(level), np.array(omega), variance, power)
        assert float(found) == pytest.approx(exact, abs=1e-10)


@pytest.mark.parametrize("channel", CASES, ids=str)
def test_the_density_of_stabilities_is_normalised_and_the_boundary_density_is_its_value_there(channel: Channel) -> None:
    omega, variance = -0.4, 0.5
    at = local(channel, np.array(omega), variance)
    just_above = stability_density(channel, np.array(channel.kappa + 1e-12), np.array(omega), variance)
    assert float(at.density) == pytest.approx(float(just_above), rel=1e-9)
    high = channel.kappa + 12
    parts = [
        quad(lambda delta: float(stability_density(channel, np.array(delta), np.array(omega), variance)), a, b)[0]
        for a, b in ((-10, channel.kappa), (channel.kappa, high))
    ]
    assert sum(parts) == pytest.approx(1, abs=1e-7)


def test_tails_stay_finite() -> None:
    for channel in CASES:
        at = local(channel, np.array([-60.0, -9.0, 9.0, 60.0]), 1e-3)
        assert all(np.isfinite(values).all() for values in at)


def test_moments_of_far_tails() -> None:
    """Means of cut - x and its square over the tail, where the direct formula would lose all its digits."""
    for cut in (-29.0, -31.0, -300.0, -1e4):

        def part(y: float, n: int, cut: float = cut) -> float:
            return y**n * math.exp(cut * y - y * y / 2)

        weights = [quad(part, 0, 60 / -cut, args=(n,), epsabs=0, epsrel=1e-12)[0] for n in (0, 1, 2)]
        first, second = cut_moments(np.array(cut))
        np.testing.assert_allclose((first, second), (weights[1] / weights[0], weights[2] / weights[0]), rtol=1e-9)


def test_the_rule_is_exact_for_moments() -> None:
    z, weights = gaussian_rule(64)
    np.testing.assert_allclose([weights @ z**power for power in (0, 2, 4, 6)], [1, 1, 3, 15], rtol=1e-12)


def test_refinement_reports_its_error_or_refuses() -> None:
    number = dataclasses.make_dataclass("Number", [("value", float)], bases=(Answer,), frozen=True, kw_only=True)
    found = refine(lambda order, coarse: number(value=1 + order**-2.0), tolerance=1e-4)
    assert found.order == 256 and found.error == pytest.approx(128**-2 - 256**-2, rel=1e-3)
    with pytest.raises(RunError, match="has not converged"):
        refine(lambda order, coarse: number(value=float(order)), tolerance=1e-4)


def test_fixed_points_and_roots() -> None:
    point, residual = fixed_point(lambda x: np.cos(x), [0.5], "cosine")
    assert point[0] == pytest.approx(0.7390851332151607, abs=1e-10) and residual < 1e-10
    with pytest.raises(RunError, match="no solution|run away"):
        fixed_point(lambda x: x + 1, [0.5], "nothing")
    assert first_root(lambda x: math.sin(x), [1.0, 2.0, 4.0, 7.0]) == pytest.approx(math.pi)
    assert first_root(lambda x: x * x + 1, [-1.0, 0.0, 1.0]) is None
