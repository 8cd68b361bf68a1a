"""docs/cluster.md as a new user follows it: the commands as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from slurm.lab import CLUSTER, Lab, chain, log, number_of, those

pytestmark = [pytest.mark.slurm, pytest.mark.mpi]

PAGE = Path(__file__).parents[2] / "docs" / "cluster.md"


def test_the_first_job(clean: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until its first link has begun to compute; the job itself takes minutes."""
    for name, value in CLUSTER["environment"].items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    commands = re.findall(r"^```\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)[0].splitlines()
    assert [command.split()[1] for command in commands] == ["new", "check", "submit", "submit", "status"]
    said = [subprocess.run(each, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=120) for each in commands]
    assert [one.returncode for one in said] == [0] * 5, said
    number = number_of(said[3].stdout)
    assert "#SBATCH --time=01:00:00" in said[2].stdout and f"job {number}" in said[4].stdout
    run = tmp_path / said[4].args.split()[-1]
    clean.wait_for(lambda: (run / "progress.jsonl").exists(), lambda: log(run))
    assert "see one world" in log(run) and len(those(chain(run), "began")) == 1
    status = subprocess.run(commands[4], shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert "under way" in status.stdout, status
