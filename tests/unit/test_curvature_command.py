"""`pland curvature`: spectra that are known exactly, what it writes, what it refuses."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray

from parallel_landscape.cli import main
from parallel_landscape.commands.curvature import How, curvatures, find_curvature
from parallel_landscape.commands.path_runs import read_samples
from parallel_landscape.driver.rounds import run_job
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.job.job import make_job
from parallel_landscape.store.curvature_schema import CURVATURE

SAMPLER = """
seed = 1

[dynamics]
kind = "hmc"
step = 0.1
steps = 5
sweeps_per_round = 5

[ensemble]
kind = "canonical"
temperatures = [0.1, 0.4]
equilibration_rounds = 3

[exchange]
walkers_per_temperature = 2

[production]
rounds = 8
record_every_sweeps = 5
weights = true
"""
RANDOM = {"source": "random", "kind": "gaussian", "patterns": 30}
SPHERE = {"model": "spherical-perceptron", "inputs": 20, "kappa": 0.3, "loss": "quadratic", "data": RANDOM}


def ran(folder: Path, name: str, landscape: dict[str, Any], **sections: Any) -> Path:
    job = make_job({**tomllib.loads(SAMPLER), "name": name, "landscape": landscape, **sections}, folder)
    run_job(job, Serial(), quiet=True)
    return job.folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("curvature")
    bowl = {"model": "quadratic", "weights": 12, "stiffest": 4.0, "softest": 0.5, "flat": 3, "prior": 0.5}
    return {"bowl": ran(folder, "bowl", bowl), "sphere": ran(folder, "sphere", SPHERE)}


def test_a_bowl_has_the_curvatures_that_it_was_given(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Exactly: random signs give the trace of a diagonal matrix without an error. At T = 0.1 and 0.4, with prior 0.5."""
    assert main(["curvature", str(runs["bowl"]), "--largest", "5", "--times", "3"]) == 0
    shown = capsys.readouterr().out
    known = np.array([*np.geomspace(4.0, 0.5, 12), 0.0, 0.0, 0.0])
    with xarray.open_dataset(runs["bowl"] / "curvature.nc") as data:
        assert data.sizes == {"window": 2, "sample": 6, "rank": 5} and set(data.data_vars) | set(data.coords) == set(CURVATURE)
        np.testing.assert_allclose(data.beta, [10, 2.5])
        np.testing.assert_allclose(data.cut, [0.05, 0.2])
        np.testing.assert_allclose(data.eigenvalue, np.broadcast_to(known[:5], (2, 6, 5)), rtol=1e-6)
        np.testing.assert_allclose(data.sample_trace, known.sum(), rtol=1e-6)
        for place, cut in enumerate((0.05, 0.2)):
            np.testing.assert_allclose(data.sample_directions[place], (known / (known + cut)).sum(), rtol=1e-5)
            assert float(data.directions[place]) != pytest.approx((known / (known + cut / 0.5)).sum(), rel=0.01)  # no prior
        np.testing.assert_allclose(data.participation, known.sum() ** 2 / (known**2).sum(), rtol=1e-6)
        np.testing.assert_allclose(
            data.energy[0, :3], read_samples(runs["bowl"], 3).energies(read_samples(runs["bowl"], 3).weights[0])
        )
        assert data.trace.attrs["long_name"] and float(data.trace_error.max()) < 1e-5
    assert f"{known.sum():.5g}" in shown and "over chains" in shown and "curvature.nc" in shown


def test_on_a_sphere_the_hessian_is_that_of_the_sphere(runs: dict[str, Path]) -> None:
    """Against 2 sum over patterns short of kappa of x x^T / N, seen along the sphere, less the radial slope w.grad E / N.

    Largest eigenvalues to 1e-4; the trace over many vectors within 5 standard errors (false alarms 6e-7). The twin leaves the
    radial slope out.
    """
    samples = read_samples(runs["sphere"], 2)
    weights, size = samples.weights.reshape(-1, 20), 20
    found = curvatures(samples.landscape, weights, 0.1, How(top=4, probes=64, steps=20))
    data = samples.job.training_set(samples.landscape.network)
    rows = data.patterns * data.labels.reshape(-1, 1) / math.sqrt(size)
    far = []
    for place, w in enumerate(weights):
        short = np.maximum(0.3 - rows @ w, 0.0)
        flat = 2 * rows[short > 0].T @ rows[short > 0]
        along = np.eye(size) - np.outer(w, w) / size
        radial = float(w @ (-2 * rows.T @ short)) / size
        exact, twin = (along @ flat @ along - shift * along for shift in (radial, 0.0))
        known = np.sort(np.linalg.eigvalsh(exact))[::-1]
        np.testing.assert_allclose(found["eigenvalue"][place], known[:4], rtol=1e-4)
        assert abs(found["sample_trace"][place] - np.trace(exact)) < 5 * found["sample_trace_error"][place]
        far.append(abs(np.linalg.eigvalsh(twin)[-1] / known[0] - 1))
    assert max(far) > 3e-3
    assert find_curvature(runs["sphere"], how=How(times=1))[1]["cut"] == pytest.approx(
        [0.1, 0.4]
    )  # variance 1 in each direction


def test_the_same_bits_again_and_of_chosen_temperatures(runs: dict[str, Path], tmp_path: Path) -> None:
    for name, windows in (("all", None), ("again", None), ("hot", [1])):
        find_curvature(runs["sphere"], tmp_path / f"{name}.nc", windows, How(times=2, top=3, cut=0.7))
    assert (tmp_path / "all.nc").read_bytes() == (tmp_path / "again.nc").read_bytes()
    with xarray.open_dataset(tmp_path / "all.nc") as all_, xarray.open_dataset(tmp_path / "hot.nc") as hot:
        assert hot.window.values.tolist() == [1] and float(hot.cut[0]) == 0.7
        np.testing.assert_array_equal(hot.eigenvalue[0], all_.eigenvalue[1])


def test_what_has_no_curvature_is_refused(tmp_path: Path, runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    hinge = ran(tmp_path, "hinge", {**SPHERE, "loss": "hinge"})
    bare = ran(tmp_path, "bare", SPHERE, production={"rounds": 2})
    for arguments, words in (
        ([str(hinge)], "steps and kinks"),
        ([str(bare)], "recorded no weights"),
        ([str(tmp_path)], str(tmp_path)),
        ([str(runs["bowl"]), "--windows", "0", "7"], "--windows 7"),
        ([str(runs["bowl"]), "--times", "0", "--cut", "-1", "--output", str(tmp_path / "no" / "x.txt")], "4 mistakes"),
    ):
        assert main(["curvature", *arguments]) == 2
        shown = capsys.readouterr()
        assert words in shown.err and "Traceback" not in shown.err and not shown.out
