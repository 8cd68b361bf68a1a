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
from parallel_landscape.landscapes.sign_unit import falling_of, flips_of, sign_of
from parallel_landscape.simd import LOAD, SPLAT, element, popcounts, store

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
    splat = SPLAT[width_of(words)]
    sign, falling_at, flips_at = sign_of(middle, words), falling_of(middle, words), flips_of(middle, words)
    first, fan_in, frozen = np.uint64(top.first_weight), np.uint64(top.fan_in), top.frozen

    def vote(mem: Memory, output: int, number: int, source: int, negative: Any, flips: Any, v: int) -> Any:
        turned = flips & flips_at(mem, number, falling_at(mem, number, source, negative), v)
        after = sign(mem, number, v) ^ turned
        if frozen:
            return after
        weight = element(mem.weights, first + output * fan_in + number)
        return after ^ splat(ZERO if weight > 0 else ONES)

    return vote


def _tally_of(layout: Layout) -> Function:
    """The number of -1 votes for `output` after the turn, as eight planes, the lowest bit first."""
    votes, splat, vote = layout.layers[-1].fan_in, SPLAT[width_of(layout.words)], _turned_vote(layout)
    even = votes - votes % 4

    def tally(mem: Memory, output: int, source: int, negative: Any, flips: Any, v: int) -> Any:
        ones, twos, fours, eights = splat(ZERO), splat(ZERO), splat(ZERO), splat(ZERO)
        high = splat(ZERO), splat(ZERO), splat(ZERO), splat(ZERO)
        for base in range(0, even, 4):
            at = np.uint64(base)
            a = vote(mem, output, at, source, negative, flips, v)
            b = vote(mem, output, at + np.uint64(1), source, negative, flips, v)
            c = vote(mem, output, at + np.uint64(2), source, negative, flips, v)
            d = vote(mem, output, at + np.uint64(3), source, negative, flips, v)
            twos_a, ones = carry(ones, a, b), ones ^ a ^ b
            twos_b, ones = carry(ones, c, d), ones ^ c ^ d
            rest, twos = carry(twos, twos_a, twos_b), twos ^ twos_a ^ twos_b
            rest, fours = fours & rest, fours ^ rest
            rest, eights = eights & rest, eights ^ rest
            high = _raised(high, rest)
        for last in range(even, votes):
            rest = vote(mem, output, np.uint64(last), source, negative, flips, v)
            rest, ones = ones & rest, ones ^ rest
            rest, twos = twos & rest, twos ^ rest
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


def _at_least_of(threshold: int, words: int) -> Function:
    """Where eight planes, as a number, are at least `threshold`, from the lowest bit on."""
    splat = SPLAT[width_of(words)]

    def at_least(p: Any) -> Any:
        enough = p[0] if threshold & 1 else splat(ONES)
        enough = p[1] & enough if threshold & 2 else p[1] | enough
        enough = p[2] & enough if threshold & 4 else p[2] | enough
        enough = p[3] & enough if threshold & 8 else p[3] | enough
        enough = p[4] & enough if threshold & 16 else p[4] | enough
        enough = p[5] & enough if threshold & 32 else p[5] | enough
        enough = p[6] & enough if threshold & 64 else p[6] | enough
        return p[7] & enough if threshold & 128 else p[7] | enough

    return at_least


def judge_votes(layout: Layout) -> Function:
    """Change of the errors when `source`, two layers below the outputs and with sign plane `negative`, turns on `flips`."""
    top, words = layout.layers[-1], layout.words
    load, splat, sign = LOAD[width_of(words)], SPLAT[width_of(words)], sign_of(top, words)
    outputs, plane, wrong = top.units, np.uint64(words), np.uint64(layout.wrong)
    tally, lost = _tally_of(layout), _at_least_of((top.fan_in + 1) // 2, words)

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
    threshold = (top.fan_in + 1) // 2
    tally = _tally_of(layout)
    above, lost, near = _at_least_of(threshold + 1, words), _at_least_of(threshold, words), _at_least_of(threshold - 1, words)

    def recount(mem: Memory, v: int) -> None:
        valid, nowhere = load(mem.valid, v), splat(ZERO)
        for index in range(units):
            unit = np.uint64(index)
            counted = tally(mem, unit, np.uint64(0), nowhere, nowhere, v)
            store(mem.words, sign + unit * stride + v, lost(counted) & valid)
            store(mem.words, critical + unit * plane + v, near(counted) & ~above(counted) & valid)

    return recount
