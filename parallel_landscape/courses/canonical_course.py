"""The course of a run at given temperatures: a pilot where the job asks for one, equilibration, production."""

from __future__ import annotations

from typing import Any

from parallel_landscape.courses.phase import Course, Phase, at_round, before_production, begin_production, speed, taken_over
from parallel_landscape.driver.campaign import Campaign, steps_per_round
from parallel_landscape.job.tempering import Canonical
from parallel_landscape.outcomes.outcome import Outcome
from parallel_landscape.outcomes.tempered import collect_tempered, conclude_tempered, temperature_table
from parallel_landscape.phases.equilibrate import Equilibration, Pilot
from parallel_landscape.phases.produce import Production
from parallel_landscape.phases.recording import new_production


def first(campaign: Campaign) -> Equilibration:
    """The pilot, or equilibration on the ladder that the job gives."""
    section = _section(campaign)
    betas = campaign.comm.broadcast(section.ladder())  # exponentials may differ in the last bit between machines
    phase = _pilot(campaign, betas) if section.adapted else _equilibration(campaign, betas)
    phase.begin(campaign.slots)
    return phase


def following(campaign: Campaign, phase: Equilibration | Production) -> Phase | None:
    """Equilibration after the pilot, then production."""
    if isinstance(phase, Production):
        return None
    if isinstance(phase, Pilot):
        return taken_over(campaign, phase, _equilibration(campaign, phase.betas))
    return begin_production(campaign, phase, new_production)


def restored(campaign: Campaign, kind: str, state: dict[str, Any]) -> Phase:
    """The phase that a checkpoint was in."""
    phase = (_pilot if kind == "pilot" else _equilibration)(campaign, state["betas"])
    return at_round(campaign, kind, state, phase, new_production)


def _section(campaign: Campaign) -> Canonical:
    assert isinstance(campaign.job.ensemble, Canonical)
    return campaign.job.ensemble


def _pilot(campaign: Campaign, betas: list[float]) -> Equilibration:
    return Pilot(betas, *_shape(campaign), most_rounds=_section(campaign).pilot)


def _equilibration(campaign: Campaign, betas: list[float]) -> Equilibration:
    section = _section(campaign)
    rounds = section.equilibration_rounds + section.pilot
    return Equilibration(betas, *_shape(campaign), most_rounds=rounds, exchanges=campaign.job.exchange.kind != "none")


def _shape(campaign: Campaign) -> tuple[Any, range, int]:
    landscape = campaign.sampler.landscape
    return campaign.layout, landscape.levels, steps_per_round(campaign.job, landscape.sweep)


def job_text(campaign: Campaign, phase: Phase) -> str:
    """The job with its betas."""
    return campaign.job.toml(betas=before_production(phase).betas)


def line(campaign: Campaign, phase: Phase) -> dict[str, Any]:
    """The table of temperatures."""
    before = before_production(phase)
    reports = collect_tempered(before, campaign.slots, campaign.comm)
    return speed(campaign, temperature_table(campaign.sampler, before, reports)) if reports is not None else {}


def outcome(campaign: Campaign, phase: Phase) -> Outcome | None:
    """Mean energies, and ln g from all temperatures together."""
    before = before_production(phase)
    reports = collect_tempered(before, campaign.slots, campaign.comm)
    if reports is None:
        return None
    return conclude_tempered(campaign.sampler, before, reports, campaign.known, campaign.stopped)


COURSE = Course(first, following, restored, job_text, line, outcome)
