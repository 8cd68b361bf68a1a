"""MBAR on counts without noise gives ln g back, whatever constants and ranges the tables have."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from parallel_landscape.analysis.mbar import make_weights, solve

Real = NDArray[np.float64]


def expected(ln_g: Real, tables: list[tuple[int, Real]], records: int) -> Real:
    """Records expected on each level when every table samples `records` of them."""
    counts = np.zeros(len(ln_g))
    for low, ln_weight in tables:
        here = slice(low, low + len(ln_weight))
        p = ln_g[here] + ln_weight
        counts[here] += records * np.exp(p - np.logaddexp.reduce(p))
    return counts


def found(ln_g: Real, tables: list[tuple[int, Real]]) -> Real:
    counts = expected(ln_g, tables, 10_000)
    flat = np.concatenate([ln_weight for _, ln_weight in tables])
    offset = np.cumsum([0, *(len(ln_weight) for _, ln_weight in tables)])
    weights = make_weights(flat, offset, np.array([low for low, _ in tables]), len(ln_g))
    return solve(weights, counts, np.full(len(tables), 10_000)).ln_g


def curve(levels: int, depth: float) -> Real:
    ln_g = -depth * ((np.arange(levels) - levels / 2) / (levels / 2)) ** 2
    return np.asarray(ln_g - np.logaddexp.reduce(ln_g))


@pytest.mark.parametrize(("depth", "windows"), [(1.0, 3), (50.0, 12), (2000.0, 60)])
def test_windows_with_constants_of_their_own(depth: float, windows: int) -> None:
    rng, ln_g = np.random.default_rng(1), curve(600, depth)
    edges = np.linspace(0, 600, windows + 2).astype(int)
    tables = []
    for low, high in zip(edges[:-2], edges[2:], strict=True):
        rough = 0.3 * rng.normal(size=high - low) + rng.uniform(-13_000, -5_000)
        tables.append((int(low), -ln_g[low:high] + rough))
    assert np.abs(found(ln_g, tables) - ln_g).max() < 1e-8


@pytest.mark.parametrize("temperatures", [4, 20])
def test_temperatures(temperatures: int) -> None:
    ln_g = curve(300, 225.0)
    tables = [(0, -beta * np.arange(300.0)) for beta in np.linspace(0, 3, temperatures)]
    seen = expected(ln_g, tables, 10_000) > 1e-2
    assert np.abs(found(ln_g, tables) - ln_g)[seen].max() < 1e-7
