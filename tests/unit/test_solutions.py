"""`pland analyze` on solver folders: the observables of a run on each solution, overlaps, and honest errors."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
import xarray

from parallel_landscape.analysis.solutions import Solutions, mean_of, on_levels, overlaps
from parallel_landscape.cli import main
from parallel_landscape.commands import attempts
from parallel_landscape.commands.solve import folder_of, make_problem
from parallel_landscape.driver.stopping import handlers_kept
from parallel_landscape.errors import JobError, RunError
from parallel_landscape.handle import open_run
from parallel_landscape.job.coupling import Coupled, reference_of, why_not
from parallel_landscape.job.job import Job, load_job, make_job

JOB: dict[str, Any] = {
    "name": "s", "seed": 2,
    "landscape": {"model": "binary-perceptron", "inputs": 51, "data": {"source": "teacher", "alpha": 0.5}},
    "production": {
        "rounds": 1, "weights": True, "observables": ["every-weight", "one-flip", "margins", "overlap-teacher", "test-error"],
        "parameters": {
            "every-weight": {"observable": "local-energy", "fraction": 1.0, "sets": 1},
            "one-flip": {"observable": "local-energy", "fraction": 0.02, "sets": 4000},
        },
    },
    "solve": {"algorithm": "sbpi", "instances": 2, "restarts": 3, "max_iterations": 300},
}  # fmt: skip


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The job file of solutions that are solved and analysed."""
    file = tmp_path_factory.mktemp("solutions") / "job.toml"
    file.write_text(tomli_w.dumps(JOB))
    with handlers_kept():
        assert main(["solve", str(file), "-n", "1", "--quiet"]) == 0
    assert main(["analyze", str(file.parent / "runs" / "s-solve")]) == 0
    return file


def test_status_of_attempts(solved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No phase of a run is claimed and no resume proposed, whether some or all attempts are over, or they are analysed."""
    folder = folder_of(load_job(solved)).path
    begun, over = tmp_path / "begun", tmp_path / "over"
    for copy in (begun, over):
        shutil.copytree(folder, copy)
        (copy / "result.nc").unlink()
    (begun / "solve.nc").unlink()
    (begun / "finished").mkdir(exist_ok=True)
    for path, words in ((begun, "attempts are over; a process"), (over, "all attempts are over"), (folder, "status: solver")):
        assert main(["status", str(path)]) == 0
        said = capsys.readouterr().out
        assert words in said and "resume" not in said and "search" not in said


def test_observables_are_what_they_are_on_the_weights(solved: Path) -> None:
    """Against plain numpy on the stored weights; a local energy of all flips is P - E, of one flip the mean over the neighbours
    within 4.5 standard errors of 4,000 draws."""
    job = load_job(solved)
    records = attempts.read_all(folder_of(job))
    with xarray.open_dataset(folder_of(job).result, group="solutions") as found:
        for row, ((instance, restart), record) in enumerate(sorted(records.items())):
            problem = make_problem(job, instance)
            assert problem.training_set is not None
            w = 2 * np.unpackbits(record.weights, count=51, bitorder="little").astype(int) - 1
            assert (found.instance[row], found.restart[row], found.energy[row]) == (instance, restart, record.energy)
            assert found["every-weight"][row] == len(problem.inputs) - record.energy
            field = problem.inputs @ w
            assert found["margins"][row] == pytest.approx(np.mean(np.abs(field) <= np.floor(np.sqrt(51))))
            assert found["overlap-teacher"][row] == pytest.approx(w @ problem.training_set.teacher / 51)
            assert 0 <= found["test-error"][row] < 0.5
            wrong = [problem.errors(w * np.where(np.arange(51) == i, -1, 1)) for i in range(51)]
            assert abs(found["one-flip"][row] - np.mean(wrong)) < 4.5 * np.std(wrong) / np.sqrt(4000) + 1e-12
            assert np.std(wrong) > 0


def test_the_result_says_what_it_is(solved: Path) -> None:
    path = folder_of(load_job(solved)).result
    with xarray.open_dataset(path) as root, xarray.open_dataset(path, group="overlap") as law:
        assert root.attrs["status"] == "solver" and root.attrs["error_from"] == "instances"
        assert int(root.samples.sum()) == 6 and "ln_g" not in root
        assert law.probability.sum(dim="q").values == pytest.approx([1.0]) and law.pairs.values.tolist() == [6]


def test_solutions_open_like_a_run(solved: Path) -> None:
    run = open_run(folder_of(load_job(solved)).path)
    assert run.group("solutions").sizes["solution"] == 6 and run.status["status"] == "solver"
    with pytest.raises(RunError, match="no group 'windows' in its result, but .*solutions"):
        run.group("windows")
    with pytest.raises(JobError, match="`pland analyze` measures"):
        run.report()


def test_errors_are_over_instances() -> None:
    """Restarts that repeat each other must not make the error smaller: the wrong twin takes them for independent."""
    values, instance = np.repeat([1.0, 2.0, 4.0], 100), np.repeat([0, 1, 2], 100)
    mean, error, _ = mean_of(values, instance)
    assert mean == pytest.approx(7 / 3) and error == pytest.approx(np.std([1, 2, 4], ddof=1) / np.sqrt(3))
    assert mean_of(values, np.arange(300))[1] < 0.15 * error
    assert np.isnan(mean_of(np.array([1.0]), np.array([0]))[1])


def test_overlaps_are_of_pairs_within_an_instance() -> None:
    weights = np.array([[1, 1, 1, 1], [1, 1, 1, -1], [-1, -1, -1, -1], [1, 1, 1, 1]], np.int8)
    one = np.zeros(4, np.int64)
    found = Solutions(np.array([0, 0, 0, 1]), np.arange(4), one, one, weights, {})
    law = overlaps(found, ((0, 0), (1, 2)))
    assert law["pairs"] == [3, 0] and np.isnan(law["probability"][1]).all()
    np.testing.assert_allclose(law["probability"][0], [1 / 3, 1 / 3, 0, 1 / 3, 0])
    assert on_levels(found)["samples"] == [4]


def coupled(solved: Path, number: int = 0, seed: int = 2) -> Job:
    """Replicas around a solution of the folder."""
    ensemble = {"kind": "coupled", "form": "reference", "reference": "runs/s-solve", "reference_number": number, "replicas": 1}
    ladder = {"beta": 2.0, "gamma": [0.0, 1.0], "equilibration_rounds": 1}
    sampling = {"ensemble": {**ensemble, **ladder}, "exchange": {"kind": "center"}, "production": {"rounds": 1}}
    return make_job({"name": "around", "seed": seed, "landscape": JOB["landscape"], **sampling}, solved.parent)


def test_a_solution_is_a_reference(solved: Path) -> None:
    """The weights on record; not beyond what there is, and not with a training set for which they are no solution."""
    folder, records = folder_of(load_job(solved)), attempts.read_all(folder_of(load_job(solved)))
    best = [record for (instance, _), record in sorted(records.items()) if instance == 0]
    best = [record for record in best if record.energy == min(one.energy for one in best)]
    for number, record in enumerate(best):
        job = coupled(solved, number)
        assert isinstance(job.ensemble, Coupled)
        weights = reference_of(job.ensemble, job.base, 51)
        assert weights is not None and np.array_equal(np.packbits(weights > 0, bitorder="little"), record.weights)
        assert why_not(job.ensemble, job.build_landscape(), job.base, job.seed) == []
    for job, said in (
        (coupled(solved, len(best)), f"holds {len(best)} records"),
        (coupled(solved, seed=3), "another training set"),
    ):
        assert isinstance(job.ensemble, Coupled)
        (sentence,) = why_not(job.ensemble, job.build_landscape(), job.base, job.seed)
        assert said in sentence and str(folder.path) in sentence


def test_a_study_is_solved_point_by_point(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "study.toml"
    solve = {"algorithm": "sbpi", "max_iterations": 300}
    file.write_text(tomli_w.dumps({**JOB, "solve": solve, "sweep": {"landscape": {"data": {"alpha": [0.3, 0.5]}}}}))
    with handlers_kept():
        assert main(["solve", str(file), "-n", "1", "--quiet"]) == 0
    said = capsys.readouterr().out
    assert "landscape.data.alpha = 0.3" in said and "landscape.data.alpha = 0.5" in said
    tables = sorted((tmp_path / "runs" / "s").glob("s-*-solve/solve.nc"))
    assert [table.parent.name for table in tables] == ["s-0000-solve", "s-0001-solve"]


@pytest.mark.long
def test_the_table_of_solvers(tmp_path: Path) -> None:
    """The figure's command on two small studies, one of them with an attempt missing: told, and left out."""
    for name, extra in (
        ("easy", {"algorithm": "sbpi"}),
        ("nodes", {"algorithm": "focusing-bp", "messages": "nodes", "step": 0.01}),
    ):
        job = {
            "name": name, "seed": 2,
            "landscape": {"model": "binary-perceptron", "inputs": 51, "data": {"source": "random"}},
            "solve": {"instances": 20, **extra}, "sweep": {"landscape.data.alpha": [0.1, 3.0]},
        }  # fmt: skip
        (tmp_path / f"{name}.toml").write_text(tomli_w.dumps({**job, "solve": {**job["solve"], "max_iterations": 100}}))
        with handlers_kept():
            assert main(["solve", str(tmp_path / f"{name}.toml"), "-n", "1", "--quiet"]) == 0
    (tmp_path / "runs" / "easy" / "easy-0001-solve" / "solve.nc").unlink()
    script = Path(__file__).parents[2] / "jobs" / "solvers" / "figure.py"
    done = subprocess.run([sys.executable, script, tmp_path / "runs"], capture_output=True, text=True, check=True)
    rows = [line.split("|")[1:-1] for line in done.stdout.splitlines() if line.startswith("|")]
    assert [cell.strip() for cell in rows[0]] == ["N = 51", "0.1", "3"]
    for row, name, folder in ((rows[2], "focusing-bp, nodes", "nodes"), (rows[3], "sbpi", "easy")):
        with xarray.open_dataset(tmp_path / "runs" / folder / f"{folder}-0000-solve" / "solve.nc") as table:
            solved = int(table.success.sum())
        assert row[0].strip() == name and solved > 10 and row[1].strip().startswith(f"{solved} (")
    assert rows[2][2].strip() == "0" and not rows[3][2].strip()
    assert "easy-0001-solve: not finished" in done.stderr and (tmp_path / "runs" / "solvers.png").stat().st_size > 10_000
