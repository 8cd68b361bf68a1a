"""The whole entropy s(e) of a perceptron with weights +-1, to lay over a measured ln g(E).

All three label models are symmetric under w -> -w, which turns E into P - E: the upper half of a curve mirrors the lower.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from parallel_landscape.errors import JobError
from parallel_landscape.theory.binary import BinaryAnswer, binary_perceptron, teacher_student
from parallel_landscape.theory.features import FeaturesAnswer, random_features
from parallel_landscape.theory.quadrature import Array, NoSolution

State = BinaryAnswer | FeaturesAnswer
COLDEST = 24.0
REMARK = (
    "Replica-symmetric, N to infinity. At finite N, ln g(E)/N lies below it by about ln(N)/(2N) near its maximum and by less "
    "near e = 0, and varies from instance to instance; compare differences of ln g, or the normalised number of states."
)


@dataclass(frozen=True)
class EntropyCurve:
    """s = ln g/N against the fraction of errors E/P, ascending; (points,) each. beta = ds/de is negative in the upper half."""

    name: str
    energy_per_pattern: Array
    entropy: Array
    beta: Array
    remark: str = REMARK


def entropy_points(
    source: str, alpha: float, alpha_latent: float | None = None, nonlinearity: str = "sign", points: int = 41
) -> list[State]:
    """States from beta = 0 down to zero errors, or to where the entropy vanishes; the last one is that end.

    source: whose labels, "random", "teacher" or "hidden-manifold" (which needs alpha_latent = P/D). Raises JobError.
    """
    state = _model(source, alpha, alpha_latent, nonlinearity)
    if points < 3:
        raise JobError(f"points: given {points}; an integer from 3 up is needed (how many points the curve has).")
    betas = [*np.sinh(np.linspace(0, np.arcsinh(COLDEST), points - 1)), np.inf]
    found: list[State] = []
    for beta in betas:
        try:
            at = state(float(beta))
        except NoSolution:
            break
        if at.entropy < 0:
            warm = found[-1].beta
            cold = min(float(beta), 100 * COLDEST)
            frozen = brentq(lambda beta: state(beta).entropy, warm, cold, xtol=1e-10)
            return [*found, state(float(frozen))]
        found.append(at)
    return found


def curve_for(
    model: str, source: str, alpha: float, alpha_latent: float | None = None, nonlinearity: str = "sign", points: int = 41
) -> EntropyCurve | None:
    """The curve for a landscape's model and source of data, or None where there is no theory for them.

    model, source: as in a job file; alpha: P/N; alpha_latent: P/D of a hidden manifold. Raises JobError for bad numbers.
    """
    known = source in ("random", "teacher") or (source == "hidden-manifold" and alpha_latent is not None)
    if model != "binary-perceptron" or not known:
        return None
    lower = entropy_points(source, alpha, alpha_latent, nonlinearity, points)[::-1]
    energy = np.array([at.energy_per_pattern for at in lower])
    entropy, beta = np.array([at.entropy for at in lower]), np.array([at.beta for at in lower])
    return EntropyCurve(
        f"binary perceptron, {source} labels, alpha={alpha:g}",
        np.concatenate([energy, 1 - energy[-2::-1]]),
        np.concatenate([entropy, entropy[-2::-1]]),
        np.concatenate([beta, -beta[-2::-1]]),
    )


def _model(source: str, alpha: float, alpha_latent: float | None, nonlinearity: str) -> Callable[[float], State]:
    if source == "random":
        return lambda beta: binary_perceptron(alpha, beta)
    if source == "teacher":
        return lambda beta: teacher_student(alpha, beta)
    if source != "hidden-manifold":
        raise JobError(f"source: given {source!r}; one of random, teacher, hidden-manifold is needed (whose labels).")
    if alpha_latent is None:
        raise JobError("alpha_latent: left out; a hidden manifold needs a number above 0 (patterns per hidden input, P/D).")
    latent = float(alpha_latent)
    return lambda beta: random_features(alpha, latent, beta, nonlinearity)
