"""Bit planes: one bit a pattern, 64 patterns a word, so that one machine instruction works on up to 512 patterns.

A counter over patterns is bit-sliced: plane p holds bit p of every pattern's counter, in two's complement. For a unit of
odd fan-in n the sum m of its +-1 products is odd, and the counter h = (m-1)/2 makes the sign its last plane (1 = negative).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.simd import WIDTHS, aligned

ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
ZERO = np.uint64(0)


def words_for(patterns: int) -> int:
    """Number of words of a plane of `patterns` bits: one vector of 1, 2 or 4 words, or a multiple of 8."""
    needed = -(-patterns // 64)
    return next((width for width in WIDTHS if width >= needed), -(-needed // 8) * 8)


def width_of(words: int) -> int:
    """Words to a vector when planes have `words` words."""
    return min(words, WIDTHS[-1])


def planes_for(fan_in: int) -> int:
    """Number of planes of the counter of a unit with `fan_in` inputs, h in [-(n+1)/2, (n-1)/2]."""
    return max(1, int(fan_in).bit_length())


def pack(flags: NDArray[Any], words: int) -> NDArray[np.uint64]:
    """Pack (..., P) truth values into (..., words) words, pattern 0 in the lowest bit of word 0."""
    flags = np.asarray(flags, dtype=bool)
    room = np.zeros((*flags.shape[:-1], 64 * words), dtype=bool)
    room[..., : flags.shape[-1]] = flags
    return np.packbits(room, axis=-1, bitorder="little").view(np.uint64)


def pack_counters(counters: NDArray[Any], planes: int, words: int) -> NDArray[np.uint64]:
    """Bit-slice (..., P) integers into (..., planes, words) words."""
    shifted = np.asarray(counters, dtype=np.int64)[..., None, :] >> np.arange(planes)[:, None]
    return pack(shifted & 1, words)


def flat_aligned(words: NDArray[Any]) -> NDArray[Any]:
    """A flat copy that starts on a cache line."""
    room = aligned(words.size, words.dtype)
    room[:] = words.ravel()
    return room


def bit(words: NDArray[np.uint64], start: int, pattern: int) -> Any:
    """Bit of `pattern` in the plane that starts at `words[start]`, as 0 or 1."""
    return np.int64((words[start + (pattern >> 6)] >> np.uint64(pattern & 63)) & np.uint64(1))
