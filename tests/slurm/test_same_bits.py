"""A job over four nodes gives the same bits as two ranks on one machine, whichever launcher starts it, on whichever MPI."""

from __future__ import annotations

import ctypes.util
from pathlib import Path
from typing import Any

import pytest
from faults.harness import Data, different, final_data, job_of, pland, write_job

from slurm.lab import Lab, number_of, write_cluster

pytestmark = [pytest.mark.slurm, pytest.mark.mpi]

JOB = job_of(
    exchange={"windows": 4, "walkers_per_window": 2},
    production={"rounds": 100},
    slurm={"nodes": 4, "ntasks": 8, "time": "00:10:00"},
)


# each virtual node has a hostname of its own, but all are one host: Open MPI leaves out the loopback unless told so
PMIX = {
    "mpi": "pmix",
    "environment": {
        "MPI4PY_MPIABI": "openmpi",
        "OMPI_MCA_btl_tcp_if_include": "lo",
        "OMPI_MCA_mpi_yield_when_idle": "1",
        "OMPI_MCA_hwloc_base_binding_policy": "none",
    },
}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Data:
    folder = tmp_path_factory.mktemp("here")
    done = pland("run", write_job(folder, JOB), "-n", 2, "--quiet", timeout=600)
    assert done.returncode == 0, done.stderr
    return final_data(folder / "runs" / "run")


def on_four_nodes(lab: Lab, folder: Path, **cluster: Any) -> Data:
    """What the job comes to with two tasks on each node."""
    write_cluster(folder, **cluster)
    said = pland("submit", write_job(folder, JOB), "--cluster", "lab")
    assert said.returncode == 0, said.stderr
    number, run = number_of(said.stdout), folder / "runs" / "run"
    lab.wait_for(lambda: not lab.queue(), f"{cluster} does not end")
    log = (run / "slurm" / f"{number}.log").read_text()
    assert lab.state(number) == "COMPLETED", log
    assert "the launcher's 8 ranks see one world" in log and f"inside job {number}" in log
    return final_data(run)


@pytest.mark.parametrize("launcher", ["srun", "mpiexec"])
def test_four_nodes_with_two_tasks_each(launcher: str, clean: Lab, expected: Data, tmp_path: Path) -> None:
    assert different(expected, on_four_nodes(clean, tmp_path, launcher=launcher)) == []


def test_open_mpi_by_pmix(clean: Lab, expected: Data, tmp_path: Path) -> None:
    """The cluster's own Open MPI in place of the MPICH that comes along."""
    if "pmix" not in clean.slurm("srun", "--mpi=list") or ctypes.util.find_library("pmix") is None:
        pytest.skip("SLURM has no PMIx here (libpmix2, libpmix-dev)")
    try:
        ctypes.CDLL("libmpi.so.40")
    except OSError:
        pytest.skip("no Open MPI here (libopenmpi3)")
    assert different(expected, on_four_nodes(clean, tmp_path, **PMIX)) == []
    assert "Open MPI" in (tmp_path / "runs" / "run" / "provenance.json").read_text()
