"""Approximate message passing: belief propagation for many weights, with a number for each pattern instead of each pair.

What a weight tells a pattern differs from its marginal m_i by a term of order 1/sqrt(N), which is put back in the sum (the
reaction of Onsager) instead of being kept. A unit sees, from pattern p with inputs x (K = 1: a perceptron),

    omega_p = sum_i x_pi m_i - V_p g_p(old),    V_p = sum_i x_pi^2 (1 - m_i^2),
    g_p = d/d omega ln(rho_p + Phi(omega_p / sqrt(V_p))),    a_i = sum_p x_pi g_p + m_i sum_p x_pi^2 (-dg_p/d omega),

with rho_p from the votes of the other units, and m_i = tanh(a_i + extra_i). All patterns are met at once; memory is that of the
inputs, one byte each when they are +-1. Exact, like belief propagation, for independent inputs and N to infinity; errors are of
order 1/sqrt(N). M. Mezard, J. Phys. A 22, 2181 (1989); S. Rangan, ISIT 2011, arXiv:1010.5141; for committees: B. Aubin et al.,
NeurIPS 2018, arXiv:1806.05451, with independent units here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.solvers.factor import LEAST_SPREAD
from parallel_landscape.solvers.messages import votes
from parallel_landscape.solvers.normal import density_and_tail, tanh_and_rest
from parallel_landscape.solvers.sums import PARTS, plain_sum, product_sum
from parallel_landscape.specialise import Kernel, specialise

Real = NDArray[np.float64]
_TINY = 1e-300
_MOST = 40.0  # of a total field, in size: its tanh is 1


def sweep_template(binary: bool) -> Callable[..., Any]:
    """The kernel that lets all patterns x (P, N) look at the weights and answer.

    total (V,); response (P, K): g, old and then new; says (V,): a, new. units K, of `stride` inputs apart from each other (0
    when each sees them all). binary: all inputs are +-1, so that their squares need no looking at.
    """

    def sweep(x: Any, total: Real, response: Real, says: Real, units: int, stride: int, room: Any) -> None:
        mean, rest, field, curve, summary, law, squares, parts = room
        inputs = len(total) // units
        for i in range(len(total)):
            mean[i], rest[i] = tanh_and_rest(total[i])
        field[:] = 0.0
        curve[:] = 0.0
        for k in range(units):
            summary[4, k] = plain_sum(rest[k * inputs : (k + 1) * inputs], parts)
        for p in range(len(x)):
            for k in range(units):
                row = x[p, k * stride : k * stride + inputs]
                variance = summary[4, k]
                if not binary:
                    for i in range(inputs):
                        squares[i] = row[i] * row[i]
                    variance = product_sum(squares, rest[k * inputs : (k + 1) * inputs], parts)
                variance = max(variance, LEAST_SPREAD)
                omega = product_sum(row, mean[k * inputs : (k + 1) * inputs], parts) - variance * response[p, k]
                summary[2, k], summary[3, k] = omega, variance
                summary[0, k] = density_and_tail(omega / np.sqrt(variance))[2]
            votes(summary[0], summary[1], law)
            for k in range(units):
                scale = 1.0 / np.sqrt(summary[3, k])
                z, density, below = density_and_tail(summary[2, k] * scale)
                first = density / max(summary[1, k] + below, _TINY)
                answer, bend = first * scale, first * (z + first) * scale * scale
                response[p, k] = answer
                row, own = x[p, k * stride : k * stride + inputs], field[k * inputs : (k + 1) * inputs]
                for i in range(inputs):
                    own[i] += row[i] * answer
                if binary:
                    curve[k * inputs] += bend
                else:
                    bends = curve[k * inputs : (k + 1) * inputs]
                    for i in range(inputs):
                        bends[i] += row[i] * row[i] * bend
        for k in range(units):
            for i in range(k * inputs, (k + 1) * inputs):
                says[i] = field[i] + mean[i] * (curve[k * inputs] if binary else curve[i])

    return sweep


def make_kernel(binary: bool) -> Kernel:
    """Compile, or load, the sweep for inputs of +-1 (int8) or real ones (float64)."""
    return specialise(sweep_template, binary=binary)


@dataclass
class Nodes:
    """The fields of one attempt. x: (P, N) folded patterns; says (V,): what they tell the weights; extra (V,): from outside."""

    x: NDArray[Any]
    says: Real
    units: int = 1
    tree: bool = False
    extra: Real = field(init=False)
    total: Real = field(init=False)

    def __post_init__(self) -> None:
        binary = bool(np.all(np.abs(self.x) == 1))
        self.x = np.ascontiguousarray(self.x, np.int8 if binary else np.float64)
        self.extra, self.total = np.zeros(len(self.says)), self.says.copy()
        self._kernel, self._response = make_kernel(binary), np.zeros((len(self.x), self.units))
        room = [np.zeros(len(self.says)) for _ in range(4)]
        summary, law = np.zeros((5, self.units)), np.zeros(self.units + 1)
        self._room = (*room, summary, law, np.zeros(len(self.says) // self.units), np.zeros(PARTS))

    @property
    def magnetisations(self) -> Real:
        """Mean of each weight, (V,)."""
        return np.asarray(np.tanh(self.total))

    def sweep(self, damping: float = 0.0) -> float:
        """All patterns at once; returns the largest change of a total field."""
        before, new = self.total, np.empty_like(self.says)
        stride = len(self.says) // self.units if self.tree else 0
        total = np.clip(self.says + self.extra, -_MOST, _MOST)
        self._kernel(self.x, total, self._response, new, self.units, stride, self._room)
        self.says = damping * self.says + (1.0 - damping) * new
        self.total = self.says + self.extra
        return float(np.abs(self.total - before).max())
