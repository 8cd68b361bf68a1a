"""Cutting the energies into windows: they cover the range, overlap, and cost the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallel_landscape.exchange.windows import divide, mistakes_in, sensible_count


@st.composite
def divisions(draw: st.DrawFn) -> tuple[int, int, int, float, list[float] | None]:
    """Arguments of `divide`: at least three levels for each window."""
    count = draw(st.integers(1, 20))
    levels = draw(st.integers(max(3, 3 * count), 200))
    first = draw(st.integers(0, 1000))
    costs = st.lists(st.floats(1e-3, 1e3), min_size=levels, max_size=levels)
    return first, first + levels - 1, count, draw(st.floats(0.01, 0.95)), draw(st.none() | costs)


@given(divisions())
def test_windows_cover_the_range_and_overlap(arguments: tuple[int, int, int, float, list[float] | None]) -> None:
    first, last, count, overlap, cost = arguments
    windows = divide(first, last, count, overlap, None if cost is None else np.array(cost))
    assert len(windows) == count
    assert windows[0][0] == first and windows[-1][1] == last
    assert all(high - low >= 2 for low, high in windows)
    assert all(first <= low and high <= last for low, high in windows)
    for (low, high), (next_low, next_high) in zip(windows, windows[1:], strict=False):
        assert next_low < high, "neighbours share two levels"
        assert low <= next_low and high <= next_high, "windows ascend"


def test_equal_costs_give_equal_widths() -> None:
    assert divide(0, 99, 4, 0.5) == [(0, 39), (20, 59), (40, 79), (60, 99)]


def test_one_window_is_the_range() -> None:
    assert divide(5, 17, 1, 0.5) == [(5, 17)]


def test_costly_levels_get_narrower_windows() -> None:
    cost = np.where(np.arange(300) < 100, 10.0, 1.0)
    windows = divide(0, 299, 6, 0.5, cost)
    costs = [cost[low : high + 1].sum() for low, high in windows]
    assert np.ptp(costs) <= 2 * cost.max()
    assert windows[0][1] - windows[0][0] < windows[-1][1] - windows[-1][0]


@pytest.mark.parametrize("overlap", [0.2, 0.5, 0.75])
def test_neighbours_share_the_asked_fraction(overlap: float) -> None:
    windows = divide(0, 999, 5, overlap)
    width = windows[1][1] - windows[1][0] + 1
    shared = [high - next_low + 1 for (_, high), (next_low, _) in zip(windows, windows[1:], strict=False)]
    assert np.allclose(np.array(shared) / width, overlap, atol=3.0 / width)


@given(st.integers(1, 10_000))
def test_automatic_count_leaves_room_for_every_window(levels: int) -> None:
    count = sensible_count(levels)
    assert 1 <= count <= 32
    assert count == 1 or count * 3 <= levels


LEVELS = range(-32, 33, 4)


def test_sound_windows_have_no_mistakes() -> None:
    assert mistakes_in([[-32, 0], [-8, 20], [16, 32]], LEVELS) == []


@pytest.mark.parametrize(
    ("windows", "said"),
    [
        ([[0, 0]], "below its highest"),
        ([[8, -8]], "below its highest"),
        ([[-32, 2]], "not a level"),
        ([[-36, 0]], "not a level"),
        ([[-32, 8], [-32, 32]], "ascending"),
        ([[-32, 32], [0, 32]], "ascending"),
        ([[-32, -4], [0, 32]], "share no energy"),
    ],
)
def test_mistakes_in_explicit_windows_are_named(windows: list[list[int]], said: str) -> None:
    assert any(said in sentence for sentence in mistakes_in(windows, LEVELS))


def test_all_mistakes_come_at_once() -> None:
    assert len(mistakes_in([[-33, -8], [4, 4], [40, 41]], LEVELS)) >= 4
