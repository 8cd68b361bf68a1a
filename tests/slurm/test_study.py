"""A sweep of twelve points as a job array: two fail, are mended and resumed, and all come together in one dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tomli_w
from faults.harness import different, final_data, job_of, pland, write_job

from slurm.lab import Lab, chain, log, number_of, those, under_way, write_cluster

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


LONG = job_of(
    exchange={"windows": 1, "walkers_per_window": 2},
    production={"rounds": 1_500},
    sweep={"seed": [1, 2, 3]},
    slurm={"cluster": "lab", "nodes": 1, "ntasks": 1, "time": 10, "doctor": False},
)


def test_an_array_whose_jobs_may_not_be_requeued(clean: Lab, tmp_path: Path) -> None:
    """Each task that is stopped in good time is followed by an array of that task alone, and what collects waits for those."""
    assert pland("run", write_job(tmp_path / "here", LONG), "-n", 1, "--quiet").returncode == 0
    write_cluster(tmp_path, requeue=False)
    said = pland("submit", write_job(tmp_path, LONG))
    assert said.returncode == 0, said.stderr
    number, study = number_of(said.stdout), tmp_path / "runs" / "run"
    points = [study / f"run-{k:04d}" for k in range(3)]
    for k, point in enumerate(points):
        under_way(clean, point, 1)
        clean.slurm("scancel", "--signal=USR1", "--batch", f"{number}_{k}")
    clean.wait_for(lambda: not clean.queue(), lambda: f"the points do not end: {log(study)}")
    for k, point in enumerate(points):
        first, second = those(chain(point), "ended")
        assert (first["job"], first["then"], second["then"]) == (f"{number}_{k}", "next", "done"), log(study)
        assert second["job"] == first["next"] and second["job"].endswith(f"_{k}")
        assert different(final_data(tmp_path / "here" / "runs" / "run" / point.name), final_data(point)) == []
    assert "go on in other jobs" in log(study) and "3 of 3 points are done" in pland("status", study).stdout
    assert (study / "study.nc").exists()
