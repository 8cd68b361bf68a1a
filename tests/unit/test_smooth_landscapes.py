"""Landscapes of continuous weights: gradients, the networks they say they are, units, a user's own, and mistakes in jobs."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w

from parallel_landscape.check import LandscapeError
from parallel_landscape.check_gradient import check_smooth
from parallel_landscape.cli import main
from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.driver.fit import check_fit
from parallel_landscape.errors import JobError
from parallel_landscape.job.job import make_job
from parallel_landscape.landscapes.smooth_networks import mlp, one_hidden_layer, spherical_perceptron
from parallel_landscape.landscapes.toys import double_well, pinched, quadratic
from parallel_landscape.smooth import F, SmoothLandscape
from parallel_landscape.smooth_sampler import function_digest
from parallel_landscape.store.result import read_groups

P = 7


def examples(network: Any) -> TrainingSet:
    rng = np.random.default_rng(4)
    return TrainingSet(rng.standard_normal((P, network.inputs)), (2 * rng.integers(0, 2, (P, 1)) - 1).astype(np.int8))


LOSSES = ("hinge", "quadratic", "cross-entropy", "square")
ACTIVATIONS = ("tanh", "erf", "relu")
MADE: dict[str, Callable[[], SmoothLandscape]] = {
    "quadratic": lambda: quadratic(weights=3, stiffest=4.0, softest=0.1, flat=2, prior=0.3),
    "double-well": lambda: double_well(weights=2, tilt=0.5),
    "pinched": lambda: pinched(weights=3, depth=0.4),
    "on a sphere": lambda: one_hidden_layer(4, 2, examples, sphere=True),
}
for loss, kappa in itertools.product(LOSSES, (-0.5, 0.3)):
    MADE[f"perceptron {loss} {kappa}"] = partial(spherical_perceptron, 5, examples, loss=loss, kappa=kappa)
for activation, loss, output, tree in itertools.product(ACTIVATIONS, LOSSES, ("trained", "halves", "ones"), (False, True)):
    MADE[f"{activation} {loss} {output} {tree}"] = partial(
        *(one_hidden_layer, 6, 2, examples),
        tree=tree,
        activation=activation,
        output=output,
        squash=tree,
        loss=loss,
        margin=0.2,
        gain=0.8,
        convention="mean" if tree else "sum",
        decay=0.02,
    )
for layers, activation in itertools.product([(4, 3, 1), (5, 4, 3, 1), (5, 3, 4, 2, 1)], ACTIVATIONS):
    MADE[f"mlp {layers} {activation}"] = partial(mlp, list(layers), examples, activation=activation)


@pytest.mark.parametrize("name", MADE)
def test_every_landscape_keeps_its_promises(name: str) -> None:
    """Gradients against differences, rows on their own, energies alone the same."""
    check_smooth(MADE[name](), points=1)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("tree", [False, True])
def test_a_network_with_one_layer_written_out(tree: bool, activation: str) -> None:
    """By loops, as the formula of a tree committee has it: one half of the units +1, the other -1."""
    from scipy.special import erf

    sigma = {"tanh": np.tanh, "erf": lambda h: erf(h / np.sqrt(2)), "relu": lambda h: np.maximum(h, 0)}[activation]
    landscape = one_hidden_layer(
        6, 2, examples, tree=tree, activation=activation, output="halves", convention="mean", decay=0.03, gain=0.5
    )
    rng = np.random.default_rng(1)
    weights = rng.standard_normal((3, landscape.size))
    training_set = examples(landscape.network)
    for row, energy, stabilities in zip(
        weights, *(f(weights) for f in (landscape.energies, landscape.stabilities)), strict=True
    ):
        total = 0.0
        for x, y, found in zip(training_set.patterns, training_set.labels[:, 0], stabilities, strict=True):
            seen = x.reshape(2, 3) if tree else np.tile(x, (2, 1))
            fields = (row.reshape(2, -1) * seen).sum(axis=1) / np.sqrt(seen.shape[1])
            stability = y * (sigma(fields[0]) - sigma(fields[1])) / np.sqrt(2)
            assert found == pytest.approx(stability)
            total += np.log1p(np.exp(-stability))
        assert energy == pytest.approx(total / P + 0.03 * (row @ row))


@pytest.mark.parametrize("loss", ["violations", *LOSSES])
def test_losses_written_out(loss: str) -> None:
    landscape = spherical_perceptron(4, examples, loss=loss, kappa=0.4, gain=0.7)
    weights = np.random.default_rng(2).standard_normal((3, 4))
    t = landscape.stabilities(weights)
    z = 0.4 - t
    written = {
        "violations": z > 0,
        "hinge": np.maximum(z, 0),
        "quadratic": np.maximum(z, 0) ** 2,
        "cross-entropy": np.log(1 + np.exp(1.4 * z)) / 1.4,
        "square": (1 - t) ** 2,
    }[loss]
    np.testing.assert_allclose(landscape.energy_gradient(weights)[0], written.sum(axis=1), rtol=1e-12)


def test_float32_is_near_float64() -> None:
    fine, coarse = (mlp([9, 5, 4, 1], examples, precision=precision) for precision in ("float64", "float32"))
    weights = np.random.default_rng(3).standard_normal((4, fine.size))
    for one, other in zip(fine.energy_gradient(weights), coarse.energy_gradient(weights), strict=True):
        assert other.dtype == np.float64 and not np.array_equal(one, other)
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize(("output", "activation"), [("trained", "tanh"), ("trained", "relu"), ("halves", "erf")])
def test_units_may_change_places_and_turn_over(output: str, activation: str) -> None:
    landscape = one_hidden_layer(5, 4, examples, output=output, activation=activation)
    (units,) = landscape.units
    weights = np.random.default_rng(5).standard_normal((1, landscape.size))
    energy = landscape.energies(weights)[0]
    first = np.flatnonzero(units.groups == units.groups[0])[:2]
    swapped = weights.copy()
    swapped[:, units.members[first]] = weights[:, units.members[first[::-1]]]
    assert landscape.energies(swapped)[0] == pytest.approx(energy) and not np.array_equal(swapped, weights)
    assert (units.flips is not None) == (output == "trained" and activation == "tanh")
    if units.flips is not None:
        turned = weights.copy()
        turned[:, units.members[2]] *= units.flips
        assert landscape.energies(turned)[0] == pytest.approx(energy)


def test_a_digest_knows_data_and_code() -> None:
    one, same = (spherical_perceptron(5, examples).energy_gradient for _ in range(2))
    loss = spherical_perceptron(5, examples, loss="hinge").energy_gradient
    kappa = spherical_perceptron(5, examples, kappa=0.1).energy_gradient
    data = spherical_perceptron(5, lambda network: examples(network)._replace(patterns=np.ones((P, 5)))).energy_gradient
    assert function_digest(one) == function_digest(same)
    assert len({function_digest(function) for function in (one, loss, kappa, data)}) == 4


def wrong_gradient(points: F) -> tuple[F, F]:
    return (points**2).sum(axis=1), points


def looks_aside(points: F) -> tuple[F, F]:
    mean = points.mean()
    return ((points - mean) ** 2).sum(axis=1), 2 * (points - mean)


GOOD = quadratic(weights=3)


@pytest.mark.parametrize(
    ("landscape", "words"),
    [
        (replace(GOOD, energy_gradient=wrong_gradient), "the gradient disagrees"),
        (replace(GOOD, energy_gradient=looks_aside), "rows must not look"),
        (replace(GOOD, energy_gradient=lambda points: points.sum(axis=1)), "returned a ndarray"),
        (replace(GOOD, energy_gradient=lambda points: (points.sum(axis=1), points[:, :2])), "gradients of float64 (3, 2)"),
        (replace(GOOD, energy_gradient=lambda points: (points.sum(axis=1) * np.nan, points)), "not finite"),
        (replace(GOOD, initial=lambda rng: np.ones(2)), "initial returned shape (2,)"),
        (replace(GOOD, sphere=-1.0), "sphere = -1.0"),
        (replace(GOOD, energy=lambda points: points.sum(axis=1)), "energy gives"),
        (replace(GOOD, observables={"x": lambda points: points}), "observable 'x' returned shape (3, 3)"),
    ],
)
def test_broken_promises_are_named(landscape: SmoothLandscape, words: str) -> None:
    with pytest.raises(LandscapeError) as caught:
        check_smooth(landscape)
    assert words in str(caught.value)


CONTENT: dict[str, Any] = {
    "name": "run",
    "seed": 1,
    "landscape": {"model": "quadratic", "weights": 3},
    "dynamics": {"kind": "hmc", "step": 0.5},
    "ensemble": {"kind": "canonical", "betas": [2.0, 1.0], "equilibration_rounds": 5},
    "production": {"rounds": 20},
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dynamics": {"kind": "flip"}}, '"quadratic" has continuous weights'),
        ({"landscape": {"model": "ising-2d", "length": 4}}, 'given "hmc", which does not move "ising-2d"; use "flip"'),
        ({"ensemble": {"kind": "wang-landau"}}, "bin_width, bins: give one of them"),
        ({"ensemble": {"kind": "joint", "coordinate": "magnetisation"}}, "continuous weights are sampled with [ensemble] kind"),
        ({"dynamics": {"kind": "hmc"}}, "step, lengths: give one of them"),
        ({"dynamics": {"kind": "hmc", "lengths": [1.0]}}, "given 1; one for each of the 2 temperatures"),
        ({"dynamics": {"kind": "langevin", "metropolis": False, "step": "adapt"}}, '"adapt" needs metropolis = true'),
        ({"dynamics": {"kind": "langevin", "step": 0.1}}, "metropolis: this key is required"),
        ({"ensemble": {"betas": [1.0, 0.0]}}, "without a positive temperature"),
        ({"ensemble": {"betas": None, "temperatures": [1.0, 0.0]}}, "temperatures are above 0"),
        ({"production": {"observables": ["norm-square"]}}, "did you mean 'norm-squared'?"),
        ({"production": {"observables": ["training-error"]}}, "it needs a landscape with patterns"),
        ({"landscape": {"flat": 2}}, "flat directions have no equilibrium"),
    ],
)
def test_mistakes_in_jobs_are_sentences(changes: dict[str, dict[str, Any]], words: str, tmp_path: Path) -> None:
    content = {**CONTENT, **{key: {**CONTENT[key], **value} for key, value in changes.items()}}
    for key in ("dynamics", "landscape", "ensemble"):
        if {"kind", "model"} & set(changes.get(key, {})):
            content[key] = changes[key]
    content["ensemble"] = {key: value for key, value in content["ensemble"].items() if value is not None}
    (tmp_path / "job.toml").write_text(tomli_w.dumps(content))
    said = _mistakes(content, tmp_path)
    assert any(words in sentence for sentence in said), said


def _mistakes(content: dict[str, Any], folder: Path) -> tuple[str, ...]:
    from parallel_landscape.driver.shared_data import SharedData
    from parallel_landscape.exchange.comm import Serial

    with pytest.raises(JobError) as caught:
        job = make_job(content, folder)
        data = SharedData(job, Serial())
        check_fit(job, job.build_landscape(data), 1, data)
    return tuple(caught.value.mistakes)


OWN = '''
"""A rotor in a field, with an observable."""
import numpy as np
import parallel_landscape as pl

def landscape(*, field: float = 1.0) -> pl.SmoothLandscape:
    def energy_gradient(w):
        return -field * np.cos(w).sum(axis=1), field * np.sin(w)

    def order(w):
        """Mean cosine."""
        return np.cos(w).mean(axis=1)

    return pl.SmoothLandscape(
        size=2, energy_gradient=energy_gradient, initial=lambda rng: rng.uniform(-np.pi, np.pi, 2), observables={"order": order}
    )
'''


def test_a_users_own_landscape_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """<cos w> = I1(b)/I0(b); health is printed, `check` and `status` say what there is to say."""
    from scipy.special import i0, i1

    (tmp_path / "rotor.py").write_text(OWN)
    production = {"rounds": 300, "record_every_sweeps": 5, "observables": ["order"]}
    content = {**CONTENT, "landscape": {"model": "rotor:landscape", "field": 1.5}, "production": production}
    (tmp_path / "job.toml").write_text(tomli_w.dumps(content))
    assert main(["check", str(tmp_path / "job.toml")]) == 0
    assert "2, continuous" in capsys.readouterr().out
    assert main(["run", str(tmp_path / "job.toml"), "-n", "1", "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert "virial" in printed and "creutz" in printed and "response" in printed
    groups, attributes = read_groups(tmp_path / "runs" / "run" / "result.nc")
    canonical = groups["canonical"]
    truth = i1(1.5 * canonical["beta"]) / i0(1.5 * canonical["beta"])
    assert np.abs((canonical["order"] - truth) / canonical["order_error"]).max() < 5
    np.testing.assert_allclose(canonical["energy_mean"], -3.0 * canonical["order"], rtol=0.05)
    assert main(["status", str(tmp_path / "runs" / "run")]) == 0
    assert "virial" in capsys.readouterr().out and attributes["weights"] == "continuous"
    for command in ("analyze", "report"):
        assert main([command, str(tmp_path / "runs" / "run")]) == 0
    assert "⟨order⟩" in (tmp_path / "runs" / "run" / "report.html").read_text(encoding="utf-8")


def test_a_walker_that_runs_away_stops_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dynamics = {"kind": "langevin", "metropolis": False, "step": 5.0}
    landscape = {"model": "double-well", "weights": 2}
    (tmp_path / "job.toml").write_text(tomli_w.dumps({**CONTENT, "landscape": landscape, "dynamics": dynamics}))
    assert main(["run", str(tmp_path / "job.toml"), "-n", "1", "--quiet"]) == 1
    said = capsys.readouterr().err
    assert "has run away" in said and "Traceback" not in said
