"""The course of a run with coupled replicas: equilibration, then production that records the replicas and their centres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from parallel_landscape.courses.phase import Course, Phase, at_round, before_production, begin_production, speed
from parallel_landscape.driver.campaign import Campaign, steps_per_round
from parallel_landscape.ensembles.coupled import chances, summed_out
from parallel_landscape.exchange.comm import Comm
from parallel_landscape.job.coupling import Coupled, records_every, reference_of
from parallel_landscape.outcomes.coupled_outcome import conclude_coupled, group_table
from parallel_landscape.outcomes.outcome import Outcome
from parallel_landscape.outcomes.tempered import collect_tempered
from parallel_landscape.phases.couple import Coupling
from parallel_landscape.phases.produce import Production
from parallel_landscape.phases.recording import new_recorder
from parallel_landscape.rng import Purpose
from parallel_landscape.sampler import Sampler
from parallel_landscape.walker import Slot


@dataclass
class CoupledProduction(Production):
    """Production in which replicas are looked at between rounds, when the sums of their groups are known: every so often."""

    every: int = 1

    @property
    def coupling(self) -> Coupling:
        """The groups."""
        assert isinstance(self.before, Coupling)
        return self.before

    @property
    def sweeps_per_record(self) -> int:
        """Sweeps between two records of a walker."""
        return self.every * self.sweeps

    def step(self, sampler: Sampler, slots: dict[int, Slot], comm: Comm) -> None:
        """One round: change gamma, draw centres, walk, add up; then look, when it is time."""
        number, coupling = self.before.rounds + self.rounds, self.coupling
        coupling.turn(sampler, slots, comm, number, Purpose.PRODUCE)
        if (self.rounds + 1) % self.every == 0:
            coupling.look(sampler, slots, number)
            for slot in slots.values():
                self._record(sampler, slot, self.rounds + 1, **coupling.values(slot, sampler.landscape.moves))
                coupling.note_round(slot, self.rounds, self.most_rounds)
        for slot in slots.values():
            group = coupling.layout.place(slot.number).window
            slot.walker.note_end(group == 0, group == coupling.layout.windows - 1)
        self.rounds += 1


def first(campaign: Campaign) -> Coupling:
    """Equilibration."""
    phase = _coupling(campaign)
    phase.begin(campaign.slots)
    return phase


def following(campaign: Campaign, phase: Coupling | Production) -> Phase | None:
    """Production after equilibration."""
    if isinstance(phase, Production):
        return None
    return begin_production(campaign, phase, _production)


def restored(campaign: Campaign, kind: str, state: dict[str, Any]) -> Phase:
    """The phase that a checkpoint was in."""
    phase = _coupling(campaign)
    return at_round(campaign, kind, state, phase, _production)


def _coupling(campaign: Campaign) -> Coupling:
    job, landscape = campaign.job, campaign.sampler.landscape
    section, comm = job.ensemble, campaign.comm
    assert isinstance(section, Coupled)
    star = section.form == "star"
    tables = [[chances(g, section.replicas), summed_out(g, section.replicas)] for g in section.gammas] if star else []
    tables = comm.broadcast(tables)  # exponentials may differ in the last bit between machines
    return Coupling(
        *(section.betas, campaign.layout, landscape.levels, steps_per_round(job, landscape.sweep)),
        most_rounds=section.equilibration_rounds,
        exchanges=getattr(job.exchange, "ladder", "none") == "exchange" and section.groups > 1,
        gammas=section.gammas,
        size=landscape.moves,
        form=section.form,
        reference=reference_of(section, job.base, landscape.moves),
        chances=[pair[0] for pair in tables],
        summed_out=[pair[1] for pair in tables],
    )


def _production(campaign: Campaign, before: Coupling) -> CoupledProduction:
    section, ensemble = campaign.job.production, campaign.job.ensemble
    assert section is not None and isinstance(ensemble, Coupled)
    recorder, how = new_recorder(campaign, [name for name, _, _ in ensemble.recorded])
    sweeps = before.steps // campaign.sampler.landscape.sweep
    every = records_every(section.record_every_sweeps, sweeps)
    return CoupledProduction(
        *(before, section.rounds, sweeps, 1, how, recorder, campaign.observers), more=ensemble.recorded, every=every
    )


def job_text(campaign: Campaign, phase: Phase) -> str:
    """The job as it is."""
    return campaign.job.toml()


def line(campaign: Campaign, phase: Phase) -> dict[str, Any]:
    """The table of groups."""
    before = before_production(phase)
    reports = collect_tempered(before, campaign.slots, campaign.comm)
    size = campaign.sampler.landscape.moves
    return speed(campaign, group_table(campaign.sampler, before, reports, size)) if reports is not None else {}


def outcome(campaign: Campaign, phase: Phase) -> Outcome | None:
    """Energies, overlaps and centres against gamma."""
    before = before_production(phase)
    reports = collect_tempered(before, campaign.slots, campaign.comm)
    if reports is None:
        return None
    return conclude_coupled(campaign.sampler, before, reports, campaign.known, campaign.stopped)


COURSE = Course(first, following, restored, job_text, line, outcome)
