"""Networks with continuous weights, as a job names them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from parallel_landscape.errors import JobError
from parallel_landscape.landscape import DataSource
from parallel_landscape.landscapes.layered import Architecture, Convention, Energy, Output, Precision, layered
from parallel_landscape.landscapes.losses import Activation, Loss
from parallel_landscape.smooth import SmoothLandscape

Margin = Annotated[float, Field(description="kappa: stability below which a pattern costs something; of either sign")]
Gain = Annotated[float, Field(gt=0, description="zeta of the cross-entropy ln(1 + exp(-2 zeta t)) / (2 zeta)")]
Summed = Annotated[Convention, Field(description="the loss is summed over patterns, or is their mean")]
Decay = Annotated[float, Field(ge=0, description="lambda in E = loss + lambda |w|^2")]
Prior = Annotated[float, Field(ge=0, description="precision of a Gaussian prior on the weights, no part of the energy")]
Sphere = Annotated[bool, Field(description="the weights live on the sphere |w|^2 = their number")]
Digits = Annotated[Precision, Field(description="of the matrix products")]


def spherical_perceptron(
    inputs: Annotated[int, Field(ge=2, description="number N of weights")],
    data: DataSource,
    *,
    kappa: Margin = 0.0,
    loss: Annotated[Loss, Field(description="of the stability t = y w.x / N^(1/2)")] = "quadratic",
    gain: Gain = 0.5,
    convention: Summed = "sum",
    precision: Digits = "float64",
) -> SmoothLandscape:
    """E(w) = sum over patterns of l(t), |w|^2 = N: t >= kappa costs nothing with violations, hinge and quadratic loss."""
    shape, energy = Architecture((inputs, 1)), Energy(loss, kappa, gain, convention)
    return layered(shape, energy, data(shape.network), sphere=True, precision=precision)


def one_hidden_layer(
    inputs: Annotated[int, Field(ge=1, description="number N of inputs")],
    hidden: Annotated[int, Field(ge=1, description="number K of hidden units")],
    data: DataSource,
    *,
    tree: Annotated[bool, Field(description="each hidden unit has N / K inputs of its own")] = False,
    activation: Annotated[Activation, Field(description="of the hidden units")] = "tanh",
    output: Annotated[
        Output, Field(description="second layer: trained, or fixed to ones, or to 1 in the first half and -1 in the other")
    ] = "trained",
    squash: Annotated[bool, Field(description="tanh of the output, too")] = False,
    loss: Annotated[Loss, Field(description="of the stability t = y f(x)")] = "cross-entropy",
    margin: Margin = 0.0,
    gain: Gain = 0.5,
    convention: Summed = "sum",
    decay: Decay = 0.0,
    prior: Prior = 0.0,
    sphere: Sphere = False,
    precision: Digits = "float64",
) -> SmoothLandscape:
    """f(x) = sum_k c_k sigma(w_k.x_k / N_k^(1/2)) / K^(1/2). A tree of relu units, output = "halves", loss = "cross-entropy"
    and convention = "mean" is the committee of A. Zambon et al., arXiv:2503.08266."""
    if tree and inputs % hidden:
        raise JobError(f"inputs = {inputs} cannot be dealt out among hidden = {hidden} units; give a multiple of {hidden}.")
    _check_norm(sphere, prior, decay)
    shape = Architecture((inputs, hidden, 1), activation, output, tree, squash)
    energy = Energy(loss, margin, gain, convention, decay)
    return layered(shape, energy, data(shape.network), sphere=sphere, prior=prior, precision=precision)


def mlp(
    layers: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=3, description="widths [inputs, hidden ..., 1]")],
    data: DataSource,
    *,
    activation: Annotated[Activation, Field(description="of the hidden units")] = "tanh",
    loss: Annotated[Loss, Field(description="of the stability t = y f(x)")] = "cross-entropy",
    margin: Margin = 0.0,
    gain: Gain = 0.5,
    convention: Summed = "sum",
    decay: Decay = 0.0,
    prior: Prior = 0.0,
    sphere: Sphere = False,
    precision: Digits = "float64",
) -> SmoothLandscape:
    """A fully connected network of several layers with one output, all of whose weights are trained."""
    if layers[-1] != 1:
        raise JobError(f"layers = {layers}: a network with continuous weights has one output; let the last one be 1.")
    _check_norm(sphere, prior, decay)
    shape, energy = Architecture(tuple(layers), activation), Energy(loss, margin, gain, convention, decay)
    return layered(shape, energy, data(shape.network), sphere=sphere, prior=prior, precision=precision)


def _check_norm(sphere: bool, prior: float, decay: float) -> None:
    if sphere and (prior or decay):
        raise JobError(
            "sphere = true fixes the norm of the weights, so that neither prior nor decay has a meaning; leave them out."
        )
