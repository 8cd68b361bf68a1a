"""Every model: the energy that its caches follow is the one counted afresh, in plain Python and compiled."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from oracles import enumerate_potts

from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.dynamics.flip import flip_template
from parallel_landscape.ensembles import wang_landau
from parallel_landscape.errors import JobError
from parallel_landscape.keys import check_keys, keys_model
from parallel_landscape.landscape import DataSource, Landscape
from parallel_landscape.landscapes import MODELS
from parallel_landscape.landscapes.committee import committee
from parallel_landscape.landscapes.fixed_point import LARGEST, fixed_point, rounded
from parallel_landscape.landscapes.ising import ising_2d
from parallel_landscape.landscapes.mlp import binary_mlp
from parallel_landscape.landscapes.perceptron import binary_perceptron
from parallel_landscape.landscapes.potts import potts_2d
from parallel_landscape.landscapes.sign_network import sign_network
from parallel_landscape.network import Network
from parallel_landscape.specialise import specialise


def training_set(network: Network, count: int, kind: str, seed: int = 0) -> TrainingSet:
    """Random patterns: "signs", "real", or "grid" (small integers: many ties)."""
    rng = np.random.default_rng(seed)
    shape = (count, network.inputs)
    patterns = rng.normal(size=shape) if kind == "real" else rng.integers(-2, 3, shape).astype(np.float64)
    if kind == "signs":
        patterns = rng.choice([-1.0, 1.0], shape)
    return TrainingSet(patterns, rng.choice(np.array([-1, 1], np.int8), (count, network.outputs)))


def source(count: int, kind: str = "signs") -> DataSource:
    return lambda network: training_set(network, count, kind)


def seen(network: Network, patterns: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    """The patterns that are sampled in fact: real ones are rounded to integers times a power of two."""
    return patterns if kind == "signs" else rounded(patterns, network.layers[1] if network.tree else 1)


NETWORKS: dict[str, Network] = {
    "perceptron": Network((7, 1)),
    "outputs-side-by-side": Network((5, 3)),
    "committee": Network((7, 3, 1), majority=True),
    "tree": Network((9, 3, 1), majority=True, tree=True),
    "free-tree": Network((9, 3, 1), tree=True),
    "hidden": Network((5, 3, 1)),
    "hidden-two-outputs": Network((5, 3, 2)),
    "one-hidden-unit": Network((5, 1, 1)),
    "deep": Network((5, 7, 3, 1)),
    "deep-two-outputs": Network((5, 5, 3, 2)),
    "deep-committee": Network((5, 3, 5, 1), majority=True),
    "deeper": Network((5, 5, 3, 3, 1)),
    "deeper-three-outputs": Network((3, 5, 3, 3, 3)),
}


@pytest.mark.parametrize("kind", ["signs", "real", "grid"])
@pytest.mark.parametrize("name", NETWORKS)
def test_plain_walk(name: str, kind: str) -> None:
    network, rng = NETWORKS[name], np.random.default_rng(1)
    for count in (1, 40, 130):
        given = training_set(network, count, kind)
        patterns = seen(network, given.patterns, kind)
        landscape = sign_network(network, given)
        assert landscape.moves == network.weights and landscape.ln_states == pytest.approx(np.log(2) * network.weights)
        state = landscape.initial(rng)
        energy = landscape.energy(landscape.params, state)
        assert energy == network.errors(state.weights, patterns, given.labels)
        for _ in range(40):
            move = int(rng.integers(landscape.moves))
            change = landscape.delta(landscape.params, state, move)
            if rng.random() < 0.6:
                landscape.commit(landscape.params, state, move)
                energy += change
                assert energy == network.errors(state.weights, patterns, given.labels)
        assert energy == landscape.energy(landscape.params, state)


# few and different, for each costs a compilation: words 1, 2, 4, 8, 16; one and more outputs; all depths; real inputs
COMPILED: dict[str, tuple[Network, int, str]] = {
    "perceptron-1-word": (Network((7, 1)), 40, "grid"),
    "tree-2-words": (Network((15, 3, 1), majority=True, tree=True), 100, "signs"),
    "committee-16-words": (Network((21, 5, 1), majority=True), 600, "signs"),
    "real-16-words": (Network((20, 3, 1)), 600, "real"),
    "deep-4-words": (Network((11, 7, 5, 1)), 200, "signs"),
    "deeper-outputs-8-words": (Network((9, 7, 5, 3, 2)), 500, "grid"),
}


def walked(landscape: Landscape, advance: Any, chunks: int, steps: int) -> Any:
    """Yield the state and its energy every `steps` steps of a walk in which all levels weigh the same."""
    state = landscape.initial(np.random.default_rng(5))
    levels = len(landscape.levels)
    weight = wang_landau.Weight(np.zeros(levels), np.zeros(levels, np.int64), 0.0)
    level = landscape.levels.index(int(landscape.energy(landscape.params, state)))
    room = np.zeros(16, np.uint32), np.zeros(16)
    seed, purpose, slot, bound = np.uint64(9), np.uint64(4), np.uint64(0), np.uint64(landscape.moves)
    for chunk in range(chunks):
        with np.errstate(over="ignore"):
            level, _, bad = advance(
                landscape.params, state, weight, *room, seed, purpose, slot, np.uint64(chunk), bound, levels, level, steps
            )
        assert bad == -1
        yield state, landscape.levels[int(level)]


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_walk(name: str) -> None:
    network, count, kind = COMPILED[name]
    given = training_set(network, count, kind)
    patterns = seen(network, given.patterns, kind)
    landscape = sign_network(network, given)
    functions = landscape.delta, landscape.commit, wang_landau.cost, wang_landau.visit
    kernel = specialise(flip_template, *functions, stride=1)
    for state, energy in walked(landscape, kernel.compiled, 300, 3):
        assert energy == network.errors(state.weights, patterns, given.labels)
    ends = [list(walked(landscape, run, 20, 16))[-1] for run in (kernel.compiled, kernel.plain)]
    assert ends[0][1] == ends[1][1]
    for one, other in zip(ends[0][0], ends[1][0], strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("inputs, count", [(7, 40), (25, 600)])
def test_compiled_perceptron(inputs: int, count: int) -> None:
    network = Network((inputs, 1))
    given = training_set(network, count, "signs")
    landscape = binary_perceptron(inputs, lambda _: given)
    kernel = specialise(flip_template, landscape.delta, landscape.commit, wang_landau.cost, wang_landau.visit, stride=1)
    for run, chunks in ((kernel.compiled, 300), (kernel.plain, 30)):
        for state, energy in walked(landscape, run, chunks, 3):
            assert energy == network.errors(state.weights, given.patterns, given.labels)


@pytest.mark.parametrize("length", [3, 4, 7])
@pytest.mark.parametrize("states", [0, 2, 5])
def test_lattices(length: int, states: int) -> None:
    """`states` = 0 stands for the Ising model; lengths that are and are not powers of two."""
    landscape = potts_2d(length, states) if states else ising_2d(length)
    stride = landscape.levels.step
    assert landscape.sweep == length**2
    kernel = specialise(flip_template, landscape.delta, landscape.commit, wang_landau.cost, wang_landau.visit, stride=stride)
    for run, chunks in ((kernel.compiled, 200), (kernel.plain, 40)):
        for state, energy in walked(landscape, run, chunks, 3):
            grid = state.spins.reshape(length, length)
            pairs = [(grid, np.roll(grid, 1, axis=axis)) for axis in (0, 1)]
            bonds = sum((a == b).sum() if states else (a * b).sum() for a, b in pairs)
            assert energy == -bonds == landscape.energy(landscape.params, state)


def test_potts_levels_and_states() -> None:
    energies, counts = enumerate_potts(3, 3)
    landscape = potts_2d(3, 3)
    assert landscape.ln_states == pytest.approx(np.log(float(sum(counts))))
    assert set(energies.tolist()) <= set(landscape.levels)
    assert landscape.moves == 18


class TestFixedPoint:
    def test_largest_scale_that_fits(self) -> None:
        rng = np.random.default_rng(0)
        patterns = rng.normal(size=(50, 12)) * 10.0 ** rng.integers(-300, 300, (50, 1))
        for blocks in (1, 3):
            scaled, shift = fixed_point(patterns, blocks)
            sums = np.abs(scaled).reshape(50, blocks, -1).sum(axis=2).max(axis=1)
            assert np.all(sums <= LARGEST) and np.all(2 * sums + 12 > LARGEST)
            back = np.ldexp(scaled.astype(float), -shift[:, None])
            assert np.all(np.abs(back - patterns) <= np.ldexp(0.5, -shift)[:, None])

    @pytest.mark.parametrize("value", [0.0, 5e-324, 1.0, 1.7976931348623157e308])
    def test_extremes(self, value: float) -> None:
        scaled, _ = fixed_point(np.full((1, 4), value))
        assert np.abs(scaled).sum() <= LARGEST
        assert (scaled != 0).all() == (value != 0)

    def test_small_integers_are_exact(self) -> None:
        patterns = np.random.default_rng(0).integers(-16, 17, (30, 64)).astype(np.float64)
        assert rounded(patterns).tobytes() == (patterns + 0.0).tobytes()


class TestKeys:
    @pytest.mark.parametrize("name", MODELS)
    def test_models_are_functions_with_described_keys(self, name: str) -> None:
        module, function = MODELS[name].split(":")
        model = keys_model(getattr(import_module(module), function), skip=["data"])
        assert model.model_fields and all(field.description for field in model.model_fields.values())

    def test_keys_of_a_job_file(self) -> None:
        assert check_keys(keys_model(binary_mlp, skip=["data"]), {"layers": [7, 3, 1]}) == {"layers": [7, 3, 1]}
        for function, keys in ((binary_mlp, {"layers": [7]}), (binary_mlp, {"layers": [7, 0, 1]}), (ising_2d, {"length": 2})):
            with pytest.raises(JobError):
                check_keys(keys_model(function, skip=["data"]), keys)

    @pytest.mark.parametrize(
        "build, words",
        [
            (lambda: binary_perceptron(24, source(9)), ["inputs = 24 is even", "23 or 25"]),
            (lambda: committee(24, 3, source(9)), ["inputs = 24 is even", "23 or 25"]),
            (lambda: committee(25, 4, source(9)), ["hidden = 4 is even", "3 or 5"]),
            (lambda: committee(25, 3, source(9), "tree"), ["inputs = 25 cannot be divided", "24 or 27"]),
            (lambda: committee(24, 3, source(9), "tree"), ["inputs = 24 / hidden = 3 = 8 is even", "7 or 9"]),
            (lambda: binary_mlp([24, 3, 1], source(9)), ["layers[0] = 24 is even", "23 or 25"]),
            (lambda: binary_mlp([25, 4, 6, 1], source(9)), ["layers[1] = 4 is even", "layers[2] = 6 is even"]),
        ],
    )
    def test_mistakes(self, build: Any, words: list[str]) -> None:
        with pytest.raises(JobError) as error:
            build()
        assert all(word in str(error.value) for word in words), str(error.value)

    def test_even_real_inputs_are_fine(self) -> None:
        assert binary_perceptron(24, source(9, "real")).moves == 24
        assert committee(24, 3, source(9, "real"), "tree").moves == 24
        assert binary_mlp([24, 3, 2], source(9, "real")).moves == 78
