"""Weights that runs have recorded, as `pland paths` takes them: chains of one temperature on one training set."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.commands.attempts import Key, Record
from parallel_landscape.commands.solutions import read_attempts
from parallel_landscape.commands.solve import instance_job, make_problem
from parallel_landscape.driver.provenance import digest_of
from parallel_landscape.driver.restore import load_run_job
from parallel_landscape.driver.shared_data import SharedData
from parallel_landscape.errors import JobError, RunError
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.job.job import Job
from parallel_landscape.job.tempering import Canonical
from parallel_landscape.landscape import Landscape
from parallel_landscape.paths.curves import Energies
from parallel_landscape.smooth import SmoothLandscape, Units
from parallel_landscape.store.catalogue import Catalogue, read_catalogue
from parallel_landscape.store.run_folder import RunFolder
from parallel_landscape.store.segments import read_records

F = NDArray[np.float64]


@dataclass(frozen=True)
class Samples:
    """What a run has recorded. weights: (chains, times, n), at most `times` moments, evenly spread, the last one among them.

    energies: of many weights at once, in units of the job. data: digest of the training set, None without one. patterns: P
    where the energy is a sum over patterns, else 1. window: number of the temperature, the coldest is 0. solved: the weights
    are solutions that an algorithm has found, chains of one moment each, and follow no law.
    """

    path: Path
    job: Job
    weights: F
    energies: Energies
    data: str | None
    patterns: int
    landscape: Landscape | SmoothLandscape
    window: int = 0
    solved: bool = False

    @property
    def alpha(self) -> float:
        """Patterns for each weight; nan where there are none."""
        size = self.weights.shape[2]
        if isinstance(self.landscape, Landscape):
            return self.patterns / size
        stabilities = self.landscape.stabilities
        return math.nan if stabilities is None else stabilities(self.weights[0, :1]).shape[1] / size

    @property
    def beta(self) -> float:
        """Inverse temperature; nan without one."""
        if self.solved or not isinstance(self.job.ensemble, Canonical):
            return math.nan
        return float(self.job.ensemble.ladder()[self.window])

    @property
    def sphere(self) -> float:
        """|w|^2 where weights lie on a sphere, else 0."""
        return self.landscape.sphere

    @property
    def units(self) -> tuple[Units, ...]:
        """Hidden units that can be brought into another order."""
        return self.landscape.units if isinstance(self.landscape, SmoothLandscape) else ()


def all_samples(path: Path, times: int) -> list[Samples]:
    """`read_samples` of a run; of a folder of `pland solve` the solutions on each instance that has any, as many chains.

    Raises JobError when it has no real weights, RunError when files are damaged or nothing was solved.
    """
    folder = RunFolder(path.expanduser().resolve())
    if not folder.of_solver or folder.steered.exists():
        return [read_samples(path, times)]
    job, records = read_attempts(folder)
    _check_real(folder.path, job, make_problem(job, 0).landscape)
    found = [_solutions(folder.path, job, instance, records) for instance in sorted({key[0] for key in records})]
    solved = [one for one in found if one is not None]
    if not solved:
        raise RunError(f"{folder.path}: none of {len(records)} attempts succeeded, so there are no solutions to go between")
    return solved


def _solutions(path: Path, job: Job, instance: int, records: Mapping[Key, Record]) -> Samples | None:
    """The solutions on one instance; None without any."""
    mine = [record for key, record in sorted(records.items()) if key[0] == instance and record.more.get("success")]
    if not mine:
        return None
    problem, own = make_problem(job, instance), instance_job(job, instance)
    landscape, data = problem.landscape, problem.training_set
    assert landscape.energies is not None
    weights = np.array([record.weights for record in mine], float)[:, None]
    digest = None if data is None else digest_of(data.patterns, data.labels)
    return Samples(path, own, weights, landscape.energies, digest, _patterns(landscape, weights[0]), landscape, solved=True)


def _check_real(path: Path, job: Job, landscape: Landscape | SmoothLandscape) -> None:
    if landscape.energies is None:
        raise JobError(
            f"{path}: paths need real weights, and those of {job.model_name} are not; nothing lies between +1 and -1."
        )


def read_samples(path: Path, times: int, window: int = 0) -> Samples:
    """The recorded weights of a run, those of its coldest temperature, or of another `window` of it, the coldest first.

    Raises JobError when it is no run with real weights, RunError when files are damaged.
    """
    path = path.expanduser().resolve()
    job = load_run_job(RunFolder(path))
    data = SharedData(job, Serial())
    landscape = job.build_landscape(data)
    _check_real(path, job, landscape)
    energies = landscape.energies
    assert energies is not None
    weights = _chains(read_catalogue(path), path, times, window)
    return Samples(path, job, weights, energies, data.digest, _patterns(landscape, weights[0, :1]), landscape, window)


def _patterns(landscape: Landscape | SmoothLandscape, weights: F) -> int:
    """How many patterns the energy is a sum over; 1 where it is their mean, or no such sum."""
    if isinstance(landscape, Landscape):
        return landscape.levels[-1]
    summed = landscape.stabilities is not None and landscape.convention == "sum"
    return landscape.stabilities(weights).shape[1] if summed and landscape.stabilities is not None else 1


def _chains(catalogue: Catalogue, path: Path, times: int, window: int) -> F:
    """Weights (chains, times, n) of one temperature or window."""
    catalogue.check_whole()
    records = read_records(catalogue.folder, catalogue.segments)
    if "weights" not in records or not len(records["slot"]):
        raise JobError(f"{path} has recorded no weights; run its job with [production] weights = true.")
    frozen = catalogue.frozen()
    slots = frozen.slot[(frozen.window == window) & (frozen.reached > 0)]
    rows = [records["weights"][records["slot"] == slot] for slot in slots.tolist()]
    rows = [row for row in rows if len(row)]
    if not rows:
        raise RunError(f"{path} has no records in window {window} yet; let it go on")
    length = min(map(len, rows))
    chosen = np.unique(length - 1 - np.linspace(0, length - 1, min(times, length)).astype(int)[::-1])
    return np.array([row[chosen] for row in rows], float)


Pair = tuple[Samples, Samples | None]  # a run, and what is to be seen from it


def matched(samples: Sequence[Samples], references: Sequence[Samples]) -> list[Pair]:
    """Each run with every reference on the same training set. Raises JobError, naming the run, when some has none."""
    if not references:
        return [(one, None) for one in samples]
    lone = [str(one.path) for one in samples if one.data not in {reference.data for reference in references}]
    if lone:
        raise JobError(
            f"no --reference has the training set of {', '.join(lone)}: reference and run need the same [landscape.data], seed "
            "included (give both jobs the same [landscape.data] seed)."
        )
    return [(one, reference) for one in samples for reference in references if one.data == reference.data]


def grouped(pairs: Sequence[Pair], alike: Callable[[Pair], Any]) -> list[list[Pair]]:
    """Those that are alike together, in the order of their first one."""
    groups: dict[Any, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(alike(pair), []).append(pair)
    return list(groups.values())
