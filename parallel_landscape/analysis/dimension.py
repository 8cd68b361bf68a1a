"""The effective dimension of a low-energy region, from the fluctuations of the energy at several temperatures.

In a quadratic basin with d directions that are not flat, E - E_0 ~ Gamma(d/2, T), so that <E> = E_0 + d T/2 and Var E = d
T^2/2:

    from fluctuations   d(T) = 2 Var E / T^2, which for any landscape is 2 d<E>/dT
    from means          d(T) = 2 (<E> - E_0) / T, with E_0 from a straight line through the coldest temperatures

Both agree where the landscape looks quadratic (T. Jules et al., arXiv:2304.01335).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F = NDArray[np.float64]
FEWEST = 3  # temperatures of a line that can be judged
JUDGED = 3.0  # standard deviations of chi-square above its mean, up to which a line fits: by chance one of 45 does not


def from_fluctuations(heat_capacity: F, error: F) -> tuple[F, F]:
    """d at each temperature, with its error."""
    return 2.0 * heat_capacity, 2.0 * error


@dataclass(frozen=True)
class Ground:
    """The energy E_0 at temperature 0 with its error, and through how many of the coldest temperatures the line goes."""

    energy: float
    error: float
    count: int


def ground_of(temperatures: F, energies: F, errors: F) -> Ground | None:
    """Where a straight line through the coldest temperatures ends, as many as it fits; None where fewer than three lie on one,
    or errors are unknown."""
    order = np.argsort(temperatures)
    if not (np.isfinite(errors).all() and (errors > 0).all()):
        return None
    best = None
    for count in range(FEWEST, len(temperatures) + 1):
        coldest = order[:count]
        energy, error, misfit = _line(temperatures[coldest], energies[coldest], errors[coldest])
        if misfit > count - 2 + JUDGED * math.sqrt(2.0 * (count - 2)):
            break
        best = Ground(energy, error, count)
    return best


def above_ground(temperatures: F, energies: F, errors: F, ground: Ground | None) -> tuple[F, F]:
    """d at each temperature with its error; nan without a ground."""
    if ground is None:
        nothing = np.full(len(temperatures), math.nan)
        return nothing, nothing.copy()
    return 2.0 * (energies - ground.energy) / temperatures, 2.0 * np.hypot(errors, ground.error) / temperatures


def from_means(temperatures: F, energies: F, errors: F) -> tuple[F, F, float, int]:
    """d at each temperature with its error, the energy E_0 at temperature 0, and through how many of the coldest temperatures
    the line goes; nan, and 0, where there is none."""
    ground = ground_of(temperatures, energies, errors)
    dimension, error = above_ground(temperatures, energies, errors, ground)
    return dimension, error, *((math.nan, 0) if ground is None else (ground.energy, ground.count))


def _line(x: F, y: F, errors: F) -> tuple[float, float, float]:
    """Where the weighted straight line meets x = 0, the error of that, and chi-square."""
    weights = 1.0 / errors**2
    total, first, second = weights.sum(), weights @ x, weights @ (x * x)
    determinant = total * second - first**2
    start = float((second * (weights @ y) - first * (weights @ (x * y))) / determinant)
    slope = float((total * (weights @ (x * y)) - first * (weights @ y)) / determinant)
    return start, float(math.sqrt(second / determinant)), float(weights @ (y - start - slope * x) ** 2)
