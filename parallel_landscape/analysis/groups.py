"""The groups of result.nc: curves over the energy, over the inverse temperature, and the table of windows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.analysis import canonical, refine
from parallel_landscape.analysis.transition import TransitionCurve
from parallel_landscape.store.frozen_tables import Frozen

Real = NDArray[np.float64]


def _shift(ln_g: Real, ln_states: float, absolute: bool) -> float:
    """What is added to ln g, whose states sum to 1: ln of their number, or so much that the largest value is 0."""
    return ln_states if absolute else -float(np.nanmax(ln_g))


def missing_states(part: Real, whole: Real) -> float:
    """ln of the fraction of all states, by `whole` (levels,), that lie on levels of which `part` knows."""
    known = np.isfinite(part) & np.isfinite(whole)
    return float(np.log(np.exp(whole[known]).sum() / np.nansum(np.exp(whole))))


def energy_group(
    refined: refine.Refined, transition: TransitionCurve | None, frozen: Frozen, learned: Mapping[str, Any], absolute: bool
) -> dict[str, Any]:
    """Variables over energy: from the first to the last level that anybody knows of."""
    known = refined.samples > 0
    old = np.round((np.asarray(learned.get("energy", []), float) - frozen.energy_start) / frozen.energy_step).astype(int)
    known[old] = True
    span = slice(int(np.flatnonzero(known)[0]), int(np.flatnonzero(known)[-1]) + 1)
    shift = _shift(refined.ln_g, frozen.ln_states, absolute)
    found: dict[str, Any] = {
        "energy": frozen.energies,
        "ln_g": refined.ln_g + shift,
        "ln_g_error": refined.error,
        "ln_g_mbar": refined.ln_g + shift,
        "ln_g_mbar_error": refined.error,
        "samples": refined.samples,
        "effective_samples": refined.effective,
    }
    for old_name, name, empty in _KEPT:
        if old_name in learned:
            found[name] = np.full(frozen.levels, empty)
            found[name][old] = learned[old_name]
    if transition is not None:
        shift_too = _shift(transition.ln_g, frozen.ln_states, absolute)
        if absolute and len(transition.apart):
            shift_too += missing_states(transition.ln_g, refined.ln_g)
        found |= {"ln_g_transition": transition.ln_g + shift_too, "ln_g_transition_error": transition.error}
    for number, observable in enumerate(frozen.observables):
        rows = (refined.averages, refined.average_errors, refined.variances)
        found |= {f"{observable.name}{what}": row[number] for what, row in zip(("", "_error", "_variance"), rows, strict=True)}
    found = {name: column[span] for name, column in found.items()}
    if len(refined.repeats) > 1:
        found["ln_g_repeat"] = (refined.repeats + shift)[:, span]
    return found


_ESTIMATORS = {"mbar": "ln_g_mbar", "transition-matrix": "ln_g_transition", "learned": "ln_g_learned"}
TRUSTED = 4  # repeats, from which on their scatter makes an error bar that can be compared with others


def settle(root: dict[str, Any], repeats: int) -> str:
    """Let ln_g be the curve with the least typical error of those that know every recorded level; returns its name.

    A short production adds noise to what was learned; a long one, or its proposals, know better.
    """
    recorded, typical = root["samples"] > 0, {}
    for estimator, name in _ESTIMATORS.items():
        if name not in root or (estimator == "learned" and repeats < TRUSTED):
            continue
        error = root.get(f"{name}_error", np.full(len(recorded), np.nan))[recorded]
        if np.isfinite(root[name][recorded]).all() and np.isfinite(error).any():
            typical[estimator] = float(np.median(error[np.isfinite(error)]))
    best = min(typical, key=lambda estimator: typical[estimator], default="mbar")
    root |= {"ln_g": root[_ESTIMATORS[best]], "ln_g_error": root[f"{_ESTIMATORS[best]}_error"]}
    return best


_KEPT = (
    ("ln_g", "ln_g_learned", np.nan),
    ("ln_g_error", "ln_g_learned_error", np.nan),
    ("visited", "visited", 0),
    ("known", "known", 0),
    ("histogram", "histogram", 0),
)


def placed(root: Mapping[str, Any], frozen: Frozen, name: str) -> Real:
    """A variable of the root over all levels."""
    found = np.full(frozen.levels, np.nan)
    found[(root["energy"] - frozen.energy_start) // frozen.energy_step] = root[name]
    return found


def window_group(learned: Mapping[str, Any], frozen: Frozen) -> dict[str, Any]:
    """The table of windows as it is, or its beginning."""
    if learned:
        return dict(learned)
    windows = range(int(frozen.window.max()) + 1)
    mine = [frozen.window == window for window in windows]
    return {
        "energy_low": [frozen.energies[frozen.low[slots].min()] for slots in mine],
        "energy_high": [frozen.energies[frozen.high[slots].max()] for slots in mine],
        "walkers": [slots.sum() for slots in mine],
        "reached": [frozen.reached[slots].sum() for slots in mine],
    }


def chosen_betas(betas: tuple[float, ...] | None, ln_g: Real, energy: Real) -> Real:
    """The inverse temperatures asked for, or some that suit the curve."""
    return canonical.default_betas(ln_g, energy) if betas is None else np.array(betas, float)


_CURVES = ("energy_mean", "heat_capacity", "free_energy", "entropy")


def beta_group(beta: Real, values: Real, errors: Real, observables: Iterable[str]) -> dict[str, Any]:
    """Variables over beta from the rows of `Canonical.stacked` and their errors."""
    group: dict[str, Any] = {"beta": beta}
    for name, value, error in zip((*_CURVES, *observables), values, errors, strict=True):
        group |= {name: value, f"{name}_error": error}
    return group


def canonical_group(
    refined: refine.Refined,
    frozen: Frozen,
    betas: tuple[float, ...] | None,
    root: Mapping[str, Any],
    absolute: bool,
    said: list[str],
) -> dict[str, Any]:
    energy = frozen.energies.astype(float)
    beta = chosen_betas(betas, refined.ln_g, energy)
    shift = _shift(refined.ln_g, frozen.ln_states, absolute)
    values, errors = refine.canonical_with_errors(refined, energy, beta, shift)
    group = beta_group(beta, values, errors, [observable.name for observable in frozen.observables])
    expected = refined.samples > 0
    if "known" in root:
        expected |= np.nan_to_num(placed(root, frozen, "known")) > 0
    cut_low, cut_high = bool(frozen.low.min() > 0), bool(frozen.high.max() < frozen.levels - 1)
    group["covered"] = canonical.covered(refined.ln_g, energy, beta, expected, cut_low, cut_high)
    say_uncovered(group, said)
    return group


def say_uncovered(group: Mapping[str, Any], said: list[str]) -> None:
    """Add a sentence to `said` when some inverse temperatures are not covered."""
    outside = group["beta"][~np.asarray(group["covered"], bool)]
    if len(outside):
        said.append(
            f"the sampled energies do not cover {len(outside)} of the inverse temperatures, from {outside.min():.4g} to "
            f"{outside.max():.4g}: canonical averages there are wrong by what lies outside"
        )
