r"""Loss models in which the statistics of thermal noise are known in closed form.

cosh model: one soft direction between two oppositely labelled patterns, l(x) = 2 e^{-a} cosh x, d such directions. With
c = 2 e^{-a}, b = c/T, r = K_1(b)/K_0(b) (modified Bessel functions), per direction

    Z = 2 K_0(b) ,  <l> = c r = <l''> ,  Var(l) = T^2 d<l>/dT = c^2 (1 + r/b - r^2) .

Quadratic basin with d active directions: L - L0 has the Gamma law of shape d/2 and scale T: mean d T/2, variance d T^2/2,
skewness sqrt(8/d). Patterns near the boundary (spherical perceptron where it has solutions): at low temperature only
patterns within reach of the margin count,

    e -> alpha P(kappa+) (sqrt(pi)/4) T^{3/2}  (quadratic),   e -> alpha P(kappa+) T^2  (hinge),

P(kappa+) the density of stabilities at the margin at T = 0; the effective dimension per weight is 2 e/T. Effective dimensions:
2(<L>-L0)/T and 2 Var(L)/T^2, equal to d in a quadratic basin. The question is that of T. Jules et al., arXiv:2304.01335;
the models were derived for this package and need not be that paper's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import kve

from parallel_landscape.errors import JobError
from parallel_landscape.theory.quadrature import Answer
from parallel_landscape.theory.quantities import check
from parallel_landscape.theory.spherical import spherical_perceptron

EPSILON = float(np.finfo(float).eps)


@dataclass(frozen=True, kw_only=True)
class BasinAnswer(Answer):
    """Statistics of the loss at temperature T."""

    temperature: float
    directions: int
    mean_loss: float
    loss_variance: float
    dimension_mean: float
    dimension_variance: float


@dataclass(frozen=True, kw_only=True)
class CoshAnswer(BasinAnswer):
    """The same for the cosh model, with its curvature."""

    curvature: float


@dataclass(frozen=True, kw_only=True)
class QuadraticAnswer(BasinAnswer):
    """The same for a quadratic basin."""

    skewness: float


@dataclass(frozen=True, kw_only=True)
class BoundaryAnswer(Answer):
    """Energy of the spherical perceptron at low temperature, and by the law of the patterns near the boundary."""

    alpha: float
    kappa: float
    temperature: float
    boundary_density: float
    energy: float
    boundary_energy: float
    dimension_mean: float


def cosh_model(temperature: float, gap: float = 0.0, directions: int = 1) -> CoshAnswer:
    """Exact statistics of d directions of l(x) = 2 e^(-gap) cosh x; `error` is an estimate of rounding. Raises JobError."""
    check(temperature=temperature, gap=gap, directions=directions)
    scale = 2 * np.exp(-gap)
    ratio = scale / temperature
    bessel = kve(1, ratio) / kve(0, ratio)
    mean = directions * scale * (bessel - 1)
    variance = directions * scale**2 * (1 + bessel / ratio - bessel**2)
    return CoshAnswer(
        temperature=float(temperature),
        directions=int(directions),
        mean_loss=float(mean),
        loss_variance=float(variance),
        dimension_mean=float(2 * mean / temperature),
        dimension_variance=float(2 * variance / temperature**2),
        curvature=float(scale * bessel),
        error=float(4 * EPSILON * directions * max(1.0, ratio) ** 2),
    )


def quadratic_basin(temperature: float, directions: int = 1) -> QuadraticAnswer:
    """Exact statistics of a quadratic basin with d active directions. Raises JobError."""
    check(temperature=temperature, directions=directions)
    return QuadraticAnswer(
        temperature=float(temperature),
        directions=int(directions),
        mean_loss=directions * temperature / 2,
        loss_variance=directions * temperature**2 / 2,
        dimension_mean=float(directions),
        dimension_variance=float(directions),
        skewness=float(np.sqrt(8 / directions)),
        error=EPSILON,
    )


def boundary_law(
    alpha: float, temperature: float, kappa: float = 0.0, loss: str = "quadratic", *, tolerance: float = 1e-9
) -> BoundaryAnswer:
    """The energy at `temperature` beside its low-temperature law. Raises JobError, NoSolution beyond capacity."""
    check(alpha=alpha, temperature=temperature, kappa=kappa, loss=loss, tolerance=tolerance)
    if loss == "errors":
        raise JobError('loss: given "errors"; hinge or quadratic is needed; a count of errors has no slope at the boundary.')
    ground = spherical_perceptron(alpha, np.inf, kappa, loss, tolerance=tolerance)
    warm = spherical_perceptron(alpha, 1 / temperature, kappa, loss, tolerance=tolerance)
    reach = np.sqrt(np.pi) / 4 * temperature**1.5 if loss == "quadratic" else temperature**2
    return BoundaryAnswer(
        alpha=float(alpha),
        kappa=float(kappa),
        temperature=float(temperature),
        boundary_density=ground.boundary_density,
        energy=warm.energy,
        boundary_energy=float(alpha * ground.boundary_density * reach),
        dimension_mean=2 * warm.energy / temperature,
        error=max(ground.error, warm.error),
        order=max(ground.order, warm.order),
        residual=max(ground.residual, warm.residual),
        status=warm.status,
    )
