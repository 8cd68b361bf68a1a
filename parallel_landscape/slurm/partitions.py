"""The partitions of the cluster that this is, as SLURM itself tells them."""

from __future__ import annotations

from collections.abc import Mapping

from parallel_landscape.driver.walltime import read_time
from parallel_landscape.errors import RunError
from parallel_landscape.slurm.cluster import Partition
from parallel_landscape.slurm.controller import ask, fields


def live_partitions() -> tuple[dict[str, Partition], str | None]:
    """What SLURM says of its partitions, and which is the default; nothing where it does not answer."""
    try:
        told = [fields(line) for line in ask("scontrol", "show", "partition", "--oneliner").splitlines() if line.strip()]
        cores = _cores(ask("sinfo", "-h", "-o", "%R|%c|%m"))
    except RunError:
        return {}, None
    default = next((one["PartitionName"] for one in told if one.get("Default") == "YES"), None)
    return {one["PartitionName"]: _partition(one, cores) for one in told}, default


def _cores(text: str) -> dict[str, tuple[int, int]]:
    """{partition: (most cores, most MiB) of a node}, from lines such as "main|48+|190000+"."""
    found: dict[str, tuple[int, int]] = {}
    for line in text.splitlines():
        name, cores, memory = (part.rstrip("+") for part in line.split("|"))
        before = found.get(name, (0, 0))
        found[name] = max(before[0], int(cores)), max(before[1], int(memory))
    return found


def _partition(told: Mapping[str, str], cores: Mapping[str, tuple[int, int]]) -> Partition:
    limits = [int(told[key]) for key in ("MaxNodes", "TotalNodes") if told.get(key, "").isdigit()]
    core, memory = cores.get(told["PartitionName"], (0, 0))
    time, accounts = told.get("MaxTime", "UNLIMITED"), told.get("AllowAccounts", "ALL")
    return Partition(
        time=read_time(time) if time[:1].isdigit() else None,
        nodes=min([n for n in limits if n], default=None),
        cores=core or None,
        memory=memory * 2**20 or None,
        accounts=None if accounts == "ALL" else accounts.split(","),
        up=told.get("State", "UP") == "UP",
    )
