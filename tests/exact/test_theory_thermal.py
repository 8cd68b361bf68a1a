"""Solvable loss models of thermal noise against numerical integration, and the law of the patterns near the boundary."""

from __future__ import annotations

import math

import pytest
from scipy.integrate import quad

from parallel_landscape.errors import JobError
from parallel_landscape.theory.spherical import spherical_perceptron
from parallel_landscape.theory.thermal import boundary_law, cosh_model, quadratic_basin


@pytest.mark.parametrize("ratio, dimension", [(100, 0.9975), (10, 0.9772), (1, 0.8593), (0.1, 0.6120), (0.01, 0.4035)])
def test_cosh_dimensions(ratio: float, dimension: float) -> None:
    assert cosh_model(2 / ratio).dimension_mean == pytest.approx(dimension, abs=6e-5)


@pytest.mark.parametrize("temperature, gap", [(0.05, 0.0), (1.0, 0.7), (30.0, 2.0)])
def test_cosh_model_is_its_integral(temperature: float, gap: float) -> None:
    scale = 2 * math.exp(-gap)

    def mean(power: int) -> float:
        def integrand(x: float, power: int = power) -> float:
            above = scale * (math.cosh(x) - 1)
            return above**power * math.exp(-above / temperature)

        reach = math.acosh(1 + 50 * temperature / scale)
        return quad(integrand, -reach, reach, epsabs=0, epsrel=1e-12, limit=200)[0]

    first, second = mean(1) / mean(0), mean(2) / mean(0)
    at = cosh_model(temperature, gap, directions=3)
    assert at.mean_loss == pytest.approx(3 * first, rel=1e-9)
    assert at.loss_variance == pytest.approx(3 * (second - first**2), rel=1e-8)
    assert at.curvature == pytest.approx(first + scale, rel=1e-9)  # l'' = l
    slope = (cosh_model(1.001 * temperature, gap, 3).mean_loss - cosh_model(0.999 * temperature, gap, 3).mean_loss) / (
        0.002 * temperature
    )
    assert at.loss_variance == pytest.approx(temperature**2 * slope, rel=1e-5)  # fluctuation-dissipation
    assert at.loss_variance != pytest.approx(temperature * slope * 0.9, rel=1e-5)


def test_a_cold_cosh_is_a_quadratic_basin() -> None:
    cold, basin = cosh_model(1e-4, directions=5), quadratic_basin(1e-4, 5)
    assert cold.mean_loss == pytest.approx(basin.mean_loss, rel=1e-4)
    assert cold.loss_variance == pytest.approx(basin.loss_variance, rel=1e-3)
    assert basin.dimension_mean == basin.dimension_variance == 5 and basin.skewness == pytest.approx(math.sqrt(8 / 5))


@pytest.mark.parametrize("kappa, alpha, q, density", [(-0.5, 1.0, 0.259524, 0.598585), (0.0, 1.0, 0.585312, 1.465083)])
def test_boundary_density(kappa: float, alpha: float, q: float, density: float) -> None:
    at = spherical_perceptron(alpha, kappa=kappa)
    assert at.q == pytest.approx(q, abs=1e-6) and at.boundary_density == pytest.approx(density, abs=1e-6)


@pytest.mark.parametrize("beta, dimension", [(10, 0.1066), (100, 0.0461), (1000, 0.0161), (1e4, 0.0052)])
def test_effective_dimension_of_the_perceptron(beta: float, dimension: float) -> None:
    assert boundary_law(1.0, 1 / beta, -0.5).dimension_mean == pytest.approx(dimension, abs=6e-5)


@pytest.mark.parametrize("loss", ["hinge", "quadratic"])
def test_only_patterns_near_the_boundary_count_when_cold(loss: str) -> None:
    """The energy approaches the law as T -> 0; the law of the other loss is not approached."""
    ratios = []
    for temperature in (1e-4, 1e-6):
        at = boundary_law(1.0, temperature, -0.5, loss)
        ratios.append(at.energy / at.boundary_energy)
    assert abs(ratios[1] - 1) < 0.01 and abs(ratios[1] - 1) < abs(ratios[0] - 1)
    other = boundary_law(1.0, 1e-6, -0.5, "quadratic" if loss == "hinge" else "hinge")
    assert abs(at.energy / other.boundary_energy - 1) > 0.5


def test_above_capacity_each_weight_is_one_direction() -> None:
    """Quadratic loss, kappa = 0.5, alpha = 2, no solutions: e(T)-e(0) -> T/2 for each weight, so de/dT is close to 1/2."""
    warm, cold = spherical_perceptron(2.0, 100.0, 0.5, "quadratic"), spherical_perceptron(2.0, 400.0, 0.5, "quadratic")
    assert (warm.energy - cold.energy) / (1 / 100 - 1 / 400) == pytest.approx(0.505, abs=2e-3)


def test_a_count_of_errors_has_no_boundary_law() -> None:
    with pytest.raises(JobError, match="no slope"):
        boundary_law(1.0, 0.1, -0.5, "errors")
