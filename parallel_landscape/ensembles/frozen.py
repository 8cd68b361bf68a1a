"""Sampling under a frozen table: nothing is learnt any more, and every proposal is counted.

The counts C(I, J) of proposals from level I to level J, accepted or not, estimate the transition matrix of the proposals alone,
T(I, J) = C(I, J) / sum_J C(I, J), under whatever weight they were collected, and g(I) T(I, J) = g(J) T(J, I) for
symmetric moves: J.-S. Wang, R. H. Swendsen, J. Stat. Phys. 106, 245 (2002), eqs. 6 and 8. They are integers, so they add up
exactly over slots, ranks and restarts.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

BEYOND = 2**31 - 1  # stands for all changes outside the band, in a file


class Frozen(NamedTuple):
    """ln_g and histogram (levels,) as in wang_landau.Weight, but ln_g stays; `counts` (rows * (2 band + 2),) of proposals.

    Row r counts proposals from level low + r: column c those that change the level by c - band, the last column all others.
    """

    ln_g: NDArray[np.float64]
    histogram: NDArray[np.int64]
    counts: NDArray[np.int64]
    low: int
    band: int


def frozen_visit(weight: Frozen, level: int, here: float) -> float:
    """Count the visit; the cost stays what it is."""
    weight.histogram[np.uint64(level)] += 1
    return here


def count_proposal(weight: Frozen, level: int, change: int) -> None:
    """Count a proposal from `level` that would change it by `change` levels."""
    width = 2 * weight.band + 2
    column = np.uint64(change + weight.band)
    last = np.uint64(width - 1)
    row = np.uint64((level - weight.low) * width)
    weight.counts[row + (column if column < last else last)] += 1


def no_counts(low: int, high: int, band: int) -> NDArray[np.int64]:
    """Counts of nothing yet, for a window of levels [low, high], as (rows, 2 band + 2)."""
    return np.zeros((high - low + 1, 2 * band + 2), np.int64)


def in_coordinates(counts: NDArray[np.int64], low: int) -> dict[str, NDArray[Any]]:
    """The entries that are not 0: `level` before, `change` of the level (BEYOND: outside the band), `count`."""
    band = counts.shape[1] // 2 - 1
    rows, columns = np.nonzero(counts)
    change = np.where(columns == 2 * band + 1, BEYOND, columns - band)
    return {"level": (rows + low).astype("i4"), "change": change.astype("i4"), "count": counts[rows, columns]}
