"""A run under way: everything that the ranks hold, made anew from a job or put back from a checkpoint."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from parallel_landscape.check import check_landscape, check_numbers
from parallel_landscape.check_smooth import check_smooth, check_smooth_numbers
from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.dynamics.pull import unpulled
from parallel_landscape.ensembles.frozen import no_counts
from parallel_landscape.ensembles.schedule import Schedule
from parallel_landscape.errors import JobError, PlandError, RunError
from parallel_landscape.exchange.comm import Comm
from parallel_landscape.exchange.layout import Layout
from parallel_landscape.job import ROUND_STEPS, Job
from parallel_landscape.landscape import Landscape, counts_proposals
from parallel_landscape.landscapes import MODELS
from parallel_landscape.machine import ranks_here
from parallel_landscape.motion_keys import Moving
from parallel_landscape.network import Network
from parallel_landscape.observables.build import Observers, build, compiled
from parallel_landscape.observables.catalogue import KINDS
from parallel_landscape.observables.observable import Around, Observable
from parallel_landscape.observables.smooth import SMOOTH_KINDS, SmoothObservers
from parallel_landscape.progress import Progress
from parallel_landscape.provenance import digest_of, provenance
from parallel_landscape.rng import Purpose
from parallel_landscape.sampler import Sampler, make_sampler
from parallel_landscape.sizes import check_affordable
from parallel_landscape.smooth import SmoothLandscape
from parallel_landscape.smooth_sampler import SmoothSampler, function_digest
from parallel_landscape.stopping import StopRequest
from parallel_landscape.store.checksums import check_listed, write_listed_text
from parallel_landscape.store.run_folder import RunFolder, birth, set_aside, write_text
from parallel_landscape.walker import Slot

TRIED = 10  # moves of a user's landscape that are checked in plain Python before a run; `pland check` makes more


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


def fitting_landscape(job: Job, comm: Comm, data: SharedData) -> Landscape | SmoothLandscape:
    """The landscape. Raises JobError when the memory here, or the ranks, do not fit; before it is made, where possible."""
    here = ranks_here(comm.size)
    check_affordable(job, comm.size, here=here)
    landscape = job.build_landscape(data)
    check_affordable(job, comm.size, landscape=landscape, here=here)
    check_fit(job, landscape, comm.size, data)
    return landscape


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
    sampler, observers = comm.node_leader_first(lambda: _warm(job, landscape, chosen))
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


def on_first_rank(comm: Comm, work: Any) -> None:
    """Do something on rank 0; its JobError or RunError becomes everybody's."""
    mistakes: list[str] = []
    failure = ""
    if comm.rank == 0:
        try:
            work()
        except JobError as error:
            mistakes = list(error.mistakes)
        except PlandError as error:
            failure = str(error)
    mistakes, failure = comm.broadcast([mistakes, failure])
    if mistakes:
        raise JobError(mistakes)
    if failure:
        raise RunError(failure)


def check_fit(job: Job, landscape: Landscape | SmoothLandscape, ranks: int, data: SharedData | None = None) -> Layout:
    """The layout of the job's slots. Raises JobError with all that does not fit between job, landscape and ranks.

    data: what the landscape was made from; the job's observables are checked only with it. All ranks call this together.
    """
    if mistakes := job.mistakes_in_motion(landscape):
        raise JobError(mistakes)
    with _own_model(job):
        check_numbers_of(landscape)
    levels = range(1) if isinstance(landscape, SmoothLandscape) else landscape.levels
    wrong: list[str] = []
    if isinstance(landscape, Landscape):
        wrong += job.mistakes_in_levels(levels) + job.kind.why_not(job.ensemble, landscape, job.base, job.seed)
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


def make_observables(
    job: Job, landscape: Landscape | SmoothLandscape, data: SharedData
) -> tuple[dict[str, Observable], list[str]]:
    """The observables that the job asks for, and a sentence for each mistake."""
    section = job.production
    if section is None or not section.observables:
        return {}, []
    kinds = SMOOTH_KINDS if isinstance(landscape, SmoothLandscape) else KINDS
    return build(section.observables, section.parameters, Around(landscape, data, job.base, job.seed), kinds)


def check_promises(job: Job, landscape: Landscape | SmoothLandscape, moves: int = TRIED) -> None:
    """Try a landscape of the user's own for a few moves. Raises JobError when it breaks its contract."""
    if job.model_name in MODELS:
        return
    with _own_model(job):
        if isinstance(landscape, SmoothLandscape):
            check_smooth(landscape)
        else:
            check_landscape(landscape, moves=moves)


def check_numbers_of(landscape: Landscape | SmoothLandscape) -> None:
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


def _warm(
    job: Job, landscape: Landscape | SmoothLandscape, chosen: dict[str, Observable]
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


def smooth_sampler(job: Job, landscape: SmoothLandscape) -> SmoothSampler:
    """The sampler of a job with continuous weights. From here on the process multiplies matrices with one thread."""
    assert isinstance(job.dynamics, Moving)
    threadpool_limits(1)
    return SmoothSampler(landscape, job.seed, job.dynamics.motion(), min(job.dynamics.pack, job.layout(range(1)).slots))


def steps_per_round(job: Job, sweep: int) -> int:
    """Proposals of each walker between exchanges; coupled replicas hear of each other after every sweep, unless told else."""
    steps = sweep if job.kind.pull(job.ensemble) else ROUND_STEPS
    return sweep * (job.dynamics.sweeps_per_round or max(1, -(-steps // sweep)))


class SharedData:
    """The training set, made on rank 0 and sent to the others: one reads the files, and all have the same bits."""

    def __init__(self, job: Job, comm: Comm) -> None:
        self._job, self._comm = job, comm
        self._tests: dict[tuple[int | None, Path | None], TrainingSet] = {}
        self._network: Network | None = None
        self.digest: str | None = None
        self.training_set: TrainingSet | None = None

    def __call__(self, network: Network) -> TrainingSet:
        """The training set for a network of this architecture."""
        shared = self._shared(lambda: self._job.training_set(network))
        self.digest = digest_of(shared.patterns, shared.labels)
        self._network = network
        if self._job.production is not None and self._job.production.observables:
            self.training_set = shared  # else nobody needs it once the landscape is made
        return shared

    def test_set(self, patterns: int | None, path: Path | None) -> TrainingSet:
        """Patterns that the training set does not hold, of the same rule. JobError when there are none."""
        if (patterns, path) not in self._tests:
            network = self._network
            assert network is not None
            self._tests[patterns, path] = self._shared(lambda: self._job.test_set(network, patterns, path))
        return self._tests[patterns, path]

    def _shared(self, make: Callable[[], TrainingSet]) -> TrainingSet:
        made: list[TrainingSet] = []
        on_first_rank(self._comm, lambda: made.append(make()))
        arrays = self._comm.broadcast_arrays([np.asarray(part) for part in made[0] if part is not None] if made else [])
        return TrainingSet(*arrays, *([None] * (3 - len(arrays))))
