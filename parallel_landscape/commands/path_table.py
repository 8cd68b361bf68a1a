"""The table behind `pland paths`: curves and simplices of groups of runs that differ in their training set alone.

The replica-symmetric theory stands beside them where there is one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.commands.path_runs import Pair, Samples, grouped
from parallel_landscape.errors import RunError
from parallel_landscape.job.tempering import Canonical
from parallel_landscape.paths.align import aligned
from parallel_landscape.paths.curves import Line, positions_of
from parallel_landscape.paths.pairs import Align, Mean, Paths, along, pairs_across, pairs_within, simplices
from parallel_landscape.theory.path import barrier
from parallel_landscape.theory.simplex import barycentre

F = NDArray[np.float64]


@dataclass(frozen=True)
class Asked:
    """points of a curve, vertices of the simplices, and along which line; "auto": geodesics on a sphere, else straight."""

    points: int = 65
    vertices: tuple[int, ...] = (2, 3, 4, 6, 8)
    line: str = "auto"


@dataclass(frozen=True)
class Theory:
    """What the replica-symmetric theory takes: alpha, and margin and inverse temperature of runs and reference."""

    alpha: float
    kappa: float
    beta: float
    reference: tuple[float, float] | None
    loss: str = "errors"

    def along(self, ends: int, positions: F) -> tuple[F, float]:
        """Energy per pattern along the curve, and the overlap of its ends; nan beyond the reach of the theory."""
        kappa, beta = (self.kappa, self.beta) if ends == 0 or self.reference is None else self.reference
        try:
            found = [
                barrier(self.alpha, self.kappa, float(x), kappa, self.kappa, beta, self.beta, self.loss) for x in positions
            ]
        except RunError:
            return np.full(len(positions), math.nan), math.nan
        return np.array([one.path_loss for one in found]), found[0].cross_overlap

    def amid(self, vertices: int) -> float:
        """Energy per pattern at the barycentre."""
        if not math.isinf(self.beta) or self.loss != "errors":
            return math.nan
        try:
            return barycentre(self.alpha, self.kappa, vertices).path_loss
        except RunError:
            return math.nan


def theory_of(run: Samples, reference: Samples | None) -> Theory | None:
    """The theory of a group; None where there is none: it knows random patterns on a sphere, and counts violated ones."""
    ends = [one for one in (run, reference) if one is not None]
    losses = {_loss(one) for one in ends}
    fits = len(losses) == 1 and "" not in losses and all(one.job.source_name == "random" for one in ends)
    sampled = all(isinstance(one.job.ensemble, Canonical) and not one.solved for one in ends)
    if not fits or run.patterns == 1 or not sampled:
        return None
    found = [(float(one.job.landscape["kappa"]), one.beta) for one in ends]
    return Theory(run.patterns / run.weights.shape[2], *found[0], found[1] if reference is not None else None, losses.pop())


def _loss(run: Samples) -> str:
    """The loss by its name in the theory, "" when the theory does not know it."""
    if run.job.model_name == "margin-perceptron":
        return "errors"
    known = {"violations": "errors", "quadratic": "quadratic", "hinge": "hinge"}
    return known.get(str(run.job.landscape.get("loss")), "") if run.job.model_name == "spherical-perceptron" else ""


def alike(pair: Pair) -> str:
    """The same text for runs, and their references, that differ in their training set alone."""
    return json.dumps([_without_data_seed(one) for one in pair if one is not None], sort_keys=True)


def _without_data_seed(run: Samples) -> list[Any]:
    job = run.job.resolved()
    data = {key: value for key, value in job["landscape"].get("data", {}).items() if key != "seed"}
    return [{**job["landscape"], "data": data}, job["solve"] if run.solved else job["ensemble"]]


def make_table(pairs: Sequence[Pair], asked: Asked) -> dict[str, Any]:
    """The variables of `store.path_schema.PATHS`; a group of pairs of run and reference is a row."""
    rows = [_row([run for run, _ in group], [other for _, other in group], asked) for group in grouped(pairs, alike)]
    made = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    ends = [0, 1] if pairs[0][1] is not None else [0]
    return {**made, "ends": ends, "position": positions_of(asked.points), "vertices": list(asked.vertices)}


def _row(runs: Sequence[Samples], references: Sequence[Samples | None], asked: Asked) -> dict[str, Any]:
    """One group."""
    first, reference = runs[0], references[0]
    theory = theory_of(first, reference)
    row: dict[str, Any] = {
        "runs": len(runs),
        "chains": min(len(run.weights) for run in runs),
        "inputs": first.weights.shape[2],
        "patterns": first.patterns,
        "alpha": first.alpha,
        "beta": first.beta,
        "kappa": first.job.landscape.get("kappa", math.nan),
        "reference_kappa": math.nan if reference is None else reference.job.landscape.get("kappa", math.nan),
    }
    for ends in range(1 if reference is None else 2):
        measured = [_along(run, other if ends else None, asked) for run, other in zip(runs, references, strict=True)]
        for name, value in _columns(measured, first.patterns, theory, ends).items():
            row.setdefault(name, []).append(value)
    return row | _simplices(runs, asked, theory)


def _along(run: Samples, reference: Samples | None, asked: Asked) -> Paths:
    pairs = pairs_within(run.weights) if reference is None else pairs_across(reference.weights, run.weights)
    if not pairs:
        raise RunError(
            f"{run.path} has one chain only; paths need several: [exchange] walkers_per_temperature, or [run] repeats; of a "
            "solver, [solve] restarts on each instance that succeed"
        )
    return along(pairs, run.energies, asked.points, _line(run, asked), _align(run))


def _line(run: Samples, asked: Asked) -> Line:
    if asked.line == "auto":
        return "geodesic" if run.sphere else "straight"
    return "straight" if asked.line == "straight" else "geodesic"


def _align(run: Samples) -> Align:
    return lambda weights, reference: aligned(weights, reference, run.units)


def _columns(measured: Sequence[Paths], patterns: int, theory: Theory | None, ends: int) -> dict[str, Any]:
    """What the curves of a group with these ends say."""
    found: dict[str, Any] = {"pairs": sum(one.energy.items for one in measured)}
    for name, scale in (("overlap", 1), ("energy", patterns), ("barrier", patterns), ("free", 1)):
        value, error = together([getattr(one, name) for one in measured])
        here = slice(None) if name == "energy" else 0
        found |= {name: (value / scale)[here], f"{name}_error": (error / scale)[here]}
    positions = measured[0].positions
    curve, overlap = (np.full(len(positions), math.nan), math.nan) if theory is None else theory.along(ends, positions)
    return {**found, "energy_theory": curve, "overlap_theory": overlap}


def _simplices(runs: Sequence[Samples], asked: Asked, theory: Theory | None) -> dict[str, Any]:
    """Barycentres and inner points; nan where there are fewer chains than vertices."""
    rows = []
    for vertices in asked.vertices:
        if vertices > min(len(run.weights) for run in runs):
            rows.append([math.nan] * 5)
            continue
        means = [simplices(run.weights, run.energies, vertices, _line(run, asked), _align(run)) for run in runs]
        value, error = (found / runs[0].patterns for found in together(means))
        rows.append([value[0], error[0], math.nan if theory is None else theory.amid(vertices), value[1], error[1]])
    names = ("barycentre", "barycentre_error", "barycentre_theory", "inside", "inside_error")
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def together(means: Sequence[Mean]) -> tuple[F, F]:
    """Mean over training sets and its standard error; of one training set, its own."""
    values = np.array([one.value for one in means])
    if len(means) == 1:
        return values[0], means[0].error
    return values.mean(axis=0), values.std(axis=0, ddof=1) / math.sqrt(len(means))
