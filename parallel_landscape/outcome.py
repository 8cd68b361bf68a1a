"""From the slots at the end of a run to its result: one ln g, its error, and an honest status."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.analysis.join import Joined, JoinError, join
from parallel_landscape.exchange.share import average
from parallel_landscape.learn import Learning
from parallel_landscape.sampler import Sampler
from parallel_landscape.slot_report import SlotReport

FAR = 5  # times the largest gap allowed, beyond which a window learns from a middling ln f again


@dataclass(frozen=True)
class Outcome:
    """What goes into result.nc, with unit and meaning of observables; and notes for people besides the status."""

    result: dict[str, Any]
    windows: dict[str, Any]
    attributes: dict[str, Any]
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    observables: dict[str, tuple[str, str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """The verdict in a word or two."""
        return str(self.attributes["status"])


def conclude(
    sampler: Sampler, learning: Learning, reports: dict[int, SlotReport], known: NDArray[np.bool_], stopped: str
) -> Outcome:
    """The outcome of a run. `known` are levels seen in the search; `stopped` says why it ended early, or is empty."""
    levels = sampler.landscape.levels
    tables = np.array([[_window_table(learning, reports, repeat, window) for window in range(len(learning.windows))]
                       for repeat in range(learning.layout.repeats)])  # fmt: skip
    visits = np.sum([report.visits for report in reports.values()], axis=0)
    known = known | (visits > 0)
    whole_range = learning.windows[0][0] == 0 and learning.windows[-1][1] == len(levels) - 1
    joins, problem = _join_all(tables)
    absolute = whole_range and math.isfinite(sampler.landscape.ln_states) and not problem
    curves = np.array([normalised(joined.ln_g, sampler.landscape.ln_states if absolute else None) for joined in joins])
    ln_g, error, visited = combine(curves, len(levels))
    inside = np.zeros(len(levels), bool)
    for low, high in learning.windows:
        inside[low : high + 1] = True
    empty = np.flatnonzero(np.isnan(tables).all(axis=2).any(axis=0)).tolist()
    lowest = levels[min(report.level for report in reports.values())]
    status, reason = _verdict(learning, reports, empty, lowest, joins, problem, known & inside & ~visited, stopped)
    kept = np.flatnonzero(known | visited if known.any() else inside)  # nothing is known of a run stopped in its first round
    span = slice(int(kept[0]), int(kept[-1]) + 1)
    result = {
        "energy": np.arange(levels.start, levels.stop, levels.step)[span],
        "ln_g": ln_g[span],
        "ln_g_error": error[span],
        "visited": visited[span],
        "known": known[span],
        "histogram": visits[span],
    }
    attributes = {"status": status, "reason": reason, "normalisation": "absolute" if absolute else "relative"}
    return Outcome(result, window_table(sampler, learning, reports, tables, joins, known), attributes)


def disagreements(learning: Learning, reports: dict[int, SlotReport]) -> list[list[int]]:
    """(repeat, window, far) of all windows whose ln g differs from a neighbour's by more than the schedule allows; `far` is 1
    when it does so by FAR times as much."""
    layout, limit = learning.layout, learning.schedule.largest_gap
    found: dict[tuple[int, int], int] = {}
    for repeat in range(layout.repeats):
        tables = np.array([_window_table(learning, reports, repeat, window) for window in range(layout.windows)])
        try:
            gaps = join(tables).gap_largest
        except JoinError:
            continue
        for window in np.flatnonzero(gaps > limit).tolist():
            far = int(gaps[window] > FAR * limit)
            for place in ((repeat, window), (repeat, window + 1)):
                found[place] = max(far, found.get(place, 0))
    return [[*place, far] for place, far in sorted(found.items())]


def _window_table(learning: Learning, reports: dict[int, SlotReport], repeat: int, window: int) -> NDArray[np.float64]:
    """ln g of one window, nan where no walker of it has been."""
    layout = learning.layout
    members = [reports[layout.slot(repeat, window, walker)] for walker in range(layout.walkers)]
    members = [member for member in members if member.reached and member.visits.any()]
    if not members:
        return np.full(len(reports[0].ln_g), np.nan)
    seen = [member.visits > 0 for member in members]
    mean = average([member.ln_g for member in members], seen)
    return np.where(seen[0], members[0].ln_g, np.nan) if mean is None else mean


def _join_all(tables: NDArray[np.float64]) -> tuple[list[Joined], str]:
    """One join a repeat; with several repeats, levels weigh by their variance over the repeats."""
    variances = _variances(tables)
    joins = []
    try:
        for table in tables:
            present = ~np.isnan(table).all(axis=1)
            if not present.any():
                raise JoinError("no window was reached")
            joined = join(table[present], None if variances is None else variances[present])
            joins.append(_with_gaps_for_all(joined, present))
    except JoinError as error:
        return [], str(error)
    return joins, ""


def _with_gaps_for_all(joined: Joined, present: NDArray[np.bool_]) -> Joined:
    if present.all():
        return joined
    empty = np.full(len(present) - 1, np.nan)
    return Joined(joined.ln_g, joined.shifts, empty, empty.copy(), joined.chi_square)


def _variances(tables: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """(windows, levels) variance over the repeats of each window's ln g about its mean, halfway to the window's average."""
    if len(tables) < 3:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of levels that nobody has visited
        centred = tables - np.nanmean(tables, axis=2, keepdims=True)
        variance = np.nanvar(centred, axis=0, ddof=1)
        typical = np.nanmean(variance, axis=1, keepdims=True)
    smooth = 0.5 * (variance + typical)
    return np.where(np.isfinite(smooth) & (smooth > 0), smooth, 1.0)


def normalised(ln_g: NDArray[np.float64], ln_states: float | None) -> NDArray[np.float64]:
    """ln g whose states sum to exp(ln_states); without it, whose largest value is 0."""
    top = np.nanmax(ln_g)
    if ln_states is None:
        return np.asarray(ln_g - top)
    return np.asarray(ln_g - top - np.log(np.nansum(np.exp(ln_g - top))) + ln_states)


def combine(curves: NDArray[np.float64], levels: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Mean and standard error over independent repeats, where all of them have been; nan error for one."""
    if not len(curves):
        return np.full(levels, np.nan), np.full(levels, np.nan), np.zeros(levels, bool)
    visited = np.asarray(~np.isnan(curves).any(axis=0))
    mean = np.asarray(np.where(visited, curves.mean(axis=0), np.nan))
    if len(curves) == 1:
        return mean, np.full(levels, np.nan), visited
    error = curves.std(axis=0, ddof=1) / math.sqrt(len(curves))
    return mean, np.asarray(np.where(visited, error, np.nan)), visited


def _verdict(
    learning: Learning,
    reports: dict[int, SlotReport],
    empty: list[int],
    lowest: int,
    joins: list[Joined],
    problem: str,
    missed: NDArray[np.bool_],
    stopped: str,
) -> tuple[str, str]:
    """Status in a word or two, and the sentence behind it; `empty` are windows in which some repeat has been nowhere,
    `lowest` the lowest energy of a walker now."""
    unfinished = [w for w, group in _by_window(learning, reports).items() if not all(r.learner.finished for r in group)]
    if unfinished and stopped:
        return "out of time", f"windows {unfinished} had not finished learning when the run stopped ({stopped}); resume it"
    if empty:
        return "unreached windows", f"windows {empty} were not reached; the lowest energy that a walker sits at is {lowest}"
    if problem:
        return "broken join", problem
    if unfinished:
        return "limited by the clock", f"windows {unfinished} had not finished learning when max_sweeps was used up"
    overdue = [w for w, group in _by_window(learning, reports).items() if any(r.learner.overdue for r in group)]
    if overdue:
        return "limited by the clock", f"windows {overdue} have levels that were seldom found again; widen them or add walkers"
    if any(joined.broken for joined in joins):
        return "broken join", "neighbouring windows contradict each other where they overlap; see gap_largest"
    if missed.any():
        return "unvisited levels", f"{int(missed.sum())} levels seen in the search were not visited again while learning"
    if stopped:
        return "out of time", f"learning is done, production was not when the run stopped ({stopped}); resume it"
    return "converged", "every window finished its schedule and the windows agree where they overlap"


def _by_window(learning: Learning, reports: dict[int, SlotReport]) -> dict[int, list[SlotReport]]:
    table: dict[int, list[SlotReport]] = {window: [] for window in range(len(learning.windows))}
    for number, report in reports.items():
        table[learning.layout.place(number).window].append(report)
    return table


def window_table(
    sampler: Sampler,
    learning: Learning,
    reports: dict[int, SlotReport],
    tables: NDArray[np.float64] | None = None,
    joins: list[Joined] | None = None,
    known: NDArray[np.bool_] | None = None,
) -> dict[str, Any]:
    """The per-window table of `store.schema.WINDOWS`; what is not known yet is left out."""
    levels = sampler.landscape.levels
    columns: dict[str, list[Any]] = {}
    for window, group in _by_window(learning, reports).items():
        low, high = learning.windows[window]
        visits = np.sum([report.visits for report in group], axis=0)
        seen = visits > 0 if known is None else known
        walkers = learning.layout.walkers
        per_repeat = [
            np.sum([r.visits for r in group[first : first + walkers]], axis=0) > 0 for first in range(0, len(group), walkers)
        ]
        steps = sum(report.steps for report in group)
        meetings, swaps = _meetings_above(learning, reports, window)
        row = {
            "energy_low": levels[low],
            "energy_high": levels[high],
            "walkers": len(group),
            "reached": sum(report.reached for report in group),
            "finished": all(report.learner.finished for report in group),
            "ln_f": max(report.learner.ln_f for report in group),
            "stage": min(report.learner.stage for report in group),
            "flatness": min(report.learner.flatness for report in group),
            "restarts": sum(report.learner.restarts for report in group),
            "levels_known": int(seen[low : high + 1].sum()),
            "levels_visited": int(np.logical_and.reduce(per_repeat)[low : high + 1].sum()),
            "steps": steps,
            "acceptance": sum(report.accepted for report in group) / steps if steps else math.nan,
            "exchange_acceptance": swaps / meetings if meetings else math.nan,
            "round_trips": sum(report.trips for report in group),
        }
        if joins:
            last = window == len(learning.windows) - 1
            row["gap_rms"] = math.nan if last else max(joined.gap_rms[window] for joined in joins)
            row["gap_largest"] = math.nan if last else max(joined.gap_largest[window] for joined in joins)
        for key, value in row.items():
            columns.setdefault(key, []).append(value)
    return columns


def _meetings_above(learning: Learning, reports: dict[int, SlotReport], window: int) -> tuple[int, int]:
    """Meetings and swaps of a window with the next one; a slot counts both sides, the first and last window only one."""
    counts = {
        w: (sum(r.meetings for r in group), sum(r.swaps for r in group)) for w, group in _by_window(learning, reports).items()
    }
    meetings = swaps = 0
    for below in range(window + 1):
        meetings, swaps = counts[below][0] - meetings, counts[below][1] - swaps
    return (meetings, swaps) if window < len(counts) - 1 else (0, 0)
