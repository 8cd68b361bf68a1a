"""Errors from blocks of time that are left out one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", np.int64, np.float64)

FEWEST = 8  # blocks, below which an error says little
GROWTH = 1.15  # of the variance when blocks are joined in pairs, above which they were too short
LONG = 5  # autocorrelation times that a block must hold at least


def jackknife(whole: NDArray[np.float64], left_out: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard error of `whole` (...,) from estimates (blocks, ...) without one block each, which held `sizes` (blocks,).

    Busing, Meijer and van der Leeden, Stat. Comput. 9, 3 (1999), eq. 9: blocks of unequal size. nan with fewer than two blocks.
    """
    used = sizes > 0
    left_out, sizes = left_out[used], sizes[used]
    blocks, total = len(sizes), float(sizes.sum())
    if blocks < 2:
        return np.full(np.shape(whole), np.nan)
    share = (sizes / total).reshape(-1, *[1] * np.ndim(whole))
    ratio = 1.0 / share
    centre = blocks * whole - np.sum((1.0 - share) * left_out, axis=0)
    pseudo = ratio * whole - (ratio - 1.0) * left_out
    return np.asarray(np.sqrt(np.mean((pseudo - centre) ** 2 / (ratio - 1.0), axis=0)))


def join_blocks(table: NDArray[Number], factor: int) -> NDArray[Number]:
    """Add up `factor` adjacent blocks, which are the last axis; a last block of less than half is added to the one before."""
    blocks = table.shape[-1]
    starts = np.arange(0, blocks, factor)
    if len(starts) > 1 and blocks - starts[-1] < factor / 2:
        starts = starts[:-1]
    return np.asarray(np.add.reduceat(table, starts, axis=-1))


def long_enough(blocks: int, block_sweeps: float, autocorrelation_time: float) -> int:
    """Adjacent blocks to be joined so that each holds several autocorrelation times: a power of two."""
    factor = 1
    while factor * block_sweeps < LONG * autocorrelation_time and blocks // (2 * factor) >= FEWEST:
        factor *= 2
    return factor


def plateau(errors: Callable[[int], NDArray[np.float64]], factor: int, blocks: int) -> tuple[int, NDArray[np.float64]]:
    """The least number of adjacent blocks to be joined beyond which errors grow no more, and these errors.

    errors(factor) gives standard errors of many quantities; their growth is judged over all of them together (H. Flyvbjerg and
    H. G. Petersen, J. Chem. Phys. 91, 461 (1989)).
    """
    found = errors(factor)
    while blocks // (2 * factor) >= FEWEST:
        coarser = errors(2 * factor)
        both = np.isfinite(found) & np.isfinite(coarser) & (found > 0)
        if not both.any() or float(np.mean(coarser[both] ** 2 / found[both] ** 2)) < GROWTH:
            break
        factor, found = 2 * factor, coarser
    return factor, found
