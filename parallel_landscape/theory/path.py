r"""Geodesics on the sphere between typical states of two measures: their overlap and the loss on the way.

Two measures a, b (margin and temperature) on the same patterns. Their states overlap by

    p = (1-q_a)(1-q_b) alpha <g_a(omega_a) g_b(omega_b)> ,   (omega_a, omega_b) ~ N(0, [[q_a, p], [p, q_b]])

and p = q for one measure. The stabilities on the geodesic, weight c1 on state 1, are (c1 Delta_1 + (1-c1) Delta_2)/c with
c = sqrt(c1^2 + (1-c1)^2 + 2 c1 (1-c1) p), hence the mean loss per pattern

    E(c1)/P = <int dDelta_1 p_1(Delta_1|omega_1) int dDelta_2 p_2(Delta_2|omega_2) l((c1 Delta_1 + (1-c1) Delta_2)/c)> ,

the inner integral in closed form (channel.mean_shortfall), the outer one by Gauss-Legendre between its kinks.
Model: B. L. Annesi et al., Phys. Rev. Lett. 131, 227301 (2023); the equations were derived for this package and are
checked against Monte Carlo of the same formula and against an exact sampler at N = 100. Replica symmetric.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from parallel_landscape.theory.channel import POWERS, Channel, local, mean_shortfall, stability_density
from parallel_landscape.theory.quadrature import (
    PLANE_FIRST,
    PLANE_LIMIT,
    Answer,
    Array,
    NoSolution,
    gaussian_rule,
    legendre_rule,
    refine,
)
from parallel_landscape.theory.quantities import check
from parallel_landscape.theory.spherical import spherical_perceptron

TAIL = 9.0  # standard deviations
PRECISE = 1e-2  # of the tolerance: for what goes into the integrals


@dataclass(frozen=True, kw_only=True)
class CrossAnswer(Answer):
    """Overlaps within and between two measures."""

    alpha: float
    kappa_1: float
    kappa_2: float
    q_1: float
    q_2: float
    cross_overlap: float


@dataclass(frozen=True, kw_only=True)
class PathAnswer(CrossAnswer):
    """The mean loss at one point of the geodesic."""

    kappa: float
    position: float
    path_loss: float


def cross_overlap(
    alpha: float,
    kappa_1: float,
    kappa_2: float,
    beta_1: float = np.inf,
    beta_2: float = np.inf,
    loss: str = "errors",
    *,
    tolerance: float = 1e-8,
) -> CrossAnswer:
    """Overlap of typical states of two measures on the same instance; raises JobError, and NoSolution beyond capacity."""
    check(alpha=alpha, kappa_1=kappa_1, kappa_2=kappa_2, beta_1=beta_1, beta_2=beta_2, loss=loss, tolerance=tolerance)
    first = spherical_perceptron(alpha, beta_1, kappa_1, loss, tolerance=PRECISE * tolerance)
    second = spherical_perceptron(alpha, beta_2, kappa_2, loss, tolerance=PRECISE * tolerance)
    one, two = Channel(loss, beta_1, kappa_1), Channel(loss, beta_2, kappa_2)
    status = first.status if first.status != "ok" else second.status

    def solve(order: int, coarse: CrossAnswer | None) -> CrossAnswer:
        p = first.q if one == two else _cross(order, alpha, one, two, first.q, second.q)
        return CrossAnswer(
            alpha=float(alpha),
            kappa_1=float(kappa_1),
            kappa_2=float(kappa_2),
            q_1=first.q,
            q_2=second.q,
            cross_overlap=p,
            residual=max(first.residual, second.residual),
            status=status,
        )

    return refine(solve, tolerance=tolerance, first=PLANE_FIRST, limit=PLANE_LIMIT)


def barrier(
    alpha: float,
    kappa: float,
    position: float = 0.5,
    kappa_1: float | None = None,
    kappa_2: float | None = None,
    beta_1: float = np.inf,
    beta_2: float = np.inf,
    loss: str = "errors",
    *,
    tolerance: float = 1e-7,
) -> PathAnswer:
    """Mean loss of margin `kappa` on the geodesic between typical states of (kappa_1, beta_1) and (kappa_2, beta_2).

    position: weight of state 1, from 0 to 1; kappa_1, kappa_2 default to `kappa`. With hard constraints at one margin
    >= 0 it is exactly 0, for that set is geodesically convex. Raises JobError, and NoSolution beyond capacity.
    """
    kappa_1, kappa_2 = (kappa if given is None else given for given in (kappa_1, kappa_2))
    check(alpha=alpha, kappa=kappa, position=position, kappa_1=kappa_1, kappa_2=kappa_2, beta_1=beta_1, beta_2=beta_2)
    check(loss=loss, tolerance=tolerance)
    ends = cross_overlap(alpha, kappa_1, kappa_2, beta_1, beta_2, loss, tolerance=tolerance / 10)
    one, two, path = Channel(loss, beta_1, kappa_1), Channel(loss, beta_2, kappa_2), Channel(loss, 0.0, kappa)

    def solve(order: int, coarse: PathAnswer | None) -> PathAnswer:
        return PathAnswer(
            alpha=float(alpha),
            kappa=float(kappa),
            kappa_1=ends.kappa_1,
            kappa_2=ends.kappa_2,
            q_1=ends.q_1,
            q_2=ends.q_2,
            cross_overlap=ends.cross_overlap,
            position=float(position),
            path_loss=path_loss(order, one, two, (ends.q_1, ends.q_2, ends.cross_overlap), position, path),
            residual=ends.residual,
            status=ends.status,
        )

    return refine(solve, tolerance=tolerance, first=PLANE_FIRST, limit=PLANE_LIMIT)


def _cross(order: int, alpha: float, one: Channel, two: Channel, q_1: float, q_2: float) -> float:
    """The p that solves its equation, between 0 and sqrt(q_1 q_2)."""
    rule, largest = gaussian_rule(order), np.sqrt(q_1 * q_2)
    g_1 = local(one, np.sqrt(q_1) * rule.nodes, 1 - q_1).g
    scale = (1 - q_1) * (1 - q_2) * alpha

    def missed(p: float) -> float:
        omega = second_field(rule.nodes[:, None], rule.nodes, q_2, min(p / largest, 1.0))
        return p - scale * float((rule.weights * g_1) @ local(two, omega, 1 - q_2).g @ rule.weights)

    if missed(largest) < 0:
        raise NoSolution(f"no overlap below {largest:.4f} between the measures {one} and {two} at alpha={alpha:g}")
    return float(brentq(missed, 0.0, largest, xtol=1e-14))


def second_field(z_1: Array, z_2: Array, q_2: float, correlation: float) -> Array:
    """omega_2 where omega_1 = sqrt(q_1) z_1 and the two are correlated."""
    return np.sqrt(q_2) * (correlation * z_1 + np.sqrt(1 - correlation**2) * z_2)


def path_loss(
    order: int, one: Channel, two: Channel, overlaps: tuple[float, float, float], position: float, path: Channel
) -> float:
    """The formula above; overlaps: (q_1, q_2, p); path: whose loss and margin, its beta is not used."""
    rule, (q_1, q_2, p) = gaussian_rule(order), overlaps
    power, rest = POWERS[path.loss], 1 - position
    if rest == 0 or position == 0:
        end, q = (one, q_1) if rest == 0 else (two, q_2)
        return float(rule.weights @ mean_shortfall(end, np.array(path.kappa), np.sqrt(q) * rule.nodes, 1 - q, power))
    length = np.sqrt(position**2 + rest**2 + 2 * position * rest * p)
    kink = (length * path.kappa - rest * two.kappa) / position  # of Delta_1, where the other must be at its own margin
    same = one == two
    correlation = 1.0 if same else min(p / np.sqrt(q_1 * q_2), 1.0)
    total = 0.0
    for z, weight in zip(*rule, strict=True):
        omega_1 = np.sqrt(q_1) * z
        delta, weights = _stabilities(order // 2, one, omega_1, 1 - q_1, kink)
        if not delta.size:
            continue
        omega_2 = np.array([omega_1]) if same else second_field(z, rule.nodes, q_2, correlation)
        level = (length * path.kappa - position * delta) / rest
        shortfall = mean_shortfall(two, level[:, None], omega_2, 1 - q_2, power)
        total += weight * float(weights @ shortfall @ (np.ones(1) if same else rule.weights))
    return float(total * (rest / length) ** power)


def _stabilities(order: int, channel: Channel, omega: float, variance: float, kink: float) -> tuple[Array, Array]:
    """Nodes of Delta and their weights, the tilted density included; nothing is left above `kink` by hard constraints."""
    hard, width = np.isposinf(channel.beta), TAIL * np.sqrt(variance)
    low, high = min(omega, channel.kappa) - width, max(omega, channel.kappa) + width
    low = channel.kappa if hard else low
    edges = [low, *sorted(min(max(edge, low), high) for edge in (channel.kappa, kink)), high]
    nodes, weights = legendre_rule(order)
    pieces = [(start, stop - start) for start, stop in zip(edges, edges[1:], strict=False) if stop > start]
    if not pieces:
        return np.empty(0), np.empty(0)
    delta = np.concatenate([start + size * nodes for start, size in pieces])
    measure = np.concatenate([size * weights for _, size in pieces])
    return delta, measure * stability_density(channel, delta, np.array(omega), variance)
