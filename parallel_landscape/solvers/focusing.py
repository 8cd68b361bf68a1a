"""Belief propagation that is driven into one state: reinforced, and focused on a dense region of solutions.

Each weight gets one more message, from y - 1 copies of the system that are attracted, with strength gamma, by a common centre.
With h the field that the patterns give to the weight, in sum,

    extra = atanh( tanh(gamma) tanh( (y - 1) atanh( tanh(gamma) tanh(h) ) ) ) ,

which is (y - 1) h, plain reinforcement, for gamma = infinity. y and gamma grow slowly, and the signs of the marginals are
looked at after each sweep. The extra message moves 1/y of the way to its new value at a time, without which it would overshoot;
for reinforcement that is extra = x total, with x = 1 - 1/y.

A. Braunstein and R. Zecchina, PRL 96, 030201 (2006); C. Baldassi et al., PNAS 113, E7655 (2016).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from parallel_landscape.solvers.amp import Nodes
from parallel_landscape.solvers.messages import Messages, make_kernel
from parallel_landscape.solvers.problem import Attempt, Best, Found, Problem

# (field (V,), parameter) -> (extra message (V,), y)
Protocol = Callable[[NDArray[np.float64], float], tuple[NDArray[np.float64], float]]
_NEARLY_ONE = 1.0 - 1e-15
_AFTER = 100  # sweeps after the end of the protocol: by then all is decided
Damping = Annotated[float, Field(ge=0, lt=1, description="how much of the old message is kept at each update")]
Sweeps = Annotated[int, Field(ge=1, description="sweeps over all patterns for each step of the protocol")]
Noise = Annotated[float, Field(ge=0, description="standard deviation of the first messages")]
Form = Annotated[
    Literal["edges", "nodes"],
    Field(description="one for each pattern and weight; or, for many weights, one for each pattern and each weight alone"),
]
Step = Annotated[float, Field(gt=0, lt=1, description="growth, from 0 to 1, of the protocol's parameter in one step")]


def reinforced_bp(
    problem: Problem,
    attempt: Attempt,
    *,
    messages: Form = "edges",
    step: Step = 0.002,
    sweeps_per_step: Sweeps = 1,
    damping: Damping = 0.0,
    noise: Noise = 0.01,
) -> Found:
    """Each weight is told x / (1 - x) times its own field; x grows from 0 to 1."""

    def extra(field: NDArray[np.float64], x: float) -> tuple[NDArray[np.float64], float]:
        return field * (x / (1.0 - x)), 1.0 / (1.0 - x)

    return _driven(problem, attempt, extra, messages, step, sweeps_per_step, damping, noise)


def focusing_bp(
    problem: Problem,
    attempt: Attempt,
    *,
    protocol: Annotated[
        Literal["pseudo-reinforcement", "scoping"],
        Field(description="rho grows: gamma = atanh(rho^exponent), y = 1 + rho^(1 - 2 exponent) / (1 - rho); or gamma alone"),
    ] = "pseudo-reinforcement",
    exponent: Annotated[float, Field(ge=0, le=0.5, description="of pseudo-reinforcement")] = 0.5,
    replicas: Annotated[float, Field(gt=1, description="y, for scoping")] = 10.0,
    gamma: Annotated[float, Field(gt=0, description="at the end of scoping, which begins at 0")] = 3.0,
    messages: Form = "edges",
    step: Step = 0.002,
    sweeps_per_step: Sweeps = 1,
    damping: Damping = 0.0,
    noise: Noise = 0.01,
) -> Found:
    """y copies are drawn towards a centre; the marginals are those of the copies."""

    def extra(field: NDArray[np.float64], rho: float) -> tuple[NDArray[np.float64], float]:
        if protocol == "scoping":
            return focused(field, np.tanh(gamma * rho), replicas), replicas
        copies = 1.0 + rho ** (1.0 - 2.0 * exponent) / (1.0 - rho)
        return focused(field, rho**exponent, copies), copies

    return _driven(problem, attempt, extra, messages, step, sweeps_per_step, damping, noise)


def focused(field: NDArray[np.float64], attraction: float, replicas: float) -> NDArray[np.float64]:
    """The extra message for fields (V,); attraction = tanh(gamma), replicas = y."""
    center = np.arctanh(np.clip(attraction * np.tanh(field), -_NEARLY_ONE, _NEARLY_ONE))
    return np.arctanh(np.clip(attraction * np.tanh((replicas - 1.0) * center), -_NEARLY_ONE, _NEARLY_ONE))


def _driven(
    problem: Problem,
    attempt: Attempt,
    protocol: Protocol,
    form: str,
    step: float,
    sweeps_per_step: int,
    damping: float,
    noise: float,
) -> Found:
    """Sweep, look at the signs, let the protocol grow, until there is no error left."""
    rng, best = attempt.generator(), Best(problem)
    messages, advance = _messages(problem, rng, form, noise)
    most = min(attempt.max_iterations, math.ceil(1.0 / step) * sweeps_per_step + _AFTER)
    for sweep in range(most):
        attempt.tick()
        advance(damping)
        if best.offer(messages.total):
            return best.found(sweep + 1)
        grown = min(step * ((sweep + 1) // sweeps_per_step), 1.0 - step)
        wanted, replicas = protocol(messages.total - messages.extra, grown)
        messages.extra += (wanted - messages.extra) / replicas
    return best.found(most)


def _messages(
    problem: Problem, rng: np.random.Generator, form: str, noise: float
) -> tuple[Messages | Nodes, Callable[[float], float]]:
    """The first messages, nearly zero, and what makes a sweep with some damping: edges in a random order, nodes all at once."""
    variables, tree = problem.network.weights, problem.network.tree
    if form == "nodes":
        nodes = Nodes(problem.compact, noise * rng.standard_normal(variables), problem.units, tree)
        return nodes, nodes.sweep
    x = problem.folded
    edges = Messages(make_kernel(), x, noise * rng.standard_normal((len(x), variables)), problem.units, tree)
    return edges, lambda damping: edges.sweep(rng.permutation(len(x)), damping)
