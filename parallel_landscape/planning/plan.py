"""What a job will take: slots, ranks, memory, disk, and a measured estimate of time."""

from __future__ import annotations

import time

from parallel_landscape.driver.campaign import steps_per_round
from parallel_landscape.driver.fit import check_fit, check_promises, make_observables
from parallel_landscape.driver.launch import usable_cores
from parallel_landscape.driver.shared_data import SharedData
from parallel_landscape.driver.warm import warm_sampler
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.exchange.layout import Layout
from parallel_landscape.job.coupling import records_every
from parallel_landscape.job.job import Job
from parallel_landscape.landscape import Landscape
from parallel_landscape.observables.build import compiled
from parallel_landscape.planning.effort import effort_of
from parallel_landscape.planning.estimate import CALIBRATION_SECONDS, Plan, free_space
from parallel_landscape.planning.sizes import check_affordable, recording_of, sizes_of
from parallel_landscape.planning.smooth_plan import make_smooth_plan
from parallel_landscape.rng import Purpose
from parallel_landscape.sampler import Sampler
from parallel_landscape.smooth import SmoothLandscape
from parallel_landscape.walker import Slot, arrays_of

TRIED_MOVES = 200  # of a user's landscape, in plain Python
ENTRY_BYTES = 20  # of one count of proposals in a file


def make_plan(job: Job, ranks: int | None = None, memory_per_rank: int | None = None) -> Plan:
    """Measure the kernel for half a second and work out what the job takes.

    ranks: to plan for; one a core when left out. memory_per_rank: bytes; when left out, the ranks that this machine has cores
    for must fit into its memory.
    Raises JobError when the job does not fit together, or needs more memory than that.
    """
    several = ranks or usable_cores()
    here = min(several, usable_cores())
    check_affordable(job, several, here=here, limit=memory_per_rank)
    data = SharedData(job, Serial())
    landscape = job.build_landscape(data)
    check_affordable(job, several, landscape=landscape, here=here, limit=memory_per_rank)
    layout = check_fit(job, landscape, ranks or 1, data)
    check_promises(job, landscape, moves=TRIED_MOVES)
    if isinstance(landscape, SmoothLandscape):
        return make_smooth_plan(job, landscape, layout)
    sampler = warm_sampler(landscape, job.seed)
    slot = sampler.new_slot(0)
    steps = steps_per_round(job, landscape.sweep)
    state = sum(part.nbytes for _, part in arrays_of(slot.walker.state))
    effort = effort_of(job, landscape, steps)
    produced, records = _production(job, landscape, steps)
    return Plan(
        layout=layout,
        sizes=sizes_of(landscape, state, recording_of(job, landscape)),
        moves=landscape.moves,
        steps_per_round=steps,
        ns_per_step=_ns_per_step(sampler, slot, min(steps, 100_000)),
        effort=effort,
        names=(job.kind.places, job.kind.members),
        production_steps=produced,
        records=records,
        record_bytes=recording_of(job, landscape).record if job.production else 0,
        disk_free=free_space(job.folder),
        record_seconds=_record_seconds(job, landscape, data, slot),
        transition_bytes=ENTRY_BYTES * _transitions(job, landscape, layout, effort.window_levels),
    )


def _ns_per_step(sampler: Sampler, slot: Slot, steps: int) -> float:
    """Measured on a walker that searches."""
    started, done = time.perf_counter(), 0
    while time.perf_counter() - started < CALIBRATION_SECONDS:
        sampler.advance(slot, Purpose.SEARCH, 0.25, steps)
        done += steps
    return 1e9 * (time.perf_counter() - started) / done


def _record_seconds(job: Job, landscape: Landscape, data: SharedData, slot: Slot) -> float:
    """Measured on one walker; 0 without observables."""
    observers = compiled(make_observables(job, landscape, data)[0])
    if not observers.observables:
        return 0.0
    energy, done = landscape.levels[slot.walker.level], 0
    observers.measure(slot.number, 0, energy, slot.walker.state)  # compiles
    started = time.perf_counter()
    while time.perf_counter() - started < CALIBRATION_SECONDS:
        done += 1
        observers.measure(slot.number, done, energy, slot.walker.state)
    return (time.perf_counter() - started) / done


def _production(job: Job, landscape: Landscape, steps: int) -> tuple[int, int]:
    """Proposals and records of each slot."""
    section = job.production
    if section is None:
        return 0, 0
    if job.kind.pull(job.ensemble):
        every = records_every(section.record_every_sweeps, steps // landscape.sweep)
        return section.rounds * steps, section.rounds // every
    looks = max(1, steps // (section.record_every_sweeps * landscape.sweep))
    records = section.rounds * looks
    return records * section.record_every_sweeps * landscape.sweep, records


def _transitions(job: Job, landscape: Landscape, layout: Layout, widths: tuple[int, ...]) -> int:
    """Places in which proposals may be counted, all slots together."""
    columns = recording_of(job, landscape).changes
    return columns * sum(widths) * layout.slots // layout.windows
