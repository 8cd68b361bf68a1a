"""Share of a round of coupled replicas that goes into communication, by this process among its ranks.

    mpiexec -n 2 -bind-to core python -m mpi4py -m tests.benchmarks.communication [--inputs 201 --sweeps 1 4 16]

Prints, for each number of sweeps in a round, the time of a round, that inside the communicator, and their ratio. Waiting for
a slower rank counts as communication. Ratios on idle cores mean something; on shared ones they do not.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from parallel_landscape.courses.coupled_course import COURSE
from parallel_landscape.driver.campaign import begin
from parallel_landscape.exchange.world import find_world
from parallel_landscape.job.job import make_job

CALLS = ("add", "swap", "flags")


def timed(call: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    """`call`, whose time is added to spent[0]."""

    def measured(*arguments: Any) -> Any:
        started = time.perf_counter()
        try:
            return call(*arguments)
        finally:
            spent[0] += time.perf_counter() - started

    return measured


def share(inputs: int, sweeps: int, rounds: int) -> tuple[float, float]:
    """Seconds of a round, and of those in the communicator."""
    comm, spent = find_world(), [0.0]
    folder = Path(comm.broadcast(tempfile.mkdtemp() if comm.rank == 0 else ""))
    content = {
        "name": "run",
        "seed": 1,
        "landscape": {"model": "binary-perceptron", "inputs": inputs, "data": {"source": "random", "patterns": inputs // 2}},
        "dynamics": {"sweeps_per_round": sweeps},
        "ensemble": {"kind": "coupled", "replicas": 4, "gamma": [0.5, 0.6], "beta": 2.0, "equilibration_rounds": 10},
        "production": {"rounds": 1},
    }
    campaign = begin(make_job(content, folder), comm, force_new=False, quiet=True)
    phase = COURSE.first(campaign)
    for name in CALLS:
        object.__setattr__(comm, name, timed(getattr(comm, name), spent))
    for _ in range(rounds // 10):
        phase.step(campaign.sampler, campaign.slots, comm)
    spent[0], started = 0.0, time.perf_counter()
    for _ in range(rounds):
        comm.flags(0)  # as between rounds of a run
        phase.step(campaign.sampler, campaign.slots, comm)
    return (time.perf_counter() - started) / rounds, spent[0] / rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=201)
    parser.add_argument("--sweeps", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--rounds", type=int, default=2000)
    given = parser.parse_args()
    for sweeps in given.sweeps:
        whole, inside = share(given.inputs, sweeps, given.rounds)
        if find_world().rank == 0:
            print(
                f"{sweeps:4d} sweeps a round: {1e6 * whole:8.1f} us, {1e6 * inside:7.1f} us inside, share {inside / whole:.3f}"
            )


if __name__ == "__main__":
    main()
