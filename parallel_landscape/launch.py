"""Start MPI ranks from an ordinary process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from parallel_landscape.errors import RunError

_LAUNCHER_VARIABLES = ("PMI", "PMIX", "OMPI", "PRTE", "HYDRA", "MPI_LOCAL")


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def mpiexec() -> str:
    """The launcher that belongs to this environment's MPI. Raises RunError when there is none."""
    beside = Path(sys.executable).parent / "mpiexec"
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is None:
        raise RunError("no mpiexec was found beside this Python or on the path; install the mpich package, or run with -n 1")
    return found


def start_ranks(ranks: int, arguments: Sequence[str]) -> int:
    """Run `pland ARGUMENTS` on `ranks` new MPI ranks and return their exit code.

    `-m mpi4py` turns an uncaught exception on one rank into the end of all.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith(_LAUNCHER_VARIABLES)}
    environment |= {name: environment.get(name, "1") for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    if ranks > usable_cores():
        environment.setdefault("MPIR_CVAR_ENABLE_HEAVY_YIELD", "1")
    command = [mpiexec(), "-n", str(ranks), sys.executable, "-m", "mpi4py", "-m", "parallel_landscape", *arguments]
    return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL).returncode
