"""Geodesics, barycentres and star conditions: table values, Monte Carlo of the same formula, thresholds from both sides, the
cross overlap from the Franz-Parisi entropy, which is another calculation.

Monte Carlo: seeds are fixed; each comparison allows 4.5 standard errors (false alarms 7e-6 each). The wrong twin forgets to
normalise the interpolated weights, and the same comparison must reject it.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from parallel_landscape.errors import JobError, RunError
from parallel_landscape.theory.channel import POWERS, Channel
from parallel_landscape.theory.franz_parisi import franz_parisi
from parallel_landscape.theory.path import barrier, cross_overlap
from parallel_landscape.theory.simplex import barycentre
from parallel_landscape.theory.spherical import spherical_perceptron
from parallel_landscape.theory.star import star

INF = math.inf
SAMPLES = 400_000
DEVIATIONS = 4.5

GEODESIC = {  # (kappa, alpha): q, E(0.1), E(0.25), E(0.5)
    (-0.5, 0.5): (0.13005, 0.00327, 0.00761, 0.01100),
    (-0.5, 1): (0.25952, 0.00310, 0.00706, 0.01003),
    (-0.5, 2): (0.50765, 0.00277, 0.00607, 0.00839),
    (-0.5, 3): (0.72704, 0.00244, 0.00521, 0.00707),
    (-1, 2): (0.17496, 0.00496, 0.01162, 0.01689),
    (-1, 4): (0.36147, 0.00445, 0.01006, 0.01421),
}


@pytest.mark.parametrize("kappa, alpha", GEODESIC)
def test_typical_solutions_are_separated_by_barriers(kappa: float, alpha: float) -> None:
    found = [barrier(alpha, kappa, position) for position in (0.1, 0.25, 0.5)]
    np.testing.assert_allclose([found[0].q_1, *(at.path_loss for at in found)], GEODESIC[kappa, alpha], atol=6e-6)
    assert all(at.error < 1e-7 for at in found)
    assert barrier(alpha, kappa, 0.9).path_loss == pytest.approx(found[0].path_loss, abs=1e-7)  # either end first
    assert barycentre(alpha, kappa, 2).path_loss == pytest.approx(found[2].path_loss, abs=1e-9)


def test_convex_sets_have_no_barriers() -> None:
    for kappa, alpha in ((0.0, 1.0), (0.5, 0.6)):
        assert barrier(alpha, kappa, 0.3).path_loss == 0
        assert barycentre(alpha, kappa, 4).path_loss == 0


@pytest.mark.parametrize(
    "margin, overlap, losses",
    [(-0.35, 0.2970, (0.00178, 0.00060, 0.0)), (-0.17, 0.3424, (0.0, 0.0, 0.0)), (0.0, 0.3840, (0.0, 0.0, 0.0))],
)
def test_robust_solutions_see_typical_ones(margin: float, overlap: float, losses: tuple[float, ...]) -> None:
    for position, loss in zip((0.25, 0.5, 0.75), losses, strict=True):
        at = barrier(1.0, -0.5, position, kappa_1=margin)
        assert at.cross_overlap == pytest.approx(overlap, abs=6e-5) and at.path_loss == pytest.approx(loss, abs=6e-6)


def draw(channel: Channel, omega: np.ndarray, variance: float, rng: np.random.Generator) -> np.ndarray:
    """Stabilities from exp(-beta l) N(omega, V), by rejection."""
    found, left = np.empty_like(omega), np.arange(omega.size)
    while left.size:
        tried = omega[left] + math.sqrt(variance) * rng.standard_normal(left.size)
        short = channel.kappa - tried
        if math.isinf(channel.beta):
            kept = short <= 0
        else:
            loss = (short > 0) * np.maximum(short, 0.0) ** POWERS[channel.loss]
            kept = rng.random(left.size) < np.exp(-channel.beta * loss)
        found[left[kept]] = tried[kept]
        left = left[~kept]
    return found


def mean_of(loss: np.ndarray) -> tuple[float, float]:
    return float(loss.mean()), float(loss.std() / math.sqrt(loss.size))


on_curves = pytest.mark.parametrize(
    "alpha, kappa, margins, betas, loss, position",
    [
        (1.0, -0.5, (-0.5, -0.5), (INF, INF), "errors", 0.5),
        (1.0, -0.5, (-0.35, -0.5), (INF, INF), "errors", 0.3),
        (1.0, 0.3, (0.3, 0.3), (3.0, 3.0), "errors", 0.4),
        (1.5, 0.2, (0.2, 0.2), (1.0, 2.0), "hinge", 0.6),
        (1.5, -0.2, (0.1, -0.2), (4.0, 2.0), "quadratic", 0.5),
    ],
)


@on_curves
def test_path_losses_are_averages_over_stabilities(
    alpha: float, kappa: float, margins: tuple[float, float], betas: tuple[float, float], loss: str, position: float
) -> None:
    at = barrier(alpha, kappa, position, *margins, *betas, loss)
    rng = np.random.default_rng(5)
    same = margins[0] == margins[1] and betas[0] == betas[1]
    covariance = [[at.q_1, at.cross_overlap], [at.cross_overlap, at.q_2]]
    omega = rng.multivariate_normal([0, 0], covariance, SAMPLES, method="eigh").T if not same else None
    omega = np.tile(math.sqrt(at.q_1) * rng.standard_normal(SAMPLES), (2, 1)) if omega is None else omega
    one = draw(Channel(loss, betas[0], margins[0]), omega[0], 1 - at.q_1, rng)
    two = draw(Channel(loss, betas[1], margins[1]), omega[1], 1 - at.q_2, rng)
    between = position * one + (1 - position) * two
    length = math.sqrt(position**2 + (1 - position) ** 2 + 2 * position * (1 - position) * at.cross_overlap)

    def losses(stability: np.ndarray) -> np.ndarray:
        short = kappa - stability
        return (short > 0) * np.maximum(short, 0.0) ** POWERS[loss]

    mean, deviation = mean_of(losses(between / length))
    assert abs(mean - at.path_loss) < DEVIATIONS * deviation
    mean, deviation = mean_of(losses(between))  # the wrong twin
    assert abs(mean - at.path_loss) > DEVIATIONS * max(deviation, 1e-4)


@pytest.mark.parametrize("vertices", [3, 5])
def test_barycentres_are_averages_over_stabilities(vertices: int) -> None:
    at, rng = barycentre(1.0, -0.5, vertices), np.random.default_rng(6)
    omega = math.sqrt(at.q) * rng.standard_normal(SAMPLES)
    channel = Channel("errors", INF, -0.5)
    centre = sum(draw(channel, omega, 1 - at.q, rng) for _ in range(vertices)) / vertices
    mean, deviation = mean_of(centre / math.sqrt((1 + (vertices - 1) * at.q) / vertices) < -0.5)
    assert abs(mean - at.path_loss) < DEVIATIONS * deviation
    assert not (centre < -0.5).any()  # the wrong twin sees no barrier at all


@pytest.mark.parametrize(
    "alpha, margins, betas, loss",
    [
        (1.0, (-0.2, -0.5), (INF, INF), "errors"),
        (1.5, (0.0, 0.0), (1.0, 4.0), "errors"),
        (1.2, (0.3, -0.3), (2.0, 3.0), "hinge"),
    ],
)
def test_the_cross_overlap_is_where_the_local_entropy_is_largest(
    alpha: float, margins: tuple[float, float], betas: tuple[float, float], loss: str
) -> None:
    """At t = p the probe does not feel the reference: its entropy and overlap are those of its own measure, and s0 = p."""
    p = cross_overlap(alpha, *margins, *betas, loss).cross_overlap
    at = franz_parisi(alpha, p, margins[0], betas[0], margins[1], betas[1], "spherical", loss)
    alone = spherical_perceptron(alpha, betas[0], margins[0], loss)
    np.testing.assert_allclose((at.local_entropy, at.q, at.cross_overlap), (alone.entropy, alone.q, p), atol=1e-7)
    off = franz_parisi(alpha, p + 0.02, margins[0], betas[0], margins[1], betas[1], "spherical", loss)
    assert abs(off.cross_overlap - p - 0.02) > 1e-3 and off.q != pytest.approx(alone.q, abs=1e-5)


def test_cross_overlap_is_symmetric_and_continuous() -> None:
    there, back = cross_overlap(1.0, -0.2, -0.5), cross_overlap(1.0, -0.5, -0.2)
    assert there.cross_overlap == pytest.approx(back.cross_overlap, abs=1e-8)
    assert cross_overlap(1.0, -0.5, -0.5 + 1e-6).cross_overlap == pytest.approx(cross_overlap(1.0, -0.5, -0.5).q_1, abs=1e-5)


STAR = {  # alpha: kappa_kernel, kappa_star, overlap there
    0.5: (-0.38129, -0.0928, 0.186),
    1: (-0.40459, -0.1711, 0.342),
    2: (-0.44165, -0.2957, 0.591),
    3: (-0.46921, -0.3883, 0.777),
}


@pytest.mark.parametrize("alpha", STAR)
def test_star_and_kernel(alpha: float) -> None:
    at = star(alpha, -0.5)
    assert at.kappa_kernel == pytest.approx(STAR[alpha][0], abs=6e-6)
    assert at.kappa_star == pytest.approx(STAR[alpha][1], abs=6e-5)
    assert at.star_overlap == pytest.approx(STAR[alpha][2], abs=6e-4)
    assert at.kernel_replicon < 1 and at.star_replicon < 1


def test_barriers_appear_at_the_thresholds() -> None:
    """Just inside no point of the geodesic violates a pattern, just outside some point does."""
    at = star(1.0, -0.5)
    positions = np.linspace(0.05, 0.95, 10)

    def worst(margin: float, other: float | None) -> float:
        return max(barrier(1.0, -0.5, float(x), margin, margin if other is None else other).path_loss for x in positions)

    for threshold, other in ((at.kappa_kernel, None), (at.kappa_star, -0.5)):
        assert worst(threshold + 0.005, other) == 0
        assert worst(threshold - 0.02, other) > 0


def test_no_star_and_bad_margins() -> None:
    lost = star(3.75, -0.5)
    assert (
        math.isnan(lost.kappa_star) and math.isnan(lost.star_overlap) and lost.kappa_kernel == pytest.approx(-0.4849, abs=1e-4)
    )
    with pytest.raises(JobError, match="below 0"):
        star(1.0, 0.1)
    with pytest.raises(RunError, match="no overlap solves"):
        barrier(2.2, 0.0)
    with pytest.raises(JobError, match="from 0 to 1"):
        barrier(1.0, 0.0, 1.2)
