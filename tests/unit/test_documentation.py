"""What README and docs show works as written."""

from __future__ import annotations

import gzip
import math
import os
import re
import shutil
import struct
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, get_args

import h5py
import numpy as np
import pytest

from parallel_landscape.arguments import make_parser
from parallel_landscape.check_gradient import check_smooth
from parallel_landscape.cli import main
from parallel_landscape.driver.rounds import run_job
from parallel_landscape.driver.stopping import handlers_kept
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.job.job import make_job
from parallel_landscape.job.joint_keys import Joint
from parallel_landscape.job.motion_keys import Hmc, Langevin
from parallel_landscape.job.sections import Production
from parallel_landscape.observables.catalogue import KINDS
from parallel_landscape.observables.smooth import SMOOTH_KINDS
from parallel_landscape.solvers import ALGORITHMS, CONTINUOUS
from parallel_landscape.solvers.catalogue import algorithm_keys, load_algorithm
from parallel_landscape.store.result import read_result
from parallel_landscape.store.schema import CANONICAL

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"]


def blocks(page: Path, language: str) -> list[str]:
    found = re.findall(r"^```([^\n]*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [text for kind, text in found if kind == language]


def test_the_job_of_the_readme_is_a_job(tmp_path: Path) -> None:
    (text,) = blocks(ROOT / "README.md", "toml")
    job = make_job(tomllib.loads(text), tmp_path)
    assert job.build_landscape().moves == 25


def test_the_commands_of_the_readme_are_those_that_there_are() -> None:
    (listing,) = [block for block in blocks(ROOT / "README.md", "") if block.startswith("pland new")]
    shown = {line.split()[1] for line in listing.splitlines()}
    (subparsers,) = [action for action in make_parser()._actions if action.dest == "command"]
    assert shown == set(subparsers.choices or ())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL))
    assert not [target for target in targets if "://" not in target and not (page.parent / target).exists()]


def test_the_ring_runs_as_written_and_is_exact(tmp_path: Path) -> None:
    for name in ("ring.py", "ring.toml"):
        shutil.copy(ROOT / "docs" / "examples" / name, tmp_path)
    (commands,) = [block for block in blocks(ROOT / "docs" / "own_landscape.md", "") if "pland run ring.toml" in block]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in commands.splitlines():
        subprocess.run(command, shell=True, cwd=tmp_path, check=True, timeout=120, env={**os.environ, "PATH": path})
    result, _, attributes = read_result(tmp_path / "runs" / "ring" / "result.nc")
    assert attributes["status"] == "converged" and attributes["normalisation"] == "absolute"
    exact = [math.log(2 * math.comb(12, k)) for k in range(0, 13, 2)]
    assert result["energy"].tolist() == list(range(-12, 13, 4))
    np.testing.assert_allclose(result["ln_g"], exact, atol=0.1)


def test_the_analysis_runs_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (job,) = blocks(ROOT / "docs" / "analysis.md", "toml")
    (program,) = blocks(ROOT / "docs" / "analysis.md", "python")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "teacher.toml").write_text(job)
    names: dict[str, Any] = {}
    exec(program, names)
    assert names["run"].result.attrs["analysis_status"] == "complete"
    assert float(names["error"].max()) < 0.5 and names["entropy"].sizes == names["overlap"].sizes
    assert float(names["solutions"].probability.sum()) == pytest.approx(1)
    assert float(names["energy"][0]) > float(names["energy"][-1]) and 0 < float(names["mean"]) < 1


def test_a_landscape_of_your_own_takes_less_than_thirty_lines() -> None:
    assert len((ROOT / "docs" / "examples" / "ring.py").read_text().splitlines()) < 30


@pytest.mark.long
def test_the_job_of_production_runs_as_written(tmp_path: Path) -> None:
    """With fewer rounds, and ln f that ends earlier."""
    (text,) = blocks(ROOT / "docs" / "production.md", "toml")
    content = tomllib.loads(text)
    content["production"]["rounds"], content["ensemble"]["ln_f_final"], content["exchange"]["search_sweeps"] = 3, 1e-2, 5000
    job = make_job(content, tmp_path)
    run_job(job, Serial(), quiet=True)
    with h5py.File(job.folder / "trajectory" / "frozen.h5") as file:
        assert file["observables"].asstr()[...].tolist() == content["production"]["observables"]
    text = (ROOT / "docs" / "production.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in text for name in KINDS) and all(
        f"`{name}`" in text for name in Production.model_fields if name != "parameters"
    )


@pytest.mark.parametrize("page", ["tempering.md", "coupled.md", "continuous.md"])
def test_jobs_at_given_temperatures_run_as_written(page: str, tmp_path: Path) -> None:
    """With fewer rounds; what the page calls a key is one."""
    (text,) = blocks(ROOT / "docs" / page, "toml")
    content = tomllib.loads(text)
    content["production"]["rounds"], content["ensemble"]["equilibration_rounds"] = 3, 2
    if "pilot_rounds" in content["ensemble"]:
        content["ensemble"]["pilot_rounds"] = 16
    job = make_job(content, tmp_path)
    run_job(job, Serial(), quiet=True)
    _, table, attributes = read_result(job.folder / "result.nc")
    assert attributes["status"] == "too short" and len(table["beta"]) == job.layout(range(1)).windows


def test_continuous_weights_are_described_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The landscape of the page keeps its promises; keys, models and observables are those that there are."""
    page = ROOT / "docs" / "continuous.md"
    own, reading = blocks(page, "python")
    names: dict[str, Any] = {}
    exec(own, names)
    check_smooth(names["landscape"]())
    text = page.read_text(encoding="utf-8")
    keys = {*Hmc.model_fields, *Langevin.model_fields} - {"kind"}
    assert not [name for name in (*SMOOTH_KINDS, *keys) if f"`{name}" not in text]
    assert all(f"`{name}`" in text for name in CANONICAL if name.startswith("dimension") and not name.endswith("_error"))
    monkeypatch.chdir(tmp_path)
    (job,) = blocks(page, "toml")
    (tmp_path / "job.toml").write_text(job.replace("rounds = 200", "rounds = 20"))
    with handlers_kept():
        exec(reading, names)
    assert names["canonical"].energy_mean.shape == (4,) and names["health"].virial.shape == (4,)


def test_the_joint_density_runs_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With fewer inputs, and ln f that ends earlier; what the page calls a coordinate is one."""
    page = ROOT / "docs" / "joint.md"
    (text,), (program,) = blocks(page, "toml"), blocks(page, "python")
    assert tomllib.loads((ROOT / "jobs" / "joint.toml").read_text()) == tomllib.loads(text)
    content = tomllib.loads(text)
    content["ensemble"] |= {"ln_f_final": 5e-2, "occasions": 1, "largest_gap": 10.0}
    content["exchange"]["search_sweeps"], content["run"]["repeats"] = 5000, 1
    content["dynamics"]["sweeps_per_round"], content["landscape"]["inputs"] = 100, 9
    content["landscape"]["data"]["patterns"] = 6
    run_job(make_job(content, tmp_path), Serial(), quiet=True)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(program, names)
    assert names["solutions"].dims == ("value",) and abs(float(names["solutions"].sel(value=9))) < 2
    allowed = get_args(Joint.model_fields["coordinate"].annotation)
    assert all(f"| `{name}` |" in page.read_text(encoding="utf-8") for name in allowed)


def test_the_solvers_run_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = ROOT / "docs" / "solvers.md"
    (job,) = blocks(page, "toml")
    estimate, overlaps = blocks(page, "python")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.toml").write_text(job)
    with handlers_kept():
        assert main(["solve", "job.toml", "-n", "1", "--quiet"]) == 0
    names: dict[str, Any] = {}
    exec(estimate, names)
    assert 0.3 < names["messages"].free_entropy() / 201 < 0.6
    exec(overlaps, names)
    assert names["overlap"].diagonal().tolist() == [1, 1] and "2 of 2 instances solved" in capsys.readouterr().out
    text = page.read_text(encoding="utf-8")
    for name in ALGORITHMS:
        keys = algorithm_keys(load_algorithm(name)).model_fields
        assert f"| `{name}` |" in text and all(f"`{key}`" in text for key in keys), name
    for name in CONTINUOUS:
        keys = algorithm_keys(load_algorithm(name, continuous=True), continuous=True).model_fields
        assert f"| `{name}` |" in text and not [key for key in keys if f"`{key}" not in text], name


@pytest.mark.long
def test_the_paths_run_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    page = ROOT / "docs" / "paths.md"
    (job,) = blocks(page, "toml")
    (commands,) = blocks(page, "")
    (program,) = blocks(page, "python")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "typical.toml").write_text(job)
    with handlers_kept():
        for command in commands.splitlines():
            ranks = ["-n", "1", "--quiet"] if " run " in command else []
            assert main([*command.split()[1:], *ranks]) == 0
    assert "0.25952" in capsys.readouterr().out and (tmp_path / "runs" / "typical" / "paths.png").exists()
    names: dict[str, Any] = {}
    exec(program, names)
    assert names["direct"] == pytest.approx(2) and names["lowest"].barrier == pytest.approx(1, abs=1e-6)


def digit_files(folder: Path) -> None:
    """Small files of the names and the format of MNIST's."""
    rng = np.random.default_rng(1)
    classes = np.repeat([3, 5], 60).astype(np.uint8)
    for name, kind, data in (("images-idx3", 3, rng.integers(0, 256, (120, 28, 28))), ("labels-idx1", 1, classes)):
        head = struct.pack(f">BBBB{data.ndim}I", 0, 0, 8, kind, *data.shape)
        (folder / f"train-{name}-ubyte.gz").write_bytes(gzip.compress(head + data.astype(np.uint8).tobytes()))


@pytest.mark.long  # a minute
def test_the_short_answers_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Files, commands and programs in the order of the page; what is for a cluster stands on the cluster's page, too."""
    text = (ROOT / "docs" / "howto.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    digit_files(tmp_path)
    names: dict[str, Any] = {}
    for kind, block in re.findall(r"^```([^\n]*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        if kind == "toml":
            (tmp_path / block.split()[1]).write_text(block)
        elif kind == "python":
            exec(block, names)
        elif kind == "sh":
            with handlers_kept():
                for command in block.splitlines():
                    ranks = ["-n", "1", "--quiet"] if command.split()[1] in ("run", "solve") else []
                    assert main([*command.split()[1:], *ranks]) == 0, command
        else:
            assert set(block.splitlines()) <= set((ROOT / "docs" / "cluster.md").read_text(encoding="utf-8").splitlines())
    assert names["study"].sizes["seed"] == 3 and 0 < float(names["error"].sel(energy=4)) < 0.5
    assert set(names["signs"].flat) == {-1, 1} and names["signs"].shape[1] == 15
    assert names["ladder"].exchange_acceptance.values[:-1].min() > 0
    assert (names["found"].energy == 0).any() and 0 < float(names["typical"]) < 41
    assert names["curvature"].sizes == {"window": 3, "sample": 6, "rank": 10}
    assert "Traceback" not in capsys.readouterr().err
