"""What a job will take: slots, ranks, memory and a measured estimate of time."""

from __future__ import annotations

import time
from dataclasses import dataclass

from parallel_landscape.exchange.layout import Layout
from parallel_landscape.job import Job
from parallel_landscape.rng import Purpose
from parallel_landscape.campaign import check_fit, check_promises, steps_per_round, warm_sampler
from parallel_landscape.walker import Slot

CALIBRATION_SECONDS = 0.5
TRIED_MOVES = 200  # of a user's landscape, in plain Python


@dataclass(frozen=True)
class Plan:
    """The figures of a job before it runs."""

    layout: Layout
    levels: int
    moves: int
    steps_per_round: int
    ns_per_step: float
    bytes_per_slot: int
    shared_bytes: int
    visits_needed: float

    def seconds(self, ranks: int) -> float:
        """Estimated time of learning on `ranks` cores: what the 1/t clock asks of the fullest rank, before any late level."""
        per_window = self.levels / max(1.0, self.layout.windows * 0.5 + 0.5)
        steps = self.visits_needed * per_window
        slots = -(-self.layout.slots // ranks)
        return steps * slots * self.ns_per_step * 1e-9

    def lines(self, ranks: int) -> list[str]:
        """The plan for people."""
        layout = self.layout
        even = [n for n in range(1, layout.slots + 1) if layout.slots % n == 0]
        return [
            f"slots     {layout.slots} = {layout.repeats} repeats x {layout.windows} windows x {layout.walkers} walkers; "
            f"ranks that divide them evenly: {', '.join(map(str, even[:12]))}{' ...' if len(even) > 12 else ''}",
            f"levels    {self.levels} between the declared ends; {self.moves} moves",
            f"round     {self.steps_per_round} proposals of each walker, then one exchange",
            f"memory    {_size(self.bytes_per_slot)} a slot, {_size(self.shared_bytes)} a rank for the training set",
            f"speed     {self.ns_per_step:.1f} ns a proposal, measured here on one core",
            f"time      about {_duration(self.seconds(ranks))} on {ranks} ranks, {_duration(self.seconds(layout.slots))} on "
            f"{layout.slots}: {self.visits_needed:.0e} visits a level; hard windows can take many times longer",
        ]


def make_plan(job: Job, ranks: int = 1) -> Plan:
    """Measure the kernel for half a second and work out what the job takes. Raises JobError when it does not fit."""
    landscape = job.build_landscape()
    layout = check_fit(job, landscape, ranks)
    check_promises(job, landscape, moves=TRIED_MOVES)
    sampler = warm_sampler(landscape, job.seed)
    slot = sampler.new_slot(0)
    steps = steps_per_round(job, landscape.sweep)
    started, done = time.perf_counter(), 0
    while time.perf_counter() - started < CALIBRATION_SECONDS:
        sampler.advance(slot, Purpose.SEARCH, 0.25, min(steps, 100_000))
        done += min(steps, 100_000)
    elapsed = time.perf_counter() - started
    return Plan(
        layout=layout,
        levels=sampler.levels,
        moves=landscape.moves,
        steps_per_round=steps,
        ns_per_step=1e9 * elapsed / done,
        bytes_per_slot=_slot_bytes(slot),
        shared_bytes=sum(getattr(part, "nbytes", 0) for part in landscape.params),
        visits_needed=_visits(job),
    )


def _visits(job: Job) -> float:
    """Visits per level that the schedule asks for, at least."""
    ensemble = job.ensemble
    if ensemble.schedule == "samc":
        return ensemble.t0 / ensemble.ln_f_final
    if ensemble.schedule == "halving":
        return 2.0 / ensemble.ln_f_final**0.5
    return 1.0 / ensemble.ln_f_final


def _slot_bytes(slot: Slot) -> int:
    return sum(part.nbytes for part in (*slot.walker.state, slot.ln_g, slot.histogram, slot.visits))


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}"
        count /= 1024
    return ""


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
