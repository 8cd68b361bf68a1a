"""The architecture of a feed-forward network of sign units: what data sources and landscapes agree on.

Plain numpy, written for clarity: the compiled kernels are checked against `Network.outputs`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Network:
    """Layer widths `(inputs, ..., outputs)` of a network of sign units without biases.

    majority: the last layer's weights are fixed at +1 (a committee machine) and are no degrees of freedom.
    tree: unit k of the first layer sees only the k-th block of inputs / hidden inputs.
    """

    layers: tuple[int, ...]
    majority: bool = False
    tree: bool = False

    @property
    def inputs(self) -> int:
        """Number N of inputs."""
        return self.layers[0]

    @property
    def outputs(self) -> int:
        """Number of output units."""
        return self.layers[-1]

    @property
    def fan_in(self) -> tuple[int, ...]:
        """Number of inputs that one unit of each layer sees."""
        first = self.layers[0] // self.layers[1] if self.tree else self.layers[0]
        return (first, *self.layers[1:-1])

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Shapes (units, fan-in) of the weight matrices that are free to move."""
        every = tuple(zip(self.layers[1:], self.fan_in, strict=True))
        return every[:-1] if self.majority else every

    @property
    def weights(self) -> int:
        """Number of free weights."""
        return sum(units * fan_in for units, fan_in in self.shapes)

    def split(self, weights: NDArray[Any]) -> list[NDArray[Any]]:
        """The flat weight vector (weights,) as one matrix (units, fan-in) a free layer, first layer first, rows in order."""
        ends = np.cumsum([units * fan_in for units, fan_in in self.shapes])
        return [part.reshape(shape) for part, shape in zip(np.split(weights, ends[:-1]), self.shapes, strict=True)]

    def forward(self, weights: NDArray[Any], patterns: NDArray[Any]) -> NDArray[np.int8]:
        """Outputs (P, outputs) in +-1 of the network with flat `weights` on `patterns` (P, inputs); a tie counts as +1."""
        matrices = [np.asarray(matrix, dtype=np.float64) for matrix in self.split(np.asarray(weights))]
        if self.majority:
            matrices.append(np.ones((self.outputs, self.layers[-2])))
        activity = np.asarray(patterns, dtype=np.float64)
        for layer, matrix in enumerate(matrices):
            if layer == 0 and self.tree:
                blocks = activity.reshape(len(activity), self.layers[1], -1)
                fields = np.einsum("pki,ki->pk", blocks, matrix)
            else:
                fields = activity @ matrix.T
            activity = np.where(fields >= 0, 1.0, -1.0)
        return activity.astype(np.int8)

    def errors(self, weights: NDArray[Any], patterns: NDArray[Any], labels: NDArray[Any]) -> int:
        """Number of patterns with at least one output unlike its label; `labels` is (P,) or (P, outputs)."""
        outputs = self.forward(weights, patterns)
        return int(np.any(outputs != np.asarray(labels).reshape(outputs.shape), axis=1).sum())
