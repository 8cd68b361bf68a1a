"""The course of a Wang-Landau run: search for the range, lay windows, learn, produce."""

from __future__ import annotations

from typing import Any

import numpy as np

from parallel_landscape.courses.phase import Course, Phase, at_round, before_production, begin_production, speed
from parallel_landscape.driver.campaign import Campaign, steps_per_round
from parallel_landscape.exchange.windows import Window, divide
from parallel_landscape.job.job import Job
from parallel_landscape.job.sections import Ensemble, Exchange
from parallel_landscape.outcomes.outcome import Outcome, conclude, disagreements
from parallel_landscape.outcomes.reports import collect
from parallel_landscape.outcomes.window_table import window_table
from parallel_landscape.phases.learn import Learning
from parallel_landscape.phases.produce import Production
from parallel_landscape.phases.recording import new_production
from parallel_landscape.phases.search import CHUNKS, Search

PATIENCE = 10  # times the steps of the search that a schedule waits for a level which the search has seen


def first(campaign: Campaign) -> Search | Learning:
    """The search, or learning in windows that the job gives."""
    return new_search(campaign) if needs_search(campaign.job) else lay_windows(campaign, None)


def following(campaign: Campaign, phase: Search | Learning | Production) -> Phase | None:
    """Learning after the search, and again where windows contradict each other; then production."""
    if isinstance(phase, Search):
        return lay_windows(campaign, phase)
    if isinstance(phase, Production):
        return None
    if learns_on(campaign, phase):
        return phase
    if campaign.job.production is None:
        return None
    return begin_production(campaign, phase, new_production)


def restored(campaign: Campaign, kind: str, state: dict[str, Any]) -> Phase:
    """The phase that a checkpoint was in."""
    if kind == "search":
        search = new_search(campaign)
        search.restore(state)
        return search
    learning = new_learning(campaign, [(low, high) for low, high in state["windows"]])
    learning.patience = state.get("patience", 0)
    return at_round(campaign, kind, state, learning, new_production)


def job_text(campaign: Campaign, phase: Learning | Production) -> str:
    """The job with its windows."""
    levels = campaign.sampler.landscape.levels
    return campaign.job.toml([[levels[low], levels[high]] for low, high in before_production(phase).windows])


def line(campaign: Campaign, phase: Search | Learning | Production) -> dict[str, Any]:
    """What has been found, or the table of windows."""
    if isinstance(phase, Search):
        low, high = phase.range if phase.rounds else (0, 0)
        levels = campaign.sampler.landscape.levels
        return {"energy": [levels[low], levels[high]]}
    learning = before_production(phase)
    reports = collect(learning, campaign.slots, campaign.comm)
    return speed(campaign, window_table(campaign.sampler, learning, reports)) if reports is not None else {}


def outcome(campaign: Campaign, phase: Learning | Production) -> Outcome | None:
    """ln g as it was learned."""
    learning = before_production(phase)
    reports = collect(learning, campaign.slots, campaign.comm)
    if reports is None:
        return None
    return conclude(campaign.sampler, learning, reports, campaign.known, campaign.stopped)


def learns_on(campaign: Campaign, learning: Learning) -> bool:
    """All windows have finished: whether some are to go on because they contradict each other. Halving could not mend that."""
    if learning.schedule.schedule == "halving" or learning.out_of_rounds:
        return False
    reports = collect(learning, campaign.slots, campaign.comm)
    windows = campaign.comm.broadcast(disagreements(learning, reports) if reports is not None else [])
    return bool(campaign.comm.flags(learning.learn_on(windows, campaign.slots)))


def needs_search(job: Job) -> bool:
    """Whether energies, crossing times and the reach of a move have to be found out first."""
    return isinstance(job.exchange, Exchange) and not isinstance(job.exchange.windows, list)


def new_search(campaign: Campaign) -> Search:
    """The search of this job, at its beginning."""
    assert isinstance(campaign.job.exchange, Exchange)
    most = max(1, campaign.job.exchange.search_sweeps // CHUNKS)
    return Search(campaign.sampler.levels, campaign.sampler.landscape.sweep, most)


def new_learning(campaign: Campaign, windows: list[Window]) -> Learning:
    """The learning of this job in these windows, at its beginning."""
    job, sweep = campaign.job, campaign.sampler.landscape.sweep
    assert isinstance(job.ensemble, Ensemble) and isinstance(job.exchange, Exchange)
    steps = steps_per_round(job, sweep)
    most = None if job.ensemble.max_sweeps is None else max(1, job.ensemble.max_sweeps * sweep // steps)
    return Learning(
        windows,
        campaign.layout,
        job.ensemble,
        steps,
        approach_steps=job.exchange.search_sweeps * sweep,
        share=job.exchange.share,
        exchanges=job.exchange.kind == "windows",
        most_rounds=most,
        expected=campaign.known,
    )


def lay_windows(campaign: Campaign, search: Search | None) -> Learning:
    """Lay the windows by what the search has found, and give every slot its table."""
    if search is not None:
        campaign.known = search.seen > 0
    learning = new_learning(campaign, _windows(campaign, search))
    if search is not None:
        learning.patience = PATIENCE * search.rounds * CHUNKS * search.chunk
    learning.begin(campaign.slots)
    return learning


def _windows(campaign: Campaign, search: Search | None) -> list[Window]:
    """The windows as levels: explicit, or laid over the energies asked for or found."""
    job, levels = campaign.job, campaign.sampler.landscape.levels
    assert isinstance(job.exchange, Exchange)
    if isinstance(job.exchange.windows, list):
        return [(levels.index(low), levels.index(high)) for low, high in job.exchange.windows]
    energy, cost, narrowest = job.exchange.energy, None, 3
    first, last = (0, len(levels) - 1) if energy is None else (levels.index(energy[0]), levels.index(energy[1]))
    if search is not None:
        low, high = search.range
        if energy is None:
            first, last = low, high
        narrowest = max(narrowest, search.reach + 1)  # else a state could have all its neighbours outside
        if job.exchange.measured:
            cost = search.crossing_cost()[np.clip(np.arange(first, last + 1), low, high) - low]
    windows = divide(first, last, campaign.layout.windows, job.exchange.overlap, cost, narrowest)
    if energy is None:  # what the search has missed may still be found while learning
        windows[0] = (0, windows[0][1])
        windows[-1] = (windows[-1][0], len(levels) - 1)  # one window may be both
    return windows


COURSE = Course(first, following, restored, job_text, line, outcome)
