"""The third phase: weights frozen, exchange going on, and the walkers recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.exchange.comm import Comm
from parallel_landscape.exchange.swap import exchange
from parallel_landscape.learn import Learning
from parallel_landscape.rng import Purpose
from parallel_landscape.sampler import Sampler
from parallel_landscape.store.segments import Recorder
from parallel_landscape.walker import Slot

BUFFER = 65_536  # records that a rank holds before it cuts a segment


@dataclass
class Production:
    """`most_rounds` rounds of `looks` looks, `sweeps` sweeps apart."""

    learning: Learning
    most_rounds: int
    sweeps: int
    looks: int
    weights: bool
    recorder: Recorder
    rounds: int = 0

    def begin(self, slots: dict[int, Slot]) -> None:
        """Put the counts of learning away; from here on `histogram` counts production."""
        for slot in slots.values():
            slot.clear_histogram()

    def unfinished(self, slots: dict[int, Slot]) -> bool:
        """Whether there is to be another round; the same on all ranks."""
        return self.rounds < self.most_rounds

    def about(self) -> dict[str, Any]:
        """What all ranks know alike, as plain values for a checkpoint."""
        return {**self.learning.about(), "produced": self.rounds}

    def arrays(self, slot: Slot) -> dict[str, NDArray[Any]]:
        """What a checkpoint keeps of a slot."""
        return self.learning.arrays(slot)

    def restore_slot(self, slot: Slot, arrays: dict[str, NDArray[Any]]) -> None:
        """Put back a slot."""
        self.learning.restore_slot(slot, arrays)

    def step(self, sampler: Sampler, slots: dict[int, Slot], comm: Comm) -> None:
        """One round: walk and look, then change places."""
        for slot in slots.values():
            if slot.reached:
                self._walk(sampler, slot)
        if self.learning.exchanges:
            number = self.learning.rounds + self.rounds
            exchange(
                slots, lambda slot: slot.reached, lambda slot, level: False, self.learning.layout, comm, sampler.seed, number
            )
        last = len(self.learning.windows) - 1
        for slot in slots.values():
            window = self.learning.layout.place(slot.number).window
            slot.walker.note_end(window == 0, window == last)
        self.rounds += 1

    def _walk(self, sampler: Sampler, slot: Slot) -> None:
        landscape = sampler.landscape
        for look in range(self.looks):
            sampler.advance(slot, Purpose.PRODUCE, 0.0, self.sweeps * landscape.sweep)
            record: dict[str, Any] = {
                "slot": slot.number,
                "sweep": (self.rounds * self.looks + look + 1) * self.sweeps,
                "energy": landscape.levels[slot.walker.level],
                "walker": slot.walker.name,
            }
            if self.weights and landscape.weights is not None:
                record["weights"] = np.packbits(landscape.weights(slot.walker.state) > 0, bitorder="little")
            self.recorder.add(**record)
