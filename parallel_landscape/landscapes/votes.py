"""The output layer seen from two layers below: its votes are counted anew, 64 patterns a word, with full adders.

A unit two layers below an output may reach it through several units at once. Recounting all votes of a block with adders (H. S.
Warren, Hacker's Delight, 5-1: Harley and Seal) takes few operations and no branch, and is faster than following a counter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from parallel_landscape.landscapes.bits import ONES, ZERO, width_of
from parallel_landscape.landscapes.layout import Layout, Memory
from parallel_landscape.landscapes.sign_unit import falling_of, flips_of, minus_of, sign_of
from parallel_landscape.simd import LOAD, SPLAT, popcounts, store

Function = Callable[..., Any]
MOST_VOTES = 253


def by_votes(layout: Layout) -> bool:
    """Whether the outputs of this network are recounted instead of followed: three layers of units, outputs not too wide."""
    return len(layout.layers) == 3 and layout.layers[-1].fan_in <= MOST_VOTES


def carry(a: Any, b: Any, c: Any) -> Any:
    """Where at least two of three bits are set."""
    return (a & b) | (c & (a ^ b))


def _turned_vote(layout: Layout) -> Function:
    """Patterns where unit `number` votes -1 in `output` once `source` (sign plane `negative`) has turned on `flips`."""
    top, middle, words = layout.layers[-1], layout.layers[-2], layout.words
    sign, falling_at, flips_at = sign_of(middle, words), falling_of(middle, words), flips_of(middle, words)
    frozen, minus = top.frozen, minus_of(top, words)

    def vote(mem: Memory, output: int, number: int, source: int, negative: Any, flips: Any, v: int) -> Any:
        turned = flips & flips_at(mem, number, falling_at(mem, number, source, negative), v)
        after = sign(mem, number, v) ^ turned
        return after if frozen else after ^ minus(mem, output, number)

    return vote


def _tally_of(layout: Layout) -> Function:
    """The votes of -1 for `output` after the turn, plus 2**k - t, as eight planes, the lowest bit first.

    t votes decide; 2**k >= t is the least such power. Plane k marks where the vote is lost: the sum stays below 2**(k+1).
    """
    votes, splat, vote = layout.layers[-1].fan_in, SPLAT[width_of(layout.words)], _turned_vote(layout)
    start = (1 << _top_plane(layout)) - (votes + 1) // 2
    bits = tuple(ONES if start >> plane & 1 else ZERO for plane in range(8))

    def tally(mem: Memory, output: int, source: int, negative: Any, flips: Any, v: int) -> Any:
        ones, twos, fours, eights = splat(bits[0]), splat(bits[1]), splat(bits[2]), splat(bits[3])
        high = splat(bits[4]), splat(bits[5]), splat(bits[6]), splat(bits[7])
        for base in range(0, votes, 4):
            at = np.uint64(base)
            a = vote(mem, output, at, source, negative, flips, v)
            b = c = d = splat(ZERO)  # the last four may be fewer
            if base + 1 < votes:
                b = vote(mem, output, at + np.uint64(1), source, negative, flips, v)
            if base + 2 < votes:
                c = vote(mem, output, at + np.uint64(2), source, negative, flips, v)
            if base + 3 < votes:
                d = vote(mem, output, at + np.uint64(3), source, negative, flips, v)
            twos_a, ones = carry(ones, a, b), ones ^ a ^ b
            twos_b, ones = carry(ones, c, d), ones ^ c ^ d
            rest, twos = carry(twos, twos_a, twos_b), twos ^ twos_a ^ twos_b
            rest, fours = fours & rest, fours ^ rest
            rest, eights = eights & rest, eights ^ rest
            high = _raised(high, rest)
        return ones, twos, fours, eights, high[0], high[1], high[2], high[3]

    return tally


def _raised(high: Any, rest: Any) -> Any:
    """The four highest planes with `rest` added to the lowest of them."""
    a, b, c, d = high
    second = a & rest
    third = b & second
    return a ^ rest, b ^ second, c ^ third, d ^ (c & third)


def _top_plane(layout: Layout) -> int:
    """k, where 2**k is the least power of two that is not below the number of votes that decides."""
    return int((layout.layers[-1].fan_in + 1) // 2 - 1).bit_length()


def _lost_of(layout: Layout) -> Function:
    """Where a tally is a lost vote: its plane k."""
    top = _top_plane(layout)

    def lost(p: Any) -> Any:
        low = (p[0] if top == 0 else p[1]) if top < 2 else (p[2] if top == 2 else p[3])
        high = (p[4] if top == 4 else p[5]) if top < 6 else (p[6] if top == 6 else p[7])
        return low if top < 4 else high

    return lost


def _near_of(layout: Layout) -> Function:
    """Where one vote decides: the planes below k are all unlike plane k."""
    top, splat, lost = _top_plane(layout), SPLAT[width_of(layout.words)], _lost_of(layout)

    def near(p: Any) -> Any:
        some, every = splat(ZERO), splat(ONES)
        some, every = (some | p[0], every & p[0]) if top > 0 else (some, every)
        some, every = (some | p[1], every & p[1]) if top > 1 else (some, every)
        some, every = (some | p[2], every & p[2]) if top > 2 else (some, every)
        some, every = (some | p[3], every & p[3]) if top > 3 else (some, every)
        some, every = (some | p[4], every & p[4]) if top > 4 else (some, every)
        some, every = (some | p[5], every & p[5]) if top > 5 else (some, every)
        some, every = (some | p[6], every & p[6]) if top > 6 else (some, every)
        return (lost(p) & ~some) | (~lost(p) & every)

    return near


def judge_votes(layout: Layout) -> Function:
    """Change of the errors when `source`, two layers below the outputs and with sign plane `negative`, turns on `flips`."""
    top, words = layout.layers[-1], layout.words
    load, splat, sign = LOAD[width_of(words)], SPLAT[width_of(words)], sign_of(top, words)
    outputs, plane, wrong = top.units, np.uint64(words), np.uint64(layout.wrong)
    tally, lost = _tally_of(layout), _lost_of(layout)

    def judge_one(mem: Memory, source: int, negative: Any, flips: Any, v: int) -> Any:
        after = lost(tally(mem, np.uint64(0), source, negative, flips, v)) & load(mem.valid, v)
        return popcounts(after) - popcounts(sign(mem, np.uint64(0), v))

    def judge_any(mem: Memory, source: int, negative: Any, flips: Any, v: int) -> Any:
        after = splat(ZERO)
        for index in range(outputs):
            output = np.uint64(index)
            after = after | (lost(tally(mem, output, source, negative, flips, v)) ^ load(mem.labels, output * plane + v))
        return popcounts(after & load(mem.valid, v)) - popcounts(load(mem.words, wrong + v))

    return judge_one if outputs == 1 else judge_any


def recount_of(layout: Layout) -> Function:
    """Count all votes anew and write each output's sign and critical planes; its other planes are not kept by such networks."""
    top, words = layout.layers[-1], layout.words
    load, splat, units, plane = LOAD[width_of(words)], SPLAT[width_of(words)], top.units, np.uint64(words)
    sign, stride, critical = np.uint64(top.sign(0, words)), np.uint64(top.planes * words), np.uint64(top.critical)
    tally, lost, near = _tally_of(layout), _lost_of(layout), _near_of(layout)

    def recount(mem: Memory, v: int) -> None:
        valid, nowhere = load(mem.valid, v), splat(ZERO)
        for index in range(units):
            unit = np.uint64(index)
            counted = tally(mem, unit, np.uint64(0), nowhere, nowhere, v)
            store(mem.words, sign + unit * stride + v, lost(counted) & valid)
            store(mem.words, critical + unit * plane + v, near(counted) & valid)

    return recount
