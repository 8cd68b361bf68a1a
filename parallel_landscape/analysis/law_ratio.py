"""By how much the logarithm of the ratio of two laws grows with the energy: a logistic regression.

A sample of energy E comes from the first of two laws with probability 1 / (1 + exp(-(a + b E))) when the ratio of the laws is
exp(b E) up to a constant. For canonical laws b = beta_2 - beta_1, whatever the density of states: M. Shirts, J. Chem. Theory
Comput. 9, 909 (2013).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

F = NDArray[np.float64]
FEWEST = 8  # spans of time below which there is no error
SPANS = 16  # that are left out in turn, for the error
STEPS = 50  # of Newton's method, at most


def slope_of_laws(first: F, second: F) -> tuple[float, float]:
    """Slope b of ln(first law / second law) in the energy, with its error, from energies (time, slots) that were sampled
    together; nan when there are too few, or when the laws do not overlap."""
    time = min(len(first), len(second))
    spans = min(SPANS, time // 4)
    if spans < FEWEST:
        return math.nan, math.nan
    labels = np.arange(time) * spans // time
    both = np.concatenate([first[:time].ravel(), second[:time].ravel()])
    centre, scale = float(both.mean()), float(both.std()) or 1.0
    scaled = [(part[:time] - centre) / scale for part in (first, second)]
    slope = _fit(scaled[0].ravel(), scaled[1].ravel())
    left_out = [_fit(scaled[0][labels != one].ravel(), scaled[1][labels != one].ravel()) for one in range(spans)]
    error = math.sqrt((spans - 1) / spans * float(np.sum((np.array(left_out) - np.mean(left_out)) ** 2)))
    return slope / scale, error / scale


def _fit(first: F, second: F) -> float:
    """The slope that makes the samples most likely (Newton); nan when it runs away."""
    energies = np.concatenate([first, second])
    wanted = np.repeat([1.0, 0.0], [len(first), len(second)])
    design = np.stack([np.ones_like(energies), energies], axis=1)
    found = np.zeros(2)
    for _ in range(STEPS):
        chances = 1.0 / (1.0 + np.exp(-np.clip(design @ found, -500, 500)))
        hessian = design.T @ (design * (chances * (1.0 - chances))[:, None])
        determinant = hessian[0, 0] * hessian[1, 1] - hessian[0, 1] ** 2
        if not determinant > 1e-12:
            return math.nan
        change = np.linalg.solve(hessian, design.T @ (wanted - chances))
        found += change
        if float(np.abs(change).max()) < 1e-10:
            return float(found[1])
    return math.nan
