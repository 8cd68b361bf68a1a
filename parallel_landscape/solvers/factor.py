"""What a unit of a pattern tells its weights: the factor of belief propagation, by a Gaussian or exactly.

A unit with inputs x_i sees weights of cavity magnetisations m_i. Its field is positive with a chance p, and the rest of the
network wants it so with the odds 1 + 1/rho to 1 (rho = 0: it must be positive). The message to weight i is half the log
ratio of the evidence for w_i = +1 and -1:

    u_i = (1/2) ln [rho + P(field > 0 | w_i = +1)] / [rho + P(field > 0 | w_i = -1)] .

Gaussian: the other weights make the field normal, with mean M_i = sum_{j != i} x_j m_j and variance
S_i = sum_{j != i} x_j^2 (1 - m_j^2). With f(z) = ln(rho + Phi(z)) at z = M_i / sqrt(S_i) and d = x_i / sqrt(S_i),
u_i = d f'(z) + d^3 f'''(z) / 6 + O(d^5). M. Mezard, J. Phys. A 22, 2181 (1989); C. Baldassi et al., PNAS 113, E7655 (2016).
Exact: the law of the sum of independent signs, folded input by input; N^2 operations for a unit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.solvers.normal import density_and_tail
from parallel_landscape.solvers.sums import plain_sum

Real = NDArray[np.float64]
LEAST_SPREAD = 0.1  # of a cavity field: below it all other weights are decided, and the expansion in d would break down
CERTAIN = 20.0  # largest message, in size
_TINY = 1e-300


def gaussian_unit(x: Real, mean: Real, spread: Real, work: Real) -> tuple[float, float, float]:
    """(p, M, S) of a unit; mean: x_i m_i, spread: x_i^2 (1 - m_i^2), each (inputs,)."""
    center, variance = plain_sum(mean, work), plain_sum(spread, work)
    _, _, chance = density_and_tail(center / np.sqrt(max(variance, LEAST_SPREAD)))
    return chance, center, variance


def gaussian_message(x: float, mean: float, spread: float, center: float, variance: float, rho: float) -> float:
    """The message to one weight, from M and S of its whole unit."""
    scale = 1.0 / np.sqrt(max(variance - spread, LEAST_SPREAD))
    z, density, below = density_and_tail((center - mean) * scale)
    d = x * scale
    first = density / max(rho + below, _TINY)
    second = -first * (z + first)
    third = -second * (z + first) - first * (1.0 + second)
    return min(max(d * (first + d * d * third * (1.0 / 6.0)), -CERTAIN), CERTAIN)


def gaussian_messages(
    x: Real, mean: Real, spread: Real, work: Real, center: float, variance: float, rho: float, out: Real
) -> None:
    """The messages of a unit to all its weights, into `out`."""
    for i in range(len(x)):
        out[i] = gaussian_message(x[i], mean[i], spread[i], center, variance, rho)


def exact_work(inputs: int) -> int:
    """Numbers of scratch space that the exact factor needs."""
    return (inputs + 4) * (2 * inputs + 3)


def exact_unit(x: Real, mean: Real, spread: Real, work: Real) -> tuple[float, float, float]:
    """(p, 0, 0) of a unit with inputs in {-1, 0, 1}; leaves the laws of partial sums in `work`, row i: inputs below i."""
    size = len(x)
    width = 2 * size + 3
    work[:width] = 0.0
    work[size + 1] = 1.0
    for i in range(size):
        here, there = i * width, (i + 1) * width
        if x[i] == 0.0:
            work[there : there + width] = work[here : here + width]
            continue
        up = 0.5 * (1.0 + mean[i])
        work[there] = 0.0
        work[there + width - 1] = 0.0
        for s in range(1, width - 1):
            work[there + s] = up * work[here + s - 1] + (1.0 - up) * work[here + s + 1]
    chance = 0.0
    for s in range(size + 2, width):
        chance += work[size * width + s]
    return chance, 0.0, 0.0


def exact_messages(
    x: Real, mean: Real, spread: Real, work: Real, center: float, variance: float, rho: float, out: Real
) -> None:
    """The messages of a unit to all its weights, after `exact_unit`; goes down the inputs with the law of the sum above."""
    size = len(x)
    width = 2 * size + 3
    above, moved, tail = (size + 1) * width, (size + 2) * width, (size + 3) * width
    work[above : above + width] = 0.0
    work[above + size + 1] = 1.0
    for i in range(size - 1, -1, -1):
        if x[i] == 0.0:
            out[i] = 0.0
            continue
        total = 0.0
        for k in range(width - 1, -1, -1):
            total += work[above + k]
            work[tail + k] = total
        high, low = 0.0, 0.0  # the sums below and above have the values s - size - 1 and k - size - 1
        for s in range(width):
            k = 2 * size + 2 - s
            high += work[i * width + s] * (0.0 if k >= width else work[tail + max(k, 0)])
            low += work[i * width + s] * (0.0 if k + 2 >= width else work[tail + max(k + 2, 0)])
        out[i] = _half_log_ratio(rho + high, rho + low) if x[i] > 0.0 else _half_log_ratio(rho + low, rho + high)
        up = 0.5 * (1.0 + mean[i])
        for k in range(width):
            left = work[above + k - 1] if k > 0 else 0.0
            right = work[above + k + 1] if k < width - 1 else 0.0
            work[moved + k] = up * left + (1.0 - up) * right
        work[above : above + width] = work[moved : moved + width]


def _half_log_ratio(high: float, low: float) -> Any:
    return min(max(0.5 * (np.log(max(high, _TINY)) - np.log(max(low, _TINY))), -CERTAIN), CERTAIN)
