"""What a job needs in memory and on disk, worked out from its keys before anything of that size is made."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from parallel_landscape.data.patterns import asked_count
from parallel_landscape.errors import JobError, PlandError
from parallel_landscape.exchange.layout import Layout
from parallel_landscape.job.columns import buffer_length, columns_of, record_bytes, smooth_columns
from parallel_landscape.job.coupling import Coupled
from parallel_landscape.job.job import Job
from parallel_landscape.job.motion_keys import Moving
from parallel_landscape.job.sections import Exchange
from parallel_landscape.landscape import counts_proposals
from parallel_landscape.landscapes import MODELS, SIZES
from parallel_landscape.landscapes.binned import BinnedLandscape
from parallel_landscape.landscapes.layout import network_bytes
from parallel_landscape.machine import USABLE, machine_memory, size
from parallel_landscape.model import DATA, Made
from parallel_landscape.network import Network
from parallel_landscape.smooth import SmoothLandscape
from parallel_landscape.specialise import constant_bytes

PROCESS = 200 * 2**20  # bytes of a rank with its compiled kernels, before any data
TABLES = 6  # 8-byte numbers that a slot keeps for each level: ln g, histogram, visits, and what is counted of rounds
GATHERED = 4 * 8  # bytes for each slot and level on the first rank while a result is put together
SMOOTH_VECTORS = 12  # arrays of all weights that a walker needs while it moves, with what is put back on rejection
ENTRY = 8 + 8  # bytes of one input of one pattern on each rank: as given, and with its label folded in


@dataclass(frozen=True)
class Sizes:
    """Bytes that a rank holds once (`shared`), bytes of a walker's state, the levels that each slot has tables over.

    counts: bytes in which a slot counts proposals in production. buffer: bytes of the records that a rank holds back.
    """

    shared: int
    state: int
    levels: range
    described: str = ""
    counts: int = 0
    buffer: int = 0

    @property
    def level_count(self) -> int:
        """Number of levels; unlike len(), for any number of them."""
        return (self.levels[-1] - self.levels[0]) // self.levels.step + 1

    @property
    def slot(self) -> int:
        """Bytes of a slot with its walker."""
        return self.state + 8 * TABLES * self.level_count + self.counts

    def rank(self, layout: Layout) -> int:
        """Bytes of the fullest rank, the first one, which also puts the result together."""
        here = -(-layout.slots // layout.ranks)
        return PROCESS + self.shared + self.buffer + here * self.slot + layout.slots * GATHERED * self.level_count

    def host(self, layout: Layout, ranks: int) -> int:
        """Bytes of the first `ranks` ranks together."""
        others = PROCESS + self.shared + self.buffer + -(-layout.slots // layout.ranks) * self.slot
        return self.rank(layout) + (ranks - 1) * others


@dataclass(frozen=True)
class Recording:
    """Bytes of a record, columns of the counts of proposals, bytes of these counts in a slot, bytes of a rank's buffer."""

    record: int = 0
    changes: int = 0
    counts: int = 0
    buffer: int = 0


def recording_of(job: Job, landscape: Made) -> Recording:
    """What production takes; windows are taken to be of equal width."""
    section = job.production
    if section is None:
        return Recording()
    if isinstance(landscape, SmoothLandscape):
        extra = [name for name, _, _ in job.ensemble.recorded_smooth] if isinstance(job.ensemble, Coupled) else []
        columns = smooth_columns(section, landscape, extra)
        return Recording(record_bytes(columns), buffer=record_bytes(columns) * buffer_length(columns))
    levels = (landscape.levels[-1] - landscape.levels[0]) // landscape.levels.step + 1
    more = [name for name, _, _ in job.ensemble.recorded] if isinstance(job.ensemble, Coupled) else []
    columns = columns_of(section, landscape, job.seed, more)
    record, width = record_bytes(columns), _window_width(job, landscape.levels)
    band = 0 if job.kind.pull(job.ensemble) or not counts_proposals(landscape) else min(section.transitions, levels - 1)
    changes = 2 * band + 2 if band else 0
    return Recording(record, changes, 8 * changes * width, record * buffer_length(columns))


def _window_width(job: Job, levels: range) -> int:
    """Levels of the widest window."""
    count = (levels[-1] - levels[0]) // levels.step + 1
    if not isinstance(job.exchange, Exchange):
        return count
    if isinstance(job.exchange.windows, list):
        return max((high - low) // levels.step + 1 for low, high in job.exchange.windows)
    windows = job.layout(levels).windows
    return -(-count // max(1, round(windows - (windows - 1) * job.exchange.overlap)))


def sizes_of(landscape: Made, state: int = 0, recording: Recording | None = None) -> Sizes:
    """Sizes of a landscape that has been made; `state`: bytes of a walker's state; `recording`: what production takes."""
    if isinstance(landscape, SmoothLandscape):
        held, levels = constant_bytes(landscape.energy_gradient), range(1)
        if isinstance(landscape, BinnedLandscape):
            levels = landscape.levels
        return Sizes(held, SMOOTH_VECTORS * 8 * landscape.size, levels, buffer=0 if recording is None else recording.buffer)
    shared, recording = _held(landscape.params), recording or Recording()
    return Sizes(int(shared), state, landscape.levels, counts=recording.counts, buffer=recording.buffer)


def _held(params: Any) -> int:
    """Bytes of all arrays in params, also of those of a landscape inside a landscape."""
    return sum(_held(part) if isinstance(part, tuple) else getattr(part, "nbytes", 0) for part in params)


def sizes_from_keys(job: Job) -> Sizes | None:
    """Sizes of a job with one of our models, from its keys alone; None where they do not tell."""
    if job.model_name in SIZES:
        module, function = SIZES[job.model_name].split(":")
        shared, state, levels = getattr(import_module(module), function)(**job.landscape)
        keys = ", ".join(f"{key} = {value}" for key, value in job.landscape.items())
        return Sizes(shared, state, levels, f"{job.model_name} with {keys}")
    if job.model_name not in MODELS or job.source_name is None:
        return None
    network = _network_of(job)
    patterns = None if network is None else _patterns(job, network)
    if network is None or patterns is None:
        return None
    if isinstance(job.dynamics, Moving):
        levels = range(1 if job.bins is None else job.bins.count)
        return Sizes(8 * patterns * network.inputs, SMOOTH_VECTORS * 8 * network.weights, levels)
    described = f"a training set of {patterns:,} patterns x {network.inputs:,} inputs"
    shared = ENTRY * patterns * network.inputs + _made_with(job, network, patterns)
    return Sizes(shared, network_bytes(network, patterns), range(patterns + 1), described)


def check_affordable(
    job: Job, ranks: int, *, landscape: Made | None = None, here: int | None = None, limit: int | None = None
) -> None:
    """Raise JobError, with the numbers, when a job needs more memory than there is.

    landscape: the landscape if it has been made already. here: how many of the ranks run on this machine (all, when left out).
    limit: bytes that each rank may use, in place of 80 % of this machine's memory for all of them together.
    """
    sizes = sizes_from_keys(job) if landscape is None else sizes_of(landscape, recording=recording_of(job, landscape))
    if sizes is None:
        return
    layout = job.layout(sizes.levels, ranks)
    here = min(ranks, layout.slots, here or ranks)
    room = USABLE * machine_memory()
    needed = sizes.rank(layout) if limit is not None else sizes.host(layout, here)
    if needed <= (limit if limit is not None else room):
        return
    raise JobError(_too_much(job, sizes, layout, here, needed, limit))


def _too_much(job: Job, sizes: Sizes, layout: Layout, here: int, needed: int, limit: int | None) -> str:
    """Needed, allowed, what it is made of, what to do."""
    allowed = f"this machine has {size(machine_memory())}, of which {size(USABLE * machine_memory())} may be used"
    if limit is not None:
        allowed = f"--memory-per-rank is {size(limit)}"
    where = "a rank" if limit is not None or here == 1 else f"{here} ranks"
    return (
        f"the job needs {size(needed)} of memory on {where}, and {allowed}. On each rank: {size(PROCESS)} for the program; "
        f"{size(sizes.shared)} for {sizes.described or 'the landscape'}; {-(-layout.slots // layout.ranks):,} of "
        f"{layout.slots:,} slots of {size(sizes.slot)} ({sizes.level_count:,} levels). Make the landscape smaller, give it "
        f"fewer {job.kind.members}, {job.kind.places} or repeats, or use more machines."
    )


class _Asked(PlandError):
    """A model has asked for its training set; carries the network."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network


def _network_of(job: Job) -> Network | None:
    """The network of one of our models; None when its keys are wrong, which making it will say better."""

    def ask(network: Network) -> Any:
        raise _Asked(network)

    try:
        job.model(**{**job.landscape, DATA: ask})
    except _Asked as asked:
        return asked.network
    except JobError:
        pass
    return None


def _patterns(job: Job, network: Network) -> int | None:
    try:
        return asked_count(network, job.data.get("patterns"), job.data.get("alpha"))
    except JobError:
        return None


def _made_with(job: Job, network: Network, patterns: int) -> int:
    """Bytes that a training set needs besides itself while it is made."""
    if job.source_name == "hidden-manifold":
        alpha = job.data.get("alpha_latent")
        latent = job.data.get("latent") or (round(patterns / alpha) if alpha else 0)
        return 8 * int(latent) * (patterns + network.inputs)
    return 8 * 3 * network.inputs**2 if job.source_name == "gaussian-mixture" and job.data.get("anisotropy") else 0
