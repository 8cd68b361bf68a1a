"""Which hidden units of a committee are to learn a pattern: the ones that are nearest to being right."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def fields_of(x: NDArray[Any], weights: NDArray[Any], pattern: int, stride: int, fields: NDArray[Any]) -> int:
    """Set `fields` (K,) of the units for a folded pattern of x (P, N); returns the number of units at +1."""
    units = len(fields)
    inputs = len(weights) // units
    right = 0
    for k in range(units):
        row, own = x[pattern, k * stride : k * stride + inputs], weights[k * inputs : (k + 1) * inputs]
        field = row[0] * own[0]
        for i in range(1, inputs):
            field += row[i] * own[i]
        fields[k] = field
        right += field >= 0
    return right


def least_wrong(fields: NDArray[Any], missing: int, chosen: NDArray[np.bool_]) -> None:
    """Mark in `chosen` the `missing` units that are wrong by the least: those to turn for a majority."""
    chosen[:] = False
    for _ in range(missing):
        best = -1
        for k in range(len(fields)):
            if fields[k] < 0 and not chosen[k] and (best < 0 or fields[k] > fields[best]):
                best = k
        chosen[best] = True
