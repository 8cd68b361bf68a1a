"""Belief propagation for a committee of K sign units (K = 1: a perceptron) with weights +-1 and patterns of folded labels.

Variables are the weights, factors the patterns. u[p, i] is half the log ratio of what pattern p says about weight i;
total_i = sum_p u[p, i] + extra_i gives the marginal tanh(total_i), and the cavity field total_i - u[p, i] is what weight i
tells pattern p. `extra` is a field from outside, such as that of reinforcement. Patterns are updated one after the other,
each from the newest totals. Bethe free entropy (extra = 0):

    ln Z = sum_p ln P_p + sum_{p i} ln 2cosh(total_i - u[p, i]) - (P - 1) sum_i ln 2cosh(total_i),

with P_p the chance, under the cavity marginals, that pattern p is right. M. Mezard and A. Montanari, Information, Physics, and
Computation (2009), chapter 14.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.solvers.factor import exact_messages, exact_unit, exact_work, gaussian_messages, gaussian_unit
from parallel_landscape.solvers.normal import tanh_and_rest
from parallel_landscape.solvers.sums import PARTS
from parallel_landscape.specialise import Kernel, specialise

Real = NDArray[np.float64]
Function = Callable[..., Any]
_TINY = 1e-300


def cavity(total: float, message: float) -> float:
    """The field of a weight without what the pattern itself has said."""
    return total - message


def votes(chances: Real, rho: Real, law: Real) -> Any:
    """The chance that most of K units are +1; sets rho_k = b / (a - b), a and b the same chance with unit k at +1 and -1."""
    units = len(chances)
    half, right = units // 2, 0.0
    for k in range(units):
        law[:] = 0.0
        law[0] = 1.0
        for other in range(units):
            if other != k:
                for count in range(units, 0, -1):
                    law[count] = chances[other] * law[count - 1] + (1.0 - chances[other]) * law[count]
                law[0] *= 1.0 - chances[other]
        more = 0.0
        for count in range(half + 1, units + 1):
            more += law[count]
        rho[k] = more / max(law[half], _TINY)
        right = more + chances[k] * law[half]
    return right


def sweep_template(cavity: Function, unit: Function, messages: Function) -> Function:
    """The kernel that updates the messages of the patterns in `order`, one after the other.

    x (P, N); u (P, V); total (V,); units K, of `stride` inputs apart from each other (0 when each sees them all); damping: how
    much of the old message is kept. evidence (P,) gets ln P_p. Returns the largest change that is left undone.
    """

    def sweep(
        x: Real, u: Real, total: Real, order: Any, units: int, stride: int, damping: float, evidence: Real, room: Any
    ) -> Any:
        mean, spread, new, work, summary, law = room
        inputs = len(total) // units
        largest = 0.0
        for p in order:
            for k in range(units):
                row = x[p, k * stride : k * stride + inputs]
                old, here = u[p, k * inputs : (k + 1) * inputs], total[k * inputs : (k + 1) * inputs]
                means, spreads = mean[k * inputs : (k + 1) * inputs], spread[k * inputs : (k + 1) * inputs]
                for i in range(inputs):
                    magnetisation, rest = tanh_and_rest(cavity(here[i], old[i]))
                    means[i] = row[i] * magnetisation
                    spreads[i] = row[i] * row[i] * rest
                summary[0, k], summary[2, k], summary[3, k] = unit(row, means, spreads, work[k])
            evidence[p] = np.log(max(votes(summary[0], summary[1], law), _TINY))
            for k in range(units):
                row = x[p, k * stride : k * stride + inputs]
                old, here = u[p, k * inputs : (k + 1) * inputs], total[k * inputs : (k + 1) * inputs]
                means, spreads = mean[k * inputs : (k + 1) * inputs], spread[k * inputs : (k + 1) * inputs]
                messages(row, means, spreads, work[k], summary[2, k], summary[3, k], summary[1, k], new)
                for i in range(inputs):
                    change = (1.0 - damping) * (new[i] - old[i])
                    here[i] += change
                    old[i] += change
                for i in range(inputs):
                    largest = max(largest, abs(new[i] - old[i]))
        return largest

    return sweep


def make_kernel(factor: Literal["gaussian", "exact"] = "gaussian") -> Kernel:
    """Compile, or load, the sweep with a Gaussian or an exact factor."""
    if factor == "exact":
        return specialise(sweep_template, cavity, exact_unit, exact_messages)
    return specialise(sweep_template, cavity, gaussian_unit, gaussian_messages)


@dataclass
class Messages:
    """The messages of one attempt. x: (P, N) folded patterns; u: (P, V); extra: (V,), V = K * inputs of a unit."""

    kernel: Kernel
    x: Real
    u: Real
    units: int = 1
    tree: bool = False
    exact: bool = False
    extra: Real = field(init=False)
    total: Real = field(init=False)
    evidence: Real = field(init=False)

    def __post_init__(self) -> None:
        self.extra = np.zeros(self.u.shape[1])
        self.total = self.u.sum(axis=0)
        self.evidence = np.zeros(len(self.x))
        size, inputs = self.u.shape[1], self.inputs
        work = np.zeros((self.units, exact_work(inputs) if self.exact else PARTS))
        self._room = (
            np.zeros(size), np.zeros(size), np.zeros(inputs), work, np.zeros((4, self.units)), np.zeros(self.units + 1)
        )  # fmt: skip

    @property
    def inputs(self) -> int:
        """Inputs of one unit."""
        return self.u.shape[1] // self.units

    @property
    def magnetisations(self) -> Real:
        """Mean of each weight, (V,)."""
        return np.asarray(np.tanh(self.total))

    def sweep(self, order: NDArray[np.int64], damping: float = 0.0) -> float:
        """Update the messages of the patterns in `order`; returns the largest change that damping has left undone."""
        self.total = self.u.sum(axis=0) + self.extra  # anew: what was added and taken away leaves rounding behind
        stride = self.inputs if self.tree else 0
        return float(self.kernel(self.x, self.u, self.total, order, self.units, stride, damping, self.evidence, self._room))

    def converge(self, rng: np.random.Generator, sweeps: int, tolerance: float, damping: float = 0.0) -> bool:
        """Sweep in random orders until no message changes by more than `tolerance`; False when `sweeps` were not enough."""
        for _ in range(sweeps):
            before = self.u.copy()
            self.sweep(rng.permutation(len(self.x)), damping)
            if np.abs(self.u - before).max() <= tolerance:
                return True
        return False

    def free_entropy(self) -> float:
        """Bethe estimate of ln Z, the logarithm of the number of weights without an error, when the messages have converged."""
        self.sweep(np.arange(len(self.x)))  # evidence of all patterns from the same messages
        single = np.logaddexp(self.total, -self.total)
        cavities = self.total - self.u
        pairs = np.logaddexp(cavities, -cavities)
        return float(self.evidence.sum() + pairs.sum() - (len(self.x) - 1) * single.sum())
