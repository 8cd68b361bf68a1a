"""One ln g from many windows: the constants between windows by weighted least squares over the whole of every overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.errors import PlandError

LARGEST_GAP = 1.0  # a join with a larger disagreement anywhere, or
LARGEST_RMS = 0.2  # a larger rms over an overlap, is called broken


class JoinError(PlandError):
    """Windows that share no visited level."""


@dataclass(frozen=True)
class Joined:
    """ln_g (levels,), nan where no window has been; shifts (windows,) added to each window.

    gap_rms, gap_largest (pairs,): disagreement of neighbouring windows over their overlap after the shift.
    chi_square: squared disagreements over their variances, per degree of freedom; nan without variances.
    """

    ln_g: NDArray[np.float64]
    shifts: NDArray[np.float64]
    gap_rms: NDArray[np.float64]
    gap_largest: NDArray[np.float64]
    chi_square: float

    @property
    def broken(self) -> bool:
        """Whether neighbouring windows contradict each other."""
        return bool(np.any(self.gap_largest > LARGEST_GAP) or np.any(self.gap_rms > LARGEST_RMS))


def join(
    tables: NDArray[np.float64], variances: NDArray[np.float64] | None = None, pairs: Sequence[tuple[int, int]] | None = None
) -> Joined:
    """Join `tables` (windows, levels), nan where not visited; `variances` of the same shape weigh the levels.

    pairs: neighbouring windows, of which gaps are told; each with the next one when left out. The join itself takes all pairs
    that overlap: it minimises sum over levels and pairs of windows of (t_i + c_i - t_j - c_j)^2 / (v_i + v_j) over the
    constants c, and averages the shifted windows level by level with weights 1/v. Raises JoinError when the windows are not
    connected.
    """
    count, _ = tables.shape
    neighbours = [(window, window + 1) for window in range(count - 1)] if pairs is None else pairs
    spread = np.ones_like(tables) if variances is None else variances
    seen = ~np.isnan(tables)
    normal = np.zeros((count, count))
    right = np.zeros(count)
    for i in range(count):
        for j in range(i + 1, count):
            both = seen[i] & seen[j]
            weight = 1.0 / (spread[i, both] + spread[j, both])
            difference = float(np.sum(weight * (tables[j, both] - tables[i, both])))
            total = float(weight.sum())
            normal[[i, j], [i, j]] += total
            normal[i, j] -= total
            normal[j, i] -= total
            right[i] += difference
            right[j] -= difference
    _check_connected(normal)
    shifts = np.zeros(count)
    if count > 1:
        shifts[1:] = np.linalg.solve(normal[1:, 1:], right[1:])
    shifted = tables + shifts[:, None]
    weights = np.where(seen, 1.0 / spread, 0.0)
    total_weight = weights.sum(axis=0)
    with np.errstate(invalid="ignore"):
        ln_g = np.where(seen.any(axis=0), np.nansum(np.where(seen, shifted, 0.0) * weights, axis=0) / total_weight, np.nan)
    return Joined(ln_g, shifts, *_gaps(shifted, seen, neighbours), _chi_square(shifted, seen, variances, neighbours))


def _check_connected(normal: NDArray[np.float64]) -> None:
    reached = {0}
    waiting = [0]
    while waiting:
        here = waiting.pop()
        near = [int(there) for there in np.flatnonzero(normal[here] < 0) if int(there) not in reached]
        reached.update(near)
        waiting += near
    cut = sorted(set(range(len(normal))) - reached)
    if cut:
        raise JoinError(f"windows {cut} share no visited level with windows {sorted(reached)}: their ln g cannot be joined")


def _gaps(
    shifted: NDArray[np.float64], seen: NDArray[np.bool_], pairs: Sequence[tuple[int, int]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rms, largest = [], []
    for i, j in pairs:
        gap = (shifted[j] - shifted[i])[seen[i] & seen[j]]
        rms.append(float(np.sqrt(np.mean(gap**2))) if gap.size else np.nan)
        largest.append(float(np.abs(gap).max()) if gap.size else np.nan)
    return np.array(rms), np.array(largest)


def _chi_square(
    shifted: NDArray[np.float64],
    seen: NDArray[np.bool_],
    variances: NDArray[np.float64] | None,
    pairs: Sequence[tuple[int, int]],
) -> float:
    if variances is None:
        return float("nan")
    total, terms = 0.0, 0
    for i, j in pairs:
        both = seen[i] & seen[j]
        total += float(np.sum((shifted[j] - shifted[i])[both] ** 2 / (variances[i, both] + variances[j, both])))
        terms += int(both.sum()) - 1
    return total / terms if terms > 0 else float("nan")
