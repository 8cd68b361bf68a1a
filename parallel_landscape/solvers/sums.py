"""Sums in a fixed order that the machine nevertheless adds many at a time: 64 partial sums, then their halves onto each other.

One running sum waits for each addition to end; to let the compiler reorder it would give other bits on another machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

PARTS = 64
Real = NDArray[np.float64]


def product_sum(a: Any, b: Real, parts: Real) -> Any:
    """The sum of a_i b_i, a of any kind; `parts` (64,) is scratch space."""
    parts[:] = 0.0
    whole = len(b) // PARTS * PARTS
    for start in range(0, whole, PARTS):
        some, others = a[start : start + PARTS], b[start : start + PARTS]
        for j in range(PARTS):
            parts[j] += some[j] * others[j]
    for j in range(len(b) - whole):
        parts[j] += a[whole + j] * b[whole + j]
    return _folded(parts)


def plain_sum(a: Real, parts: Real) -> Any:
    """The sum of a_i."""
    parts[:] = 0.0
    whole = len(a) // PARTS * PARTS
    for start in range(0, whole, PARTS):
        some = a[start : start + PARTS]
        for j in range(PARTS):
            parts[j] += some[j]
    for j in range(len(a) - whole):
        parts[j] += a[whole + j]
    return _folded(parts)


def _folded(parts: Real) -> Any:
    width = PARTS // 2
    while width > 0:
        for j in range(width):
            parts[j] += parts[j + width]
        width //= 2
    return parts[0]
