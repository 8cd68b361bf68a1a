"""The whole entropy s(e) of a perceptron, to lay over a measured ln g(E).

With weights +-1 all three label models are symmetric under w -> -w, which turns E into P - E: the upper half of a curve mirrors
the lower. So it is on the sphere for errors at margin 0; with any other loss and margin a curve ends at infinite temperature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from parallel_landscape.errors import JobError, RunError
from parallel_landscape.theory.binary import BinaryAnswer, binary_perceptron, teacher_student
from parallel_landscape.theory.features import FeaturesAnswer, random_features
from parallel_landscape.theory.quadrature import Array, NoSolution
from parallel_landscape.theory.quantities import LOSSES
from parallel_landscape.theory.spherical import SphericalAnswer, spherical_perceptron

State = BinaryAnswer | FeaturesAnswer
SPHERICAL = ("spherical-perceptron", "margin-perceptron")
COLDEST = 24.0
REMARK = (
    "Replica-symmetric, N to infinity. At finite N, ln g(E)/N lies below it by about ln(N)/(2N) near its maximum and by less "
    "near e = 0, and varies from instance to instance; compare differences of ln g, or the normalised number of states."
)
FRACTION = " On the sphere g is a fraction of it, so that s = 0 at infinite temperature."


@dataclass(frozen=True)
class EntropyCurve:
    """s = ln g/N against the loss per pattern E/P (of the loss `errors`: their fraction), ascending; (points,) each.

    beta = ds/de is negative in the upper half, where there is one. generalisation_error: of typical states at each point, where
    there is a teacher.
    """

    name: str
    energy_per_pattern: Array
    entropy: Array
    beta: Array
    remark: str = REMARK
    generalisation_error: Array | None = None


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


def spherical_points(
    alpha: float, kappa: float = 0.0, loss: str = "errors", coldest: float = COLDEST, points: int = 41
) -> list[SphericalAnswer]:
    """States on the sphere from beta = 0 to `coldest` or further, and those without loss where there are such; random labels.

    The last is the coldest that has an answer. Raises JobError.
    """
    betas = [*np.sinh(np.linspace(0, np.arcsinh(max(coldest, COLDEST)), points - 1)), np.inf]
    found: list[SphericalAnswer] = []
    for beta in betas:
        try:
            found.append(spherical_perceptron(alpha, float(beta), kappa, loss, tolerance=1e-7))
        except RunError:  # beyond capacity, or narrower than a sum resolves
            break
    return found


def curve_for(
    model: str,
    source: str,
    alpha: float,
    alpha_latent: float | None = None,
    nonlinearity: str = "sign",
    points: int = 41,
    *,
    kappa: float = 0.0,
    loss: str = "errors",
    coldest: float = COLDEST,
) -> EntropyCurve | None:
    """The curve for a landscape's model and source of data, or None where there is no theory for them.

    model, source: as in a job file; alpha: P/N; alpha_latent: P/D of a hidden manifold; kappa, loss (errors, hinge or
    quadratic), coldest (largest beta): of weights on the sphere. Raises JobError for bad numbers.
    """
    if model in SPHERICAL and source == "random" and loss in LOSSES:
        return _spherical_curve(alpha, kappa, loss, spherical_points(alpha, kappa, loss, coldest, points))
    known = source in ("random", "teacher") or (source == "hidden-manifold" and alpha_latent is not None)
    if model != "binary-perceptron" or not known:
        return None
    states = entropy_points(source, alpha, alpha_latent, nonlinearity, points)
    return _curve(f"binary perceptron, {source} labels, alpha={alpha:g}", states, True, REMARK)


def _spherical_curve(alpha: float, kappa: float, loss: str, states: list[SphericalAnswer]) -> EntropyCurve:
    unstable = [at.beta for at in states if at.replicon >= 1]
    colder = f" Colder than beta = {min(unstable):.3g} replica symmetry is unstable: indicative only." if unstable else ""
    name = f"spherical perceptron, {loss}, kappa={kappa:g}, alpha={alpha:g}"
    return _curve(name, states, loss == "errors" and kappa == 0, REMARK + FRACTION + colder)


def _curve(name: str, states: Sequence[State | SphericalAnswer], mirrored: bool, remark: str) -> EntropyCurve:
    lower = states[::-1]
    errors = np.array([getattr(at, "generalisation_error", np.nan) for at in lower])
    energy = np.array([at.energy_per_pattern for at in lower])
    entropy, beta = np.array([at.entropy for at in lower]), np.array([at.beta for at in lower])
    if not mirrored:
        return EntropyCurve(name, energy, entropy, beta, remark)
    errors = np.concatenate([errors, 1 - errors[-2::-1]])
    return EntropyCurve(
        name,
        np.concatenate([energy, 1 - energy[-2::-1]]),
        np.concatenate([entropy, entropy[-2::-1]]),
        np.concatenate([beta, -beta[-2::-1]]),
        remark,
        errors if np.isfinite(errors).all() else None,
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
