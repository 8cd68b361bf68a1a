"""Production with continuous weights under frozen ln g: walk, look at whole packs, record."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from parallel_landscape.dynamics.flow import Batch
from parallel_landscape.flat_sampler import FlatSampler, FlatSlot
from parallel_landscape.phases.learn_flat import FlatLearning, flat
from parallel_landscape.phases.produce import Production
from parallel_landscape.rng import Purpose
from parallel_landscape.store.segments import Columns
from parallel_landscape.walker import Slot


@dataclass
class FlatProduction(Production):
    """Production of a pack at a time; `sweeps` moves between two looks."""

    def walk(self, sampler: FlatSampler, slots: dict[int, Slot]) -> None:
        """Move and record all walkers for a round."""
        here = [slot for slot in flat(slots) if slot.reached]
        assert isinstance(self.before, FlatLearning)
        self.before.settle(here)
        for look in range(self.looks):
            number = self.rounds * self.looks + look
            sampler.walk(here, Purpose.PRODUCE, number, self.sweeps, look=partial(self._look, number))

    def _look(self, number: int, members: list[FlatSlot], rows: list[int], batch: Batch) -> None:
        """Record a pack after `number` + 1 spans of `sweeps` moves."""
        values = self.observers.measure(batch)
        for slot, row in zip(members, rows, strict=True):
            record: dict[str, Any] = {
                "slot": slot.number,
                "sweep": (number + 1) * self.sweeps,
                "energy": float(slot.walker.state.energy[0]),
                "walker": slot.walker.name,
                **dict(zip(self.observers.observables, values[:, row], strict=True)),
            }
            if self.weights:
                record["weights"] = slot.walker.state.weights
            self.recorder.add(**record)

    def take_counts(self) -> Columns | None:
        """No proposals are counted."""
        return None
