"""What production records, against enumeration: X(E) of every observable, the matrix of proposals, and the frozen law itself.

The slots of 8 repeats with 2 walkers a window are 16 blocks or more for each level, from which errors are taken by jackknife:
|z| > 4 happens by chance in 1 of 900 cases (Student, 15 degrees of freedom), so at most 1 % of the bins may show it; seeds are
fixed. Each mistake that a twin makes on purpose must break that limit.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from parallel_landscape import sampler
from parallel_landscape.data.held_out import build_test_set
from parallel_landscape.data.teacher import teacher
from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.driver.rounds import run_job
from parallel_landscape.dynamics.flip import flip_template
from parallel_landscape.ensembles.frozen import BEYOND, count_proposal
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.job.job import Job, make_job
from parallel_landscape.network import Network
from parallel_landscape.observables.build import Observers
from parallel_landscape.rng import draw_block
from parallel_landscape.store import checkpoint
from parallel_landscape.store.segments import Segment, read_records, read_transitions
from parallel_landscape.store.transitions import added

FLIPS, TESTS, DISTANCE, BAND = 2, 60, 0.7, 5
NETWORKS = {
    "perceptron": Network((11, 1)),
    "committee": Network((5, 3, 1), majority=True),
    "mlp, real inputs": Network((3, 3, 1)),
}
EACH = [
    "perceptron",
    pytest.param("committee", marks=pytest.mark.long),
    pytest.param("mlp, real inputs", marks=pytest.mark.long),
]
LANDSCAPES: dict[str, dict[str, Any]] = {
    "perceptron": {"model": "binary-perceptron", "inputs": 11, "data": {"source": "teacher", "patterns": 17}},
    "committee": {"model": "committee", "inputs": 5, "hidden": 3, "data": {"source": "teacher", "patterns": 16}},
    "mlp, real inputs": {
        "model": "binary-mlp",
        "layers": [3, 3, 1],
        "data": {"source": "teacher", "patterns": 19, "kind": "gaussian"},
    },
}
HIDDEN = ["hidden-balance", "hidden-overlap"]
Exact = dict[str, NDArray[np.float64]]


def content(name: str) -> dict[str, Any]:
    network = NETWORKS[name]
    observables = ["overlap-teacher", "magnetisation", "test-error", "margins", "local-energy"]
    return {
        "name": "run",
        "seed": 4,
        "landscape": LANDSCAPES[name],
        "dynamics": {"sweeps_per_round": 40},
        "ensemble": {"ln_f_final": 1e-3},
        "exchange": {"windows": 2, "walkers_per_window": 2, "overlap": 0.7, "search_sweeps": 20_000},
        "production": {
            "rounds": 250,
            "record_every_sweeps": 10,
            "weights": True,
            "observables": observables + (HIDDEN if len(network.layers) > 2 else []),
            "parameters": {
                "test-error": {"patterns": TESTS},
                "margins": {"distance": DISTANCE},
                "local-energy": {"fraction": FLIPS / network.weights, "sets": 3},
            },
            "transitions": BAND,
        },
        "run": {"repeats": 8, "checkpoint_rounds": 60},
    }


def records_of(run: Path) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
    """Records and counts of proposals of a run."""
    generation, _ = checkpoint.newest(run / "checkpoints")
    assert generation is not None
    segments = [Segment(**segment) for segment in generation.about["segments"]]
    return read_records(run / "trajectory", segments), added([read_transitions(run / "trajectory", one) for one in segments])


def carry_out(name: str, folder: Path) -> Path:
    job = make_job(content(name), folder)
    run_job(job, Serial(), quiet=True)
    return job.folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return cache(lambda name: carry_out(name, tmp_path_factory.mktemp("run")))


@cache
def states_of(name: str) -> tuple[Job, NDArray[np.int64], TrainingSet, TrainingSet, NDArray[np.int64]]:
    """Job, all weight vectors (bit i of the index is weight i), training and test set, energy of each vector."""
    network, job = NETWORKS[name], make_job(content(name))
    vectors = 1 - 2 * ((np.arange(2**network.weights)[:, None] >> np.arange(network.weights)) & 1)
    training = job.training_set(network)
    test = build_test_set(teacher, job.data, network, job.seed, TESTS, None)
    return job, vectors, training, test, wrong(name, training).sum(axis=1)


def fields(name: str, examples: TrainingSet) -> list[NDArray[np.float64]]:
    """Fields (states, units, P) of each layer of all weight vectors at once, in floating point."""
    network = NETWORKS[name]
    vectors = 1.0 - 2 * ((np.arange(2**network.weights)[:, None] >> np.arange(network.weights)) & 1)
    at, activity, found = 0, examples.patterns.T[None], []
    for units, fan_in in network.shapes:
        matrices = vectors[:, at : at + units * fan_in].reshape(-1, units, fan_in)
        at += units * fan_in
        found.append(matrices @ activity)
        activity = np.where(found[-1] >= 0, 1.0, -1.0)
    return [*found, activity.sum(axis=1, keepdims=True)] if network.majority else found


def wrong(name: str, examples: TrainingSet) -> NDArray[np.bool_]:
    return np.where(fields(name, examples)[-1][:, 0] >= 0, 1, -1) != examples.labels[:, 0]


@cache
def exact(name: str) -> Exact:
    """The value of each observable in every state; of the local energy, its mean over all sets of flips."""
    network = NETWORKS[name]
    _, vectors, training, test, energy = states_of(name)
    assert training.teacher is not None
    *below, top = fields(name, training)
    index = np.arange(len(vectors))
    sets = [sum(1 << i for i in chosen) for chosen in combinations(range(network.weights), FLIPS)]
    values: Exact = {
        "overlap-teacher": vectors @ training.teacher / network.weights,
        "magnetisation": vectors.mean(axis=1),
        "test-error": wrong(name, test).mean(axis=1),
        "margins": (np.abs(top[:, 0]) / np.sqrt(network.fan_in[-1]) <= DISTANCE).mean(axis=1),
        "local-energy": np.mean([energy[index ^ chosen] for chosen in sets], axis=0),
    }
    if below:
        rows = vectors[:, : network.layers[1] * network.fan_in[0]].reshape(len(vectors), network.layers[1], -1)
        pairs = [(rows[:, a] * rows[:, b]).mean(axis=1) for a, b in combinations(range(network.layers[1]), 2)]
        values["hidden-overlap"] = np.mean(pairs, axis=0)
        values["hidden-balance"] = np.where(below[0] >= 0, 1.0, -1.0).mean(axis=(1, 2))
    return values


def jackknife_z(numerators: NDArray[Any], denominators: NDArray[Any], truth: float) -> float:
    """(ratio - truth) / error, where both sums (blocks,) are over independent blocks; nan without enough of them."""
    used = denominators > 0
    top, bottom = numerators[used].astype(float), denominators[used].astype(float)
    if len(top) < 8:
        return np.nan
    left_out = (top.sum() - top) / (bottom.sum() - bottom)
    error = np.sqrt((len(top) - 1) * np.mean((left_out - left_out.mean()) ** 2))
    difference = top.sum() / bottom.sum() - truth
    return float(difference / error) if error > 1e-12 else (0.0 if abs(difference) < 1e-9 else np.inf)


def observable_z(name: str, run: Path) -> dict[str, list[float]]:
    """z of X(E) for each observable, all levels."""
    records, _ = records_of(run)
    energy = states_of(name)[4]
    found: dict[str, list[float]] = {}
    for observable, values in exact(name).items():
        for level in np.unique(records["energy"]):
            here = records["energy"] == level
            count = np.bincount(records["slot"][here], minlength=32)
            total = np.bincount(records["slot"][here], records[observable][here], minlength=32)
            found.setdefault(observable, []).append(jackknife_z(total, count, values[energy == level].mean()))
    return found


def matrix_z(name: str, run: Path) -> list[float]:
    """z of the probability of each change of the energy that is proposed at each level."""
    _, counted = records_of(run)
    network, energy = NETWORKS[name], states_of(name)[4]
    index = np.arange(len(energy))
    changes = np.stack([energy[index ^ (1 << i)] - energy for i in range(network.weights)], axis=1)
    found = []
    for level in np.unique(counted["level"]):
        here = counted["level"] == level
        rows = np.bincount(counted["slot"][here], counted["count"][here], minlength=32)
        truth = changes[energy == level]
        for change in {*np.unique(truth[np.abs(truth) <= BAND]).tolist(), BEYOND}:
            this = here & (counted["change"] == change)
            probability = (np.abs(truth) > BAND).mean() if change == BEYOND else (truth == change).mean()
            total = np.bincount(counted["slot"][this], counted["count"][this], minlength=32)
            found.append(jackknife_z(total, rows, probability))
    return found


def sound(z: list[float]) -> bool:
    """Whether deviations are what chance makes of them."""
    known = np.array([one for one in z if not np.isnan(one)])
    return len(known) > 10 and float(np.mean(np.abs(known) <= 4)) >= 0.99


@pytest.mark.parametrize("name", EACH)
def test_observables_are_exact(name: str, runs: Any) -> None:
    z = observable_z(name, runs(name))
    assert len(z) == (7 if len(NETWORKS[name].layers) > 2 else 5)
    for observable, of_levels in z.items():
        assert sound(of_levels), (observable, of_levels)
    together = np.array([one for of_levels in z.values() for one in of_levels if np.isfinite(one)])
    assert 0.6 < np.sqrt(np.mean(together**2)) < 1.5


@pytest.mark.parametrize("name", EACH)
def test_each_record_is_of_the_state_that_it_stores(name: str, runs: Any) -> None:
    """Record by record: the weights say what energy and observables must be."""
    records, _ = records_of(runs(name))
    _, _, _, _, energy = states_of(name)
    bits = np.unpackbits(records["weights"], axis=1, bitorder="little")[:, : NETWORKS[name].weights]
    state = ((1 - bits.astype(np.int64)) << np.arange(NETWORKS[name].weights)).sum(axis=1)
    np.testing.assert_array_equal(energy[state], records["energy"])
    for observable, values in exact(name).items():
        if observable != "local-energy":  # of random flips
            np.testing.assert_allclose(records[observable], values[state], atol=1e-12)


@pytest.mark.parametrize("name", EACH)
def test_proposals_are_exact(name: str, runs: Any) -> None:
    assert sound(matrix_z(name, runs(name)))


@pytest.mark.parametrize("name", EACH)
def test_every_proposal_is_counted(name: str, runs: Any) -> None:
    _, counted = records_of(runs(name))
    rows = np.bincount(counted["slot"], counted["count"])
    assert rows.tolist() == [250 * 40 * NETWORKS[name].weights] * 32
    assert (counted["change"] == BEYOND).any() and len(np.unique(counted["change"])) == 2 * BAND + 2


@pytest.mark.parametrize("name", EACH)
def test_records_follow_the_law_of_the_frozen_weights(name: str, runs: Any) -> None:
    """P(E) ~ g(E) exp(ln_weight) in each window; chi square over blocks as above."""
    records, _ = records_of(runs(name))
    g = np.bincount(states_of(name)[4], minlength=50)
    z = []
    with h5py.File(runs(name) / "trajectory" / "frozen.h5") as file:
        assert file["observables"].asstr()[...].tolist() == content(name)["production"]["observables"]
        for window in (0, 1):
            slots = np.flatnonzero(file["window"][...] == window)
            low, high = int(file["low"][slots[0]]), int(file["high"][slots[0]])
            laws = []
            for slot in slots:
                row = int(file["table"][slot])
                weight = file["ln_weight"][int(file["offset"][row]) : int(file["offset"][row + 1])]
                law = g[low : high + 1] * np.exp(weight - weight.max())
                laws.append(law / law.sum())
            for level in range(low, high + 1):
                here = np.isin(records["slot"], slots) & (records["energy"] == level)
                count = np.bincount(records["slot"][here], minlength=32)[slots]
                z.append(jackknife_z(count - 1000 * np.array(laws)[:, level - low], np.full(len(slots), 1000), 0.0))
    assert sound(z), z


def stale(measure: Any) -> Any:
    """Each observable is that of the record before."""
    last: dict[int, dict[str, float]] = {}

    def measured(self: Observers, slot: int, record: int, energy: int, state: Any) -> dict[str, float]:
        before, last[slot] = last.get(slot), measure(self, slot, record, energy, state)
        return before or last[slot]

    return measured


def only_accepted(delta: Any, commit: Any, cost: Any, visit: Any, note: Any, *, stride: int) -> Any:
    """The loop of `flip_template`, but a proposal is counted only when it is accepted."""

    def advance(
        params: Any, state: Any, weight: Any, moves: Any, minus_ln_u: Any,
        key: Any, purpose: Any, slot: Any, block: Any, bound: Any, levels: int, level: int, steps: int,
    ) -> Any:  # fmt: skip
        accepted = 0
        for step in range(steps):
            i = step % len(moves)
            if i == 0:
                draw_block(key, purpose, slot, block, bound, moves, minus_ln_u)
                block += np.uint64(1)
            move = np.int64(moves[i])
            up = delta(params, state, move) // stride
            if cost(weight, level + up) - cost(weight, level) <= minus_ln_u[i]:
                commit(params, state, move)
                note(weight, level, up)
                level += up
                accepted += 1
            visit(weight, level, 0.0)
        return level, accepted, np.int64(-1)

    return advance


def test_a_stale_observable_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Observers, "measure", stale(Observers.measure))
    z = observable_z("perceptron", carry_out("perceptron", tmp_path))
    assert not sound(z["overlap-teacher"]) and not sound(z["test-error"]) and not sound(z["local-energy"])


def test_counting_only_accepted_proposals_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler, "flip_template", lambda *functions, **keys: flip_or_twin(*functions, **keys))
    assert not sound(matrix_z("perceptron", carry_out("perceptron", tmp_path)))


def flip_or_twin(*functions: Any, **keys: Any) -> Any:
    """The twin where proposals are counted, else the loop as it is."""
    return (only_accepted if count_proposal in functions else flip_template)(*functions, **keys)
