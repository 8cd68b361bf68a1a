"""The course of a run with coupled replicas of continuous weights: a pilot of the steps, equilibration, production."""

from __future__ import annotations

from typing import Any

from parallel_landscape.courses.phase import Course, Phase, at_round, before_production, begin_production, speed, taken_over
from parallel_landscape.courses.thermal_course import describe, first_lengths
from parallel_landscape.driver.campaign import Campaign
from parallel_landscape.job.coupling import Coupled, records_every
from parallel_landscape.job.motion_keys import Moving
from parallel_landscape.outcomes.coupled_thermal_outcome import conclude_coupled_thermal, coupled_table
from parallel_landscape.outcomes.outcome import Outcome
from parallel_landscape.outcomes.thermal_outcome import collect_thermal
from parallel_landscape.phases.couple_thermal import CoupledPilot, CoupledThermal, CoupledThermalProduction
from parallel_landscape.phases.produce import Production
from parallel_landscape.phases.recording import smooth_recorder
from parallel_landscape.phases.thermal import ThermalPilot


def first(campaign: Campaign) -> CoupledThermal:
    """The pilot, or equilibration with the steps that the job gives."""
    section, motion = _sections(campaign)
    lengths = campaign.comm.broadcast(first_lengths(motion, section.betas))
    phase = (_pilot if motion.adapted else _equilibration)(campaign, lengths)
    phase.begin(campaign.slots)
    return phase


def following(campaign: Campaign, phase: CoupledThermal | Production) -> Phase | None:
    """Equilibration after the pilot, then production."""
    if isinstance(phase, Production):
        return None
    if isinstance(phase, ThermalPilot):
        return taken_over(campaign, phase, _equilibration(campaign, phase.lengths))
    return begin_production(campaign, phase, _production)


def restored(campaign: Campaign, kind: str, state: dict[str, Any]) -> Phase:
    """The phase that a checkpoint was in."""
    phase = (_pilot if kind == "pilot" else _equilibration)(campaign, state["lengths"])
    if isinstance(phase, ThermalPilot):
        phase.mean = state["mean"]
    return at_round(campaign, kind, state, phase, _production)


def _sections(campaign: Campaign) -> tuple[Coupled, Moving]:
    section, motion = campaign.job.ensemble, campaign.job.dynamics
    assert isinstance(section, Coupled) and isinstance(motion, Moving)
    return section, motion


def _pilot(campaign: Campaign, lengths: list[float]) -> CoupledThermal:
    section, motion = _sections(campaign)
    shape = _shape(campaign, motion.adapt_rounds)
    return CoupledPilot(section.betas, lengths, **shape, wanted=motion.acceptance)


def _equilibration(campaign: Campaign, lengths: list[float]) -> CoupledThermal:
    section, motion = _sections(campaign)
    rounds = section.equilibration_rounds + (motion.adapt_rounds if motion.adapted else 0)
    return CoupledThermal(section.betas, lengths, **_shape(campaign, rounds))


def _shape(campaign: Campaign, rounds: int) -> dict[str, Any]:
    """What all phases have in common."""
    section, motion = _sections(campaign)
    recorded = tuple(name for name, _, _ in section.recorded_smooth)
    return {
        "layout": campaign.layout,
        "motion": motion,
        "steps": motion.sweeps(),
        "most_rounds": rounds,
        "exchanges": getattr(campaign.job.exchange, "ladder", "none") == "exchange" and section.groups > 1,
        "measured": len(campaign.observers.observables) + len(recorded),
        "gammas": section.gammas,
        "form": section.form,
        "recorded": recorded,
    }


def _production(campaign: Campaign, before: CoupledThermal) -> CoupledThermalProduction:
    section, (ensemble, _) = campaign.job.production, _sections(campaign)
    assert section is not None
    recorder, how = smooth_recorder(campaign, before.recorded)
    every = records_every(section.record_every_sweeps, before.steps)
    return CoupledThermalProduction(
        *(before, section.rounds, before.steps, 1, how, recorder, campaign.observers),
        more=ensemble.recorded_smooth,
        every=every,
    )


def job_text(campaign: Campaign, phase: Phase) -> str:
    """The job with the lengths of its steps."""
    return campaign.job.toml(lengths=before_production(phase).lengths)


def line(campaign: Campaign, phase: Phase) -> dict[str, Any]:
    """The table of groups."""
    before = before_production(phase)
    reports = collect_thermal(before, campaign.slots, campaign.comm)
    return speed(campaign, coupled_table(campaign, before, reports)) if reports is not None else {}


def outcome(campaign: Campaign, phase: Phase) -> Outcome | None:
    """Energies, overlaps, distances and centres against gamma, and health."""
    before = before_production(phase)
    reports = collect_thermal(before, campaign.slots, campaign.comm)
    return None if reports is None else conclude_coupled_thermal(campaign, before, reports)


COURSE = Course(first, following, restored, job_text, line, outcome, describe)
