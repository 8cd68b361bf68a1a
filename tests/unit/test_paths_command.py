"""`pland paths` and `pland ratchet` on small runs: what they write, what they refuse."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
import xarray

from parallel_landscape.cli import main
from parallel_landscape.commands.path_runs import read_samples
from parallel_landscape.driver.rounds import run_job
from parallel_landscape.driver.stopping import handlers_kept
from parallel_landscape.errors import RunError
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.job.job import make_job
from parallel_landscape.store.catalogue import read_catalogue
from parallel_landscape.store.segments import read_records
from parallel_landscape.theory.path import barrier

SIZES = {"group": 1, "ends": 2, "position": 65, "vertices": 2}


def margin_job(name: str, kappa: float, data_seed: int = 1, **production: Any) -> dict[str, Any]:
    return {
        "name": name,
        "seed": 3,
        "landscape": {
            "model": "margin-perceptron",
            "inputs": 20,
            "kappa": kappa,
            "descent": 1000,
            "data": {"source": "random", "kind": "gaussian", "alpha": 1.0, "seed": data_seed},
        },
        "dynamics": {"kind": "rotation", "sweeps_per_round": 50},
        "ensemble": {"kind": "canonical", "beta": math.inf, "equilibration_rounds": 5},
        "exchange": {"kind": "none", "walkers_per_temperature": 3},
        "production": {"rounds": 20, "record_every_sweeps": 50, "weights": True, **production},
    }


def ran(folder: Path, content: dict[str, Any]) -> Path:
    job = make_job(content, folder)
    run_job(job, Serial(), quiet=True)
    return job.folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("paths")
    jobs = [
        margin_job("typical", -0.5),
        margin_job("other", -0.5, data_seed=2),
        margin_job("robust", 0.0),
        margin_job("bare", -0.5, weights=False),
    ]
    made = {job["name"]: ran(folder, job) for job in jobs}
    binary = {
        "name": "binary",
        "seed": 1,
        "landscape": {"model": "binary-perceptron", "inputs": 11, "data": {"source": "random", "patterns": 8}},
        "ensemble": {"kind": "canonical", "beta": 1.0, "equilibration_rounds": 1},
        "dynamics": {"sweeps_per_round": 1},
        "exchange": {"kind": "none"},
        "production": {"rounds": 2, "record_every_sweeps": 1, "weights": True},
    }
    return {**made, "binary": ran(folder, binary)}


def test_what_is_recorded_are_solutions_on_the_sphere(runs: dict[str, Path]) -> None:
    samples = read_samples(runs["typical"], 5)
    assert samples.weights.shape == (3, 5, 20) and samples.patterns == 20
    np.testing.assert_allclose((samples.weights**2).sum(axis=2), 20)
    assert not samples.energies(samples.weights.reshape(-1, 20)).any()


def test_robust_solutions_see_all_others_and_typical_ones_do_not(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "star.nc"
    arguments = ["--reference", str(runs["robust"]), "--output", str(file), "--vertices", "2", "3", "--times", "20"]
    assert main(["paths", str(runs["typical"]), *arguments]) == 0
    shown = capsys.readouterr().out
    assert str(file) in shown and "errors are over chains" in shown and file.with_suffix(".png").stat().st_size > 5000
    with xarray.open_dataset(file, engine="h5netcdf") as data:
        assert data.energy.sel(ends=1).max() == 0 and data.free.sel(ends=1) == 1 and data.barrier.sel(ends=1) == 0
        assert 0 < data.barrier[0, 0] < 0.1 and data.free[0, 0] < 1 and np.isfinite(data.barrier_error[0, 0])
        assert data.energy_theory[0, 0, 32] == pytest.approx(barrier(1.0, -0.5).path_loss)
        assert data.energy[0, 0, [0, -1]].max() == 0 and dict(data.sizes) == SIZES
        assert data.energy.attrs["long_name"] and data.attrs["error_from"] == "chains"


def test_at_margin_zero_nothing_lies_between(runs: dict[str, Path], tmp_path: Path) -> None:
    assert main(["paths", str(runs["robust"]), "--output", str(tmp_path / "a.nc")]) == 0
    with xarray.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as data:
        assert not data.energy.any() and float(data.free[0, 0]) == 1 and not data.energy_theory.any()


def test_runs_that_differ_in_their_data_are_one_group(runs: dict[str, Path], tmp_path: Path) -> None:
    both = [str(runs["typical"]), str(runs["other"]), str(runs["robust"])]
    assert main(["paths", *both, "--output", str(tmp_path / "a.nc")]) == 0
    with xarray.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as data:
        assert data.runs.values.tolist() == [2, 1] and data.kappa.values.tolist() == [-0.5, 0.0]


@pytest.mark.long
def test_every_reference_is_a_row_of_its_own(runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names, many = ["robust", "typical"], tmp_path / "many.nc"
    folders = [str(runs[name]) for name in names]
    assert main(["paths", folders[1], "--reference", *folders, "--output", str(many)]) == 0
    assert "from 0 " in capsys.readouterr().out
    with xarray.open_dataset(many) as table:
        assert table["reference_kappa"].values.tolist() == [0.0, -0.5] and table["runs"].values.tolist() == [1, 1]
        for group, name in enumerate(names):
            alone = tmp_path / f"{name}.nc"
            assert main(["paths", folders[1], "--reference", folders[group], "--output", str(alone)]) == 0
            with xarray.open_dataset(alone) as one:
                assert np.array_equal(table["energy"].values[group], one["energy"].values[0])
        assert not np.array_equal(table["energy"].values[0, 1], table["energy"].values[1, 1])


def test_a_line_may_be_straight(runs: dict[str, Path], tmp_path: Path) -> None:
    assert main(["paths", str(runs["typical"]), "--output", str(tmp_path / "a.nc"), "--line", "straight", "--points", "5"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bare"], "has recorded no weights"),
        (["binary"], "paths need real weights"),
        (["other", "--reference", "robust"], "no --reference has the training set of"),
        (["typical", "--output", "star.txt"], "its name ends with .nc"),
        (["typical", "--points", "2", "--times", "0", "--vertices", "1"], "3 mistakes"),
        (["typical", "--output", "nowhere/a.nc"], "make it first"),
    ],
)
def test_mistakes_are_explained(
    arguments: list[str], message: str, runs: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["paths", *(str(runs.get(word, word)) for word in arguments)]) == 2
    assert message in capsys.readouterr().err


def test_a_folder_that_is_none_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paths", str(tmp_path)]) == 2 and "not a run folder" in capsys.readouterr().err


def test_no_solutions_are_no_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A walker that has not come down when production begins ends the run; nothing wrong is recorded."""
    content = margin_job("none", 3.0)
    content["ensemble"]["equilibration_rounds"] = 1
    (tmp_path / "none.toml").write_text(tomli_w.dumps(content))
    with handlers_kept():
        assert main(["run", str(tmp_path / "none.toml"), "-n", "1", "--quiet"]) == 1
    assert "beta = inf allows 0 alone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dynamics": {"kind": "flip"}}, 'use "rotation" or "great-circle"'),
        ({"ensemble": {"kind": "canonical", "beta": math.nan, "equilibration_rounds": 1}}, "allowed are numbers, and inf"),
    ],
)
def test_mistakes_in_a_job_on_the_sphere(
    change: dict[str, Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "job.toml").write_text(tomli_w.dumps({**margin_job("x", -0.5), **change}))
    assert main(["check", str(tmp_path / "job.toml")]) == 2 and message in capsys.readouterr().err


def test_infinite_beta_needs_moves_that_come_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = margin_job("x", -0.5)
    content["landscape"] = {"model": "ising-2d", "length": 4}
    content["dynamics"] = {}
    (tmp_path / "job.toml").write_text(tomli_w.dumps(content))
    assert main(["check", str(tmp_path / "job.toml")]) == 2 and "inf needs moves" in capsys.readouterr().err


@pytest.fixture(scope="module")
def bowl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three chains in a quadratic bowl of three weights."""
    content = {
        "name": "bowl",
        "seed": 2,
        "landscape": {"model": "quadratic", "weights": 3},
        "dynamics": {"kind": "hmc", "step": 0.3, "steps": 5},
        "ensemble": {"kind": "canonical", "beta": 1.0, "equilibration_rounds": 5},
        "exchange": {"kind": "none", "walkers_per_temperature": 3},
        "production": {"rounds": 3, "record_every_sweeps": 1, "weights": True},
    }
    return ran(tmp_path_factory.mktemp("bowl"), content)


def test_samples_of_each_temperature(tmp_path: Path) -> None:
    """Window 0 is the coldest: <w^2> = T, at temperatures a factor of 100 apart."""
    content = {
        "name": "ladder",
        "seed": 2,
        "landscape": {"model": "quadratic", "weights": 3},
        "dynamics": {"kind": "hmc", "step": 0.3, "steps": 5},
        "ensemble": {"kind": "canonical", "temperatures": [0.01, 1.0], "equilibration_rounds": 20},
        "exchange": {"kind": "none"},
        "production": {"rounds": 200, "record_every_sweeps": 1, "weights": True},
    }
    folder = ran(tmp_path, content)
    cold, hot = (read_samples(folder, 200, window) for window in (0, 1))
    assert 0.005 < (cold.weights**2).mean() < 0.02 and 0.5 < (hot.weights**2).mean() < 2
    assert (cold.beta, hot.beta) == (100.0, 1.0) and math.isnan(cold.alpha)
    with pytest.raises(RunError, match="no records in window 2"):
        read_samples(folder, 200, 2)


def coupled_job(landscape: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "coupled",
        "seed": 4,
        "landscape": landscape,
        "dynamics": {"kind": "hmc", "step": 0.1, "steps": 5, "sweeps_per_round": 1},
        "ensemble": {"kind": "coupled", "gamma": [0.1, 3.0], "beta": 1.0, "equilibration_rounds": 10},
        "exchange": {"kind": "center", "ladder": "none"},
        "production": {"rounds": 12, "record_every_sweeps": 2, "weights": True},
        "run": {"repeats": 4},
    }


@pytest.mark.parametrize(
    "landscape",
    [
        {"model": "quadratic", "weights": 3},
        {"model": "spherical-perceptron", "inputs": 9, "data": {"source": "random", "patterns": 5}},
    ],
    ids=["flat", "sphere"],
)
def test_centres_of_coupled_replicas(landscape: dict[str, Any], tmp_path: Path) -> None:
    """One for each repeat, of the largest gamma; their energies are those on record, those of replicas are not."""
    folder = ran(tmp_path, coupled_job(landscape))
    centres, replicas = read_samples(folder, 6, centres=True), read_samples(folder, 6, 1)
    assert centres.weights.shape[:2] == (4, 6) and replicas.weights.shape[:2] == (12, 6)
    assert (centres.beta, centres.gamma, centres.window) == (1.0, 3.0, 1)
    records = read_records(folder / "trajectory", read_catalogue(folder).segments)
    slots = [slot for slot in np.unique(records["slot"]) if slot // 3 % 2 == 1]
    on_record = np.array([records["centre-energy"][records["slot"] == slot] for slot in slots])
    found, single = (one.energies(one.weights.reshape(-1, one.weights.shape[2])) for one in (centres, replicas))
    np.testing.assert_allclose(found.reshape(4, 6), on_record[::3], rtol=1e-9)
    assert not np.allclose(single.reshape(12, 6), on_record, rtol=1e-3)


def test_lines_between_centres_and_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a bowl the centres lie lower than replicas; runs without coupling have no centres."""
    folder, file = ran(tmp_path, coupled_job({"model": "quadratic", "weights": 3})), tmp_path / "a.nc"
    arguments = ["paths", str(folder), "--reference", str(folder), "--output", str(file), "--vertices", "2"]
    energies = []
    for more in (["--centres"], []):
        assert main([*arguments, *more]) == 0
        with xarray.open_dataset(file, engine="h5netcdf") as data:
            energies.append(float(data.energy[0, 0, 0]))
            assert data.gamma.values == [3.0 if more else 0.1] and data.beta.values == [1.0]
            assert data.attrs["centres"] == len(more)
            assert data.chains.values == [4 if more else 12]
    assert energies[0] < 0.6 * energies[1]
    capsys.readouterr()
    plain = coupled_job({"model": "quadratic", "weights": 3}) | {"name": "plain", "exchange": {"kind": "none"}}
    plain["ensemble"] = {"kind": "canonical", "beta": 1.0, "equilibration_rounds": 5}
    assert main(["paths", str(ran(tmp_path, plain)), "--centres"]) == 2
    assert "none of these runs has coupled replicas" in capsys.readouterr().err


def test_the_ratchet_writes_a_table_and_goes_on(bowl: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["ratchet", str(bowl), "-n", "1", "--stiffness", "10", "--step", "0.1", "--moves", "300", "--quiet"]
    folder = bowl.with_name(f"{bowl.name}-ratchet")
    with handlers_kept():
        assert main([*command, "--paths", "2", "--below", "100"]) == 0
        shown = capsys.readouterr().out
        assert "2 of 2 pairs are connected below the energy 100" in shown and "not samples" in shown
        first = {path.name: path.read_bytes() for path in folder.glob("finished/*.h5")}
        (folder / "finished" / "path-00000.h5").unlink()
        assert main([*command, "--paths", "3"]) == 0
        again = {path.name: path.read_bytes() for path in folder.glob("finished/*.h5")}
        assert len(first) == 2 and len(again) == 3 and {name: again[name] for name in first} == first
        with xarray.open_dataset(folder / "ratchet.nc", engine="h5netcdf") as data:
            assert data.attrs["equilibrium"].startswith("no") and data.sizes["path"] == 3 and data.met.all()
            closest = data.closest.values[0]
            assert np.all(np.diff(closest[np.isfinite(closest)]) <= 0)
        assert main([*command[:5], "99", *command[6:]]) == 2 and "asked for otherwise" in capsys.readouterr().err


def test_steered_paths_are_refused_by_what_averages(bowl: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = bowl.with_name(f"{bowl.name}-ratchet")
    if not folder.exists():
        with handlers_kept():
            assert main(["ratchet", str(bowl), "-n", "1", "--stiffness", "10", "--step", "0.1", "--quiet"]) == 0
    for command in ("analyze", "paths"):
        assert main([command, str(folder)]) == 2 and "samples of no law" in capsys.readouterr().err


def test_the_ratchet_refuses_what_has_no_gradient(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    with handlers_kept():
        assert main(["ratchet", str(runs["typical"]), "-n", "1", "--stiffness", "1", "--step", "0.1"]) == 2
        assert "needs gradients" in capsys.readouterr().err
        assert main(["ratchet", str(runs["typical"]), "-n", "1", "--stiffness", "-1", "--step", "0"]) == 2
    assert "2 mistakes" in capsys.readouterr().err
