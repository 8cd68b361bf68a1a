"""The sections of a job file that are the same for every model: what may be written, and what it means."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from parallel_landscape.driver.walltime import read_time
from parallel_landscape.ensembles.schedule import Schedule
from parallel_landscape.machine import read_size
from parallel_landscape.section import Section


class Dynamics(Section):
    """How one walker moves."""

    kind: Annotated[
        Literal["flip", "rotation", "great-circle"],
        Field(description="single moves, accepted by Metropolis; or points on random circles of a sphere, by heat bath"),
    ] = "flip"
    sweeps_per_round: Annotated[
        int | None, Field(ge=1, description="sweeps between exchanges; when left out, enough for 100,000 proposals")
    ] = None


class Ensemble(Schedule):
    """Under which weight, and how it is learnt."""

    model_config = Section.model_config

    kind: Annotated[Literal["wang-landau"], Field(description="learn ln g by visiting all levels alike")] = "wang-landau"
    max_sweeps: Annotated[int | None, Field(ge=1, description="stop learning after so many sweeps of each walker")] = None


class Exchange(Section):
    """What walkers do together between rounds."""

    kind: Annotated[Literal["windows", "none"], Field(description="replica exchange between neighbouring windows, or none")] = (
        "windows"
    )
    windows: Annotated[
        Annotated[int, Field(ge=1)]
        | Literal["auto"]
        | Annotated[list[Annotated[list[int], Field(min_length=2, max_length=2)]], Field(min_length=1)],
        Field(description='number of windows, "auto", or energies [[lowest, highest], ...] in ascending order'),
    ] = "auto"
    spacing: Annotated[
        Literal["equal", "diffusion"] | None,
        Field(description="windows of equal width, or of equal measured crossing time (always so for auto)"),
    ] = None
    walkers_per_window: Annotated[int, Field(ge=1, description="walkers in each window")] = 1
    share: Annotated[
        Literal["window", "none"], Field(description="the walkers of a window average their ln g, or learn alone")
    ] = "window"
    overlap: Annotated[float, Field(gt=0, lt=1, description="fraction of a window that it shares with the next")] = 0.5
    energy: Annotated[
        Annotated[list[int], Field(min_length=2, max_length=2)] | None,
        Field(description="lowest and highest energy; found by a search when left out"),
    ] = None
    search_sweeps: Annotated[
        int, Field(ge=1, description="most sweeps a walker may spend to find the range, and again to find its window")
    ] = 200_000

    @property
    def measured(self) -> bool:
        """Whether windows are laid by measured crossing times."""
        return self.windows == "auto" if self.spacing is None else self.spacing == "diffusion"


class Production(Section):
    """After learning: weights frozen, walkers recorded."""

    rounds: Annotated[int, Field(ge=1, description="rounds, each followed by an exchange")]
    record_every_sweeps: Annotated[int, Field(ge=1, description="sweeps between two records of a walker")] = 10
    weights: Annotated[bool, Field(description="also store the weights, one bit each")] = False
    observables: Annotated[list[str], Field(description="what is recorded besides the energy, by name")] = []
    parameters: Annotated[
        dict[str, dict[str, Any]], Field(description="keys of observables, in sections [production.parameters.NAME]")
    ] = {}
    transitions: Annotated[
        int,
        Field(ge=0, le=10_000, description="proposals are counted by level and by change up to so many levels; 0: not counted"),
    ] = 64
    compression: Annotated[
        Literal["lzf", "gzip", "blosc", "none"],
        Field(description="of the trajectory; blosc needs hdf5plugin to write and read"),
    ] = "lzf"


class Run(Section):
    """Where the run lies and how long it may take."""

    folder: Annotated[str, Field(description="folder of runs; RUN is folder/name")] = "runs"
    repeats: Annotated[int, Field(ge=1, description="independent whole runs: where error bars come from")] = 1
    checkpoint_minutes: Annotated[float, Field(gt=0, description="time between checkpoints")] = 10.0
    checkpoint_rounds: Annotated[int | None, Field(ge=1, description="rounds between checkpoints, besides the minutes")] = None
    walltime_minutes: Annotated[
        float | None, Field(gt=0, description="stop, resumable, before this; SLURM's own limit is found by itself")
    ] = None


TimeLimit = Annotated[int, BeforeValidator(lambda given: read_time(given) if isinstance(given, str) else given), Field(ge=1)]
Memory = Annotated[int, BeforeValidator(lambda given: read_size(given) if isinstance(given, str) else given), Field(ge=1)]


class Slurm(Section):
    """What `pland submit` asks of a cluster; flags of the command come first, the cluster file fills in the rest."""

    cluster: Annotated[str | None, Field(description="a cluster file, or the name of one")] = None
    partition: Annotated[str | None, Field(description="the cluster's default when left out")] = None
    account: Annotated[str | None, Field(description="who pays")] = None
    qos: Annotated[str | None, Field(description="quality of service")] = None
    nodes: Annotated[int | None, Field(ge=1, description="as many as the ranks need when left out")] = None
    ntasks: Annotated[int | None, Field(ge=1, description="MPI ranks; one for each slot that fits when left out")] = None
    time: Annotated[TimeLimit | None, Field(description='time limit of a link of the chain, such as "04:00:00"')] = None
    memory_per_task: Annotated[Memory | None, Field(description='such as "2GiB"; from the plan when left out')] = None
    links: Annotated[int | None, Field(ge=1, description="most links of the chain")] = None
    at_once: Annotated[int | None, Field(ge=1, description="most points of a sweep that run at the same time")] = None
    signal_seconds: Annotated[int | None, Field(ge=1, description="how long before the limit the job is told to stop")] = None
    doctor: Annotated[bool, Field(description="examine the machine at the head of each link")] = True
    options: Annotated[list[str], Field(description='more options for sbatch, such as "--mail-type=END"')] = []
