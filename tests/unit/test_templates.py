"""Every job file that we hand out passes `pland check`, and nothing is written down twice differently."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from parallel_landscape import templates
from parallel_landscape.cli import main
from parallel_landscape.job.job import load_job, read_job

ROOT = Path(__file__).parents[2]
JOBS = sorted((ROOT / "jobs").glob("*.toml"))


@pytest.fixture
def beside_ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the landscape that the template `own-landscape` asks for."""
    shutil.copy(ROOT / "docs" / "examples" / "ring.py", tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    sys.modules.pop("ring", None)
    yield tmp_path
    sys.modules.pop("ring", None)


@pytest.mark.parametrize("name", templates.names())
def test_a_template_printed_by_new_passes_check(name: str, beside_ring: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", name]) == 0
    file = beside_ring / f"{name}.toml"
    file.write_text(capsys.readouterr().out)
    assert main(["check", str(file)]) == 0
    assert "no mistakes" in capsys.readouterr().out


@pytest.mark.parametrize("file", JOBS, ids=lambda file: file.stem)
def test_a_job_of_a_study_passes_check(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(file)]) == 0


def test_templates_and_jobs_begin_with_a_comment_that_says_what_for() -> None:
    for text in [templates.read(name) for name in templates.names()] + [file.read_text() for file in JOBS]:
        assert text.startswith("# ") and max(map(len, text.splitlines())) <= 128


def test_names_are_unique(beside_ring: Path) -> None:
    """Two jobs of one name in one folder would meet in one run folder."""
    for name in templates.names():
        (beside_ring / f"{name}.toml").write_text(templates.read(name))
    found = [load_job(file).name for file in sorted(beside_ring.glob("*.toml"))]
    assert len(set(found)) == len(found)
    assert len({read_job(file)[0]["name"] for file in JOBS}) == len(JOBS)


def test_copies_are_equal() -> None:
    assert (ROOT / "jobs" / "digits.toml").read_text() == templates.read("digits")
    assert (ROOT / "docs" / "examples" / "ring.toml").read_text() == templates.read("own-landscape")


def test_templates_are_package_data() -> None:
    """A wheel takes *.toml along: what setup.cfg says, as the editable install cannot show it."""
    assert "* = py.typed, *.toml" in (ROOT / "setup.cfg").read_text()
