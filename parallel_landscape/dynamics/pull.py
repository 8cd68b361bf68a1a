"""What pulls a configuration of weights +-1 besides its energy: a linear field, or the distances to the mean of its group.

Move i flips weight i. Both hooks are closed over `weights`, which finds the flat configuration in a state.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.simd import Int

Hook = Callable[[Any, Any, int], Any]


class Pulled(NamedTuple):
    """ln_g and histogram (levels,) as in wang_landau.Weight; ln_g stays. field (N,): the weight is exp(field . w) more."""

    ln_g: NDArray[np.float64]
    histogram: NDArray[np.int64]
    field: NDArray[np.float64]


class Distant(NamedTuple):
    """As Pulled, but the weight is exp(-scale sum_b |w_b - c|) more, c the mean of all y members of a group.

    others (y - 1, N): the other members. sums (N,): the sum of all members' weights. dots (y,): w_b . sums of the others, then
    of this one. norm (1,): sums . sums.
    """

    ln_g: NDArray[np.float64]
    histogram: NDArray[np.int64]
    scale: float
    others: NDArray[np.int8]
    sums: NDArray[np.int64]
    dots: NDArray[np.int64]
    norm: NDArray[np.int64]


def unpulled(slot: Any, size: int, kind: str) -> Pulled | Distant:
    """What pulls `size` weights nowhere, of the types that a kernel is compiled for."""
    if kind == "field":
        return Pulled(slot.ln_g, slot.histogram, np.zeros(size))
    none = np.zeros(size, np.int64)
    return Distant(slot.ln_g, slot.histogram, 0.0, np.ones((1, size), np.int8), none, none[:1].copy(), none[:1].copy())


def field_pull(weights: Callable[[Any], NDArray[Any]]) -> Hook:
    """Flipping w_i changes field . w by -2 field_i w_i."""

    def pull(weight: Pulled, state: Any, move: int) -> Any:
        at = np.uint64(move)
        return -2.0 * weight.field[at] * weights(state)[at]

    return pull


def distances(weight: Distant, site: int, own: Int) -> float:
    """Sum over all members of |w_b - c| after this one's weight `own` at `site` were flipped; as they are for own = 0.

    With S = sum_b w_b, c = S / y: |w_b - c|^2 = N - 2 w_b.S / y + S.S / y^2. The flip changes S_i by -2 own, hence w_b.S by
    -2 own w_b,i of another one, and by 2 - 2 own S_i of this one, and S.S by 4 - 4 own S_i.
    """
    members = len(weight.dots)
    size, at = len(weight.sums), np.uint64(site)
    flipped = own * own
    norm = weight.norm[0] + 4 * flipped - 4 * own * weight.sums[at]
    total = 0.0
    for member in range(members):
        dot = weight.dots[member]
        if member < members - 1:
            dot -= 2 * own * weight.others[member, at]
        else:
            dot += 2 * flipped - 2 * own * weight.sums[at]
        total += math.sqrt(max(0.0, size - 2.0 * dot / members + norm / (members * members)))
    return total


def distance_pull(weights: Callable[[Any], NDArray[Any]]) -> Hook:
    """The change of -scale times the sum of the distances."""

    def pull(weight: Distant, state: Any, move: int) -> Any:
        own = np.int64(weights(state)[np.uint64(move)])
        return -weight.scale * (distances(weight, move, own) - distances(weight, move, np.int64(0)))

    return pull


def distance_take(weights: Callable[[Any], NDArray[Any]]) -> Hook:
    """Keep sums, dots and norm right."""

    def take(weight: Distant, state: Any, move: int) -> None:
        at = np.uint64(move)
        own, last = np.int64(weights(state)[at]), len(weight.dots) - 1
        for member in range(last):
            weight.dots[member] -= 2 * own * weight.others[member, at]
        weight.dots[last] += 2 - 2 * own * weight.sums[at]
        weight.norm[0] += 4 - 4 * own * weight.sums[at]
        weight.sums[at] -= 2 * own

    return take
