"""Which processes this one belongs to: found from the launcher's environment, and checked."""

from __future__ import annotations

import os

from parallel_landscape.errors import RunError
from parallel_landscape.exchange.comm import Comm, Serial

_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS", "MPI_LOCALNRANKS")
_WORLDS = ("PMI_SIZE", "PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_SIZE")


def announced_size() -> int:
    """How many processes the launcher says it started; 1 without a launcher."""
    return max((int(os.environ[name]) for name in _SIZES if os.environ.get(name, "").isdigit()), default=1)


def launched() -> bool:
    """Whether a launcher (mpiexec, srun) started this process."""
    return announced_size() > 1 or any(name in os.environ for name in _WORLDS)


def find_world() -> Comm:
    """MPI when a launcher started us, one process otherwise.

    Raises RunError when the launcher started several processes that do not see each other: each would take itself for rank 0.
    """
    if not launched():
        return Serial()
    from parallel_landscape.exchange.mpi import Mpi

    world = Mpi()
    if world.size == 1 and announced_size() > 1:
        raise RunError(
            f"the launcher started {announced_size()} processes, but MPI sees only one: launcher and MPI library do not match. "
            "Use the mpiexec that came with this environment, or another PMI for srun (--mpi=pmi2 or --mpi=pmix)."
        )
    return world
