"""The batch script of a job: a template of ours, or the user's own."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

from parallel_landscape.driver.launch import mpiexec
from parallel_landscape.driver.provenance import version
from parallel_landscape.driver.walltime import show_time
from parallel_landscape.errors import JobError
from parallel_landscape.slurm.cluster import Cluster, config_folder
from parallel_landscape.slurm.request import Request

OURS = Path(__file__).parent
NAMES = {"run": "batch.sh.j2", "analysis": "analysis.sh.j2"}


def render(kind: str, request: Request, cluster: Cluster, near: Path, **values: Any) -> str:
    """The batch script for `kind` ("run" or "analysis"). Raises JobError when a template of the user's is wrong.

    near: the job's folder. A template of that name in its slurm/, in ./slurm or in the user's configuration folder comes
    before ours. values: what else the template names: name, target, script, log.
    """
    from jinja2 import Environment, StrictUndefined, TemplateError

    path = next(folder / NAMES[kind] for folder in _folders(near) if (folder / NAMES[kind]).is_file())
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    environment.filters["quote"] = lambda value: shlex.quote(str(value))
    values = {name: str(value) for name, value in values.items()}
    values["log"] = values["log"].replace("\\", "\\\\")
    try:
        template = environment.from_string(path.read_text(encoding="utf-8"))
        return template.render(
            **values,
            request=request,
            cluster=cluster,
            time=show_time(request.time),
            memory_mib=-(-(request.memory or 0) // 2**20),
            python=sys.executable,
            launcher=_launcher(request, cluster),
            version=version(),
        )
    except (TemplateError, OSError, UnicodeDecodeError) as error:
        raise JobError(f"the template {path} cannot be used: {error}") from None


def _folders(near: Path) -> list[Path]:
    return [near / "slurm", Path("slurm"), config_folder(), OURS]


def _launcher(request: Request, cluster: Cluster) -> str:
    """What starts the ranks, as a line of shell."""
    more = " ".join(shlex.quote(option) for option in cluster.launcher_options)
    if cluster.launcher == "srun":  # without --kill-on-bad-exit the other ranks would wait for one that was killed
        return f"srun --mpi={shlex.quote(cluster.mpi)} --kill-on-bad-exit=1 {more}".rstrip()
    return f"{shlex.quote(cluster.mpiexec or mpiexec())} -n {request.ntasks} {more}".rstrip()
