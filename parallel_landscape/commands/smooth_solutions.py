"""`pland analyze` on a folder of `pland solve` with continuous weights: a run's observables on each solution, and overlaps."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from parallel_landscape.analysis.findings import Findings, Question
from parallel_landscape.analysis.solutions import Solutions, by_success
from parallel_landscape.commands import attempts
from parallel_landscape.commands.solutions import Patterns, attributes_of, check_question
from parallel_landscape.commands.solve import instance_job, make_problem, section_of
from parallel_landscape.dynamics.flow import Batch
from parallel_landscape.errors import JobError, RunError
from parallel_landscape.job.job import Job
from parallel_landscape.observables.build import build
from parallel_landscape.observables.observable import Around
from parallel_landscape.observables.smooth import SMOOTH_KINDS, SmoothObservers
from parallel_landscape.smooth import F
from parallel_landscape.solvers.smooth_problem import SmoothProblem

SAME = 1e-6  # relative error of an energy on record that other processors or libraries may make


def findings_of(job: Job, records: dict[attempts.Key, attempts.Record], question: Question) -> Findings:
    """Everything, for result.nc. Raises JobError for what solutions cannot answer."""
    check_question(question, "energies of continuous weights have no levels; the group attempts has the overlaps of solutions")
    keys, solve = sorted(records), section_of(job)
    energy, iterations = (np.array([getattr(records[key], name) for key in keys]) for name in ("energy", "iterations"))
    more = {name: np.array([records[key].more[name] for key in keys]) for name in records[keys[0]].more}
    instance, restart = np.array(keys, np.int64).T
    weights = np.array([records[key].weights for key in keys], np.float64)
    with threadpool_limits(1):
        found, about, said = _measured(job, Solutions(instance, restart, energy, iterations, weights, {}))
    success = more["success"].astype(bool)
    columns = {name: getattr(found, name) for name in ("instance", "restart", "energy", "iterations")}
    assert solve.goal is not None
    reached = {"no-errors": "without an error", "energy": "at that energy", "minimum": "at a minimum"}[solve.goal.until]
    reason = f"{success.sum()} of {len(keys)} attempts of {solve.algorithm} ended {reached}; they follow no known law"
    attributes = attributes_of(job, found, reason, said) | {"weights": "continuous", "size": weights.shape[1]}
    groups = {"": {}, "attempts": by_success(found, success), "solutions": {**columns, **more, **found.values}}
    return Findings(groups, attributes, about)


def _measured(job: Job, found: Solutions) -> tuple[Solutions, dict[str, tuple[str, str]], list[str]]:
    """The solutions with the values of the observables, unit and meaning of these, and a sentence when there are none."""
    section = job.production
    if section is None or not section.observables:
        reason = "name [production] observables in the job, and give `pland solve` and this command again"
        return found, {}, [f"nothing was measured on the solutions: {reason}"]
    parts: list[F] = []
    for number in np.unique(found.instance).tolist():
        own, problem = instance_job(job, number), make_problem(job, number)
        assert isinstance(problem, SmoothProblem)
        data = Patterns(own, problem.landscape.network, problem.training_set)
        around = Around(problem.landscape, data, own.base, own.seed)
        made, wrong = build(section.observables, section.parameters, around, SMOOTH_KINDS)
        if wrong:
            raise JobError(wrong)
        observers = SmoothObservers(made, {})
        about = {name: (unit, meaning) for name, meaning, unit in observers.about()}
        parts.append(_on_instance(problem, observers, found, np.flatnonzero(found.instance == number)))
    values = dict(zip(about, np.concatenate(parts, axis=1), strict=True))
    return replace(found, values=values), about, []


def _on_instance(problem: SmoothProblem, observers: SmoothObservers, found: Solutions, rows: NDArray[Any]) -> F:
    """The observables of the solutions of one instance (observables, R). Raises RunError when an energy is not as on record."""
    values = []
    for row in rows.tolist():
        weights = found.weights[row : row + 1]
        batch = Batch(weights, np.zeros_like(weights), *problem.landscape.energy_gradient(weights))
        if not math.isclose(batch.energies[0], found.energy[row], rel_tol=SAME, abs_tol=SAME):
            raise RunError(
                f"instance {found.instance[row]}, restart {found.restart[row]}: energy {found.energy[row]} is on record, and "
                f"its weights have {batch.energies[0]}: not the training set that was solved (has a file of it changed?)"
            )
        values.append(observers.measure(batch)[:, 0])
    return np.array(values).T
