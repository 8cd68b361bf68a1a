"""Which slot sits where, and who meets whom."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parallel_landscape.exchange.layout import Layout, Place


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """Any layout with at least a slot for each rank."""
    repeats, windows, walkers = (draw(st.integers(1, most)) for most in (4, 8, 5))
    return Layout(repeats, windows, walkers, draw(st.integers(1, repeats * windows * walkers)))


@given(layouts())
def test_every_slot_is_on_exactly_one_rank(layout: Layout) -> None:
    held = [slot for rank in range(layout.ranks) for slot in layout.slots_of(rank)]
    assert sorted(held) == list(range(layout.slots))


@given(layouts())
def test_rank_of_is_the_inverse_of_slots_of(layout: Layout) -> None:
    for rank in range(layout.ranks):
        assert all(layout.rank_of(slot) == rank for slot in layout.slots_of(rank))


@given(layouts())
def test_ranks_share_the_slots_evenly(layout: Layout) -> None:
    sizes = [len(layout.slots_of(rank)) for rank in range(layout.ranks)]
    assert max(sizes) - min(sizes) <= 1 and min(sizes) >= 1


@given(layouts())
def test_place_is_the_inverse_of_slot(layout: Layout) -> None:
    for slot in range(layout.slots):
        place = layout.place(slot)
        assert layout.slot(place.repeat, place.window, place.walker) == slot == place.slot
        assert place.repeat < layout.repeats and place.window < layout.windows and place.walker < layout.walkers


@given(layouts())
def test_group_is_repeat_and_window(layout: Layout) -> None:
    for slot in range(layout.slots):
        place = layout.place(slot)
        same = [other for other in range(layout.slots) if _group(layout.place(other)) == _group(place)]
        assert list(layout.group_of(slot)) == same


def _group(place: Place) -> tuple[int, int]:
    return place.repeat, place.window


@given(layouts(), st.integers(0, 1000))
def test_nobody_meets_two_others_in_a_round(layout: Layout, number: int) -> None:
    met = [slot for pair in layout.pairs(number) for slot in pair]
    assert len(met) == len(set(met))


@given(layouts(), st.integers(0, 1000))
def test_only_neighbouring_windows_of_one_repeat_meet(layout: Layout, number: int) -> None:
    for lower, upper in layout.pairs(number):
        below, above = layout.place(lower), layout.place(upper)
        assert below.repeat == above.repeat
        assert above.window == below.window + 1


@given(layouts(), st.integers(0, 1000))
def test_all_pairs_of_neighbours_meet_in_turn(layout: Layout, start: int) -> None:
    """Within 2 x walkers rounds every walker of a window meets every one of the next window, exactly once."""
    start *= 2 * layout.walkers
    met = [pair for number in range(start, start + 2 * layout.walkers) for pair in layout.pairs(number)]
    expected = {
        (layout.slot(repeat, window, k), layout.slot(repeat, window + 1, other))
        for repeat in range(layout.repeats)
        for window in range(layout.windows - 1)
        for k in range(layout.walkers)
        for other in range(layout.walkers)
    }
    assert len(met) == len(set(met)) and set(met) == expected


@given(layouts(), st.integers(0, 1000))
def test_meetings_do_not_depend_on_the_ranks(layout: Layout, number: int) -> None:
    alone = Layout(layout.repeats, layout.windows, layout.walkers)
    assert layout.pairs(number) == alone.pairs(number)
