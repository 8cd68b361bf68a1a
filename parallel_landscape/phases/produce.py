"""The third phase: weights frozen, exchange going on, the walkers recorded and their proposals counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.ensembles.frozen import in_coordinates, no_counts
from parallel_landscape.exchange.comm import Comm
from parallel_landscape.exchange.layout import Layout
from parallel_landscape.exchange.swap import exchange
from parallel_landscape.exchange.windows import Window
from parallel_landscape.job.columns import stored_weights
from parallel_landscape.rng import Purpose
from parallel_landscape.sampler import Sampler
from parallel_landscape.store.segments import Recorder
from parallel_landscape.store.transitions import Columns, of_slots
from parallel_landscape.walker import Slot


class Before(Protocol):
    """The phase before, whose tables are frozen now: it lays the slots out, and keeps what belongs to its ensemble."""

    layout: Layout
    exchanges: bool
    steps: int
    rounds: int

    @property
    def windows(self) -> list[Window]:
        """First and last level of each window."""

    def about(self) -> dict[str, Any]:
        """What all ranks know alike, as plain values for a checkpoint."""

    def arrays(self, slot: Slot) -> dict[str, NDArray[Any]]:
        """What a checkpoint keeps of a slot."""

    def restore_slot(self, slot: Slot, arrays: dict[str, NDArray[Any]]) -> None:
        """Put back a slot."""

    def window_of(self, slot: Slot) -> Window:
        """First and last level of the slot's window."""

    def described(self) -> dict[str, Any]:
        """Attributes of frozen.h5 besides those that all have."""

    def production_begins(self, slots: dict[int, Slot]) -> None:
        """From here on counts are those of production."""

    def note_round(self, slot: Slot, number: int, most: int) -> None:
        """A slot has made round `number`, from 0 on, of `most` rounds of production."""


@dataclass
class Production:
    """`most_rounds` rounds of `looks` looks, `sweeps` sweeps apart.

    weights: how recorded weights are stored ("bits", "as they are", or "" for not at all). band: largest change of level of
    which proposals are counted apart; 0: none are counted. counts: of each local slot, since the last checkpoint. more: name,
    meaning and unit of what the ensemble records besides.
    """

    before: Before
    most_rounds: int
    sweeps: int
    looks: int
    weights: str
    recorder: Recorder
    observers: Any
    band: int = 0
    rounds: int = 0
    counts: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    more: tuple[tuple[str, str, str], ...] = ()

    @property
    def sweeps_per_record(self) -> int:
        """Sweeps between two records of a walker."""
        return self.sweeps

    def begin(self, slots: dict[int, Slot]) -> None:
        """Put the counts of learning away; from here on `histogram` counts production."""
        for slot in slots.values():
            slot.clear_histogram()
        self.before.production_begins(slots)

    def unfinished(self, slots: dict[int, Slot]) -> bool:
        """Whether there is to be another round; the same on all ranks."""
        return self.rounds < self.most_rounds

    def about(self) -> dict[str, Any]:
        """What all ranks know alike, as plain values for a checkpoint."""
        return {**self.before.about(), "produced": self.rounds}

    def arrays(self, slot: Slot) -> dict[str, NDArray[Any]]:
        """What a checkpoint keeps of a slot. Records and counts are in segments by then."""
        return self.before.arrays(slot)

    def restore_slot(self, slot: Slot, arrays: dict[str, NDArray[Any]]) -> None:
        """Put back a slot."""
        self.before.restore_slot(slot, arrays)

    def ln_weight(self, slot: Slot) -> NDArray[np.float64]:
        """ln of the weight of each level of the slot's window, also where learning never was; -inf when nothing is sampled."""
        low, high = self.before.window_of(slot)
        return -slot.ln_g[low : high + 1] if slot.reached else np.full(high - low + 1, -np.inf)

    def step(self, sampler: Sampler, slots: dict[int, Slot], comm: Comm) -> None:
        """One round: walk and look, then change places."""
        self.walk(sampler, slots)
        if self.before.exchanges:
            number = self.before.rounds + self.rounds
            exchange(
                slots, lambda slot: slot.reached, lambda slot, level: False, self.before.layout, comm, sampler.seed, number
            )
        last = len(self.before.windows) - 1
        for slot in slots.values():
            window = self.before.layout.place(slot.number).window
            slot.walker.note_end(window == 0, window == last)
            self.before.note_round(slot, self.rounds, self.most_rounds)
        self.rounds += 1

    def walk(self, sampler: Any, slots: dict[int, Slot]) -> None:
        """Move and record all walkers for a round."""
        for slot in slots.values():
            for look in range(self.looks if slot.reached else 0):
                self._advance(sampler, slot, self.sweeps * sampler.landscape.sweep)
                self._record(sampler, slot, self.rounds * self.looks + look + 1)

    def _record(self, sampler: Sampler, slot: Slot, number: int, **more: float) -> None:
        """Record a walker; `number`: spans of `sweeps` sweeps since production began."""
        landscape = sampler.landscape
        energy = landscape.levels[slot.walker.level]
        record: dict[str, Any] = {
            "slot": slot.number,
            "sweep": number * self.sweeps,
            "energy": energy,
            "walker": slot.walker.name,
            **self.observers.measure(slot.number, number, energy, slot.walker.state),
            **more,
        }
        if self.weights and landscape.weights is not None:
            record["weights"] = stored_weights(landscape.weights(slot.walker.state), self.weights)
        self.recorder.add(**record)

    def _advance(self, sampler: Sampler, slot: Slot, steps: int) -> None:
        if not self.band:
            sampler.advance(slot, Purpose.PRODUCE, 0.0, steps)
            return
        low, high = self.before.window_of(slot)
        if slot.number not in self.counts:
            self.counts[slot.number] = no_counts(low, high, self.band)
        sampler.advance_frozen(slot, self.counts[slot.number], low, steps)

    def cut(self) -> None:
        """A checkpoint is due: close the segment, with the proposals counted since the last one."""
        self.recorder.cut(self.take_counts())

    def take_counts(self) -> Columns | None:
        """The proposals counted since the last time; from here on they are counted anew. None when there are none."""
        lows = {number: self.before.windows[self.before.layout.place(number).window][0] for number in self.counts}
        taken = of_slots({number: in_coordinates(counts, lows[number]) for number, counts in self.counts.items()})
        for counts in self.counts.values():
            counts[:] = 0
        return taken if len(taken["count"]) else None
