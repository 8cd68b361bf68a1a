"""Gaussian averages, and the doubling of their order until the answer stops changing.

Averages over a standard normal variable are trapezoid sums on [-8.5, 8.5]. For a function that is analytic in a strip
around the real axis the error falls exponentially with the number of intervals (L. N. Trefethen, J. A. C. Weideman,
SIAM Rev. 56, 385 (2014)), and unlike Gauss-Hermite nodes the evenly spaced ones also resolve the step of width
sqrt((1-q)/q) that the channels have near q = 1, as soon as there are enough of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.errors import RunError

Array = NDArray[np.float64]

REACH = 8.5  # the normal density is 1e-16 of its peak there
FIRST, LIMIT = 64, 8192  # intervals
RESOLVED = 2.0  # nodes inside the narrowest step that a rule is trusted with
PLANE_FIRST, PLANE_LIMIT = 32, 512  # the same where averages are two-dimensional
PATIENCE = 3  # orders in turn that may see no solution, where each of them is dear


class NoSolution(RunError):
    """The equations have no replica-symmetric solution here: beyond capacity, or past the point where a branch ends."""


class Rule(NamedTuple):
    """Nodes and weights of an average over a standard normal variable, (order + 1,) each; weights sum to 1."""

    nodes: Array
    weights: Array

    @property
    def smallest_variance(self) -> float:
        """Square of the narrowest step that still spans a few nodes.

        Steps are sqrt((1-q)/q) wide in averages over patterns and 1/sqrt(q_hat) wide in those over weights +-1. Where they are
        narrower, a coarse rule shows solutions that are none.
        """
        return float((RESOLVED * (self.nodes[1] - self.nodes[0])) ** 2)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Numbers of the theory and how good they are; names, units and meanings are in `quantities.QUANTITIES`."""

    status: str = "ok"
    residual: float = 0.0
    error: float = math.nan
    order: int = 0


A = TypeVar("A", bound=Answer)


@lru_cache(maxsize=32)
def gaussian_rule(order: int) -> Rule:
    """The trapezoid rule with `order` intervals."""
    nodes = np.linspace(-REACH, REACH, order + 1)
    weights = np.exp(-nodes * nodes / 2)
    return Rule(nodes, weights / weights.sum())


@lru_cache(maxsize=32)
def legendre_rule(order: int) -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights on [0, 1], (order,) each."""
    nodes, weights = np.polynomial.legendre.leggauss(order)
    return (nodes + 1) / 2, weights / 2


def refine(
    solve: Callable[[int, A | None], A], *, tolerance: float, first: int = FIRST, limit: int = LIMIT, patience: int = 99
) -> A:
    """Solve with ever finer quadrature until nothing changes by more than `tolerance`; the answer carries its error.

    solve: (order, the coarser answer to start from, or None) -> answer. A coarse rule may not see a solution that a
    finer one sees, so `NoSolution` counts only at the finest, or `patience` times. Raises RunError at the limit.
    """
    order, coarse, error, missing = first, None, math.inf, None
    while order <= limit:
        try:
            fine, missing = solve(order, coarse), None
        except NoSolution as reason:
            fine, missing, patience = None, reason, patience - 1
            if patience == 0:
                break
        if fine is not None and coarse is not None:
            error = largest_change(coarse, fine)
            if error <= tolerance:
                return replace(fine, error=error, order=order)
        coarse, order = fine, 2 * order
    if missing is not None:
        raise missing
    raise RunError(
        f"the quadrature has not converged: at {limit} intervals the answer still changes by {error:.1e}, more than "
        f"tolerance={tolerance:g}; ask for less, or stay further away from the point where the solutions vanish"
    )


def largest_change(coarse: Answer, fine: Answer) -> float:
    """Largest change of any number, relative where it is larger than 1 and absolute otherwise."""
    skipped = {field.name for field in fields(Answer)}
    largest = 0.0
    for field in fields(fine):
        old, new = getattr(coarse, field.name), getattr(fine, field.name)
        if field.name in skipped or not isinstance(new, float) or old == new or (math.isnan(old) and math.isnan(new)):
            continue
        change = abs(new - old) / max(1.0, abs(new))
        largest = max(largest, math.inf if math.isnan(change) else change)
    return largest
