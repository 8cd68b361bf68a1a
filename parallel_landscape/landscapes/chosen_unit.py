"""The unit that a move has chosen: where it would turn, what becomes of its caches, and the weight itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from parallel_landscape.landscapes.bits import ONES, width_of
from parallel_landscape.landscapes.layout import Layer, Layout, Memory
from parallel_landscape.landscapes.sign_unit import falling_of, flips_of, sign_of, turn_of
from parallel_landscape.simd import LOAD, NEGATIVE, SUBTRACT, element, store

Function = Callable[..., Any]


def weight_of(layer: Layer) -> Function:
    """Flip a weight, and its mask where it has one."""
    masked, masks, units = layer.first_weight > 0, np.uint64(layer.masks), np.uint64(layer.units)

    def turn_weight(state: Any, move: int, unit: int, source: int) -> None:
        state.weights[np.uint64(move)] = -state.weights[np.uint64(move)]
        if masked:
            state.words[masks + source * units + unit] ^= ONES

    return turn_weight


def chosen_unit(layout: Layout, index: int, real: bool, tree: bool) -> tuple[Function, Function]:
    """Where the unit would turn when one of its own weights does, and what that does to its caches."""
    if real:
        return _real_unit(layout, tree)
    words = layout.words
    load, layer = LOAD[width_of(words)], layout.layers[index]
    falling_at, flips_at, turn = falling_of(layer, words), flips_of(layer, words), turn_of(layer, words)
    fan_in, plane = np.uint64(layer.fan_in), np.uint64(words)
    source_sign = sign_of(layout.layers[index - 1], words)

    def input_at(mem: Memory, unit: int, source: int, v: int) -> Any:
        return load(mem.columns, source * plane + v)

    def tree_input_at(mem: Memory, unit: int, source: int, v: int) -> Any:
        return load(mem.columns, (unit * fan_in + source) * plane + v)

    def unit_at(mem: Memory, unit: int, source: int, v: int) -> Any:
        return source_sign(mem, source, v)

    source_at = unit_at if index else (tree_input_at if tree else input_at)

    def try_unit(mem: Memory, unit: int, source: int, v: int) -> Any:
        falling = falling_at(mem, unit, source, source_at(mem, unit, source, v))
        return flips_at(mem, unit, falling, v)

    def turn_unit(mem: Memory, unit: int, source: int, flips: Any, v: int) -> None:
        falling = falling_at(mem, unit, source, source_at(mem, unit, source, v))
        turn(mem, unit, load(mem.valid, v), falling, v)

    return try_unit, turn_unit


def _real_unit(layout: Layout, tree: bool) -> tuple[Function, Function]:
    """The same for a unit with integer fields, 64 to a word: F = signs after ^ signs before."""
    words = layout.words
    layer = layout.layers[0]
    negative, subtract, sign = NEGATIVE[width_of(words)], SUBTRACT[width_of(words)], sign_of(layer, words)
    fan_in, lanes, plane, at = np.uint64(layer.fan_in), np.uint64(64 * words), np.uint64(words), np.uint64(layer.counters)
    block = np.uint64(layer.fan_in if tree else 0)
    word = np.uint64(64)

    def try_unit(mem: Memory, unit: int, source: int, v: int) -> Any:
        weight = np.int64(element(mem.weights, unit * fan_in + source))
        column = (unit * block + source) * lanes + word * v
        return negative(mem.fields, unit * lanes + word * v, mem.lanes, column, weight) ^ sign(mem, unit, v)

    def turn_unit(mem: Memory, unit: int, source: int, flips: Any, v: int) -> None:
        weight = np.int64(element(mem.weights, unit * fan_in + source))
        column = (unit * block + source) * lanes + word * v
        subtract(mem.fields, unit * lanes + word * v, mem.lanes, column, weight)
        store(mem.words, at + unit * plane + v, sign(mem, unit, v) ^ flips)

    return try_unit, turn_unit
