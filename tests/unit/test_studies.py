"""The studies in jobs/: every file is sound, and the commands on a study's page make its figure."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from parallel_landscape.commands.sweep import make_study
from parallel_landscape.job.job import make_job, read_job

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "jobs").glob("*/**/*.toml"))
PAGES = sorted((ROOT / "docs").glob("study-*.md"))
RUNS = {"study-density.md": "density-of-states", "study-atypical.md": "atypical"}


def commands(page: Path) -> list[str]:
    """What the page tells to type, line by line, from its first block of `sh`."""
    (block, *_) = re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line for line in block.splitlines() if line and not line.startswith("#")]


def run_all(lines: list[str], folder: Path) -> None:
    """Type these commands in a folder; each has to succeed."""
    paths = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    for command in lines:
        subprocess.run(["bash", "-c", command], cwd=folder, check=True, timeout=600, env={**os.environ, **paths})


@pytest.mark.parametrize(
    "file", [one for one in FILES if "runs" not in one.parts], ids=lambda file: f"{file.parent}/{file.name}"
)
def test_every_file_of_a_study_is_sound(file: Path) -> None:
    content, base = read_job(file)
    assert (len(make_study(content, base).points) if "sweep" in content else 1) <= 200
    if "sweep" not in content:
        make_job(content, base)
    assert file.read_text().startswith("# ") and max(map(len, file.read_text().splitlines())) <= 128


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_page_names_files_that_there_are(page: Path) -> None:
    for command in commands(page):
        for word in command.split():
            if word.startswith("jobs/") and "runs" not in word and "*" not in word:
                assert (ROOT / word).exists(), word


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted(RUNS))
def test_the_small_size_gives_the_figure(page: str, tmp_path: Path) -> None:
    """Run as written on the page, from a copy; then what the page claims of its small size, loosely."""
    shutil.copytree(ROOT / "jobs", tmp_path / "jobs", ignore=shutil.ignore_patterns("runs"))
    run_all(commands(ROOT / "docs" / page), tmp_path)
    runs = tmp_path / "jobs" / RUNS[page] / "small" / "runs"
    assert (runs / f"{RUNS[page]}.png").stat().st_size > 20_000
    {"density-of-states": claims_of_density, "atypical": claims_of_atypical}[RUNS[page]](runs)


@pytest.mark.slow
def test_the_tutorial_runs_as_written(tmp_path: Path) -> None:
    """Its job files, then all its commands but those for a cluster, which tests/slurm/test_study.py gives to real daemons."""
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    for kind, text in blocks:
        if kind == "toml":
            (tmp_path / text.split()[1]).write_text(text)
        elif kind == "sh":
            run_all(text.splitlines(), tmp_path)
        elif kind == "python":
            run_all([f"{sys.executable} -c {shlex.quote(text)}"], tmp_path)
    assert (tmp_path / "runs" / "first" / "report.html").exists() and (tmp_path / "runs" / "study" / "study.nc").exists()


def claims_of_density(runs: Path) -> None:
    """Structure makes solutions frequent; without it the lowest energy is above 0."""
    with xr.open_dataset(runs / "separation" / "study.nc") as study:
        ln_p = (study.ln_g - study.ln_g_total).sel(energy=0).values
        assert np.all(np.diff(ln_p[1:]) > 0) and study.lowest_energy.values[0] >= study.lowest_energy.values[-1] == 0
    with xr.open_dataset(runs / "digits" / "study.nc") as study:
        lowest = study.lowest_energy.values
        assert lowest[0] < lowest[1]


def claims_of_atypical(runs: Path) -> None:
    """Around solutions that belief propagation has found there are fewer errors and more solutions than around typical ones."""
    with (
        xr.open_dataset(runs / "typical" / "result.nc") as typical,
        xr.open_dataset(runs / "found" / "found-0001-solve" / "result.nc") as found,
    ):
        for name in ("d-0.01", "d-0.05"):
            one, other = typical.sel(energy=0), found.sel(energy=0)
            apart = float(one[name] - other[name]) / float(np.hypot(one[f"{name}_error"], other[f"{name}_error"]))
            assert apart > 5, (name, apart)
    counts = []
    for name in ("around-typical", "around-found"):
        with xr.open_dataset(runs / name / f"{name}-0000" / "result.nc", group="local_entropy") as table:
            counts.append((table.ln_n.sel(energy=0, distance=8), table.ln_n_error.sel(energy=0, distance=8)))
    assert float(counts[1][0] - counts[0][0]) > 5 * float(np.hypot(counts[0][1], counts[1][1]))
