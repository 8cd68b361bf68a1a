"""A cluster is data: a TOML file with its partitions, limits, launcher and modules."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_config_path
from pydantic import Field, ValidationError

from parallel_landscape.errors import JobError
from parallel_landscape.job.sections import Memory, TimeLimit
from parallel_landscape.keys import mistakes
from parallel_landscape.section import Section

OURS = Path(__file__).parent / "clusters"


class Partition(Section):
    """What one job may ask of a partition; what is left out is not known, and not checked."""

    time: Annotated[TimeLimit | None, Field(description='longest time limit, as "2-00:00:00" or "04:00:00"')] = None
    nodes: Annotated[int | None, Field(ge=1, description="most nodes of a job")] = None
    cores: Annotated[int | None, Field(ge=1, description="cores of a node")] = None
    memory: Annotated[Memory | None, Field(description='memory of a node, such as "180GiB"')] = None
    accounts: Annotated[list[str] | None, Field(description="accounts that may use it; all when left out")] = None
    up: Annotated[bool, Field(description="whether it takes jobs")] = True


class Cluster(Section):
    """A cluster file."""

    description: Annotated[str, Field(description="one sentence for people")] = ""
    launcher: Annotated[Literal["srun", "mpiexec"], Field(description="what starts the ranks")] = "srun"
    mpi: Annotated[str, Field(description="srun --mpi=...: pmi2 for MPICH and Intel MPI, pmix for Open MPI")] = "pmi2"
    mpiexec: Annotated[str | None, Field(description="the mpiexec to use; that of this Python when left out")] = None
    launcher_options: Annotated[list[str], Field(description="more options for srun or mpiexec")] = []
    modules: Annotated[list[str], Field(description="module load ... before anything else")] = []
    setup: Annotated[list[str], Field(description="lines of shell after the modules")] = []
    environment: Annotated[dict[str, str], Field(description="variables to export")] = {}
    options: Annotated[list[str], Field(description='more options for sbatch, such as "--constraint=haswell"')] = []
    requeue: Annotated[bool, Field(description="whether jobs may be requeued; else each link submits the next")] = True
    account_required: Annotated[bool, Field(description="whether a job must name an account")] = False
    ask_memory: Annotated[bool, Field(description="ask for the memory that the plan says; else the cluster's default")] = True
    signal_seconds: Annotated[int | None, Field(ge=1, description="how long before the limit a job is told to stop")] = None
    default_partition: Annotated[str | None, Field(description="partition of jobs that name none")] = None
    partitions: Annotated[dict[str, Partition], Field(description="[partitions.NAME] with their limits")] = {}


def load_cluster(name: str | None, near: Path) -> Cluster:
    """The cluster of a file or a name; `generic` without one. Raises JobError with every mistake.

    near: the job's folder. A name is looked for as NAME.toml in its slurm/clusters, in ./slurm/clusters, in the user's
    configuration folder, and among those that come along.
    """
    path = _find(name or "generic", near)
    try:
        return Cluster.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise JobError(mistakes(Cluster, error, f"{path}:")) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise JobError(f"cluster file {path} is not valid TOML: {error}") from None
    except OSError as error:
        raise JobError(f"cluster file {path} cannot be read: {error.strerror}") from None


def config_folder() -> Path:
    """Where a user keeps cluster files (clusters/NAME.toml) and a batch script of his own (batch.sh.j2)."""
    return user_config_path("pland")


def _find(name: str, near: Path) -> Path:
    given = Path(name).expanduser()
    if given.suffix == ".toml" or len(given.parts) > 1:
        found = [path for path in (given, near / given) if path.is_file()]
        if not found:
            raise JobError(f"cluster file {given} does not exist; give a file, or the name of one: {', '.join(_names(near))}")
        return found[0]
    for folder in _folders(near):
        if (folder / f"{name}.toml").is_file():
            return folder / f"{name}.toml"
    close = difflib.get_close_matches(name, _names(near), n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    raise JobError(f"cluster '{name}': there is no such cluster file; {hint}There are: {', '.join(_names(near))}.")


def _folders(near: Path) -> list[Path]:
    return [near / "slurm" / "clusters", Path("slurm") / "clusters", config_folder() / "clusters", OURS]


def _names(near: Path) -> list[str]:
    return sorted({path.stem for folder in _folders(near) for path in folder.glob("*.toml")})
