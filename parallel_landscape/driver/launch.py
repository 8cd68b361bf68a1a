"""Start MPI ranks from an ordinary process."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from parallel_landscape.driver.progress import TERMINAL
from parallel_landscape.driver.stopping import SIGNALS
from parallel_landscape.errors import RunError, Stopped

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
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


def rank_environment(ranks: int) -> dict[str, str]:
    """The environment for `ranks` new ranks here: no other launcher's variables, one thread of linear algebra each."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(_LAUNCHER_VARIABLES)}
    environment |= {name: environment.get(name, "1") for name in THREAD_VARIABLES}
    if ranks > usable_cores():
        environment.setdefault("MPIR_CVAR_ENABLE_HEAVY_YIELD", "1")
    return environment


def start_ranks(ranks: int, arguments: Sequence[str]) -> int:
    """Run `pland ARGUMENTS` on `ranks` new MPI ranks and return their exit code.

    `-m mpi4py` turns an uncaught exception on one rank into the end of all.
    """
    environment = rank_environment(ranks)
    if sys.stderr.isatty():
        environment[TERMINAL] = "1"
    command = [mpiexec(), "-n", str(ranks), sys.executable, "-m", "mpi4py", "-m", "parallel_landscape", *arguments]
    child = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_die_with_parent
    )
    heard: list[int] = []
    code = wait_and_forward(child, heard.append)
    if heard and heard.count(signal.SIGINT) < 2 and code not in range(4):  # ranks that still start know no signals
        print("pland: stopped while it was starting; type the same command again", file=sys.stderr)
        return Stopped.exit_code
    return code


def wait_and_forward(child: subprocess.Popen[bytes], heard: Callable[[int], None] = lambda number: None) -> int:
    """Wait for the launcher; a signal to stop becomes SIGUSR1, which every launcher passes on; a second Ctrl-C kills.

    heard: called with the number of each signal, after it was passed on.
    """
    interrupts = 0

    def forward(number: int, _frame: object) -> None:
        nonlocal interrupts
        interrupts += number == signal.SIGINT
        if interrupts > 1:
            os.killpg(child.pid, signal.SIGKILL)
        elif child.poll() is None:
            child.send_signal(signal.SIGUSR1)
        heard(number)

    before = {number: signal.signal(number, forward) for number in SIGNALS}
    try:
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 130 if interrupts > 1 else code if code >= 0 else 128 - code


def _die_with_parent() -> None:
    """Let the kernel end the launcher, and with it the ranks, when this process is killed (Linux only)."""
    if sys.platform == "linux":
        set_death_signal = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGTERM)
