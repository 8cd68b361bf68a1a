"""A job over four nodes gives the same bits as two ranks on one machine, whichever launcher starts it."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults.harness import different, final_data, job_of, pland, write_job

from slurm.lab import Lab, number_of, write_cluster

pytestmark = [pytest.mark.slurm, pytest.mark.mpi]

JOB = job_of(
    exchange={"windows": 4, "walkers_per_window": 2},
    production={"rounds": 100},
    slurm={"nodes": 4, "ntasks": 8, "time": "00:10:00"},
)


def test_four_nodes_with_two_tasks_each(clean: Lab, tmp_path: Path) -> None:
    done = pland("run", write_job(tmp_path / "here", JOB), "-n", 2, "--quiet")
    assert done.returncode == 0, done.stderr
    expected = final_data(tmp_path / "here" / "runs" / "run")
    for launcher in ("srun", "mpiexec"):
        folder = tmp_path / launcher
        write_cluster(folder, launcher=launcher)
        said = pland("submit", write_job(folder, JOB), "--cluster", "lab")
        assert said.returncode == 0, said.stderr
        number, run = number_of(said.stdout), folder / "runs" / "run"
        clean.wait_for(lambda: not clean.queue(), f"{launcher} does not end")
        log = (run / "slurm" / f"{number}.log").read_text()
        assert clean.state(number) == "COMPLETED", log
        assert "the launcher's 8 ranks see one world" in log and f"inside job {number}" in log
        assert different(expected, final_data(run)) == [], launcher
