"""The Ising ring, E = -sum_i s_i s_(i+1). Exactly: g(2 k - length) = 2 binomial(length, k) for even k."""

from typing import NamedTuple

import numpy as np

from parallel_landscape.landscape import Landscape


class Params(NamedTuple):
    length: int

class State(NamedTuple):
    spins: np.ndarray  # int8, (length,), each +1 or -1

def energy(params, state):
    return -sum([int(state.spins[i - 1]) * int(state.spins[i]) for i in range(params.length)])

def delta(params, state, move):
    neighbours = int(state.spins[move - 1]) + int(state.spins[(move + 1) % params.length])
    return 2 * int(state.spins[move]) * neighbours

def commit(params, state, move):
    state.spins[move] = -state.spins[move]

def ring(length: int = 12) -> Landscape:
    def initial(rng):
        return State(rng.choice(np.array([-1, 1], np.int8), length))
    return Landscape(Params(length), initial, energy, delta, commit, length, range(-length, length + 1, 4), length * np.log(2))
