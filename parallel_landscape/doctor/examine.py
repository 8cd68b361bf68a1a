"""Is this machine set up right? Small checks, one line each: ok, warning or fault, and what to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from parallel_landscape.doctor import processes, software, storage
from parallel_landscape.doctor.finding import Finding, fault
from parallel_landscape.errors import RunError
from parallel_landscape.exchange.comm import Comm, Serial
from parallel_landscape.exchange.world import find_world

Check = Callable[[Path, Comm], Finding]

CHECKS: dict[str, Check] = {
    "versions": lambda folder, comm: software.versions(),
    "MPI packages": lambda folder, comm: processes.mpi_wheels(),
    "MPI world": lambda folder, comm: processes.one_world(comm),
    "cores": lambda folder, comm: processes.oversubscription(comm),
    "threads": lambda folder, comm: processes.threads(),
    "compiler": lambda folder, comm: processes.jit_switches(),
    "compile cache": lambda folder, comm: software.cache_place(),
    "kernel": lambda folder, comm: software.compile_and_load(),
    "folder": lambda folder, comm: storage.writable(folder),
    "fsync, rename": lambda folder, comm: storage.rename_and_fsync(folder),
    "file locks": lambda folder, comm: storage.file_locks(folder),
    "HDF5": lambda folder, comm: storage.hdf5(folder),
    "clock": lambda folder, comm: storage.clock(folder),
    "SLURM": lambda folder, comm: software.slurm(),
}
IN_FOLDER = ("fsync, rename", "file locks", "HDF5", "clock")  # tell nothing where nothing can be written


def examine(folder: Path, *, as_json: bool = False) -> int:
    """Run every check on the first rank and print what it finds; 1 when there is a fault, else 0.

    folder: where runs will lie, or a run. JSON: [{"check", "grade", "text", "remedy"}, ...].
    """
    try:
        comm: Comm = find_world()
    except RunError:  # `one_world` says so
        comm = Serial()
    found = findings(folder, comm) if comm.rank == 0 else {}
    if comm.rank == 0:
        print(_as_json(found) if as_json else "\n".join(lines(found)))
        sys.stdout.flush()
    faults = any(finding.grade == "fault" for finding in found.values())
    return int(bool(comm.broadcast(faults)))


def findings(folder: Path, comm: Comm) -> dict[str, Finding]:
    """What each check finds; one that fails itself is a fault."""
    found: dict[str, Finding] = {}
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    for name, check in CHECKS.items():
        if name in IN_FOLDER and found["folder"].grade == "fault":
            continue
        try:
            found[name] = check(folder, comm)
        except Exception as error:
            found[name] = fault(f"the check failed: {type(error).__name__}: {error}", "please report this")
    return found


def lines(found: dict[str, Finding]) -> list[str]:
    """The findings for people."""
    width = max(map(len, found))
    shown = []
    for name, finding in found.items():
        shown.append(f"{finding.grade:8} {name:{width}}  {finding.text}")
        if finding.remedy:
            shown.append(f"{'':{9 + width}}  -> {finding.remedy}")
    return shown


def _as_json(found: dict[str, Finding]) -> str:
    return json.dumps([{"check": name, **asdict(finding)} for name, finding in found.items()])
