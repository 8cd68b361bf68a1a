"""Put a run back as its last checkpoint left it; refuse when what it is made of has changed."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parallel_landscape.campaign import Campaign, SharedData, assemble, check_fit, on_first_rank, record_leg
from parallel_landscape.errors import JobError
from parallel_landscape.exchange.comm import Comm
from parallel_landscape.job import Job, load_job
from parallel_landscape.provenance import version
from parallel_landscape.store import checkpoint
from parallel_landscape.store.checkpoint import Arrays, Generation
from parallel_landscape.store.run_folder import RunFolder, lives
from parallel_landscape.store.segments import drop_unlisted


@dataclass(frozen=True)
class Saved:
    """What a checkpoint holds for this rank."""

    about: dict[str, Any]
    slots: dict[int, Arrays]


def restore(path: Path, comm: Comm, settings: dict[str, Any], *, quiet: bool) -> tuple[Campaign, Saved | None]:
    """The run of `path` on these ranks, with its newest sound checkpoint (None when it has none yet).

    Raises JobError when `path` is no run, is being run, or was made from another job, model, data set or version.
    """
    folder = RunFolder(path.resolve())
    on_first_rank(comm, lambda: _check_idle(folder))
    job = load_run_job(folder, settings)
    generation = _find(folder, comm)
    data = SharedData(job, comm)
    landscape = job.build_landscape(data)
    check_fit(job, landscape, comm.size)
    campaign = assemble(job, comm, folder, landscape, data.digest, quiet=quiet)
    if generation is not None:
        on_first_rank(comm, lambda: check_same(campaign, generation))
    if comm.rank == 0:
        checkpoint.clear_unfinished(folder.checkpoints)
        kept = [segment["name"] for sound in checkpoint.all_sound(folder.checkpoints) for segment in sound.about["segments"]]
        drop_unlisted(folder.trajectory, kept)
        record_leg(campaign)
    if generation is None:
        return campaign, None
    campaign.seconds_before = float(generation.about["seconds"])
    campaign.leg = int(generation.about["leg"]) + 1
    campaign.inherited = generation.about["segments"]
    campaign.known[generation.about["known"]] = True
    return campaign, Saved(generation.about, checkpoint.read_slots(generation, campaign.slots))


def load_run_job(folder: RunFolder, settings: dict[str, Any] | None = None) -> Job:
    """The job of a run folder, with `settings` laid over it."""
    _check_run(folder)
    about = json.loads(folder.origin.read_text()) if folder.origin.exists() else {}
    job = load_job(folder.submitted, base=Path(about.get("base", folder.path.parent)))
    return job.with_settings(settings or {})


def _check_run(folder: RunFolder) -> None:
    if not folder.submitted.exists():
        raise JobError(
            f"{folder.path} is not a run folder: it has no {folder.submitted.name}; give the folder that `pland run` printed"
        )


def _check_idle(folder: RunFolder) -> None:
    _check_run(folder)
    driver = folder.driver()
    if driver is not None and driver["host"] == platform.node() and driver["pid"] != os.getpid() and lives(driver["pid"]):
        raise JobError(f"{folder.path} is being run by process {driver['pid']} on this machine; stop that one first")


def _find(folder: RunFolder, comm: Comm) -> Generation | None:
    """The newest sound generation, the same one on all ranks."""
    number = 0
    if comm.rank == 0:
        generation, damaged = checkpoint.newest(folder.checkpoints)
        for sentence in damaged:
            print(f"pland: warning: {sentence}", file=sys.stderr, flush=True)
        number = generation.number if generation is not None else 0
    number = int(comm.broadcast(number))
    return checkpoint.read_generation(folder.checkpoints, number) if number else None


def check_same(campaign: Campaign, generation: Generation) -> None:
    """Refuse to go on with another job, model, training set or a version that gives other numbers."""
    about = generation.about
    changed = []
    if about["job"] != campaign.job.fingerprint():
        changed.append(
            f"the job in {campaign.folder.submitted} is not the one that this run began with; put it back, or start a new run"
        )
    if about["data"] != campaign.data_digest:
        changed.append("the training set differs from the one that this run began with; put its files back, or start a new run")
    if about["kernels"] != campaign.kernels:
        changed.append(
            f"the landscape's code (or numba, or parallel_landscape: then {about['version']}, now {version()}) has changed "
            "since this run began, so it would give other numbers; go back to that version, or start a new run"
        )
    if changed:
        raise JobError(changed)
