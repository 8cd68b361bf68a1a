"""Vectors of words: compiled and plain give the same bits, at every width."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from parallel_landscape.simd import (
    LOAD,
    NEGATIVE,
    SPLAT,
    SUBTRACT,
    WIDTHS,
    address,
    aligned,
    any_set,
    count_ones,
    element,
    lane_sum,
    popcounts,
    store,
)
from parallel_landscape.specialise import specialise


def words_template(width: int) -> Callable[..., Any]:
    load, splat = LOAD[width], SPLAT[width]

    def kernel(a: NDArray[np.uint64], b: NDArray[np.uint64], out: NDArray[np.uint64]) -> tuple[int, int, bool, bool]:
        here = address(a)
        first, second = load(here, np.uint64(width)), load(b, np.uint64(0))
        mixed = ((first & second) | (first ^ ~second)) + splat(element(here, np.uint64(1))) - second
        store(out, np.uint64(0), mixed)
        nothing = first ^ first
        return count_ones(mixed), lane_sum(popcounts(first) - popcounts(second)), any_set(mixed), any_set(nothing)

    return kernel


def lanes_template(width: int) -> Callable[..., Any]:
    negative, subtract = NEGATIVE[width], SUBTRACT[width]

    def kernel(fields: NDArray[np.int32], columns: NDArray[np.int32], out: NDArray[np.uint64], weight: int) -> None:
        store(out, np.uint64(0), negative(fields, np.uint64(64), columns, np.uint64(64 * width), weight))
        subtract(address(fields), np.uint64(64), address(columns), np.uint64(64 * width), weight)

    return kernel


@pytest.mark.parametrize("width", WIDTHS)
def test_words(width: int) -> None:
    rng = np.random.default_rng(width)
    a, b = (rng.integers(0, 2**64, 2 * width + 1, dtype=np.uint64) for _ in range(2))
    kernel = specialise(words_template, width=width)
    out, expected = np.zeros(width, np.uint64), np.zeros(width, np.uint64)
    with np.errstate(over="ignore"):
        assert kernel(a, b, out) == kernel.plain(a, b, expected)
    assert out.tobytes() == expected.tobytes()
    assert kernel(a, b, out)[2:] == (True, False)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("weight", [1, -1])
def test_lanes(width: int, weight: int) -> None:
    rng = np.random.default_rng(width)
    fields, columns = (rng.integers(-9, 10, 64 * (2 * width + 1)).astype(np.int32) for _ in range(2))
    before, moved = fields.copy(), slice(64, 64 * (width + 1))
    changed = before[moved] - weight * columns[64 * width : 128 * width]
    kernel = specialise(lanes_template, width=width)
    for run in (kernel.compiled, kernel.plain):
        now, out = before.copy(), np.zeros(width, np.uint64)
        run(now, columns, out, np.int64(weight))
        assert np.unpackbits(out.view(np.uint8), bitorder="little").tolist() == (changed < 0).tolist()
        assert now[moved].tolist() == changed.tolist()
        assert (
            now[:64].tolist() == before[:64].tolist()
            and now[64 * (width + 1) :].tolist() == before[64 * (width + 1) :].tolist()
        )


@pytest.mark.parametrize("dtype", [np.uint64, np.int32, np.int8])
def test_aligned(dtype: Any) -> None:
    room = aligned(13, dtype)
    assert room.ctypes.data % 64 == 0 and room.shape == (13,) and not room.any()
