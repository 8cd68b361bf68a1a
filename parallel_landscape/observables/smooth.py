"""What is measured of continuous weights, of a whole batch of replicas at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from parallel_landscape.dynamics.flow import Batch, dot, tangential
from parallel_landscape.errors import JobError, RunError, describe
from parallel_landscape.observables.observable import Around, Kind, Observable
from parallel_landscape.rng import Purpose, generator
from parallel_landscape.smooth import F, SmoothLandscape


@dataclass(frozen=True)
class SmoothObservers:
    """Observables by name, in the order of the job; `digests` stand for the code of each and for what it compares with."""

    observables: Mapping[str, Observable]
    digests: Mapping[str, str]

    def measure(self, batch: Batch) -> F:
        """Values (observables, R). Raises RunError that names the observable that fails."""
        values = np.zeros((len(self.observables), len(batch.energies)))
        for row, (name, one) in zip(values, self.observables.items(), strict=True):
            try:
                row[:] = one.function(batch if isinstance(one.params, Ours) else batch.weights)
            except Exception as error:
                raise RunError(f"the observable {name!r} failed: {describe(error)}") from error
        return values

    def about(self) -> list[tuple[str, str, str]]:
        """Name, meaning and unit of each."""
        return [(name, one.meaning, one.unit) for name, one in self.observables.items()]


@dataclass(frozen=True)
class Ours:
    """Marks observables of this file, which see the whole batch; a landscape's own see the weights (R, n)."""


def _landscape(around: Around) -> SmoothLandscape:
    assert isinstance(around.landscape, SmoothLandscape)
    return around.landscape


def _always(around: Around) -> str | None:
    return None


def _no_patterns(around: Around) -> str | None:
    return None if _landscape(around).stabilities is not None else "it needs a landscape with patterns"


def _no_teacher(around: Around) -> str | None:
    training_set = around.data.training_set
    teacher = None if training_set is None else training_set.teacher
    if teacher is None or len(teacher) != _landscape(around).size:
        return "it needs a training set with a teacher of as many weights"
    return None


def _norm(around: Around) -> Observable:
    return Observable(lambda batch: dot(batch.weights, batch.weights), Ours(), "squared norm of the weights")


def _gradient(around: Around) -> Observable:
    sphere = _landscape(around).sphere

    def size(batch: Batch) -> F:
        found = tangential(batch.gradients, batch.weights, sphere) if sphere else batch.gradients
        return np.sqrt(dot(found, found))

    return Observable(size, Ours(), "norm of the gradient of the energy, tangential on a sphere")


def _stabilities(around: Around, reduce: Any, meaning: str) -> Observable:
    stabilities = _landscape(around).stabilities
    assert stabilities is not None
    return Observable(lambda batch: reduce(stabilities(batch.weights)), Ours(), meaning)


def _training_error(around: Around) -> Observable:
    return _stabilities(around, lambda found: (found <= 0).mean(axis=1), "fraction of patterns on the wrong side")


def _smallest_margin(around: Around) -> Observable:
    return _stabilities(around, lambda found: found.min(axis=1), "smallest stability of a pattern")


def _near_boundary(
    around: Around, *, width: Annotated[float, Field(gt=0, description="largest distance from the boundary")] = 1.0
) -> Observable:
    meaning = f"fraction of patterns whose stability is below {width:g} in absolute value"
    return _stabilities(around, lambda found: (np.abs(found) < width).mean(axis=1), meaning)


def _local_error(
    around: Around,
    *,
    noise: Annotated[float, Field(gt=0, description="length of the noise over that of the weights")] = 0.1,
    sets: Annotated[int, Field(ge=1, description="draws of the noise, the same ones for all weights")] = 32,
) -> Observable:
    """The mean over Gaussian noise xi of the training error at w + noise |w| xi / n^(1/2), on a sphere carried back to it: the
    local energy of F. Pittorino et al., J. Stat. Mech. (2021) 124015."""
    landscape = _landscape(around)
    stabilities, sphere = landscape.stabilities, landscape.sphere
    draws = generator(around.seed, Purpose.OBSERVE).standard_normal((sets, landscape.size)) / np.sqrt(landscape.size)
    assert stabilities is not None

    def error(weights: F) -> float:
        near = weights + noise * np.sqrt(weights @ weights) * draws
        if sphere:
            near *= np.sqrt(sphere / dot(near, near))[:, None]
        return float((stabilities(near) <= 0).mean())

    meaning = f"fraction of patterns on the wrong side after noise of {noise:g} of the weights' length, mean of {sets} draws"
    return Observable(lambda batch: np.array([error(weights) for weights in batch.weights]), Ours(), meaning)


def _cosine(vector: F, meaning: str) -> Observable:
    unit = vector / np.linalg.norm(vector)
    return Observable(lambda batch: (batch.weights @ unit) / np.sqrt(dot(batch.weights, batch.weights)), Ours(), meaning)


def _teacher(around: Around) -> Observable:
    assert around.data.training_set is not None and around.data.training_set.teacher is not None
    return _cosine(around.data.training_set.teacher.astype(np.float64), "cosine of the angle with the teacher's weights")


def _reference(around: Around, *, path: Annotated[Path, Field(description="a .npy file with n weights")]) -> Observable:
    file, size = around.base / path.expanduser(), _landscape(around).size
    try:
        vector = np.load(file, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise JobError(f"path: {file} cannot be read as a .npy file ({error}).") from None
    if vector.shape != (size,) or vector.dtype.kind not in "iuf" or not np.isfinite(vector).all() or not vector.any():
        raise JobError(
            f"path: {file} holds {vector.dtype} of shape {vector.shape}; {size} finite numbers are needed, not all 0."
        )
    return _cosine(vector.astype(np.float64), f"cosine of the angle with the weights of {file.name}")


SMOOTH_KINDS: dict[str, Kind] = {
    "norm-squared": Kind(_norm, _always),
    "gradient-norm": Kind(_gradient, _always),
    "training-error": Kind(_training_error, _no_patterns),
    "smallest-margin": Kind(_smallest_margin, _no_patterns),
    "near-boundary": Kind(_near_boundary, _no_patterns),
    "local-error": Kind(_local_error, _no_patterns),
    "overlap-teacher": Kind(_teacher, _no_teacher),
    "overlap-reference": Kind(_reference, _always),
}
