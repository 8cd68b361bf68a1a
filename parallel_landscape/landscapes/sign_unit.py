"""One hidden or output unit on one block of patterns: where would it turn, and what becomes of its counter.

The functions made here hold a layer's offsets as constants. `v` is the first word of the block within each plane, `unit` and
`source` are unsigned, and `negative` marks the patterns where the source that the unit sees is -1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from parallel_landscape.landscapes.bits import ONES, ZERO, width_of
from parallel_landscape.landscapes.layout import Layer, Memory
from parallel_landscape.simd import LOAD, SPLAT, element, store

Function = Callable[..., Any]


def falling_of(layer: Layer, words: int) -> Function:
    """Patterns where weight times source is +1, so that turning either one lowers the field."""
    splat = SPLAT[width_of(words)]
    first, fan_in = np.uint64(layer.first_weight), np.uint64(layer.fan_in)
    minus = minus_of(layer, words)

    def falling(mem: Memory, unit: int, source: int, negative: Any) -> Any:
        weight = element(mem.weights, first + unit * fan_in + source)
        return negative ^ splat(ONES if weight > 0 else ZERO)

    def falling_masked(mem: Memory, unit: int, source: int, negative: Any) -> Any:
        return ~(negative ^ minus(mem, unit, source))

    def falling_frozen(mem: Memory, unit: int, source: int, negative: Any) -> Any:
        return ~negative

    if layer.frozen:
        return falling_frozen
    return falling_masked if layer.first_weight else falling


def minus_of(layer: Layer, words: int) -> Function:
    """All bits set where the weight from `source` to `unit` is -1, in a layer that has masks."""
    splat = SPLAT[width_of(words)]
    masks, units = np.uint64(layer.masks), np.uint64(layer.units)

    def minus(mem: Memory, unit: int, source: int) -> Any:
        return splat(element(mem.words, masks + source * units + unit))

    return minus


def flips_of(layer: Layer, words: int) -> Function:
    """F = C & (falling ^ B): patterns whose sign turns when one product turns on every pattern."""
    load = LOAD[width_of(words)]
    critical, plane = np.uint64(layer.critical), np.uint64(words)
    sign, stride = np.uint64(layer.sign(0, words)), np.uint64(layer.planes * words)

    def flips(mem: Memory, unit: int, falling: Any, v: int) -> Any:
        return load(mem.words, critical + unit * plane + v) & (falling ^ load(mem.words, sign + unit * stride + v))

    return flips


def sign_of(layer: Layer, words: int, scratch: bool = False) -> Function:
    """The sign plane of a unit, or the one after the move when taken from the scratch copy."""
    load = LOAD[width_of(words)]
    offset = layer.scratch - layer.counters if scratch else 0
    sign, stride = np.uint64(layer.sign(0, words) + offset), np.uint64(layer.planes * words)

    def read(mem: Memory, unit: int, v: int) -> Any:
        return load(mem.words, sign + unit * stride + v)

    return read


def ripple_of(layer: Layer, words: int, scratch: bool = False) -> Function:
    """Add +-1 to the counters h of the patterns in `carry`, -1 where `falling`; returns where |m| = 1 (planes all equal)."""
    load, splat = LOAD[width_of(words)], SPLAT[width_of(words)]
    first, planes = np.uint64(layer.scratch if scratch else layer.counters), layer.planes
    stride = np.uint64(planes * words)

    def ripple(mem: Memory, unit: int, carry: Any, falling: Any, v: int) -> Any:
        some, every = splat(ZERO), splat(ONES)
        start = first + unit * stride + v
        for plane in range(planes):
            where = start + np.uint64(plane * words)
            old = load(mem.words, where)
            new = old ^ carry
            carry = carry & (old ^ falling)
            store(mem.words, where, new)
            some = some | new
            every = every & new
        return ~some | every

    return ripple


def turn_of(layer: Layer, words: int) -> Function:
    """Ripple a unit's counter and mend its critical plane; patterns that are padding are never critical."""
    load, ripple = LOAD[width_of(words)], ripple_of(layer, words)
    critical, plane = np.uint64(layer.critical), np.uint64(words)

    def turn(mem: Memory, unit: int, carry: Any, falling: Any, v: int) -> None:
        where = ripple(mem, unit, carry, falling, v)
        store(mem.words, critical + unit * plane + v, where & load(mem.valid, v))

    return turn


def copy_of(layer: Layer, words: int) -> Function:
    """Copy the counters of the layer to the scratch copy, before a move is followed there."""
    load = LOAD[width_of(words)]
    total, plane = layer.units * layer.planes, np.uint64(words)
    first, scratch = np.uint64(layer.counters), np.uint64(layer.scratch)

    def copy(mem: Memory, v: int) -> None:
        for index in range(total):
            where = np.uint64(index) * plane + v
            store(mem.words, scratch + where, load(mem.words, first + where))

    return copy


def adopt_of(layer: Layer, words: int) -> Function:
    """Take the scratch copy over as the counters of the layer, and mend its critical planes."""
    load, splat = LOAD[width_of(words)], SPLAT[width_of(words)]
    units, planes, plane = layer.units, layer.planes, np.uint64(words)
    first, scratch, critical = np.uint64(layer.counters), np.uint64(layer.scratch), np.uint64(layer.critical)
    stride = np.uint64(planes * words)

    def adopt(mem: Memory, v: int) -> None:
        valid = load(mem.valid, v)
        for unit in range(units):
            some, every = splat(ZERO), splat(ONES)
            start = np.uint64(unit) * stride + v
            for index in range(planes):
                where = start + np.uint64(index) * plane
                new = load(mem.words, scratch + where)
                store(mem.words, first + where, new)
                some = some | new
                every = every & new
            store(mem.words, critical + np.uint64(unit) * plane + v, valid & (~some | every))

    return adopt
