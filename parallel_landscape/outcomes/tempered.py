"""From the slots of a run at given temperatures to its result: mean energies with errors, ln g, and an honest status."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.exchange.comm import Comm
from parallel_landscape.exchange.layout import Layout
from parallel_landscape.outcomes.outcome import Outcome, combine, normalised
from parallel_landscape.phases.equilibrate import BLOCKS, Equilibration, pairs_from_windows, table_of
from parallel_landscape.sampler import Sampler
from parallel_landscape.walker import Slot

FEWEST = 8  # spans of time, below which nothing is said about errors
APART = 6.0  # errors that two halves of FEWEST spans each may differ by: chance does so once in 30,000 times
PARTED = 12.0  # errors that a walker may lie off the mean of all: from FEWEST spans chance does so once in 100,000 times
MET, RAREST = 20, 0.01  # a ladder is broken where, of so many meetings or more, fewer than this fraction swapped
_HEAD = 6  # numbers that travel with a slot's counts
Real = NDArray[np.float64]


@dataclass(frozen=True)
class Report:
    """What one slot knows: counts, visits (levels,), and blocks (BLOCKS, width) of production: of what, says the phase."""

    steps: int
    accepted: int
    meetings: int
    swaps: int
    trips: int
    level: int
    visits: NDArray[np.int64]
    blocks: NDArray[np.int64]

    @classmethod
    def of_row(cls, row: NDArray[np.uint8], width: int) -> Report:
        """The report that travelled as bytes."""
        counts, visits, blocks = np.split(row.view(np.int64), [_HEAD, row.size // 8 - width * BLOCKS])
        steps, accepted, meetings, swaps, trips, level = map(int, counts)
        return cls(steps, accepted, meetings, swaps, trips, level, visits.copy(), blocks.reshape(BLOCKS, width).copy())


def collect_tempered(before: Equilibration, slots: dict[int, Slot], comm: Comm) -> dict[int, Report] | None:
    """Every slot's report on rank 0, None elsewhere."""
    rows = {}
    for number, slot in slots.items():
        head = [slot.steps, slot.accepted, slot.meetings, slot.swaps, slot.walker.trips, slot.walker.level]
        parts = [np.array(head, np.int64), slot.visits + slot.histogram, before.blocks[number].reshape(-1)]
        rows[number] = np.concatenate(parts).view(np.uint8)
    gathered = comm.gather(rows)
    return None if gathered is None else {number: Report.of_row(row, before.width) for number, row in gathered.items()}


def standard_error(means: Real) -> float:
    """Of the mean of values at successive spans of time: the largest from spans as they are, two and four together.

    nan with less than FEWEST of them, or when one is not finite.
    """
    found = [math.nan]
    if not np.isfinite(means).all():
        return math.nan
    for together in (1, 2, 4):
        count = len(means) // together
        if count >= FEWEST:
            joined = means[: count * together].reshape(count, together).mean(axis=1)
            found.append(float(joined.std(ddof=1)) / math.sqrt(count))
    return float(np.nanmax(found)) if len(found) > 1 else math.nan


@dataclass(frozen=True)
class Mean:
    """A mean with its standard error, and by how many errors the second half of the time lies above the first."""

    value: float
    error: float
    apart: float


def mean_of(sums: NDArray[Any], counts: NDArray[np.int64]) -> Mean:
    """From sums and counts in successive spans of time; spans without counts are left out."""
    filled = counts > 0
    if not filled.any():
        return Mean(math.nan, math.nan, math.nan)
    means = sums[filled] / counts[filled]
    value = float(sums.sum() / counts.sum())
    half = len(means) // 2
    first, second = means[:half], means[-half:] if half else means[:0]
    spread = math.hypot(standard_error(first), standard_error(second))
    apart = math.nan
    if half >= FEWEST:
        difference = float(second.mean() - first.mean())
        apart = difference / spread if spread > 0 else (0.0 if difference == 0 else math.inf)
    return Mean(value, standard_error(means), apart)


def walkers_apart(walkers: list[Mean]) -> float:
    """By how many of its own errors the mean of one walker lies off that of all, at most; nan where errors are unknown."""
    found = [math.nan]
    for walker in walkers:
        off = abs(walker.value - float(np.mean([other.value for other in walkers])))
        found.append(off / walker.error if walker.error > 0 else 0.0 if off == 0 else math.nan)
    return float(np.nanmax(found)) if np.isfinite(found).any() else math.nan


def parted(apart: list[float]) -> tuple[str, str] | None:
    """The verdict when walkers of a temperature are not alike, though each is like itself at all times."""
    wrong = [number for number, one in enumerate(apart) if one > PARTED]
    if not wrong:
        return None
    return (
        "walkers disagree",
        f"at temperatures {wrong} the mean energies of single walkers differ by far more than their errors: each sees a part "
        "of the landscape that it does not leave; exchange with higher temperatures, or equilibrate from them",
    )


class OnLadder(Protocol):
    """A phase whose windows are temperatures."""

    betas: list[float]
    layout: Layout


class Meetings(Protocol):
    """What a slot knows of its exchanges."""

    @property
    def swaps(self) -> int:
        """Walkers that it has exchanged."""

    @property
    def meetings(self) -> int:
        """How often it might have."""


AnyReport = TypeVar("AnyReport", bound=Meetings)


def by_temperature(before: OnLadder, reports: dict[int, AnyReport]) -> list[list[AnyReport]]:
    """The reports of each temperature, in the order of slots."""
    groups: list[list[AnyReport]] = [[] for _ in before.betas]
    for number, report in reports.items():
        groups[before.layout.place(number).window].append(report)
    return groups


def energy_means(before: Equilibration, reports: dict[int, Report]) -> list[Mean]:
    """Mean energy in production at each temperature."""
    blocks = [np.sum([report.blocks for report in group], axis=0) for group in by_temperature(before, reports)]
    return [mean_of(block[:, 1], block[:, 0]) for block in blocks]


def _apart(before: Equilibration, reports: dict[int, Report]) -> list[float]:
    """Of each temperature, `walkers_apart`."""
    groups = by_temperature(before, reports)
    return [walkers_apart([mean_of(report.blocks[:, 1], report.blocks[:, 0]) for report in group]) for group in groups]


def exchange_rates(before: OnLadder, reports: dict[int, AnyReport]) -> tuple[list[int], list[int]]:
    """(swaps, meetings) of each temperature with the next."""
    groups = by_temperature(before, reports)
    return pairs_from_windows(np.array([[sum(r.swaps for r in g), sum(r.meetings for r in g)] for g in groups]))


def temperature_table(sampler: Sampler, before: Equilibration, reports: dict[int, Report]) -> dict[str, Any]:
    """The table of temperatures, in the columns of `store.schema.WINDOWS`."""
    levels, means = sampler.landscape.levels, energy_means(before, reports)
    pairs = list(zip(*exchange_rates(before, reports), strict=True))
    rates, apart = [swaps / met if met else math.nan for swaps, met in pairs], _apart(before, reports)
    columns: dict[str, list[Any]] = {}
    for number, group in enumerate(by_temperature(before, reports)):
        visited = np.flatnonzero(np.sum([report.visits for report in group], axis=0))
        ends = (visited[0], visited[-1]) if len(visited) else (min(r.level for r in group), max(r.level for r in group))
        steps = sum(report.steps for report in group)
        row = {
            "energy_low": levels[int(ends[0])],
            "energy_high": levels[int(ends[1])],
            "walkers": len(group),
            "steps": steps,
            "acceptance": sum(report.accepted for report in group) / steps if steps else math.nan,
            "exchange_acceptance": rates[number] if number < len(rates) else math.nan,
            "round_trips": sum(report.trips for report in group),
            "beta": before.betas[number],
            "energy_mean": means[number].value,
            "energy_mean_error": means[number].error,
            "halves_apart": means[number].apart,
            "walkers_apart": apart[number],
        }
        for key, value in row.items():
            columns.setdefault(key, []).append(value)
    return columns


def conclude_tempered(
    sampler: Sampler, before: Equilibration, reports: dict[int, Report], known: NDArray[np.bool_], stopped: str
) -> Outcome:
    """The outcome of a run. `stopped` says why it ended early, or is empty."""
    levels, ln_states = sampler.landscape.levels, sampler.landscape.ln_states
    visits = np.sum([report.visits for report in reports.values()], axis=0)
    produced = any(report.blocks.any() for report in reports.values())
    absolute = produced and math.isfinite(ln_states) and min(before.betas) <= 0 <= max(before.betas)
    curves = [normalised(curve, ln_states if absolute else None) for curve in _curves(before, reports)] if produced else []
    ln_g, error, visited = combine(np.array(curves), len(levels))
    known = known | (visits > 0)
    for report in reports.values():
        known[report.level] = True
    kept = np.flatnonzero(known)
    span = slice(int(kept[0]), int(kept[-1]) + 1)
    result = {
        "energy": np.arange(levels.start, levels.stop, levels.step)[span],
        "ln_g": ln_g[span],
        "ln_g_error": error[span],
        "visited": visited[span],
        "known": known[span],
        "histogram": visits[span],
    }
    status, reason = _verdict(before, reports, produced, stopped)
    attributes: dict[str, Any] = {"status": status, "reason": reason, "normalisation": "absolute" if absolute else "relative"}
    if len(before.betas) > 1 and before.exchanges:
        attributes["communication_barrier"] = barrier(before, reports)
    return Outcome(result, temperature_table(sampler, before, reports), attributes)


def barrier(before: Equilibration, reports: dict[int, Report]) -> float:
    """The communication barrier: the sum of the rejection rates of all pairs of neighbours (Syed et al. 2022, sec. 4)."""
    return sum(1.0 - swaps / met for swaps, met in zip(*exchange_rates(before, reports), strict=True) if met)


def _curves(before: Equilibration, reports: dict[int, Report]) -> list[Real]:
    """ln g from the visits of all temperatures, for each repeat; nan where it has not been."""
    from parallel_landscape.analysis.mbar import make_weights, solve  # scipy is not for the ranks that sample

    levels = before.levels
    energies = np.arange(levels.start, levels.stop, levels.step)
    tables, count = -np.array([table_of(beta, energies) for beta in before.betas]), len(before.betas)
    weights = make_weights(tables.reshape(-1), np.arange(count + 1) * len(levels), np.zeros(count, np.int64), len(levels))
    size = before.layout.windows * before.layout.walkers
    curves = []
    for repeat in range(before.layout.repeats):
        mine = [reports[number] for number in range(repeat * size, (repeat + 1) * size)]
        visits = np.array([report.visits for report in mine]).reshape(count, -1, len(levels)).sum(axis=1)
        curves.append(solve(weights, visits.sum(axis=0), visits.sum(axis=1)).ln_g)
    return curves


def gaps_in_ladder(before: OnLadder, reports: dict[int, AnyReport]) -> list[int]:
    """Temperatures, or groups, that hardly ever change places with the next one."""
    pairs = zip(*exchange_rates(before, reports), strict=True)
    return [number for number, (swaps, met) in enumerate(pairs) if met >= MET and swaps < RAREST * met]


def _verdict(before: Equilibration, reports: dict[int, Report], produced: bool, stopped: str) -> tuple[str, str]:
    """Status in a word or two, and the sentence behind it."""
    if stopped:
        what = "production was not over" if produced else "equilibration was not over"
        return "out of time", f"{what} when the run stopped ({stopped}); resume it"
    if apart := gaps_in_ladder(before, reports):
        return "broken ladder", f"temperatures {apart} hardly ever change places with the next ones; put more betas in between"
    means = energy_means(before, reports)
    moving = [number for number, mean in enumerate(means) if abs(mean.apart) > APART]
    if moving:
        return (
            "not equilibrated",
            f"the mean energy of temperatures {moving} still moves between the halves of production; give the run more "
            "equilibration_rounds and rounds, or a longer ladder",
        )
    if found := parted(_apart(before, reports)):
        return found
    if any(math.isnan(mean.apart) for mean in means):
        return "too short", f"less than {2 * FEWEST} rounds of production: nothing can be said of errors"
    trips = sum(report.trips for report in reports.values())
    travelled = f", and walkers made {trips} round trips" if len(before.betas) > 1 and before.exchanges else ""
    return "converged", f"both halves of production agree at every temperature{travelled}"
