"""The change of error when one weight of a network of sign units flips, for networks of any depth, 64 patterns a word.

A flip of w_ki turns the product w_ki x_i of every pattern, but the sign of unit k only where |m| = 1 and the step is downhill:

    F = C_k & (falling ^ B_k),    falling = patterns where w_ki x_i = +1,    B_k = sign plane of unit k (1 is negative).

Then unit k is itself a source, that turns on F alone, of each unit j of the next layer: F_j = F & C_j & (falling_j ^ B_j). Two
layers up a unit may be hit by several of those, so its counters are followed on a scratch copy. Most flips die out
early, and blocks of patterns where F is empty are skipped. With real inputs the first layer holds integer fields instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from parallel_landscape.landscapes.bits import ZERO, width_of
from parallel_landscape.landscapes.chosen_unit import chosen_unit, weight_of
from parallel_landscape.landscapes.layout import Layout, Memory, memory
from parallel_landscape.landscapes.sign_unit import adopt_of, copy_of, falling_of, flips_of, ripple_of, sign_of, turn_of
from parallel_landscape.landscapes.verdict import judge_scratch, judge_source, judge_unit, record_wrong
from parallel_landscape.landscapes.votes import move_of_votes
from parallel_landscape.simd import LOAD, SPLAT, any_set, lane_sum, store

Function = Callable[..., Any]


def cascade(layout: Layout, real: bool, tree: bool) -> tuple[Function, Function]:
    """delta and commit for all moves: the functions of each layer, behind a comparison of the move's number."""
    moving = [index for index, layer in enumerate(layout.layers) if not layer.frozen]
    delta, commit = _move_of(layout, moving[-1], real, tree)
    for index in reversed(moving[:-1]):
        own_delta, own_commit = _move_of(layout, index, real, tree)
        end = layout.layers[index + 1].first_weight
        delta, commit = _either(own_delta, delta, end), _either(own_commit, commit, end)
    return delta, commit


def _either(first: Function, rest: Function, end: int) -> Function:
    def choose(params: Any, state: Any, move: int) -> Any:
        if move < end:
            return first(params, state, move)
        return rest(params, state, move)

    return choose


def _move_of(layout: Layout, index: int, real: bool, tree: bool) -> tuple[Function, Function]:
    """delta and commit for the weights of one layer."""
    if layout.by_votes:
        return move_of_votes(layout, index, real, tree)
    words = layout.words
    load, step, total = LOAD[width_of(words)], width_of(words), words
    layer = layout.layers[index]
    try_unit, turn_unit = chosen_unit(layout, index, real and index == 0, tree)
    turn_weight = weight_of(layer)
    above, settle, sign = _above(layout, index), _settle(layout, index), sign_of(layer, words)
    first, fan_in, buffer = np.uint64(layer.first_weight), np.uint64(layer.fan_in), np.uint64(layout.flips)
    splat = SPLAT[step]
    keep = real and index == 0  # else finding the flips again is cheaper, and a proposal that stores nothing is faster
    rolled = real and index == 0 and total > step  # blocks of integer fields are long: unrolled they take twice the time

    def delta(params: Any, state: Any, move: int) -> int:
        mem = memory(params, state)
        number = np.uint64(move) - first
        unit = number // fan_in
        source = number - unit * fan_in
        change = splat(ZERO)
        for start in range(0, len(params.valid) if rolled else total, step):
            v = np.uint64(start)
            flips = try_unit(mem, unit, source, v)
            if keep:
                store(mem.words, buffer + v, flips)
            change = change + above(mem, unit, flips, v)
        return lane_sum(change)

    def commit(params: Any, state: Any, move: int) -> None:
        mem = memory(params, state)
        number = np.uint64(move) - first
        unit = number // fan_in
        source = number - unit * fan_in
        for start in range(0, len(params.valid) if rolled else total, step):
            v = np.uint64(start)
            flips = load(mem.words, buffer + v) if keep else try_unit(mem, unit, source, v)
            negative = sign(mem, unit, v)
            turn_unit(mem, unit, source, flips, v)
            settle(mem, unit, negative, flips, v)
        turn_weight(state, move, unit, source)

    return delta, commit


def _above(layout: Layout, index: int) -> Function:
    """Change of the errors, as counts, when `unit` of layer `index` turns on `flips`."""
    words, layers = layout.words, layout.layers
    if index == len(layers) - 1:
        return judge_unit(layout)
    sign = sign_of(layers[index], words)
    if index == len(layers) - 2:
        judge = judge_source(layout)

        def last(mem: Memory, unit: int, flips: Any, v: int) -> Any:
            return judge(mem, unit, sign(mem, unit, v), flips, v)

        return last
    splat, units = SPLAT[width_of(words)], layers[index + 1].units
    falling_at, flips_at = falling_of(layers[index + 1], words), flips_of(layers[index + 1], words)
    next_sign, copy, push, climb = (
        sign_of(layers[index + 1], words),
        copy_of(layers[index + 2], words),
        _push(layout, index + 2),
        _climb(layout, index + 2),
    )

    def above(mem: Memory, unit: int, flips: Any, v: int) -> Any:
        change = splat(ZERO)
        if any_set(flips):
            copy(mem, v)
            negative = sign(mem, unit, v)
            for number in range(units):
                hit = np.uint64(number)
                turned = flips & flips_at(mem, hit, falling_at(mem, hit, unit, negative), v)
                if any_set(turned):
                    push(mem, hit, next_sign(mem, hit, v), turned, v)
            change = climb(mem, v)
        return change

    return above


def _push(layout: Layout, index: int) -> Function:
    """Let `source` of the layer below turn on `flips` in the scratch counters of every unit of layer `index`."""
    layer, words = layout.layers[index], layout.words
    units, falling_at, ripple = layer.units, falling_of(layer, words), ripple_of(layer, words, scratch=True)

    def push(mem: Memory, source: int, negative: Any, flips: Any, v: int) -> None:
        for number in range(units):
            unit = np.uint64(number)
            ripple(mem, unit, flips, falling_at(mem, unit, source, negative), v)

    return push


def _climb(layout: Layout, index: int) -> Function:
    """From scratch counters of layer `index` up to the change of the errors."""
    words, layers = layout.words, layout.layers
    if index == len(layers) - 1:
        return judge_scratch(layout)
    now, then, units = sign_of(layers[index], words), sign_of(layers[index], words, scratch=True), layers[index].units
    copy, push, climb_on = copy_of(layers[index + 1], words), _push(layout, index + 1), _climb(layout, index + 1)

    def climb(mem: Memory, v: int) -> Any:
        copy(mem, v)
        for number in range(units):
            unit = np.uint64(number)
            negative = now(mem, unit, v)
            flips = negative ^ then(mem, unit, v)
            if any_set(flips):
                push(mem, unit, negative, flips, v)
        return climb_on(mem, v)

    return climb


def _settle(layout: Layout, index: int) -> Function:
    """Mend all caches above layer `index` after its `unit`, whose sign plane was `negative`, has turned on `flips`."""
    words, layers = layout.words, layout.layers
    record = record_wrong(layout)
    if index == len(layers) - 1:

        def settle_top(mem: Memory, unit: int, negative: Any, flips: Any, v: int) -> None:
            record(mem, v)

        return settle_top
    layer = layers[index + 1]
    units, falling_at, turn = layer.units, falling_of(layer, words), turn_of(layer, words)
    adopt = _adopt_all(layout, index + 2)

    def settle(mem: Memory, unit: int, negative: Any, flips: Any, v: int) -> None:
        if any_set(flips):
            for number in range(units):
                hit = np.uint64(number)
                turn(mem, hit, flips, falling_at(mem, hit, unit, negative), v)
            adopt(mem, v)
            record(mem, v)

    return settle


def _adopt_all(layout: Layout, index: int) -> Function:
    """Take over the scratch copies of layer `index` and all above."""
    if index >= len(layout.layers):

        def nothing(mem: Memory, v: int) -> None:
            return None

        return nothing
    adopt, rest = adopt_of(layout.layers[index], layout.words), _adopt_all(layout, index + 1)

    def adopt_all(mem: Memory, v: int) -> None:
        adopt(mem, v)
        rest(mem, v)

    return adopt_all
