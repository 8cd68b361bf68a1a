"""What a job with continuous weights will take."""

from __future__ import annotations

import time
from dataclasses import dataclass

from parallel_landscape.driver.warm import smooth_sampler
from parallel_landscape.exchange.layout import Layout
from parallel_landscape.flat_sampler import FlatSampler, FlatSlot
from parallel_landscape.job.coupling import Coupled, records_every
from parallel_landscape.job.job import Job
from parallel_landscape.job.motion_keys import FIRST_LENGTH, Moving
from parallel_landscape.machine import size
from parallel_landscape.planning.effort import smooth_effort
from parallel_landscape.planning.estimate import CALIBRATION_SECONDS, Plan, duration, free_space
from parallel_landscape.planning.sizes import PROCESS, recording_of, sizes_of
from parallel_landscape.rng import Purpose
from parallel_landscape.smooth import SmoothLandscape

STILL = 1e-9  # of a step while it is timed: a walker must not run away from where nothing is known yet


@dataclass(frozen=True)
class SmoothPlan(Plan):
    """ns_per_step is what one move takes for a whole pack of `pack` walkers, however many of them are on the rank."""

    pack: int = 1
    leapfrog: float = 1.0
    weights: int = 0

    def seconds_of(self, ranks: int, moves: float) -> float:
        """Of so many moves of every walker, on the rank that has to evaluate the most packs."""
        layout = Layout(self.layout.repeats, self.layout.windows, self.layout.walkers, ranks, self.pack)
        packs = max(len({slot // self.pack for slot in layout.slots_of(rank)}) for rank in range(ranks))
        return packs * moves * self.ns_per_step * 1e-9

    def learning_seconds(self, ranks: int) -> float:
        """Estimated time of pilot and equilibration."""
        return self.seconds_of(ranks, max(self.effort.steps))

    def production_seconds(self, ranks: int) -> float:
        """Estimated time of production."""
        return self.seconds_of(ranks, float(self.production_steps))

    def warnings(self, ranks: int) -> list[str]:
        """What may go ahead but will hurt."""
        found = super().warnings(ranks)
        packs = -(-self.layout.slots // self.pack)
        if ranks > packs:
            found.append(
                f"{ranks} ranks for {packs} packs of {self.pack} walkers, which take as long half empty as full: "
                f"{packs} ranks are as fast, or choose a smaller [dynamics] pack"
            )
        return found

    def lines(self, ranks: int) -> list[str]:
        """The plan for people."""
        layout, slots = self.layout, self.layout.slots
        micro = 1e-3 * self.ns_per_step
        lines = [
            f"slots     {slots} = {layout.repeats} repeats x {layout.windows} {self.names[0]} x {layout.walkers} walkers; "
            f"{-(-slots // ranks)} on the fullest of {ranks} ranks",
            f"packs     {-(-slots // self.pack)} of {self.pack} walkers, evaluated together",
            f"weights   {self.weights}, continuous",
            f"round     {self.steps_per_round} moves of each walker, then one exchange",
            f"memory    {size(self.rank_bytes(ranks))} on the first rank: {size(PROCESS)} for the program, "
            f"{size(self.sizes.slot)} a slot, {size(self.sizes.shared)} for the training set and other constants",
            f"disk      {size(self.checkpoint_bytes)} for checkpoints; {self._trajectory()}; {size(self.disk_free)} free",
            f"speed     {micro:.0f} us a move of a pack, {micro / self.leapfrog:.0f} us a step, measured here on one core",
            f"time      {self.effort.what} takes about {duration(self.learning_seconds(ranks))} on {ranks} ranks "
            f"({self.effort.note})" + (f"; production {duration(self.production_seconds(ranks))}" if self.records else ""),
        ]
        return lines + [f"warning   {sentence}" for sentence in self.warnings(ranks)]


def make_smooth_plan(job: Job, landscape: SmoothLandscape, layout: Layout) -> SmoothPlan:
    """Measure moves for half a second and work out what the job takes."""
    motion = job.dynamics
    assert isinstance(motion, Moving)
    sampler = smooth_sampler(job, landscape)
    slots = [sampler.new_slot(number) for number in range(sampler.pack)]
    for slot in slots:
        slot.length = STILL * FIRST_LENGTH
    started, done = time.perf_counter(), 0
    while time.perf_counter() - started < CALIBRATION_SECONDS:
        if isinstance(sampler, FlatSampler):
            sampler.walk([slot for slot in slots if isinstance(slot, FlatSlot)], Purpose.PILOT, done, 5)
        else:
            sampler.advance(slots, Purpose.PILOT, 5)
        done += 5
    spent = 1e9 * (time.perf_counter() - started) / done
    every, looks = _looks(job, motion)
    return SmoothPlan(
        layout=layout,
        sizes=sizes_of(landscape, recording=recording_of(job, landscape)),
        moves=landscape.size,
        steps_per_round=motion.sweeps(),
        ns_per_step=spent,
        effort=smooth_effort(job),
        names=(job.kind.places, job.kind.members),
        production_steps=looks * every,
        records=looks,
        record_bytes=recording_of(job, landscape).record,
        disk_free=free_space(job.folder),
        pack=sampler.pack,
        leapfrog=float(sampler.motion.steps),
        weights=landscape.size,
    )


def _looks(job: Job, motion: Moving) -> tuple[int, int]:
    """Moves between two looks at a walker in production, and looks in all."""
    produced = job.production
    if produced is None:
        return 1, 0
    if isinstance(job.ensemble, Coupled):  # replicas are looked at between rounds
        apart = records_every(produced.record_every_sweeps, motion.sweeps())
        return apart * motion.sweeps(), produced.rounds // apart
    return produced.record_every_sweeps, produced.rounds * max(1, motion.sweeps() // produced.record_every_sweeps)
