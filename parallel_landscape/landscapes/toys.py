"""Smooth landscapes of which everything is known: a quadratic with flat directions, double wells, pinched soft directions."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from pydantic import Field

from parallel_landscape.errors import JobError
from parallel_landscape.smooth import F, SmoothLandscape


def quadratic(
    *,
    weights: Annotated[int, Field(ge=1, description="number n of weights")],
    stiffest: Annotated[float, Field(gt=0, description="largest curvature k_1")] = 1.0,
    softest: Annotated[float | None, Field(gt=0, description="smallest curvature k_n; the largest one when left out")] = None,
    flat: Annotated[int, Field(ge=0, description="so many more directions without any curvature")] = 0,
    prior: Annotated[float, Field(ge=0, description="precision of a Gaussian prior; needed with flat directions")] = 0.0,
) -> SmoothLandscape:
    """E(w) = sum_i k_i w_i^2 / 2, the curvatures k_i geometrically from `stiffest` to `softest`.

    E ~ Gamma(n/2, T) without a prior: <E> = n T/2, Var E = n T^2/2 for n directions that are not flat.
    """
    if flat and not prior:
        raise JobError(f"flat = {flat}: flat directions have no equilibrium; give a Gaussian prior, such as prior = 1.0.")
    curvatures = np.zeros(weights + flat)
    curvatures[:weights] = np.geomspace(stiffest, softest or stiffest, weights)

    def energy_gradient(points: F) -> tuple[F, F]:
        gradients = curvatures * points
        return 0.5 * (gradients * points).sum(axis=1), gradients

    return SmoothLandscape(
        size=weights + flat,
        energy_gradient=energy_gradient,
        initial=lambda rng: rng.standard_normal(weights + flat),
        prior=prior,
        ln_volume=0.5 * (weights + flat) * math.log(2 * math.pi / prior) if prior else math.nan,
        confinement=float(curvatures.min()),
    )


def double_well(
    *,
    weights: Annotated[int, Field(ge=1, description="number n of independent double wells")] = 1,
    barrier: Annotated[float, Field(gt=0, description="height of the barrier between the two wells")] = 2.0,
    tilt: Annotated[float, Field(description="slope that makes one well deeper")] = 0.0,
) -> SmoothLandscape:
    """E(w) = sum_i barrier (w_i^2 - 1)^2 + tilt w_i: wells near +-1."""

    def energy_gradient(points: F) -> tuple[F, F]:
        bent = points * points - 1.0
        return (barrier * bent * bent + tilt * points).sum(axis=1), 4.0 * barrier * points * bent + tilt

    return SmoothLandscape(
        size=weights,
        energy_gradient=energy_gradient,
        initial=lambda rng: rng.standard_normal(weights),
        confinement=math.inf,
    )


def pinched(
    *,
    weights: Annotated[int, Field(ge=1, description="number n of soft directions")] = 1,
    depth: Annotated[float, Field(description="a: how far the two points are on the right side, in units of the loss")] = 0.0,
) -> SmoothLandscape:
    """E(w) = sum_i exp(-a) (exp(w_i) + exp(-w_i)): each direction pinched between two points of opposite label.

    The exponential tail of the cross-entropy on both sides. With b = 2 exp(-a)/T, <E>/(n T) = b K_1(b)/K_0(b), and the mean
    curvature of a direction is <E>/n: it grows with temperature (a simplified model of T. Jules et al., arXiv:2304.01335).
    """
    scale = 2.0 * math.exp(-depth)

    def energy_gradient(points: F) -> tuple[F, F]:
        return scale * np.cosh(points).sum(axis=1), scale * np.sinh(points)

    return SmoothLandscape(
        size=weights,
        energy_gradient=energy_gradient,
        initial=lambda rng: rng.standard_normal(weights),
        confinement=math.inf,
    )
