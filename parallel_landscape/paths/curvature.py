r"""Curvature at a point: the spectrum of the Hessian by Lanczos, its trace, the dimension that it implies, and close patterns.

Products H v = (grad E(w + h v) - grad E(w - h v)) / (2 h) come from gradients alone, with an error of order h^2. The largest
eigenvalues are those of scipy.sparse.linalg.eigsh; the density is that of Gauss quadrature by Lanczos from random vectors
(G. H. Golub, G. Meurant, Matrices, Moments and Quadrature, Princeton (2010)), and the trace that of M. F. Hutchinson, Commun.
Stat. 19, 433 (1990). On a sphere the Hessian is the Riemannian one, P H P - (w.grad E / |w|^2) P with P the projection on the
tangent space.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh

F = NDArray[np.float64]
Gradient = Callable[[F], tuple[F, F]]
STEP = 1e-4  # relative to the length of the weights


@dataclass(frozen=True)
class Hessian:
    """Products with the Hessian at one point: `times(V)` for columns V (n, R)."""

    size: int
    times: Callable[[F], F]


def hessian(energy_gradient: Gradient, weights: F, sphere: float = 0.0) -> Hessian:
    """The Hessian at `weights` (n,)."""
    size, scale = len(weights), STEP * max(1.0, float(np.linalg.norm(weights)))
    radial = float(weights @ energy_gradient(weights[None])[1][0]) / sphere if sphere else 0.0

    def tangent(vectors: F) -> F:
        return vectors - np.outer(weights, weights @ vectors) / sphere if sphere else vectors

    def times(vectors: F) -> F:
        columns = tangent(np.asarray(vectors, float).reshape(size, -1))
        norms = np.linalg.norm(columns, axis=0)
        steps = columns * (scale / np.where(norms > 0, norms, 1.0))
        ahead, back = (energy_gradient(weights + sign * steps.T)[1] for sign in (1.0, -1.0))
        product = (ahead - back).T * (norms / (2.0 * scale))
        return np.asarray(tangent(product) - radial * columns)

    return Hessian(size, times)


def largest(matrix: Hessian, count: int, seed: int = 0) -> F:
    """The `count` largest eigenvalues, in descending order."""
    start = np.random.default_rng(seed).standard_normal(matrix.size)
    operator = LinearOperator((matrix.size, matrix.size), matvec=lambda v: matrix.times(v)[:, 0], dtype=float)
    return np.sort(eigsh(operator, k=count, which="LA", v0=start, return_eigenvectors=False))[::-1]


@dataclass(frozen=True)
class Spectrum:
    """Quadrature of the spectral density: values, and weights that sum to n; from several random vectors, (R, m) each."""

    values: F
    weights: F

    def mean(self, function: Callable[[F], F]) -> tuple[float, float]:
        """Trace of a function of the Hessian, with its standard error over the random vectors."""
        each = (self.weights * function(self.values)).sum(axis=1)
        return float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each))) if len(each) > 1 else float("nan")

    def trace(self) -> tuple[float, float]:
        """Sum of the eigenvalues, with its standard error."""
        return self.mean(lambda values: values)

    def participation(self) -> float:
        """(tr H)^2 / tr H^2: how many eigenvalues of one size there would be."""
        return self.trace()[0] ** 2 / self.mean(np.square)[0]

    def dimension(self, cut: float) -> tuple[float, float]:
        """sum_i k_i / (k_i + cut) over positive eigenvalues: directions that are held rather by the energy than by `cut`."""
        return self.mean(lambda values: np.where(values > 0, values / (np.abs(values) + cut), 0.0))


def spectrum(matrix: Hessian, probes: int = 8, steps: int = 48, seed: int = 0) -> Spectrum:
    """Lanczos with full orthogonalisation from `probes` random vectors, `steps` each at most."""
    rng, size = np.random.default_rng(seed), matrix.size
    steps = min(steps, size)
    values, weights = np.zeros((probes, steps)), np.zeros((probes, steps))
    for probe in range(probes):
        vector = rng.choice([-1.0, 1.0], size) / np.sqrt(size)
        basis, diagonal, beside = [vector], [], []
        for step in range(steps):
            product = matrix.times(basis[-1])[:, 0]
            diagonal.append(float(product @ basis[-1]))
            for _ in range(2):  # twice is enough (W. Kahan)
                product = product - np.array(basis).T @ (np.array(basis) @ product)
            rest = float(np.linalg.norm(product))
            if step == steps - 1 or rest < 1e-10 * max(1.0, max(map(abs, diagonal))):
                break
            beside.append(rest)
            basis.append(product / rest)
        ritz, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
        values[probe, : len(ritz)], weights[probe, : len(ritz)] = ritz, size * vectors[0] ** 2
    return Spectrum(values, weights)


def near_boundary(stabilities: F, margin: float, width: float) -> NDArray[np.int64]:
    """Patterns within `width` of the margin, (R,) from stabilities (R, P)."""
    return np.asarray((np.abs(stabilities - margin) < width).sum(axis=1))
