"""The package from Python: runs, their handles, and what importing it costs."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import parallel_landscape as pl
from parallel_landscape.store.run_folder import RunFolder

JOB: dict[str, Any] = {
    "name": "small",
    "seed": 1,
    "landscape": {"model": "binary-perceptron", "inputs": 9, "data": {"source": "random", "patterns": 11}},
    "ensemble": {"ln_f_final": 1e-3},
    "exchange": {"windows": 2},
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def loaded_after(program: str) -> set[str]:
    """The modules that a fresh interpreter has loaded when `program` is over."""
    shown = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(shown.stdout.splitlines()[-1].split())


def test_a_run_and_its_handle(tmp_path: Path) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    run = pl.run(JOB)
    assert run.path == tmp_path / "runs" / "small"
    assert run.status["phase"] == "done" and run.status["status"] == "converged"
    assert run.result.attrs["normalisation"] == "absolute"
    total = np.log(np.exp(run.result.ln_g.fillna(-np.inf)).sum())
    assert total == pytest.approx(9 * np.log(2))
    assert run.windows.sizes == {"window": 2}
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    again = pl.open_run("runs/small")
    assert again.path == run.path and again.result.identical(run.result)


def test_overrides_are_laid_over_the_job_section_by_section() -> None:
    run = pl.run(JOB, seed=2, name="other", ensemble={"max_sweeps": 10_000_000}, run={"folder": "elsewhere"})
    assert run.path.parts[-2:] == ("elsewhere", "other")
    assert run.result.attrs["seed"] == "2"
    assert "ln_f_final = 0.001" in run.result.attrs["job"] and "max_sweeps = 10000000" in run.result.attrs["job"]
    assert JOB["ensemble"] == {"ln_f_final": 1e-3}


@pytest.mark.mpi
def test_ranks_give_the_same_bits(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    file = tmp_path / "jobs" / "job.toml"
    file.write_text('name = "small"\nseed = 1\n[landscape]\nmodel = "ising-2d"\nlength = 4\n[exchange]\nwindows = 2\n')
    fast = {"ensemble": {"ln_f_final": 1e-3}}
    one = pl.run(file, name="one", **fast)
    two = pl.run(file, ranks=2, name="two", **fast)
    assert two.path == tmp_path / "jobs" / "runs" / "two"
    assert one.result.equals(two.result)


def test_bad_input_raises_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(pl.JobError, match="ln_f_final"):
        pl.run(JOB, ensemble={"ln_f_final": 2.0})
    with pytest.raises(pl.JobError, match="does not exist"):
        pl.run("no.toml")
    with pytest.raises(pl.JobError, match="3 ranks for 2 slots"):
        pl.run(JOB, ranks=3)
    with pytest.raises(pl.JobError, match="ranks = 0"):
        pl.run(JOB, ranks=0)
    with pytest.raises(pl.JobError, match="is not a run folder"):
        pl.open_run(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_a_result_says_so(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "small")
    folder.create()
    folder.submitted.write_text("")
    with pytest.raises(pl.RunError, match="has no result yet: it is stopped"):
        pl.open_run(folder.path).result  # noqa: B018


def test_every_public_name_is_there() -> None:
    for name in pl.__all__:
        assert getattr(pl, name).__name__ == name
        assert name in dir(pl)
    with pytest.raises(AttributeError, match="nothing_of_the_sort"):
        pl.nothing_of_the_sort  # noqa: B018


def test_importing_the_package_is_light() -> None:
    assert not loaded_after("import parallel_landscape") & {"numba", "xarray", "mpi4py", "numpy", "pydantic", "rich"}


def test_a_rank_loads_only_what_it_needs(tmp_path: Path) -> None:
    command = ["run", str(tmp_path / "job.toml"), "-n", "1", "--quiet"]
    program = f"from parallel_landscape.cli import main\nassert main({command!r}) == 0"
    (tmp_path / "job.toml").write_text(
        'name = "small"\nseed = 1\n[landscape]\nmodel = "binary-perceptron"\ninputs = 9\n'
        '[landscape.data]\nsource = "random"\npatterns = 11\n[ensemble]\nln_f_final = 1e-2\n'
    )
    loaded = loaded_after(program)
    assert "numba" in loaded and "h5netcdf" in loaded
    assert not loaded & {"xarray", "dask", "rich", "sklearn", "scipy.optimize", "matplotlib", "jinja2", "mpi4py.MPI"}
