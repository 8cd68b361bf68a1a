"""Who does the work: this process, threads, processes, or the workers of a Dask scheduler that runs already."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from parallel_landscape.analysis.slurm_workers import slurm_cluster
from parallel_landscape.analysis.worker_settings import SETTINGS
from parallel_landscape.errors import JobError, RunError

T = TypeVar("T")
R = TypeVar("R")
Done = Callable[[Any], None]
Runner = Callable[[Callable[[T], R], Sequence[T], Done], list[R]]
LOOPBACK = "127.0.0.1"
TASKS = 32  # for each worker, in one pass over the segments


def serial(function: Callable[[T], R], items: Sequence[T], done: Done) -> list[R]:
    """One after the other, without Dask."""
    found = []
    for item in items:
        found.append(function(item))
        done(found[-1])
    return found


@contextmanager
def runner(scheduler: str, workers: int, credentials: dict[str, str] | None = None) -> Iterator[Runner[Any, Any]]:
    """A function run(function, items, done) -> results in order, for "none", "threads", "processes", "slurm" or an address."""
    if scheduler == "none":
        yield serial
    elif scheduler == "threads":
        yield lambda function, items, done: _threads(function, items, done, workers)
    elif scheduler in _CLUSTERS:
        with _CLUSTERS[scheduler](workers) as client:
            yield lambda function, items, done: _on(client, function, items, done, workers)
    elif "://" in scheduler:
        with connect(scheduler, credentials or {}) as client:
            yield lambda function, items, done: _on(client, function, items, done, max(1, len(client.nthreads())))
    else:
        raise JobError(
            f"--scheduler {scheduler}: give none, threads, {', '.join(_CLUSTERS)} or an address such as tls://host:8786"
        )


def _threads(function: Callable[[T], R], items: Sequence[T], done: Done, workers: int) -> list[R]:
    import dask
    from dask.callbacks import Callback

    graph = [dask.delayed(function, pure=False)(item) for item in items]

    def finished(key: Any, result: Any, *rest: Any) -> None:
        done(result)

    with Callback(posttask=finished):
        return list(dask.compute(*graph, scheduler="threads", num_workers=workers, optimize_graph=False))


def _on(client: Any, function: Callable[[T], R], items: Sequence[T], done: Done, workers: int) -> list[R]:
    """A few items to a task: the scheduler takes some ms for each task, and 10,000 segments would be many."""
    from distributed import as_completed

    width = max(1, len(items) // (TASKS * workers))
    groups = [items[first : first + width] for first in range(0, len(items), width)]
    futures = client.map(functools.partial(_each, function), groups, pure=False, retries=2)
    place, found = {future.key: number for number, future in enumerate(futures)}, {}
    for future in as_completed(futures):
        try:
            found[place[future.key]] = future.result()
        except (OSError, RuntimeError) as error:
            client.cancel(futures)
            raise RunError(f"a worker could not do its part: {error}; finished shards are kept, run it again") from error
        for one in found[place[future.key]]:
            done(one)
    return [one for number in range(len(groups)) for one in found[number]]


def _each(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    return [function(item) for item in items]


@contextmanager
def local_cluster(workers: int) -> Iterator[Any]:
    """A client of worker processes on this machine, which nobody without this process's credentials can join or read: loopback
    only, TLS with certificates made for the occasion, no dashboard."""
    import dask
    from distributed import Client, LocalCluster

    with (
        dask.config.set(SETTINGS),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host=LOOPBACK,
            protocol="tls://",
            security=_own_credentials(),
            dashboard_address=None,
            worker_dashboard_address=None,
            memory_limit=0,  # blocks are cut to fit; a worker killed half-way would only begin again
            silence_logs=50,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _own_credentials() -> Any:
    from distributed.security import Security

    try:
        return Security.temporary()
    except ImportError:
        raise RunError(
            "worker processes talk over TLS, for which cryptography is needed; run: pip install cryptography"
        ) from None


@contextmanager
def connect(address: str, credentials: dict[str, str]) -> Iterator[Any]:
    """A client of the scheduler at `address`; `credentials` may hold the files ca, cert and key."""
    from distributed import Client
    from distributed.security import Security

    security = None
    if credentials:
        security = Security(
            tls_ca_file=credentials.get("ca"),
            tls_client_cert=credentials.get("cert"),
            tls_client_key=credentials.get("key"),
            require_encryption=True,
        )
    try:
        client = Client(address, security=security, timeout=20)
    except (OSError, TypeError, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise RunError(
            f"no scheduler answers at {address}: {reason}; is it running, and are the credentials its own?"
        ) from None
    with client:
        yield client


_CLUSTERS: dict[str, Callable[[int], AbstractContextManager[Any]]] = {"processes": local_cluster, "slurm": slurm_cluster}


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
