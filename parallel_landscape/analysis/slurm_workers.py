"""Dask workers that are SLURM jobs: started for one analysis, joined over TLS with certificates made for it, and gone after it.

What the jobs ask for comes from dask-jobqueue's own configuration (section jobqueue.slurm of ~/.config/dask/*.yaml, or
variables such as DASK_JOBQUEUE__SLURM__QUEUE, __ACCOUNT, __WALLTIME, __INTERFACE): one core and 2 GiB where nothing is said.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from parallel_landscape.analysis.worker_settings import KEEP_MEMORY
from parallel_landscape.errors import JobError, RunError

PATIENCE_SECONDS = 60
ORPHAN_SECONDS = 60  # after which a worker whose scheduler has gone ends its job


@contextmanager
def slurm_cluster(workers: int) -> Iterator[Any]:
    """`_workers`, interrupted cleanly from the first moment on."""
    with _interruptible(), _workers(workers) as client:
        yield client


@contextmanager
def _workers(workers: int) -> Iterator[Any]:
    """A client of up to so many workers, each a SLURM job; fewer run while the queue gives fewer.

    Afterwards no job of it is left in the queue, whether the analysis ended, failed, or was interrupted (Ctrl-C, SIGTERM);
    after a kill the workers end by themselves. Raises JobError when SLURM would refuse the jobs.
    """
    if shutil.which("sbatch") is None:
        raise JobError("--scheduler slurm: there is no sbatch on this machine; use threads or processes")
    try:
        from dask_jobqueue.slurm import SLURMCluster
        from distributed import Client
        from distributed.security import Security

        made = Security.temporary()
    except ImportError as error:
        raise RunError(
            f"--scheduler slurm needs dask-jobqueue and cryptography ({error}); run: pip install dask-jobqueue cryptography"
        ) from None
    name = f"pland-{os.getpid()}-{secrets.token_hex(4)}"
    place = Path(
        tempfile.mkdtemp(prefix=".pland-workers-", dir=Path.cwd())
    )  # the jobs must see it; readable by its owner alone
    try:
        security = Security(require_encryption=True, **_written(place, made))
        with _interruptible(), SLURMCluster(**_options(name, place), security=security) as cluster:
            _check(cluster.job_script())
            cluster.adapt(minimum=1, maximum=workers, interval="2s", wait_count=10)
            with Client(cluster) as client:
                yield client
    finally:
        _cancel(name)
        shutil.rmtree(place, ignore_errors=True)


def _options(name: str, place: Path) -> dict[str, Any]:
    """For SLURMCluster; what the user has configured stays as it is."""
    import dask

    keys = ("cores", "memory", "processes", "job-script-prologue")
    asked = {key: dask.config.get(f"jobqueue.slurm.{key}", None) or [] for key in keys}
    return {
        "cores": asked["cores"] or 1,
        "memory": asked["memory"] or "2GiB",
        "processes": asked["processes"] or 1,
        "job_name": name,
        "python": sys.executable,
        "protocol": "tls://",
        "death_timeout": ORPHAN_SECONDS,
        "log_directory": str(place),
        "local_directory": str(place),
        "worker_extra_args": ["--no-dashboard"],
        "job_script_prologue": [
            *asked["job-script-prologue"],
            *(f"export {name}={what}" for name, what in KEEP_MEMORY.items()),
        ],
        "scheduler_options": {"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        "silence_logs": "error",
    }


def _written(place: Path, made: Any) -> dict[str, str]:
    """The certificates as files, which the jobs read."""
    found = {}
    for role in ("ca_file", "scheduler_cert", "scheduler_key", "worker_cert", "worker_key", "client_cert", "client_key"):
        path = place / f"{role}.pem"
        path.touch(mode=0o600)
        path.write_text(getattr(made, f"tls_{role}"))
        found[f"tls_{role}"] = str(path)
    return found


def _check(script: str) -> None:
    """SLURM's own opinion of a worker's job: dask would go on asking for ever."""
    done = subprocess.run(
        ["sbatch", "--test-only"], input=script, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    if done.returncode:
        raise JobError(
            f"SLURM would refuse a worker's job: {' '.join(done.stderr.split())}; see jobqueue.slurm in dask's configuration"
        )


def _cancel(name: str) -> None:
    """End every job of this name, those too that dask has submitted but not yet heard of."""
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(["scancel", f"--name={name}"], capture_output=True, timeout=PATIENCE_SECONDS, check=False)


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends the analysis as Ctrl-C does, so that what it has started is cleaned up.

    Entered before dask-jobqueue is imported and once more after: that import takes Ctrl-C away.
    """

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
