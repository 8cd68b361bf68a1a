"""From the slots of a run with coupled replicas to its result: energies, overlaps and centres against gamma, with errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.outcomes.outcome import Outcome
from parallel_landscape.outcomes.tempered import (
    APART,
    FEWEST,
    Mean,
    Report,
    by_temperature,
    gaps_in_ladder,
    mean_of,
    temperature_table,
)
from parallel_landscape.phases.couple import Coupling
from parallel_landscape.sampler import Sampler


def means_of(before: Coupling, reports: dict[int, Report], size: int) -> list[dict[str, Mean]]:
    """Of each group, from spans of time; `size`: number of weights. Replicas are alike, so that they are averaged over."""
    others, found = before.layout.walkers - 1, []
    for group in by_temperature(before, reports):
        blocks = np.sum([report.blocks for report in group], axis=0)
        looks, energy, dots, centre, majority = blocks.T
        means = {
            "energy": mean_of(energy, looks),
            "centre_overlap": mean_of(centre / size, looks),
            "centre_energy": mean_of(majority, looks),
        }
        if others:
            means["overlap"] = mean_of((dots - looks * size) / (size * others), looks)
        found.append(means)
    return found


def group_table(sampler: Sampler, before: Coupling, reports: dict[int, Report], size: int) -> dict[str, Any]:
    """The table of groups, in the columns of `store.schema.WINDOWS`."""
    columns = temperature_table(sampler, before, reports)
    means = means_of(before, reports, size)
    columns["gamma"] = list(before.gammas)
    for name in means[0]:
        column = "energy_mean" if name == "energy" else name
        columns[column] = [group[name].value for group in means]
        columns[f"{column}_error"] = [group[name].error for group in means]
    columns["halves_apart"] = [_most_apart(group) for group in means]
    return columns


def _most_apart(means: dict[str, Mean]) -> float:
    """Of all means of a group, the largest distance between the halves of the time."""
    return max((mean.apart for mean in means.values()), key=lambda apart: -1.0 if math.isnan(apart) else abs(apart))


def conclude_coupled(
    sampler: Sampler, before: Coupling, reports: dict[int, Report], known: NDArray[np.bool_], stopped: str
) -> Outcome:
    """The outcome of a run. `stopped` says why it ended early, or is empty."""
    levels = sampler.landscape.levels
    visits = np.sum([report.visits for report in reports.values()], axis=0)
    known = known | (visits > 0)
    for report in reports.values():
        known[report.level] = True
    kept = np.flatnonzero(known)
    span = slice(int(kept[0]), int(kept[-1]) + 1)
    result = {
        "energy": np.arange(levels.start, levels.stop, levels.step)[span],
        "ln_g": np.full(len(levels), np.nan)[span],
        "ln_g_error": np.full(len(levels), np.nan)[span],
        "visited": (visits > 0)[span],
        "known": known[span],
        "histogram": visits[span],
    }
    status, reason = _verdict(before, means_of(before, reports, sampler.landscape.moves), reports, stopped)
    attributes = {"status": status, "reason": reason, "normalisation": "relative", "coupling": before.form}
    return Outcome(result, group_table(sampler, before, reports, sampler.landscape.moves), attributes)


def _verdict(before: Coupling, means: list[dict[str, Mean]], reports: dict[int, Report], stopped: str) -> tuple[str, str]:
    """Status in a word or two, and the sentence behind it."""
    if stopped:
        return "out of time", f"production was not over when the run stopped ({stopped}); resume it"
    if apart := gaps_in_ladder(before, reports):
        return "broken ladder", f"groups {apart} hardly ever change places with the next ones; put more gammas in between"
    moving = [number for number, group in enumerate(means) if abs(_most_apart(group)) > APART]
    if moving:
        return (
            "not equilibrated",
            f"energies or overlaps of groups {moving} still move between the halves of production; give the run more "
            "equilibration_rounds and rounds, or smaller steps of gamma",
        )
    if any(math.isnan(group["energy"].apart) for group in means):
        return "too short", f"less than {2 * FEWEST} looks in production: nothing can be said of errors"
    return "converged", "energies and overlaps of both halves of production agree in every group"
