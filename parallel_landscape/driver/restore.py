"""Put a run back as its last checkpoint left it; refuse when what it is made of has changed."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from parallel_landscape.driver.campaign import Campaign, assemble, record_leg
from parallel_landscape.driver.fit import fitting_landscape
from parallel_landscape.driver.provenance import version
from parallel_landscape.driver.shared_data import SharedData, on_first_rank
from parallel_landscape.driver.stopping import StopRequest
from parallel_landscape.errors import JobError, RunError
from parallel_landscape.exchange.comm import Comm
from parallel_landscape.job.job import Job, load_job
from parallel_landscape.store import checkpoint
from parallel_landscape.store.checkpoint import Arrays, Generation, all_sound, read_slots
from parallel_landscape.store.checksums import check_listed
from parallel_landscape.store.files import remove_leftovers
from parallel_landscape.store.run_folder import RunFolder, lives
from parallel_landscape.store.segments import Segment, damage, drop_unlisted


@dataclass(frozen=True)
class Saved:
    """What a checkpoint holds for this rank."""

    about: dict[str, Any]
    slots: dict[int, Arrays]


def restore(
    path: Path, comm: Comm, settings: dict[str, Any], *, accept_new_code: bool = False, quiet: bool
) -> tuple[Campaign, Saved | None]:
    """The run of `path` on these ranks, with its newest sound checkpoint (None before the first).

    Raises JobError when `path` is no run, is being run, or was made from another job, training set or code; new code
    can be accepted, but the bits may then differ. Raises RunError when a file that is needed is damaged.
    """
    stop = StopRequest().install()
    folder = RunFolder(path.resolve())
    on_first_rank(comm, lambda: _check_idle(folder))
    job = load_run_job(folder, settings)
    generation = _find(folder, comm)
    data = SharedData(job, comm)
    landscape = fitting_landscape(job, comm, data)
    campaign = assemble(job, comm, folder, landscape, data, stop, quiet=quiet)
    if generation is not None:
        on_first_rank(comm, lambda: check_same(campaign, generation, accept_new_code=accept_new_code))
        _take_over(campaign, generation)
    if comm.rank == 0:
        _tidy(folder, generation)
        record_leg(campaign)
    return campaign, Saved(generation.about, read_slots(generation, campaign.slots)) if generation is not None else None


def _take_over(campaign: Campaign, generation: Generation) -> None:
    """What the legs before have left."""
    about = generation.about
    campaign.seconds_before = float(about["seconds"])
    campaign.leg = int(about["leg"]) + 1
    campaign.inherited = about["segments"]
    campaign.known[about["known"]] = True
    campaign.code_changed = [*about.get("code_changed", []), *_code_changes(campaign, about)]


def _tidy(folder: RunFolder, generation: Generation | None) -> None:
    """Take out of the way what was written after the checkpoint that the run goes on from."""
    checkpoint.clear_unfinished(folder.checkpoints)
    checkpoint.set_newer_aside(folder.checkpoints, generation.number if generation is not None else 0)
    kept = [segment["name"] for sound in checkpoint.all_sound(folder.checkpoints) for segment in sound.about["segments"]]
    drop_unlisted(folder.trajectory, kept)
    for path in (folder.path, folder.trajectory):
        remove_leftovers(path)


def load_run_job(folder: RunFolder, settings: dict[str, Any] | None = None) -> Job:
    """The job of a run folder, with `settings` laid over it. Raises RunError when a file of it was damaged or edited."""
    _check_run(folder)
    return load_kept_job(folder).with_settings(settings or {})


def load_kept_job(folder: RunFolder) -> Job:
    """The job that was given to a run or a solver, from its folder. Raises RunError when a file of it was damaged or edited."""
    check_listed(folder.submitted, "put it back as it was, or start a new run")
    about = {}
    if folder.origin.exists():
        check_listed(folder.origin, "put it back as it was, or remove it when the job has no path and no module of its own")
        about = json.loads(folder.origin.read_text())
    return load_job(folder.submitted, base=Path(about.get("base", folder.path.parent)))


def _check_run(folder: RunFolder) -> None:
    folder.refuse_solver()
    if not folder.submitted.exists():
        raise JobError(
            f"{folder.path} is not a run folder: it has no {folder.submitted.name}; give the folder that `pland run` printed"
        )


def _check_idle(folder: RunFolder) -> None:
    _check_run(folder)
    driver = folder.driver()
    if driver is None and folder.alive.exists():
        raise RunError(f"{folder.alive} is damaged: make sure that nothing runs in this folder, remove that file, then resume")
    if driver is None or driver["host"] != platform.node() or driver["pid"] == os.getpid():
        return
    if lives(driver["pid"], driver.get("born")):
        raise JobError(f"{folder.path} is being run by process {driver['pid']} on this machine; stop that one first")


def _find(folder: RunFolder, comm: Comm) -> Generation | None:
    """The newest generation that is sound with all its segments, else the newest whose own files are; the same on all ranks.

    Records that are damaged do not stop a run: it does not read them, and whoever does is told.
    """
    damaged: list[str] = []
    numbers: list[int] = []
    on_first_rank(comm, lambda: numbers.extend(one.number for one in all_sound(folder.checkpoints, damaged)))
    numbers, damaged = comm.broadcast([numbers, damaged])
    sound = [checkpoint.read_generation(folder.checkpoints, number) for number in numbers]
    chosen = None
    for generation in sound:
        lost = _lost_records(folder, generation, comm)
        damaged += lost
        if not lost:
            chosen = generation
            break
    else:
        if sound:
            chosen = sound[0]
        elif damaged:
            raise RunError("no checkpoint is sound; put the files back from a copy, or start a new run:\n" + "\n".join(damaged))
    for sentence in dict.fromkeys(damaged) if comm.rank == 0 else ():
        print(f"pland: warning: {sentence}", file=sys.stderr, flush=True)
    if damaged and chosen is not None and comm.rank == 0:
        print(f"pland: warning: going on from checkpoint {chosen.number}", file=sys.stderr, flush=True)
    return chosen


def _lost_records(folder: RunFolder, generation: Generation, comm: Comm) -> list[str]:
    """A sentence for each damaged segment of a generation; every rank looks at its share."""
    share = generation.about["segments"][comm.rank :: comm.size]
    found = [damage(folder.trajectory, Segment(**segment)) for segment in share]
    packed = json.dumps([sentence for sentence in found if sentence]).encode()
    rows = comm.gather({comm.rank: np.frombuffer(packed, np.uint8)})
    lost = [json.loads(row.tobytes()) for row in rows.values()] if rows is not None else []
    return list(comm.broadcast([sentence for part in lost for sentence in part]))


def check_same(campaign: Campaign, generation: Generation, *, accept_new_code: bool = False) -> None:
    """Refuse to go on with another job, training set, or (unless accepted) code that may give other numbers."""
    about = generation.about
    changed = []
    if about["job"] != campaign.job.fingerprint():
        changed.append(
            f"the job in {campaign.folder.submitted} is not the one that this run began with; put it back, or start a new run"
        )
    if about["data"] != campaign.data_digest:
        changed.append("the training set differs from the one that this run began with; put its files back, or start a new run")
    if not accept_new_code:
        changed += [
            f"{change}, so it may give other numbers; go back to what it was, or go on all the same with --accept-new-code "
            "(the result will say so), or start a new run"
            for change in _code_changes(campaign, about)
        ]
    if changed:
        raise JobError(changed)


def _code_changes(campaign: Campaign, about: dict[str, Any]) -> list[str]:
    """A sentence when the code is not the one that the checkpoint was made with."""
    then = [about["version"], about.get("numba", "unknown")]
    now = [version(), version("numba")]
    known = {name: digest for name, digest in campaign.kernels.items() if name in about["kernels"]}  # others came later
    if about["kernels"] == known and then[0] == now[0]:
        return []
    versions = ", ".join(
        f"{name} {old} -> {new}" for name, old, new in zip(("parallel_landscape", "numba"), then, now, strict=True)
    )
    return [
        f"the landscape's or the program's code has changed after checkpointed round {about['state']['rounds']} ({versions})"
    ]
