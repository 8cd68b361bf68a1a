"""The whole interface between a model and the samplers: plain functions and a few numbers.

A landscape with integer energies is

    initial(rng) -> state            a random state with its caches filled (plain Python, once per walker)
    energy(params, state) -> int     recomputed from the weights alone, ignoring every cache
    delta(params, state, move) -> int    the change of energy if `move` were made; may write scratch space in `state`
    commit(params, state, move)      makes `move` and mends the caches; always called right after its `delta`

`params` is a NamedTuple of arrays and numbers that never change; `state` is a NamedTuple of numpy arrays and holds
all that changes. `energy`, `delta` and `commit` are compiled together with everything they call; they are ordinary
functions that numba understands, without decorator. A move is an integer in [0, moves), drawn uniformly; the set of moves
must be symmetric (each move undone by one as likely).

An observable is one more such function, compiled like the others, of which production records the values:

    observable(params, state) -> float    changes nothing
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.network import Network

DataSource = Callable[[Network], TrainingSet]  # how a model asks for the training set that fits its network


@dataclass(frozen=True)
class Landscape:
    """An energy over states. `levels` is the arithmetic range that every energy lies in (attained or not).

    ln_states: natural logarithm of the number of states (nan when unknown); it makes ln g absolute.
    sites: number of steps in a sweep; `moves` when left out.
    weights: the configuration of a state as a flat array; None for a landscape without one.
    observables: what production may record besides the energy, by the names used in a job.
    network: the architecture whose flat weights +-1 `weights` gives; it makes the observables of networks available.
    dynamics: the kinds of [dynamics] that move its states; "flip" is by `delta` and `commit`, the others need neither.
    energies: of many weight vectors (R, n) at once, where weights are real; sphere: |w|^2 where they lie on a sphere.
    """

    params: Any
    initial: Callable[[np.random.Generator], Any]
    energy: Callable[[Any, Any], int]
    delta: Callable[[Any, Any, int], int]
    commit: Callable[[Any, Any, int], None]
    moves: int
    levels: range
    ln_states: float = math.nan
    sites: int = 0
    weights: Callable[[Any], NDArray[Any]] | None = None
    observables: Mapping[str, Callable[[Any, Any], float]] = field(default_factory=dict)
    network: Network | None = None
    dynamics: tuple[str, ...] = ("flip",)
    energies: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None
    sphere: float = 0.0

    @property
    def sweep(self) -> int:
        """Number of steps in one sweep."""
        return self.sites or self.moves


def counts_proposals(landscape: Landscape) -> bool:
    """Whether its moves are proposals that are accepted or not, so that they can be counted."""
    return "flip" in landscape.dynamics


def no_moves(params: Any, state: Any, move: int) -> Any:
    """`delta` and `commit` of a landscape without single moves."""
    raise NotImplementedError


def moved_by(landscape: Landscape, kind: str) -> Landscape:
    """The landscape with this kind of [dynamics] alone; as it is when that does not move its states."""
    return replace(landscape, dynamics=(kind,)) if kind in landscape.dynamics else landscape
