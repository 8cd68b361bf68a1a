"""Real inputs as exact 32-bit integers, so that fields never drift and have the same bits on each machine.

The sign of a field S = sum_i w_i x_i does not change when a pattern is scaled, so pattern p is replaced by X = round(2^s x)
with the largest s for which no sum of |X_i| that a unit can see exceeds 2^31 - 1. What is kept of a field is h = floor(S / 2):
h < 0 exactly when S < 0, and S = 0 counts as positive. A flip of w_i changes S by -2 w_i X_i, so h by exactly -w_i X_i.
A label y = -1 is folded in by ~h = -h - 1, which is negative exactly when h is not, and by X -> -X.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 2**31 - 1  # of a sum of |X_i|; |h| stays below 2^30


def is_binary(patterns: NDArray[Any]) -> bool:
    """Whether every entry is exactly +1 or -1."""
    return bool(np.all(np.abs(patterns) == 1))


def fixed_point(patterns: NDArray[np.float64], blocks: int = 1) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """X (P, N) and the exponents s (P,), X = round(2^s x); a unit sees all inputs, or one of `blocks` equal blocks of them."""
    largest = np.frexp(np.abs(patterns).max(axis=1))[1].astype(np.int64)
    unit = np.ldexp(patterns, -largest[:, None])  # entries in (-1, 1): sums neither overflow nor vanish
    sums = np.abs(unit).reshape(len(unit), blocks, -1).sum(axis=2).max(axis=1)
    shift = np.where(sums > 0, 32 - np.frexp(sums)[1].astype(np.int64), 0)
    while True:  # at most three times: the first guess is one too large, and rounding may add one more
        scaled = np.rint(np.ldexp(unit, shift[:, None])).astype(np.int64)
        over = np.abs(scaled).reshape(len(unit), blocks, -1).sum(axis=2).max(axis=1) > LARGEST
        if not over.any():
            return scaled, shift - largest
        shift = shift - over


def rounded(patterns: NDArray[np.float64], blocks: int = 1) -> NDArray[np.float64]:
    """The patterns (P, N) that are sampled in fact, 2^-s X; their fields are exact in double precision."""
    scaled, shift = fixed_point(patterns, blocks)
    return np.ldexp(scaled.astype(np.float64), -shift[:, None])
