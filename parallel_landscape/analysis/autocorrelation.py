"""Integrated autocorrelation times, in series of equal steps that may have gaps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WINDOW = 5.0  # the sum over lags ends where the lag is so many times the sum
Real = NDArray[np.float64]


def integrated_time(series: Real) -> Real:
    """1/2 + sum of rho(k) over lags k up to the window, for each row of `series` (rows, steps), nan where there is a gap.

    The window is the least k with k >= 5 times the sum so far: A. D. Sokal, Monte Carlo Methods in Statistical Mechanics
    (1996), sec. 3, eqs. 3.13 and 3.16. nan for rows that hold fewer than two numbers or never change.
    """
    rows, steps = series.shape
    there = np.isfinite(series)
    count = there.sum(axis=1, keepdims=True)
    mean = np.where(there, series, 0.0).sum(axis=1, keepdims=True) / np.maximum(count, 1)
    centred = np.where(there, series - mean, 0.0)
    power = np.fft.rfft(centred, 2 * steps, axis=1)
    pairs = np.fft.rfft(there.astype(float), 2 * steps, axis=1)
    products = np.fft.irfft(np.abs(power) ** 2, axis=1)[:, :steps]
    number = np.maximum(np.rint(np.fft.irfft(np.abs(pairs) ** 2, axis=1)[:, :steps]), 1)
    covariance = products / number
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = covariance / covariance[:, :1]
    sums = np.cumsum(rho, axis=1) - 0.5
    closed = np.arange(steps) >= WINDOW * sums
    cut = np.where(closed.any(axis=1), closed.argmax(axis=1), steps - 1)
    found = sums[np.arange(rows), cut]
    usable = (count[:, 0] > 1) & (products[:, 0] > 1e-12 * np.maximum(1.0, mean[:, 0] ** 2))
    return np.where(usable, np.maximum(found, 0.0), np.nan)


def time_of_binned(count: NDArray[np.int64], total: NDArray[np.int64], variance: Real) -> Real:
    """Integrated autocorrelation time in records, from sums (rows, bins) of a quantity over bins of time that hold `count`
    records each, and its variance (rows,) from record to record.

    The mean over a bin of n records has the variance 2 tau sigma^2 / n when bins are long; correlations between bins are added
    by `integrated_time`. Bins that are not full are left out. At least 1/2, that of independent records.
    """
    full = count == np.maximum(count.max(axis=1, keepdims=True), 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(full, total / np.maximum(count, 1), np.nan)
        spread = _nanvar(means)
        between = integrated_time(means)
        found = count.max(axis=1) * spread / variance * between
    return np.where(np.isfinite(found), np.maximum(found, 0.5), np.nan)


def _nanvar(values: Real) -> Real:
    there = np.isfinite(values)
    count = there.sum(axis=1)
    mean = np.where(there, values, 0.0).sum(axis=1) / np.maximum(count, 1)
    squares = np.where(there, (values - mean[:, None]) ** 2, 0.0).sum(axis=1)
    return np.asarray(np.where(count > 1, squares / np.maximum(count - 1, 1), np.nan))
