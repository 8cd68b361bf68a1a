"""Samplers and observables of a job, compiled or loaded, ready to move."""

from __future__ import annotations

import contextlib
import ctypes

from threadpoolctl import threadpool_limits

from parallel_landscape.dynamics.pull import unpulled
from parallel_landscape.ensembles.frozen import no_counts
from parallel_landscape.flat_sampler import FlatSampler
from parallel_landscape.job.job import Job
from parallel_landscape.job.motion_keys import Moving
from parallel_landscape.landscape import Landscape, counts_proposals
from parallel_landscape.landscapes.binned import BinnedLandscape
from parallel_landscape.model import Made
from parallel_landscape.observables.build import Observers, compiled
from parallel_landscape.observables.observable import Observable
from parallel_landscape.observables.smooth import SmoothObservers
from parallel_landscape.rng import Purpose
from parallel_landscape.sampler import Sampler, make_sampler
from parallel_landscape.smooth import SmoothLandscape
from parallel_landscape.smooth_sampler import SmoothSampler, function_digest

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # of mallopt


def warm_sampler(landscape: Landscape, seed: int, *, frozen: bool = False, pull: str = "") -> Sampler:
    """A sampler whose kernels have been compiled, or loaded, for this landscape's types."""
    sampler = make_sampler(landscape, seed, frozen=frozen, pull=pull)
    slot = sampler.new_slot(0)
    sampler.advance(slot, Purpose.SEARCH, 0.0, 0)
    if frozen:
        sampler.advance_frozen(slot, no_counts(0, 0, 1), 0, 0)
    if pull:
        sampler.advance_pulled(slot, unpulled(slot, landscape.moves, pull), Purpose.SEARCH, 0)
    return sampler


def ready(
    job: Job, landscape: Made, chosen: dict[str, Observable]
) -> tuple[Sampler | SmoothSampler, Observers | SmoothObservers]:
    """The sampler and the observables, compiled where they are to be."""
    if isinstance(landscape, SmoothLandscape):
        return smooth_sampler(job, landscape), SmoothObservers(
            chosen, {f"observable {name}": function_digest(one.function) for name, one in chosen.items()}
        )
    pull = job.kind.pull(job.ensemble)
    counts = counts_proposals(landscape) and not pull
    frozen = counts and job.production is not None and job.production.transitions > 0
    sampler, observers = warm_sampler(landscape, job.seed, frozen=frozen, pull=pull), compiled(chosen)
    if chosen:
        slot = sampler.new_slot(0)
        observers.measure(0, 0, landscape.levels[slot.walker.level], slot.walker.state)
    return sampler, observers


def settle_process() -> None:
    """One thread for matrix products: ranks have a core each, and the bits of a product may depend on the number of threads.

    And memory that is freed is kept: arrays of megabytes come and go with each step, and to ask the system for them anew costs
    a fifth of it. Only the C library of GNU can be told so.
    """
    threadpool_limits(1)
    with contextlib.suppress(OSError, AttributeError):
        tell = ctypes.CDLL(None).mallopt
        tell(_MMAP_THRESHOLD, 2**25)
        tell(_TRIM_THRESHOLD, 2**30)


def smooth_sampler(job: Job, landscape: SmoothLandscape) -> SmoothSampler:
    """The sampler of a job with continuous weights. From here on the process multiplies matrices with one thread."""
    assert isinstance(job.dynamics, Moving)
    settle_process()
    motion, pack = job.dynamics.motion(), min(job.dynamics.pack, job.layout(range(1)).slots)
    if isinstance(landscape, BinnedLandscape):
        return FlatSampler(landscape, job.seed, motion, pack, landscape.bins.count)
    return SmoothSampler(landscape, job.seed, motion, pack)
