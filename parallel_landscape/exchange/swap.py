"""Replica exchange between the slots of neighbouring windows, over any number of processes.

T. Vogel, Y. W. Li, T. Wuest, D. P. Landau, PRL 110, 210603 (2013): walkers x in window i and y in window j change places with
P = min(1, g_i(x) g_j(y) / (g_i(y) g_j(x))), which leaves both weights 1/g_i and 1/g_j invariant. Both holders add the same
two halves in the same order and compare with the same uniform, so they agree without an arbiter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.exchange.comm import Bytes, Comm, Message
from parallel_landscape.exchange.layout import Layout
from parallel_landscape.rng import Purpose, fill_exponentials
from parallel_landscape.specialise import Kernel, compile_function
from parallel_landscape.walker import Slot

ABSENT, LOST = -math.inf, math.inf  # instead of a position: takes no part; looks for a state in its window
Meeting = tuple[int, int]


def exchange(
    slots: dict[int, Slot],
    willing: Callable[[Slot], bool],
    fits: Callable[[Slot, int], bool],
    layout: Layout,
    comm: Comm,
    seed: int,
    round_number: int,
) -> list[int]:
    """Let the slots that meet in this round try to swap walkers; returns the local slots that found a first walker.

    A slot that never reached its window takes a copy of a partner's walker whose level `fits` it.
    """
    meetings = [meeting for meeting in layout.pairs(round_number) if meeting[0] in slots or meeting[1] in slots]
    if not meetings:
        return []
    mine = {slot: _announced(slots[slot], willing) for meeting in meetings for slot in meeting if slot in slots}
    theirs = _trade(meetings, {slot: _bytes(position) for slot, position in mine.items()}, layout, comm)
    positions = mine | {slot: float(packed.view(np.float64)[0]) for slot, packed in theirs.items()}
    present = {slot: math.isfinite(position) for slot, position in positions.items()}
    both = [meeting for meeting in meetings if present[meeting[0]] and present[meeting[1]]]
    swapping = _accepted(both, positions, slots, layout, comm, seed, round_number)
    rescuing = [
        (one, other) for one, other in meetings if present[one] != present[other] and LOST in (positions[one], positions[other])
    ]
    return _move(swapping, rescuing, positions, slots, fits, layout, comm)


def _announced(slot: Slot, willing: Callable[[Slot], bool]) -> float:
    if not slot.reached:
        return LOST
    return float(slot.position) if willing(slot) else ABSENT


def _bytes(value: float) -> Bytes:
    return np.array([value], dtype=np.float64).view(np.uint8)


def _trade(meetings: Iterable[Meeting], payloads: dict[int, Bytes], layout: Layout, comm: Comm) -> dict[int, Bytes]:
    """What the other end of each meeting holds, by the other end's slot; `payloads` has that of the local ends."""
    known: dict[int, Bytes] = {}
    messages, senders = [], []
    for pair in meetings:
        for own, other in (pair, pair[::-1]):
            if own not in payloads or other in payloads:
                continue
            messages.append(Message(layout.rank_of(other), pair[0], payloads[own]))
            senders.append(other)
    known.update(zip(senders, comm.swap(messages), strict=True))
    return known


def _accepted(
    meetings: list[Meeting],
    positions: dict[int, float],
    slots: dict[int, Slot],
    layout: Layout,
    comm: Comm,
    seed: int,
    number: int,
) -> list[Meeting]:
    halves: dict[int, float] = {}
    for lower, upper in meetings:
        for own, other in ((lower, upper), (upper, lower)):
            if own in slots:
                slot = slots[own]
                halves[own] = slot.cost(positions[own]) - slot.cost(positions[other])
                slot.meetings += 1
    theirs = _trade(meetings, {own: _bytes(half) for own, half in halves.items()}, layout, comm)
    halves |= {other: float(packed.view(np.float64)[0]) for other, packed in theirs.items()}
    draws = shared_exponentials(seed, Purpose.EXCHANGE, number, [meeting[0] for meeting in meetings])
    return [
        meeting
        for meeting, minus_ln_u in zip(meetings, draws.tolist(), strict=True)
        if -(halves[meeting[0]] + halves[meeting[1]]) <= minus_ln_u
    ]


def _move(
    swapping: list[Meeting],
    rescuing: list[Meeting],
    positions: dict[int, float],
    slots: dict[int, Slot],
    fits: Callable[[Slot, int], bool],
    layout: Layout,
    comm: Comm,
) -> list[int]:
    """Carry the walkers over; a rescue copies the walker to the lost slot when it fits there."""
    travelling = [*swapping, *rescuing]
    packed = {
        own: slots[own].walker.pack()
        for pair in travelling
        for own, other in (pair, pair[::-1])
        if own in slots and (other not in slots or pair in rescuing)
    }
    arrived = _trade(travelling, dict(packed), layout, comm)
    for lower, upper in swapping:
        if lower in slots and upper in slots:
            slots[lower].walker, slots[upper].walker = slots[upper].walker, slots[lower].walker
        for own, other in ((lower, upper), (upper, lower)):
            if own in slots:
                slots[own].swaps += 1
                if other not in slots:
                    slots[own].walker.unpack(arrived[other])
    found = []
    for pair in rescuing:
        for own, other in (pair, pair[::-1]):
            if own in slots and positions[own] == LOST and fits(slots[own], int(positions[other])):
                slots[own].walker.unpack(arrived[other] if other in arrived else packed[other])
                slots[own].walker.name = own
                found.append(own)
    return found


def carry(swapping: list[Meeting], slots: dict[int, Slot], layout: Layout, comm: Comm) -> None:
    """Let the walkers of these pairs of slots change places; all ranks name the same pairs."""
    mine = [pair for pair in swapping if pair[0] in slots or pair[1] in slots]
    _move(mine, [], {}, slots, lambda slot, level: False, layout, comm)


@cache
def _kernel() -> Kernel:
    return compile_function(fill_exponentials)


def shared_exponentials(seed: int, purpose: Purpose, number: int, names: list[int]) -> NDArray[np.float64]:
    """-ln u for each name, bit-identical on every rank, whatever its processor."""
    out = np.empty(len(names))
    _kernel().compiled(np.uint64(seed), np.uint64(purpose), np.uint64(number), np.array(names, dtype=np.uint64), out)
    return out
