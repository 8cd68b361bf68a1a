"""A run under way: everything that the ranks hold, made anew from a job or put back from a checkpoint."""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.driver.fit import check_fit, check_promises, fitting_landscape, make_observables
from parallel_landscape.driver.progress import Progress
from parallel_landscape.driver.provenance import provenance
from parallel_landscape.driver.shared_data import SharedData, on_first_rank
from parallel_landscape.driver.stopping import StopRequest
from parallel_landscape.driver.warm import ready
from parallel_landscape.ensembles.schedule import Schedule
from parallel_landscape.errors import RunError
from parallel_landscape.exchange.comm import Comm
from parallel_landscape.exchange.layout import Layout
from parallel_landscape.job.job import ROUND_STEPS, Job
from parallel_landscape.landscape import Landscape
from parallel_landscape.smooth import SmoothLandscape
from parallel_landscape.store.checksums import check_listed, write_listed_text
from parallel_landscape.store.files import set_aside, write_text
from parallel_landscape.store.run_folder import RunFolder, birth
from parallel_landscape.walker import Slot


@dataclass
class Campaign:
    """What one rank holds of a run. `seconds_before`: time that earlier legs of the run have used;
    `inherited`: the segments that they have recorded; `code_changed`: where they ran on other code, with the user's consent."""

    job: Job
    comm: Comm
    sampler: Any  # a Sampler, or a SmoothSampler: each course knows its own
    layout: Layout
    folder: RunFolder
    progress: Progress
    data_digest: str | None
    slots: dict[int, Slot]
    stop: StopRequest
    known: NDArray[np.bool_]
    observers: Any  # Observers, or SmoothObservers
    started: float = field(default_factory=time.monotonic)
    reported: float = field(default_factory=time.monotonic)
    saved: float = field(default_factory=time.monotonic)
    looked: float = field(default_factory=time.monotonic)
    saving_seconds: float = 0.0
    seconds_before: float = 0.0
    stopped: str = ""
    leg: int = 0
    inherited: list[dict[str, Any]] = field(default_factory=list)
    code_changed: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Time used so far, earlier legs included."""
        return self.seconds_before + time.monotonic() - self.started

    @property
    def kernels(self) -> dict[str, str]:
        """Digests of the compiled code, and of what observables compare with."""
        return {**self.sampler.digests, **self.observers.digests}


def begin(job: Job, comm: Comm, *, force_new: bool, quiet: bool) -> Campaign:
    """Check everything, then make the run folder. Raises JobError with nothing written when something does not fit."""
    stop = StopRequest().install()
    data = SharedData(job, comm)
    landscape = fitting_landscape(job, comm, data)
    folder = RunFolder(job.folder)
    on_first_rank(comm, lambda: folder.refuse_existing(force_new))
    on_first_rank(comm, lambda: check_promises(job, landscape))
    campaign = assemble(job, comm, folder, landscape, data, stop, quiet=quiet)
    on_first_rank(comm, lambda: _create(campaign, force_new))
    return campaign


def assemble(
    job: Job,
    comm: Comm,
    folder: RunFolder,
    landscape: Landscape | SmoothLandscape,
    data: SharedData,
    stop: StopRequest | None = None,
    *,
    quiet: bool,
) -> Campaign:
    """Compile, and put a random walker in every slot."""
    layout = check_fit(job, landscape, comm.size)
    chosen = make_observables(job, landscape, data)[0]
    sampler, observers = comm.node_leader_first(lambda: ready(job, landscape, chosen))
    slots = {number: sampler.new_slot(number) for number in layout.slots_of(comm.rank)}
    final = job.ensemble.ln_f_final if isinstance(job.ensemble, Schedule) else 1.0
    progress = Progress(final, quiet=quiet or comm.rank != 0)
    stop = StopRequest() if stop is None else stop
    known = np.zeros(sampler.levels, bool)
    return Campaign(job, comm, sampler, layout, folder, progress, data.digest, slots, stop, known, observers)


def record_leg(campaign: Campaign) -> None:
    """Write where the result comes from, earlier legs included, and which process drives the run. Called on rank 0."""
    folder, ranks = campaign.folder, campaign.comm.size
    about = provenance(ranks, campaign.kernels, campaign.data_digest)
    about |= {"code_changed": campaign.code_changed, "earlier": _earlier_legs(folder)}
    write_listed_text(folder.provenance, json.dumps(about, indent=2))
    driver = {"host": platform.node(), "pid": os.getpid(), "born": birth(os.getpid()), "ranks": ranks}
    write_text(folder.alive, json.dumps(driver))


def _earlier_legs(folder: RunFolder) -> list[dict[str, Any]]:
    """Where the legs before this one came from, as far as that can still be read."""
    try:
        check_listed(folder.provenance)
        last = dict(json.loads(folder.provenance.read_text()))
    except (OSError, ValueError, TypeError, RunError):
        return []
    return [*last.pop("earlier", []), last]


def _create(campaign: Campaign, force_new: bool) -> None:
    """The run folder, with all that resume needs from the first moment."""
    if force_new:
        set_aside(campaign.folder.path)
    prepare(campaign.job)
    record_leg(campaign)


def prepare(job: Job) -> RunFolder:
    """Make the run folder of a checked job, so that `resume` begins the run. Raises JobError when it exists already."""

    def fill(made: RunFolder) -> None:
        write_listed_text(made.origin, json.dumps({"base": str(job.base)}))
        write_listed_text(made.submitted, job.toml())

    folder = RunFolder(job.folder)
    folder.create(fill)
    return folder


def steps_per_round(job: Job, sweep: int) -> int:
    """Proposals of each walker between exchanges; coupled replicas hear of each other after every sweep, unless told else."""
    steps = sweep if job.kind.pull(job.ensemble) else ROUND_STEPS
    return sweep * (job.dynamics.sweeps_per_round or max(1, -(-steps // sweep)))
