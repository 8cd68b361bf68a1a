"""From the slots at the end of a run to its result: one ln g, its error, and an honest status."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.analysis.join import LARGEST_GAP, Joined, JoinError, join
from parallel_landscape.flat_sampler import FlatSampler
from parallel_landscape.outcomes.reports import SlotReport, window_ln_g
from parallel_landscape.outcomes.window_table import by_window, window_table
from parallel_landscape.phases.learn import Learning
from parallel_landscape.sampler import Sampler

FAR = 5  # times the largest gap allowed, beyond which a window learns from a middling ln f again


@dataclass(frozen=True)
class Outcome:
    """What goes into result.nc; `groups`: besides the root and the windows; unit and meaning of `observables`; and `notes` for
    people besides the status."""

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


@dataclass(frozen=True)
class Curve:
    """ln g over all levels: of each repeat (repeats, levels), mean and error; which levels were visited by all and known to
    any, lie inside windows, and how often each was visited.

    attributes: status, reason, normalisation. windows: the table of windows.
    """

    repeats: NDArray[np.float64]
    ln_g: NDArray[np.float64]
    error: NDArray[np.float64]
    visited: NDArray[np.bool_]
    known: NDArray[np.bool_]
    inside: NDArray[np.bool_]
    visits: NDArray[np.int64]
    attributes: dict[str, Any]
    windows: dict[str, Any]


def conclude(
    sampler: Sampler, learning: Learning, reports: dict[int, SlotReport], known: NDArray[np.bool_], stopped: str
) -> Outcome:
    """The outcome of a run. `known` are levels seen in the search; `stopped` says why it ended early, or is empty."""
    levels = sampler.landscape.levels
    curve = join_reports(sampler, learning, reports, known, stopped)
    anywhere = curve.known | curve.visited
    kept = np.flatnonzero(anywhere if curve.known.any() else curve.inside)  # of a run stopped in its first round: nothing known
    span = slice(int(kept[0]), int(kept[-1]) + 1)
    result = {
        "energy": np.arange(levels.start, levels.stop, levels.step)[span],
        "ln_g": curve.ln_g[span],
        "ln_g_error": curve.error[span],
        "visited": curve.visited[span],
        "known": curve.known[span],
        "histogram": curve.visits[span],
    }
    return Outcome(result, curve.windows, curve.attributes)


def join_reports(
    sampler: Sampler | FlatSampler, learning: Learning, reports: dict[int, SlotReport], known: NDArray[np.bool_], stopped: str
) -> Curve:
    """What all slots have learned, as one curve; the arguments are those of `conclude`."""
    levels = sampler.landscape.levels
    tables = np.array([[window_ln_g(learning, reports, repeat, window) for window in range(len(learning.windows))]
                       for repeat in range(learning.layout.repeats)])  # fmt: skip
    visits = np.sum([report.visits for report in reports.values()], axis=0)
    known = known | (visits > 0)
    inside = np.zeros(len(levels), bool)
    for cells in learning.cells:
        inside[cells] = True
    joins, problem = _join_all(tables, learning.layout.neighbours)
    absolute = bool(inside.all()) and math.isfinite(sampler.landscape.ln_states) and not problem
    curves = np.array([normalised(joined.ln_g, sampler.landscape.ln_states if absolute else None) for joined in joins])
    ln_g, error, visited = combine(curves, len(levels))
    empty = np.flatnonzero(np.isnan(tables).all(axis=2).any(axis=0)).tolist()
    lowest = min(learning.energy_of(levels, report.level) for report in reports.values())
    status, reason = _verdict(learning, reports, empty, lowest, joins, problem, known & inside & ~visited, error, stopped)
    attributes = {"status": status, "reason": reason, "normalisation": "absolute" if absolute else "relative"}
    table = window_table(sampler, learning, reports, joins, known)
    return Curve(curves, ln_g, error, visited, known, inside, visits, attributes, table)


def disagreements(learning: Learning, reports: dict[int, SlotReport]) -> list[list[int]]:
    """(repeat, window, far) of all windows whose ln g differs from a neighbour's by more than the schedule allows; `far` is 1
    when it does so by FAR times as much."""
    layout, limit = learning.layout, learning.schedule.largest_gap
    found: dict[tuple[int, int], int] = {}
    for repeat in range(layout.repeats):
        tables = np.array([window_ln_g(learning, reports, repeat, window) for window in range(layout.windows)])
        try:
            gaps = join(tables, pairs=layout.neighbours).gap_largest
        except JoinError:
            continue
        for pair in np.flatnonzero(gaps > limit).tolist():
            far = int(gaps[pair] > FAR * limit)
            for window in layout.neighbours[pair]:
                found[repeat, window] = max(far, found.get((repeat, window), 0))
    return [[*place, far] for place, far in sorted(found.items())]


def _join_all(tables: NDArray[np.float64], pairs: list[tuple[int, int]]) -> tuple[list[Joined], str]:
    """One join a repeat; with several repeats, levels weigh by their variance over the repeats."""
    variances = _variances(tables)
    joins = []
    try:
        for table in tables:
            present = ~np.isnan(table).all(axis=1)
            if not present.any():
                raise JoinError("no window was reached")
            joins.append(_join_present(table, None if variances is None else variances, present, pairs))
    except JoinError as error:
        return [], str(error)
    return joins, ""


def _join_present(
    table: NDArray[np.float64],
    variances: NDArray[np.float64] | None,
    present: NDArray[np.bool_],
    pairs: list[tuple[int, int]],
) -> Joined:
    """The join of the windows that are `present`; the gaps of the other pairs are nan."""
    place = np.cumsum(present) - 1
    there = [number for number, (i, j) in enumerate(pairs) if present[i] and present[j]]
    own = [(int(place[pairs[number][0]]), int(place[pairs[number][1]])) for number in there]
    joined = join(table[present], None if variances is None else variances[present], own)
    gaps = np.full((2, len(pairs)), np.nan)
    gaps[:, there] = joined.gap_rms, joined.gap_largest
    return Joined(joined.ln_g, joined.shifts, gaps[0], gaps[1], joined.chi_square)


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
    lowest: float,
    joins: list[Joined],
    problem: str,
    missed: NDArray[np.bool_],
    error: NDArray[np.float64],
    stopped: str,
) -> tuple[str, str]:
    """Status in a word or two, and the sentence behind it; `empty` are windows in which some repeat has been nowhere,
    `lowest` the lowest energy of a walker now."""
    unfinished = [w for w, group in by_window(learning, reports).items() if not all(r.learner.finished for r in group)]
    if unfinished and stopped:
        return "out of time", f"windows {unfinished} had not finished learning when the run stopped ({stopped}); resume it"
    if empty:
        return "unreached windows", f"windows {empty} were not reached; the lowest energy that a walker sits at is {lowest:g}"
    if problem:
        return "broken join", problem
    if unfinished:
        return "limited by the clock", f"windows {unfinished} had not finished learning when max_sweeps was used up"
    overdue = [w for w, group in by_window(learning, reports).items() if any(r.learner.overdue for r in group)]
    if overdue:
        return "limited by the clock", f"windows {overdue} have levels that were seldom found again; widen them or add walkers"
    if any(joined.broken for joined in joins):
        return "broken join", "neighbouring windows contradict each other where they overlap; see gap_largest"
    if missed.any():
        return "unvisited levels", f"{int(missed.sum())} levels seen in the search were not visited again while learning"
    apart = int(np.count_nonzero(error > LARGEST_GAP))
    if apart:
        return "repeats disagree", f"independent repeats differ on {apart} levels by more than a factor of e; see ln_g_error"
    if stopped:
        return "out of time", f"learning is done, production was not when the run stopped ({stopped}); resume it"
    return "converged", "every window finished its schedule and the windows agree where they overlap"
