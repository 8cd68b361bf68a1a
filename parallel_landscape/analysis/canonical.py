"""Averages at an inverse temperature from ln g(E), by reweighting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EDGE = 1e-3  # weight of a level at the end of what was sampled, relative to the largest, above which more lies outside
Real = NDArray[np.float64]


@dataclass(frozen=True)
class Canonical:
    """(betas,) each; `observables` (observables, betas)."""

    energy_mean: Real
    heat_capacity: Real
    free_energy: Real
    entropy: Real
    observables: Real

    def stacked(self) -> Real:
        """All in one array (4 + observables, betas)."""
        return np.concatenate([[self.energy_mean, self.heat_capacity, self.free_energy, self.entropy], self.observables])


def canonical(ln_g: Real, energy: Real, beta: Real, averages: Real) -> Canonical:
    """From ln_g, energy (levels,) and averages on each level (observables, levels), nan where unknown.

    Z = sum g exp(-beta E), C = beta^2 Var E, F = -ln Z / beta, S = ln Z + beta <E>, <X> = sum X(E) g exp(-beta E) / Z.
    """
    there = np.isfinite(ln_g)
    exponent = ln_g[there] - beta[:, None] * energy[there]
    top = exponent.max(axis=1, keepdims=True)
    weight = np.exp(exponent - top)
    total = weight.sum(axis=1, keepdims=True)
    weight /= total
    ln_z = (top + np.log(total))[:, 0]
    mean = weight @ energy[there]
    variance = np.sum(weight * (energy[there] - mean[:, None]) ** 2, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        free = np.where(beta == 0, np.nan, -ln_z / beta)
    return Canonical(
        mean,
        beta**2 * variance,
        free,
        ln_z + beta * mean,
        np.array([weight @ row[there] for row in averages]).reshape(-1, len(beta)),
    )


def covered(
    ln_g: Real, energy: Real, beta: Real, expected: NDArray[np.bool_], open_low: bool, open_high: bool
) -> NDArray[np.bool_]:
    """Whether the sampled levels carry the weight at each beta.

    expected (levels,): levels that exist as far as is known; open_low, open_high: whether there may be more levels beyond the
    lowest and the highest sampled one. Not covered where such an end, or a neighbour of a missing level, has weight.
    """
    there = np.flatnonzero(np.isfinite(ln_g))
    if not len(there):
        return np.zeros(len(beta), bool)
    exponent = ln_g[there] - beta[:, None] * energy[there]
    share = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    critical = np.zeros(len(there), bool)
    critical[0] |= open_low
    critical[-1] |= open_high
    for level in np.flatnonzero(expected & ~np.isfinite(ln_g)):
        near = np.searchsorted(there, level)
        critical[max(0, near - 1) : near + 1] = True
    return np.asarray((share[:, critical] < EDGE).all(axis=1))


def default_betas(ln_g: Real, energy: Real, count: int = 65) -> Real:
    """From 0 to where the lowest level carries nearly everything: the steepest slope of ln g and a little more."""
    there = np.isfinite(ln_g)
    if there.sum() < 2:
        return np.linspace(0.0, 1.0, count)
    slope = np.diff(ln_g[there]) / np.diff(energy[there])
    steepest = float(slope[: max(1, len(slope) // 4)].max())
    return np.linspace(0.0, 1.5 * steepest if steepest > 0 else 1.0, count)
