"""The figures of a job before it runs, and how they are told."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from parallel_landscape.exchange.layout import Layout
from parallel_landscape.machine import size
from parallel_landscape.phases.learn import IDLE
from parallel_landscape.planning.effort import Effort
from parallel_landscape.planning.sizes import PROCESS, Sizes
from parallel_landscape.store.checkpoint import KEPT

CALIBRATION_SECONDS = 0.5


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
