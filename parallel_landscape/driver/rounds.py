"""One run, from a checked job to result.nc: one phase after the other, round by round; and the same from a checkpoint on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from parallel_landscape.courses.catalogue import course_of
from parallel_landscape.courses.phase import Phase
from parallel_landscape.driver.boundary import goes_on, save
from parallel_landscape.driver.campaign import Campaign, begin
from parallel_landscape.driver.provenance import version
from parallel_landscape.driver.restore import Saved, restore
from parallel_landscape.errors import RunError, Stopped
from parallel_landscape.exchange.comm import Comm
from parallel_landscape.job.job import Job
from parallel_landscape.outcomes.outcome import Outcome
from parallel_landscape.phases.produce import Production
from parallel_landscape.phases.search import Search
from parallel_landscape.sampler import BrokenLandscape
from parallel_landscape.store.checksums import write_listed_text
from parallel_landscape.store.files import remove, write_atomically
from parallel_landscape.store.result import write_groups
from parallel_landscape.walker import Slot, arrays_of


def run_job(job: Job, comm: Comm, *, force_new: bool = False, quiet: bool = False) -> Outcome | None:
    """Carry out a job in its run folder; returns the outcome on rank 0 and None elsewhere.

    Raises JobError before anything is written when job, landscape and number of ranks do not fit together, and Stopped when
    the run stopped in good time and can be resumed.
    """
    campaign = begin(job, comm, force_new=force_new, quiet=quiet)
    return _carry_on(campaign, None)


def resume_run(
    path: Path, comm: Comm, *, settings: dict[str, Any] | None = None, accept_new_code: bool = False, quiet: bool = False
) -> Outcome | None:
    """Go on with the run in `path` from its last checkpoint, on any number of ranks; as `run_job` else.

    settings: new values of keys that do not change the result, such as {"run.walltime_minutes": 600}.
    accept_new_code: go on although the code has changed; the result then says so.
    """
    campaign, saved = restore(path, comm, settings or {}, accept_new_code=accept_new_code, quiet=quiet)
    try:
        phase = phase_from(campaign, saved)
    except KeyError as error:
        raise RunError(
            f"the checkpoint has no {error}: it was written by an older version that kept less; resume with that version"
        ) from None
    return _carry_on(campaign, phase)


def phase_from(campaign: Campaign, saved: Saved | None) -> Phase | None:
    """The phase that a checkpoint was in, with the slots as they were; None without a checkpoint."""
    if saved is None:
        return None
    phase = course_of(campaign.job).restored(campaign, saved.about["phase"], saved.about["state"])
    for number, slot in campaign.slots.items():
        phase.restore_slot(slot, saved.slots[number])
    return phase


def _carry_on(campaign: Campaign, phase: Phase | None) -> Outcome | None:
    """All phases from `phase` on (None: from the first)."""
    try:
        return _all_phases(campaign, phase)
    except BrokenLandscape as error:
        path = campaign.folder.path / f"broken-slot-{error.slot.number}.npz"
        move, slot = error.move, error.slot
        write_atomically(path, lambda beside: _save_state(beside, move, slot))
        raise RunError(f"{error}\nmove and state are in {path}") from None


def _all_phases(campaign: Campaign, phase: Phase | None) -> Outcome | None:
    course = course_of(campaign.job)
    if phase is None:
        phase = course.first(campaign)
        _enter(campaign, phase)
    elif isinstance(phase, Production):
        course.describe(campaign, phase)
    try:
        while True:
            while goes_on(campaign, phase):
                phase.step(campaign.sampler, campaign.slots, campaign.comm)
            after = course.following(campaign, phase)
            if after is None:
                break
            if after is not phase:
                _enter(campaign, after)
            phase = after
    except Stopped:
        if not isinstance(phase, Search):
            write_outcome(campaign, phase)
        raise
    save(campaign, phase)
    return write_outcome(campaign, phase)


def _enter(campaign: Campaign, phase: Phase) -> None:
    """A phase begins: say what is known now, and save."""
    if isinstance(phase, Search):
        return
    if isinstance(phase, Production):
        course_of(campaign.job).describe(campaign, phase)
        return
    if campaign.comm.rank == 0:
        write_listed_text(campaign.folder.job, course_of(campaign.job).job_text(campaign, phase))
    save(campaign, phase)


def _save_state(path: Path, move: int, slot: Slot) -> None:
    """numpy.load(path) gives `move`, `slot`, `walker`, `level` and each array of the state as state_NAME."""
    state: dict[str, Any] = {f"state_{name}": array for name, array in arrays_of(slot.walker.state)}
    with path.open("wb") as file:
        np.savez(file, move=move, slot=slot.number, walker=slot.walker.name, level=slot.walker.level, **state)


def write_outcome(campaign: Campaign, phase: Phase) -> Outcome | None:
    """Collect everything on rank 0, conclude and write result.nc; None on the other ranks."""
    outcome = course_of(campaign.job).outcome(campaign, phase)
    campaign.progress.close()
    if outcome is None:
        return None
    attributes = outcome.attributes | {"seed": str(campaign.job.seed), "job": campaign.job.toml(), "version": version()}
    attributes["complete"] = "no" if campaign.stopped else "yes"
    if campaign.code_changed:
        attributes["code_changed"] = "; ".join(campaign.code_changed)
    groups = {"": outcome.result, "windows": outcome.windows, **outcome.groups}
    write_groups(campaign.folder.result, groups, attributes, outcome.observables)
    if not campaign.stopped:
        remove(campaign.folder.alive)
    return outcome
