"""The Potts model on a periodic L x L square lattice: E = -sum_<ij> delta(s_i, s_j), s = 0 ... q-1, each bond counted once.

R. B. Potts, Proc. Camb. Phil. Soc. 48, 106 (1952). First-order transition for q > 4: the hard case of Wang-Landau sampling.
A move is (site, shift) with shift = 0 ... q-2 and takes the site to s + 1 + shift (mod q): never the state it is in.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from parallel_landscape.landscape import Landscape
from parallel_landscape.landscapes.ising import lattice_neighbours


class Params(NamedTuple):
    """neighbours: (4 * L^2,) int32, the four neighbours of each site: right, left, below, above. states: q."""

    neighbours: NDArray[np.int32]
    states: int


class State(NamedTuple):
    """spins: (L^2,) int8 in 0 ... q-1."""

    spins: NDArray[np.int8]


def _target(params: Params, state: State, move: int) -> tuple[Any, Any, Any]:
    """Site of the move, its state now, and the one proposed."""
    turns = np.uint64(params.states - 1)
    site = np.uint64(move) // turns
    shift = np.int64(np.uint64(move) - site * turns)
    old = np.int64(state.spins[site])
    new = old + 1 + shift
    return site, old, new - params.states if new >= params.states else new


def _energy(params: Params, state: State) -> Any:
    """Each bond once: the right and the lower neighbour of each site."""
    energy = np.int64(0)
    for site in range(len(state.spins)):
        for k in (0, 2):
            energy -= np.int64(state.spins[site] == state.spins[params.neighbours[4 * site + k]])
    return energy


def _delta(params: Params, state: State, move: int) -> Any:
    """Neighbours that agree now, less those that would agree."""
    site, old, new = _target(params, state, move)
    first = site * np.uint64(4)
    change = np.int64(0)
    for k in range(4):
        neighbour = np.int64(state.spins[np.uint64(params.neighbours[first + np.uint64(k)])])
        change += np.int64(neighbour == old) - np.int64(neighbour == new)
    return change


def _commit(params: Params, state: State, move: int) -> None:
    site, _, new = _target(params, state, move)
    state.spins[site] = new


def potts_2d_sizes(length: int, states: int) -> tuple[int, int, range]:
    """Bytes of `params` and of a state, and the levels."""
    return 16 * length**2, length**2, potts_levels(length)


def potts_levels(length: int) -> range:
    """Energies of the L x L lattice."""
    return range(-2 * length**2, 1)


def potts_2d(
    length: Annotated[int, Field(ge=3, description="Side L of the periodic L x L lattice.")],
    states: Annotated[int, Field(ge=2, le=127, description="Number q of states of a site.")],
) -> Landscape:
    """Potts model on a square lattice, E = -(number of nearest neighbours in the same state)."""
    sites = length * length

    def initial(rng: np.random.Generator) -> State:
        return State(rng.integers(0, states, sites).astype(np.int8))

    return Landscape(
        params=Params(lattice_neighbours(length), states),
        initial=initial,
        energy=_energy,
        delta=_delta,
        commit=_commit,
        moves=sites * (states - 1),
        levels=potts_levels(length),
        ln_states=sites * math.log(states),
        sites=sites,
        weights=_spins,
    )


def _spins(state: State) -> NDArray[np.int8]:
    return state.spins
