"""The hidden manifold: patterns are random features of latent inputs, and the rule lives among the latent inputs.

    xi (D,)  latent input,   xi~_i = sigma( sum_k F_ik xi_k / sqrt(D) ),  F_ik ~ N(0, 1),   y = sign( w . xi ),  w in {-1, +1}^D

Goldt, Mezard, Krzakala & Zdeborova, Phys. Rev. X 10, 041044 (2020); Gerace et al., ICML 2020. With binary students:
Baldassi et al., Phys. Rev. E 106, 014116 (2022), where over-parametrisation raises N / D at fixed alpha_T = P / D.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from parallel_landscape.data.patterns import Alpha, Kind, Patterns, draw_inputs, draw_signs, pattern_count
from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.errors import JobError
from parallel_landscape.network import Network

Array = NDArray[np.float64]
Nonlinearity = Literal["sign", "tanh", "erf", "relu-centred", "linear"]


def erf(field: Array) -> Array:
    """The error function of every entry."""
    return np.asarray(np.frompyfunc(math.erf, 1, 1)(field), dtype=np.float64)


# Each has mean zero under a standard normal argument, as the theory asks for.
NONLINEARITIES: dict[Nonlinearity, Callable[[Array], Array]] = {
    "sign": lambda field: np.where(field >= 0, 1.0, -1.0),
    "tanh": np.tanh,
    "erf": erf,
    "relu-centred": lambda field: np.maximum(field, 0.0) - 1 / math.sqrt(2 * math.pi),
    "linear": lambda field: field,
}


class Manifold(NamedTuple):
    """What the patterns were made of: latent inputs (P, D), features F (N, D), teachers +-1 (outputs, D)."""

    latent: Array
    features: Array
    teacher: NDArray[np.int8]


def hidden_manifold(
    network: Network,
    rng: np.random.Generator,
    *,
    patterns: Patterns = None,
    alpha: Alpha = None,
    latent: Annotated[int | None, Field(gt=0, description="Latent dimension D; give this or alpha_latent.")] = None,
    alpha_latent: Annotated[
        float | None, Field(gt=0, description="Patterns per latent dimension: D = round(P / alpha_latent); or give latent.")
    ] = None,
    kind: Annotated[Kind, Field(description="Latent inputs are +-1 (binary) or standard normal (gaussian).")] = "gaussian",
    nonlinearity: Annotated[
        Nonlinearity, Field(description="The function sigma between F xi / sqrt(D) and a pattern.")
    ] = "sign",
) -> TrainingSet:
    """Random features of latent inputs, labelled by one random +-1 perceptron an output; sign(0) = +1.

    The teacher has D weights, not the network's, so the training set carries none.
    """
    count = pattern_count(network, patterns, alpha)
    manifold = draw_manifold(network, rng, count, latent_dimension(count, latent, alpha_latent), kind)
    fields = manifold.latent @ manifold.features.T / math.sqrt(manifold.latent.shape[1])
    labels = np.where(manifold.latent @ manifold.teacher.T >= 0, 1, -1).astype(np.int8)
    return TrainingSet(np.ascontiguousarray(NONLINEARITIES[nonlinearity](fields)), labels)


def draw_manifold(network: Network, rng: np.random.Generator, patterns: int, latent: int, kind: Kind) -> Manifold:
    """Latent inputs, features and teachers, each from a stream of its own: more patterns or inputs begin with the fewer."""
    for_latent, for_features, for_teacher = rng.spawn(3)
    return Manifold(
        draw_inputs(for_latent, kind, patterns, latent),
        for_features.standard_normal((network.inputs, latent)),
        draw_signs(for_teacher, network.outputs, latent),
    )


def latent_dimension(patterns: int, latent: int | None, alpha_latent: float | None) -> int:
    """Latent dimension D from the one key given."""
    if latent is not None and alpha_latent is not None:
        raise JobError(f"latent = {latent} and alpha_latent = {alpha_latent} are both given; give one of the two.")
    if latent is not None:
        return latent
    if alpha_latent is None:
        raise JobError("Neither latent nor alpha_latent is given; give one of the two, such as latent = 51.")
    dimension = round(patterns / alpha_latent)
    if dimension == 0:
        raise JobError(
            f"alpha_latent = {alpha_latent} with {patterns} patterns rounds to no latent dimension at all; "
            f"give alpha_latent below {2 * patterns} or give latent."
        )
    return dimension
