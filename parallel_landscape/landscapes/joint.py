"""Two landscapes over the same weights as one: the pair (E, X) is a single level, row by row of a table.

With E_i the levels of the first and X_j those of the second, j < C, the joint landscape has the energy i C + j. Whatever
samples one landscape with integer energies samples the pair, too: g(E, X) is its density of states, a window in E and X a set
of its levels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.landscape import Landscape


class Params(NamedTuple):
    """Those of the two."""

    first: Any
    second: Any


class State(NamedTuple):
    """Those of the two; each keeps weights of its own, which are equal."""

    first: Any
    second: Any


@dataclass(frozen=True, kw_only=True)
class JointLandscape(Landscape):
    """A landscape whose levels are the cells of the table (levels of `first`) x (levels of `second`), row by row."""

    first: Landscape
    second: Landscape

    @property
    def rows(self) -> range:
        """Energies of the first."""
        return self.first.levels

    @property
    def columns(self) -> range:
        """Values of the second."""
        return self.second.levels


def why_not_joint(first: Landscape, second: Landscape) -> str | None:
    """Why two landscapes have no joint one; None when they have. Move i of both must flip weight i, which is not checked."""
    if first.weights is None or second.weights is None:
        return "both need `weights`"
    if first.moves != second.moves:
        return f"one has {first.moves} moves and the other {second.moves}"
    return None


def joint(first: Landscape, second: Landscape) -> JointLandscape:
    """The joint landscape of two over the same weights +-1, of which move i of both flips the i-th."""
    assert first.weights is not None and second.weights is not None
    weights, others = first.weights, second.weights

    def initial(rng: np.random.Generator) -> State:
        mine, theirs = first.initial(rng), second.initial(rng)
        for move in np.flatnonzero(np.asarray(weights(mine)) != np.asarray(others(theirs))).tolist():
            second.delta(second.params, theirs, move)
            second.commit(second.params, theirs, move)
        return State(mine, theirs)

    energy, delta, commit = _functions(first, second)
    return JointLandscape(
        params=Params(first.params, second.params),
        initial=initial,
        energy=energy,
        delta=delta,
        commit=commit,
        moves=first.moves,
        levels=range(len(first.levels) * len(second.levels)),
        ln_states=first.ln_states,
        sites=first.sites,
        weights=lambda state: weights(state.first),
        first=first,
        second=second,
    )


def _functions(first: Landscape, second: Landscape) -> tuple[Callable[..., int], Callable[..., int], Callable[..., None]]:
    """energy, delta and commit of the pair."""
    rows, columns = len(first.levels), len(second.levels)
    start, step = first.levels.start, first.levels.step
    other_start, other_step = second.levels.start, second.levels.step
    first_energy, first_delta, first_commit = first.energy, first.delta, first.commit
    second_energy, second_delta, second_commit = second.energy, second.delta, second.commit

    def energy(params: Params, state: State) -> Any:
        row = (np.int64(first_energy(params.first, state.first)) - start) // step
        column = (np.int64(second_energy(params.second, state.second)) - other_start) // other_step
        inside = 0 <= row < rows and 0 <= column < columns
        return row * columns + column if inside else np.int64(-1)

    def delta(params: Params, state: State, move: int) -> Any:
        up = np.int64(first_delta(params.first, state.first, move)) // step
        across = np.int64(second_delta(params.second, state.second, move)) // other_step
        return up * columns + across

    def commit(params: Params, state: State, move: int) -> None:
        first_commit(params.first, state.first, move)
        second_commit(params.second, state.second, move)

    return energy, delta, commit


def cells_of(rectangle: tuple[int, int, int, int], columns: int) -> NDArray[np.int64]:
    """The levels, ascending, of a rectangle (first and last row, first and last column) of a table `columns` wide."""
    low, high, left, right = rectangle
    return (np.arange(low, high + 1)[:, None] * columns + np.arange(left, right + 1)[None, :]).reshape(-1)
