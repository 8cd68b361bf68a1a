"""The training set that all ranks share, and mistakes that one of them finds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.driver.provenance import digest_of
from parallel_landscape.errors import JobError, PlandError, RunError
from parallel_landscape.exchange.comm import Comm
from parallel_landscape.job.job import Job
from parallel_landscape.network import Network


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
