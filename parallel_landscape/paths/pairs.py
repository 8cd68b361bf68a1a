"""Many curves between samples of a run, with errors from leaving one sample out.

The pairs of a few chains are not independent: two pairs that share a chain say partly the same. So the error comes from the
jackknife over chains, all curves with a chain left out at once; B. Efron, C. Stein, Ann. Stat. 9, 586 (1981), for U-statistics.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.paths.curves import (
    Energies,
    Line,
    between,
    energies_of,
    even,
    mixed,
    overlap,
    positions_of,
    random_shares,
    rise,
)

F = NDArray[np.float64]
Align = Callable[[F, F], F]  # brings the first vector into the form closest to the second
SETS = 64  # simplices of one kind, at most
INSIDE = 8  # random points in each


def as_it_is(weights: F, reference: F) -> F:
    """No alignment."""
    return weights


@dataclass(frozen=True)
class Item:
    """One curve or simplex: the chains it rests on, each (set, number), and its values."""

    chains: tuple[tuple[int, int], ...]
    values: F


@dataclass(frozen=True)
class Mean:
    """Mean values of items, their standard errors (nan where they cannot be had), and the number of items."""

    value: F
    error: F
    items: int


def mean_of(items: Sequence[Item]) -> Mean:
    """Mean and jackknife error; chains of different sets add their variances."""
    values = np.array([item.values for item in items])
    variance = np.zeros(values.shape[1:])
    for which in sorted({chain[0] for item in items for chain in item.chains}):
        chains = sorted({chain for item in items for chain in item.chains if chain[0] == which})
        left = [[item.values for item in items if chain not in item.chains] for chain in chains]
        if len(chains) < 2 or not all(left):
            variance = np.full_like(variance, math.nan)
            continue
        means = np.array([np.mean(kept, axis=0) for kept in left])
        variance = variance + (len(chains) - 1) / len(chains) * ((means - means.mean(axis=0)) ** 2).sum(axis=0)
    return Mean(values.mean(axis=0), np.sqrt(variance), len(items))


@dataclass(frozen=True)
class Paths:
    """Curves between pairs: positions (M,), mean energy (M,) along them, and per pair q, energy halfway, barrier, free."""

    positions: F
    energy: Mean
    overlap: Mean
    barrier: Mean
    free: Mean


def pairs_within(samples: F) -> list[tuple[tuple[tuple[int, int], ...], F, F]]:
    """Every two chains of `samples` (chains, times, n), at every time."""
    chains, times = samples.shape[:2]
    return [
        (((0, a), (0, b)), samples[a, t], samples[b, t])
        for t in range(times)
        for a, b in itertools.combinations(range(chains), 2)
    ]


def pairs_across(first: F, second: F) -> list[tuple[tuple[tuple[int, int], ...], F, F]]:
    """Every chain of one run with every chain of another, at as many times as both have."""
    times = min(first.shape[1], second.shape[1])
    return [
        (((1, a), (0, b)), first[a, t], second[b, t])
        for t in range(times)
        for a in range(len(first))
        for b in range(len(second))
    ]


def along(
    pairs: Sequence[tuple[tuple[tuple[int, int], ...], F, F]],
    energies: Energies,
    points: int,
    line: Line = "geodesic",
    align: Align = as_it_is,
) -> Paths:
    """Energies along the curves between all pairs; position 1 is the first of each."""
    positions = positions_of(points)
    ready = [(chains, first, align(second, first)) for chains, first, second in pairs]
    found = energies_of(energies, (between(first, second, positions, line) for _, first, second in ready))
    rises = [rise(curve) for curve in found]

    def items(values: Sequence[F | float]) -> Mean:
        return mean_of(
            [Item(chains, np.atleast_1d(np.asarray(v, float))) for (chains, _, _), v in zip(ready, values, strict=True)]
        )

    return Paths(
        positions,
        items(found),
        items([overlap(first, second) for _, first, second in ready]),
        items([one.barrier for one in rises]),
        items([float(one.free) for one in rises]),
    )


def simplices(samples: F, energies: Energies, vertices: int, line: Line = "geodesic", align: Align = as_it_is) -> Mean:
    """Energies (2,) at the barycentre and at random inner points of simplices of `vertices` chains of (chains, times, n)."""
    rng = np.random.default_rng(vertices)
    chains, times = samples.shape[:2]
    every = [(t, chosen) for t in range(times) for chosen in itertools.combinations(range(chains), vertices)]
    kept = [every[k] for k in np.sort(rng.permutation(len(every))[:SETS])]
    shares = [np.concatenate([even(vertices), random_shares(vertices, INSIDE, rng)]) for _ in kept]
    corners = [np.array([align(samples[a, t], samples[chosen[0], t]) for a in chosen]) for t, chosen in kept]
    found = energies_of(energies, (mixed(corner, share, line) for corner, share in zip(corners, shares, strict=True)))
    return mean_of(
        [
            Item(tuple((0, a) for a in chosen), np.array([curve[0], curve[1:].mean()]))
            for (_, chosen), curve in zip(kept, found, strict=True)
        ]
    )
