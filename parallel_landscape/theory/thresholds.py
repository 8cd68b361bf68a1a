"""Where the entropy of the binary models vanishes: capacity, freezing, the first-order jump to the teacher, interpolation.

Capacity of the binary perceptron: W. Krauth, M. Mezard, J. Phys. France 50, 3057 (1989), 0.833. Jump to the teacher:
G. Gyorgyi, Phys. Rev. A 41, 7097 (1990), 1.245. A threshold is found by Brent's method on a replica-symmetric entropy;
`error` is the error of that entropy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from parallel_landscape.theory.binary import binary_perceptron, teacher_student
from parallel_landscape.theory.features import FeaturesAnswer, random_features
from parallel_landscape.theory.quadrature import Answer, NoSolution
from parallel_landscape.theory.quantities import check

PRECISION = 1e-11
GROWTH, SMALLEST_GROWTH = 1.3, 1.001  # from one alpha to the next while looking for a change of sign
SMALLEST_ALPHA, FIRST_ALPHA, LARGEST_ALPHA = 1e-6, 0.1, 1e4
SMALLEST_BETA, LARGEST_BETA = 0.05, 200.0


@dataclass(frozen=True, kw_only=True)
class Capacity(Answer):
    """Where no solutions are left, and what they are like there."""

    capacity: float
    q: float


@dataclass(frozen=True, kw_only=True)
class FeaturesCapacity(Answer):
    """The interpolation threshold of random features."""

    alpha_latent: float
    capacity: float
    weights_per_pattern: float
    generalisation_error: float


@dataclass(frozen=True, kw_only=True)
class Freezing(Answer):
    """Where the entropy vanishes at finite temperature: colder than this the energy stays what it is."""

    alpha: float
    freezing_beta: float
    energy: float
    energy_per_pattern: float
    q: float


def binary_capacity(kappa: float = 0.0, *, tolerance: float = 1e-9) -> Capacity:
    """alpha at which s(e=0) = 0 for random labels; 0.8331 at kappa = 0."""
    check(kappa=kappa, tolerance=tolerance)
    alpha = _zero(lambda alpha: binary_perceptron(alpha, kappa=kappa, tolerance=tolerance).entropy, "s(e=0)")
    at = binary_perceptron(alpha, kappa=kappa, tolerance=tolerance)
    return Capacity(capacity=alpha, q=at.q, error=at.error, order=at.order, residual=at.residual)


def teacher_transition(*, tolerance: float = 1e-9) -> Capacity:
    """alpha at which the last student other than the teacher disappears, s(e=0) = 0: 1.245."""
    check(tolerance=tolerance)
    alpha = _zero(lambda alpha: teacher_student(alpha, tolerance=tolerance).entropy, "s(e=0)")
    at = teacher_student(alpha, tolerance=tolerance)
    return Capacity(capacity=alpha, q=at.q, error=at.error, order=at.order, residual=at.residual)


def features_capacity(alpha_latent: float, nonlinearity: str = "sign", *, tolerance: float = 1e-9) -> FeaturesCapacity:
    """alpha = P/N at which the entropy of interpolating students vanishes, at fixed P/D."""
    check(alpha_latent=alpha_latent, nonlinearity=nonlinearity, tolerance=tolerance)

    def at(alpha: float) -> FeaturesAnswer:
        return random_features(alpha, alpha_latent, nonlinearity=nonlinearity, tolerance=tolerance)

    alpha = _zero(lambda alpha: at(alpha).entropy, "s(e=0)")
    found = at(alpha)
    return FeaturesCapacity(
        alpha_latent=float(alpha_latent),
        capacity=alpha,
        weights_per_pattern=1 / alpha,
        generalisation_error=found.generalisation_error,
        error=found.error,
        order=found.order,
        residual=found.residual,
    )


def freezing(alpha: float, kappa: float = 0.0, *, tolerance: float = 1e-9) -> Freezing:
    """beta at which s = 0 for random labels; raises NoSolution (a RunError) below capacity, where nothing freezes."""
    check(alpha=alpha, kappa=kappa, tolerance=tolerance)

    def entropy(ln_beta: float) -> float:
        return binary_perceptron(alpha, float(np.exp(ln_beta)), kappa, tolerance=tolerance).entropy

    low = high = float(np.log(SMALLEST_BETA))
    while entropy(high) > 0:
        low, high = high, high + 0.25
        if high > np.log(LARGEST_BETA):
            raise NoSolution(
                f"alpha={alpha:g}, kappa={kappa:g}: the entropy stays above 0 down to temperature 1/{LARGEST_BETA:g}; "
                f"freezing needs an alpha above the capacity, see binary-capacity"
            )
    beta = float(np.exp(brentq(entropy, low, high, xtol=PRECISION)))
    at = binary_perceptron(alpha, beta, kappa, tolerance=tolerance)
    return Freezing(
        alpha=float(alpha),
        freezing_beta=beta,
        energy=at.energy,
        energy_per_pattern=at.energy_per_pattern,
        q=at.q,
        error=at.error,
        order=at.order,
        residual=at.residual,
    )


def _zero(entropy: Callable[[float], float], what: str) -> float:
    """The first alpha, coming from below, at which `entropy` vanishes; steps shrink where the branch of states ends."""
    low, growth = FIRST_ALPHA, GROWTH
    while entropy(low) <= 0:
        low /= 10
        if low < SMALLEST_ALPHA:
            raise NoSolution(f"{what} is below 0 already at alpha={SMALLEST_ALPHA:g}")
    while low < LARGEST_ALPHA and growth > SMALLEST_GROWTH:
        try:
            if entropy(low * growth) <= 0:
                return float(brentq(entropy, low, low * growth, xtol=PRECISION))
            low *= growth
        except NoSolution:
            growth = growth**0.5
    raise NoSolution(f"{what} does not vanish: it is still above 0 at alpha={low:g}")
