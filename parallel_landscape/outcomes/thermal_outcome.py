"""From the slots of a run with continuous weights to its result: means, variances, and whether the run is in equilibrium.

Health, of which each number is 1 in equilibrium, with an error from spans of time:

    virial    <w . grad U> / n; in flat space only
    creutz    <exp(-work)> over moves (M. Creutz, Phys. Rev. D 38, 1228 (1988)); rare moves may carry most of it, so that it
              can lie below 1 by more than its error: it is told, and nothing is concluded from it
    balance   <exp(-work - |work|)> / <exp(-|work|)>, by the same law P(-work) = exp(-work) P(work), where no move is worth
              more than any other
    response  between neighbouring temperatures the ratio of the laws of the energy is exp((beta_2 - beta_1) E), up to a
              constant: the slope that fits best, over beta_2 - beta_1 (M. Shirts, J. Chem. Theory Comput. 9, 909 (2013)).
              For close temperatures this is Var E = -d<E>/d beta.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from parallel_landscape.analysis.dimension import from_fluctuations, from_means
from parallel_landscape.analysis.law_ratio import slope_of_laws
from parallel_landscape.driver.campaign import Campaign
from parallel_landscape.exchange.comm import Comm
from parallel_landscape.outcomes.outcome import Outcome
from parallel_landscape.outcomes.tempered import (
    APART,
    FEWEST,
    Mean,
    by_temperature,
    exchange_rates,
    gaps_in_ladder,
    mean_of,
    parted,
    walkers_apart,
)
from parallel_landscape.phases.equilibrate import BLOCKS
from parallel_landscape.phases.thermal import LOOKS, Slots, Thermal, smooth
from parallel_landscape.smooth import F
from parallel_landscape.smooth_sampler import TALLIES

HEALTHY = 6.0  # errors that a number of health may lie off 1: from 8 spans chance does so once in 1,000 times
WORTH = 0.02  # deviations of less than that are not worth a word
_HEAD = ("steps", "accepted", "meetings", "swaps", "trips", "divergences")


@dataclass(frozen=True)
class ThermalReport:
    """What one slot knows: counts, sums (BLOCKS, columns) as in `Thermal`, and the energies that were kept."""

    steps: int
    accepted: int
    meetings: int
    swaps: int
    trips: int
    divergences: int
    sums: F
    energies: F


def collect_thermal(before: Thermal, slots: Slots, comm: Comm) -> dict[int, ThermalReport] | None:
    """Every slot's report on rank 0, None elsewhere."""
    rows = {}
    for slot in smooth(slots):
        counts = [slot.steps, slot.accepted, slot.meetings, slot.swaps, slot.walker.trips, slot.divergences]
        parts = [np.array(counts, np.float64), before.sums[slot.number].reshape(-1), before.energies[slot.number]]
        rows[slot.number] = np.concatenate(parts).view(np.uint8)
    gathered = comm.gather(rows)
    if gathered is None:
        return None
    found = {}
    for number, row in gathered.items():
        width = BLOCKS * (LOOKS + 1 + before.measured)
        head, sums, energies = np.split(row.view(np.float64), [len(_HEAD), len(_HEAD) + width])
        known = dict(zip(_HEAD, map(int, head), strict=True))
        found[number] = ThermalReport(**known, sums=sums.reshape(BLOCKS, -1).copy(), energies=energies.copy())
    return found


def means_of(before: Thermal, group: list[ThermalReport], names: list[str]) -> dict[str, Mean]:
    """Of one temperature: energy, its variance, virial, creutz, and each observable."""
    sums = np.sum([report.sums for report in group], axis=0)
    moves = sums[:, 0].astype(np.int64)
    found = {name: mean_of(sums[:, number], moves) for number, name in enumerate(TALLIES) if number}
    back, forth = (sums[:, TALLIES.index(name)] for name in ("back", "forth"))
    ratio, found_forth = found.pop("back").value / found["forth"].value, found.pop("forth").value
    found["balance"] = Mean(ratio, mean_of(back - ratio * forth, moves).error / found_forth, math.nan)
    centre = found["energy"].value
    second = found.pop("energy_squared").value
    spread = sums[:, 2] - 2.0 * centre * sums[:, 1] + centre**2 * sums[:, 0]
    found["energy_variance"] = Mean(second - centre**2, mean_of(spread, moves).error, math.nan)
    looks = sums[:, LOOKS].astype(np.int64)
    for number, name in enumerate(names):
        found[name] = mean_of(sums[:, LOOKS + 1 + number], looks)
    return found


def responses(before: Thermal, groups: list[list[ThermalReport]]) -> list[Mean]:
    """Of each temperature and the next: measured over true difference of beta; nan for the last."""
    found = []
    for number, (cold, hot) in enumerate(zip(groups, groups[1:], strict=False)):
        change = before.betas[number] - before.betas[number + 1]
        slope, error = slope_of_laws(_kept(hot), _kept(cold))
        found.append(Mean(slope / change, abs(error / change), math.nan))
    return [*found, Mean(math.nan, math.nan, math.nan)]


def _kept(group: list[ThermalReport]) -> F:
    """Energies (time, slots) of a temperature, as far as production has come."""
    energies = np.array([report.energies for report in group]).T
    return energies[np.isfinite(energies).all(axis=1)]


def thermal_table(before: Thermal, reports: dict[int, ThermalReport], *, final: bool = True) -> dict[str, Any]:
    """The table of temperatures, in the columns of `store.schema.WINDOWS`; what takes time only at the end."""
    groups = by_temperature(before, reports)
    pairs = list(zip(*exchange_rates(before, reports), strict=True))
    unknown = Mean(math.nan, math.nan, math.nan)
    response = responses(before, groups) if final else [unknown] * len(groups)
    columns: dict[str, list[Any]] = {}
    for number, group in enumerate(groups):
        means = means_of(before, group, [])
        steps = sum(report.steps for report in group)
        swaps, met = pairs[number] if number < len(pairs) else (0, 0)
        row = {
            "walkers": len(group),
            "steps": steps,
            "acceptance": sum(report.accepted for report in group) / steps if steps else math.nan,
            "exchange_acceptance": swaps / met if met else math.nan,
            "round_trips": sum(report.trips for report in group),
            "beta": before.betas[number],
            "step_length": before.lengths[number],
            "divergences": sum(report.divergences for report in group),
            "halves_apart": means["energy"].apart,
            "walkers_apart": walkers_apart([mean_of(one.sums[:, 1], one.sums[:, 0].astype(np.int64)) for one in group]),
        }
        named = {"energy_mean": means["energy"], "energy_variance": means["energy_variance"], "response": response[number]}
        for name, mean in {**named, **{one: means[one] for one in ("virial", "creutz", "balance")}}.items():
            row |= {name: mean.value, f"{name}_error": mean.error}
        for key, value in row.items():
            columns.setdefault(key, []).append(value)
    return columns


def conclude_thermal(campaign: Campaign, before: Thermal, reports: dict[int, ThermalReport]) -> Outcome:
    """The outcome of a run."""
    table = thermal_table(before, reports)
    about = {name: (unit, meaning) for name, meaning, unit in campaign.observers.about()}
    betas = np.array(before.betas)
    canonical: dict[str, Any] = {"beta": betas}
    for name in ("energy_mean", "energy_mean_error"):
        canonical[name] = table[name]
    for ending in ("", "_error"):
        canonical[f"heat_capacity{ending}"] = betas**2 * np.array(table[f"energy_variance{ending}"])
    line = _add_dimensions(canonical)
    found = [means_of(before, group, list(about)) for group in by_temperature(before, reports)]
    for name in about:
        canonical |= {name: [means[name].value for means in found], f"{name}_error": [means[name].error for means in found]}
    status, reason = _verdict(before, reports, table, campaign.stopped)
    landscape = campaign.sampler.landscape
    attributes = {"status": status, "reason": reason, "normalisation": "none", "convention": landscape.convention}
    attributes |= {
        "weights": "continuous",
        "size": landscape.size,
        "metropolis": str(campaign.sampler.motion.metropolis),
        **line,
    }
    return Outcome({}, table, attributes, {"canonical": canonical}, about, tuple(health_lines(table)))


def _add_dimensions(canonical: dict[str, Any]) -> dict[str, Any]:
    """Put the effective dimensions beside the means; returns where the line of mean energies begins and how far it goes."""
    betas = np.asarray(canonical["beta"])
    names = ("dimension_fluctuation", "dimension_mean")
    canonical |= dict.fromkeys([*names, *(f"{name}_error" for name in names)], np.full(len(betas), math.nan))
    if (betas <= 0).any():
        return {}
    heat = (np.asarray(canonical[name]) for name in ("heat_capacity", "heat_capacity_error"))
    canonical["dimension_fluctuation"], canonical["dimension_fluctuation_error"] = from_fluctuations(*heat)
    energies = (np.asarray(canonical[name]) for name in ("energy_mean", "energy_mean_error"))
    dimension, error, ground, count = from_means(1.0 / betas, *energies)
    canonical["dimension_mean"], canonical["dimension_mean_error"] = dimension, error
    return {"energy_at_zero": ground, "temperatures_on_line": count}


def health_lines(table: dict[str, list[Any]]) -> list[str]:
    """The health of each temperature, for people."""
    names = ("virial", "creutz", "balance", "response")
    lines = [f"{'beta':>12}  {'accepted':>8}  {'diverged':>8}" + "".join(f"  {name:>18}" for name in names)]
    for number, beta in enumerate(table["beta"]):
        cells = [_plus_minus(table[name][number], table[f"{name}_error"][number]) for name in names]
        head = f"{beta:12.6g}  {table['acceptance'][number]:8.3f}  {table['divergences'][number]:8d}"
        lines.append(head + "".join(f"  {cell:>18}" for cell in cells))
    return lines


def _plus_minus(value: float, error: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f} +- {error:.4f}"


def unhealthy(table: dict[str, list[Any]]) -> list[str]:
    """A few words for each number of health that is off 1 by more than its error allows."""
    found = []
    for name in ("virial", "balance", "response"):
        for beta, value, error in zip(table["beta"], table[name], table[f"{name}_error"], strict=True):
            if abs(value - 1.0) > max(HEALTHY * error, WORTH):
                found.append(f"{name} {_plus_minus(value, error)} at beta = {beta:.6g}")
    return found


def _verdict(before: Thermal, reports: dict[int, ThermalReport], table: dict[str, Any], stopped: str) -> tuple[str, str]:
    """Status in a word or two, and the sentence behind it."""
    if stopped:
        return "out of time", f"production was not over when the run stopped ({stopped}); resume it"
    if apart := gaps_in_ladder(before, reports):
        return "broken ladder", f"temperatures {apart} hardly ever change places with the next ones; put more betas in between"
    moving = [number for number, apart in enumerate(table["halves_apart"]) if abs(apart) > APART]
    if moving:
        return (
            "not equilibrated",
            f"the mean energy of temperatures {moving} still moves between the halves of production; give the run more "
            "equilibration_rounds and rounds",
        )
    if found := parted(table["walkers_apart"]):
        return found
    if wrong := unhealthy(table):
        return "not in equilibrium", f"{'; '.join(wrong)}; all should be 1: equilibrate longer, or take a shorter step"
    if any(math.isnan(apart) for apart in table["halves_apart"]):
        return "too short", f"less than {2 * FEWEST} rounds of production: nothing can be said of errors"
    return "converged", "both halves of production agree at every temperature, and the run is in equilibrium with itself"
