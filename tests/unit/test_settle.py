"""Which estimate of ln g an analysis stands by."""

from __future__ import annotations

from typing import Any

import numpy as np

from parallel_landscape.analysis.groups import missing_states, settle


def root(mbar: float, transition: float, learned: float) -> dict[str, Any]:
    found: dict[str, Any] = {"samples": np.array([5, 0, 7])}
    for name, error in (("ln_g_mbar", mbar), ("ln_g_transition", transition), ("ln_g_learned", learned)):
        found |= {name: np.array([1.0, np.nan, 2.0]), f"{name}_error": np.full(3, error)}
    return found


def test_the_least_error_wins() -> None:
    found = root(0.1, 0.01, 0.001)
    assert settle(found, repeats=1) == "transition-matrix"
    assert found["ln_g_error"][0] == 0.01
    assert settle(root(0.1, 0.01, 0.001), repeats=4) == "learned"
    assert settle(root(0.001, 0.01, 0.1), repeats=4) == "mbar"


def test_a_curve_that_lacks_a_recorded_level_is_not_taken() -> None:
    found = root(0.1, 0.01, 0.5)
    found["ln_g_transition"][2] = np.nan
    assert settle(found, repeats=1) == "mbar"


def test_a_curve_without_errors_is_not_taken() -> None:
    found = root(0.1, np.nan, np.nan)
    assert settle(found, repeats=9) == "mbar"


def test_a_curve_that_lacks_levels_counts_the_states_of_the_others_only() -> None:
    whole = np.log(np.array([0.1, 0.2, 0.3, 0.4]))
    part = np.log(np.array([1 / 6, 1 / 3, 1 / 2, np.nan]))
    np.testing.assert_allclose((part + missing_states(part, whole))[:3], whole[:3])
    assert missing_states(whole, whole) == 0.0
