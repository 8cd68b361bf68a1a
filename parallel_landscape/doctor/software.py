"""Checks of Python, of the compiler and its cache, and of SLURM."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Any

from parallel_landscape.doctor.finding import Finding, fault, ok, warning
from parallel_landscape.doctor.storage import file_system, is_network, trial_folder
from parallel_landscape.driver.provenance import version
from parallel_landscape.specialise import cache_folder, compile_function

PATIENCE_SECONDS = 20
OLDEST = (3, 11)
EXPECTED = 285  # sum of the squares below 10


def versions() -> Finding:
    """Python and the libraries that numbers come from."""
    python = ".".join(map(str, sys.version_info[:3]))
    found = ", ".join(f"{name} {version(name)}" for name in ("parallel_landscape", "numba", "numpy"))
    if sys.version_info < OLDEST:
        return fault(f"Python {python}", "Python 3.11 or later is needed")
    return ok(f"Python {python}, {found}")


def cache_place() -> Finding:
    """Where compiled code is kept: it must be writable, and better not on a network."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with trial_folder(folder):
            pass
    except OSError as error:
        return fault(f"{folder} cannot be written: {error.strerror}", "set PLAND_CACHE_DIR to a folder that can be")
    kind = file_system(folder)
    if is_network(kind):
        return warning(
            f"{folder} is on a network ({kind})", "faster starts with PLAND_CACHE_DIR on a local disk, the same for all ranks"
        )
    return ok(f"{folder}{f' on {kind}' if kind else ''}")


def sample(count: int) -> Any:
    """Sum of the squares below `count`: something to compile."""
    total = 0
    for k in range(count):
        total += k * k
    return total


def compile_and_load() -> Finding:
    """Compile a kernel, and have another process load it from the disk."""
    try:
        kernel = compile_function(sample)
        if kernel.compiled(10) != EXPECTED:
            return fault("a compiled kernel gives a wrong number", "reinstall numba and llvmlite together")
        command = [sys.executable, "-m", "parallel_landscape.doctor.load_kernel"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=3 * PATIENCE_SECONDS)
    except Exception as error:  # whatever the compiler raises is the finding
        return fault(f"numba fails: {type(error).__name__}: {error}", "reinstall numba and llvmlite together")
    if done.returncode or not done.stdout.strip().isdigit():
        why = (done.stderr.strip() or "no word").splitlines()[-1]
        return fault(f"a second process cannot load a kernel: {why}", f"remove {cache_folder()}, or set PLAND_CACHE_DIR")
    if done.stdout.strip() == "0":
        return warning("compiled kernels are not found again on disk: every rank of every run compiles anew",
                       f"see whether something empties {cache_folder()}")  # fmt: skip
    return ok("a kernel compiles, and another process loads it")


def slurm() -> Finding:
    """SLURM's commands, and whether this is inside a job."""
    found = [name for name in ("sbatch", "srun", "scontrol") if shutil.which(name)]
    job = os.environ.get("SLURM_JOB_ID")
    if not found:
        return (
            ok("not installed here")
            if not job
            else fault("inside a job, but srun and scontrol are not on the path", "mend PATH")
        )
    try:
        told = subprocess.run([found[0], "--version"], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return fault(f"{found[0]} does not answer: {error}", "ask the cluster's staff")
    named = told.stdout.strip() or told.stderr.strip() or "of unknown version"
    if len(found) < 3:
        return warning(
            f"{named}, only {', '.join(found)}", "`pland submit` and stopping in time need sbatch, srun and scontrol"
        )
    if not job and subprocess.run(["scontrol", "ping"], capture_output=True, timeout=PATIENCE_SECONDS).returncode:
        return warning(f"{named}, but its controller does not answer", "ask the cluster's staff")
    return ok(f"{named}, {f'inside job {job}' if job else 'not inside a job'}")
