"""What rank 0 gets to know of every slot while windows learn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.ensembles.schedule import Learner
from parallel_landscape.exchange.comm import Comm
from parallel_landscape.learn import Learning
from parallel_landscape.walker import Slot

_HEAD = 13  # numbers that travel with a slot's table


@dataclass(frozen=True)
class SlotReport:
    """What one slot knows at the end (or at a report, without the arrays)."""

    learner: Learner
    reached: bool
    steps: int
    accepted: int
    meetings: int
    swaps: int
    trips: int
    level: int
    ln_g: NDArray[np.float64]
    visits: NDArray[np.int64]


def collect(learning: Learning, slots: dict[int, Slot], comm: Comm) -> dict[int, SlotReport] | None:
    """Every slot's report on rank 0, None elsewhere."""
    rows = {number: _pack(slot, learning.learner_of(slot)) for number, slot in slots.items()}
    gathered = comm.gather(rows)
    return None if gathered is None else {number: _unpack(packed) for number, packed in gathered.items()}


def _pack(slot: Slot, learner: Learner) -> NDArray[np.uint8]:
    head = np.array(
        [slot.reached, slot.steps, slot.accepted, slot.meetings, slot.swaps, slot.walker.trips, slot.walker.level,
         learner.ln_f, learner.stage, learner.restarts, learner.finished, learner.flatness, learner.overdue]
    , dtype=np.float64)  # fmt: skip
    visits = (slot.visits + slot.histogram) * slot.reached
    return np.concatenate([head.view(np.uint8), slot.ln_g.view(np.uint8), visits.view(np.uint8)])


def _unpack(packed: NDArray[np.uint8]) -> SlotReport:
    head, ln_g, visits = np.split(packed, [8 * _HEAD, 8 * _HEAD + (packed.size - 8 * _HEAD) // 2])
    reached, steps, accepted, meetings, swaps, trips, level, *learnt = head.view(np.float64)
    ln_f, stage, restarts, finished, flatness, overdue = learnt
    learner = Learner(ln_f=ln_f, stage=int(stage), restarts=int(restarts), flatness=flatness)
    learner.finished, learner.overdue = bool(finished), bool(overdue)
    return SlotReport(
        learner,
        bool(reached),
        *(int(steps), int(accepted), int(meetings), int(swaps), int(trips), int(level)),
        ln_g.view(np.float64).copy(),
        visits.view(np.int64).copy(),
    )
