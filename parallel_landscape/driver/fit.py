"""Do job, landscape, data, ranks and memory fit together? Everything that does not, at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from parallel_landscape.check import check_landscape, check_numbers
from parallel_landscape.check_gradient import check_smooth, check_smooth_numbers
from parallel_landscape.driver.shared_data import SharedData
from parallel_landscape.errors import JobError, RunError
from parallel_landscape.exchange.comm import Comm
from parallel_landscape.exchange.layout import Layout
from parallel_landscape.job.job import Job
from parallel_landscape.job.motion_keys import Moving
from parallel_landscape.landscape import Landscape
from parallel_landscape.landscapes import MODELS
from parallel_landscape.landscapes.joint import JointLandscape
from parallel_landscape.machine import ranks_here
from parallel_landscape.model import Made
from parallel_landscape.observables.build import build
from parallel_landscape.observables.catalogue import KINDS
from parallel_landscape.observables.observable import Around, Observable
from parallel_landscape.observables.smooth import SMOOTH_KINDS
from parallel_landscape.planning.sizes import check_affordable
from parallel_landscape.smooth import SmoothLandscape

TRIED = 10  # moves of a user's landscape that are checked in plain Python before a run; `pland check` makes more


def fitting_landscape(job: Job, comm: Comm, data: SharedData) -> Made:
    """The landscape. Raises JobError when the memory here, or the ranks, do not fit; before it is made, where possible."""
    here = ranks_here(comm.size)
    check_affordable(job, comm.size, here=here)
    landscape = job.build_landscape(data)
    check_affordable(job, comm.size, landscape=landscape, here=here)
    check_fit(job, landscape, comm.size, data)
    return landscape


def check_fit(job: Job, landscape: Made, ranks: int, data: SharedData | None = None) -> Layout:
    """The layout of the job's slots. Raises JobError with all that does not fit between job, landscape and ranks.

    data: what the landscape was made from; the job's observables are checked only with it. All ranks call this together.
    """
    if mistakes := _mistakes_in_motion(job, landscape):
        raise JobError(mistakes)
    with _own_model(job):
        check_numbers_of(landscape)
    levels = range(1) if isinstance(landscape, SmoothLandscape) else landscape.levels
    wrong: list[str] = []
    if isinstance(landscape, Landscape):
        wrong += job.mistakes_in_levels(landscape) + job.kind.why_not(job.ensemble, landscape, job.base, job.seed)
    else:
        wrong += job.kind.why_not_smooth(job.ensemble, landscape)
    wrong += [] if data is None else make_observables(job, landscape, data)[1]
    layout = job.layout(levels, ranks)
    if ranks > layout.slots:
        wrong.append(
            f"{ranks} ranks for {layout.slots} slots "
            f"({layout.repeats} repeats x {layout.windows} {job.kind.places} x {layout.walkers} walkers): "
            f"start at most {layout.slots} ranks, or give the job more {job.kind.places}, {job.kind.members} or repeats."
        )
    if wrong:
        raise JobError(wrong)
    return layout


def make_observables(job: Job, landscape: Made, data: SharedData) -> tuple[dict[str, Observable], list[str]]:
    """The observables that the job asks for, and a sentence for each mistake."""
    section = job.production
    if section is None or not section.observables:
        return {}, []
    kinds = SMOOTH_KINDS if isinstance(landscape, SmoothLandscape) else KINDS
    return build(section.observables, section.parameters, Around(landscape, data, job.base, job.seed), kinds)


def check_promises(job: Job, landscape: Made, moves: int = TRIED) -> None:
    """Try a landscape of the user's own for a few moves. Raises JobError when it breaks its contract."""
    if job.model_name in MODELS:
        return
    with _own_model(job):
        if isinstance(landscape, SmoothLandscape):
            check_smooth(landscape)
        else:
            check_landscape(landscape.first if isinstance(landscape, JointLandscape) else landscape, moves=moves)


def check_numbers_of(landscape: Made) -> None:
    """The plain numbers of either kind of landscape."""
    if isinstance(landscape, SmoothLandscape):
        check_smooth_numbers(landscape)
    else:
        check_numbers(landscape)


@contextmanager
def _own_model(job: Job) -> Iterator[None]:
    """What is wrong with a user's model is a mistake in the job."""
    try:
        yield
    except RunError as error:
        raise JobError(f'[landscape] model: "{job.model_name}": {error}') from error


def _mistakes_in_motion(job: Job, landscape: Made) -> list[str]:
    """What is wrong between the landscape and how its walkers are to move."""
    kind = job.dynamics.kind
    if isinstance(landscape, SmoothLandscape):
        if isinstance(job.dynamics, Moving):
            return []
        weights = f'"{job.model_name}" has continuous weights'
        return [f'[dynamics] kind: {weights}, which "{kind}" cannot move; use "hmc" or "langevin".']
    if kind in landscape.dynamics:
        return []
    allowed = " or ".join(f'"{name}"' for name in landscape.dynamics)
    return [f'[dynamics] kind: given "{kind}", which does not move "{job.model_name}"; use {allowed}.']
