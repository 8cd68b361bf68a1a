"""One run, from a checked job to result.nc: search, then learn, round by round; and the same from a checkpoint on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from parallel_landscape.boundary import Phase, goes_on, save
from parallel_landscape.campaign import Campaign, begin, steps_per_round
from parallel_landscape.errors import RunError, Stopped
from parallel_landscape.exchange.comm import Comm
from parallel_landscape.exchange.windows import Window, divide
from parallel_landscape.job import Job
from parallel_landscape.learn import Learning
from parallel_landscape.outcome import Outcome, collect, conclude, disagreements
from parallel_landscape.produce import Production
from parallel_landscape.provenance import version
from parallel_landscape.recording import describe_sampling, new_production
from parallel_landscape.restore import Saved, restore
from parallel_landscape.sampler import BrokenLandscape
from parallel_landscape.search import CHUNKS, Search
from parallel_landscape.store.checksums import write_listed_text
from parallel_landscape.store.result import write_result
from parallel_landscape.store.run_folder import remove, write_atomically
from parallel_landscape.walker import Slot

PATIENCE = 10  # times the steps of the search that a schedule waits for a level which the search has seen


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
    kind, state = saved.about["phase"], saved.about["state"]
    phase: Search | Learning | Production
    if kind == "search":
        phase = new_search(campaign)
        phase.restore(state)
    else:
        phase = new_learning(campaign, [(low, high) for low, high in state["windows"]])
        phase.rounds, phase.patience = state["rounds"], state.get("patience", 0)
        if kind == "produce":
            phase = new_production(campaign, phase)
            phase.rounds = state["produced"]
    for number, slot in campaign.slots.items():
        phase.restore_slot(slot, saved.slots[number])
    return phase


def _carry_on(campaign: Campaign, phase: Phase | None) -> Outcome | None:
    """All phases from `phase` on (None: from the first)."""
    try:
        if phase is None or isinstance(phase, Search):
            phase = _search_and_lay_windows(campaign, phase)
        return _learn_and_produce(campaign, phase)
    except BrokenLandscape as error:
        path = campaign.folder.path / f"broken-slot-{error.slot.number}.npz"
        move, slot = error.move, error.slot
        write_atomically(path, lambda beside: _save_state(beside, move, slot))
        raise RunError(f"{error}\nmove and state are in {path}") from None


def _save_state(path: Path, move: int, slot: Slot) -> None:
    """numpy.load(path) gives `move`, `slot`, `walker`, `level` and each array of the state as state_NAME."""
    state = {f"state_{name}": array for name, array in slot.walker.state._asdict().items()}
    with path.open("wb") as file:
        np.savez(file, move=move, slot=slot.number, walker=slot.walker.name, level=slot.walker.level, **state)


def _search_and_lay_windows(campaign: Campaign, search: Search | None) -> Learning:
    if search is None and needs_search(campaign.job):
        search = new_search(campaign)
    while search is not None and goes_on(campaign, search):
        search.step(campaign.sampler, campaign.slots, campaign.comm)
    return _start_learning(campaign, search)


def _learn_and_produce(campaign: Campaign, phase: Phase) -> Outcome | None:
    learning = phase.learning if isinstance(phase, Production) else phase
    assert isinstance(learning, Learning)
    try:
        while phase is learning and (goes_on(campaign, learning) or learns_on(campaign, learning)):
            learning.step(campaign.sampler, campaign.slots, campaign.comm)
        if phase is learning and campaign.job.production is not None:
            phase = new_production(campaign, learning)
            phase.begin(campaign.slots)
        if isinstance(phase, Production):
            describe_sampling(campaign, phase)
        while isinstance(phase, Production) and goes_on(campaign, phase):
            phase.step(campaign.sampler, campaign.slots, campaign.comm)
    except Stopped:
        write_outcome(campaign, learning)
        raise
    save(campaign, phase)
    return write_outcome(campaign, learning)


def learns_on(campaign: Campaign, learning: Learning) -> bool:
    """All windows have finished: whether some are to go on because they contradict each other. Halving could not mend that."""
    if learning.schedule.schedule == "halving" or learning.out_of_rounds:
        return False
    reports = collect(learning, campaign.slots, campaign.comm)
    windows = campaign.comm.broadcast(disagreements(learning, reports) if reports is not None else [])
    return bool(campaign.comm.flags(learning.learn_on(windows)))


def needs_search(job: Job) -> bool:
    """Whether energies, crossing times and the reach of a move have to be found out first."""
    return not isinstance(job.exchange.windows, list)


def new_search(campaign: Campaign) -> Search:
    """The search of this job, at its beginning."""
    most = max(1, campaign.job.exchange.search_sweeps // CHUNKS)
    return Search(campaign.sampler.levels, campaign.sampler.landscape.sweep, most)


def new_learning(campaign: Campaign, windows: list[Window]) -> Learning:
    """The learning of this job in these windows, at its beginning."""
    job, sweep = campaign.job, campaign.sampler.landscape.sweep
    steps = steps_per_round(job, sweep)
    most = None if job.ensemble.max_sweeps is None else max(1, job.ensemble.max_sweeps * sweep // steps)
    return Learning(
        windows,
        campaign.layout,
        job.ensemble,
        steps,
        approach_steps=job.exchange.search_sweeps * sweep,
        share=job.exchange.share,
        exchanges=job.exchange.kind == "windows",
        most_rounds=most,
        expected=campaign.known,
    )


def _start_learning(campaign: Campaign, search: Search | None) -> Learning:
    """Lay the windows, write them into the resolved job, and save."""
    learning = lay_windows(campaign, search)
    if campaign.comm.rank == 0:
        levels = campaign.sampler.landscape.levels
        write_listed_text(
            campaign.folder.job, campaign.job.toml([[levels[low], levels[high]] for low, high in learning.windows])
        )
    save(campaign, learning)
    return learning


def lay_windows(campaign: Campaign, search: Search | None) -> Learning:
    """Lay the windows by what the search has found, and give every slot its table."""
    if search is not None:
        campaign.known = search.seen > 0
    learning = new_learning(campaign, _windows(campaign, search))
    if search is not None:
        learning.patience = PATIENCE * search.rounds * CHUNKS * search.chunk
    learning.begin(campaign.slots)
    return learning


def _windows(campaign: Campaign, search: Search | None) -> list[Window]:
    """The windows as levels: explicit, or laid over the energies asked for or found."""
    job, levels = campaign.job, campaign.sampler.landscape.levels
    if isinstance(job.exchange.windows, list):
        return [(levels.index(low), levels.index(high)) for low, high in job.exchange.windows]
    energy, cost, narrowest = job.exchange.energy, None, 3
    first, last = (0, len(levels) - 1) if energy is None else (levels.index(energy[0]), levels.index(energy[1]))
    if search is not None:
        low, high = search.range
        if energy is None:
            first, last = low, high
        narrowest = max(narrowest, search.reach + 1)  # else a state could have all its neighbours outside
        if job.exchange.measured:
            cost = search.crossing_cost()[np.clip(np.arange(first, last + 1), low, high) - low]
    windows = divide(first, last, campaign.layout.windows, job.exchange.overlap, cost, narrowest)
    if energy is None:  # what the search has missed may still be found while learning
        windows[0] = (0, windows[0][1])
        windows[-1] = (windows[-1][0], len(levels) - 1)  # one window may be both
    return windows


def write_outcome(campaign: Campaign, learning: Learning) -> Outcome | None:
    """Collect everything on rank 0, conclude and write result.nc; None on the other ranks."""
    reports = collect(learning, campaign.slots, campaign.comm)
    campaign.progress.close()
    if reports is None:
        return None
    outcome = conclude(campaign.sampler, learning, reports, campaign.known, campaign.stopped)
    attributes = outcome.attributes | {"seed": str(campaign.job.seed), "job": campaign.job.toml(), "version": version()}
    attributes["complete"] = "no" if campaign.stopped else "yes"
    if campaign.code_changed:
        attributes["code_changed"] = "; ".join(campaign.code_changed)
    write_result(campaign.folder.result, outcome.result, outcome.windows, attributes)
    if not campaign.stopped:
        remove(campaign.folder.alive)
    return outcome
