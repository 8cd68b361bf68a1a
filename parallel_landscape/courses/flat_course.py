"""The course of a Wang-Landau run with continuous weights: learn in windows of bins, then produce."""

from __future__ import annotations

from typing import Any

from parallel_landscape.courses.phase import Course, Phase, at_round, before_production, begin_production, speed
from parallel_landscape.courses.wang_landau_course import learns_on
from parallel_landscape.driver.campaign import Campaign
from parallel_landscape.exchange.windows import Window
from parallel_landscape.job.flat_keys import EnergyWindows, FlatEnsemble, windows_of
from parallel_landscape.job.motion_keys import Moving
from parallel_landscape.landscapes.binned import BinnedLandscape
from parallel_landscape.outcomes.flat_outcome import collect_motion, conclude_flat, with_motion
from parallel_landscape.outcomes.outcome import Outcome
from parallel_landscape.outcomes.reports import collect
from parallel_landscape.outcomes.window_table import window_table
from parallel_landscape.phases.learn_flat import WARM, FlatLearning
from parallel_landscape.phases.produce import Production
from parallel_landscape.phases.produce_flat import FlatProduction
from parallel_landscape.phases.recording import smooth_recorder, write_sampling


def first(campaign: Campaign) -> FlatLearning:
    """Learning in the windows of the job."""
    learning = _learning(campaign, windows_of(_sections(campaign)[1], _landscape(campaign).bins))
    learning.begin(campaign.slots)
    return learning


def following(campaign: Campaign, phase: FlatLearning | Production) -> Phase | None:
    """Learning again where windows contradict each other; then production."""
    if isinstance(phase, Production):
        return None
    if learns_on(campaign, phase):
        return phase
    return None if campaign.job.production is None else begin_production(campaign, phase, _production)


def restored(campaign: Campaign, kind: str, state: dict[str, Any]) -> Phase:
    """The phase that a checkpoint was in."""
    learning = _learning(campaign, [(low, high) for low, high in state["windows"]])
    return at_round(campaign, kind, state, learning, _production)


def job_text(campaign: Campaign, phase: FlatLearning | Production) -> str:
    """The job with its windows."""
    learning = before_production(phase)
    every = [learning.bounds(_landscape(campaign).levels, window) for window in range(len(learning.windows))]
    return campaign.job.toml([[bounds["energy_low"], bounds["energy_high"]] for bounds in every])


def line(campaign: Campaign, phase: FlatLearning | Production) -> dict[str, Any]:
    """The table of windows."""
    learning = before_production(phase)
    reports, motion = collect(learning, campaign.slots, campaign.comm), collect_motion(campaign.slots, campaign.comm)
    if reports is None or motion is None:
        return {}
    return speed(campaign, with_motion(window_table(campaign.sampler, learning, reports), learning, motion))


def outcome(campaign: Campaign, phase: FlatLearning | Production) -> Outcome | None:
    """ln g as it was learned."""
    learning = before_production(phase)
    reports, motion = collect(learning, campaign.slots, campaign.comm), collect_motion(campaign.slots, campaign.comm)
    if reports is None or motion is None:
        return None
    return conclude_flat(campaign.sampler, learning, reports, motion, campaign.stopped)


def describe(campaign: Campaign, production: Production) -> None:
    """The weights of the bins of each slot, as they are frozen."""
    landscape, bins = _landscape(campaign), _landscape(campaign).bins
    about = {"weights": "continuous", "size": landscape.size, "convention": landscape.convention, "sphere": landscape.sphere}
    about |= {"energy_start": float(bins.centres[0]), "energy_step": bins.width, "levels": bins.count, "sites": 1}
    about |= {"unbounded": int(bins.unbounded), "ln_states": landscape.ln_states, "weights_count": 0}
    about |= {"prior": landscape.prior, "sweeps_per_record": production.sweeps_per_record}
    write_sampling(campaign, production, about | {"ensemble": campaign.job.ensemble.kind})


def _landscape(campaign: Campaign) -> BinnedLandscape:
    assert isinstance(campaign.sampler.landscape, BinnedLandscape)
    return campaign.sampler.landscape


def _sections(campaign: Campaign) -> tuple[FlatEnsemble, EnergyWindows, Moving]:
    ensemble, exchange, motion = campaign.job.ensemble, campaign.job.exchange, campaign.job.dynamics
    assert isinstance(ensemble, FlatEnsemble) and isinstance(exchange, EnergyWindows) and isinstance(motion, Moving)
    return ensemble, exchange, motion


def _learning(campaign: Campaign, windows: list[Window]) -> FlatLearning:
    """The learning of this job in these windows, at its beginning."""
    ensemble, exchange, motion = _sections(campaign)
    steps, most = motion.sweeps(), None
    if ensemble.max_sweeps is not None:
        most = max(1, ensemble.max_sweeps // steps) + (WARM if motion.adapted else 0)
    return FlatLearning(
        windows,
        campaign.layout,
        ensemble,
        steps,
        approach_steps=exchange.search_sweeps,
        share=exchange.share,
        exchanges=exchange.kind == "windows",
        most_rounds=most,
        expected=campaign.known,
        bins=_landscape(campaign).bins,
        motion=motion,
        wanted=motion.acceptance if motion.adapted else 0.0,
        lengths=motion.lengths,
    )


def _production(campaign: Campaign, before: FlatLearning) -> FlatProduction:
    """The production of this job, at its beginning."""
    section = campaign.job.production
    assert section is not None
    recorder, how = smooth_recorder(campaign)
    looks = max(1, before.steps // section.record_every_sweeps)
    return FlatProduction(before, section.rounds, section.record_every_sweeps, looks, how, recorder, campaign.observers)


COURSE = Course(first, following, restored, job_text, line, outcome, describe)
