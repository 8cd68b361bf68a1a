"""Production with continuous weights: walk, look at whole packs, record, and sum up what health and means are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from parallel_landscape.dynamics.flow import Batch
from parallel_landscape.exchange.comm import Comm
from parallel_landscape.phases.equilibrate import BLOCKS
from parallel_landscape.phases.produce import Production
from parallel_landscape.phases.thermal import LOOKS, Slots, Thermal, smooth
from parallel_landscape.rng import Purpose
from parallel_landscape.smooth import F
from parallel_landscape.smooth_sampler import SmoothSampler, SmoothSlot
from parallel_landscape.store.segments import Columns


def distance_kept(looks: int, most: int) -> int:
    """Looks between two energies that are kept, of so many looks in all."""
    return -(-looks // most)


@dataclass
class ThermalProduction(Production):
    """Production of a pack at a time; `sweeps` moves between two looks."""

    @property
    def thermal(self) -> Thermal:
        """The temperatures."""
        assert isinstance(self.before, Thermal)
        return self.before

    def begin(self, slots: Slots) -> None:
        """Forget all counts of equilibration."""
        self.before.production_begins(slots)

    def ln_weight(self, slot: Any) -> F:
        """There are no levels: -beta, which multiplies the energy."""
        return np.array([-slot.beta])

    def step(self, sampler: SmoothSampler, slots: Slots, comm: Comm) -> None:  # type: ignore[override]
        """One round: walk and look, then change places."""
        self.thermal.prepare(sampler, slots, comm, self.before.rounds + self.rounds)
        for look in range(self.looks):
            number = self.rounds * self.looks + look
            sampler.advance(smooth(slots), Purpose.PRODUCE, self.sweeps, partial(self._look, number))
        self.thermal.meet(sampler, slots, comm, self.before.rounds + self.rounds)
        self._note(slots)

    def _note(self, slots: Slots) -> None:
        """The round is over."""
        last = len(self.before.windows) - 1
        for slot in smooth(slots):
            window = self.before.layout.place(slot.number).window
            slot.walker.note_end(window == 0, window == last)
            self.before.note_round(slot, self.rounds, self.most_rounds)
        self.rounds += 1

    def _look(self, number: int, members: list[SmoothSlot], rows: list[int], batch: Batch) -> None:
        """Record a pack after `number` + 1 spans of `sweeps` moves."""
        values = self.observers.measure(batch)
        names, thermal = list(self.observers.observables), self.thermal
        span = self.rounds * BLOCKS // self.most_rounds
        apart = distance_kept(self.most_rounds * self.looks, max(1, thermal.kept))
        for slot, row in zip(members, rows, strict=True):
            more = self.more_of(slot)
            thermal.sums[slot.number][span, LOOKS:] += [1.0, *values[:, row], *more.values()]
            if thermal.kept and number % apart == 0:
                thermal.energies[slot.number][number // apart] = slot.position
            record: dict[str, Any] = {
                "slot": slot.number,
                "sweep": (number + 1) * self.sweeps,
                "energy": slot.position,
                "walker": slot.walker.name,
                **dict(zip(names, values[:, row], strict=True)),
                **more,
            }
            if self.weights:
                record["weights"] = slot.walker.state.weights
            self.recorder.add(**record)

    def more_of(self, slot: SmoothSlot) -> dict[str, float]:
        """What is recorded besides."""
        return {}

    def take_counts(self) -> Columns | None:
        """No proposals are counted."""
        return None
