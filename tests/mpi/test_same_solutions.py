"""`pland solve` on any number of ranks, stopped and given again: the same bytes; and what it leaves can be read as samples."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from attempting import solved, stopped_while_solving, write_solve

import parallel_landscape as pl
from parallel_landscape.cli import main
from parallel_landscape.commands import attempts, solve
from parallel_landscape.driver.stopping import handlers_kept
from parallel_landscape.job.job import load_job
from parallel_landscape.store.run_folder import RunFolder

pytestmark = pytest.mark.mpi

JOB: dict[str, Any] = {
    "name": "s",
    "seed": 8,
    "landscape": {"model": "binary-perceptron", "inputs": 101, "data": {"source": "random", "alpha": 0.5}},
    "solve": {"algorithm": "focusing-bp", "instances": 2, "restarts": 2, "max_iterations": 200, "step": 0.01},
}


job_file = partial(write_solve, JOB)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    file = job_file(tmp_path_factory.mktemp("alone"))
    return file, solved(file, "-n", "1")


@pytest.mark.parametrize("ranks", ["2", "3"])
def test_same_bytes_on_any_number_of_ranks(ranks: str, alone: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    assert solved(job_file(tmp_path), "-n", ranks) == alone[1]


def test_stopped_and_given_again(alone: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was over is not made again, a damaged file is; the bytes are those of the one that was never stopped."""
    file = job_file(tmp_path)
    made = stopped_while_solving(file, 3, monkeypatch)
    kept = sorted((tmp_path / "runs" / "s-solve" / "finished").glob("*.h5"))
    assert [path.name for path in kept] == ["instance-00000-restart-00000.h5", "instance-00000-restart-00001.h5"]
    kept[0].write_bytes(b"nothing")
    assert solved(file, "-n", "1") == alone[1]
    assert made == [(0, 0), (0, 1), (1, 0), (0, 0), (1, 0), (1, 1)]


def test_more_restarts_go_on_from_what_there_is(alone: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    solved(job_file(tmp_path, restarts=1), "-n", "1")
    job = load_job(job_file(tmp_path))
    before = attempts.read_all(solve.folder_of(job))
    assert sorted(before) == [(0, 0), (1, 0)]
    assert solved(job_file(tmp_path), "-n", "1")["solve.nc"] == alone[1]["solve.nc"]


def test_another_job_is_refused(alone: tuple[Path, dict[str, str]], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = job_file(tmp_path, instances=1, restarts=1)
    solved(file, "-n", "1")
    with handlers_kept():
        assert main(["solve", str(job_file(tmp_path, step=0.02)), "--quiet", "-n", "1"]) == 2
    assert "holds attempts of another job" in capsys.readouterr().err
    solved(file, "-n", "1", "--force-new")
    assert (tmp_path / "runs" / "s-solve.1").exists()
    file.write_text(tomli_w.dumps({key: value for key, value in JOB.items() if key != "solve"}))
    assert main(["solve", str(file)]) == 2
    assert "no such section" in capsys.readouterr().err


def test_solutions_are_read_as_samples(alone: tuple[Path, dict[str, str]]) -> None:
    import xarray

    job = load_job(alone[0])
    folder = RunFolder(alone[0].parent / "runs" / "s-solve")
    with xarray.open_dataset(folder.solved) as table:
        assert table.success.dims == ("instance", "restart") and table.attrs["algorithm"] == "focusing-bp"
        success, energy = table.success.values.astype(bool), table.energy.values
    assert success.any() and np.array_equal(success, energy == 0)
    records = pl.open_run(folder.path).trajectory.compute()
    weights = 2 * np.unpackbits(records.weights.values, axis=1, count=101, bitorder="little").astype(int) - 1
    for number, (instance, restart) in enumerate(zip(records.instance.values, records.restart.values, strict=True)):
        problem = solve.make_problem(job, int(instance))
        assert problem.errors(weights[number]) == energy[instance, restart] == records.energy.values[number]
    assert not np.array_equal(weights[0], weights[2])


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("resume",), "a folder of `pland solve`"),
        (("local-entropy",), 'form = "reference"'),
        (("analyze", "--beta", "1.0"), "follow no known law"),
        (("analyze", "--joint", "margins"), "no number of states"),
    ],
)
def test_what_needs_equilibrium_is_refused(
    alone: tuple[Path, dict[str, str]], command: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(alone[0].parent / "runs" / "s-solve")
    assert main([command[0], folder, *command[1:]]) == 2
    assert said in capsys.readouterr().err
