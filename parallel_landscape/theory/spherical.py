r"""Perceptron with real weights on the sphere |w|^2 = N, any margin, three losses.

    phi = extr_q (1/2)[ln(1-q) + q/(1-q)] + alpha <ln Z_out(sqrt(q) z, 1-q)> ,   q = (1-q)^2 alpha <g^2>
    e = alpha <<l>> ,  s = phi + beta e ,  replicon = alpha (1-q)^2 <(dg/d omega)^2>

The measure on the sphere is normalised to 1, so s is the ln of a fraction. Capacity of the hard constraint:
alpha_c = 1/int_{-kappa}^inf Dz (z+kappa)^2, exact for kappa >= 0 (E. Gardner, J. Phys. A 21, 257 (1988); M. Shcherbina,
B. Tirozzi, Commun. Math. Phys. 234, 383 (2003)), for kappa < 0 an upper estimate, as replica symmetry is broken before it
(S. Franz, G. Parisi, J. Phys. A 49, 145001 (2016)). Replicon: E. Gardner, B. Derrida, J. Phys. A 21, 271 (1988), re-derived.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from parallel_landscape.theory.averages import PatternAverages, over_patterns
from parallel_landscape.theory.channel import Channel
from parallel_landscape.theory.quadrature import Answer, NoSolution, Rule, gaussian_rule, refine
from parallel_landscape.theory.quantities import check
from parallel_landscape.theory.solve import first_root

SCAN = 48  # points between q = 0 and the largest that a rule resolves
MARGINAL = 0.999


@dataclass(frozen=True, kw_only=True)
class SphericalAnswer(Answer):
    """Replica-symmetric state of a spherical perceptron; energies and entropies per weight."""

    alpha: float
    beta: float
    kappa: float
    energy_per_pattern: float
    energy: float
    entropy: float
    free_entropy: float
    q: float
    replicon: float
    boundary_density: float


@dataclass(frozen=True, kw_only=True)
class SphericalCapacity(Answer):
    """Where solutions end, and where replica symmetry does."""

    kappa: float
    capacity: float
    stability_limit: float


def spherical_perceptron(
    alpha: float, beta: float = np.inf, kappa: float = 0.0, loss: str = "errors", *, tolerance: float = 1e-9
) -> SphericalAnswer:
    """Real weights on the sphere, random patterns; raises JobError for bad input, NoSolution (a RunError) beyond capacity."""
    check(alpha=alpha, beta=beta, kappa=kappa, loss=loss, tolerance=tolerance)
    channel = Channel(loss, beta, kappa)

    def solve(order: int, coarse: SphericalAnswer | None) -> SphericalAnswer:
        rule = gaussian_rule(order)
        q = overlap(rule, channel, alpha)
        patterns = over_patterns(rule, channel, q, 1 - q)
        phi, energy = free_entropy(patterns, alpha, q), alpha * patterns.loss
        replicon = alpha * (1 - q) ** 2 * patterns.dg2
        return SphericalAnswer(
            alpha=float(alpha),
            beta=float(beta),
            kappa=float(kappa),
            energy_per_pattern=patterns.loss,
            energy=energy,
            entropy=phi + (0.0 if np.isinf(beta) else beta * energy),
            free_entropy=phi,
            q=q,
            replicon=replicon,
            boundary_density=patterns.density,
            residual=abs(mismatch(rule, channel, alpha, q)),
            status="ok" if replicon < 1 else "replica symmetry unstable (replicon above 1)",
        )

    return refine(solve, tolerance=tolerance)


def free_entropy(patterns: PatternAverages, alpha: float, q: float) -> float:
    """phi at overlap q, before it is made stationary; 0 at alpha = 0."""
    return float(np.log1p(-q) + q / (1 - q)) / 2 + alpha * patterns.ln_z


def mismatch(rule: Rule, channel: Channel, alpha: float, q: float) -> float:
    """q - (1-q)^2 alpha <g^2>: zero at the saddle point."""
    return q - (1 - q) ** 2 * alpha * over_patterns(rule, channel, q, 1 - q).g2


def overlap(rule: Rule, channel: Channel, alpha: float) -> float:
    """The smallest q that solves the saddle-point equation, among those that the rule resolves."""
    smallest = min(rule.smallest_variance, 0.5)
    points = [0.0, *(1 - np.geomspace(1.0, smallest, SCAN)[1:])]
    found = first_root(lambda q: mismatch(rule, channel, alpha, q), points)
    if found is None:
        capacity = gardner_integral(channel.kappa)
        raise NoSolution(
            f"spherical perceptron, alpha={alpha:g}, beta={channel.beta:g}, kappa={channel.kappa:g}: no overlap solves the "
            f"replica-symmetric equation; at beta=inf there are solutions below alpha={capacity:.4f}"
        )
    return float(found)


def gardner_integral(kappa: float) -> float:
    """1/int_{-kappa}^inf Dz (z+kappa)^2, in closed form."""
    density = np.exp(-kappa * kappa / 2) / np.sqrt(2 * np.pi)
    return float(1 / ((1 + kappa**2) * ndtr(kappa) + kappa * density))


def spherical_capacity(kappa: float = 0.0, *, tolerance: float = 1e-8) -> SphericalCapacity:
    """Capacity and limit of stability of the hard constraint; for kappa >= 0 they coincide."""
    check(kappa=kappa, tolerance=tolerance)
    capacity = gardner_integral(kappa)
    if kappa >= 0:
        return SphericalCapacity(kappa=float(kappa), capacity=capacity, stability_limit=capacity, error=0.0)
    precise = tolerance / 10

    def excess(alpha: float) -> float:
        return spherical_perceptron(alpha, np.inf, kappa, tolerance=precise).replicon - 1

    high = MARGINAL * capacity
    if excess(high) <= 0:
        late = "the capacity is an upper estimate: other solutions of the equations, not followed here, come before it"
        return SphericalCapacity(kappa=float(kappa), capacity=capacity, stability_limit=np.nan, error=0.0, status=late)
    while excess(high / 2) > 0:
        high /= 2
    limit = float(brentq(excess, high / 2, high, xtol=1e-12, rtol=1e-11))
    at_limit = spherical_perceptron(limit, np.inf, kappa, tolerance=precise)
    status = "the capacity is an upper estimate: replica symmetry breaks before it"
    return SphericalCapacity(
        kappa=float(kappa), capacity=capacity, stability_limit=limit, error=at_limit.error, order=at_limit.order, status=status
    )
