"""ln g(E) from the counts of proposed transitions between levels.

Proposals are symmetric, so the numbers of states obey detailed balance whatever the weights were:

    g(E) T(E -> E') = g(E') T(E' -> E),     T(E -> E') = proposals from E to E' / proposals from E

(J.-S. Wang and R. H. Swendsen, J. Stat. Phys. 106, 245 (2002), eqs. 12 and 21). The ln g are the
least-squares solution over all pairs of levels, each weighted by the variance of its counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from parallel_landscape.analysis.jackknife import FEWEST, jackknife
from parallel_landscape.analysis.survey import Partial
from parallel_landscape.analysis.transition_counts import BEYOND, Transitions

MOST_UNITS = 64  # that are left out one by one
DENSE = 4_000  # levels, up to which the errors that counting alone explains are worked out
Real = NDArray[np.float64]


@dataclass(frozen=True)
class Counted:
    """Kinds of transitions, from level `start` to `end` (-1: beyond), and `counts` (units, kinds). A unit is what one walker of
    each window of a repeat has done in a span of time."""

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    counts: NDArray[np.int64]
    levels: int


def merge_transitions(survey: Transitions, parts: Iterable[Partial], last_sweep: int) -> Counted | None:
    """Add up the partial results; None when nothing was counted."""
    frozen = survey.frozen
    repeats, members = int(frozen.repeat.max()) + 1, int(frozen.member.max()) + 1
    spans = max(1, MOST_UNITS // (repeats * members))
    found: dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}
    for part in parts:
        if not part["count"].size:
            continue
        span = min(spans - 1, spans * int(part["middle"][0]) // max(1, last_sweep + 1))
        end = np.where(part["change"] == BEYOND, -1, part["level"] + part["change"])
        kind = part["level"] * (frozen.levels + 1) + np.where((end < 0) | (end >= frozen.levels), frozen.levels, end)
        unit = ((frozen.repeat * members + frozen.member)[part["slot"]] * spans + span) % MOST_UNITS
        for number in np.unique(unit):
            here = unit == number
            old = found.get(int(number), (np.zeros(0, np.int64), np.zeros(0, np.int64)))
            found[int(number)] = _added(*old, kind[here], part["count"][here])
    if not found:
        return None
    kinds = np.unique(np.concatenate([kind for kind, _ in found.values()]))
    counts = np.zeros((len(found), len(kinds)), np.int64)
    for row, number in enumerate(sorted(found)):
        kind, count = found[number]
        counts[row, np.searchsorted(kinds, kind)] = count
    start, end = np.divmod(kinds, frozen.levels + 1)
    return Counted(start, np.where(end == frozen.levels, -1, end), counts, frozen.levels)


def _added(
    kind: NDArray[np.int64], count: NDArray[np.int64], more: NDArray[np.int64], by: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    both, where = np.unique(np.concatenate([kind, more]), return_inverse=True)
    total = np.zeros(len(both), np.int64)
    np.add.at(total, where, np.concatenate([count, by]))
    return both, total


@dataclass(frozen=True)
class TransitionCurve:
    """ln_g (levels,), its states summing to 1, nan where there is none; its standard error; chi_square per degree of freedom of
    the fit; `apart`: levels that no kept transition connects with the others; `rough`: whether the error is that of counting,
    for want of independent data."""

    ln_g: Real
    error: Real
    chi_square: float
    apart: NDArray[np.int64]
    rough: bool


def transition_curve(counted: Counted) -> TransitionCurve:
    """The least-squares ln g. Errors by leaving out units where there are enough of them, else from the variance of the counts
    times chi-square per degree of freedom where that is above 1."""
    pairs = _Pairs.of(counted)
    whole = pairs.fit(counted.counts.sum(axis=0))
    ln_g, apart = whole.placed(counted.levels)
    sizes = counted.counts.sum(axis=1).astype(float)
    rough = len(sizes) < FEWEST
    if rough:
        error = _nan(counted.levels)
        error[whole.levels] = whole.counting_error() * np.sqrt(max(1.0, whole.chi_square) if whole.freedom > 0 else 1.0)
    else:
        total = counted.counts.sum(axis=0)
        left = np.array([pairs.fit(total - unit).placed(counted.levels)[0] for unit in counted.counts])
        error = jackknife(ln_g, left, sizes)
    return TransitionCurve(ln_g, error, whole.chi_square, apart, rough)


def _nan(count: int) -> Real:
    return np.full(count, np.nan)


@dataclass(frozen=True)
class _Pairs:
    """Which kinds of transition (there, back) make a pair, and the level below and above of each."""

    there: NDArray[np.int64]
    back: NDArray[np.int64]
    lower: NDArray[np.int64]
    upper: NDArray[np.int64]
    start: NDArray[np.int64]
    levels: int

    @staticmethod
    def of(counted: Counted) -> _Pairs:
        key = counted.start * counted.levels + counted.end
        known = counted.end >= 0
        order = np.argsort(np.where(known, key, -1), kind="stable")
        there = np.flatnonzero(known & (counted.end > counted.start))
        wanted = counted.end[there] * counted.levels + counted.start[there]
        place = np.searchsorted(np.where(known, key, -1)[order], wanted)
        back = order[np.minimum(place, len(order) - 1)]
        good = known[back] & (key[back] == wanted)
        there, back = there[good], back[good]
        return _Pairs(there, back, counted.start[there], counted.end[there], counted.start, counted.levels)

    def fit(self, counts: NDArray[np.int64]) -> _Fit:
        """Least squares over the pairs that were counted both ways."""
        made = np.bincount(self.start, counts, self.levels).astype(float)
        up, down = counts[self.there].astype(float), counts[self.back].astype(float)
        good = (up > 0) & (down > 0)
        up, down, lower, upper = up[good], down[good], self.lower[good], self.upper[good]
        difference = np.log(up / made[lower]) - np.log(down / made[upper])
        variance = np.maximum((1 - up / made[lower]) / up + (1 - down / made[upper]) / down, 1e-300)
        return _fit(lower, upper, difference, 1.0 / variance, made)


@dataclass(frozen=True)
class _Fit:
    levels: NDArray[np.int64]
    ln_g: Real
    normal: Any
    chi_square: float
    freedom: int
    apart: NDArray[np.int64]

    def placed(self, levels: int) -> tuple[Real, NDArray[np.int64]]:
        found = _nan(levels)
        found[self.levels] = self.ln_g
        return found, self.apart

    def counting_error(self) -> Real:
        """Square root of the diagonal of the covariance of ln g less the logarithm of the sum of its states."""
        if not 1 < len(self.levels) <= DENSE:
            return _nan(len(self.levels)) if len(self.levels) > 1 else np.zeros(len(self.levels))
        covariance = np.zeros((len(self.levels),) * 2)
        covariance[1:, 1:] = np.linalg.inv(self.normal.toarray()[1:, 1:])
        share = np.exp(self.ln_g)
        with_sum = covariance @ share
        return np.asarray(np.sqrt(np.maximum(np.diag(covariance) - 2 * with_sum + share @ with_sum, 0.0)))


def _fit(lower: NDArray[np.int64], upper: NDArray[np.int64], difference: Real, weight: Real, made: Real) -> _Fit:
    """ln g of the largest connected part: minimises sum weight (ln g[upper] - ln g[lower] - difference)^2."""
    size = len(made)
    graph = sparse.coo_matrix((np.ones(len(lower)), (lower, upper)), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    best = np.argmax(np.bincount(label, made))
    levels = np.flatnonzero((label == best) & (made > 0))
    apart = np.flatnonzero((label != best) & (made > 0))
    mine = label[lower] == best
    low, high = np.searchsorted(levels, lower[mine]), np.searchsorted(levels, upper[mine])
    difference, weight, count = difference[mine], weight[mine], len(levels)
    edges = np.arange(len(low))
    incidence = sparse.csr_matrix(
        (np.repeat([1.0, -1.0], len(low)), (np.tile(edges, 2), np.concatenate([high, low]))), shape=(len(low), count)
    )
    normal = sparse.csc_matrix(incidence.T @ incidence.multiply(weight[:, None]))
    ln_g = np.zeros(count)
    if count > 1:
        ln_g[1:] = splu(sparse.csc_matrix(normal[1:, 1:])).solve((incidence.T @ (weight * difference))[1:])
    misfit = float(np.sum(weight * (incidence @ ln_g - difference) ** 2))
    freedom = len(low) - count + 1
    ln_g -= np.logaddexp.reduce(ln_g)
    return _Fit(levels, ln_g, normal, misfit / freedom if freedom > 0 else float("nan"), freedom, apart)
