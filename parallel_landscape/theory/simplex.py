r"""The simplex spanned by y typical solutions of a spherical perceptron: violated patterns at its barycentre.

Hard constraints Delta_a >= kappa at each vertex, all vertices of one measure: overlaps q, and given the common field
omega = sqrt(q) z their stabilities are independent with density p(Delta|omega). The barycentre has the stability
sum_a Delta_a/(y c_y), c_y = sqrt((1+(y-1)q)/y), so with x_a = Delta_a - kappa >= 0 it violates a pattern with probability

    E_y/P = <Prob(x_1 + ... + x_y < L)> ,  L = y kappa (c_y - 1) ,

which is 0 for kappa >= 0. The distribution of the sum is built one vertex at a time,
F_(k+1)(x) = int_0^x p(t) F_k(x-t) dt on [0, L], with F_k held by its values at Gauss-Legendre nodes.
Model: B. L. Annesi et al., Phys. Rev. Lett. 131, 227301 (2023); derived for this package; y = 2 is the middle of the geodesic.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

from parallel_landscape.theory.channel import Channel, stability_density
from parallel_landscape.theory.quadrature import (
    PLANE_FIRST,
    PLANE_LIMIT,
    Answer,
    Array,
    gaussian_rule,
    legendre_rule,
    refine,
)
from parallel_landscape.theory.quantities import check
from parallel_landscape.theory.spherical import spherical_perceptron


@dataclass(frozen=True, kw_only=True)
class SimplexAnswer(Answer):
    """The fraction of patterns violated at the barycentre."""

    alpha: float
    kappa: float
    vertices: int
    q: float
    path_loss: float


def barycentre(alpha: float, kappa: float, vertices: int = 2, *, tolerance: float = 1e-7) -> SimplexAnswer:
    """Fraction of violated patterns at the barycentre of `vertices` typical solutions; JobError, NoSolution beyond capacity."""
    check(alpha=alpha, kappa=kappa, vertices=vertices, tolerance=tolerance)
    typical = spherical_perceptron(alpha, np.inf, kappa, tolerance=tolerance / 100)

    def solve(order: int, coarse: SimplexAnswer | None) -> SimplexAnswer:
        return SimplexAnswer(
            alpha=float(alpha),
            kappa=float(kappa),
            vertices=int(vertices),
            q=typical.q,
            path_loss=_violated(order, kappa, typical.q, int(vertices)),
            residual=typical.residual,
            status=typical.status,
        )

    return refine(solve, tolerance=tolerance, first=PLANE_FIRST, limit=PLANE_LIMIT)


def _violated(order: int, kappa: float, q: float, vertices: int) -> float:
    length = vertices * kappa * (np.sqrt((1 + (vertices - 1) * q) / vertices) - 1)
    if length <= 0:
        return 0.0
    rule, (nodes, weights) = gaussian_rule(order), legendre_rule(order // 2)
    channel, variance = Channel("errors", np.inf, kappa), 1 - q
    omega = np.sqrt(q) * rule.nodes
    height, root = (kappa - omega) / np.sqrt(variance), np.sqrt(variance)
    below = -np.expm1(log_ndtr(-(height[:, None] + length * nodes / root)) - log_ndtr(-height)[:, None])  # F_1, (z, node)
    within = np.outer(nodes, nodes)  # t/L of the inner integral up to each node, (node, t)
    density = stability_density(channel, kappa + length * within, omega[:, None, None], variance)
    reflected = interpolation(nodes, weights, np.outer(nodes, nodes[::-1]).ravel())  # F at x - t, as the nodes are symmetric
    for _ in range(vertices - 2):
        shifted = (below @ reflected.T).reshape(density.shape)
        below = length * nodes * ((density * shifted) @ weights)
    last = stability_density(channel, kappa + length * nodes, omega[:, None], variance)
    return float(rule.weights @ (length * (last * below[:, ::-1]) @ weights))


def interpolation(nodes: Array, weights: Array, points: Array) -> Array:
    """The matrix (points, nodes) that takes values at Gauss-Legendre nodes on [0, 1] to those at `points`, barycentrically.

    J.-P. Berrut, L. N. Trefethen, SIAM Rev. 46, 501 (2004); none of the points may be a node.
    """
    signs = np.where(np.arange(nodes.size) % 2 == 0, 1.0, -1.0)
    terms = signs * np.sqrt(nodes * (1 - nodes) * weights) / (points[:, None] - nodes)
    return terms / terms.sum(axis=1, keepdims=True)
