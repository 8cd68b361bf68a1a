"""Means and overlaps of solutions that an algorithm has found: no equilibrium, so plain means, with errors over instances.

With solutions on one instance only, errors are those over its restarts, and say nothing of other training sets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.analysis.overlap_windows import BINS, cosines, middles

Real = NDArray[np.float64]
BLOCK = 1024  # rows of weights that are multiplied at once


@dataclass(frozen=True)
class Solutions:
    """Attempts in the order of instance and restart: instance, restart, energy, iterations (R,) and weights (R, V), of +-1 or
    continuous; values: observables by name, (R,) each."""

    instance: NDArray[np.int64]
    restart: NDArray[np.int64]
    energy: NDArray[Any]
    iterations: NDArray[np.int64]
    weights: NDArray[Any]
    values: Mapping[str, Real]


def on_levels(found: Solutions) -> dict[str, Any]:
    """Number of attempts on each energy, and of each observable X: X, X_error and X_variance."""
    levels = np.unique(found.energy)
    table: dict[str, Any] = {"energy": levels, "samples": [int((found.energy == level).sum()) for level in levels]}
    for name, values in found.values.items():
        rows = [mean_of(values[found.energy == level], found.instance[found.energy == level]) for level in levels]
        table |= dict(zip(variables_of(name), np.array(rows).T, strict=True))
    return table


def variables_of(name: str) -> tuple[str, str, str]:
    """Mean, error and variance of an observable, by name."""
    return name, f"{name}_error", f"{name}_variance"


def mean_of(values: Real, instance: NDArray[np.int64]) -> tuple[float, float, float]:
    """Mean, each instance weighing alike, its standard error, and the variance of all values; nan from too few."""
    means = np.array([values[instance == one].mean() for one in np.unique(instance)])
    independent = means if len(means) > 1 else values
    several = len(independent) > 1
    error = float(independent.std(ddof=1)) / math.sqrt(len(independent)) if several else math.nan
    return float(means.mean()), error, float(values.var(ddof=1)) if len(values) > 1 else math.nan


def overlaps(found: Solutions, ranges: tuple[tuple[int, int], ...]) -> dict[str, Any]:
    """P(q) of pairs of solutions of one instance with energies in each range, as the group `overlap` of a result holds it."""
    size = found.weights.shape[1]
    count = partial(_distances, size=size)
    laws = [_law(found, (found.energy >= low) & (found.energy <= high), count, size + 1) for low, high in ranges]
    return {
        "q": np.linspace(-1.0, 1.0, size + 1),
        "energy_low": [low for low, _ in ranges],
        "energy_high": [high for _, high in ranges],
        "pairs": [pairs for _, _, pairs in laws],
        "probability": [law for law, _, _ in laws],
        "probability_error": [error for _, error, _ in laws],
    }


def by_success(found: Solutions, success: NDArray[np.bool_]) -> dict[str, Any]:
    """The group `attempts` of a result with continuous weights, for those that succeeded and for those that did not: their
    number, means of energy and observables, and P(q) of pairs on one instance, q the cosine of the angle between weights."""
    outcomes = [outcome for outcome in (True, False) if (success == outcome).any()]
    table: dict[str, Any] = {"success": outcomes, "samples": [int((success == outcome).sum()) for outcome in outcomes]}
    for name, values in {"energy": found.energy, **found.values}.items():
        rows = [mean_of(values[success == outcome], found.instance[success == outcome]) for outcome in outcomes]
        names = ("energy_mean", "energy_mean_error", "energy_variance") if name == "energy" else variables_of(name)
        table |= dict(zip(names, np.array(rows).T, strict=True))
    laws = [_law(found, success == outcome, _cosines, BINS) for outcome in outcomes]
    names = ("probability", "probability_error", "pairs")
    return {**table, "q": middles(BINS), **dict(zip(names, zip(*laws, strict=True), strict=True))}


Count = Callable[[NDArray[Any]], NDArray[np.int64]]


def _law(found: Solutions, inside: NDArray[np.bool_], count: Count, places: int) -> tuple[Real, Real, int]:
    """P(q) at so many places, its error, and the number of pairs. count(weights (R, V)) -> (R, places): how many others have
    each overlap with a solution."""
    groups = [np.flatnonzero(inside & (found.instance == one)) for one in np.unique(found.instance[inside])]
    groups = [rows for rows in groups if len(rows) > 1]
    if not groups:
        return np.full(places, np.nan), np.full(places, np.nan), 0
    tables = [count(found.weights[rows]) for rows in groups]
    pairs = sum(len(rows) * (len(rows) - 1) // 2 for rows in groups)
    if len(tables) > 1:
        laws = np.array([_normalised(table.sum(axis=0)) for table in tables])
        return laws.mean(axis=0), laws.std(axis=0, ddof=1) / math.sqrt(len(laws)), pairs
    return _normalised(tables[0].sum(axis=0)), _left_out(tables[0]), pairs


def _distances(weights: NDArray[np.int8], size: int) -> NDArray[np.int64]:
    """(R, V + 1): how many others have each overlap with a solution, from -1 to 1."""
    rows, real = len(weights), weights.astype(np.float32)
    table = np.zeros((rows, size + 1), np.int64)
    for first in range(0, rows, BLOCK):
        place = np.rint((real[first : first + BLOCK] @ real.T + size) / 2).astype(np.int64)
        for row, places in enumerate(place, first):
            table[row] = np.bincount(places, minlength=size + 1)
    table[:, size] -= 1  # itself
    return table


def _cosines(weights: NDArray[Any]) -> NDArray[np.int64]:
    """(R, BINS): how many others have each cosine with a solution, from -1 to 1."""
    table = np.zeros((len(weights), BINS), np.int64)
    for first, last, _, place in cosines(weights):
        for row in range(first, last):  # a pair is met once, with the later one
            others = BINS - 1 - place[row - first, row + 1 - first :]
            table[row] += np.bincount(others, minlength=BINS)
            np.add.at(table, (np.arange(row + 1, len(weights)), others), 1)
    return table


def _left_out(table: NDArray[np.int64]) -> Real:
    """Standard error by leaving out one solution with all its pairs."""
    rows, whole = len(table), table.sum(axis=0)
    if rows < 3:
        return np.full(table.shape[1], np.nan)
    left = np.array([_normalised(whole - 2 * own) for own in table])
    return np.asarray(np.sqrt((rows - 1) * left.var(axis=0)))


def _normalised(counts: NDArray[np.int64]) -> Real:
    return np.asarray(counts / counts.sum())
