"""Random streams: Philox4x32-10, a pure function of (seed, purpose, slot, block), so nothing but a counter is ever stored.

Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11 (2011). Streams belong to slots, never to
ranks, which is what makes the result independent of the number of ranks.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.simd import bits_of, double_of

BLOCK = 1024  # proposals drawn at once
Bits = Any  # np.uint64: numba sees to it, and numpy's own types of mixed arithmetic would only be in the way


class Purpose(IntEnum):
    """What a stream is for; streams of different purpose never meet."""

    INITIAL = 1
    SEARCH = 2
    APPROACH = 3
    LEARN = 4
    EXCHANGE = 5
    PERMUTE = 6
    PRODUCE = 7
    DATA = 8
    PILOT = 9
    OBSERVE = 10
    CENTER = 11
    SOLVE = 20
    INSTANCE = 21
    RATCHET = 22


_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)


def philox(c0: Bits, c1: Bits, c2: Bits, c3: Bits, k0: Bits, k1: Bits) -> tuple[Bits, Bits]:
    """Ten rounds on four 32-bit counter words and two key words, all held in uint64; returns two 64-bit words."""
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0, c1, c2, c3 = (p1 >> _32) ^ c1 ^ k0, p1 & _LOW, (p0 >> _32) ^ c3 ^ k1, p0 & _LOW
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0 | (c1 << _32), c2 | (c3 << _32)


# ln(1+t) on [-1/4, 1/2] by a polynomial of degree 10; absolute error below 2e-7, so the relative error of an acceptance
# probability is below 2e-7 too.
_C = (
    0.9999999958543253,
    -0.5000000100753205,
    0.33333501190330367,
    -0.2500009327166108,
    0.1998929331163761,
    -0.16645353210014557,
    0.14492491742307131,
    -0.13191900815399613,
    0.10456249778039116,
    -0.044713842191355255,
)
_C0, _C1, _C2, _C3, _C4, _C5, _C6, _C7, _C8, _C9 = _C
_LN2 = 0.693147180559945309
_THREE_QUARTERS = np.uint64(0x3FE8000000000000)
_52 = np.uint64(52)
_TO_UNIT = 2.0**-32


def minus_ln(u: float) -> float:
    """-ln(u) of a double in (0, 1], branch-free, to 2e-7 absolute; not fused, so every machine gives the same bits."""
    above = bits_of(u) - _THREE_QUARTERS
    exponent = np.int64(above) >> np.int64(52)
    t = double_of(bits_of(u) - (np.uint64(exponent) << _52)) - 1.0
    p = _C9 * t + _C8
    p = p * t + _C7
    p = p * t + _C6
    p = p * t + _C5
    p = p * t + _C4
    p = p * t + _C3
    p = p * t + _C2
    p = p * t + _C1
    p = p * t + _C0
    return -(np.float64(exponent) * _LN2 + p * t)


def draw_block(
    key: Bits,
    purpose: Bits,
    slot: Bits,
    block: Bits,
    bound: Bits,
    moves: NDArray[np.uint32],
    minus_ln_u: NDArray[np.float64],
) -> None:
    """Fill `moves` with integers uniform in [0, bound) and `minus_ln_u` with unit exponentials; every argument is uint64.

    Moves come from 32 bits by multiply-and-shift: their probabilities differ by at most bound / 2**32 relatively.
    u lies on the odd multiples of 2**-33, so no event of probability below 1e-10 is ever accepted.
    """
    half = len(moves) // 2
    first = block * np.uint64(half)
    k0, k1 = key & _LOW, key >> _32
    for i in range(half):
        counter = first + np.uint64(i)
        a, b = philox(counter & _LOW, counter >> _32, slot, purpose, k0, k1)
        moves[i] = ((a & _LOW) * bound) >> _32
        moves[i + half] = ((b & _LOW) * bound) >> _32
        minus_ln_u[i] = minus_ln((np.float64(a >> _32) + 0.5) * _TO_UNIT)
        minus_ln_u[i + half] = minus_ln((np.float64(b >> _32) + 0.5) * _TO_UNIT)


def fill_exponentials(key: Bits, purpose: Bits, number: Bits, names: NDArray[np.uint64], out: NDArray[np.float64]) -> None:
    """One -ln u for each of `names` (32 bits each): the same for everybody who knows (key, purpose, number, name)."""
    for i in range(len(names)):
        a, _ = philox(number & _LOW, number >> _32, names[i], purpose, key & _LOW, key >> _32)
        out[i] = minus_ln((np.float64(a >> np.uint64(11)) + 0.5) * 2.0**-53)


def two_words(key: Bits, purpose: Bits, slot: Bits, number: Bits) -> tuple[Bits, Bits]:
    """The two random words of a stream's draw `number`; every argument is uint64. For what is not drawn by blocks."""
    return philox(number & _LOW, number >> _32, slot, purpose, key & _LOW, key >> _32)


def generator(seed: int, purpose: Purpose, slot: int = 0) -> np.random.Generator:
    """A numpy generator for what is drawn once, outside the hot loop (initial states, training sets)."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, int(purpose), slot))))


def shared_generator(seed: int, purpose: Purpose, number: int, name: int, part: int = 0) -> np.random.Generator:
    """A numpy generator that is the same for everybody who knows (seed, purpose, number, name, part): for whole vectors."""
    return np.random.Generator(np.random.Philox(key=[seed, int(purpose)], counter=[0, part, number, name]))
