"""All that is asked of a trajectory, put together as the groups of result.nc, with a sentence for whatever is wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.analysis import canonical, groups, joint, overlap, overlap_windows, refine, travel
from parallel_landscape.analysis.ends import Ends
from parallel_landscape.analysis.survey import Partial, Survey
from parallel_landscape.analysis.thermal_findings import is_thermal, thermal_findings
from parallel_landscape.analysis.timeline import Timeline, make_timeline
from parallel_landscape.analysis.transition import TransitionCurve, merge_transitions, transition_curve
from parallel_landscape.analysis.transition_counts import Transitions
from parallel_landscape.analysis.visits import Seen, Visits, merge_visits
from parallel_landscape.errors import JobError
from parallel_landscape.store.catalogue import Catalogue
from parallel_landscape.store.frozen_tables import Frozen
from parallel_landscape.store.schema import JOINT_PREFIX

Real = NDArray[np.float64]
Groups = dict[str, dict[str, Any]]
APART = 4.0  # mean squared difference of two estimates, in units of their errors, above which they are said to disagree
FAR = 5.5  # the largest difference in these units


@dataclass(frozen=True)
class Question:
    """What to work out: inverse temperatures (None: chosen from the range), ranges of energy for overlaps, names of observables
    for joint histograms, and pairs to be compared for overlaps at most."""

    betas: tuple[float, ...] | None = None
    ranges: tuple[tuple[int, int], ...] = ()
    joint: tuple[str, ...] = ()
    pairs: int = overlap.PAIRS

    def check(self, frozen: Frozen | None) -> None:
        """Raise JobError with everything that cannot be answered."""
        mistakes = [f"--energy {low} {high}: the first must not be larger" for low, high in self.ranges if low > high]
        known = [observable.name for observable in frozen.observables] if frozen else []
        listed = ", ".join(known) or "none"
        mistakes += [f"--joint {name}: not recorded; there are: {listed}" for name in self.joint if name not in known]
        if self.ranges and frozen is not None and frozen.size:
            mistakes.append("--energy: continuous weights have no levels; their overlaps are in the group overlap_windows")
        elif self.ranges and (frozen is None or not frozen.weights_count):
            mistakes.append("--energy: overlaps need recorded binary weights; run again with [production] weights = true")
        if self.betas is not None and not all(math.isfinite(beta) for beta in self.betas):
            mistakes.append("--beta: give finite numbers")
        if mistakes:
            raise JobError(mistakes)


class Ask(Protocol):
    """Puts a survey to every segment; `notes`: path -> (sentence, lost records)."""

    notes: dict[str, tuple[str, int]]

    def __call__(self, *surveys: Survey) -> list[Iterator[Partial]]:
        """Partial results of each survey in order, by one pass over the segments."""
        ...


@dataclass
class Findings:
    """Groups of variables and attributes for result.nc; observables: name -> (unit, meaning); lost: records left out."""

    groups: Groups
    attributes: dict[str, Any]
    observables: dict[str, tuple[str, str]] = field(default_factory=dict)
    lost: int = 0


def conclude(
    ask: Ask, catalogue: Catalogue, question: Question, learned: tuple[Groups, dict[str, Any]], notes: Iterable[str]
) -> Findings:
    """Everything, from a catalogue of segments and what the run's end wrote: (groups, attributes)."""
    said = [*catalogue.notes, *notes]
    if not catalogue.segments:
        question.check(None)
        findings = from_learned(question, learned, said)
        lost = catalogue.lost
    else:
        frozen = catalogue.frozen()
        question.check(frozen)
        (ends,) = ask(Ends())
        last = max(int(part["last"][0]) for part in ends)
        timeline = make_timeline(last, frozen.sweeps_per_record, frozen.slots)
        if is_thermal(frozen):
            findings = _thermal(ask, frozen, timeline, question, learned, (catalogue.records, said))
        elif frozen.ensemble == "coupled":  # more than the energy decided where walkers went
            findings = Findings(_window_overlaps(ask, frozen, timeline, catalogue.records), {"observables": [""]})
        else:
            findings = from_records(ask, frozen, timeline, question, learned, said)
        if frozen.ensemble == "canonical" and frozen.weights_count and not frozen.size:
            findings.groups |= _window_overlaps(ask, frozen, timeline, catalogue.records)
        lost = catalogue.lost + sum(count for _, count in ask.notes.values())
        said += [note for note, _ in ask.notes.values()]
    findings.lost = lost
    whole = "complete" if not lost else f"incomplete: {lost} of {catalogue.records + catalogue.lost} records are left out"
    findings.attributes |= {"analysis_status": whole, "analysis_notes": said or [""]}
    return findings


def _window_overlaps(ask: Ask, frozen: Frozen, timeline: Timeline, records: int) -> Groups:
    """P(q) at each temperature or in each group."""
    (parts,) = ask(overlap_windows.choose_records(frozen, records))
    return {"overlap_windows": overlap_windows.overlaps_of_chosen(frozen, parts, timeline.records * timeline.sweeps)}


def _thermal(
    ask: Ask,
    frozen: Frozen,
    timeline: Timeline,
    question: Question,
    learned: tuple[Groups, dict[str, Any]],
    about: tuple[int, list[str]],
) -> Findings:
    """Of continuous weights, whose energies are real; about: number of records, and sentences, to which more are added."""
    if question.joint or (question.betas and frozen.ensemble == "coupled"):
        asked = "--joint" if question.joint else "--beta"
        raise JobError(f"{asked}: not to be had of continuous weights{'' if question.joint else ' that are coupled'}")
    found, attributes = thermal_findings(ask, frozen, timeline, question.betas, learned[0].get("windows", {}), *about)
    return Findings(found, attributes, {one.name: (one.unit, one.meaning) for one in frozen.observables})


def from_learned(question: Question, learned: tuple[Groups, dict[str, Any]], said: list[str]) -> Findings:
    """Canonical curves from ln g as it was learned: there are no records."""
    root = dict(learned[0][""])
    ln_g, energy = root["ln_g"], root["energy"].astype(float)
    beta = groups.chosen_betas(question.betas, ln_g, energy)
    stacked = canonical.canonical(ln_g, energy, beta, np.zeros((0, len(ln_g)))).stacked()
    expected = np.asarray(root["known"], bool)
    group = groups.beta_group(beta, stacked, np.full(stacked.shape, np.nan), ())
    group["covered"] = canonical.covered(ln_g, energy, beta, expected, False, False)
    said.append("nothing was recorded: canonical averages are from the learned ln g and have no errors; add [production]")
    groups.say_uncovered(group, said)
    root |= {"ln_g_learned": root["ln_g"], "ln_g_learned_error": root["ln_g_error"]}
    return Findings({"": root, "canonical": group}, {"estimator": "learned", "observables": [""]})


def from_records(
    ask: Ask,
    frozen: Frozen,
    timeline: Timeline,
    question: Question,
    learned: tuple[Groups, dict[str, Any]],
    said: list[str],
) -> Findings:
    """All that the records tell."""
    survey, counting = Visits(frozen, timeline), Transitions(frozen)
    visits, transitions, *values = ask(survey, counting, *(joint.Values(name) for name in question.joint))
    seen = merge_visits(survey, visits)
    slots, walkers = travel.slot_table(seen, frozen, timeline), travel.walker_table(seen, timeline)
    refined = refine.refine(seen, frozen, timeline, travel.typical_time(slots))
    counted = merge_transitions(counting, transitions, timeline.records * timeline.sweeps)
    transition = transition_curve(counted) if counted is not None else None
    said += _doubts(seen, refined, transition, frozen)
    whole = frozen.whole and not len(refined.apart)
    absolute = whole and math.isfinite(frozen.ln_states)
    table = groups.window_group(learned[0].get("windows", {}), frozen)
    root = groups.energy_group(refined, transition, frozen, learned[0].get("", {}), absolute)
    found: Groups = {
        "": root,
        "windows": table | travel.window_columns(slots, seen, frozen, timeline),
        "slots": slots,
        "walkers": walkers,
        "canonical": groups.canonical_group(refined, frozen, question.betas, root, absolute, said),
    }
    ln_g, error = groups.placed(root, frozen, "ln_g_mbar"), groups.placed(root, frozen, "ln_g_mbar_error")
    joints = [joint.Joint(frozen, timeline, name, edges) for name, edges in _edges(question.joint, values)]
    chosen = _chosen(frozen, question, refined)
    parts = iter(ask(*joints, *(one for one in chosen if one is not None)))
    for one in joints:
        found |= _joint(one, next(parts), ln_g, error, refined.factor)
    if question.ranges:
        found["overlap"] = _overlap(frozen, chosen, parts, timeline, question, refined, said)
    observables = {x.name: (x.unit, x.meaning) for x in frozen.observables}
    attributes = {
        "estimator": groups.settle(root, len(refined.repeats)),
        "normalisation": "absolute" if absolute else "relative",
        "observables": list(observables) or [""],
        "jackknife_blocks": len(refined.sizes),
        "jackknife_block_sweeps": timeline.block_sweeps * refined.factor,
    }
    return Findings(found, attributes, observables)


def _doubts(seen: Seen, refined: refine.Refined, transition: TransitionCurve | None, frozen: Frozen) -> list[str]:
    """A sentence for whatever makes the estimates less sure than they look."""
    said = []
    if seen.strange:
        said.append(f"{seen.strange} records fit no slot, window or time and are left out: the trajectory is not of this run")
    if len(refined.apart):
        energies = frozen.energies[refined.apart].tolist()
        said.append(
            f"energies {energies[0]} to {energies[-1]} are not connected with the others by any window: left out of ln g"
        )
    if len(refined.sizes) < 8:
        said.append(f"errors rest on {len(refined.sizes)} blocks of time only: record for longer")
    if refined.scale > 1:
        said.append(f"repeats differ by more than their errors allow: all errors were multiplied by {refined.scale:.2g}")
    alone = int((np.isfinite(refined.ln_g) & ~np.isfinite(refined.error)).sum())
    if alone:
        said.append(f"{alone} levels were recorded in a single block of time: they have no error")
    if transition is None:
        said.append("no transitions were counted: ln g rests on the recorded energies alone")
        return said
    if transition.rough:
        said.append("errors of ln_g_transition are those of counting: too few independent walkers and segments for better ones")
    mean, largest = refine.disagreement(refined.ln_g, refined.error, transition.ln_g, transition.error)
    if mean > APART or largest > FAR:
        said.append(
            "ln g from recorded energies and from transitions differ by more than their errors allow: mean squared difference "
            f"{mean:.2g}, largest {largest:.2g} standard errors; trust neither until it is known why"
        )
    return said


def _edges(names: Iterable[str], values: Iterable[Iterator[Partial]]) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Name and edges of the bins of each observable that has values."""
    for name, parts in zip(names, values, strict=True):
        edges = joint.merge_values(parts)
        if len(edges):
            yield name, tuple(edges.tolist())


def _joint(survey: joint.Joint, parts: Iterator[Partial], ln_g: Real, error: Real, factor: int) -> Groups:
    counts, density, density_error = joint.joint_density(joint.merge_joint(survey, parts), ln_g, error, factor)
    rows = np.flatnonzero(counts.sum(axis=1))
    span = slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else slice(0, 0)
    return {
        JOINT_PREFIX + survey.observable: {
            "energy": survey.frozen.energies[span], "edges": np.array(survey.edges), "counts": counts[span],
            "ln_g": density[span], "ln_g_error": density_error[span],
        }
    }  # fmt: skip


def _within(frozen: Frozen, refined: refine.Refined, low: int, high: int) -> NDArray[np.int64]:
    """Records on each level from energy low to high, (levels,)."""
    return np.where((frozen.energies >= low) & (frozen.energies <= high), refined.samples, 0)


def _chosen(frozen: Frozen, question: Question, refined: refine.Refined) -> list[overlap.Chosen | None]:
    """The survey of each range of energies; None where nothing was recorded."""
    surveys: list[overlap.Chosen | None] = []
    for low, high in question.ranges:
        samples = _within(frozen, refined, low, high)
        if not samples.any():
            surveys.append(None)
            continue
        chance = overlap.choose(samples, refined.ln_g, overlap.wanted(question.pairs))
        levels = np.flatnonzero(chance)
        first, last = int(levels[0]), int(levels[-1]) + 1
        surveys.append(overlap.Chosen(frozen, tuple(chance[first:last].tolist()), first))
    return surveys


def _overlap(
    frozen: Frozen,
    surveys: list[overlap.Chosen | None],
    parts: Iterator[Iterator[Partial]],
    timeline: Timeline,
    question: Question,
    refined: refine.Refined,
    said: list[str],
) -> dict[str, Any]:
    rows, count = [], frozen.weights_count
    for (low, high), survey in zip(question.ranges, surveys, strict=True):
        if survey is None:
            said.append(f"nothing was recorded at energies {low} to {high}: no overlaps there")
            rows.append(overlap.nothing(count))
            continue
        recorded, chosen = _within(frozen, refined, low, high).sum(), overlap.merge_chosen(next(parts))
        if recorded > overlap.wanted(question.pairs):
            said.append(f"overlaps at energies {low} to {high} rest on {len(chosen['slot'])} of {recorded} records")
        about = (refined.ln_g, refined.left_ln_g, refined.sizes)
        rows.append(overlap.overlaps(chosen, *about, count, timeline.records * timeline.sweeps))
    return {
        "q": np.linspace(-1.0, 1.0, count + 1),
        "energy_low": [low for low, _ in question.ranges],
        "energy_high": [high for _, high in question.ranges],
        "pairs": [row.pairs for row in rows],
        "probability": [row.probability for row in rows],
        "probability_error": [row.error for row in rows],
        "pairs_within": [row.pairs_within for row in rows],
        "probability_within": [row.within for row in rows],
    }
