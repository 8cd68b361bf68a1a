"""Outputs two layers above the first: their votes are counted anew for each proposal, 64 patterns a word, with full adders.

A unit of the first of three layers may reach an output through several units at once. Recounting all votes of a block with
adders (H. S. Warren, Hacker's Delight, 5-1: Harley and Seal) takes few operations and no branch, and is faster than following
a counter. The number of wrong patterns is kept, and delta leaves the new one for commit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from parallel_landscape.landscapes.bits import ONES, ZERO, width_of
from parallel_landscape.landscapes.chosen_unit import chosen_unit, weight_of
from parallel_landscape.landscapes.layout import Layout, Memory, memory
from parallel_landscape.landscapes.sign_unit import falling_of, flips_of, minus_of, sign_of, turn_of
from parallel_landscape.simd import LOAD, SPLAT, any_set, lane_sum, popcounts, store

Function = Callable[..., Any]


def carry(a: Any, b: Any, c: Any) -> Any:
    """Where at least two of three bits are set."""
    return (a & b) | (c & (a ^ b))


def move_of_votes(layout: Layout, index: int, real: bool, tree: bool) -> tuple[Function, Function]:
    """delta and commit for the weights of layer `index` of a network of three layers of units."""
    words, layer, middle = layout.words, layout.layers[index], layout.layers[1]
    step = width_of(words)
    load, splat = LOAD[step], SPLAT[step]
    turn_weight, wrong = weight_of(layer), _wrong_of(layout, index)
    try_unit, turn_unit = chosen_unit(layout, index, real and index == 0, tree) if index < 2 else _last_weight(layout)
    falling_at, turn, sign = falling_of(middle, words), turn_of(middle, words), sign_of(layout.layers[0], words)
    first, fan_in, buffer = np.uint64(layer.first_weight), np.uint64(layer.fan_in), np.uint64(layout.flips)
    now, then, units = np.uint64(layout.errors), np.uint64(layout.errors + 1), middle.units
    keep = real and index == 0  # else finding the flips again is cheaper than a store
    rolled = keep and words > step  # blocks of integer fields are long: unrolled they take twice the time

    def delta(params: Any, state: Any, move: int) -> Any:
        mem = memory(params, state)
        weight = np.uint64(move) - first
        unit = weight // fan_in
        source = weight - unit * fan_in
        counts = splat(ZERO)
        for start in range(0, len(params.valid) if rolled else words, step):
            v = np.uint64(start)
            flips = try_unit(mem, unit, source, v)
            if keep:
                store(mem.words, buffer + v, flips)
            counts = counts + popcounts(wrong(mem, unit, source, flips, v) & load(mem.valid, v))
        errors = lane_sum(counts)
        state.words[then] = np.uint64(errors)
        return errors - np.int64(state.words[now])

    def commit(params: Any, state: Any, move: int) -> None:
        mem = memory(params, state)
        weight = np.uint64(move) - first
        unit = weight // fan_in
        source = weight - unit * fan_in
        for start in range(0, len(params.valid) if rolled else words, step):
            v = np.uint64(start)
            flips = load(mem.words, buffer + v) if keep else try_unit(mem, unit, source, v)
            if index == 0 and any_set(flips):
                for number in range(units):
                    hit = np.uint64(number)
                    turn(mem, hit, flips, falling_at(mem, hit, unit, sign(mem, unit, v)), v)
            turn_unit(mem, unit, source, flips, v)
        turn_weight(state, move, unit, source)
        state.words[now] = state.words[then]

    return delta, commit


def _last_weight(layout: Layout) -> tuple[Function, Function]:
    """A weight of the last layer turns its vote on all patterns, and there is nothing to mend."""
    splat = SPLAT[width_of(layout.words)]

    def everywhere(mem: Memory, unit: int, source: int, v: int) -> Any:
        return splat(ONES)

    def nothing(mem: Memory, unit: int, source: int, flips: Any, v: int) -> None:
        return None

    return everywhere, nothing


def _turned_of(layout: Layout, index: int) -> Function:
    """Where vote `number` for `output` turns when `unit` of layer `index`, or its weight from `source`, does on `flips`."""
    middle, words = layout.layers[1], layout.words
    splat, sign = SPLAT[width_of(words)], sign_of(layout.layers[0], words)
    falling_at, flips_at = falling_of(middle, words), flips_of(middle, words)

    def from_below(mem: Memory, output: int, number: int, unit: int, source: int, flips: Any, v: int) -> Any:
        return flips & flips_at(mem, number, falling_at(mem, number, unit, sign(mem, unit, v)), v)

    def from_middle(mem: Memory, output: int, number: int, unit: int, source: int, flips: Any, v: int) -> Any:
        return flips & splat(ONES if number == unit else ZERO)

    def from_weight(mem: Memory, output: int, number: int, unit: int, source: int, flips: Any, v: int) -> Any:
        return flips & splat(ONES if number == source and output == unit else ZERO)

    return (from_below, from_middle, from_weight)[index]


def _vote_of(layout: Layout, index: int) -> Function:
    """Patterns where unit `number` votes -1 in `output` after the move."""
    top, words = layout.layers[-1], layout.words
    sign, turned, frozen, minus = sign_of(layout.layers[1], words), _turned_of(layout, index), top.frozen, minus_of(top, words)

    def vote(mem: Memory, output: int, number: int, unit: int, source: int, flips: Any, v: int) -> Any:
        after = sign(mem, number, v) ^ turned(mem, output, number, unit, source, flips, v)
        return after if frozen else after ^ minus(mem, output, number)

    return vote


def _tally_of(layout: Layout, index: int) -> Function:
    """The votes of -1 for `output` after the move, plus 2**k - t, as eight planes, the lowest bit first.

    t votes decide; 2**k >= t is the least such power. Plane k marks where the vote is lost: the sum stays below 2**(k+1).
    """
    votes, splat, vote = layout.layers[-1].fan_in, SPLAT[width_of(layout.words)], _vote_of(layout, index)
    start = (1 << _top_plane(layout)) - (votes + 1) // 2
    bits = tuple(ONES if start >> plane & 1 else ZERO for plane in range(8))

    def tally(mem: Memory, output: int, unit: int, source: int, flips: Any, v: int) -> Any:
        ones, twos, fours, eights = splat(bits[0]), splat(bits[1]), splat(bits[2]), splat(bits[3])
        high = splat(bits[4]), splat(bits[5]), splat(bits[6]), splat(bits[7])
        for base in range(0, votes, 4):
            at = np.uint64(base)
            a = vote(mem, output, at, unit, source, flips, v)
            b = c = d = splat(ZERO)  # the last four may be fewer
            if base + 1 < votes:
                b = vote(mem, output, at + np.uint64(1), unit, source, flips, v)
            if base + 2 < votes:
                c = vote(mem, output, at + np.uint64(2), unit, source, flips, v)
            if base + 3 < votes:
                d = vote(mem, output, at + np.uint64(3), unit, source, flips, v)
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


def _wrong_of(layout: Layout, index: int) -> Function:
    """Patterns with a wrong output after the move; labels are folded in when there is one output."""
    words, outputs, plane = layout.words, layout.layers[-1].units, np.uint64(layout.words)
    load, splat = LOAD[width_of(words)], SPLAT[width_of(words)]
    tally, lost = _tally_of(layout, index), _lost_of(layout)

    def wrong_one(mem: Memory, unit: int, source: int, flips: Any, v: int) -> Any:
        return lost(tally(mem, np.uint64(0), unit, source, flips, v))

    def wrong_any(mem: Memory, unit: int, source: int, flips: Any, v: int) -> Any:
        after = splat(ZERO)
        for number in range(outputs):
            output = np.uint64(number)
            after = after | (lost(tally(mem, output, unit, source, flips, v)) ^ load(mem.labels, output * plane + v))
        return after

    return wrong_one if outputs == 1 else wrong_any
