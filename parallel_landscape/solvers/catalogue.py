"""The section [solve] of a job: which algorithm, with which keys, how often."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, cast

from pydantic import BaseModel, Field

from parallel_landscape.errors import JobError
from parallel_landscape.keys import check_keys, keys_model
from parallel_landscape.machine import USABLE, machine_memory, size
from parallel_landscape.solvers import ALGORITHMS
from parallel_landscape.solvers.problem import Found, Problem

Algorithm = Callable[..., Found]
SECTION = "[solve]"
MOST = 65_536  # instances, and restarts of each: both fit into the 32 bits that name a stream
COPIES = 3  # arrays of the size of all messages that belief propagation holds at once


@dataclass(frozen=True)
class Solve:
    """The checked section; `keys` are those of the algorithm itself."""

    algorithm: str
    instances: int
    restarts: int
    max_iterations: int
    keys: dict[str, Any]

    def model_dump(self) -> dict[str, Any]:
        """As it stands in a job file."""
        fixed = {name: getattr(self, name) for name in ("algorithm", "instances", "restarts", "max_iterations")}
        return {**fixed, **self.keys}


def common(
    instances: Annotated[int, Field(ge=1, le=MOST, description="training sets; the first one is that of `pland run`")] = 1,
    restarts: Annotated[int, Field(ge=1, le=MOST, description="independent attempts on each instance")] = 1,
    max_iterations: Annotated[int, Field(ge=1, description="sweeps or epochs after which an attempt is given up")] = 1000,
) -> None:
    """The keys that all algorithms share."""


def load_algorithm(name: str) -> Algorithm:
    """The function behind an algorithm's name. Raises JobError when there is none."""
    if name not in ALGORITHMS:
        raise JobError(f"{SECTION} algorithm: given {name!r}; choose from {', '.join(ALGORITHMS)}.")
    module, function = ALGORITHMS[name].split(":")
    return cast(Algorithm, getattr(import_module(module), function))


def algorithm_keys(algorithm: Algorithm) -> type[BaseModel]:
    """Model of all keys of the section but `algorithm`."""
    return keys_model(common, algorithm, skip=("problem", "attempt"))


def read_solve(content: Mapping[str, Any], wrong: list[str]) -> Solve | None:
    """The section of a job file's content, None without one; every mistake in it is added to `wrong`."""
    try:
        return _checked(content["solve"]) if "solve" in content else None
    except JobError as error:
        wrong += error.mistakes
        return None


def _checked(given: Any) -> Solve:
    if not isinstance(given, Mapping) or not isinstance(given.get("algorithm"), str):
        raise JobError(f"{SECTION} algorithm: required; choose from {', '.join(ALGORITHMS)}.")
    keys = {key: value for key, value in given.items() if key != "algorithm"}
    keys = check_keys(algorithm_keys(load_algorithm(given["algorithm"])), keys, SECTION)
    shared = {name: keys.pop(name) for name in ("instances", "restarts", "max_iterations")}
    return Solve(given["algorithm"], **shared, keys=keys)


def check_suits(solve: Solve, problem: Problem, ranks: int) -> None:
    """Raise JobError when the algorithm cannot be used on this landscape, or its messages do not fit into the memory."""
    if solve.algorithm == "annealing":
        return
    network = problem.network
    if solve.algorithm == "sbpi" and not problem.binary:
        raise JobError(f'{SECTION} algorithm: "sbpi" needs inputs of +-1: set binarise = true in [landscape.data].')
    needed = 8 * COPIES * len(problem.inputs) * network.weights * ranks
    if solve.keys.get("messages") == "edges" and needed > USABLE * machine_memory():
        raise JobError(
            f"{SECTION} algorithm: the messages between {len(problem.inputs):,} patterns and {network.weights:,} weights take "
            f"{size(needed)} on {ranks} ranks, and this machine has {size(machine_memory())}; start fewer ranks, or set "
            'messages = "nodes".'
        )
