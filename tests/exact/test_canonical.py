"""Fixed temperatures against enumeration: mean energies and their errors, heat capacities, the law at each temperature, ln g.

16 repeats are 16 independent numbers, so that |z| > 5 happens by chance in 1 of 6,000 cases (Student, 15 degrees of freedom);
seeds are fixed. Each mistake that a twin makes on purpose must break that limit.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from oracles import count_errors

from parallel_landscape.driver.rounds import run_job
from parallel_landscape.exchange import swap
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.job.job import Job, make_job
from parallel_landscape.network import Network
from parallel_landscape.store import checkpoint
from parallel_landscape.store.result import read_result
from parallel_landscape.store.segments import Segment, read_records

BETAS = [1.5, 0.9, 0.5, 0.2, 0.0]
REPEATS, LARGEST = 16, 5.0
LANDSCAPES: dict[str, dict[str, Any]] = {
    "perceptron": {"model": "binary-perceptron", "inputs": 11, "data": {"source": "random", "patterns": 17}},
    "ising": {"model": "ising-2d", "length": 3},
}


def job_of(name: str, folder: Path, **ensemble: Any) -> Job:
    content = {
        "name": "run",
        "seed": 6,
        "landscape": LANDSCAPES[name],
        "dynamics": {"sweeps_per_round": 2},
        "ensemble": {"kind": "canonical", "betas": BETAS, "equilibration_rounds": 100, **ensemble},
        "production": {"rounds": 600, "record_every_sweeps": 2},
        "run": {"repeats": REPEATS},
    }
    return make_job(content, folder)


@cache
def states(name: str) -> dict[int, int]:
    """Number of states at each energy."""
    if name == "perceptron":
        network = Network((11, 1))
        examples = make_job(job_content(name)).training_set(network)
        counts = count_errors(network.layers, examples.patterns, examples.labels)
        return {energy: int(count) for energy, count in enumerate(counts) if count}
    spins = 1 - 2 * ((np.arange(512)[:, None] >> np.arange(9)) & 1).reshape(-1, 3, 3)
    energy = -(spins * np.roll(spins, -1, 1) + spins * np.roll(spins, -1, 2)).sum(axis=(1, 2))
    levels, counts = np.unique(energy, return_counts=True)
    return dict(zip(levels.tolist(), counts.tolist(), strict=True))


def job_content(name: str) -> dict[str, Any]:
    return {"name": "run", "seed": 6, "landscape": LANDSCAPES[name]}


def law(name: str, beta: float) -> dict[int, float]:
    """Probability of each energy."""
    weight = {energy: count * np.exp(-beta * energy) for energy, count in states(name).items()}
    return {energy: one / sum(weight.values()) for energy, one in weight.items()}


def carry_out(job: Job) -> Path:
    run_job(job, Serial(), quiet=True)
    return job.folder


def energies(run: Path, temperatures: int) -> NDArray[np.int64]:
    """Recorded energies (repeats, temperatures, records)."""
    generation, _ = checkpoint.newest(run / "checkpoints")
    assert generation is not None
    records = read_records(run / "trajectory", [Segment(**segment) for segment in generation.about["segments"]])
    return records["energy"].reshape(REPEATS, temperatures, -1)


def z_of(values: NDArray[np.float64], truth: float) -> float:
    """Of the mean of independent values."""
    error = values.std(ddof=1) / np.sqrt(len(values))
    return float((values.mean() - truth) / error) if error > 0 else 0.0


def deviations(name: str, run: Path) -> list[float]:
    """z of the mean energy, its square, and the probability of each likely energy, at each temperature."""
    found = []
    recorded = energies(run, len(BETAS)).astype(float)
    for number, beta in enumerate(BETAS):
        exact = law(name, beta)
        for power in (1, 2):
            truth = sum(probability * energy**power for energy, probability in exact.items())
            found.append(z_of((recorded[:, number] ** power).mean(axis=1), truth))
        likely = [energy for energy, probability in exact.items() if probability > 0.01]
        found += [z_of((recorded[:, number] == energy).mean(axis=1), exact[energy]) for energy in likely]
    return found


def sound(z: list[float]) -> bool:
    return len(z) > 20 and max(map(abs, z)) < LARGEST


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return cache(lambda name: carry_out(job_of(name, tmp_path_factory.mktemp("run"))))


@pytest.mark.parametrize("name", LANDSCAPES)
def test_each_temperature_has_its_law(name: str, runs: Any) -> None:
    z = deviations(name, runs(name))
    assert sound(z), z
    assert 0.4 < np.sqrt(np.mean(np.square(z))) < 2.0  # energies of one temperature are not independent


@pytest.mark.parametrize("name", LANDSCAPES)
def test_mean_energies_and_their_errors(name: str, runs: Any) -> None:
    _, table, attributes = read_result(runs(name) / "result.nc")
    assert table["beta"].tolist() == BETAS and attributes["status"] == "converged"
    truth = [sum(p * energy for energy, p in law(name, beta).items()) for beta in BETAS]
    z = (table["energy_mean"] - truth) / table["energy_mean_error"]
    assert np.abs(z).max() < 4.5 and np.abs(table["halves_apart"]).max() < 4.5
    assert (table["round_trips"] > 20).all() and (table["exchange_acceptance"][:-1] > 0.1).all()


@pytest.mark.parametrize("name", LANDSCAPES)
def test_heat_capacities(name: str, runs: Any) -> None:
    """beta^2 Var E, each repeat about its own mean."""
    recorded = energies(runs(name), len(BETAS)).astype(float)
    for number, beta in enumerate(BETAS[:-1]):
        exact = law(name, beta)
        mean = sum(p * energy for energy, p in exact.items())
        truth = beta**2 * sum(p * (energy - mean) ** 2 for energy, p in exact.items())
        assert abs(z_of(beta**2 * ((recorded[:, number] - mean) ** 2).mean(axis=1), truth)) < LARGEST


@pytest.mark.parametrize("name", LANDSCAPES)
def test_ln_g_of_all_temperatures_together(name: str, runs: Any) -> None:
    result, _, attributes = read_result(runs(name) / "result.nc")
    assert attributes["normalisation"] == "absolute"
    visited = result["visited"] == 1
    truth = np.array([np.log(states(name).get(energy, np.nan)) for energy in result["energy"][visited].tolist()])
    error = np.maximum(result["ln_g_error"][visited], 1e-9)
    assert visited.sum() >= 5 and np.abs((result["ln_g"][visited] - truth) / error).max() < LARGEST + 1


def test_an_adapted_ladder_is_rejected_alike(tmp_path: Path) -> None:
    """One repeat on the small lattice; its gap above the ground state makes rejection jump, which equal steps of beta miss."""
    rates = {}
    for spacing in ("linear", "adapted"):
        betas = {"min": 0.0, "max": 1.5, "count": 6, "spacing": spacing}
        run = carry_out(job_of("ising", tmp_path / spacing, betas=betas))
        _, table, attributes = read_result(run / "result.nc")
        rates[spacing] = 1 - table["exchange_acceptance"][:-1]
        assert attributes["communication_barrier"] == pytest.approx(rates[spacing].sum())
    assert np.ptp(rates["adapted"]) < 0.15 < 0.4 < np.ptp(rates["linear"])
    assert rates["adapted"].sum() == pytest.approx(rates["linear"].sum(), rel=0.25)


def upside_down(accepted: Any) -> Any:
    """Exchanges by one over the ratio."""

    def twin(meetings: Any, levels: Any, slots: Any, *rest: Any) -> Any:
        return accepted(meetings, levels, _negated(slots), *rest)

    return twin


class _Negated:
    """A slot whose costs are the negative of the true ones."""

    def __init__(self, slot: Any) -> None:
        self.slot, self.meetings = slot, 0

    def cost(self, position: float) -> float:
        return -float(self.slot.cost(position))


def _negated(slots: Any) -> Any:
    return {number: _Negated(slot) for number, slot in slots.items()}


def wrong_sign(accepted: Any) -> Any:
    """Exchanges by exp((beta_i + beta_j)(E_i - E_j))."""

    def twin(meetings: Any, levels: Any, slots: Any, *rest: Any) -> Any:
        upper = {pair[1] for pair in meetings}
        mixed = {number: _Negated(slot) if number in upper else slot for number, slot in slots.items()}
        return accepted(meetings, levels, mixed, *rest)

    return twin


@pytest.mark.parametrize("twin", [upside_down, wrong_sign])
def test_wrong_exchanges_are_noticed(twin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swap, "_accepted", twin(swap._accepted))
    assert not sound(deviations("perceptron", carry_out(job_of("perceptron", tmp_path))))
