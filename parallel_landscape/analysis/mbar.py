"""ln g(E) from the energies recorded in all windows at once.

M. R. Shirts and J. D. Chodera, J. Chem. Phys. 129, 124105 (2008), eq. 11. A frozen weight depends on the level alone, so MBAR
is exactly WHAM over levels: with n(E) records on level E, N_t records under table t and weights w_t,

    g(E) = n(E) / sum_t N_t w_t(E) / Z_t,     Z_t = sum_E g(E) w_t(E).

The ln Z_t minimise a convex function, which is done by Newton's method.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

from parallel_landscape.errors import RunError

PRECISION = 1e-12  # of the expected records of a table, relative
LOOSE = 1e-6  # above which the equations are not solved
MOST_STEPS = 200
LARGEST_STEP = 5.0  # of a ln Z; farther away the curvature is another
FULL = 50_000  # entries, up to which full matrices are faster than sparse ones
Real = NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """Ragged tables: entry i says that table `table[i]` gives level `level[i]` the weight exp(ln_weight[i])."""

    table: NDArray[np.int64]
    level: NDArray[np.int64]
    ln_weight: Real
    tables: int
    levels: int


def make_weights(ln_weight: Real, offset: NDArray[np.int64], low: NDArray[np.int64], levels: int) -> Weights:
    """From the flat tables, where each begins, and its lowest level (tables,); entries without weight are left out."""
    table = np.repeat(np.arange(len(low)), np.diff(offset))
    level = np.arange(len(ln_weight)) - offset[table] + low[table]
    there = np.isfinite(ln_weight)
    return Weights(table[there], level[there], ln_weight[there], len(low), levels)


@dataclass(frozen=True)
class Curve:
    """ln_g (levels,), its states summing to 1, nan where nothing was recorded; ln_z (tables,); `apart`: levels that were
    recorded but are connected with the others by no table."""

    ln_g: Real
    ln_z: Real
    apart: NDArray[np.int64]


def solve(
    weights: Weights, level_counts: NDArray[np.int64], table_counts: NDArray[np.int64], start: Real | None = None
) -> Curve:
    """The curve from records on each level (levels,) and under each table (tables,); `start`: ln_z to begin with."""
    used = (level_counts[weights.level] > 0) & (table_counts[weights.table] > 0)
    tables, levels = np.unique(weights.table[used]), np.unique(weights.level[used])
    ln_g, ln_z = np.full(weights.levels, np.nan), np.full(weights.tables, np.nan)
    if not len(levels):
        return Curve(ln_g, ln_z, levels)
    row, column = np.searchsorted(tables, weights.table[used]), np.searchsorted(levels, weights.level[used])
    mine, kept = _largest_part(row, column, level_counts[levels].astype(float), len(tables))
    row, column = (
        np.searchsorted(np.flatnonzero(mine), row[mine[row]]),
        np.searchsorted(np.flatnonzero(kept), column[kept[column]]),
    )
    entries = used.copy()
    entries[used] = mine[np.searchsorted(tables, weights.table[used])]
    problem = _Problem(
        *(row, column, weights.ln_weight[entries], level_counts[levels[kept]].astype(float)),
        table_counts[tables[mine]].astype(float),
    )
    begin = None if start is None else -start[tables[mine]]
    free = problem.minimum(begin if begin is not None and np.isfinite(begin).all() else None)
    found = problem.ln_g(free)
    shift = float(np.logaddexp.reduce(found))
    ln_g[levels[kept]] = found - shift
    ln_z[tables[mine]] = -free - shift
    return Curve(ln_g, ln_z, levels[~kept])


def _largest_part(
    row: NDArray[np.int64], column: NDArray[np.int64], counts: Real, tables: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which tables and levels belong to the connected part with most records."""
    size = tables + len(counts)
    graph = sparse.coo_matrix((np.ones(len(row)), (row, column + tables)), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    best = np.argmax(np.bincount(label[tables:], counts))
    return label[:tables] == best, label[tables:] == best


@dataclass(frozen=True)
class _Problem:
    """Entries (row: table, column: level, ln_weight) of a connected part, with its counts."""

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    ln_weight: Real
    level_counts: Real
    table_counts: Real

    def minimum(self, begin: Real | None) -> Real:
        """-ln Z of every table, the first one 0."""
        free = self._guess() if begin is None else begin - begin[0]
        value, terms = self._value(free)
        for _ in range(MOST_STEPS):
            gradient = np.bincount(self.row, terms * self.level_counts[self.column], len(free)) - self.table_counts
            if len(free) == 1 or np.max(np.abs(gradient[1:]) / self.table_counts[1:]) < PRECISION:
                break
            step = self._descend(terms, self.level_counts, gradient)
            length = min(1.0, LARGEST_STEP / max(1e-300, float(np.max(np.abs(step)))))
            while length > 1e-9:
                tried, tried_terms = self._value(free + length * step)
                if tried <= value + 1e-12 * abs(value):
                    break
                length /= 2
            free, stuck = free + length * step, tried >= value and float(np.max(np.abs(step))) < 1e-12
            value, terms = tried, tried_terms
            if stuck:
                break
        gradient = np.bincount(self.row, terms * self.level_counts[self.column], len(free)) - self.table_counts
        if np.max(np.abs(gradient) / self.table_counts) > LOOSE:
            raise RunError("the weights of the windows cannot be brought together: their recorded energies hardly overlap")
        return free - free[0]

    def _guess(self) -> Real:
        """Frozen weights are nearly 1/g: constants that bring the tables together where they share levels, by least squares."""
        tables = np.bincount(self.column, minlength=len(self.level_counts)).astype(np.float64)
        mean = np.bincount(self.column, self.ln_weight, len(self.level_counts)) / tables
        apart: Real = np.bincount(self.row, self.ln_weight - mean[self.column], len(self.table_counts)).astype(np.float64)
        shares = 1.0 / tables[self.column]
        return self._descend(shares, np.asarray(tables, np.float64), apart)

    def _descend(self, shares: Real, levels: Real, gradient: Real) -> Real:
        """The step down the gradient; the curvature is that of `shares` of each level in each table, times `levels`."""
        shape = (len(self.table_counts), len(self.level_counts))
        step = np.zeros(len(gradient))
        if shape[0] * shape[1] < FULL:
            full = np.zeros(shape)
            full[self.row, self.column] = shares
            weighted = full * levels
            curvature = np.diag(weighted.sum(axis=1)) - weighted @ full.T
            step[1:] = np.linalg.lstsq(curvature[1:, 1:], -gradient[1:], rcond=1e-14)[0]
            return step
        table = sparse.csr_matrix((shares, (self.row, self.column)), shape=shape)
        weighted = table.multiply(levels[None, :]).tocsr()
        curvature = sparse.diags(np.asarray(weighted.sum(axis=1)).ravel()) - weighted @ table.T
        step[1:] = spsolve(sparse.csc_matrix(curvature)[1:, 1:], -gradient[1:])
        return np.where(np.isfinite(step), step, 0.0)

    def _value(self, free: Real) -> tuple[float, Real]:
        ln_terms = np.log(self.table_counts)[self.row] + free[self.row] + self.ln_weight
        total = _sum_exp(ln_terms, self.column, len(self.level_counts))
        value = float(self.level_counts @ total - self.table_counts @ free)
        return value, np.exp(ln_terms - total[self.column])

    def ln_g(self, free: Real) -> Real:
        """ln g of every level."""
        ln_terms = np.log(self.table_counts)[self.row] + free[self.row] + self.ln_weight
        return np.asarray(np.log(self.level_counts) - _sum_exp(ln_terms, self.column, len(self.level_counts)))


def _sum_exp(values: Real, group: NDArray[np.int64], groups: int) -> Real:
    """ln of the sum of exp(values) over each group."""
    top = np.full(groups, -np.inf)
    np.maximum.at(top, group, values)
    return np.asarray(top + np.log(np.bincount(group, np.exp(values - top[group]), groups)))
