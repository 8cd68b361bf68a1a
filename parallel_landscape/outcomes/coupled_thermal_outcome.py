"""From the slots of a run with coupled replicas of continuous weights to its result: what changes with gamma, and health."""

from __future__ import annotations

import math
from typing import Any

from parallel_landscape.driver.campaign import Campaign
from parallel_landscape.outcomes.outcome import Outcome
from parallel_landscape.outcomes.tempered import APART, FEWEST, Mean, by_temperature, gaps_in_ladder
from parallel_landscape.outcomes.thermal_outcome import ThermalReport, health_lines, means_of, thermal_table, unhealthy
from parallel_landscape.phases.couple_thermal import CoupledThermal

Reports = dict[int, ThermalReport]


def _means(campaign: Campaign, before: CoupledThermal, reports: Reports) -> list[dict[str, Mean]]:
    """Of each group; what is recorded of replicas follows the observables of the job."""
    names = [*campaign.observers.observables, *before.recorded]
    return [means_of(before, group, names) for group in by_temperature(before, reports)]


def coupled_table(campaign: Campaign, before: CoupledThermal, reports: Reports) -> dict[str, Any]:
    """The table of groups, in the columns of `store.schema.WINDOWS`."""
    columns, means = thermal_table(before, reports, final=False), _means(campaign, before, reports)
    columns["gamma"] = list(before.gammas)
    for name in before.recorded:
        column = name.replace("-", "_")
        columns[column] = [group[name].value for group in means]
        columns[f"{column}_error"] = [group[name].error for group in means]
    columns["halves_apart"] = [_most_apart(group, before) for group in means]
    return columns


def _most_apart(means: dict[str, Mean], before: CoupledThermal) -> float:
    """Of energy and overlaps of a group, the largest distance between the halves of the time."""
    found = [means[name].apart for name in ("energy", *before.recorded)]
    return max(found, key=lambda apart: -1.0 if math.isnan(apart) else abs(apart))


def conclude_coupled_thermal(campaign: Campaign, before: CoupledThermal, reports: Reports) -> Outcome:
    """The outcome of a run."""
    table = coupled_table(campaign, before, reports)
    status, reason = _verdict(before, reports, table, campaign.stopped)
    landscape = campaign.sampler.landscape
    attributes = {"status": status, "reason": reason, "normalisation": "none", "convention": landscape.convention}
    attributes |= {"weights": "continuous", "size": landscape.size, "coupling": before.form}
    attributes["metropolis"] = str(campaign.sampler.motion.metropolis)
    return Outcome({}, table, attributes, notes=tuple(health_lines(table)))


def _verdict(before: CoupledThermal, reports: Reports, table: dict[str, Any], stopped: str) -> tuple[str, str]:
    """Status in a word or two, and the sentence behind it."""
    if stopped:
        return "out of time", f"production was not over when the run stopped ({stopped}); resume it"
    if apart := gaps_in_ladder(before, reports):
        return "broken ladder", f"groups {apart} hardly ever change places with the next ones; put more gammas in between"
    moving = [number for number, apart in enumerate(table["halves_apart"]) if abs(apart) > APART]
    if moving:
        return (
            "not equilibrated",
            f"energies or overlaps of groups {moving} still move between the halves of production; give the run more "
            "equilibration_rounds and rounds, or smaller steps of gamma",
        )
    if wrong := unhealthy(table):
        return "not in equilibrium", f"{'; '.join(wrong)}; all should be 1: equilibrate longer, or take a shorter step"
    if any(math.isnan(apart) for apart in table["halves_apart"]):
        return "too short", f"less than {2 * FEWEST} looks in production: nothing can be said of errors"
    return "converged", "energies and overlaps of both halves of production agree in every group, each in equilibrium"
