"""The course of a run with continuous weights at given temperatures: a pilot if there is one, equilibration, production."""

from __future__ import annotations

from typing import Any

import numpy as np

from parallel_landscape.courses.phase import Course, Phase, at_round, before_production, begin_production, speed, taken_over
from parallel_landscape.driver.campaign import Campaign
from parallel_landscape.job.motion_keys import FIRST_LENGTH, Moving
from parallel_landscape.job.tempering import Canonical
from parallel_landscape.outcomes.outcome import Outcome
from parallel_landscape.outcomes.thermal_outcome import collect_thermal, conclude_thermal, thermal_table
from parallel_landscape.phases.produce import Production
from parallel_landscape.phases.recording import smooth_recorder, write_sampling
from parallel_landscape.phases.thermal import KEPT, Thermal, ThermalPilot
from parallel_landscape.phases.thermal_production import ThermalProduction, distance_kept


def first(campaign: Campaign) -> Thermal:
    """The pilot, or equilibration with the steps and the ladder that the job gives."""
    section, motion = _sections(campaign)
    betas = campaign.comm.broadcast(section.ladder())  # powers may differ in the last bit between machines
    lengths = campaign.comm.broadcast(first_lengths(motion, betas))
    phase = _pilot(campaign, betas, lengths) if _pilot_rounds(campaign) else _equilibration(campaign, betas, lengths)
    phase.begin(campaign.slots)
    return phase


def first_lengths(motion: Moving, betas: list[float]) -> list[float]:
    """Lengths of the first steps, as the job gives them or where a pilot begins."""
    if motion.lengths is not None:
        return motion.lengths
    return [FIRST_LENGTH if motion.adapted else motion.length(beta) for beta in betas]


def following(campaign: Campaign, phase: Thermal | Production) -> Phase | None:
    """Equilibration after the pilot, then production."""
    if isinstance(phase, Production):
        return None
    if isinstance(phase, ThermalPilot):
        return taken_over(campaign, phase, _equilibration(campaign, phase.betas, phase.lengths))
    return begin_production(campaign, phase, _production)


def restored(campaign: Campaign, kind: str, state: dict[str, Any]) -> Phase:
    """The phase that a checkpoint was in."""
    phase = (_pilot if kind == "pilot" else _equilibration)(campaign, state["betas"], state["lengths"])
    if isinstance(phase, ThermalPilot):
        phase.mean = state["mean"]
    return at_round(campaign, kind, state, phase, _production)


def _sections(campaign: Campaign) -> tuple[Canonical, Moving]:
    section, motion = campaign.job.ensemble, campaign.job.dynamics
    assert isinstance(section, Canonical) and isinstance(motion, Moving)
    return section, motion


def _pilot_rounds(campaign: Campaign) -> int:
    section, motion = _sections(campaign)
    return max(section.pilot, motion.adapt_rounds if motion.adapted else 0)


def _pilot(campaign: Campaign, betas: list[float], lengths: list[float]) -> Thermal:
    section, motion = _sections(campaign)
    wanted = motion.acceptance if motion.adapted else 0.0
    rounds = _pilot_rounds(campaign)
    return ThermalPilot(betas, lengths, **_shape(campaign, rounds), wanted=wanted, moving=section.adapted)


def _equilibration(campaign: Campaign, betas: list[float], lengths: list[float]) -> Thermal:
    section, _ = _sections(campaign)
    return Thermal(betas, lengths, **_shape(campaign, section.equilibration_rounds + _pilot_rounds(campaign)))


def _shape(campaign: Campaign, rounds: int) -> dict[str, Any]:
    """What all phases have in common."""
    _, motion = _sections(campaign)
    looks = _looks(campaign)[1]
    return {
        "layout": campaign.layout,
        "motion": motion,
        "steps": motion.sweeps(),
        "most_rounds": rounds,
        "exchanges": campaign.job.exchange.kind != "none",
        "measured": len(campaign.observers.observables),
        "kept": -(-looks // distance_kept(looks, KEPT)),
    }


def _looks(campaign: Campaign) -> tuple[int, int]:
    """Looks in a round of production, and in all of it."""
    section, motion = campaign.job.production, campaign.job.dynamics
    assert section is not None and isinstance(motion, Moving)
    looks = max(1, motion.sweeps() // section.record_every_sweeps)
    return looks, looks * section.rounds


def _production(campaign: Campaign, before: Thermal) -> ThermalProduction:
    section = campaign.job.production
    assert section is not None
    recorder, how = smooth_recorder(campaign)
    return ThermalProduction(
        before, section.rounds, section.record_every_sweeps, _looks(campaign)[0], how, recorder, campaign.observers
    )


def job_text(campaign: Campaign, phase: Phase) -> str:
    """The job with its betas, and the lengths of its steps."""
    before = before_production(phase)
    return campaign.job.toml(betas=before.betas, lengths=before.lengths)


def line(campaign: Campaign, phase: Phase) -> dict[str, Any]:
    """The table of temperatures."""
    before = before_production(phase)
    reports = collect_thermal(before, campaign.slots, campaign.comm)
    return speed(campaign, thermal_table(before, reports, final=False)) if reports is not None else {}


def outcome(campaign: Campaign, phase: Phase) -> Outcome | None:
    """Means, variances and health at each temperature."""
    before = before_production(phase)
    reports = collect_thermal(before, campaign.slots, campaign.comm)
    return None if reports is None else conclude_thermal(campaign, before, reports)


def describe(campaign: Campaign, production: Production) -> None:
    """The weights are exp(-beta E): of each slot its beta stands in frozen.h5."""
    landscape = campaign.sampler.landscape
    about = {"weights": "continuous", "size": landscape.size, "convention": landscape.convention, "sphere": landscape.sphere}
    about |= {"energy_start": 0, "energy_step": 1, "levels": 1, "sites": 1, "weights_count": 0}  # there are no levels
    about |= {"prior": landscape.prior, "sweeps_per_record": production.sweeps_per_record, "ln_states": np.nan}
    write_sampling(campaign, production, about | {"ensemble": campaign.job.ensemble.kind})


COURSE = Course(first, following, restored, job_text, line, outcome, describe)
