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
from parallel_landscape.theory.spherical import spherical_perceptron

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "jobs").glob("*/**/*.toml"))
PAGES = sorted((ROOT / "docs").glob("study-*.md"))
RUNS = {
    "study-density.md": "density-of-states",
    "study-atypical.md": "atypical",
    "study-star-shape.md": "star-shape",
    "study-dimension.md": "langevin-dimension",
    "study-hidden-layer.md": "one-hidden-layer",
}


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
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("page", sorted(RUNS))
def test_the_small_size_gives_the_figure(page: str, tmp_path: Path) -> None:
    """Run as written on the page, from a copy; then what the page claims of its small size, loosely."""
    shutil.copytree(ROOT / "jobs", tmp_path / "jobs", ignore=shutil.ignore_patterns("runs"))
    run_all(commands(ROOT / "docs" / page), tmp_path)
    runs = tmp_path / "jobs" / RUNS[page] / "small" / "runs"
    assert (runs / f"{RUNS[page]}.png").stat().st_size > 20_000
    CLAIMS[RUNS[page]](runs)


@pytest.mark.slow
@pytest.mark.timeout(3600)
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


def claims_of_star_shape(runs: Path) -> None:
    """Typical solutions have barriers between them, of about the height that the theory has; margins of 0 have none."""
    with xr.open_dataset(runs / "typical" / "paths.nc") as paths:
        top = paths.energy.max("position").values
        assert (
            np.all(np.abs(top[:, 0] / paths.energy_theory.max("position").values[:, 0] - 1) < 0.5) and top[:, 0].min() > 0.005
        )
        assert np.all(top[:, 1] < top[:, 0] / 2) and not top[paths.reference_kappa.values > -0.15, 1].any()
        margin, alpha = paths.reference_kappa.values, paths.alpha.values
        along = dict(zip(zip(alpha, margin, strict=True), top[:, 1], strict=True))
        assert along[1.0, -0.4] > along[1.0, -0.3] > along[1.0, -0.2] and along[0.5, -0.3] > along[1.0, -0.3] > along[2.5, -0.3]


def claims_of_dimension(runs: Path) -> None:
    """Few directions matter, by fluctuations and by means, more with more patterns; the perceptron is that of the theory."""
    with xr.open_dataset(runs / "patterns" / "study.nc") as study:
        cold = study.dimension_fluctuation.sel(beta=slice(10, None)).mean("beta").values
        assert np.all(np.diff(cold) > 0) and 2 < cold[0] < cold[-1] < 30
        hot, means = (
            study.dimension_fluctuation.isel(beta=0).values,
            study.dimension_mean.sel(beta=slice(10, None)).mean("beta"),
        )
        assert np.all(hot > 1.5 * cold) and np.all(np.abs(means / cold - 1)[np.isfinite(means)] < 0.25)
    with xr.open_dataset(runs / "perceptron" / "study.nc") as study:
        for beta, energy in zip(study.beta.values, study.energy_mean.mean("seed").values / 100, strict=True):
            assert energy == pytest.approx(spherical_perceptron(1.0, float(beta), -0.5, "quadratic").energy, rel=0.12)


def claims_of_hidden_layer(runs: Path) -> None:
    """Few patterns: overlaps as published, and nothing lies between chains; many: barriers, which paths avoid.

    Centres of coupled replicas see each other at alpha = 1, where single chains do not; a ladder gets below cold single chains.
    """
    with xr.open_dataset(runs / "sample" / "paths.nc") as paths:
        few, many = paths.where(paths.alpha == 0.2, drop=True), paths.where(paths.alpha == 1.8, drop=True)
        found = dict(zip(few.beta.values, few.overlap.values[:, 0], strict=True))
        for temperature, q in ((0.0006, 0.676), (0.002, 0.409), (0.006, 0.243)):
            assert found[min(found, key=lambda beta: abs(beta * temperature / 40 - 1))] == pytest.approx(q, abs=0.06)
        assert few.barrier.values[-1, 0] < 1e-4 and many.barrier.values[0, 0] == 0 and many.barrier.values[1:, 0].min() > 0.1
        chains = float(paths.barrier.values[(paths.alpha == 1) & (abs(paths.beta - 1111) < 1), 0][0])
    with xr.open_dataset(runs / "sample" / "sample-0010-ratchet" / "ratchet.nc") as ratchet:
        assert ratchet.met.all() and float(ratchet.highest.max()) < 0.2 < float(
            (ratchet.energies.max("end") + ratchet.barrier)[:, 0].max()
        )
    with xr.open_dataset(runs / "coupled" / "paths.nc") as centres:
        between, to_chains = centres.where(centres.alpha == 1, drop=True).barrier.values.T
        assert between.max() < 0.01 < 0.03 < chains and np.all(between < to_chains) and np.all(to_chains < chains)
    cold = [
        float(xr.load_dataset(runs / name / "result.nc", group="canonical").energy_mean[0])
        for name in ("ladder", "sample/sample-0011")
    ]
    assert cold[0] < 0.09 < 0.1 < cold[1]


CLAIMS = {
    "density-of-states": claims_of_density,
    "atypical": claims_of_atypical,
    "star-shape": claims_of_star_shape,
    "langevin-dimension": claims_of_dimension,
    "one-hidden-layer": claims_of_hidden_layer,
}


def test_every_figure_of_the_gallery_has_its_command() -> None:
    """Under it; that stands on the page of the figure, and the program that it starts is there and saves it by its name."""
    text = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    found = re.findall(r"\]\(([\w-]+\.md)\)(?:(?!\]\().)*?!\[[^\]]*\]\((_static/[^)]+)\)\n\n`([^`\n]+)`", text, re.DOTALL)
    assert {figure for _, figure, _ in found} == set(re.findall(r"_static/[^)]+", text)) and len(found) == 8
    for page, figure, command in found:
        assert command in (ROOT / "docs" / page).read_text(encoding="utf-8"), f"{page}: {command}"
        program = command.split()[2] if "-m" in command else command.split()[1]
        file = ROOT / (f"{program.replace('.', '/')}.py" if "-m" in command else program)
        name = Path(figure).name
        assert name in command or name in file.read_text(encoding="utf-8"), f"{file} saves no {name}"
        assert (ROOT / "docs" / figure).stat().st_size > 10_000
