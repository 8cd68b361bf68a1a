"""From the slots at the end of a run to ln g(E, X), and ln g(E) by summing over X."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.landscapes.joint import JointLandscape
from parallel_landscape.outcomes.outcome import Curve, Outcome, combine, join_reports
from parallel_landscape.outcomes.reports import SlotReport
from parallel_landscape.phases.learn_joint import JointLearning
from parallel_landscape.sampler import Sampler


def conclude_joint(
    sampler: Sampler,
    learning: JointLearning,
    reports: dict[int, SlotReport],
    known: NDArray[np.bool_],
    stopped: str,
    coordinate: str,
) -> Outcome:
    """The outcome of a run. `known` are levels seen in the search; `stopped` says why it ended early, or is empty.

    coordinate: what X is, as in the job.
    """
    landscape = sampler.landscape
    assert isinstance(landscape, JointLandscape)
    curve = join_reports(sampler, learning, reports, known, stopped)
    shape = len(landscape.rows), len(landscape.columns)
    energies, values = (np.arange(r.start, r.stop, r.step) for r in (landscape.rows, landscape.columns))
    plane = {
        "ln_g": curve.ln_g,
        "ln_g_error": curve.error,
        "visited": curve.visited,
        "known": curve.known,
        "histogram": curve.visits,
    }
    flat: dict[str, NDArray[Any]] = {name: array.reshape(shape) for name, array in plane.items()}
    flat["ln_g_repeat"] = curve.repeats.reshape(-1, *shape)
    rows, columns = _span(curve, shape)
    cut = {name: array[..., rows, columns] for name, array in flat.items()}
    root = _marginal(flat)
    result = {"energy": energies[rows], **{name: array[rows] for name, array in root.items()}}
    attributes = {**curve.attributes, "coordinate": coordinate, "weights": landscape.moves}
    joint = {"energy": energies[rows], "value": values[columns], **cut}
    return Outcome(result, curve.windows, attributes, {"joint": joint})


def _span(curve: Curve, shape: tuple[int, int]) -> tuple[slice, slice]:
    """The rows and columns of which anything is known."""
    anywhere = (curve.known | curve.visited if curve.known.any() else curve.inside).reshape(shape)
    rows, columns = np.flatnonzero(anywhere.any(axis=1)), np.flatnonzero(anywhere.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _marginal(plane: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The curve over the energy: states of all X together."""
    ln_g, error, visited = combine(ln_sum(plane["ln_g_repeat"]), plane["known"].shape[0])
    return {
        "ln_g": ln_g,
        "ln_g_error": error,
        "visited": visited,
        "known": plane["known"].any(axis=1),
        "histogram": plane["histogram"].sum(axis=1),
    }


def ln_sum(ln_g: NDArray[Any]) -> NDArray[np.float64]:
    """ln of the sum of exp(ln_g) along the last axis, nan where all are nan."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of rows that nobody has visited
        top = np.nanmax(ln_g, axis=-1, keepdims=True) if ln_g.size else ln_g[..., :1]
        return np.asarray(np.log(np.nansum(np.exp(ln_g - top), axis=-1)) + top[..., 0])
