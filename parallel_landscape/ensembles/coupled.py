"""Coupled replicas: what a group's weights say of its centre or field, and the logarithm of a group's weight.

y replicas w_a of N weights +-1, S = sum_a w_a; the forms are those of `couple`. All that decides whether ranks agree is counted
in integers or looked up in tables that one rank has made.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Sums = NDArray[np.int64]
Signs = NDArray[np.int8]
Table = list[float]


def chances(gamma: float, replicas: int) -> Table:
    """P(centre = +1) given S_i = -y ... y under the star's weight exp(gamma S_i c_i): 1 / (1 + exp(-2 gamma S_i))."""
    return [0.5 * (1.0 + math.tanh(gamma * s)) for s in range(-replicas, replicas + 1)]


def summed_out(gamma: float, replicas: int) -> Table:
    """ln of the sum of exp(gamma S_i c_i) over c_i = +-1, ln 2 cosh(gamma S_i), for S_i = -y ... y."""
    sizes = [abs(gamma * s) for s in range(-replicas, replicas + 1)]
    return [size + math.log1p(math.exp(-2.0 * size)) for size in sizes]


def draw_centre(sums: Sums, chance: Table, draws: np.random.Generator) -> Signs:
    """A centre of +-1 (N,) by heat bath, given S (N,)."""
    probability = np.array(chance)[sums + len(chance) // 2]
    return np.where(draws.random(len(sums)) < probability, 1, -1).astype(np.int8)


def draw_field(sums: Sums, scale: float, draws: np.random.Generator) -> NDArray[np.float64]:
    """h ~ N(scale S, 1), (N,): the integral of exp(-h^2/2 + scale h S) over h is exp(scale^2 S^2 / 2) up to a constant, which
    with scale^2 = gamma/y is exp((gamma/y) sum_{a<b} w_a w_b) up to another."""
    return np.asarray(scale * sums + draws.standard_normal(len(sums)))


def majority(sums: Sums, draws: Callable[[], np.random.Generator]) -> Signs:
    """The sign of S (N,); ties are drawn."""
    signs = np.sign(sums).astype(np.int8)
    if not signs.all():
        signs = np.where(signs == 0, np.where(draws().random(len(sums)) < 0.5, 1, -1), signs).astype(np.int8)
    return signs


def star_weight(sums: Sums, table: Table) -> float:
    """ln weight of a star whose centre is summed out."""
    half = len(table) // 2
    counts = np.bincount(sums + half, minlength=len(table)).tolist()
    total = 0.0
    for count, value in zip(counts, table, strict=True):
        total += count * value
    return total


def pairwise_weight(sums: Sums, gamma: float, replicas: int) -> float:
    """(gamma/y) sum_{a<b} w_a.w_b = (gamma/y) (S.S - y N) / 2."""
    return gamma * int(np.dot(sums, sums) - replicas * len(sums)) / (2 * replicas)


def reference_weight(sums: Sums, gamma: float, reference: Signs) -> float:
    """gamma S.w_r."""
    return gamma * int(np.dot(sums, reference.astype(np.int64)))


def distance_weight(dots: Sums, sums: Sums, gamma: float) -> float:
    """-(gamma/y) sum_a |w_a - c| from w_a.S of each replica (y,): |w_a - c|^2 = N - 2 w_a.S / y + S.S / y^2."""
    replicas, norm, total = len(dots), int(np.dot(sums, sums)), 0.0
    for dot in dots.tolist():
        total += math.sqrt(max(0.0, len(sums) - 2 * dot / replicas + norm / replicas**2))
    return -gamma * total / replicas
