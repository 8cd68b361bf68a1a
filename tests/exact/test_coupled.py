"""Coupled replicas against the sum over all 2^(y N) states: energies, overlaps, the distribution of the centre's distance.

16 repeats are 16 independent numbers, so that |z| > 5 happens by chance in 1 of 6,000 cases (Student, 15 degrees of freedom);
seeds are fixed. Each mistake that a twin makes on purpose must break that limit.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from parallel_landscape.driver.rounds import run_job
from parallel_landscape.dynamics.pull import Pulled
from parallel_landscape.ensembles import coupled
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.job.job import Job, make_job
from parallel_landscape.network import Network
from parallel_landscape.phases import couple
from parallel_landscape.phases.couple import Coupling, weights_of
from parallel_landscape.sampler import Sampler
from parallel_landscape.store import checkpoint
from parallel_landscape.store.result import read_result
from parallel_landscape.store.segments import Segment, read_records

N, P, REPEATS, LARGEST = 7, 9, 16, 5.0
BETAS = [0.4, 0.9]
GAMMAS = {"star": [0.2, 0.6], "pairwise": [0.3, 1.2], "distance": [1.0, 4.0], "reference": [0.2, 0.8]}
CASES = [("star", 2), ("star", 3), ("pairwise", 2), ("pairwise", 3), ("distance", 2), ("distance", 3), ("reference", 1)]
REFERENCE = np.array([1, 1, -1, 1, -1, -1, 1])
Real = NDArray[np.float64]


def job_of(form: str, replicas: int, folder: Path, **changes: Any) -> Job:
    np.save(folder / "reference.npy", REFERENCE)
    ensemble = {
        "kind": "coupled",
        "form": form,
        "replicas": replicas,
        "beta": BETAS,
        "gamma": GAMMAS[form],
        "equilibration_rounds": 40,
        **({"reference": "reference.npy"} if form == "reference" else {}),
    }
    content = {
        "name": "run",
        "seed": 3,
        "landscape": {"model": "binary-perceptron", "inputs": N, "data": {"source": "random", "patterns": P}},
        "ensemble": ensemble,
        "production": {"rounds": 1000, "record_every_sweeps": 2},
        "run": {"repeats": REPEATS},
        **changes,
    }
    return make_job(content, folder)


VECTORS = 1 - 2 * ((np.arange(2**N)[:, None] >> np.arange(N)) & 1)
Q = VECTORS @ VECTORS.T


@cache
def energies() -> NDArray[np.int64]:
    """Of every vector; does not depend on the coupling."""
    job = make_job({"name": "x", "seed": 3, "landscape": {
        "model": "binary-perceptron", "inputs": N, "data": {"source": "random", "patterns": P}}})  # fmt: skip
    examples = job.training_set(Network((N, 1)))
    outputs = np.where(VECTORS @ examples.patterns.T >= 0, 1, -1)
    return (outputs != examples.labels[:, 0]).sum(axis=1)


@cache
def exact(form: str, replicas: int, group: int) -> dict[str, Any]:
    """Mean energy and overlap, and the law of the distance to the centre (star, reference) or to the majority (y odd)."""
    gamma, beta, size = GAMMAS[form][group], BETAS[group], 2**N
    boltzmann = np.exp(-beta * energies())
    if form in ("star", "reference"):
        centres = Q if form == "star" else (VECTORS @ REFERENCE)[:, None]  # (w, c)
        given = boltzmann[:, None] * np.exp(gamma * centres)
        z = given.sum(axis=0)
        weight = z**replicas / (z**replicas).sum()  # of each centre
        one = given / z
        mean = VECTORS.T @ one
        law = np.zeros(N + 1)
        np.add.at(law, (N - centres) // 2, one * weight)
        return {"energy": weight @ (energies() @ one), "overlap": weight @ (mean**2).sum(axis=0) / N, "law": law}
    shape = np.ix_(*[range(size)] * replicas)
    dots = {(a, b): Q[shape[a], shape[b]] for a in range(replicas) for b in range(a)}
    pairs = sum(dots.values())
    if form == "pairwise":
        exponent = gamma / replicas * pairs
    else:
        squared = replicas * N + 2 * pairs  # S.S
        own = [N + sum(dot for pair, dot in dots.items() if a in pair) for a in range(replicas)]  # w_a.S
        exponent = (
            -gamma / replicas * sum(np.sqrt(np.maximum(0, N - 2 * dot / replicas + squared / replicas**2)) for dot in own)
        )
    weight = np.exp(exponent)
    for a in range(replicas):
        weight = weight * boltzmann[shape[a]]
    weight = weight / weight.sum()
    found = {"energy": float((weight * energies()[shape[0]]).sum()), "overlap": float((weight * dots[1, 0]).sum() / N)}
    if replicas == 3:
        index = (shape[0] & shape[1]) | (shape[0] & shape[2]) | (shape[1] & shape[2])  # bit by bit, the majority
        law = np.zeros(N + 1)
        np.add.at(law, (N - Q[np.broadcast_to(shape[0], index.shape), index]) // 2, weight)
        found["law"] = law
        found["centre"] = float((weight * energies()[index]).sum())
    return found


def carry_out(job: Job) -> Path:
    run_job(job, Serial(), quiet=True)
    return job.folder


def records_of(run: Path, replicas: int) -> dict[str, Any]:
    """Columns (repeats, groups, replicas, records)."""
    generation, _ = checkpoint.newest(run / "checkpoints")
    assert generation is not None
    records = read_records(run / "trajectory", [Segment(**segment) for segment in generation.about["segments"]])
    return {name: column.reshape(REPEATS, 2, replicas, -1) for name, column in records.items()}


def z_of(values: Real, truth: float) -> float:
    """Of the mean of independent values."""
    error = values.std(ddof=1) / math.sqrt(len(values))
    return float((values.mean() - truth) / error) if error > 0 else 0.0


def deviations(form: str, replicas: int, run: Path) -> dict[str, list[float]]:
    """z of everything that is known exactly."""
    found: dict[str, list[float]] = {}
    records = records_of(run, replicas)
    for group in (0, 1):
        truth = exact(form, replicas, group)
        here = {name: column[:, group].reshape(REPEATS, -1) for name, column in records.items()}
        found.setdefault("energy", []).append(z_of(here["energy"].mean(axis=1), truth["energy"]))
        if replicas > 1:
            found.setdefault("overlap", []).append(z_of(here["overlap"].mean(axis=1), truth["overlap"]))
        if "centre" in truth:
            found.setdefault("centre energy", []).append(z_of(here["centre-energy"].mean(axis=1), truth["centre"]))
        distance = np.rint(N * (1 - here["centre-overlap"]) / 2)
        for d, probability in enumerate(truth.get("law", [])):
            if probability > 0.005:
                found.setdefault("law", []).append(z_of((distance == d).mean(axis=1), probability))
    return found


def worst(z: dict[str, list[float]]) -> float:
    return max(abs(one) for of_one in z.values() for one in of_one)


@pytest.mark.parametrize(("form", "replicas"), CASES)
def test_coupled_replicas_have_their_law(form: str, replicas: int, tmp_path: Path) -> None:
    run = carry_out(job_of(form, replicas, tmp_path))
    z = deviations(form, replicas, run)
    assert ("law" in z) == (form in ("star", "reference") or replicas == 3)
    assert worst(z) < LARGEST, z
    _, table, attributes = read_result(run / "result.nc")
    assert attributes["status"] == "converged" and attributes["coupling"] == form
    for group in (0, 1):
        error = table["energy_mean_error"][group]
        assert abs(table["energy_mean"][group] - exact(form, replicas, group)["energy"]) < 4.5 * error < 0.4
    assert table["gamma"].tolist() == GAMMAS[form] and 0.05 < table["exchange_acceptance"][0] < 0.99


@pytest.mark.parametrize("replicas", [2, 5])
def test_identities_of_free_weights(replicas: int, tmp_path: Path) -> None:
    """At beta = 0: <w_a.w_c>/N = tanh gamma and <w_a.w_b>/N = tanh(gamma)^2 for any y; 3,000 looks at 51 weights and more."""
    gammas = [0.2, 0.5, 1.0]
    content = {
        "name": "run",
        "seed": 5,
        "landscape": {"model": "binary-perceptron", "inputs": 51, "data": {"source": "random", "patterns": 9}},
        "ensemble": {"kind": "coupled", "replicas": replicas, "beta": 0.0, "gamma": gammas, "equilibration_rounds": 30},
        "production": {"rounds": 3000, "record_every_sweeps": 1},
    }
    run = carry_out(make_job(content, tmp_path))
    _, table, _ = read_result(run / "result.nc")
    assert np.abs(table["centre_overlap"] - np.tanh(gammas)).max() < 0.01
    assert np.abs(table["overlap"] - np.tanh(gammas) ** 2).max() < 0.01


def test_tables_of_the_star() -> None:
    for gamma, replicas in ((0.3, 2), (-2.0, 5), (40.0, 3)):
        s = np.arange(-replicas, replicas + 1)
        np.testing.assert_allclose(
            coupled.chances(gamma, replicas), 1 / (1 + np.exp(np.clip(-2 * gamma * s, -700, 700))), atol=1e-15
        )
        np.testing.assert_allclose(coupled.summed_out(gamma, replicas), np.logaddexp(gamma * s, -gamma * s), atol=1e-13)


def stale_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    """All replicas move at once in the field of the others, as it was when the round began."""
    known: dict[str, Coupling] = {}

    def fields(self: Coupling, rows: set[int], seed: int, number: int) -> dict[int, Real]:
        known["coupling"] = self
        assert self.sums is not None
        return {row: self.sums[row].astype(float) for row in rows}

    advance = Sampler.advance_pulled

    def stale(self: Sampler, slot: Any, weight: Pulled, purpose: Any, steps: int) -> None:
        if not known:  # compiling
            return advance(self, slot, weight, purpose, steps)
        coupling = known["coupling"]
        gamma = coupling.gammas[coupling.layout.place(slot.number).window]
        field = gamma / coupling.layout.walkers * (weight.field - weights_of(self, slot))
        advance(self, slot, weight._replace(field=field), purpose, steps)

    monkeypatch.setattr(Coupling, "_fields", fields)
    monkeypatch.setattr(Sampler, "advance_pulled", stale)


def unnormalised(monkeypatch: pytest.MonkeyPatch) -> None:
    """The noise of the field does not have variance 1."""
    monkeypatch.setattr(coupled, "draw_field", lambda sums, scale, draws: scale * (sums + draws.standard_normal(len(sums))))


def wrong_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups exchange gamma by one over the ratio."""
    ln_weight = Coupling._ln_weight
    monkeypatch.setattr(Coupling, "_ln_weight", lambda *arguments: -ln_weight(*arguments))


def old_centre(monkeypatch: pytest.MonkeyPatch) -> None:
    """The centre is the majority, not drawn."""
    monkeypatch.setattr(coupled, "draw_centre", lambda sums, chance, draws: coupled.majority(sums, lambda: draws))


@pytest.mark.parametrize(
    ("form", "replicas", "twin"),
    [("pairwise", 3, stale_sums), ("pairwise", 2, unnormalised), ("pairwise", 3, wrong_sign), ("star", 3, wrong_sign),
     ("star", 3, old_centre), ("distance", 2, wrong_sign)],
)  # fmt: skip
def test_wrong_twins_are_noticed(form: str, replicas: int, twin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    twin(monkeypatch)
    assert worst(deviations(form, replicas, carry_out(job_of(form, replicas, tmp_path)))) > LARGEST


def test_replicas_at_one_site_each_do_not_share_bytes() -> None:
    """255 members of a group fill a byte and do not run over."""
    flags = {member: (1, np.array([True, False, True])) for member in range(255)}
    counts, integers = couple.add_bytes(flags, np.array([3, -4]), 3, Serial())
    assert counts.tolist() == [[0, 0, 0], [255, 0, 255]] and integers.tolist() == [3, -4]
