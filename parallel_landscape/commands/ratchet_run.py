"""`pland ratchet`: pairs of samples of a run steered towards each other, spread over the ranks; each is kept when it is over.

The stream of a path belongs to (seed, path), so the result depends neither on the number of ranks nor on how often it was
stopped. Paths are steered, no samples of any law: every other command refuses the folder.

    RUN-ratchet/ratchet.json             what was asked for
    RUN-ratchet/finished/path-00003.h5   one path; what is there is not done again
    RUN-ratchet/ratchet.nc               all paths, dimensions (path, look, end)
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from parallel_landscape.commands.path_runs import Samples, all_samples
from parallel_landscape.driver.boundary import MARGIN_SECONDS
from parallel_landscape.driver.launch import start_ranks, usable_cores
from parallel_landscape.driver.progress import Counter
from parallel_landscape.driver.provenance import version
from parallel_landscape.driver.shared_data import on_first_rank
from parallel_landscape.driver.stopping import StopRequest
from parallel_landscape.driver.walltime import slurm_end
from parallel_landscape.errors import JobError, PlandError, Stopped
from parallel_landscape.exchange.comm import Comm
from parallel_landscape.exchange.world import launched
from parallel_landscape.paths.pairs import pairs_within
from parallel_landscape.paths.ratchet import Steered, Steering, steer
from parallel_landscape.rng import Purpose, generator
from parallel_landscape.smooth import SmoothLandscape
from parallel_landscape.store.checksums import check_listed, write_listed_text
from parallel_landscape.store.files import make_folder, set_aside
from parallel_landscape.store.hdf5 import write_hdf5
from parallel_landscape.store.path_schema import RATCHET
from parallel_landscape.store.result import write_table
from parallel_landscape.store.run_folder import RunFolder

F = NDArray[np.float64]
SCALARS = ("met", "highest", "accepted")
COLUMNS = ("moves", "energies", "distance", "closest", "overlap", "barrier")


class _GivenUp(PlandError):
    """Time is up, or somebody asked to stop: the path under way is not kept."""


@dataclass(frozen=True)
class Asked:
    """paths: how many pairs. temperature: of the moves; None for that of the run. The rest is that of `Steering`."""

    stiffness: float
    step: float
    paths: int = 16
    temperature: float | None = None
    steps: int = 10
    moves: int = 2000
    both: bool = True

    def mistakes(self) -> list[str]:
        """What is wrong with the numbers."""
        positive = {name: getattr(self, name) for name in ("stiffness", "step", "paths", "steps", "moves")}
        positive |= {} if self.temperature is None else {"temperature": self.temperature}
        return [
            f"--{name}: given {value}; a number above 0 is needed."
            for name, value in positive.items()
            if not 0 < value < math.inf
        ]


def ratchet(parsed: Any, arguments: list[str], comm: Comm) -> int:
    """The command, on these ranks or on ranks of our own."""
    keys = ("stiffness", "step", "paths", "temperature", "steps", "moves")
    asked = Asked(**{key: getattr(parsed, key) for key in keys}, both=not parsed.single)
    if wrong := asked.mistakes():
        raise JobError(wrong)
    ranks = parsed.ranks or min(usable_cores(), asked.paths)
    if not launched() and ranks > 1:
        landscape_of(all_samples(parsed.run, 1)[0])  # mistakes are said once, before there are ranks
        return start_ranks(ranks, arguments)
    path = find_ratchets(parsed.run, asked, comm, force_new=parsed.force_new, quiet=parsed.quiet)
    if path is not None:
        print("\n".join(lines(path, parsed.below)))
    return 0


def find_ratchets(run: Path, asked: Asked, comm: Comm, *, force_new: bool = False, quiet: bool = False) -> Path | None:
    """Make all paths that are not yet over; returns the file on rank 0 and None elsewhere.

    Raises JobError for what does not fit, and Stopped when it stopped in good time: the same command goes on.
    """
    if wrong := asked.mistakes():
        raise JobError(wrong)
    stop = StopRequest().install()
    with threadpool_limits(1):  # more threads may round otherwise
        samples = all_samples(run, 1)[0]
        landscape, steering = landscape_of(samples), steering_of(samples, asked)
        pairs = pairs_within(samples.weights)
        if not pairs:
            raise JobError(
                f"{samples.path} has one chain only, and a path needs two: [exchange] walkers_per_temperature, or repeats; of "
                "a solver, [solve] restarts that succeed on instance 0."
            )
        chosen = np.unique(np.linspace(0, len(pairs) - 1, min(asked.paths, len(pairs))).round().astype(int)).tolist()
        folder = folder_of(samples.path)
        on_first_rank(comm, lambda: _open(folder, samples, asked, force_new))
        missing = [number for number in chosen if not _file(folder, number).exists()]
        mine = comm.broadcast(missing)[comm.rank :: comm.size]
        gave_up = _make(samples, landscape, steering, pairs, mine, _ticker(stop), quiet=quiet or comm.rank != 0)
    if comm.flags(int(gave_up)):
        raise Stopped(f"stopped; the paths that are over are kept in {folder.path}; go on with the same command")
    on_first_rank(comm, lambda: _conclude(folder, pairs, chosen, asked))
    return folder.path / "ratchet.nc" if comm.rank == 0 else None


def folder_of(run: Path) -> RunFolder:
    """Where the paths lie: beside the run."""
    run = run.expanduser().resolve()
    return RunFolder(run.with_name(f"{run.name}-ratchet"))


def landscape_of(samples: Samples) -> SmoothLandscape:
    """The landscape with its gradient. Raises JobError where there is none."""
    if not isinstance(samples.landscape, SmoothLandscape):
        raise JobError(
            f"{samples.path}: the ratchet needs gradients, and {samples.job.model_name} has none; use a model with continuous "
            'weights, such as "one-hidden-layer" or "spherical-perceptron".'
        )
    return samples.landscape


def steering_of(samples: Samples, asked: Asked) -> Steering:
    """The steering, at the temperature of the run unless one is asked for."""
    betas = samples.job.ensemble.ladder() if hasattr(samples.job.ensemble, "ladder") else [0.0]
    temperature = asked.temperature or (1.0 / betas[0] if betas[0] > 0 else 0.0)
    if not temperature > 0 or samples.solved and asked.temperature is None:
        raise JobError(f"{samples.path} has no temperature above 0; give one with --temperature.")
    return Steering(asked.stiffness, temperature, asked.step, asked.steps, asked.moves, both=asked.both)


def _file(folder: RunFolder, number: int) -> Path:
    return folder.finished / f"path-{number:05d}.h5"


def _open(folder: RunFolder, samples: Samples, asked: Asked, force_new: bool) -> None:
    """Make the folder, or check that what lies there was asked for alike."""
    wanted = {key: value for key, value in asdict(asked).items() if key != "paths"} | {"run": samples.job.fingerprint()}
    if samples.solved:  # more restarts would number the pairs anew
        wanted |= {"solutions": len(samples.weights), "solve": samples.job.resolved()["solve"]}
    if force_new:
        set_aside(folder.path)
    if not folder.path.exists():
        folder.create(lambda made: write_listed_text(made.steered, json.dumps(wanted)))
    check_listed(folder.steered, "put it back as it was, or start anew with --force-new")
    if json.loads(folder.steered.read_text()) != wanted:
        raise JobError(f"{folder.path} holds paths that were asked for otherwise; only --paths may change. Or use --force-new.")


def _ticker(stop: StopRequest) -> Callable[[], None]:
    def tick() -> None:
        if stop or time.time() > slurm_end() - MARGIN_SECONDS:
            raise _GivenUp

    return tick


def _make(
    samples: Samples,
    landscape: SmoothLandscape,
    steering: Steering,
    pairs: list[Any],
    mine: list[int],
    tick: Callable[[], None],
    *,
    quiet: bool,
) -> bool:
    """Make these paths and keep each; whether they were given up before the last one was over."""
    folder, counter = folder_of(samples.path), Counter("paths on this rank", len(mine), quiet=quiet)
    try:
        for number in mine:
            _, first, second = pairs[number]
            found = steer(landscape, first, second, steering, generator(samples.job.seed, Purpose.RATCHET, number), tick)
            _keep(folder, number, found)
            counter.add()
    except _GivenUp:
        return True
    finally:
        counter.close()
    return False


def _keep(folder: RunFolder, number: int, found: Steered) -> None:
    make_folder(folder.finished)

    def fill(file: Any) -> None:
        for name in COLUMNS:
            file.create_dataset(name, data=getattr(found, name), fletcher32=True, chunks=True)
        file.create_dataset("ends", data=found.ends, fletcher32=True, chunks=True)
        file.attrs.update({name: getattr(found, name) for name in SCALARS})

    write_hdf5(_file(folder, number), fill)


def _conclude(folder: RunFolder, pairs: list[Any], chosen: list[int], asked: Asked) -> None:
    """All paths in one table."""
    rows: list[dict[str, Any]] = []
    for number in chosen:
        with h5py.File(_file(folder, number), "r") as file:
            rows.append({name: file[name][...] for name in COLUMNS} | {name: file.attrs[name] for name in SCALARS})
    looks = max(len(row["moves"]) for row in rows)
    table: dict[str, Any] = {"path": chosen, "chain": [[chain[1] for chain in pairs[number][0]] for number in chosen]}
    table |= {name: [row[name] for row in rows] for name in SCALARS}
    for name in COLUMNS:
        table[name] = np.full((len(rows), looks, *rows[0][name].shape[1:]), np.nan)
        for place, row in enumerate(rows):
            table[name][place, : len(row["moves"])] = row[name]
    about = {"equilibrium": "no: steered paths, samples of no law", "asked": json.dumps(asdict(asked)), "version": version()}
    write_table(folder.path / "ratchet.nc", RATCHET, table, about)


def lines(path: Path, below: float | None) -> list[str]:
    """The outcome for a person; `below`: the energy under which paths count as connected."""
    import xarray

    with xarray.open_dataset(path, engine="h5netcdf") as data:
        met, highest = data["met"].values.astype(bool), data["highest"].values
        start = np.nanmax(data["energies"].values[:, 0], axis=1)
        barrier = data["barrier"].values[:, 0]
    found = ["path    met  highest energy  of the ends at first  straight or geodesic barrier at first"]
    for number, (reached, *values) in enumerate(zip(met, highest, start, barrier, strict=True)):
        found.append(f"{number:4d}  {'yes' if reached else ' no'}  {values[0]:14.6g}  {values[1]:20.6g}  {values[2]:20.6g}")
    found.append(f"{met.sum()} of {len(met)} pairs met; these are steered paths, not samples")
    if below is not None:
        found.append(f"{(met & (highest <= below)).sum()} of {len(met)} pairs are connected below the energy {below:g}")
    return [*found, str(path)]
