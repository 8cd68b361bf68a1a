"""Where the energy windows lie: intervals of levels that cover the range and overlap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Window = tuple[int, int]  # first and last level, both inside


def divide(
    first: int, last: int, count: int, overlap: float, cost: NDArray[np.float64] | None = None, narrowest: int = 3
) -> list[Window]:
    """Cut levels [first, last] into `count` windows of equal cost, neighbours sharing the fraction `overlap` of one.

    Windows of fewer than `narrowest` levels are widened.

    cost: positive cost of each level of [first, last]; equal costs when left out. A walker that diffuses with D(E) crosses
    dE in a time that grows as the square of the integral of D**-1/2, so cost = D**-1/2 makes windows of equal crossing time
    (Trebst, Huse, Troyer, PRE 70, 046701 (2004) for the role of the local diffusivity).
    """
    levels = last - first + 1
    weights = np.ones(levels) if cost is None else np.asarray(cost, dtype=float)
    ends = np.concatenate([[0.0], np.cumsum(weights)]) / weights.sum()
    width = 1.0 / (count - (count - 1) * overlap)
    windows = []
    for number in range(count):
        start = number * width * (1.0 - overlap)
        low = int(np.searchsorted(ends, start + 1e-12, side="right")) - 1
        high = int(np.searchsorted(ends, start + width - 1e-12, side="left")) - 1
        windows.append((first + min(max(low, 0), levels - 1), first + min(max(high, 0), levels - 1)))
    windows[0] = (first, windows[0][1])
    windows[-1] = (windows[-1][0], last)
    return _widened(windows, first, last, narrowest)


def _widened(windows: list[Window], first: int, last: int, narrowest: int) -> list[Window]:
    """Neighbours share at least two levels and every window holds at least `narrowest`, as far as the range allows."""
    widened = []
    for number, (low, high) in enumerate(windows):
        if number + 1 < len(windows):
            high = max(high, windows[number + 1][0] + 1)
        while high - low + 1 < narrowest and (low > first or high < last):
            low, high = max(first, low - 1), min(last, high + 1)
        widened.append((low, min(high, last)))
    return widened


def sensible_count(levels: int, narrowest: int = 12, most: int = 32) -> int:
    """How many windows `auto` makes: each a few moves wide, not more than a small cluster has cores for."""
    return max(1, min(most, 2 * levels // narrowest - 1))


def mistakes_in(windows: Sequence[Sequence[int]], levels: range) -> list[str]:
    """What is wrong with explicit windows, given as energies [[lowest, highest], ...] in ascending order."""
    found = []
    for number, (low, high) in enumerate(windows):
        if low >= high:
            found.append(f"window {number} is [{low}, {high}]: its lowest energy must be below its highest")
        for energy in (low, high):
            if energy not in levels:
                found.append(
                    f"window {number} ends at energy {energy}, which is not a level of this landscape: "
                    f"levels are {levels.start}, {levels.start + levels.step}, ..., {levels[-1]}"
                )
    for number, ((low, high), (next_low, next_high)) in enumerate(zip(windows, windows[1:], strict=False)):
        if next_low <= low or next_high <= high:
            found.append(
                f"windows {number} and {number + 1} are not in ascending order: [{low}, {high}], [{next_low}, {next_high}]"
            )
        elif next_low > high:
            found.append(
                f"windows {number} [{low}, {high}] and {number + 1} [{next_low}, {next_high}] share no energy, so their "
                f"ln g cannot be joined; let window {number + 1} begin at {high} or below"
            )
    return found
