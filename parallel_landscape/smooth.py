"""The whole interface between a model with continuous weights and the samplers: plain functions of a batch of weights.

A landscape is one function, which evaluates R replicas at once so that they share the matrix products,

    energy_gradient(weights (R, n)) -> energies (R,), gradients (R, n)

in plain numpy, float64 in and out. Rows must not look at each other: the energy of a replica is a function of its row alone.
States are sampled by exp(-beta E(w)) times the prior, which is flat, Gaussian, or uniform on a sphere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.network import Network

F = NDArray[np.float64]


@dataclass(frozen=True)
class Units:
    """The hidden units of one layer, and what leaves the network's output alone.

    members: (K, m) which weights belong to each unit, those that go in and those that go out, alike for all units. groups: (K,)
    units of the same number may change places. flips: (m,) +1, or -1 for members whose sign changes when a unit is turned over;
    None when no unit can be.
    """

    members: NDArray[np.intp]
    groups: NDArray[np.intp]
    flips: NDArray[np.int8] | None = None


@dataclass(frozen=True)
class SmoothLandscape:
    """An energy of continuous weights with its gradient.

    size: number n of weights. energy_gradient: of R weight vectors at once. initial: (n,) random weights to start from.
    sphere: squared norm of the weights where they live on a sphere (only the tangential part of a gradient then counts), 0 in
    flat space. prior: precision of a Gaussian prior exp(-prior |w|^2 / 2), no part of the energy; 0 for none.
    ln_volume: ln of the prior's whole mass where that makes ln g absolute (0 for a normalised prior); nan when it has none.
    energy: energies (R,) alone, where that is cheaper. stabilities: (R, n) -> (R, P), for each pattern how far it is on the
    right side. estimate: for the numbers (B,) of some patterns an `energy_gradient` that sees these alone, their loss scaled to
    all patterns, so that its mean over random ones is the true one; None where the energy is no sum over patterns.
    observables: what production may record besides the energy, (R, n) -> (R,). units: of each hidden layer.
    confinement: curvature k such that the energy grows at least as k |w|^2/2 far out; inf when it grows faster.
    convention: whether the loss is summed over patterns or is their mean; a temperature means nothing without it.
    """

    size: int
    energy_gradient: Callable[[F], tuple[F, F]]
    initial: Callable[[np.random.Generator], F]
    sphere: float = 0.0
    prior: float = 0.0
    ln_volume: float = math.nan
    energy: Callable[[F], F] | None = None
    stabilities: Callable[[F], F] | None = None
    estimate: Callable[[NDArray[np.int64]], Callable[[F], tuple[F, F]]] | None = None
    observables: Mapping[str, Callable[[F], F]] = field(default_factory=dict)
    units: tuple[Units, ...] = ()
    confinement: float = 0.0
    convention: Literal["sum", "mean"] = "sum"
    network: Network | None = None

    @property
    def freedom(self) -> int:
        """Number of directions in which weights can move."""
        return self.size - 1 if self.sphere else self.size

    def energies(self, weights: F) -> F:
        """Energies (R,) of weights (R, n)."""
        return self.energy_gradient(weights)[0] if self.energy is None else self.energy(weights)
