"""A sweep of twelve points as a job array: two fail, are mended and resumed, and all come together in one dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tomli_w
from faults.harness import pland

from slurm.lab import Lab, chain, number_of, those, write_cluster

pytestmark = [pytest.mark.slurm, pytest.mark.mpi]

MODEL = """
from pathlib import Path
from parallel_landscape.landscapes.ising import ising_2d

def model(length: int, copy: int):
    if copy == 2 and length < 5 and Path(__file__).with_name("broken").exists():
        raise RuntimeError("broken on purpose")
    return ising_2d(length)
"""
JOB = {
    "name": "study",
    "seed": 1,
    "landscape": {"model": "slurm_flaky:model", "length": 3, "copy": 1},
    "ensemble": {"ln_f_final": 1e-2},
    "exchange": {"windows": 1},
    "sweep": {"landscape": {"length": [3, 4, 5, 6], "copy": {"from": 1, "to": 3}}},
    "slurm": {"cluster": "lab", "nodes": 1, "ntasks": 1, "time": 10, "doctor": False, "at_once": 3},
}


def test_twelve_points_of_which_two_fail(clean: Lab, tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    write_cluster(tmp_path)
    (tmp_path / "slurm_flaky.py").write_text(MODEL)
    (tmp_path / "broken").write_text("")
    file, study = tmp_path / "job.toml", tmp_path / "runs" / "study"
    file.write_text(tomli_w.dumps(JOB))
    said = pland("submit", file)
    assert said.returncode == 0 and "12 of 12 points" in said.stdout, said.stderr
    number_of(said.stdout)
    clean.wait_for(lambda: len([line for line in clean.queue() if "RUNNING" in line]) <= 3 and not clean.queue(), "too slow")
    failed = [f"study-{k:04d}" for k in (1, 4)]
    shown = pland("status", study).stdout
    assert "10 of 12 points are done" in shown and all(name in shown for name in failed)
    with xarray.open_dataset(study / "study.nc") as made:
        assert int((made["status"] == "missing").sum()) == 2 and np.isnan(made["lowest_energy"]).sum() == 2
    (tmp_path / "broken").unlink()
    said = pland("submit", file)
    assert said.returncode == 0 and "2 of 12 points" in said.stdout, said.stderr
    clean.wait_for(lambda: not clean.queue(), "the failed points do not end")
    for k in range(12):
        assert len(those(chain(study / f"study-{k:04d}"), "began")) == 1
    with xarray.open_dataset(study / "study.nc") as made:
        assert dict(made.sizes) | {"energy": 0} == {"length": 4, "copy": 3, "energy": 0}
        assert made["lowest_energy"].values.tolist() == [[-18.0] * 3, [-32.0] * 3, [-50.0] * 3, [-72.0] * 3]
        assert (made["status"] != "missing").all()
    assert (study / "study.png").read_bytes().startswith(b"\x89PNG")
    refused = pland("submit", file)
    assert refused.returncode == 2 and "all 12 points" in refused.stderr
