"""Continuous weights at fixed temperatures, through the whole program, against closed forms and quadrature.

Each repeat gives independent numbers: |z| > 5 of 12 repeats (Student, 11 degrees of freedom) happens by chance once in 2,500
cases; seeds are fixed.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate, special

from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.job import Job, make_job
from parallel_landscape.landscapes.smooth_networks import one_hidden_layer, spherical_perceptron
from parallel_landscape.rounds import run_job
from parallel_landscape.store import checkpoint
from parallel_landscape.store.result import read_groups
from parallel_landscape.store.segments import Segment, read_records

F = NDArray[np.float64]
BETAS, REPEATS, LARGEST = [2.0, 1.0, 0.5], 12, 5.0
HMC = {"kind": "hmc", "step": "adapt", "steps": 4, "adapt_rounds": 60, "sweeps_per_round": 2, "pack": 64}
MALA = {"kind": "langevin", "metropolis": True, "step": "adapt", "adapt_rounds": 60, "sweeps_per_round": 10, "pack": 64}
DATA = {"source": "random", "patterns": 4, "kind": "gaussian"}
SMALL = {"model": "one-hidden-layer", "inputs": 2, "hidden": 1, "data": DATA, "prior": 1.0}
SPHERE = {"model": "spherical-perceptron", "inputs": 3, "data": DATA}


def job_of(folder: Path, landscape: dict[str, Any], dynamics: dict[str, Any] = HMC, **changes: Any) -> Job:
    sections: dict[str, Any] = {
        "ensemble": {"kind": "canonical", "betas": BETAS, "equilibration_rounds": 60},
        "production": {"rounds": 300, "record_every_sweeps": dynamics.get("sweeps_per_round", 2)},
        **changes,
    }
    content = {"name": "run", "seed": 3, "landscape": landscape, "dynamics": dynamics, "run": {"repeats": REPEATS}, **sections}
    return make_job(content, folder)


def carry_out(job: Job) -> tuple[dict[str, dict[str, Any]], dict[str, Any], F]:
    """Groups and attributes of the result, and recorded energies (repeats, temperatures, records)."""
    run_job(job, Serial(), quiet=True)
    groups, attributes = read_groups(job.folder / "result.nc")
    generation, _ = checkpoint.newest(job.folder / "checkpoints")
    assert generation is not None
    segments = [Segment(**segment) for segment in generation.about["segments"]]
    energies = read_records(job.folder / "trajectory", segments)["energy"]
    return groups, attributes, energies.reshape(job.run.repeats, len(groups["windows"]["beta"]), -1)


def z_of(values: F, truth: float) -> float:
    return float((values.mean() - truth) / (values.std(ddof=1) / math.sqrt(len(values))))


def training_set(landscape: dict[str, Any]) -> TrainingSet:
    made: list[TrainingSet] = []
    job = make_job({"name": "run", "seed": 3, "landscape": landscape})

    def remember(network: Any) -> TrainingSet:
        made.append(job.training_set(network))
        return made[0]

    job.build_landscape(remember)
    return made[0]


def by_quadrature(beta: float) -> tuple[float, float]:
    """Mean and mean square of the energy of SMALL, three weights, by Gauss-Hermite quadrature of its Gaussian prior."""
    examples = training_set(SMALL)
    landscape = one_hidden_layer(2, 1, lambda network: examples, prior=1.0)
    nodes, weights = special.roots_hermitenorm(60)
    points = np.array(np.meshgrid(nodes, nodes, nodes)).reshape(3, -1).T
    mass = np.prod(np.array(np.meshgrid(weights, weights, weights)).reshape(3, -1), axis=0)
    energies = landscape.energies(points)
    mass = mass * np.exp(-beta * (energies - energies.min()))
    return float((mass @ energies) / mass.sum()), float((mass @ energies**2) / mass.sum())


def on_the_sphere(beta: float, loss: str = "quadratic", kappa: float = 0.0) -> tuple[float, float]:
    """The same of SPHERE: uniform in cos theta and phi."""
    examples = training_set(SPHERE)
    landscape = spherical_perceptron(3, lambda network: examples, loss=loss, kappa=kappa)
    heights, mass = np.polynomial.legendre.leggauss(600)
    angles = np.linspace(0, 2 * np.pi, 1200, endpoint=False)
    height, angle = (part.ravel() for part in np.meshgrid(heights, angles, indexing="ij"))
    radius = np.sqrt(1 - height**2)
    points = math.sqrt(3) * np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)
    energies = landscape.energies(points)
    weight = np.repeat(mass, len(angles)) * np.exp(-beta * energies)
    return float((weight @ energies) / weight.sum()), float((weight @ energies**2) / weight.sum())


def in_a_well(beta: float) -> tuple[float, float]:
    """Of the tilted double well, one weight."""

    def energy(w: float) -> float:
        return 1.0 * (w * w - 1) ** 2 + 0.3 * w

    whole, first, second = (
        integrate.quad(lambda w, power=power: energy(w) ** power * math.exp(-beta * energy(w)), -5, 5)[0] for power in (0, 1, 2)
    )
    return first / whole, second / whole


def gaussian(beta: float) -> tuple[float, float]:
    """E ~ Gamma(3, 1/beta) for six weights."""
    return 3.0 / beta, 12.0 / beta**2


CASES: dict[str, tuple[dict[str, Any], dict[str, Any], Any]] = {
    "network": (SMALL, HMC, by_quadrature),
    "network, MALA": (SMALL, MALA, by_quadrature),
    "sphere": (SPHERE, HMC, on_the_sphere),
    "sphere, MALA": (SPHERE, MALA, on_the_sphere),
    "violations": ({**SPHERE, "loss": "violations"}, HMC, lambda beta: on_the_sphere(beta, "violations")),
    "negative margin": ({**SPHERE, "kappa": -0.5}, HMC, lambda beta: on_the_sphere(beta, "quadratic", -0.5)),
    "double well": ({"model": "double-well", "barrier": 1.0, "tilt": 0.3}, HMC, in_a_well),
    "quadratic": ({"model": "quadratic", "weights": 6, "stiffest": 9.0, "softest": 1.0}, {**HMC, "steps": 8}, gaussian),
    "BAOAB": (
        {"model": "double-well", "barrier": 1.0, "tilt": 0.3},
        {**MALA, "friction": 1.0, "step": 0.2, "sweeps_per_round": 20},
        in_a_well,
    ),
}
QUICK = ("network", "sphere, MALA", "double well", "BAOAB")


@pytest.mark.statistics
@pytest.mark.parametrize("name", [pytest.param(one, marks=[] if one in QUICK else [pytest.mark.slow]) for one in CASES])
def test_corrected_motions_against_exact_averages(name: str, tmp_path: Path) -> None:
    """Mean and mean square of the energy at three temperatures; and health, which is 1."""
    landscape, dynamics, exact = CASES[name]
    groups, attributes, energies = carry_out(job_of(tmp_path, landscape, dynamics))
    assert groups["windows"]["beta"].tolist() == BETAS and attributes["convention"] == "sum"
    for number, beta in enumerate(BETAS):
        for power, truth in enumerate(exact(beta), 1):
            assert abs(z_of((energies[:, number] ** power).mean(axis=1), truth)) < LARGEST, (beta, power)
    table = groups["windows"]
    for health in ("virial", "creutz", "balance", "response"):
        off = (table[health] - 1) / table[f"{health}_error"]
        assert np.all(np.isnan(off) | (np.abs(off) < LARGEST)), (health, off)
    assert np.isnan(table["virial"]).all() == (landscape["model"] == "spherical-perceptron")
    assert (table["divergences"] <= (0.02 if "well" in name else 0) * table["steps"]).all()  # quartic walls punish long steps
    assert (table["exchange_acceptance"][:-1] > 0.2).all()
    truth = np.array([exact(beta)[0] for beta in BETAS])
    assert np.abs((groups["canonical"]["energy_mean"] - truth) / groups["canonical"]["energy_mean_error"]).max() < LARGEST


@pytest.mark.statistics
def test_the_uniform_measure_of_the_sphere_at_beta_0(tmp_path: Path) -> None:
    """On |w|^2 = N = 3 each component is uniform in [-3^(1/2), 3^(1/2)]: mean 0, mean square 1, mean fourth power 9/5."""
    ensemble = {"kind": "canonical", "beta": 0.0, "equilibration_rounds": 20}
    production = {"rounds": 200, "record_every_sweeps": 2, "weights": True}
    job = job_of(
        tmp_path,
        SPHERE,
        {"kind": "hmc", "lengths": [0.5], "steps": 4, "sweeps_per_round": 2, "pack": 64},
        ensemble=ensemble,
        production=production,
    )
    carry_out(job)
    generation, _ = checkpoint.newest(job.folder / "checkpoints")
    assert generation is not None
    segments = [Segment(**segment) for segment in generation.about["segments"]]
    weights = read_records(job.folder / "trajectory", segments)["weights"].reshape(REPEATS, -1, 3)
    np.testing.assert_allclose((weights**2).sum(axis=2), 3.0, rtol=1e-12)
    for component in range(3):
        for power, truth in ((1, 0.0), (2, 1.0), (4, 1.8)):
            assert abs(z_of((weights[:, :, component] ** power).mean(axis=1), truth)) < LARGEST


@pytest.mark.statistics
def test_the_simplified_model_over_two_decades_of_temperature(tmp_path: Path) -> None:
    """<E>/(n T) = b K1(b)/K0(b) with b = 2/T; the variance from the derivative of that; d = 2 (<E> - E_min)/(n T) falls."""
    temperatures = [0.02, 0.05, 0.14, 0.37, 0.75, 2.0]
    landscape = {"model": "pinched", "weights": 20}
    ensemble = {"kind": "canonical", "temperatures": temperatures, "equilibration_rounds": 60}
    groups, _, energies = carry_out(job_of(tmp_path, landscape, {**HMC, "steps": 6}, ensemble=ensemble))
    assert groups["windows"]["beta"].tolist() == pytest.approx([1 / one for one in temperatures])

    def mean(temperature: float) -> float:
        b = 2 / temperature
        return 20 * temperature * b * special.k1e(b) / special.k0e(b)

    dimensions = []
    for number, temperature in enumerate(temperatures):
        small = 1e-4 * temperature
        variance = temperature**2 * (mean(temperature + small) - mean(temperature - small)) / (2 * small)
        assert abs(z_of(energies[:, number].mean(axis=1), mean(temperature))) < LARGEST
        assert abs(z_of(((energies[:, number] - mean(temperature)) ** 2).mean(axis=1), variance)) < LARGEST
        dimensions.append(2 * (energies[:, number].mean() - 40) / (20 * temperature))
    assert dimensions[0] == pytest.approx(0.9975, abs=0.05) and dimensions[4] < 0.93


@pytest.mark.statistics
def test_unadjusted_langevin_is_biased_and_its_health_says_so(tmp_path: Path) -> None:
    """Of one curvature k the mean energy is T / (2 (1 - eta k / 2)) exactly: at eta = 1/2 a third too much, as the virial."""
    dynamics = {"kind": "langevin", "metropolis": False, "step": 0.5, "sweeps_per_round": 20}
    ensemble = {"kind": "canonical", "beta": 1.0, "equilibration_rounds": 20}
    landscape = {"model": "quadratic", "weights": 4, "stiffest": 1.0}
    groups, attributes, energies = carry_out(job_of(tmp_path, landscape, dynamics, ensemble=ensemble))
    assert abs(z_of(energies[:, 0].mean(axis=1), 2.0 / 0.75)) < LARGEST < abs(z_of(energies[:, 0].mean(axis=1), 2.0))
    assert attributes["status"] == "not in equilibrium" and "virial 1.33" in attributes["reason"]
    assert groups["windows"]["virial"][0] == pytest.approx(4 / 3, abs=0.03)


@pytest.mark.statistics
def test_a_run_that_begins_far_off_says_so(tmp_path: Path) -> None:
    """A flat prior direction that has not spread yet: the virial is far below 1, and the energy still moves."""
    dynamics = {"kind": "hmc", "lengths": [0.05], "steps": 2, "sweeps_per_round": 1}
    landscape = {"model": "quadratic", "weights": 30, "stiffest": 1e-3}
    ensemble = {"kind": "canonical", "beta": 1.0, "equilibration_rounds": 1}
    _, attributes, _ = carry_out(job_of(tmp_path, landscape, dynamics, ensemble=ensemble))
    assert attributes["status"] in ("not equilibrated", "not in equilibrium")
