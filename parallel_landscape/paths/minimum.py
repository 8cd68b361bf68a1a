r"""Minimum-energy paths: the string method, and a climbing image that finds the saddle.

Images w_0 ... w_M go down the gradient and are then spread evenly along the string through them; ends stay. At rest the
gradient has no part across the string (W. E, W. Ren, E. Vanden-Eijnden, J. Chem. Phys. 126, 164103 (2007)). The highest image
then climbs along the string, w -= eta (g - 2 (g.tau) tau), to the saddle (G. Henkelman, B. P. Uberuaga, H. Jonsson, J. Chem.
Phys. 113, 9901 (2000)). On a sphere only tangential parts count, and images are carried back to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.errors import RunError

F = NDArray[np.float64]
Gradient = Callable[[F], tuple[F, F]]


@dataclass(frozen=True)
class MinimumPath:
    """images (M, n) and their energies (M,); saddle (n,) and its energy, those of the climbing image. force: what still moves
    an image, over the step, and the gradient at the saddle; converged: whether both are below the tolerance."""

    images: F
    energies: F
    saddle: F
    saddle_energy: float
    force: tuple[float, float]
    converged: bool

    @property
    def barrier(self) -> float:
        """Energy of the highest point less that of the higher end."""
        return max(self.saddle_energy, float(self.energies.max())) - float(max(self.energies[0], self.energies[-1]))


def minimum_path(
    energy_gradient: Gradient,
    start: F,
    step: float,
    *,
    sphere: float = 0.0,
    tolerance: float = 1e-4,
    most_steps: int = 20_000,
) -> MinimumPath:
    """From a first string `start` (M, n), M >= 3, by steps of `step` down the gradient.

    Raises RunError when an energy is not finite: the step is too long.
    """
    images = _spread(np.array(start, float), sphere)
    rate = np.inf
    for _ in range(most_steps):
        before = images.copy()
        images[1:-1] -= step * _downhill(energy_gradient, images[1:-1], sphere)[1]
        images = _spread(images, sphere)
        rate = float(np.linalg.norm(images - before, axis=1).max()) / step
        if rate < tolerance:
            break
    energies = _downhill(energy_gradient, images, sphere)[0]
    top = int(np.argmax(energies[1:-1])) + 1
    saddle, energy, left = images[top].copy(), float(energies[top]), np.inf
    tangent = _tangents(images)[top - 1]
    for _ in range(most_steps):
        found, gradient = (part[0] for part in _downhill(energy_gradient, saddle[None], sphere))
        energy, left = float(found), float(np.linalg.norm(gradient))
        if left < tolerance:
            break
        saddle = _on(saddle - step * (gradient - 2.0 * (gradient @ tangent) * tangent), sphere)
    return MinimumPath(images, energies, saddle, energy, (rate, left), rate < tolerance and left < tolerance)


def _downhill(energy_gradient: Gradient, images: F, sphere: float) -> tuple[F, F]:
    energies, gradients = energy_gradient(images)
    if not (np.isfinite(energies).all() and np.isfinite(gradients).all()):
        raise RunError("an energy on the path is not finite: the step of the string method is too long, make it smaller")
    if sphere:
        gradients = gradients - images * ((images * gradients).sum(axis=1) / sphere)[:, None]
    return energies, gradients


def _tangents(images: F) -> F:
    """Unit tangents (M - 2, n) at the inner images."""
    along = images[2:] - images[:-2]
    return np.asarray(along / np.linalg.norm(along, axis=1, keepdims=True))


def _spread(images: F, sphere: float) -> F:
    """The same string with its images at equal distances."""
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(images, axis=0), axis=1))])
    wanted = np.linspace(0.0, lengths[-1], len(images))
    place = np.clip(np.searchsorted(lengths, wanted, side="right") - 1, 0, len(images) - 2)
    share = ((wanted - lengths[place]) / (lengths[place + 1] - lengths[place]))[:, None]
    spread = (1 - share) * images[place] + share * images[place + 1]
    spread[0], spread[-1] = images[0], images[-1]
    return _on(spread, sphere)


def _on(weights: F, sphere: float) -> F:
    """Carried back to the sphere, where there is one."""
    if not sphere:
        return weights
    return np.asarray(weights * np.sqrt(sphere) / np.linalg.norm(weights, axis=-1, keepdims=True))
