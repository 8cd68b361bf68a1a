"""`pland check`: sizes that agree with what is made, honest times, and refusal of what no machine can hold."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parallel_landscape.cli import main
from parallel_landscape.effort import Effort
from parallel_landscape.errors import JobError
from parallel_landscape.estimate import Plan
from parallel_landscape.exchange.layout import Layout
from parallel_landscape.job import Job, make_job
from parallel_landscape.learn import IDLE
from parallel_landscape.machine import machine_memory, ranks_here, read_size, size
from parallel_landscape.plan import make_plan
from parallel_landscape.sampler import make_sampler
from parallel_landscape.sizes import PROCESS, Sizes, check_affordable, sizes_from_keys, sizes_of
from parallel_landscape.store.segments import Segment, read_records

RANDOM = {"source": "random", "patterns": 70}
MODELS: dict[str, dict[str, Any]] = {
    "ising": {"model": "ising-2d", "length": 5},
    "potts": {"model": "potts-2d", "length": 4, "states": 3},
    "perceptron": {"model": "binary-perceptron", "inputs": 21, "data": RANDOM},
    "committee": {"model": "committee", "inputs": 21, "hidden": 3, "data": RANDOM},
    "tree": {"model": "committee", "inputs": 21, "hidden": 3, "connectivity": "tree", "data": RANDOM},
    "mlp": {"model": "binary-mlp", "layers": [21, 5, 3, 1], "data": RANDOM},
}
HUGE = {
    "lattice": {"model": "ising-2d", "length": 10**6},
    "potts": {"model": "potts-2d", "length": 10**9, "states": 3},
    "patterns": {"model": "binary-perceptron", "inputs": 10**6 + 1, "data": {"source": "random", "patterns": 10**6}},
    "alpha": {"model": "committee", "inputs": 10**7 + 1, "hidden": 11, "data": {"source": "teacher", "alpha": 1.0}},
    "latent": {
        "model": "binary-perceptron",
        "inputs": 101,
        "data": {"source": "hidden-manifold", "patterns": 100, "latent": 10**11},
    },
}
OWN = """
import numpy as np
from parallel_landscape.landscapes.perceptron import binary_perceptron
from parallel_landscape.landscape import DataSource
def model(inputs: int, data: DataSource):
    return binary_perceptron(inputs, data)
"""


def job_of(landscape: dict[str, Any], base: Path, **sections: Any) -> Job:
    return make_job({"name": "planned", "seed": 1, "landscape": landscape, **sections}, base)


@pytest.mark.parametrize("name", MODELS)
def test_sizes_from_keys_are_those_of_what_is_made(name: str, tmp_path: Path) -> None:
    job = job_of(MODELS[name], tmp_path)
    told = sizes_from_keys(job)
    landscape = job.build_landscape()
    slot = make_sampler(landscape, 1).new_slot(0)
    made = sizes_of(landscape, sum(part.nbytes for part in slot.walker.state))
    assert told is not None and told.levels == made.levels
    assert made.shared <= told.shared + 4096 and abs(told.state - made.state) <= 64
    tables = sum(array.nbytes for field, array in slot.arrays().items() if field not in ("walker", "counts"))
    assert tables == told.slot - told.state


@pytest.mark.parametrize("name", HUGE)
@pytest.mark.parametrize("command", ["check", "run"])
def test_the_absurd_is_refused_before_it_is_made(
    name: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import tomli_w

    path = tmp_path / "job.toml"
    path.write_text(tomli_w.dumps({"name": "huge", "seed": 1, "landscape": HUGE[name]}))
    tracemalloc.start()
    started = time.monotonic()
    code = main([command, str(path)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    said = capsys.readouterr().err
    assert code == 2 and time.monotonic() - started < 10 and peak < 50 * 2**20
    assert ("TiB" in said or "PiB" in said) and size(machine_memory()) in said
    assert list(tmp_path.iterdir()) == [path]


def test_too_many_slots_are_refused(tmp_path: Path) -> None:
    job = job_of(MODELS["ising"], tmp_path, exchange={"walkers_per_window": 10**12})
    with pytest.raises(JobError, match="3,000,000,000,000 of 3,000,000,000,000 slots of"):
        make_plan(job, 1)


def test_data_for_a_model_of_ones_own_are_refused_too(tmp_path: Path) -> None:
    (tmp_path / "plan_own.py").write_text(OWN)
    data = {"source": "random", "patterns": 10**12}
    job = job_of({"model": "plan_own:model", "inputs": 1001, "data": data}, tmp_path)
    assert sizes_from_keys(job) is None
    with pytest.raises(JobError, match=r"\[landscape.data\] 1,000,000,000,000 patterns x 1,001 inputs need"):
        job.build_landscape()


def test_memory_per_rank_is_a_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = job_of(MODELS["ising"], tmp_path)
    check_affordable(job, 2, limit=2 * PROCESS)
    with pytest.raises(JobError, match="--memory-per-rank is 1 MiB"):
        check_affordable(job, 2, limit=2**20)
    with pytest.raises(SystemExit):
        main(["check", "job.toml", "--memory-per-rank", "much"])
    assert "such as 2GiB" in capsys.readouterr().err


def test_ranks_of_one_machine_are_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parallel_landscape.sizes.machine_memory", lambda: 10 * PROCESS)
    job = job_of(MODELS["ising"], tmp_path, exchange={"windows": 4, "walkers_per_window": 5})
    check_affordable(job, 7)
    check_affordable(job, 20, here=7)
    with pytest.raises(JobError, match="on 9 ranks"):
        check_affordable(job, 9)
    monkeypatch.setenv("MPI_LOCALNRANKS", "3")
    assert ranks_here(12) == 3
    monkeypatch.delenv("MPI_LOCALNRANKS")
    assert ranks_here(12) == 12


@pytest.mark.parametrize(
    ("told", "node", "here"), [("4,2(x3)", "0", 4), ("4,2(x3)", "3", 2), ("4", "1", 12), ("many", "0", 12)]
)
def test_ranks_of_one_node_of_many(monkeypatch: pytest.MonkeyPatch, told: str, node: str, here: int) -> None:
    for name in ("MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLURM_STEP_TASKS_PER_NODE", told)
    monkeypatch.setenv("SLURM_NODEID", node)
    assert ranks_here(12) == here


def test_slurm_says_what_it_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = machine_memory()
    for name, value in {"SLURM_MEM_PER_CPU": "100", "SLURM_CPUS_ON_NODE": "3"}.items():
        monkeypatch.setenv(name, value)
    assert machine_memory() == 300 * 2**20
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "200")
    assert machine_memory() == 200 * 2**20 < whole


def test_production_records_as_many_as_planned(tmp_path: Path) -> None:
    job = job_of(
        MODELS["perceptron"],
        tmp_path,
        ensemble={"ln_f_final": 1e-2, "occasions": 5},
        exchange={"windows": 2, "energy": [15, 45], "spacing": "equal"},
        dynamics={"sweeps_per_round": 40},
        production={"rounds": 3, "record_every_sweeps": 10, "weights": True},
    )
    made = make_plan(job, 2)
    from parallel_landscape.exchange.comm import Serial
    from parallel_landscape.rounds import run_job
    from parallel_landscape.store import checkpoint

    run_job(job, Serial(), quiet=True)
    newest = checkpoint.all_sound(job.folder / "checkpoints")[0]
    records = read_records(job.folder / "trajectory", [Segment(**segment) for segment in newest.about["segments"]])
    assert len(records["slot"]) == made.layout.slots * made.records == 2 * 3 * 4
    assert sum(column.nbytes for column in records.values()) == made.trajectory_bytes
    widths = [high - low + 1 for low, high in newest.about["state"]["windows"]]
    assert list(made.effort.window_levels) == widths and made.effort.certain
    assert newest.size < made.checkpoint_bytes + 2 * 16_384  # HDF5 adds a few kB to each file


def plan_with(steps: tuple[float, ...], layout: Layout, **changes: Any) -> Plan:
    values: dict[str, Any] = {
        "layout": layout,
        "sizes": Sizes(0, 100, range(11)),
        "moves": 10,
        "steps_per_round": 1000,
        "ns_per_step": 10.0,
        "effort": Effort((11,) * len(steps), True, steps, "learning", ""),
        "names": ("windows", "walkers_per_window"),
        "production_steps": 0,
        "records": 0,
        "record_bytes": 24,
        "disk_free": 10**12,
    }
    return Plan(**{**values, **changes})


def test_the_fullest_rank_sets_the_time() -> None:
    made = plan_with((1.6e9, 0.8e9), Layout(1, 2, 1))
    assert made.learning_seconds(2) == pytest.approx(16.0)
    assert made.learning_seconds(1) == pytest.approx(16.0 + 8.0 + 8.0 / IDLE)
    assert plan_with((1e9,), Layout(8, 1, 1)).learning_seconds(3) == pytest.approx(30.0)
    assert plan_with((1e9,), Layout(8, 1, 1), production_steps=10**8).seconds(3) == pytest.approx(33.0)


def test_uneven_ranks_and_a_full_disk_are_warned_of() -> None:
    made = plan_with((1e9,), Layout(8, 1, 1))
    assert made.warnings(4) == [] and made.warnings(8) == []
    assert made.warnings(5) == ["5 ranks share 8 slots unevenly: the fullest has 2, so 4 ranks are as fast"]
    (said,) = plan_with((1e9,), Layout(8, 1, 1), records=10**9, disk_free=10**9).warnings(8)
    assert "may take 179 GiB, and 954 MiB are free" in said
    assert "warning   5 ranks" in "\n".join(made.lines(5))


@pytest.mark.parametrize(
    ("ensemble", "steps"),
    [
        ({"schedule": "1/t", "ln_f_final": 1e-4}, 26 * 1e4),
        ({"schedule": "samc", "ln_f_final": 1e-2, "t0": 50.0}, 26 * 5e3),
        ({"schedule": "halving", "ln_f_final": 1e-8}, 26 * 2e4 / 2),
        ({"schedule": "1/t", "ln_f_final": 1e-4, "max_sweeps": 100}, 2500),
        ({"schedule": "1/t", "ln_f_final": 0.5, "occasions": 7}, 7 * 1000),
    ],
)
def test_steps_that_a_schedule_asks_for(ensemble: dict[str, Any], steps: float, tmp_path: Path) -> None:
    """Windows of 26 levels, two walkers in each, 25 steps a sweep and 40 sweeps a round."""
    exchange = {"windows": [[-50, 50]], "walkers_per_window": 2}
    job = job_of(
        MODELS["ising"], tmp_path, ensemble={"occasions": 1, **ensemble}, exchange=exchange, dynamics={"sweeps_per_round": 40}
    )
    made = make_plan(job)
    assert made.effort.window_levels == (26,) and made.effort.steps == pytest.approx((steps,))
    assert made.ns_per_step > 0 and np.isfinite(made.seconds(2))


@pytest.mark.parametrize(
    ("text", "count"), [("2GiB", 2**31), ("2 gb", 2 * 10**9), ("512K", 512_000), ("3e9", 3 * 10**9), ("7b", 7)]
)
def test_sizes_are_read(text: str, count: int) -> None:
    assert read_size(text) == count


@pytest.mark.parametrize("text", ["", "GiB", "-1", "2 parsecs", "0"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="such as 2GiB"):
        read_size(text)


def test_sizes_for_people() -> None:
    assert [size(count) for count in (0, 1023, 1536, 2**30, 2.5 * 2**40, 2.0**60)] == [
        "0 B",
        "1023 B",
        "1.5 KiB",
        "1 GiB",
        "2.5 TiB",
        "1.02e+03 PiB",
    ]
