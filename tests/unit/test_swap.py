"""Exchange between slots: the rule, the journey of walkers, rescues, and two ranks that agree without an arbiter."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import Queue
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from parallel_landscape.exchange.comm import Bytes, Message, Serial
from parallel_landscape.exchange.layout import Layout
from parallel_landscape.exchange.swap import exchange
from parallel_landscape.walker import Slot, Walker, new_table

LEVELS = 12
WINDOWS = [(0, 6), (3, 9), (5, 11)]


class State(NamedTuple):
    """Anything with arrays of several types."""

    spins: NDArray[np.int8]
    words: NDArray[np.uint64]


def make_slots(layout: Layout, numbers: Sequence[int], seed: int = 0) -> dict[int, Slot]:
    """Slots with random rough tables and walkers inside their windows; the same for a slot whoever holds it."""
    slots = {}
    for number in numbers:
        rng = np.random.default_rng((seed, number))
        low, high = WINDOWS[layout.place(number).window]
        state = State(rng.choice(np.array([-1, 1], np.int8), 9), rng.integers(0, 2**63, 4).astype(np.uint64))
        table = new_table(LEVELS, low, high) + rng.normal(scale=0.5, size=LEVELS)
        walker = Walker(state, int(rng.integers(low, high + 1)), number)
        slots[number] = Slot(number, walker, table, *np.zeros((5, LEVELS), np.int64), reached=True)
    return slots


def everybody(_: Slot) -> bool:
    return True


def fits(slot: Slot, level: int) -> bool:
    return bool(np.isfinite(slot.ln_g[level]))


def meet(slots: dict[int, Slot], layout: Layout, number: int, comm: Any = None, willing: Any = everybody) -> list[int]:
    return exchange(slots, willing, fits, layout, comm or Serial(), 99, number)


def levels_of(slots: dict[int, Slot]) -> dict[int, int]:
    return {number: slot.walker.level for number, slot in slots.items()}


def picture(slots: dict[int, Slot]) -> dict[int, tuple[Any, ...]]:
    """All that exchange may change, as plain values."""
    return {n: (s.walker.pack().tobytes(), s.meetings, s.swaps, s.reached) for n, s in slots.items()}


class Pipe(Serial):
    """Two ranks in two threads: `swap` alone goes between them."""

    size = 2

    def __init__(self, rank: int, boxes: dict[tuple[int, int], Queue[Bytes]]) -> None:
        self.rank = rank
        self._boxes = boxes

    def swap(self, messages: Sequence[Message]) -> list[Bytes]:
        """Post all, then take what came under the same tags."""
        for message in messages:
            assert message.peer == 1 - self.rank
            self._boxes[message.peer, message.tag].put(message.payload.copy())
        received = [self._boxes[self.rank, message.tag].get(timeout=20) for message in messages]
        assert [part.size for part in received] == [message.payload.size for message in messages]
        return received


def on_two_ranks(layout: Layout, work: Callable[[dict[int, Slot], Pipe], Any], prepare: Any = lambda slots: None) -> Any:
    """`work` on both ranks at once, each with its own slots; returns the slots of both."""
    tags = range(layout.slots * 2)
    boxes: dict[tuple[int, int], Queue[Bytes]] = {(rank, tag): Queue() for rank in range(2) for tag in tags}
    held = [make_slots(layout, list(layout.slots_of(rank))) for rank in range(2)]
    threads = []
    for rank in range(2):
        prepare(held[rank])
        threads.append(threading.Thread(target=work, args=(held[rank], Pipe(rank, boxes)), daemon=True))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    return held[0] | held[1]


@pytest.mark.parametrize("walkers", [1, 2, 3])
@pytest.mark.parametrize("repeats", [1, 2])
def test_two_ranks_do_what_one_does(walkers: int, repeats: int) -> None:
    """40 rounds; with three windows and any number of walkers the cut between the ranks runs through windows and repeats."""

    def rounds(slots: dict[int, Slot], comm: Any) -> None:
        for number in range(40):
            meet(slots, layout, number, comm)

    alone_layout, layout = Layout(repeats, 3, walkers), Layout(repeats, 3, walkers, ranks=2)
    alone = make_slots(alone_layout, range(alone_layout.slots))
    for number in range(40):
        meet(alone, alone_layout, number)
    assert picture(on_two_ranks(layout, rounds)) == picture(alone)
    assert sum(slot.swaps for slot in alone.values()) > 0


def test_two_ranks_rescue_as_one_does() -> None:
    layout = Layout(1, 3, 2, ranks=2)

    def lose(slots: dict[int, Slot]) -> None:
        for number in (0, 3, 4):
            if number in slots:
                slots[number].reached = False

    found: list[int] = []

    def rounds(slots: dict[int, Slot], comm: Any) -> None:
        for number in range(20):
            arrived = meet(slots, layout, number, comm)
            found.extend(arrived)
            for slot in arrived:
                slots[slot].reached = True

    alone = make_slots(layout, range(layout.slots))
    lose(alone)
    rounds(alone, Serial())
    expected = sorted(found)
    found.clear()
    assert picture(on_two_ranks(layout, rounds, lose)) == picture(alone)
    assert sorted(found) == expected == [0, 3, 4]


class TestRule:
    layout = Layout(1, 2, 1)

    def swapped(self, lower: tuple[float, float], upper: tuple[float, float], rounds: int = 4000) -> float:
        """Fraction of swaps between walkers on levels 4 and 5, given ln g of (own, other) level in both windows."""
        slots = make_slots(self.layout, [0, 1])
        accepted = 0
        for number in range(0, 2 * rounds, 2):
            slots[0].walker.level, slots[1].walker.level = 4, 5
            slots[0].ln_g[[4, 5]] = lower
            slots[1].ln_g[[5, 4]] = upper
            before = slots[0].swaps
            meet(slots, self.layout, number)
            accepted += slots[0].swaps - before
        return accepted / rounds

    @pytest.mark.parametrize(
        ("lower", "upper", "expected"),
        [
            ((0.0, 0.0), (0.0, 0.0), 1.0),
            ((0.0, 1.0), (0.0, 0.0), np.exp(-1.0)),
            ((0.0, 0.0), (0.0, 1.0), np.exp(-1.0)),
            ((0.0, 0.5), (7.0, 7.7), np.exp(-1.2)),
            ((3.0, 0.0), (0.0, 2.0), 1.0),
            ((1e6, 1e6 + 1.0), (-5.0, -5.0), np.exp(-1.0)),
            ((0.0, 50.0), (0.0, 0.0), 0.0),
        ],
    )
    def test_probability(self, lower: tuple[float, float], upper: tuple[float, float], expected: float) -> None:
        """min(1, g_i(x) g_j(y) / (g_i(y) g_j(x))) within 4.5 sigma: false alarm 7e-6, fixed seed; 0 and 1 are exact."""
        sigma = np.sqrt(expected * (1 - expected) / 4000)
        assert abs(self.swapped(lower, upper) - expected) <= 4.5 * sigma

    def test_walker_never_leaves_its_window(self) -> None:
        layout = Layout(1, 3, 2)
        slots = make_slots(layout, range(layout.slots))
        for number in range(200):
            meet(slots, layout, number)
            for slot in slots.values():
                assert fits(slot, slot.walker.level)

    def test_unwilling_slots_stay(self) -> None:
        layout = Layout(1, 3, 2)
        slots = make_slots(layout, range(layout.slots))
        before = picture(slots)
        for number in range(50):
            meet(slots, layout, number, willing=lambda _: False)
        assert picture(slots) == before


class TestJourney:
    def test_walkers_are_permuted_whole(self) -> None:
        """Name, level, state and trips stay together; none is lost, none doubled."""
        layout = Layout(2, 3, 2)
        slots = make_slots(layout, range(layout.slots))
        before = {slot.walker.name: slot.walker.pack().tobytes() for slot in slots.values()}
        for number in range(100):
            meet(slots, layout, number)
        after = {slot.walker.name: slot.walker.pack().tobytes() for slot in slots.values()}
        assert after == before
        assert any(slot.walker.name != number for number, slot in slots.items())

    def test_tables_stay(self) -> None:
        layout = Layout(1, 3, 1)
        slots = make_slots(layout, range(3))
        before = [slot.ln_g.tobytes() for slot in slots.values()]
        for number in range(50):
            meet(slots, layout, number)
        assert [slot.ln_g.tobytes() for slot in slots.values()] == before

    def test_both_sides_count_a_meeting(self) -> None:
        layout = Layout(1, 2, 3)
        slots = make_slots(layout, range(6))
        for number in range(0, 20, 2):
            meet(slots, layout, number)
        assert [slot.meetings for slot in slots.values()] == [10] * 6
        lower, upper = (sum(slots[n].swaps for n in part) for part in (range(3), range(3, 6)))
        assert lower == upper

    def test_packing_is_exact(self) -> None:
        walker = make_slots(Layout(1, 3, 1), [1])[1].walker
        walker.trips, walker.origin = 7, 2
        other = make_slots(Layout(1, 3, 1), [2])[2].walker
        other.unpack(walker.pack())
        assert other.pack().tobytes() == walker.pack().tobytes()
        assert (other.level, other.name, other.trips, other.origin) == (walker.level, 1, 7, 2)
        assert all(np.array_equal(mine, theirs) for mine, theirs in zip(other.state, walker.state, strict=True))


class TestRescue:
    layout = Layout(1, 2, 1)

    def lost(self, level: int) -> dict[int, Slot]:
        slots = make_slots(self.layout, [0, 1])
        slots[1].reached = False
        slots[0].walker.level = level
        return slots

    def test_lost_slot_takes_a_copy_that_fits(self) -> None:
        slots = self.lost(level=5)
        assert meet(slots, self.layout, 0) == [1]
        assert np.array_equal(slots[1].walker.state.spins, slots[0].walker.state.spins)
        assert slots[1].walker.level == 5 and slots[1].walker.name == 1
        slots[1].walker.state.spins[0] *= -1
        assert slots[1].walker.state.spins[0] != slots[0].walker.state.spins[0], "a copy, not the same arrays"

    def test_walker_outside_the_lost_window_is_no_help(self) -> None:
        slots = self.lost(level=1)
        before = picture(slots)
        assert meet(slots, self.layout, 0) == []
        assert picture(slots) == before

    def test_two_lost_slots_cannot_help_each_other(self) -> None:
        slots = self.lost(level=5)
        slots[0].reached = False
        assert meet(slots, self.layout, 0) == []

    def test_unwilling_partner_is_no_help(self) -> None:
        assert meet(self.lost(level=5), self.layout, 0, willing=lambda _: False) == []
