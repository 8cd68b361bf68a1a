"""check_landscape accepts what is right, and of what is wrong it names the function, the move and the numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from parallel_landscape.check import LandscapeError, check_landscape
from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.landscape import Landscape
from parallel_landscape.landscapes.mlp import binary_mlp

N = 9


class Params(NamedTuple):
    size: int


class State(NamedTuple):
    spins: NDArray[np.int8]
    total: NDArray[np.int64]  # a cache: the sum of the spins


def initial(rng: np.random.Generator) -> State:
    spins = rng.choice(np.array([-1, 1], np.int8), N)
    return State(spins, np.array([spins.sum()]))


def energy(params: Params, state: State) -> int:
    total = np.int64(0)
    for i in range(params.size):
        total += state.spins[i]
    return (total * total - 1) // 8


def delta(params: Params, state: State, move: int) -> int:
    after = state.total[0] - 2 * np.int64(state.spins[move])
    return (after * after - state.total[0] * state.total[0]) // 8


def commit(params: Params, state: State, move: int) -> None:
    state.total[0] -= 2 * np.int64(state.spins[move])
    state.spins[move] = -state.spins[move]


def spins(state: State) -> NDArray[np.int8]:
    return state.spins


GOOD = Landscape(Params(N), initial, energy, delta, commit, N, range(11), N * np.log(2), weights=spins)


def double_delta(params: Params, state: State, move: int) -> int:
    return 2 * delta(params, state, move)


def forgetful_commit(params: Params, state: State, move: int) -> None:
    state.spins[move] = -state.spins[move]


def idle_commit(params: Params, state: State, move: int) -> None:
    pass


def moving_delta(params: Params, state: State, move: int) -> int:
    change = delta(params, state, move)
    commit(params, state, move)
    return change


def real_delta(params: Params, state: State, move: int) -> float:
    return 1.0 * delta(params, state, move)


def raising_delta(params: Params, state: State, move: int) -> int:
    raise ValueError("no such move")


def scaled_energy(params: Params, state: State) -> int:
    return 7 * energy(params, state)


def spoiling_energy(params: Params, state: State) -> int:
    state.total[0] += 1
    return energy(params, state)


def wrapping_delta(params: Params, state: State, move: int) -> int:
    """Differs when compiled: numpy wraps int8, numba computes with int64."""
    hundred = state.spins[:1] * np.int8(0) + np.int8(100)
    return delta(params, state, move) + (1 if hundred[0] + hundred[0] > 0 else 0)


def uncompilable_commit(params: Params, state: State, move: int) -> None:
    commit(params, state, move)
    str(State).encode("utf-7")


def restless_initial(rng: np.random.Generator) -> State:
    return initial(np.random.default_rng())


class Loose(NamedTuple):
    spins: NDArray[np.int8]
    total: int


def loose_initial(rng: np.random.Generator) -> Any:
    return Loose(initial(rng).spins, 3)


def test_good() -> None:
    check_landscape(GOOD)


def test_good_network_with_scratch_space() -> None:
    def data(network: Any) -> TrainingSet:
        rng = np.random.default_rng(3)
        return TrainingSet(rng.choice([-1.0, 1.0], (20, 5)), rng.choice(np.array([-1, 1], np.int8), (20, 1)))

    check_landscape(binary_mlp([5, 3, 3, 1], data), moves=60)


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize(
    "change, words",
    [
        ({"delta": double_delta}, ["delta disagrees with energy", "at move", "returned"]),
        ({"commit": forgetful_commit}, ["commit leaves the state wrong", "in step", "delta returned"]),
        ({"commit": idle_commit}, ["delta disagrees", "weights are the same after commit"]),
        ({"delta": moving_delta}, ["delta changed the weights", "only commit may"]),
        ({"delta": moving_delta, "weights": None}, ["delta changed the energy from"]),
        ({"delta": real_delta}, ["delta returned", "a float", "allowed are integers"]),
        ({"delta": raising_delta}, ["delta raised ValueError", "no such move"]),
        ({"energy": scaled_energy}, ["energy returned", "not among the levels 0 ... 10"]),
        ({"energy": spoiling_energy}, ["energy changed total"]),
        ({"levels": range(0, 11, 4)}, ["energy returned", "in steps of 4"]),
        ({"levels": [0, 1]}, ["levels = [0, 1]"]),
        ({"moves": 0}, ["moves = 0"]),
        ({"moves": N + 1}, ["delta raised IndexError", f"at move {N}"]),
        ({"params": {"size": N}}, ["params is a dict"]),
        ({"initial": restless_initial}, ["initial gave another", "draw from `rng` alone"]),
        ({"initial": loose_initial}, ["whose total is a int", "array of length 1"]),
        ({"delta": wrapping_delta}, ["delta or commit does not give the same compiled", "differs after"]),
        ({"commit": uncompilable_commit}, ["commit cannot be compiled"]),
    ],
    ids=lambda value: "-".join(f"{k}-{getattr(v, '__name__', v)}" for k, v in value.items()) if isinstance(value, dict) else "",
)
def test_wrong(change: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(LandscapeError) as error:
        check_landscape(replace(GOOD, **change))
    assert all(word in str(error.value) for word in words), str(error.value)
