"""Joining windows: constants between windows are recovered, contradictions are seen, gaps are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from parallel_landscape.analysis.join import JoinError, join
from parallel_landscape.exchange.windows import Window, divide

LEVELS = 60


def truth() -> NDArray[np.float64]:
    """A curve shaped like an entropy."""
    return -((np.arange(LEVELS) - 40.0) ** 2) / 50.0


def pieces(windows: list[Window], shifts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(windows, levels) pieces of `truth`, each with a constant of its own, nan outside its window."""
    tables = np.full((len(windows), LEVELS), np.nan)
    for row, (low, high) in enumerate(windows):
        tables[row, low : high + 1] = truth()[low : high + 1] + shifts[row]
    return tables


@st.composite
def cuts(draw: st.DrawFn) -> tuple[list[Window], NDArray[np.float64]]:
    """Windows over all levels, and a constant for each."""
    count = draw(st.integers(1, 10))
    windows = divide(0, LEVELS - 1, count, draw(st.floats(0.1, 0.8)))
    shifts = draw(st.lists(st.floats(-1e3, 1e3), min_size=count, max_size=count))
    return windows, np.array(shifts)


@given(cuts())
def test_constants_between_windows_are_recovered(cut: tuple[list[Window], NDArray[np.float64]]) -> None:
    windows, shifts = cut
    joined = join(pieces(windows, shifts))
    assert np.allclose(joined.shifts, shifts[0] - shifts, atol=1e-9)
    assert np.allclose(joined.ln_g, truth() + shifts[0], atol=1e-9)
    assert not joined.broken


@given(cuts(), st.randoms(use_true_random=False))
def test_order_of_windows_does_not_matter(cut: tuple[list[Window], NDArray[np.float64]], random: object) -> None:
    tables = pieces(*cut)
    order = np.arange(len(tables))
    random.shuffle(order)  # type: ignore[attr-defined]
    straight, shuffled = join(tables).ln_g, join(tables[order]).ln_g
    assert np.allclose(straight - straight[0], shuffled - shuffled[0], atol=1e-9)


def test_holes_stay_unknown() -> None:
    tables = pieces([(0, 40), (20, 59)], np.array([0.0, 5.0]))
    tables[:, 7] = np.nan
    tables[0, 30] = np.nan
    joined = join(tables)
    assert np.isnan(joined.ln_g[7])
    assert np.allclose(np.delete(joined.ln_g, 7), np.delete(truth(), 7))


@pytest.mark.parametrize("windows", [[(0, 19), (20, 59)], [(0, 10), (5, 20), (21, 30), (25, 59)]])
def test_windows_without_a_common_level_are_refused(windows: list[Window]) -> None:
    with pytest.raises(JoinError, match="share no visited level"):
        join(pieces(windows, np.zeros(len(windows))))


def test_window_never_visited_is_refused() -> None:
    tables = pieces([(0, 40), (20, 59)], np.zeros(2))
    tables[1] = np.nan
    with pytest.raises(JoinError, match=r"windows \[1\]"):
        join(tables)


def test_one_window_is_taken_as_it_is() -> None:
    joined = join(pieces([(0, LEVELS - 1)], np.array([3.0])))
    assert np.array_equal(joined.ln_g, truth() + 3.0)
    assert len(joined.gap_rms) == 0 and not joined.broken


def test_one_level_in_the_overlap_is_enough() -> None:
    joined = join(pieces([(0, 30), (30, 59)], np.array([0.0, -8.0])))
    assert np.allclose(joined.ln_g, truth())


def test_shift_is_the_weighted_mean_of_all_differences() -> None:
    tables = np.array([[0.0, 0.0, 0.0, np.nan], [np.nan, 1.0, 4.0, 0.0]])
    variances = np.array([[1.0, 1.0, 2.0, 1.0], [1.0, 1.0, 4.0, 1.0]])
    assert join(tables).shifts[1] == pytest.approx(-2.5)
    assert join(tables, variances).shifts[1] == pytest.approx(-(1.0 / 2 + 4.0 / 6) / (1 / 2 + 1 / 6))


def test_level_is_averaged_by_precision() -> None:
    tables = np.array([[0.0, 0.0, 0.0], [2.0, -1.0, -1.0]])
    variances = np.array([[1.0, 1.0, 1.0], [3.0, 3.0, 3.0]])
    joined = join(tables, variances)
    assert joined.shifts[1] == pytest.approx(0.0)
    assert joined.ln_g == pytest.approx([0.5, -0.25, -0.25])


def test_contradiction_is_called_broken() -> None:
    tables = pieces([(0, 40), (20, 59)], np.zeros(2))
    tables[1] += 0.05 * np.arange(LEVELS)  # another slope: no constant can mend it
    joined = join(tables)
    assert joined.broken
    differences = 0.05 * (np.arange(20, 41) - 30.0)
    assert joined.gap_largest[0] == pytest.approx(np.abs(differences).max())
    assert joined.gap_rms[0] == pytest.approx(np.sqrt(np.mean(differences**2)))


def test_single_wild_level_is_called_broken() -> None:
    tables = pieces([(0, 40), (10, 59)], np.zeros(2))
    tables[1, 25] += 1.2
    assert join(tables).broken


def test_chi_square_is_about_one_for_true_variances() -> None:
    """Mean of 200 values of chi-square over 20 degrees of freedom: sigma 0.022. False alarm beyond 5 sigma: 6e-7."""
    rng = np.random.default_rng(1)
    windows = [(0, 40), (20, 59)]
    values = []
    for _ in range(200):
        tables = pieces(windows, np.zeros(2)) + rng.normal(scale=0.1, size=(2, LEVELS))
        values.append(join(tables, np.full((2, LEVELS), 0.01)).chi_square)
    assert np.mean(values) == pytest.approx(1.0, abs=0.11)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_least_squares_cannot_be_bettered(seed: int) -> None:
    """Any other constants leave a larger sum of squares."""
    rng = np.random.default_rng(seed)
    windows = [(0, 30), (15, 45), (25, 59)]
    tables = pieces(windows, rng.normal(size=3)) + rng.normal(scale=0.1, size=(3, LEVELS))

    def squares(shifts: NDArray[np.float64]) -> float:
        shifted = tables + shifts[:, None]
        return sum(float(np.nansum((shifted[i] - shifted[j]) ** 2)) for i in range(3) for j in range(i))

    best = join(tables).shifts
    others = best + rng.normal(scale=1e-3, size=(20, 3)) * [0.0, 1.0, 1.0]
    assert all(squares(other) >= squares(best) for other in others)
