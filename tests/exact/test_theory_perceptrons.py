"""Replica-symmetric perceptrons against published values and against the same numbers from other integrators and codes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import log_ndtr

from parallel_landscape.errors import JobError, RunError
from parallel_landscape.theory.binary import binary_perceptron, teacher_student
from parallel_landscape.theory.curve import curve_for
from parallel_landscape.theory.spherical import gardner_integral, spherical_capacity, spherical_perceptron
from parallel_landscape.theory.thresholds import binary_capacity, features_capacity, freezing, teacher_transition

INF = math.inf
ORDER = 512


# Published values


def test_published_thresholds() -> None:
    assert binary_capacity().capacity == pytest.approx(0.8331, abs=5e-5)  # Krauth, Mezard 1989
    assert teacher_transition().capacity == pytest.approx(1.245, abs=5e-4)  # Gyorgyi 1990
    assert binary_perceptron(1.015).replicon == pytest.approx(1, abs=5e-3)  # Gardner, Derrida 1988: unstable from 1.015


@pytest.mark.parametrize("kappa", [-1.0, -0.5, 0.0, 0.5, 1.0])
def test_spherical_capacities_are_gardners_integral(kappa: float) -> None:
    def integral(sign: int) -> float:
        normal = lambda z: math.exp(-z * z / 2) / math.sqrt(2 * math.pi)  # noqa: E731
        return 1 / quad(lambda z: normal(z) * (z + sign * kappa) ** 2, -sign * kappa, 30, epsabs=1e-13)[0]

    found = spherical_capacity(kappa).capacity
    assert found == pytest.approx(integral(1), rel=1e-10)
    if kappa:
        assert abs(found / integral(-1) - 1) > 0.1  # the twin with the sign of kappa turned
    assert spherical_perceptron(0.97 * found, kappa=kappa).q > 0.9
    with pytest.raises(RunError, match="no overlap solves"):
        spherical_perceptron(1.03 * found, kappa=kappa)


def test_the_spherical_capacity_at_margin_zero_is_covers() -> None:
    assert gardner_integral(0.0) == pytest.approx(2, abs=1e-12)


@pytest.mark.parametrize("kappa, limit", [(-0.25, 2.8538), (-0.5, 3.9507), (-0.75, 5.5036), (-1.0, 7.8736), (-1.5, 18.738)])
def test_stability_limits(kappa: float, limit: float) -> None:
    found = spherical_capacity(kappa)
    assert found.stability_limit == pytest.approx(limit, rel=2e-5) and found.stability_limit < found.capacity


# The same numbers from other integrators and other codes


@pytest.mark.parametrize("alpha, entropy", [(0.3, 0.474829), (0.5, 0.314390), (0.7, 0.135400)])
def test_solutions_of_the_binary_perceptron(alpha: float, entropy: float) -> None:
    at = binary_perceptron(alpha)
    assert at.entropy == pytest.approx(entropy, abs=1e-6) and at.error < 1e-8 and at.residual < 1e-10 and at.status == "ok"

    def normal(function: Callable[[float], float]) -> float:
        return quad(lambda z: math.exp(-z * z / 2) / math.sqrt(2 * math.pi) * function(z), -9, 9, limit=300)[0]

    def height(z: float) -> float:
        return -math.sqrt(at.q / (1 - at.q)) * z

    def inverse_mills(z: float) -> float:
        return math.exp(-(height(z) ** 2) / 2 - log_ndtr(-height(z))) / math.sqrt(2 * math.pi)

    q_hat = alpha * normal(lambda z: inverse_mills(z) ** 2) / (1 - at.q)
    assert normal(lambda z: math.tanh(math.sqrt(q_hat) * z) ** 2) == pytest.approx(at.q, abs=1e-8)
    ln_2cosh = normal(lambda z: float(np.logaddexp(math.sqrt(q_hat) * z, -math.sqrt(q_hat) * z)))
    entropy_again = -q_hat * (1 - at.q) / 2 + ln_2cosh + alpha * normal(lambda z: float(log_ndtr(-height(z))))
    assert entropy_again == pytest.approx(at.entropy, abs=1e-8)


BINARY = {  # (alpha, beta): fraction of errors, entropy, q
    (0.25, 0.5): (0.3782, 0.6856, 0.009),
    (0.25, 4): (0.0221, 0.5407, 0.143),
    (0.5, 1): (0.2762, 0.6402, 0.062),
    (0.5, 2): (0.1382, 0.5402, 0.157),
    (0.75, 2): (0.1474, 0.4718, 0.218),
    (1.0, 1): (0.2826, 0.5917, 0.113),
    (1.0, 4): (0.0514, 0.1152, 0.468),
}


@pytest.mark.parametrize("alpha, beta", BINARY)
def test_binary_perceptron_at_finite_temperature(alpha: float, beta: float) -> None:
    at = binary_perceptron(alpha, beta)
    np.testing.assert_allclose((at.energy_per_pattern, at.entropy), BINARY[alpha, beta][:2], atol=6e-5)
    assert at.q == pytest.approx(BINARY[alpha, beta][2], abs=6e-4)
    share = at.energy_per_pattern
    mixing = -share * math.log(share) - (1 - share) * math.log(1 - share)
    assert at.entropy < math.log(2) + alpha * (mixing - math.log(2))  # Jensen: the annealed bound


@pytest.mark.parametrize(
    "alpha, beta, share", [(0.9, 6.778, 0.00978), (1.0, 5.345, 0.02627), (1.5, 3.359, 0.09593), (2.0, 2.685, 0.14363)]
)
def test_freezing(alpha: float, beta: float, share: float) -> None:
    found = freezing(alpha)
    assert found.freezing_beta == pytest.approx(beta, abs=6e-4)
    assert found.energy_per_pattern == pytest.approx(share, abs=6e-6)


SPHERICAL = {  # (loss, kappa, alpha, beta): energy, q, entropy
    ("errors", 0, 1, 1): (0.28249, 0.11213, -0.10151),
    ("errors", 0, 2, 3): (0.24192, 0.52988, -0.80866),
    ("errors", -0.5, 2, 2): (0.14436, 0.28007, -0.36264),
    ("errors", -0.5, 1, INF): (0, 0.25952, -0.38948),
    ("errors", -0.5, 2, INF): (0, 0.50765, -0.84251),
    ("quadratic", 0, 1, 5): (0.02619, 0.29644, -0.32784),
    ("quadratic", -0.5, 3, 5): (0.04286, 0.32917, -0.45342),
    ("quadratic", 0.5, 3, 2): (0.83313, 0.72739, -0.83071),
    ("hinge", 0, 2, 1.5): (0.31360, 0.30353, -0.26415),
    ("hinge", 1, 2, 1): (1.37910, 0.40868, -0.28960),
}


@pytest.mark.parametrize("loss, kappa, alpha, beta", SPHERICAL)
def test_spherical_perceptron(loss: str, kappa: float, alpha: float, beta: float) -> None:
    at = spherical_perceptron(alpha, beta, kappa, loss)
    np.testing.assert_allclose((at.energy, at.q, at.entropy), SPHERICAL[loss, kappa, alpha, beta], atol=6e-6)


@pytest.mark.parametrize(
    "alpha_latent, ratio, error",
    [
        (0.5, 1.1267, 0.4543),
        (1, 1.0618, 0.4162),
        (2, 0.9567, 0.359),
        (3, 0.8775, 0.3197),
        (5, 0.7672, 0.27),
        (8, 0.6649, 0.2286),
    ],
)
def test_interpolation_threshold_of_random_features(alpha_latent: float, ratio: float, error: float) -> None:
    found = features_capacity(alpha_latent)
    assert found.weights_per_pattern == pytest.approx(ratio, abs=6e-5)
    assert found.generalisation_error == pytest.approx(error, abs=6e-5)


def test_the_branch_ends() -> None:
    with pytest.raises(RunError, match="branch of many states has ended"):
        binary_perceptron(1.5)
    with pytest.raises(RunError, match="freezing needs an alpha above the capacity"):
        freezing(0.5)
    assert "entropy below 0" in binary_perceptron(0.9).status
    assert "replicon above 1" in spherical_perceptron(4.3, kappa=-0.5).status


def test_where_the_first_branch_stays_stable_there_is_no_limit() -> None:
    found = spherical_capacity(-4.0)
    assert math.isnan(found.stability_limit) and "upper estimate" in found.status


def test_temperatures_are_not_negative() -> None:
    with pytest.raises(JobError, match="from 0 up"):
        teacher_student(1.0, -1.0)


def test_all_mistakes_at_once() -> None:
    with pytest.raises(JobError) as caught:
        spherical_perceptron(-1.0, math.nan, 0.0, "cubic")
    assert len(caught.value.mistakes) == 3 and "errors, hinge, quadratic" in caught.value.mistakes[2]


def test_the_curve_for_a_landscape() -> None:
    curve = curve_for("binary-perceptron", "random", 1.0)
    assert curve is not None and (np.diff(curve.energy_per_pattern) > 0).all()
    assert curve.entropy.max() == pytest.approx(math.log(2))
    assert curve.energy_per_pattern[0] == pytest.approx(freezing(1.0).energy_per_pattern, abs=1e-6)
    assert curve.entropy[0] == pytest.approx(0, abs=1e-7)
    np.testing.assert_allclose(curve.entropy, curve.entropy[::-1], atol=1e-12)
    solvable = curve_for("binary-perceptron", "teacher", 0.1)
    assert solvable is not None and solvable.energy_per_pattern[0] == 0 and np.isposinf(solvable.beta[0])
    assert curve_for("binary-perceptron", "hidden-manifold", 0.5, 2.0) is not None
    assert curve_for("ising-2d", "random", 1.0) is None and curve_for("binary-perceptron", "digits", 1.0) is None
