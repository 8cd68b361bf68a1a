"""Exact density of states of the square Potts model, E = -sum_<ij> delta(s_i, s_j), on a periodic L x L lattice.

A transfer matrix that adds one spin at a time. The array

    G[s_1, ..., s_L, n] = number of ways to reach the present last row s_1 ... s_L with n satisfied bonds

is advanced at column j by the vertical bond between old s_j and new s'_j,

    G'[s'_j, n] = sum_{s_j} G[s_j, n - delta(s'_j, s_j)] = sum_{s_j} G[s_j, n] - G[s'_j, n] + G[s'_j, n - 1] ,

and then by the horizontal bonds that the new spin closes. The periodic lattice needs the first row kept fixed: one pass
for each first row up to a permutation of the colours. Every bond is counted, so a lattice of length 2 has double bonds.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import perm
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


def enumerate_potts(length: int, states: int) -> tuple[Counts, Counts]:
    """Energies that occur, ascending, and their exact numbers of states."""
    if states ** (length * length) >= 2**63:
        raise ValueError(f"{states}^({length}*{length}) states do not fit 63-bit integers")
    total = np.zeros(2 * length * length + 1, dtype=np.int64)
    for row, copies in _first_rows(length, states):
        total += copies * _bonds_above(row, states)
    bonds = np.flatnonzero(total)[::-1]
    return -bonds, total[bonds]


def _first_rows(length: int, states: int) -> Iterator[tuple[tuple[int, ...], int]]:
    """Rows whose colours are numbered in order of appearance, each with the number of rows it stands for."""
    for row in product(range(states), repeat=length):
        colours = list(dict.fromkeys(row))
        if colours == list(range(len(colours))):
            yield row, perm(states, len(colours))


def _bonds_above(row: tuple[int, ...], states: int) -> Counts:
    """Number of lattices with n satisfied bonds, n = 0 .. 2 L^2, whose first row is `row`."""
    length = len(row)
    counts = np.zeros((states,) * length + (2 * length * length + 1,), dtype=np.int64)
    counts[(*row, sum(row[j - 1] == row[j] for j in range(length)))] = 1
    for _ in range(length - 1):
        for column in range(length):
            counts = counts.sum(axis=column, keepdims=True) - counts + _satisfy(counts)
            if column > 0:
                counts = np.where(_equal(counts, column - 1, column), _satisfy(counts), counts)
        counts = np.where(_equal(counts, length - 1, 0), _satisfy(counts), counts)
    for column, spin in enumerate(row):
        above = _along(np.arange(states) == spin, column, counts.ndim)
        counts = np.where(above, _satisfy(counts), counts)
    return counts.sum(axis=tuple(range(length)))


def _satisfy(counts: Counts) -> Counts:
    """One more satisfied bond; the last entry is empty as long as a bond is still open."""
    return np.roll(counts, 1, axis=-1)


def _equal(counts: Counts, left: int, right: int) -> NDArray[np.bool_]:
    """Where the spins of two columns agree, in a shape that broadcasts against `counts`."""
    spins = np.arange(counts.shape[0])
    return _along(spins, left, counts.ndim) == _along(spins, right, counts.ndim)


def _along(values: NDArray[Any], axis: int, ndim: int) -> NDArray[Any]:
    """`values` laid along one axis of an array with `ndim` axes."""
    return values.reshape([-1 if other == axis else 1 for other in range(ndim)])
