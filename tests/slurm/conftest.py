"""One lab for all tests marked `slurm`; it is stopped at the end, and soon after this process should it be killed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.harness import Data, final_data, pland, write_job

from slurm.lab import JOB, Lab, missing


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A SLURM with four virtual nodes of four cores; $SLURM_CONF points to it for as long as it is up."""
    why = missing()
    if why:
        pytest.skip(why)
    made = Lab(tmp_path_factory.mktemp("lab") / "slurm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(made.folder / "slurm.conf"))
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        try:
            try:
                made.script("up", os.getpid())
            except (AssertionError, subprocess.TimeoutExpired) as error:
                pytest.skip(f"the daemons do not start here: {error}")
            yield made
        finally:
            made.script("down")
    left = subprocess.run(["pgrep", "-f", str(made.folder)], capture_output=True, text=True).stdout.split()
    assert not left, f"left behind: {left}"


@pytest.fixture
def clean(lab: Lab) -> Iterator[Lab]:
    """The lab with all nodes up and an empty queue, before and after."""
    yield lab
    lab.slurm("scancel", "--user", "root")
    for node in range(1, 5):
        lab.script("node", node)
    lab.wait_for(lambda: not lab.queue() and lab.nodes_up(), "the lab does not become empty")


@pytest.fixture(scope="session")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Data:
    """What the job comes to when nothing disturbs it, without SLURM."""
    folder = tmp_path_factory.mktemp("undisturbed")
    done = pland("run", write_job(folder, JOB), "-n", 2, "--quiet", timeout=600)
    assert done.returncode == 0, done.stderr
    return final_data(folder / "runs" / "run")
