"""The section [solve] of a job: which algorithm, with which keys, how often."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Annotated, Any, cast

from pydantic import BaseModel, Field

from parallel_landscape.errors import JobError
from parallel_landscape.keys import check_keys, keys_model
from parallel_landscape.machine import USABLE, machine_memory, size
from parallel_landscape.solvers import ALGORITHMS, CONTINUOUS
from parallel_landscape.solvers.goal import Goal, goal_keys, make_goal
from parallel_landscape.solvers.problem import Found, Problem
from parallel_landscape.solvers.smooth_problem import SmoothProblem, check_smooth_suits

Algorithm = Callable[..., Found]
SECTION = "[solve]"
MOST = 65_536  # instances, and restarts of each: both fit into the 32 bits that name a stream
COPIES = 3  # arrays of the size of all messages that belief propagation holds at once


@dataclass(frozen=True)
class Solve:
    """The checked section; `keys` are those of the algorithm itself. goal: that of continuous weights; None for others."""

    algorithm: str
    instances: int
    restarts: int
    max_iterations: int
    keys: dict[str, Any]
    goal: Goal | None = None

    def model_dump(self) -> dict[str, Any]:
        """As it stands in a job file."""
        fixed = {name: getattr(self, name) for name in ("algorithm", "instances", "restarts", "max_iterations")}
        return {**fixed, **({} if self.goal is None else asdict(self.goal)), **self.keys}

    def load(self) -> Algorithm:
        """The algorithm."""
        return load_algorithm(self.algorithm, continuous=self.goal is not None)


def common(
    instances: Annotated[int, Field(ge=1, le=MOST, description="training sets; the first one is that of `pland run`")] = 1,
    restarts: Annotated[int, Field(ge=1, le=MOST, description="independent attempts on each instance")] = 1,
    max_iterations: Annotated[int, Field(ge=1, description="sweeps or epochs after which an attempt is given up")] = 1000,
) -> None:
    """The keys that all algorithms share."""


def load_algorithm(name: str, *, continuous: bool = False) -> Algorithm:
    """The function behind the name of an algorithm for weights of this kind. Raises JobError when there is none."""
    table, other = (CONTINUOUS, ALGORITHMS) if continuous else (ALGORITHMS, CONTINUOUS)
    if name not in table:
        kind, others = ("continuous", "weights +-1") if continuous else ("not", "continuous weights")
        hint = f", which is for {others}, and those of this landscape are {kind}" if name in other else ""
        raise JobError(f"{SECTION} algorithm: given {name!r}{hint}; choose from {', '.join(table)}.")
    module, function = table[name].split(":")
    return cast(Algorithm, getattr(import_module(module), function))


def algorithm_keys(algorithm: Algorithm, *, continuous: bool = False) -> type[BaseModel]:
    """Model of all keys of the section but `algorithm`."""
    goals = [goal_keys] if continuous else []
    return keys_model(common, *goals, algorithm, skip=("problem", "attempt"))


def read_solve(content: Mapping[str, Any], continuous: bool | None, wrong: list[str]) -> Solve | None:
    """The section of a job file's content, None without one; every mistake in it is added to `wrong`. continuous: whether the
    weights are; where that is not known (None), the name of the algorithm decides."""
    try:
        return _checked(content["solve"], continuous) if "solve" in content else None
    except JobError as error:
        wrong += error.mistakes
        return None


def _checked(given: Any, continuous: bool | None) -> Solve:
    table = CONTINUOUS if continuous else ALGORITHMS
    if not isinstance(given, Mapping) or not isinstance(given.get("algorithm"), str):
        raise JobError(f"{SECTION} algorithm: required; choose from {', '.join(table)}.")
    name, keys = given["algorithm"], {key: value for key, value in given.items() if key != "algorithm"}
    if continuous is None:
        continuous = name in CONTINUOUS and name not in ALGORITHMS
    keys = check_keys(algorithm_keys(load_algorithm(name, continuous=continuous), continuous=continuous), keys, SECTION)
    goal = make_goal(keys) if continuous else None
    if goal is not None and (wrong := goal.mistakes()):
        raise JobError(wrong)
    shared = {name: keys.pop(name) for name in ("instances", "restarts", "max_iterations")}
    return Solve(name, **shared, keys=keys, goal=goal)


def check_suits(solve: Solve, problem: Problem | SmoothProblem, ranks: int) -> None:
    """Raise JobError when the algorithm cannot be used on this landscape, or its messages do not fit into the memory."""
    if isinstance(problem, SmoothProblem):
        return check_smooth_suits(problem, solve.algorithm)
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
