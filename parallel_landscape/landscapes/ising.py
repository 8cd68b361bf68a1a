"""The Ising model on a periodic L x L square lattice: E = -sum_<ij> s_i s_j, s = +-1, each of the 2 L^2 bonds counted once.

Energies are -2 L^2 + 4 k for every L: each site meets four bonds, so a flip changes E by a multiple of 4. The exact density of
states is known (P. D. Beale, PRL 76, 78 (1996)), which makes this the first test of any sampler.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from parallel_landscape.landscape import Landscape
from parallel_landscape.landscapes.bits import flat_aligned


class Params(NamedTuple):
    """neighbours: (4 * L^2,) int32, the four neighbours of each site: right, left, below, above."""

    neighbours: NDArray[np.int32]


class State(NamedTuple):
    """spins: (L^2,) int8, each +1 or -1."""

    spins: NDArray[np.int8]


def lattice_neighbours(length: int) -> NDArray[np.int32]:
    """The four neighbours of each site of the periodic lattice, (4 * L^2,); bond n of the first two is right, then below."""
    sites = np.arange(length * length, dtype=np.int32).reshape(length, length)
    turned = [np.roll(sites, shift, axis).ravel() for shift, axis in ((-1, 1), (1, 1), (-1, 0), (1, 0))]
    return flat_aligned(np.stack(turned, axis=1))


def _energy(params: Params, state: State) -> Any:
    """Each bond once: the right and the lower neighbour of each site."""
    energy = np.int64(0)
    for site in range(len(state.spins)):
        right, below = params.neighbours[4 * site], params.neighbours[4 * site + 2]
        energy -= np.int64(state.spins[site]) * (np.int64(state.spins[right]) + np.int64(state.spins[below]))
    return energy


def _delta(params: Params, state: State, move: int) -> Any:
    """2 s_i times the sum of the neighbours."""
    first = np.uint64(move) * np.uint64(4)
    total = np.int64(0)
    for k in range(4):
        total += state.spins[np.uint64(params.neighbours[first + np.uint64(k)])]
    return 2 * np.int64(state.spins[np.uint64(move)]) * total


def _commit(params: Params, state: State, move: int) -> None:
    state.spins[np.uint64(move)] = -state.spins[np.uint64(move)]


def ising_levels(length: int) -> range:
    """Energies of the L x L lattice."""
    return range(-2 * length**2, 2 * length**2 + 1, 4)


def ising_2d_sizes(length: int) -> tuple[int, int, range]:
    """Bytes of `params` and of a state, and the levels."""
    return 16 * length**2, length**2, ising_levels(length)


def ising_2d(length: Annotated[int, Field(ge=3, description="Side L of the periodic L x L lattice.")]) -> Landscape:
    """Ising model on a square lattice, E = -sum s_i s_j over nearest neighbours."""
    sites = length * length

    def initial(rng: np.random.Generator) -> State:
        return State((2 * rng.integers(0, 2, sites) - 1).astype(np.int8))

    return Landscape(
        params=Params(lattice_neighbours(length)),
        initial=initial,
        energy=_energy,
        delta=_delta,
        commit=_commit,
        moves=sites,
        levels=ising_levels(length),
        ln_states=sites * math.log(2.0),
        weights=_spins,
    )


def _spins(state: State) -> NDArray[np.int8]:
    return state.spins
