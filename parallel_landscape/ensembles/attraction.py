"""Coupled replicas of continuous weights: what a group's weights say of its centre or field, and the ln of a group's weight.

y replicas w_a of n weights, S = sum_a w_a, Q = sum_a |w_a|^2. Each replica sees U = beta E + prior + stiffness |w|^2/2 -
field.w:

    star       -(gamma/2) sum_a |w_a - c|^2 with a centre c anywhere: c ~ N(S/y, 1/(y gamma)) given S, and given c stiffness
               gamma and field gamma c. With the centre integrated out this is -(gamma/2) (Q - S.S/y) =
               -(gamma/2y) sum_{a<b} |w_a - w_b|^2.
    pairwise   (gamma/y) sum_{a<b} w_a.w_b = (gamma/2y) (S.S - Q): h ~ N((gamma/y)^(1/2) S, 1) given S (Hubbard-Stratonovich),
               field (gamma/y)^(1/2) h; the integral over h gives S.S, and the stiffness gamma/y takes Q out again.

On a sphere Q is a constant, no stiffness is felt, and the replicas of both forms have the same law.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

F = NDArray[np.float64]
Sums = NDArray[np.int64]
ONE = 2**40  # a weight of 1 as an integer, so that sums are exact and the same on any number of ranks


def as_integers(weights: F, replicas: int) -> Sums:
    """Weights in units of 1 / ONE, as they are summed over so many replicas. Raises OverflowError beyond `largest`."""
    if not np.abs(weights).max() < largest(replicas):
        raise OverflowError(f"a weight of {np.abs(weights).max():.3g}; replicas are summed up to {largest(replicas):.3g}")
    return np.rint(weights * ONE).astype(np.int64)


def largest(replicas: int) -> float:
    """How large a weight may be for the sum of so many."""
    return 2.0**62 / ONE / replicas


def squared(vector: F) -> float:
    """|v|^2, added up in order: the same bits on every processor, for all ranks decide by it."""
    return float(np.cumsum(vector * vector)[-1])


def star_field(sums: F, gamma: float, replicas: int, draws: np.random.Generator) -> tuple[float, F]:
    """Stiffness and field (n,) around a centre that is drawn given S (n,)."""
    if gamma == 0:
        return 0.0, np.zeros(len(sums))
    centre = sums / replicas + draws.standard_normal(len(sums)) / math.sqrt(replicas * gamma)
    return gamma, gamma * centre


def pairwise_field(sums: F, gamma: float, replicas: int, draws: np.random.Generator) -> tuple[float, F]:
    """Stiffness and field (n,) with an auxiliary field that is drawn given S (n,)."""
    scale = math.sqrt(gamma / replicas)
    return gamma / replicas, scale * (scale * sums + draws.standard_normal(len(sums)))


FIELDS = {"star": star_field, "pairwise": pairwise_field}


def ln_weight(form: str, sums: F, norms: float, gamma: float, replicas: int) -> float:
    """ln of the weight of a group with S (n,) and Q, centre and field integrated out, but for a constant of gamma."""
    between = squared(sums) / replicas
    return 0.5 * gamma * (between - norms) if form == "star" else 0.5 * gamma * (between - norms / replicas)
