"""`pland solve` with continuous weights: the same bytes on any number of ranks and after a stop; its solutions as samples."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
import xarray
from attempting import solved, stopped_while_solving, write_solve

import parallel_landscape as pl
from parallel_landscape.cli import main
from parallel_landscape.commands import solve
from parallel_landscape.commands.path_runs import all_samples
from parallel_landscape.driver.stopping import handlers_kept
from parallel_landscape.job.job import load_job

pytestmark = pytest.mark.mpi

JOB: dict[str, Any] = {
    "name": "s",
    "seed": 8,
    "landscape": {
        "model": "spherical-perceptron", "inputs": 40, "kappa": 0.2,
        "data": {"source": "teacher", "kind": "gaussian", "alpha": 0.8},
    },
    "production": {"rounds": 1, "weights": True, "observables": ["training-error", "smallest-margin", "overlap-teacher"]},
    "solve": {"algorithm": "replicated-sgd", "instances": 2, "restarts": 3, "max_iterations": 200},
}  # fmt: skip


job_file = partial(write_solve, JOB)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    file = job_file(tmp_path_factory.mktemp("alone"))
    return file, solved(file, "-n", "1")


def test_same_bytes_on_two_ranks(alone: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    """Twin: another seed gives others."""
    assert solved(job_file(tmp_path), "-n", "2") == alone[1]
    (tmp_path / "job.toml").write_text(tomli_w.dumps({**JOB, "name": "s", "seed": 9}))
    assert solved(tmp_path / "job.toml", "-n", "1", "--force-new") != alone[1]


@pytest.mark.long
@pytest.mark.parametrize("algorithm", ["gd", "sgd", "l-bfgs"])
def test_same_bytes_whatever_the_algorithm(algorithm: str, tmp_path: Path) -> None:
    ends = [solved(job_file(tmp_path / ranks, algorithm=algorithm, until="minimum"), "-n", ranks) for ranks in ("1", "2", "4")]
    assert ends[0] == ends[1] == ends[2]


def test_stopped_and_given_again(alone: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was over is not made again, a damaged file is; the bytes are those of the one that was never stopped."""
    file = job_file(tmp_path)
    made = stopped_while_solving(file, 4, monkeypatch)
    kept = sorted((tmp_path / "runs" / "s-solve" / "finished").glob("*.h5"))
    assert [path.name[9:] for path in kept] == [f"00000-restart-0000{number}.h5" for number in range(3)]
    kept[1].write_bytes(b"nothing")
    assert solved(file, "-n", "1") == alone[1]
    assert made == [(0, 0), (0, 1), (0, 2), (1, 0), (0, 1), (1, 0), (1, 1), (1, 2)]


def test_solutions_are_read_as_samples(alone: tuple[Path, dict[str, str]]) -> None:
    """Records, table and observables against plain numpy on the stored weights."""
    job, folder = load_job(alone[0]), alone[0].parent / "runs" / "s-solve"
    assert main(["analyze", str(folder)]) == 0
    run = pl.open_run(folder)
    records = run.trajectory.compute()
    with xarray.open_dataset(folder / "solve.nc") as table:
        assert table.success.values.all() and table.energy.dtype == float and not table.errors.values.any()
        np.testing.assert_array_equal(table.energy.values.ravel(), records.energy.values)
        np.testing.assert_array_equal(table.gradient_norm.values.ravel(), records.gradient_norm.values)
    found = run.group("solutions")
    for row, (instance, w) in enumerate(zip(records.instance.values, records.weights.values, strict=True)):
        data = solve.make_problem(job, int(instance)).training_set
        t = data.patterns @ w * data.labels[:, 0] / math.sqrt(40)
        assert records.energy.values[row] == pytest.approx(np.sum(np.maximum(0.2 - t, 0) ** 2))
        assert found["smallest-margin"][row] == pytest.approx(t.min()) and found["training-error"][row] == 0
        assert found["overlap-teacher"][row] == pytest.approx(w @ data.teacher / 40)
        assert np.linalg.norm(w) == pytest.approx(math.sqrt(40))
    with run.group("attempts") as attempts:
        assert attempts.samples.values.tolist() == [6] and run.result.attrs["error_from"] == "instances"
        means = [found["smallest-margin"].values[found.instance.values == one].mean() for one in (0, 1)]
        assert attempts["smallest-margin"][0] == pytest.approx(np.mean(means))
        assert attempts["smallest-margin_error"][0] == pytest.approx(np.std(means, ddof=1) / math.sqrt(2))
        cosines = [rows[a] @ rows[b] / 40 for rows in np.split(records.weights.values, 2) for a, b in ((0, 1), (0, 2), (1, 2))]
        assert attempts.pairs.values == [6] and float(attempts.probability.sum()) == pytest.approx(1)
        assert float(attempts.probability[0] @ attempts.q) == pytest.approx(np.mean(cosines), abs=0.005)


def test_paths_and_ratchets_go_between_solutions(
    alone: tuple[Path, dict[str, str]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Ends have the energies of the solutions; a ratchet needs a temperature; a solver seen from another one, and refusals."""
    folder = alone[0].parent / "runs" / "s-solve"
    first, second = all_samples(folder, 8)
    assert first.weights.shape == second.weights.shape == (3, 1, 40) and first.data != second.data and math.isnan(first.beta)
    assert main(["paths", str(folder), "--output", str(tmp_path / "paths.nc"), "--points", "9"]) == 0
    energies = pl.open_run(folder).trajectory.energy.values.reshape(2, 3)
    with xarray.open_dataset(tmp_path / "paths.nc") as paths:
        first_end = np.mean([(2 * rows[0] + rows[1]) / 3 for rows in energies]) / 32
        assert paths.runs.values == [2] and float(paths.energy[0, 0].sel(position=1.0)) == pytest.approx(first_end)
    steered = ["ratchet", str(folder), "-n", "1", "--quiet", "--stiffness", "50", "--step", "0.1", "--moves", "60"]
    assert main(steered) == 2 and "give one with --temperature" in capsys.readouterr().err
    with handlers_kept():
        assert main([*steered, "--temperature", "0.001"]) == 0
    assert "of 3 pairs met" in capsys.readouterr().out
    other = job_file(tmp_path, algorithm="gd", instances=1, restarts=2)
    solved(other, "-n", "1")
    seen = tmp_path / "runs" / "s-solve"
    assert main(["paths", str(seen), "--reference", str(folder), "--output", str(tmp_path / "seen.nc")]) == 0
    assert main(["paths", str(folder), "--reference", str(seen)]) == 2
    assert "no --reference has the training set of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("resume",), "a folder of `pland solve`"),
        (("analyze", "--beta", "1.0"), "follow no known law"),
        (("analyze", "--energy", "0", "1"), "have no levels; the group attempts has the overlaps"),
    ],
)
def test_what_needs_equilibrium_is_refused(
    alone: tuple[Path, dict[str, str]], command: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(alone[0].parent / "runs" / "s-solve")
    assert main([command[0], folder, *command[1:]]) == 2
    assert said in capsys.readouterr().err


def test_without_a_solution_there_is_no_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = job_file(tmp_path, algorithm="gd", until="energy", below=-1.0, max_iterations=2, instances=1)
    solved(file, "-n", "1")
    assert main(["paths", str(tmp_path / "runs" / "s-solve")]) != 0
    assert "none of 3 attempts succeeded" in capsys.readouterr().err
