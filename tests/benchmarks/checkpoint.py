"""What a checkpoint costs: mpiexec -n 2 python -m mpi4py tests/benchmarks/checkpoint.py [FOLDER]

`save` of slots with 10^4 levels and N = 10^4 weights, four on each rank, against ten minutes between checkpoints.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from parallel_landscape.courses.wang_landau_course import new_learning
from parallel_landscape.driver.boundary import save
from parallel_landscape.driver.campaign import assemble
from parallel_landscape.driver.shared_data import SharedData
from parallel_landscape.exchange.world import find_world
from parallel_landscape.job.job import make_job
from parallel_landscape.landscape import Landscape
from parallel_landscape.store.run_folder import RunFolder

WEIGHTS, LEVELS, SLOTS = 10_000, 10_001, 4
INTERVAL = 600.0  # seconds
REPEATS = 10


class Params(NamedTuple):
    """None."""

    unused: int


class State(NamedTuple):
    """Weights +-1 and the number of those that are up."""

    spins: np.ndarray
    up: np.ndarray


def model() -> Landscape:
    """E = number of weights +1: as cheap as can be, for only the saving counts."""

    def initial(rng: np.random.Generator) -> State:
        spins = rng.choice(np.array([-1, 1]), WEIGHTS).astype(np.int8)
        return State(spins, np.array([np.count_nonzero(spins > 0)]))

    def energy(params: Params, state: State) -> int:
        return np.count_nonzero(state.spins > 0)

    def delta(params: Params, state: State, move: int) -> int:
        return -1 if state.spins[move] > 0 else 1

    def commit(params: Params, state: State, move: int) -> None:
        state.spins[move] = -state.spins[move]

    return Landscape(Params(0), initial, energy, delta, commit, moves=WEIGHTS, levels=range(LEVELS))


def main() -> None:
    """Print the time of a save, and its share of a run."""
    comm = find_world()
    where = comm.broadcast(tempfile.mkdtemp(prefix="checkpoint-", dir=sys.argv[1] if sys.argv[1:] else None))
    job = make_job(
        {
            "name": "run",
            "seed": 1,
            "landscape": {"model": "ising-2d", "length": 4},  # stands for ours, which has no name
            "exchange": {"windows": comm.size, "walkers_per_window": SLOTS},
        },
        Path(where),
    )
    folder = RunFolder(Path(where) / "run")
    if comm.rank == 0:
        folder.create()
    campaign = assemble(job, comm, folder, model(), SharedData(job, comm), quiet=True)
    learning = new_learning(campaign, [(0, LEVELS - 1)] * comm.size)
    learning.begin(campaign.slots)
    seconds = []
    for _ in range(REPEATS):
        comm.flags(0)
        started = time.perf_counter()
        save(campaign, learning)
        seconds.append(time.perf_counter() - started)
    if comm.rank == 0:
        size = sum(path.stat().st_size for path in sorted(folder.checkpoints.iterdir())[-1].iterdir())
        print(f"{comm.size} ranks x {SLOTS} slots, {LEVELS} levels, {WEIGHTS} weights: {size / 2**20:.1f} MiB a checkpoint")
        print(f"save: median {1e3 * np.median(seconds):.0f} ms, largest {1e3 * max(seconds):.0f} ms", end="")
        print(f" = {100 * np.median(seconds) / INTERVAL:.4f} % of {INTERVAL / 60:.0f} minutes")


if __name__ == "__main__":
    main()
