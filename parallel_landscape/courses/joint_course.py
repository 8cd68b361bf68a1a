"""The course of a run that learns ln g(E, X): search for the pairs, lay windows over them, learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from parallel_landscape.courses.phase import Course, Phase, speed
from parallel_landscape.courses.wang_landau_course import PATIENCE, learns_on
from parallel_landscape.driver.campaign import Campaign, steps_per_round
from parallel_landscape.dynamics.reach import MOST, reach_template
from parallel_landscape.exchange.windows import divide
from parallel_landscape.job.joint_keys import Joint, Rectangles
from parallel_landscape.landscapes.joint import JointLandscape
from parallel_landscape.outcomes.joint_outcome import conclude_joint
from parallel_landscape.outcomes.outcome import Outcome
from parallel_landscape.outcomes.reports import collect
from parallel_landscape.outcomes.window_table import window_table
from parallel_landscape.phases.learn_joint import JointLearning, Rectangle, hull
from parallel_landscape.phases.search import CHUNKS, Search
from parallel_landscape.specialise import specialise


def first(campaign: Campaign) -> Search | JointLearning:
    """The search, or learning in windows that the job gives."""
    exchange = _exchange(campaign)
    return _new_search(campaign) if exchange.given is None else _lay(campaign, _explicit(campaign, exchange.given), None)


def following(campaign: Campaign, phase: Search | JointLearning) -> Phase | None:
    """Learning after the search, and again where windows contradict each other."""
    if isinstance(phase, Search):
        campaign.known = phase.seen > 0
        return _lay(campaign, _found(campaign, phase), phase)
    return phase if learns_on(campaign, phase) else None


def restored(campaign: Campaign, kind: str, state: dict[str, Any]) -> Phase:
    """The phase that a checkpoint was in."""
    if kind == "search":
        search = _new_search(campaign)
        search.restore(state)
        return search
    learning = _new_learning(campaign, [(low, high, left, right) for low, high, left, right in state["rectangles"]])
    learning.rounds, learning.patience = state["rounds"], state["patience"]
    return learning


def job_text(campaign: Campaign, phase: JointLearning) -> str:
    """The job with its windows."""
    every = [list(phase.bounds(campaign.sampler.landscape.levels, window).values()) for window in range(len(phase.windows))]
    across = phase.layout.across
    return campaign.job.toml([every[start : start + across] for start in range(0, len(every), across)])


def line(campaign: Campaign, phase: Search | JointLearning) -> dict[str, Any]:
    """What has been found, or the table of windows."""
    landscape = _landscape(campaign)
    if isinstance(phase, Search):
        low, high = (level // len(landscape.columns) for level in (phase.range if phase.rounds else (0, 0)))
        return {"energy": [landscape.rows[low], landscape.rows[high]]}
    reports = collect(phase, campaign.slots, campaign.comm)
    return speed(campaign, window_table(campaign.sampler, phase, reports)) if reports is not None else {}


def outcome(campaign: Campaign, phase: JointLearning) -> Outcome | None:
    """ln g(E, X) as it was learned."""
    reports = collect(phase, campaign.slots, campaign.comm)
    if reports is None:
        return None
    assert isinstance(campaign.job.ensemble, Joint)
    coordinate = campaign.job.ensemble.coordinate
    return conclude_joint(campaign.sampler, phase, reports, campaign.known, campaign.stopped, coordinate)


def _landscape(campaign: Campaign) -> JointLandscape:
    landscape = campaign.sampler.landscape
    assert isinstance(landscape, JointLandscape)
    return landscape


def _exchange(campaign: Campaign) -> Rectangles:
    assert isinstance(campaign.job.exchange, Rectangles)
    return campaign.job.exchange


def _new_search(campaign: Campaign) -> Search:
    most = max(1, _exchange(campaign).search_sweeps // CHUNKS)
    return Search(campaign.sampler.levels, campaign.sampler.landscape.sweep, most)


def _new_learning(campaign: Campaign, rectangles: list[Rectangle]) -> JointLearning:
    """The learning of this job in these windows, at its beginning."""
    job, landscape, exchange = campaign.job, _landscape(campaign), _exchange(campaign)
    assert isinstance(job.ensemble, Joint)
    sweep = landscape.sweep
    steps = steps_per_round(job, sweep)
    most = None if job.ensemble.max_sweeps is None else max(1, job.ensemble.max_sweeps * sweep // steps)
    return JointLearning(
        [hull(rectangle, len(landscape.columns)) for rectangle in rectangles],
        campaign.layout,
        job.ensemble,
        steps,
        approach_steps=exchange.search_sweeps * sweep,
        share=exchange.share,
        exchanges=exchange.kind == "windows",
        most_rounds=most,
        expected=campaign.known,
        rectangles=rectangles,
        rows=landscape.rows,
        columns=landscape.columns,
    )


def _lay(campaign: Campaign, rectangles: list[Rectangle], search: Search | None) -> JointLearning:
    """Learning in these windows, every slot with its table."""
    learning = _new_learning(campaign, rectangles)
    if search is not None:
        learning.patience = PATIENCE * search.rounds * CHUNKS * search.chunk
    learning.begin(campaign.slots)
    return learning


def _explicit(campaign: Campaign, given: list[list[list[int]]]) -> list[Rectangle]:
    rows, columns = _landscape(campaign).rows, _landscape(campaign).columns
    return [
        (rows.index(low), rows.index(high), columns.index(left), columns.index(right))
        for row in given
        for low, high, left, right in row
    ]


def _found(campaign: Campaign, search: Search) -> list[Rectangle]:
    """Bands of energies, and in each band windows over the values of X that the search has seen there.

    Where no range was asked for, the outermost windows reach to the ends: what the search has missed may still be found.
    """
    landscape, exchange = _landscape(campaign), _exchange(campaign)
    seen = (search.seen > 0).reshape(len(landscape.rows), len(landscape.columns))
    up, across = exchange.shape
    step_up, step_across = _reaches(campaign, search)
    low, high = _ends(exchange.energy, landscape.rows, seen.any(axis=1))
    rectangles = []
    for bottom, top in _cut((low, high), up, exchange.overlap, step_up, exchange.energy is None, len(landscape.rows)):
        ends = _ends(exchange.values, landscape.columns, seen[bottom : top + 1].any(axis=0))
        for left, right in _cut(ends, across, exchange.overlap, step_across, exchange.values is None, len(landscape.columns)):
            rectangles.append((bottom, top, left, right))
    return rectangles


def _ends(asked: list[int] | None, levels: range, seen: Any) -> tuple[int, int]:
    """First and last line asked for, or seen."""
    if asked is not None:
        return levels.index(asked[0]), levels.index(asked[1])
    found = np.flatnonzero(seen)
    return (int(found[0]), int(found[-1])) if len(found) else (0, len(levels) - 1)


def _cut(ends: tuple[int, int], count: int, overlap: float, reach: int, open_ended: bool, lines: int) -> list[tuple[int, int]]:
    """Windows over the lines between two ends, none so narrow that a state could have all its neighbours outside."""
    windows = divide(*ends, count, overlap, None, max(3, reach + 1))
    if open_ended:
        windows[0] = (0, windows[0][1])
        windows[-1] = (windows[-1][0], lines - 1)  # one window may be both
    return windows


def _reaches(campaign: Campaign, search: Search) -> tuple[int, int]:
    """How many levels of energy, and of X, one move can cross."""
    landscape = _landscape(campaign)
    assert landscape.second is not None
    kernel = specialise(reach_template, landscape.second.delta, stride=landscape.columns.step)
    moves, largest = landscape.moves, 0
    for slot in campaign.slots.values():
        found = kernel(landscape.second.params, slot.walker.state.second, moves, -(-moves // MOST))
        largest = max(largest, int(found))
    across = -int(campaign.comm.lowest(np.array([-largest]))[0])
    return (search.reach + across) // len(landscape.columns), across


COURSE = Course(first, following, restored, job_text, line, outcome)
