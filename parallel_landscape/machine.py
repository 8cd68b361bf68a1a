"""The machine that this process runs on: its memory, and sizes for people."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

USABLE = 0.8  # of a machine's memory, before a job is refused


def machine_memory() -> int:
    """Bytes of memory that processes on this machine may use in all: what it has, or what a container or SLURM leaves."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            found.append(int(Path(limit).read_text()))
        except (OSError, ValueError):
            continue  # "max", or no such container
    for name, count in (("SLURM_MEM_PER_NODE", "1"), ("SLURM_MEM_PER_CPU", os.environ.get("SLURM_CPUS_ON_NODE", ""))):
        told = os.environ.get(name, "")
        if told.isdigit() and count.isdigit() and int(told) and int(count):
            found.append(int(told) * int(count) * 2**20)
    return min(found)


def ranks_here(ranks: int) -> int:
    """How many of the ranks run on this machine, as the launcher tells; all when it does not."""
    for name in ("MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE"):
        told = os.environ.get(name, "")
        if told.isdigit() and int(told):
            return int(told)
    counts = _tasks_per_node(os.environ.get("SLURM_STEP_TASKS_PER_NODE", ""))
    node = os.environ.get("SLURM_NODEID", "")
    if node.isdigit() and int(node) < len(counts):
        return counts[int(node)]
    return ranks


def _tasks_per_node(told: str) -> list[int]:
    """SLURM's "4,2(x3)" is 4, 2, 2, 2; empty when it is something else."""
    counts: list[int] = []
    for part in told.split(","):
        match = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part)
        if match is None or not int(match[1]):
            return []
        counts += [int(match[1])] * int(match[2] or 1)
    return counts


def read_size(text: str) -> int:
    """Bytes from "2GiB", "500 MB" or "3e9". Raises ValueError for anything else."""
    match = re.fullmatch(r"\s*([0-9.]+(?:e[0-9]+)?)\s*([kmgt]?)(i?)b?\s*", text, re.IGNORECASE)
    if match is None:
        raise ValueError(f"given {text!r}; a size is needed, such as 2GiB or 500MB")
    number, prefix, binary = match.groups()
    power = " kmgt".index(prefix.lower() or " ")
    found = float(number) * (1024.0 if binary else 1000.0) ** power
    if not math.isfinite(found) or found < 1:
        raise ValueError(f"given {text!r}; a size is needed, such as 2GiB or 500MB")
    return int(found)


def size(count: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} PiB" if count < 1e6 else f"{count:.1e} PiB"
