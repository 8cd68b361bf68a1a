"""The result depends on the job alone: the same bits on any number of ranks, wherever the slots lie.

Whole runs through `pland run`, with real MPI ranks. No tolerance: every array of result.nc is compared byte by byte.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from typing import Any

import numpy as np
import pytest
import tomli_w

from parallel_landscape.store.result import read_result

pytestmark = pytest.mark.mpi

SHORT = {"ln_f_final": 3e-4, "max_sweeps": 20_000, "occasions": 100}
EXPLICIT = [[0, 12], [6, 20], [14, 30]]
DATA = {"source": "random", "patterns": 30}

JOBS: dict[str, dict[str, Any]] = {
    "one walker": {"exchange": {"windows": EXPLICIT, "walkers_per_window": 1}, "run": {"repeats": 2}},
    "three walkers share": {"exchange": {"windows": EXPLICIT, "walkers_per_window": 3, "share": "window"}},
    "two walkers alone": {"exchange": {"windows": EXPLICIT, "walkers_per_window": 2, "share": "none"}},
    "no exchange": {"exchange": {"kind": "none", "windows": EXPLICIT, "walkers_per_window": 2}},
    "windows found by a search": {
        "exchange": {"windows": "auto", "search_sweeps": 20_000, "walkers_per_window": 2},
        "run": {"repeats": 2},
    },
}
RANKS = {name: (2, 3, 4) if "walkers" in name else (3,) for name in JOBS}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Function (name, ranks) -> arrays and attributes of result.nc."""

    @cache
    def result_of(name: str, ranks: int) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        landscape = {"model": "binary-perceptron", "inputs": 21, "data": DATA}
        job = {"name": "run", "seed": 11, "landscape": landscape, "ensemble": SHORT, "dynamics": {"sweeps_per_round": 100}}
        folder = tmp_path_factory.mktemp("bits")
        (folder / "job.toml").write_text(tomli_w.dumps(job | JOBS[name]))
        command = [sys.executable, "-m", "parallel_landscape", "run", str(folder / "job.toml"), "-n", str(ranks), "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return read_result(folder / "runs" / "run" / "result.nc")

    return result_of


@pytest.mark.parametrize(
    ("name", "ranks"),
    [
        pytest.param(name, ranks, marks=[] if ranks == 3 else pytest.mark.long)
        for name, several in RANKS.items()
        for ranks in several
    ],
)
def test_same_bits_on_any_number_of_ranks(name: str, ranks: int, results: Any) -> None:
    alone, spread = results(name, 1), results(name, ranks)
    for mine, theirs in zip(alone[:2], spread[:2], strict=True):
        assert mine.keys() == theirs.keys()
        different = [key for key in mine if mine[key].tobytes() != theirs[key].tobytes()]
        assert different == []
    assert alone[2]["status"] == spread[2]["status"]


@pytest.mark.parametrize("name", JOBS)
def test_runs_that_are_compared_have_done_something(name: str, results: Any) -> None:
    """Equal but empty files would prove nothing: walkers have moved, learnt, and changed places where they may."""
    result, windows, _ = results(name, 1)
    assert np.isfinite(result["ln_g"]).sum() > 15
    assert np.all(windows["steps"] > 1e4)
    swapped = np.nan_to_num(windows["exchange_acceptance"]).max() > 0
    assert swapped == (name != "no exchange")


def test_comparison_tells_runs_apart(results: Any) -> None:
    """The same windows and seed, another number of walkers: other bits."""
    one, two = results("one walker", 1), results("two walkers alone", 1)
    assert one[0]["ln_g"].tobytes() != two[0]["ln_g"].tobytes()
