"""Means at any temperature in between, from the real energies of all temperatures at once.

M. R. Shirts and J. D. Chodera, J. Chem. Phys. 129, 124105 (2008), eqs. 9 and 11: with N_k records at beta_k,

    1/Z_k = exp(f_k),   Z(beta) = sum_m exp(-beta E_m) / D_m,   D_m = sum_k N_k exp(f_k - beta_k E_m)

over all records m, and <X>(beta) the mean of X with the weights exp(-beta E_m) / D_m. The f_k minimise a convex function, which
is done by Newton's method. Temperatures whose energies never meet are not brought together: each part of the ladder that hangs
together stands for itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.errors import RunError

MET = 0.002  # acceptance of exchanges between two temperatures, below which their energies say nothing of each other
TRIED = 300  # records of each, spread evenly, of which that is worked out
PRECISION, LOOSE, MOST_STEPS = 1e-10, 1e-5, 100
LARGEST_STEP = 5.0  # of an f_k; farther away the curvature is another
Real = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """Records of a part of the ladder: energy (M,), values of the observables (kinds, M), place (M,) of the temperature among
    `betas` (K,)."""

    betas: Real
    energy: Real
    values: Real
    place: NDArray[np.int64]

    def keep(self, kept: NDArray[np.bool_]) -> Sample:
        """Those of these records, and the temperatures that still have some."""
        there, place = np.unique(self.place[kept], return_inverse=True)
        return Sample(self.betas[there], self.energy[kept], self.values[:, kept], place)


def parts_of(betas: Real, energies: list[Real]) -> list[list[int]]:
    """Numbers of the temperatures, in the order of `betas` (descending), that hang together; those without records nowhere."""
    parts: list[list[int]] = []
    for number, mine in enumerate(energies):
        if not len(mine):
            continue
        if parts and _acceptance(betas[parts[-1][-1]] - betas[number], energies[parts[-1][-1]], mine) >= MET:
            parts[-1].append(number)
        else:
            parts.append([number])
    return parts


def _acceptance(step: float, colder: Real, hotter: Real) -> float:
    """The mean of min(1, exp(step (E_cold - E_hot))) over pairs."""
    cold, hot = (np.sort(one)[np.linspace(0, len(one) - 1, min(TRIED, len(one))).astype(int)] for one in (colder, hotter))
    return float(np.exp(np.minimum(0.0, step * (cold[:, None] - hot[None, :]))).mean())


def free_energies(sample: Sample, start: Real | None = None) -> Real:
    """f_k = -ln Z_k (K,), the last one (hottest) 0. Raises RunError when the equations cannot be solved."""
    counts = np.bincount(sample.place, minlength=len(sample.betas)).astype(float)
    free = _guess(sample, counts) if start is None or len(start) != len(counts) else start.copy()
    value, shares = _value(sample, counts, free)
    for _ in range(MOST_STEPS):
        gradient = shares.sum(axis=1) - counts
        if len(free) == 1 or np.max(np.abs(gradient) / counts) < PRECISION:
            break
        curvature = np.diag(shares.sum(axis=1)) - shares @ shares.T
        step = np.zeros(len(free))
        step[:-1] = np.linalg.lstsq(curvature[:-1, :-1], -gradient[:-1], rcond=1e-13)[0]
        length = min(1.0, LARGEST_STEP / max(1e-300, float(np.max(np.abs(step)))))
        tried, tried_shares = _value(sample, counts, free + length * step)
        while tried > value + 1e-12 * abs(value) and length > 1e-9:
            length /= 2
            tried, tried_shares = _value(sample, counts, free + length * step)
        if tried >= value and float(np.max(np.abs(length * step))) < PRECISION:
            break
        free, value, shares = free + length * step, tried, tried_shares
    if np.max(np.abs(shares.sum(axis=1) - counts) / counts) > LOOSE:
        raise RunError("the temperatures cannot be brought together: their recorded energies hardly overlap")
    return free - free[-1]


def _guess(sample: Sample, counts: Real) -> Real:
    """ln Z by the trapezoidal rule from the mean energies."""
    means = np.bincount(sample.place, sample.energy, len(counts)) / np.maximum(counts, 1)
    steps = -0.5 * (means[1:] + means[:-1]) * np.diff(sample.betas)
    ln_z = np.concatenate([[0.0], np.cumsum(steps)])
    return np.asarray(ln_z[-1] - ln_z)


def _value(sample: Sample, counts: Real, free: Real) -> tuple[float, Real]:
    """sum_m ln D_m - sum_k N_k f_k, and the share (K, M) that each temperature has in each D_m."""
    terms = np.log(counts)[:, None] + free[:, None] - sample.betas[:, None] * sample.energy
    total = np.logaddexp.reduce(terms, axis=0)
    return float(total.sum() - counts @ free), np.exp(terms - total)


def curves(sample: Sample, free: Real, betas: Real) -> Real:
    """(3 + kinds, betas): ln Z less that of the hottest temperature, mean and variance of the energy, means of the values."""
    counts = np.bincount(sample.place, minlength=len(sample.betas)).astype(float)
    terms = np.log(counts)[:, None] + free[:, None] - sample.betas[:, None] * sample.energy
    below = np.logaddexp.reduce(terms, axis=0)
    rows = []
    for beta in betas:
        ln_weight = -beta * sample.energy - below
        top = float(ln_weight.max())
        weight = np.exp(ln_weight - top)
        total = float(weight.sum())
        weight /= total
        mean = float(weight @ sample.energy)
        rows.append([top + np.log(total), mean, weight @ (sample.energy - mean) ** 2, *(sample.values @ weight)])
    return np.array(rows).T.reshape(3 + len(sample.values), len(betas))
