"""What a job asks for: flags first, then [slurm] in the job file, then the cluster file; checked against all limits."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from parallel_landscape.driver.walltime import show_time
from parallel_landscape.errors import JobError
from parallel_landscape.job.sections import Slurm
from parallel_landscape.keys import mistakes
from parallel_landscape.machine import USABLE, size
from parallel_landscape.planning.estimate import Plan
from parallel_landscape.slurm.cluster import Cluster, Partition
from parallel_landscape.slurm.link import MOST_LINKS

DEFAULT_MINUTES = 60
SHORTEST_MINUTES = 3  # a run stops a minute before its limit, and has to start
LEAST_MEMORY = 512 * 2**20
SPARE = 1.2  # memory asked for, over what the plan says
SIGNAL_SECONDS = 180  # before the limit; at most this part of it
SIGNAL_PART = 0.2
EARLY = 2.0  # the plan's time is the least: a job that needs this much more than it may have is refused


@dataclass(frozen=True)
class Request:
    """Everything that the batch script asks for; memory in bytes a task, time in minutes."""

    partition: str | None
    account: str | None
    qos: str | None
    nodes: int
    ntasks: int
    time: int
    memory: int | None
    signal_seconds: int
    links: int
    at_once: int | None
    how: str
    doctor: bool
    options: tuple[str, ...]


def wishes(section: Slurm, flags: Mapping[str, Any]) -> Slurm:
    """The flags that were given, laid over the job's section. Raises JobError for a wrong flag."""
    given = {key: value for key, value in flags.items() if value is not None}
    if "options" in given:
        given["options"] = [*section.options, *given["options"]]
    try:
        return Slurm.model_validate({**section.model_dump(), **given})
    except ValidationError as error:
        found = mistakes(Slurm, error)
        raise JobError([f"--{line.replace('_', '-', 1)}" if line.split(":")[0] in given else line for line in found]) from None


def make_request(
    wish: Slurm, cluster: Cluster, plan: Plan, live: Mapping[str, Partition], default: str | None, chain: str | None = None
) -> Request:
    """Fill in what was left out, and check everything. Raises JobError with every mistake, one sentence each.

    live, default: partitions as SLURM itself tells them, and its default one; empty where there is no SLURM.
    """
    partition = wish.partition or cluster.default_partition or default
    wrong = _partition_mistakes(partition, cluster, live)
    limits = [group[partition] for group in (cluster.partitions, live) if partition is not None and partition in group]
    cores = min((limit.cores for limit in limits if limit.cores), default=None)
    slots = plan.layout.slots
    ntasks = wish.ntasks or (min(slots, wish.nodes * cores) if wish.nodes and cores else slots)
    nodes = wish.nodes or (-(-ntasks // cores) if cores else 1)
    longest = min((limit.time for limit in limits if limit.time), default=None)
    time = wish.time or min(DEFAULT_MINUTES, longest or DEFAULT_MINUTES)
    memory = wish.memory_per_task or max(LEAST_MEMORY, int(plan.rank_bytes(ntasks) * SPARE / USABLE))
    request = Request(
        partition=partition,
        account=wish.account,
        qos=wish.qos,
        nodes=nodes,
        ntasks=ntasks,
        time=time,
        memory=memory if cluster.ask_memory or wish.memory_per_task else None,
        signal_seconds=wish.signal_seconds
        or cluster.signal_seconds
        or max(1, int(min(SIGNAL_SECONDS, SIGNAL_PART * 60 * time))),
        links=wish.links or MOST_LINKS,
        at_once=wish.at_once,
        how=chain or ("requeue" if cluster.requeue else "dependent"),
        doctor=wish.doctor,
        options=(*cluster.options, *wish.options),
    )
    for limit in limits:
        wrong += _over(request, limit, memory)
    wrong += _account_mistakes(request, cluster, limits) + _plan_mistakes(request, plan)
    if wrong:
        raise JobError(dict.fromkeys(wrong))
    return request


def _partition_mistakes(partition: str | None, cluster: Cluster, live: Mapping[str, Partition]) -> list[str]:
    known = sorted(live or cluster.partitions)
    if partition is None or not known or partition in known:
        return []
    near = difflib.get_close_matches(partition, known, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return [f"partition: given '{partition}', which this cluster does not have; {hint}There are: {', '.join(known)}."]


def _over(request: Request, limit: Partition, memory: int) -> list[str]:
    """What a request asks beyond a partition's limits."""
    name, per_node = request.partition, -(-request.ntasks // request.nodes)
    found = []
    if not limit.up:
        found.append(f"partition: '{name}' takes no jobs at present; choose another one with --partition.")
    if limit.time and request.time > limit.time:
        found.append(
            f"time: given {show_time(request.time)}; partition '{name}' allows at most {show_time(limit.time)}. Ask for that: "
            "the job goes on in another link by itself until it is done."
        )
    if limit.nodes and request.nodes > limit.nodes:
        found.append(f"nodes: {request.nodes} are asked for; a job in partition '{name}' may have at most {limit.nodes}.")
    if limit.cores and per_node > limit.cores:
        found.append(
            f"ntasks: {request.ntasks} on {request.nodes} nodes are {per_node} a node; those of partition '{name}' have "
            f"{limit.cores} cores. Ask for {-(-request.ntasks // limit.cores)} nodes, or for fewer tasks."
        )
    if limit.memory and memory * per_node > limit.memory and not (limit.cores and per_node > limit.cores):
        found.append(
            f"memory: {per_node} tasks a node of {size(memory)} each need {size(memory * per_node)}; nodes of partition "
            f"'{name}' have {size(limit.memory)}. Ask for more nodes, or fewer tasks."
        )
    return found


def _account_mistakes(request: Request, cluster: Cluster, limits: list[Partition]) -> list[str]:
    allowed = [limit.accounts for limit in limits if limit.accounts]
    names = f" Partition '{request.partition}' is for: {', '.join(allowed[0])}." if allowed else ""
    if request.account is None and (cluster.account_required or allowed):
        return [f"account: a job must name one here; give --account, or account in [slurm] of the job file.{names}"]
    if any(request.account not in accounts for accounts in allowed):
        return [f"account: given '{request.account}', which may not use this partition.{names}"]
    return []


def _plan_mistakes(request: Request, plan: Plan) -> list[str]:
    found = []
    slots, seconds, room = plan.layout.slots, plan.seconds(request.ntasks), 60 * request.time - 60
    if request.ntasks > slots:
        found.append(f"ntasks: {request.ntasks} tasks for {slots} slots of the job; ask for at most {slots}.")
    if request.nodes > request.ntasks:
        found.append(f"nodes: {request.nodes} nodes for {request.ntasks} tasks; ask for at most as many nodes as tasks.")
    if request.time < SHORTEST_MINUTES:
        found.append(
            f"time: given {show_time(request.time)}; at least {show_time(SHORTEST_MINUTES)} is needed, as a run stops a minute "
            "before its limit."
        )
    elif request.signal_seconds > 60 * request.time / 2:
        found.append(
            f"signal_seconds: {request.signal_seconds} s before a limit of {show_time(request.time)} leave no time to run; "
            f"give at most {30 * request.time}."
        )
    links = 1 if request.how == "none" else request.links
    if request.time >= SHORTEST_MINUTES and seconds > EARLY * links * room:
        found.append(
            f"time: the job needs at least about {seconds / 3600:.2g} hours on {request.ntasks} tasks; {links} links of "
            f"{show_time(request.time)} are far too few. Ask for more time, links or tasks, or for less of the job."
        )
    return found
