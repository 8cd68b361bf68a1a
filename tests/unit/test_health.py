"""What is concluded from energies: slopes between laws, effective dimensions, and the verdict on health."""

from __future__ import annotations

import numpy as np
import pytest

from parallel_landscape.analysis.dimension import from_fluctuations, from_means
from parallel_landscape.analysis.law_ratio import slope_of_laws
from parallel_landscape.thermal_outcome import unhealthy


def gamma(beta: float, dimension: int, seed: int, correlated: bool = False) -> np.ndarray:
    """Energies (800, 2) of a quadratic basin at inverse temperature beta; correlated: each twice in a row."""
    rng = np.random.default_rng(seed)
    drawn = rng.gamma(dimension / 2, 1 / beta, (400 if correlated else 800, 2))
    return np.repeat(drawn, 2, axis=0) if correlated else drawn


@pytest.mark.statistics
@pytest.mark.parametrize("correlated", [False, True])
def test_the_slope_between_two_laws_is_the_difference_of_beta(correlated: bool) -> None:
    """|z| < 4.5, and the errors are honest: the rms of 40 values of z is 1 but for 5 standard errors (1 / 80^(1/2) each)."""
    z = []
    for seed in range(40):
        slope, error = slope_of_laws(gamma(1.0, 6, seed, correlated), gamma(1.5, 6, 1000 + seed, correlated))
        z.append((slope - 0.5) / error)
    assert np.abs(z).max() < 4.5 and np.sqrt(np.mean(np.square(z))) == pytest.approx(1.0, abs=0.56)


@pytest.mark.statistics
def test_a_wrong_temperature_is_noticed() -> None:
    """A walker at beta = 1.2 that is said to be at 1.5."""
    slope, error = slope_of_laws(gamma(1.0, 60, 1), gamma(1.2, 60, 2))
    assert (slope - 0.5) / error < -4.5


def test_nothing_is_said_of_too_little() -> None:
    few = gamma(1.0, 6, 1)[:20]
    assert np.isnan(slope_of_laws(few, few)).all()
    apart = slope_of_laws(gamma(1.0, 6, 1), 100.0 + gamma(1.0, 6, 2))
    assert np.isnan(apart).all()


def test_dimensions_of_a_quadratic_basin() -> None:
    """<E> = E_0 + d T/2 up to T = 4, and more above; Var E = d T^2/2."""
    temperatures = np.array([8.0, 4.0, 2.0, 1.0, 0.5])
    energies = -3.0 + 5.0 * temperatures + np.where(temperatures > 4, 6.0, 0.0)
    errors = np.full(5, 0.01)
    dimension, error, ground, count = from_means(temperatures, energies, errors)
    assert count == 4 and ground == pytest.approx(-3.0)
    np.testing.assert_allclose(dimension[1:], 10.0)
    assert dimension[0] == pytest.approx(11.5) and (error > 2 * errors / temperatures).all()
    assert [float(value[0]) for value in from_fluctuations(np.array([5.0]), np.array([0.1]))] == [10.0, 0.2]


@pytest.mark.parametrize("errors", [[0.1, 0.1, np.nan], [0.1, 0.0, 0.1]])
def test_no_line_without_errors(errors: list[float]) -> None:
    dimension, _, ground, count = from_means(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0]), np.array(errors))
    assert np.isnan(dimension).all() and np.isnan(ground) and count == 0


def test_health_is_judged_by_errors_and_by_worth() -> None:
    def table(virial: float, error: float, creutz: float = 1.0) -> dict[str, list[float]]:
        fine = {name: [1.0] for name in ("balance", "response")}
        errors = {f"{name}_error": [0.001] for name in (*fine, "creutz")}
        return {"beta": [2.0], "virial": [virial], "virial_error": [error], "creutz": [creutz], **fine, **errors}

    assert unhealthy(table(1.015, 0.001)) == []  # many errors off, and not worth a word
    assert unhealthy(table(1.3, 0.1)) == []
    assert unhealthy(table(1.0, 0.1, creutz=0.5)) == []  # rare moves carry it
    assert unhealthy(table(float("nan"), float("nan"))) == []
    assert unhealthy(table(1.03, 0.001)) == ["virial 1.0300 +- 0.0010 at beta = 2"]
