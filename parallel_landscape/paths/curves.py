"""Energy along a straight line or a geodesic between two weight vectors, and within the simplex of several.

A point of the simplex with weights c_a, sum c_a = 1, is sum_a c_a w_a. On the sphere, or for geodesics in flat space, it is
carried back to the length sum_a c_a |w_a|: great circles on the sphere. Position is the weight of the first vector, as in the
theory of B. L. Annesi et al., Phys. Rev. Lett. 131, 227301 (2023); not the angle.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.errors import RunError

F = NDArray[np.float64]
Energies = Callable[[F], F]
Line = Literal["geodesic", "straight"]
POINTS = 65
BATCH = 2**22  # numbers in one batch of weights, about
LEVEL = 1e-9  # relative rise that counts as none


def mixed(vertices: F, shares: F, line: Line = "geodesic") -> F:
    """Points (M, n) of the simplex of `vertices` (k, n) with `shares` (M, k). RunError where a geodesic is not defined."""
    points = shares @ vertices
    if line == "straight":
        return np.asarray(points)
    length = np.linalg.norm(points, axis=1)
    wanted = shares @ np.linalg.norm(vertices, axis=1)
    if np.any(length <= 1e-12 * wanted):
        raise RunError("a geodesic between opposite weight vectors is not defined: its middle is the origin")
    return np.asarray(points * (wanted / length)[:, None])


def between(first: F, second: F, positions: F, line: Line = "geodesic") -> F:
    """Points (M, n) of the curve at `positions` (M,): 1 is the first vector (n,), 0 the second."""
    return mixed(np.stack([first, second]), np.stack([positions, 1 - positions], axis=1), line)


def positions_of(points: int = POINTS) -> F:
    """Evenly spread from 0 to 1."""
    return np.linspace(0.0, 1.0, points)


def even(vertices: int) -> F:
    """The shares (1, k) of the barycentre."""
    return np.full((1, vertices), 1.0 / vertices)


def random_shares(vertices: int, count: int, rng: np.random.Generator) -> F:
    """Shares (count, k), uniform on the simplex."""
    return rng.dirichlet(np.ones(vertices), count)


def energies_of(energies: Energies, curves: Iterable[F]) -> list[F]:
    """Energies of the points of each curve (M, n), evaluated in batches; the size of a batch depends on the curves alone."""
    found: list[F] = []
    waiting = iter(curves)
    while some := list(itertools.islice(waiting, 1)):
        some += itertools.islice(waiting, max(0, BATCH // some[0].size - 1))
        ends = np.cumsum([len(curve) for curve in some])[:-1]
        found += np.split(energies(np.concatenate(some)), ends)
    return found


@dataclass(frozen=True)
class Rise:
    """barrier: the largest energy of a curve less that of its higher end. free: whether nothing lies above the higher end."""

    barrier: float
    free: bool


def rise(energies: F) -> Rise:
    """Of a curve whose first and last point are its ends."""
    top, end = float(energies.max()), float(max(energies[0], energies[-1]))
    return Rise(top - end, top <= end + LEVEL * max(1.0, abs(end)))


def overlap(first: F, second: F) -> float:
    """Cosine of the angle between two weight vectors."""
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))
