"""`check_smooth`: does a landscape of continuous weights keep its promises? If not, which one, where, with which numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from parallel_landscape.check import LandscapeError
from parallel_landscape.smooth import F, SmoothLandscape

ROWS = 3  # replicas that are evaluated together
TRIED = 20  # directions in which a gradient is compared with differences
RIGHT = 1e-5  # of the gradient: what differences may be off
STEP = 1e-5  # of a difference, relative to the weights


def check_smooth(landscape: SmoothLandscape, *, points: int = 3, seed: int = 0) -> None:
    """Raise a LandscapeError that names what is wrong, or return. `points`: how many random weights are looked at."""
    check_smooth_numbers(landscape)
    rng = np.random.default_rng(seed)
    for _ in range(points):
        weights = np.array([_initial(landscape, rng) for _ in range(ROWS)])
        energies, gradients = evaluated(landscape, weights)
        _check_rows(landscape, weights, energies, gradients)
        _check_gradient(landscape, weights, gradients, rng)
        if landscape.energy is not None:
            alone = np.asarray(landscape.energy(weights))
            if alone.shape != energies.shape or not np.allclose(alone, energies, rtol=1e-9, atol=1e-12):
                raise LandscapeError(f"energy gives {alone}, and energy_gradient {energies} for the same weights.")
        for name, observable in landscape.observables.items():
            values = np.asarray(_call(name, observable, weights))
            if values.shape != (ROWS,):
                raise LandscapeError(
                    f"observable {name!r} returned shape {values.shape} for {ROWS} replicas; allowed: ({ROWS},)."
                )


def check_smooth_numbers(landscape: SmoothLandscape) -> None:
    """The plain numbers of the landscape."""
    if not isinstance(landscape.size, int | np.integer) or landscape.size < 1:
        raise LandscapeError(f"size = {landscape.size!r}; allowed is the number of weights, at least 1.")
    for name in ("sphere", "prior"):
        value = getattr(landscape, name)
        if not (math.isfinite(value) and value >= 0):
            raise LandscapeError(f"{name} = {value!r}; allowed is a finite number, 0 or above.")
    if not landscape.confinement >= 0:
        raise LandscapeError(f"confinement = {landscape.confinement!r}; allowed is a number, 0 or above, inf included.")
    if landscape.sphere and (landscape.prior or landscape.size < 2):
        raise LandscapeError(f"sphere = {landscape.sphere}: a sphere needs two weights or more, and no prior besides.")
    if landscape.convention not in ("sum", "mean"):
        raise LandscapeError(f'convention = {landscape.convention!r}; allowed are "sum" and "mean".')


def evaluated(landscape: SmoothLandscape, weights: F) -> tuple[F, F]:
    """Energies and gradients of right shape and type, all finite."""
    found = _call("energy_gradient", landscape.energy_gradient, weights)
    if not isinstance(found, tuple) or len(found) != 2:
        raise LandscapeError(
            f"energy_gradient returned a {type(found).__name__}; allowed is (energies (R,), gradients (R, n))."
        )
    for name, array, shape in zip(("energies", "gradients"), found, ((len(weights),), weights.shape), strict=True):
        if not isinstance(array, np.ndarray) or array.shape != shape or array.dtype != np.float64:
            given = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            raise LandscapeError(f"energy_gradient returned {name} of {given}; allowed is float64 {shape}.")
        if not np.isfinite(array).all():
            raise LandscapeError(f"energy_gradient returned {name} that are not finite: {array}.")
    return found[0], found[1]


def _initial(landscape: SmoothLandscape, rng: np.random.Generator) -> F:
    weights = np.asarray(_call("initial", landscape.initial, rng), np.float64)
    if weights.shape != (landscape.size,) or not np.isfinite(weights).all():
        raise LandscapeError(f"initial returned shape {weights.shape}; allowed are {landscape.size} finite numbers.")
    return weights * math.sqrt(landscape.sphere / float(weights @ weights)) if landscape.sphere else weights


def _check_rows(landscape: SmoothLandscape, weights: F, energies: F, gradients: F) -> None:
    """Each row is evaluated alone, whatever the others hold, and the weights are left alone."""
    before = weights.copy()
    others = weights.copy()
    others[1:] = 0.1 * others[1:] + 0.2
    alone, slopes = evaluated(landscape, others)
    if not np.array_equal(weights, before):
        raise LandscapeError("energy_gradient changed the weights; it must change nothing.")
    if not np.isclose(alone[0], energies[0], rtol=1e-9) or not np.allclose(slopes[0], gradients[0], rtol=1e-6, atol=1e-9):
        raise LandscapeError(
            f"energy_gradient gives {energies[0]} for a replica, and {alone[0]} when other replicas in the batch change: "
            "rows must not look at each other."
        )


def _check_gradient(landscape: SmoothLandscape, weights: F, gradients: F, rng: np.random.Generator) -> None:
    """Central differences of the energy along random directions, as good as rounding allows."""
    for _ in range(TRIED):
        direction = rng.standard_normal(landscape.size)
        direction /= np.linalg.norm(direction)
        step = STEP * max(1.0, float(np.abs(weights).max()))
        ahead, behind = (evaluated(landscape, weights + sign * step * direction)[0] for sign in (1.0, -1.0))
        measured, given = (ahead - behind) / (2.0 * step), gradients @ direction
        scale = np.linalg.norm(gradients, axis=1) + np.abs(ahead) * 1e-9 / step + 1e-9
        worst = int(np.argmax(np.abs(measured - given) / scale))
        if abs(measured[worst] - given[worst]) > RIGHT * scale[worst] * math.sqrt(landscape.size):
            raise LandscapeError(
                "the gradient disagrees with the energy: along a random direction the energy grows by "
                f"{measured[worst]:.9g} per unit (measured by differences), and the gradient says {given[worst]:.9g}."
            )


def _call(name: str, function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except Exception as error:
        raise LandscapeError(f"{name} raised {type(error).__name__}: {error}") from error
