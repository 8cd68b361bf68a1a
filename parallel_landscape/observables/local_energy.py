"""Local energy: the mean energy after a random fraction of the weights is flipped, a measure of how flat the landscape is here.

    E_d(w) = < E(w^A) > over sets A of d N weights,  w^A: w with the weights in A flipped

C. Baldassi, F. Pittorino, R. Zecchina, PNAS 117, 161 (2020); F. Pittorino et al., ICLR 2021. The flips are made with the moves
of the landscape, on a copy, and taken back. Sets are drawn from (seed, slot, record), so they do not depend on ranks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from parallel_landscape.errors import JobError
from parallel_landscape.observables.observable import Around, Kind, Observable, no_binary_weights
from parallel_landscape.rng import Purpose, generator, philox

TRIED = 8  # moves that are compared with flips

_LOW, _32 = np.uint64(0xFFFFFFFF), np.uint64(32)


class Params(NamedTuple):
    """landscape: its params; room: a state to work on; order: (N,) int64, all weights; moment: (slot, record, energy);
    flips: how many weights are flipped at once; sets: how often."""

    landscape: Any
    room: Any
    order: NDArray[np.int64]
    moment: NDArray[np.int64]
    seed: np.uint64
    flips: int
    sets: int


def copy_of(fields: int) -> Callable[[Any, Any], None]:
    """A function that copies a state of so many arrays into another, field by field."""

    def done(room: Any, state: Any) -> None:
        return None

    def after(before: Callable[[Any, Any], None], field: int) -> Callable[[Any, Any], None]:
        def copy(room: Any, state: Any) -> None:
            before(room, state)
            room[field][:] = state[field]

        return copy

    copies: Callable[[Any, Any], None] = done
    for field in range(fields):
        copies = after(copies, field)
    return copies


def draw_set(order: NDArray[np.int64], flips: int, seed: Any, slot: Any, record: Any, number: Any) -> None:
    """Bring `flips` random entries of `order` to its front: the beginning of a Fisher-Yates shuffle, in place.

    An entry's probabilities differ by at most N / 2**32 relatively.
    """
    size = len(order)
    purpose = np.uint64(Purpose.OBSERVE)
    for i in range(flips):
        a, _ = philox(np.uint64(i), record & _LOW, slot, purpose + (number << np.uint64(8)), seed & _LOW, seed >> _32)
        j = i + np.int64(((a & _LOW) * np.uint64(size - i)) >> _32)
        chosen = order[j]
        order[j] = order[i]
        order[i] = chosen


def local_energy_of(delta: Callable[..., Any], commit: Callable[..., Any], fields: int) -> Callable[[Any, Any], float]:
    """The mean energy over params.sets sets of flips."""
    copy = copy_of(fields)

    def local_energy(params: Params, state: Any) -> float:
        copy(params.room, state)
        order, room, inner = params.order, params.room, params.landscape
        for i in range(len(order)):
            order[i] = i
        slot, record = np.uint64(params.moment[0]), np.uint64(params.moment[1])
        total = np.int64(0)
        for number in range(params.sets):
            draw_set(order, params.flips, params.seed, slot, record, np.uint64(number))
            for i in range(params.flips):
                total += np.int64(delta(inner, room, order[i]))
                commit(inner, room, order[i])
            for i in range(params.flips):  # and back: each flip undoes itself, in any order
                delta(inner, room, order[i])
                commit(inner, room, order[i])
        return params.moment[2] + total / params.sets

    return local_energy


def local_energy(
    around: Around,
    *,
    fraction: Annotated[
        float | None,
        Field(gt=0, le=1, description="Fraction of the weights that is flipped; 0.05 (one weight at least) if left out."),
    ] = None,
    sets: Annotated[int, Field(ge=1, lt=2**24, description="Number of random sets of flips that are averaged.")] = 10,
) -> Observable:
    """The mean energy after flips of a fraction of the weights."""
    landscape, size = around.landscape, around.binary
    flips = max(1, round(0.05 * size)) if fraction is None else round(fraction * size)
    if fraction is not None and flips == 0:
        raise JobError(f"fraction = {fraction:g} of {size} weights rounds to no flip at all; give at least {0.5 / size:.3g}.")
    room = landscape.initial(generator(around.seed, Purpose.PILOT))
    moment = np.zeros(3, np.int64)
    params = Params(landscape.params, room, np.zeros(size, np.int64), moment, np.uint64(around.seed), flips, sets)
    function = local_energy_of(landscape.delta, landscape.commit, len(room))
    meaning = f"mean energy after {flips} of {size} weights are flipped, over {sets} random sets of them"
    return Observable(function, params, meaning, "energy", moment)


def not_by_flips(around: Around) -> str | None:
    """Why the moves of the landscape cannot flip chosen weights."""
    landscape = around.landscape
    missing = no_binary_weights(around)
    if missing is not None or landscape.weights is None:
        return missing
    if landscape.moves != around.binary:
        return f"it needs move i to flip weight i, and there are {landscape.moves} moves for {around.binary} weights"
    state = landscape.initial(generator(around.seed, Purpose.PILOT))
    for move in np.unique(np.linspace(0, landscape.moves - 1, TRIED).astype(np.int64)):
        before = np.array(landscape.weights(state))
        landscape.delta(landscape.params, state, move)
        landscape.commit(landscape.params, state, move)
        if np.flatnonzero(before != landscape.weights(state)).tolist() != [move]:
            return f"it needs move i to flip weight i, and move {move} does otherwise"
    return None


LOCAL_ENERGY = Kind(local_energy, not_by_flips)
