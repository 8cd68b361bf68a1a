r"""Local energy of typical states of the binary perceptron: the errors after a random fraction d of the weights is flipped.

A pattern of stability D has afterwards the stability D' = (1-2d) D + sqrt(1 - (1-2d)^2) x with x standard normal: the flipped
set is independent of the pattern, and the overlap of the weights before and after is 1-2d. Hence, with the law of stabilities
P(D) of typical states (`channel.stability_density`),

    E'/P = < int dD P(D) H( ((1-2d) D - kappa) / sqrt(1 - (1-2d)^2) ) > .

The observable of C. Baldassi, F. Pittorino, R. Zecchina, PNAS 117, 161 (2020); the formula was derived for this package.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from parallel_landscape.theory.binary import binary_perceptron
from parallel_landscape.theory.channel import Channel, stability_density
from parallel_landscape.theory.quadrature import Answer, Array, gaussian_rule, legendre_rule, refine
from parallel_landscape.theory.quantities import check

TAIL = 10.0  # standard deviations of a cavity field, beyond which there is nothing


@dataclass(frozen=True, kw_only=True)
class LocalEnergyAnswer(Answer):
    """Fraction of errors of a typical state, and after a fraction `distance` of its weights is flipped."""

    alpha: float
    beta: float
    distance: float
    energy_per_pattern: float
    local_energy: float
    q: float


def local_energy(
    alpha: float, distance: float, beta: float = np.inf, kappa: float = 0.0, *, tolerance: float = 1e-7
) -> LocalEnergyAnswer:
    """Weights +-1, random labels, the loss `errors`. Raises JobError, and NoSolution beyond the branch of many states."""
    check(alpha=alpha, distance=distance, beta=beta, kappa=kappa, tolerance=tolerance)
    state, channel = binary_perceptron(alpha, beta, kappa, tolerance=tolerance / 10), Channel("errors", beta, kappa)

    def solve(order: int, coarse: LocalEnergyAnswer | None) -> LocalEnergyAnswer:
        return LocalEnergyAnswer(
            alpha=float(alpha),
            beta=float(beta),
            distance=float(distance),
            energy_per_pattern=state.energy_per_pattern,
            local_energy=_errors_after(order, channel, state.q, float(distance)),
            q=state.q,
            residual=state.residual,
            status=state.status,
        )

    return refine(solve, tolerance=tolerance)


def _errors_after(order: int, channel: Channel, q: float, distance: float) -> float:
    """The formula above by `order` intervals in each dimension."""
    rule, kept = gaussian_rule(order), 1 - 2 * distance
    omega, total = np.sqrt(q) * rule.nodes, 0.0
    for side in (1, -1):  # the law of stabilities jumps at the margin
        if side < 0 and np.isposinf(channel.beta):
            continue
        nodes, weights = legendre_rule(order)
        reach = TAIL * np.sqrt(1 - q) + np.abs(omega - channel.kappa)
        delta = channel.kappa + side * reach[:, None] * nodes**2  # denser at the margin, where all happens
        measure = reach[:, None] * weights * 2 * nodes
        density = stability_density(channel, delta, omega[:, None], 1 - q)
        total += float(rule.weights @ np.sum(measure * density * wrong(channel.kappa, kept, delta), axis=1))
    return total


def wrong(kappa: float, kept: float, delta: Array) -> Array:
    """Probability that a pattern of stability delta is below the margin when the weights keep the overlap `kept`."""
    spread = np.sqrt(max(0.0, 1 - kept**2))
    return np.asarray(ndtr((kappa - kept * delta) / spread) if spread > 0 else (kept * delta < kappa) * 1.0)
