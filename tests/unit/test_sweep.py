"""Studies: which points a sweep has, what is refused, and that the points' results come together."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parallel_landscape.cli import main
from parallel_landscape.commands.collect import collect, short_names
from parallel_landscape.commands.sweep import make_study
from parallel_landscape.errors import JobError, RunError
from parallel_landscape.slurm.submit import ranges

JOB = """
name = "study"
seed = 1
[landscape]
model = "ising-2d"
length = 3
[ensemble]
ln_f_final = 1e-2
[exchange]
windows = 1
"""

BOWL = """
name = "bowl"
seed = 1
sweep = { ensemble.beta = [1.0, 4.0], seed = [1] }
[landscape]
model = "quadratic"
weights = 2
[dynamics]
kind = "hmc"
step = 0.7
sweeps_per_round = 5
[ensemble]
kind = "canonical"
beta = 1.0
equilibration_rounds = 10
[exchange]
kind = "none"
[production]
rounds = 400
record_every_sweeps = 5
"""


def study(sweep: str, tmp_path: Path) -> Any:
    return make_study(tomllib.loads(f"{JOB}\n[sweep]\n{sweep}"), tmp_path)


def test_product_and_zip(tmp_path: Path) -> None:
    made = study("landscape.length = [3, 4]\nseed = {from = 1, to = 3}", tmp_path)
    assert [tuple(point.values.values()) for point in made.points] == [(3, 1), (3, 2), (3, 3), (4, 1), (4, 2), (4, 3)]
    assert [point.job.name for point in made.points[:2]] == ["study-0000", "study-0001"]
    assert made.points[5].job.folder == tmp_path / "runs" / "study" / "study-0005"
    assert made.points[5].job.landscape["length"] == 4 and made.points[5].job.seed == 3
    made = study('mode = "zip"\nlandscape.length = [3, 4, 5]\nseed = {from = 10, to = 30, step = 10}', tmp_path)
    assert [tuple(point.values.values()) for point in made.points] == [(3, 10), (4, 20), (5, 30)]


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ("{from = 1, to = 7, step = 3}", [1, 4, 7]),
        ("{from = 0.1, to = 0.3, step = 0.1}", [0.1, 0.2, 0.3]),
        ("{from = 0.0, to = 0.3, count = 4}", [0.0, 0.1, 0.2, 0.3]),
        ("{from = 1, to = 1}", [1]),
    ],
)
def test_ranges_have_both_ends_and_no_digits_of_rounding(given: str, values: list[float], tmp_path: Path) -> None:
    with pytest.raises(JobError) as caught:  # no such key, but it was read
        study(f"landscape.x = {given}", tmp_path)
    assert "unknown key" in str(caught.value)
    from parallel_landscape.commands.sweep import _read_sweep

    assert _read_sweep({"x": tomllib.loads(f"x = {given}")["x"]}) == ("product", {"x": values})


@pytest.mark.parametrize(
    ("sweep", "words"),
    [
        ("", "no key is swept"),
        ("seed = 3", "given 3; a list of values, or a range"),
        ("seed = []", "given []; a list of values"),
        ("seed = {from = 3, to = 1}", "a list of values, or a range"),
        ("seed = {from = 1, to = 3, step = 0}", "a list of values, or a range"),
        ("seed = {from = 1, to = 3, step = 1, count = 3}", "a list of values, or a range"),
        ('mode = "all"\nseed = [1]', 'choose "product" or "zip"'),
        ('mode = "zip"\nseed = [1]\nlandscape.length = [3, 4]', "seed has 1, landscape.length has 2"),
        ("seed = {from = 1, to = 20000}", "20000 points; at most 10000"),
        ('name = ["a", "b"]', "name: cannot be swept"),
        ("slurm.nodes = [1, 2]", "slurm.nodes: cannot be swept"),
        ("landscape.length = [3, 0]", "at landscape.length = 0: [landscape] length"),
        ("landscape.lenght = [3]", "did you mean 'length'"),
    ],
)
def test_what_is_refused(sweep: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(JobError) as caught:
        study(sweep, tmp_path)
    assert words in str(caught.value)


def test_a_study_is_run_collected_and_not_run_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    xarray = pytest.importorskip("xarray")
    file = tmp_path / "job.toml"
    file.write_text(f"{JOB}\n[sweep]\nlandscape.length = [3, 4]\nseed = [1]\n")
    assert main(["check", str(file)]) == 0
    assert "study: 2 points, no mistakes" in capfd.readouterr().out
    assert main(["run", str(file), "-n", "1", "--quiet"]) == 0
    folder = tmp_path / "runs" / "study"
    with xarray.open_dataset(folder / "study.nc") as made:
        assert made["lowest_energy"].dims == ("length", "seed")
        assert made["lowest_energy"].values.tolist() == [[-18.0], [-32.0]]
        np.testing.assert_allclose(made["ln_g_total"], np.log(2) * np.array([[9], [16]]), atol=1e-6)
        assert np.isnan(made["ln_g"].sel(length=3, energy=-32)).all()
    assert (folder / "study.png").stat().st_size > 1000
    before = (folder / "study-0000" / "result.nc").stat().st_mtime_ns
    capfd.readouterr()
    assert main(["run", str(file), "-n", "1", "--quiet"]) == 0
    assert (folder / "study-0000" / "result.nc").stat().st_mtime_ns == before
    assert main(["status", str(folder)]) == 0
    assert "2 of 2 points are done" in capfd.readouterr().out


def test_a_study_of_continuous_weights_goes_along_beta(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A bowl of two directions: the mean energy is T; temperatures that only some points have leave gaps."""
    xarray = pytest.importorskip("xarray")
    file = tmp_path / "job.toml"
    file.write_text(BOWL)
    assert main(["run", str(file), "-n", "1", "--quiet"]) == 0, capfd.readouterr().err
    with xarray.open_dataset(tmp_path / "runs" / "bowl" / "study.nc") as made:
        energy = made["energy_mean"]
        assert energy.dims == ("ensemble.beta", "seed", "beta") and made.beta.values.tolist() == [1.0, 4.0]
        for number, beta in enumerate((1.0, 4.0)):
            mine = energy.isel({"ensemble.beta": number}).sel(beta=beta) * beta
            assert abs(float(mine[0]) - 1) < 0.25 and np.isnan(energy.isel({"ensemble.beta": number}).sel(beta=5 - beta)).all()
        assert set(made.status.values.ravel()) == {"converged"} and "lowest_energy" not in made
    assert (tmp_path / "runs" / "bowl" / "study.png").stat().st_size > 1000


@pytest.mark.long
def test_a_study_of_coupled_replicas_goes_along_groups(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Three coupled replicas in a bowl of two directions: 2/6 of the centre, and 4/6 / (1 + gamma) of the rest, at T = 1."""
    xarray = pytest.importorskip("xarray")
    file, coupled = tmp_path / "job.toml", 'kind = "coupled"\ngamma = [0.0, 2.0]\n'
    text = BOWL.replace("ensemble.beta = [1.0, 4.0]", "ensemble.gamma = [[0.0, 1.0], [0.0, 4.0]]").replace(", seed = [1]", "")
    text = text.replace('kind = "canonical"\n', coupled).replace('kind = "none"', 'kind = "center"')
    file.write_text(text.replace("sweeps_per_round = 5", "sweeps_per_round = 1").replace("rounds = 400", "rounds = 800"))
    assert main(["run", str(file), "-n", "1", "--quiet"]) == 0, capfd.readouterr().err
    with xarray.open_dataset(tmp_path / "runs" / "bowl" / "study.nc") as made:
        assert made["energy_mean"].dims == ("ensemble.gamma", "group")
        assert made["gamma"].values.tolist() == [[0.0, 1.0], [0.0, 4.0]] and (made["beta"] == 1).all()
        exact = (1 + 2 / (1 + made["gamma"].values)) / 3
        assert np.abs(made["energy_mean"].values / exact - 1).max() < 0.2
    assert (tmp_path / "runs" / "bowl" / "study.png").stat().st_size > 1000


def test_a_folder_of_another_study_is_refused(tmp_path: Path) -> None:
    study("seed = [1, 2]", tmp_path).prepare()
    study("seed = [1, 2]", tmp_path).prepare()
    with pytest.raises(JobError, match="holds another study"):
        study("seed = [1, 3]", tmp_path).prepare()
    with pytest.raises(RunError, match="none of the 2 points"):
        collect(tmp_path / "runs" / "study")


def test_names_of_dimensions() -> None:
    assert short_names(["ensemble.beta"]) == {"ensemble.beta": "beta"}
    assert short_names(["ensemble.beta"], "beta") == {"ensemble.beta": "ensemble.beta"}
    assert short_names(["landscape.length", "seed"]) == {"landscape.length": "length", "seed": "seed"}
    assert short_names(["a.x", "b.x"]) == {"a.x": "a.x", "b.x": "b.x"}
    assert short_names(["exchange.energy"]) == {"exchange.energy": "exchange.energy"}


def test_numbers_as_slurm_writes_them() -> None:
    assert ranges([0, 1, 2, 5, 7, 8]) == "0-2,5,7-8"
    assert ranges([3]) == "3"
