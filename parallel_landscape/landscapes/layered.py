"""Feed-forward networks with continuous weights: energy and gradient of a batch of replicas by hand.

    h_1 = W_1 x / N^(1/2),  h_l = W_l sigma(h_(l-1)) / n_(l-1)^(1/2),  f(x) = c . sigma(h_L) / n_L^(1/2)
    E(w) = sum_mu l(y_mu f(x_mu)) + decay |w|^2        (or the mean over patterns instead of the sum)

with c fixed or trained, f replaced by tanh f when it is squashed, and, in a tree, each unit of the first layer on inputs of its
own. Weights of all replicas and units go into one matrix product with all patterns, and one back.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.landscapes.losses import Activation, Loss, activation_function, loss_function
from parallel_landscape.network import Network
from parallel_landscape.smooth import F, SmoothLandscape, Units

Precision = Literal["float64", "float32"]
Output = Literal["trained", "halves", "ones"]
Convention = Literal["sum", "mean"]
Array = NDArray[Any]


@dataclass(frozen=True)
class Architecture:
    """layers: widths (inputs, hidden ..., 1). output: "trained", or fixed: all 1, or the first half 1 and the others -1."""

    layers: tuple[int, ...]
    activation: Activation = "tanh"
    output: Output = "trained"
    tree: bool = False
    squash: bool = False

    @property
    def network(self) -> Network:
        """The architecture as data sources know it."""
        return Network(self.layers, majority=self.output != "trained", tree=self.tree)

    @property
    def fixed(self) -> F:
        """The fixed weights of the output unit."""
        width = self.layers[-2]
        return np.where((self.output == "halves") & (np.arange(width) >= width // 2), -1.0, 1.0)


@dataclass(frozen=True)
class Energy:
    """What is added up: the loss with its keys, over patterns or as their mean, and the decay."""

    loss: Loss = "cross-entropy"
    margin: float = 0.0
    gain: float = 0.5
    convention: Convention = "sum"
    decay: float = 0.0


def layered(
    shape: Architecture, energy: Energy, data: TrainingSet, *, sphere: bool = False, prior: float = 0.0, precision: Precision
) -> SmoothLandscape:
    """The landscape. sphere: |w|^2 is the number of weights. precision: of the matrix products; sums are float64 always."""
    size, kind = shape.network.weights, np.dtype(precision).type
    inputs, labels = _inputs(shape, data.patterns, kind), np.ascontiguousarray(data.labels[:, 0].astype(kind))
    stabilities, energies, energy_gradient = _functions(shape, energy, inputs, labels, len(labels))

    def estimate(rows: NDArray[np.int64]) -> Callable[[F], tuple[F, F]]:
        some = np.ascontiguousarray(inputs[..., rows])
        return _functions(shape, energy, some, labels[rows], len(labels))[2]

    return SmoothLandscape(
        size=size,
        energy_gradient=energy_gradient,
        initial=lambda rng: rng.standard_normal(size),
        sphere=float(size) if sphere else 0.0,
        prior=prior,
        ln_volume=_ln_volume(size, sphere, prior),
        energy=energies,
        stabilities=stabilities,
        estimate=estimate,
        units=_units(shape),
        convention=energy.convention,
        confinement=2.0 * energy.decay,
        network=shape.network,
    )


Functions = tuple[Callable[[F], F], Callable[[F], F], Callable[[F], tuple[F, F]]]


def _functions(shape: Architecture, energy: Energy, inputs: Array, labels: Array, patterns: int) -> Functions:
    """stabilities, energies, energy_gradient, of the inputs and labels of as many patterns, or of some that stand for them."""
    kind = inputs.dtype.type
    forward, backward = _passes(shape, inputs)
    lose = loss_function(energy.loss, energy.margin, energy.gain)
    share = 1.0 / len(labels) if energy.convention == "mean" else patterns / len(labels)
    decay, squash = energy.decay, shape.squash

    def stabilities(weights: F) -> F:
        outputs = forward(weights.astype(kind, copy=False))[0]
        return np.asarray(labels * (np.tanh(outputs) if squash else outputs), np.float64)

    def energies(weights: F) -> F:
        losses = lose(stabilities(weights).astype(kind, copy=False))[0].sum(axis=1, dtype=np.float64)
        return share * losses + decay * np.einsum("ri,ri->r", weights, weights)

    def energy_gradient(weights: F) -> tuple[F, F]:
        low = weights.astype(kind, copy=False)
        outputs, kept = forward(low)
        if squash:
            outputs = np.tanh(outputs)
        losses, slopes = lose(labels * outputs)
        slopes *= labels
        if squash:
            slopes *= 1 - outputs * outputs
        gradients = backward(low, kept, slopes).astype(np.float64, copy=False)
        gradients *= share
        total = share * losses.sum(axis=1, dtype=np.float64)
        if decay:
            total += decay * np.einsum("ri,ri->r", weights, weights)
            gradients += 2.0 * decay * weights
        return total, gradients

    return stabilities, energies, energy_gradient


def _ln_volume(size: int, sphere: bool, prior: float) -> float:
    """ln of the mass of the prior: the area of the sphere |w|^2 = n, or of a Gaussian; nan for a flat one."""
    if sphere:
        return math.log(2.0) + 0.5 * size * math.log(math.pi) - math.lgamma(0.5 * size) + 0.5 * (size - 1) * math.log(size)
    return 0.5 * size * math.log(2.0 * math.pi / prior) if prior else math.nan


def _inputs(shape: Architecture, patterns: F, kind: Any) -> Array:
    """Patterns scaled by the fan-in, (N, P), or (K, N / K, P) in a tree."""
    fan_in = shape.network.fan_in[0]
    scaled = np.ascontiguousarray((patterns / math.sqrt(fan_in)).T.astype(kind))
    return scaled.reshape(shape.layers[1], fan_in, -1) if shape.tree else scaled


Kept = list[tuple[Array, Array]]  # fields and activities (R, n_l, P) of the hidden layers
Forward = Callable[[Array], tuple[Array, Kept]]
Backward = Callable[[Array, Kept, Array], Array]


def _passes(shape: Architecture, inputs: Array) -> tuple[Forward, Backward]:
    """forward(weights (R, n)) -> outputs (R, P), what is kept; backward(weights, kept, slopes (R, P)) -> gradients (R, n)."""
    activity, derivative = activation_function(shape.activation)
    tree, trained, fixed = shape.tree, shape.output == "trained", shape.fixed.astype(inputs.dtype)
    shapes = shape.network.shapes
    ends = np.cumsum([0, *(units * fan_in for units, fan_in in shapes)])
    hidden = len(shape.layers) - 2
    roots = np.sqrt(np.array(shape.layers[1:-1], float))
    back = np.ascontiguousarray(np.swapaxes(inputs, -1, -2))

    def matrix(weights: Array, layer: int) -> Array:
        return weights[:, ends[layer] : ends[layer + 1]].reshape(-1, *shapes[layer])

    def out_weights(weights: Array) -> Array:
        return matrix(weights, hidden)[:, 0] if trained else np.broadcast_to(fixed, (len(weights), len(fixed)))

    def first_fields(weights: Array) -> Array:
        blocks = matrix(weights, 0)
        if tree:
            return np.matmul(blocks.transpose(1, 0, 2), inputs).transpose(1, 0, 2)
        return np.matmul(blocks.reshape(-1, blocks.shape[2]), inputs).reshape(*blocks.shape[:2], -1)

    def first_gradient(errors: Array) -> Array:
        if tree:
            return np.matmul(errors.transpose(1, 0, 2), back).transpose(1, 0, 2)
        return np.matmul(errors.reshape(-1, errors.shape[2]), back).reshape(*errors.shape[:2], -1)

    def forward(weights: Array) -> tuple[Array, Kept]:
        fields = first_fields(weights)
        if not hidden:
            return fields[:, 0], []
        kept = [(fields, activity(fields))]
        for layer in range(1, hidden):
            fields = np.matmul(matrix(weights, layer), kept[-1][1])
            fields /= fields.dtype.type(roots[layer - 1])
            kept.append((fields, activity(fields)))
        last = out_weights(weights) / fields.dtype.type(roots[-1])
        return np.matmul(last[:, None, :], kept[-1][1])[:, 0], kept

    def backward(weights: Array, kept: Kept, slopes: Array) -> Array:
        gradients = np.empty_like(weights)

        def put(layer: int, values: Array) -> None:
            gradients[:, ends[layer] : ends[layer + 1]] = values.reshape(len(weights), -1)

        if not hidden:
            put(0, first_gradient(slopes[:, None, :]))
            return gradients
        if trained:
            put(hidden, np.matmul(kept[-1][1], slopes[:, :, None])[:, :, 0] / slopes.dtype.type(roots[-1]))
        factors = out_weights(weights) / slopes.dtype.type(roots[-1])
        errors = derivative(*kept[-1])
        errors *= slopes[:, None, :]
        if hidden > 1:
            errors *= factors[:, :, None]
        for layer in range(hidden - 1, 0, -1):
            scale = slopes.dtype.type(1.0 / roots[layer - 1])
            put(layer, np.matmul(errors, kept[layer - 1][1].transpose(0, 2, 1)) * scale)
            below = np.matmul(matrix(weights, layer).transpose(0, 2, 1), errors)
            below *= scale
            below *= derivative(*kept[layer - 1])
            errors = below
        found = first_gradient(errors)
        put(0, found * factors[:, :, None] if hidden == 1 else found)
        return gradients

    return forward, backward


def _units(shape: Architecture) -> tuple[Units, ...]:
    """The units of the first hidden layer of a network with one; deeper ones are left to who needs them."""
    if len(shape.layers) != 3:
        return ()
    units, fan_in = shape.network.shapes[0]
    members = np.arange(units * fan_in).reshape(units, fan_in)
    trained = shape.output == "trained"
    if trained:
        members = np.concatenate([members, units * fan_in + np.arange(units)[:, None]], axis=1)
    groups = np.zeros(units, np.intp) if trained else (shape.fixed < 0).astype(np.intp)
    if shape.tree:
        groups = np.arange(units)
    odd = trained and shape.activation in ("tanh", "erf")
    return (Units(members, groups, -np.ones(members.shape[1], np.int8) if odd else None),)
