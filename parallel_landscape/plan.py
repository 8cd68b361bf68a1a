"""What a job will take: slots, ranks, memory, disk, and a measured estimate of time."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from parallel_landscape.campaign import SharedData, check_fit, check_promises, make_observables, steps_per_round, warm_sampler
from parallel_landscape.coupling import records_every
from parallel_landscape.effort import Effort, effort_of
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.exchange.layout import Layout
from parallel_landscape.job import Job
from parallel_landscape.landscape import Landscape
from parallel_landscape.launch import usable_cores
from parallel_landscape.learn import IDLE
from parallel_landscape.machine import size
from parallel_landscape.observables.build import compiled
from parallel_landscape.rng import Purpose
from parallel_landscape.sampler import Sampler
from parallel_landscape.sizes import PROCESS, Sizes, check_affordable, recording_of, sizes_of
from parallel_landscape.smooth import SmoothLandscape
from parallel_landscape.store.checkpoint import KEPT
from parallel_landscape.walker import Slot

CALIBRATION_SECONDS = 0.5
TRIED_MOVES = 200  # of a user's landscape, in plain Python
ENTRY_BYTES = 20  # of one count of proposals in a file


@dataclass(frozen=True)
class Plan:
    """The figures of a job before it runs.

    names: of what slots belong to ("windows"), and of the key that says how many walkers each has. production_steps, records:
    of each slot.
    transition_bytes: of the counts of proposals of all slots, if each one that is kept apart occurs.
    record_seconds: time that the observables of one record take.
    """

    layout: Layout
    sizes: Sizes
    moves: int
    steps_per_round: int
    ns_per_step: float
    effort: Effort
    names: tuple[str, str]
    production_steps: int
    records: int
    record_bytes: int
    disk_free: int
    transition_bytes: int = 0
    record_seconds: float = 0.0

    def learning_seconds(self, ranks: int) -> float:
        """Estimated time before production on `ranks` cores, on the fullest one, before any late level."""
        longest = max(self.effort.steps)
        layout = self._on(ranks)
        loads = (sum(self._steps(slot, longest) for slot in layout.slots_of(rank)) for rank in range(ranks))
        return max(loads) * self.ns_per_step * 1e-9

    def _steps(self, slot: int, longest: float) -> float:
        """Of one slot until the slowest window is through: a finished one walks less."""
        mine = self.effort.steps[self.layout.place(slot).window]
        return mine + (longest - mine) / IDLE

    def production_seconds(self, ranks: int) -> float:
        """Estimated time of production."""
        walking = self.production_steps * self.ns_per_step * 1e-9
        return -(-self.layout.slots // ranks) * (walking + self.records * self.record_seconds)

    def seconds(self, ranks: int) -> float:
        """Estimated time of both."""
        return self.learning_seconds(ranks) + self.production_seconds(ranks)

    def rank_bytes(self, ranks: int) -> int:
        """Bytes of the fullest of so many ranks."""
        return self.sizes.rank(self._on(ranks))

    @property
    def trajectory_bytes(self) -> int:
        """Bytes of all records before compression."""
        return self.layout.slots * self.records * self.record_bytes

    @property
    def checkpoint_bytes(self) -> int:
        """Bytes of the kept checkpoints and the one being written."""
        return (KEPT + 1) * self.layout.slots * self.sizes.slot

    def warnings(self, ranks: int) -> list[str]:
        """What may go ahead but will hurt."""
        found = []
        disk = self.trajectory_bytes + self.transition_bytes + self.checkpoint_bytes
        if disk > self.disk_free:
            found.append(
                f"trajectories and checkpoints may take {size(disk)}, and {size(self.disk_free)} are free where the run folder "
                "will lie; record fewer (larger record_every_sweeps, weights = false), or choose another [run] folder"
            )
        fullest = -(-self.layout.slots // ranks)
        as_good = -(-self.layout.slots // fullest)
        if as_good < ranks:
            found.append(
                f"{ranks} ranks share {self.layout.slots} slots unevenly: the fullest has {fullest}, "
                f"so {as_good} ranks are as fast"
            )
        return found

    def lines(self, ranks: int) -> list[str]:
        """The plan for people."""
        layout, slots = self.layout, self.layout.slots
        even = [n for n in range(1, min(slots, 10_000) + 1) if slots % n == 0]
        narrowest, widest = min(self.effort.window_levels), max(self.effort.window_levels)
        widths = f"{widest}" if narrowest == widest else f"{narrowest} to {widest}"
        here = self._on(ranks)
        lines = [
            f"slots     {slots} = {layout.repeats} repeats x {layout.windows} {self.names[0]} x {layout.walkers} walkers; "
            f"{-(-slots // ranks)} on the fullest of {ranks} ranks",
            f"ranks     that divide them evenly: {', '.join(map(str, even[:16]))}{' ...' if len(even) > 16 else ''}",
            f"levels    {self.sizes.level_count} between the declared ends, {widths} to a {self.names[0].removesuffix('s')}"
            f"{'' if self.effort.certain else ' (fewer when the search finds fewer)'}; {self.moves} moves",
            f"round     {self.steps_per_round} proposals of each walker, then one exchange",
            f"memory    {size(self.sizes.rank(here))} on the first rank: {size(PROCESS)} for the program, "
            f"{size(self.sizes.slot)} a slot, {size(self.sizes.shared)} for the training set and other constants",
            f"disk      {size(self.checkpoint_bytes)} for checkpoints; {self._trajectory()}; {size(self.disk_free)} free",
            f"speed     {self.ns_per_step:.1f} ns a proposal{self._observing()}, measured here on one core",
            f"time      {self._times(ranks)}",
        ]
        return lines + [f"warning   {sentence}" for sentence in self.warnings(ranks)]

    def _trajectory(self) -> str:
        if not self.records:
            return "no trajectories"
        counted = f", {size(self.transition_bytes)} for counts of proposals" if self.transition_bytes else ""
        return (
            f"at most {size(self.trajectory_bytes)} for {self.layout.slots * self.records:,} records of "
            f"{self.record_bytes} B{counted} (before compression)"
        )

    def _observing(self) -> str:
        return f", {1e6 * self.record_seconds:.0f} us for the observables of a record" if self.record_seconds else ""

    def _times(self, ranks: int) -> str:
        slots = self.layout.slots
        learning = f"{self.effort.what} takes at least about {duration(self.learning_seconds(ranks))} on {ranks} ranks"
        if slots != ranks:
            learning += f", {duration(self.learning_seconds(slots))} on {slots}"
        learning += f" ({self.effort.note})"
        return learning + (f"; production {duration(self.production_seconds(ranks))}" if self.records else "")

    def _on(self, ranks: int) -> Layout:
        return Layout(self.layout.repeats, self.layout.windows, self.layout.walkers, ranks)


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
        from parallel_landscape.smooth_plan import make_smooth_plan

        return make_smooth_plan(job, landscape, layout)
    sampler = warm_sampler(landscape, job.seed)
    slot = sampler.new_slot(0)
    steps = steps_per_round(job, landscape.sweep)
    state = sum(part.nbytes for part in slot.walker.state)
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


def free_space(folder: Path) -> int:
    """Bytes free where a folder is or will be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 1 else "1 s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 2 * 86400 else f"{seconds / 86400:.3g} days"
