"""Two Gaussian clusters of opposite label, with chosen means, covariance and balance.

    x = mu_y + C^(1/2) z,   z ~ N(0, 1)^N,   |mu_+| = |mu_-| = m sqrt(N),   cos(mu_+, mu_-) = l,   trace C = N

so a component of a mean is of order m and a component of the noise of order 1: a random binary weight vector has the field
y w.x / sqrt(N) = m u + v with u, v standard normal, and for l = -1 a fraction E_u[ Phi(m u)^P ] of all vectors has no error.
The clusters of Mele, Menichetti, Ingrosso & Potestio (density of states of neural networks), N = 41, P = 60:
there ln of that fraction is -4.15 at m = 1 and -2.66 at m = 1.5, and the formula gives -4.11 and -2.67.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from parallel_landscape.data.patterns import Alpha, Patterns, pattern_count
from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.errors import JobError
from parallel_landscape.network import Network

Array = NDArray[np.float64]


def gaussian_mixture(
    network: Network,
    rng: np.random.Generator,
    *,
    separation: Annotated[float, Field(ge=0, description="Length m of both means, in units of sqrt(N) times the noise.")],
    patterns: Patterns = None,
    alpha: Alpha = None,
    cosine: Annotated[float, Field(ge=-1, le=1, description="Cosine l of the angle between the two means.")] = -1.0,
    anisotropy: Annotated[
        float, Field(ge=0, le=50, description="ln(largest / smallest eigenvalue) of both covariances; 0: isotropic.")
    ] = 0.0,
    positive: Annotated[
        int | None, Field(ge=0, description="Number of patterns with label +1; half of them, rounded up, when left out.")
    ] = None,
) -> TrainingSet:
    """Patterns of a network with one output; the label says which cluster a pattern is from."""
    count = pattern_count(network, patterns, alpha)
    positive = (count + 1) // 2 if positive is None else positive
    check_mixture(network, count, positive)
    for_means, for_labels, for_noise, for_axes = rng.spawn(4)
    labels = np.full(count, -1, dtype=np.int8)
    labels[for_labels.permutation(count)[:positive]] = 1
    noise = for_noise.standard_normal((count, network.inputs)) @ spread(for_axes, network.inputs, anisotropy)
    means = separation * math.sqrt(network.inputs) * directions(for_means, network.inputs, cosine)
    return TrainingSet(noise + means[np.where(labels > 0, 0, 1)], labels[:, None])


def check_mixture(network: Network, patterns: int, positive: int) -> None:
    """Raises a JobError with all that forbids two such clusters."""
    found = []
    if network.outputs != 1:
        found.append(
            f"A gaussian-mixture needs a network with 1 output, and this one has {network.outputs}; choose another source."
        )
    if network.inputs < 2:
        found.append(f"A gaussian-mixture needs at least 2 inputs, and the network has {network.inputs}; give it more.")
    if positive > patterns:
        found.append(f"positive = {positive}, but there are only {patterns} patterns; give 0 to {patterns}.")
    if found:
        raise JobError(found)


def directions(rng: np.random.Generator, inputs: int, cosine: float) -> Array:
    """Two unit vectors (2, N), that of label +1 first, with the given cosine, in a random plane."""
    plane, _ = np.linalg.qr(rng.standard_normal((2, inputs)).T)
    along, across = math.sqrt((1 + cosine) / 2) * plane[:, 0], math.sqrt((1 - cosine) / 2) * plane[:, 1]
    return np.stack([along + across, along - across])


def spread(rng: np.random.Generator, inputs: int, anisotropy: float) -> Array:
    """Root (N, N) of the covariance: ln of its eigenvalues equally spaced over `anisotropy`, random axes, trace N."""
    if anisotropy == 0:
        return np.eye(inputs)
    axes, _ = np.linalg.qr(rng.standard_normal((inputs, inputs)))
    eigenvalues = np.exp(np.linspace(-anisotropy / 2, anisotropy / 2, inputs))
    root: Array = (axes * np.sqrt(eigenvalues / eigenvalues.mean())) @ axes.T
    return root
