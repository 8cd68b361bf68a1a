"""From signs of the output layer to the change of the number of wrong patterns, on one block of patterns.

With one output the label is folded into the patterns, so the sign plane itself marks the wrong ones and
dE = |G| - 2 |G & wrong| for flips G. With several, a pattern is wrong when any output differs from its label.
Changes come as vectors of 64-bit counts, to be added up at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from parallel_landscape.landscapes.bits import ZERO, width_of
from parallel_landscape.landscapes.layout import Layout, Memory
from parallel_landscape.landscapes.sign_unit import falling_of, flips_of, sign_of
from parallel_landscape.simd import LOAD, SPLAT, popcounts, store

Function = Callable[..., Any]


def judge_unit(layout: Layout) -> Function:
    """Change of the errors when output `unit` turns on `flips`."""
    top, words = layout.layers[-1], layout.words
    load, splat = LOAD[width_of(words)], SPLAT[width_of(words)]
    sign, outputs, plane, wrong = sign_of(top, words), top.units, np.uint64(words), np.uint64(layout.wrong)

    def judge_one(mem: Memory, unit: int, flips: Any, v: int) -> Any:
        mended = popcounts(flips & sign(mem, np.uint64(0), v))
        return popcounts(flips) - (mended + mended)

    def judge_any(mem: Memory, unit: int, flips: Any, v: int) -> Any:
        after = splat(ZERO)
        for index in range(outputs):
            output = np.uint64(index)
            now = sign(mem, output, v) ^ load(mem.labels, output * plane + v)
            after = after | (now ^ flips if output == unit else now)
        return popcounts(after) - popcounts(load(mem.words, wrong + v))

    return judge_one if outputs == 1 else judge_any


def judge_source(layout: Layout) -> Function:
    """Change of the errors when `source`, whose sign plane is `negative`, turns on `flips` below all outputs."""
    top, words = layout.layers[-1], layout.words
    load, splat = LOAD[width_of(words)], SPLAT[width_of(words)]
    sign, outputs, plane, wrong = sign_of(top, words), top.units, np.uint64(words), np.uint64(layout.wrong)
    falling_at, flips_at = falling_of(top, words), flips_of(top, words)

    def judge_one(mem: Memory, source: int, negative: Any, flips: Any, v: int) -> Any:
        output = np.uint64(0)
        turned = flips & flips_at(mem, output, falling_at(mem, output, source, negative), v)
        mended = popcounts(turned & sign(mem, output, v))
        return popcounts(turned) - (mended + mended)

    def judge_any(mem: Memory, source: int, negative: Any, flips: Any, v: int) -> Any:
        after = splat(ZERO)
        for index in range(outputs):
            output = np.uint64(index)
            turned = flips & flips_at(mem, output, falling_at(mem, output, source, negative), v)
            after = after | (sign(mem, output, v) ^ turned ^ load(mem.labels, output * plane + v))
        return popcounts(after) - popcounts(load(mem.words, wrong + v))

    return judge_one if outputs == 1 else judge_any


def judge_scratch(layout: Layout) -> Function:
    """Change of the errors when the scratch copy of the output layer becomes true."""
    top, words = layout.layers[-1], layout.words
    load, splat = LOAD[width_of(words)], SPLAT[width_of(words)]
    now, then, outputs = sign_of(top, words), sign_of(top, words, scratch=True), top.units
    plane, wrong = np.uint64(words), np.uint64(layout.wrong)

    def judge_one(mem: Memory, v: int) -> Any:
        return popcounts(then(mem, np.uint64(0), v)) - popcounts(now(mem, np.uint64(0), v))

    def judge_any(mem: Memory, v: int) -> Any:
        after = splat(ZERO)
        for index in range(outputs):
            output = np.uint64(index)
            after = after | (then(mem, output, v) ^ load(mem.labels, output * plane + v))
        return popcounts(after) - popcounts(load(mem.words, wrong + v))

    return judge_one if outputs == 1 else judge_any


def record_wrong(layout: Layout) -> Function:
    """Rebuild the plane of wrong patterns from the output signs; nothing to do with one output."""
    top, words = layout.layers[-1], layout.words
    load, splat = LOAD[width_of(words)], SPLAT[width_of(words)]
    sign, outputs, plane, wrong = sign_of(top, words), top.units, np.uint64(words), np.uint64(layout.wrong)

    def nothing(mem: Memory, v: int) -> None:
        return None

    def record(mem: Memory, v: int) -> None:
        now = splat(ZERO)
        for index in range(outputs):
            output = np.uint64(index)
            now = now | (sign(mem, output, v) ^ load(mem.labels, output * plane + v))
        store(mem.words, wrong + v, now)

    return nothing if outputs == 1 else record
