"""`pland analyze` on a folder of `pland solve`: what the job's [production] observes, measured on every solution, and overlaps.

The observables are those of a run, made from the same keys and counted by the same code, so a run and a solver with one job
file can be compared number by number. What needs equilibrium (ln g, averages at a beta) is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.analysis.findings import Findings, Question
from parallel_landscape.analysis.solutions import Solutions, on_levels, overlaps
from parallel_landscape.commands import attempts
from parallel_landscape.commands.solve import instance_job, make_problem, section_of
from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.driver.provenance import version
from parallel_landscape.driver.restore import load_kept_job
from parallel_landscape.dynamics.place import make_place, place
from parallel_landscape.errors import JobError, RunError
from parallel_landscape.job.coupling import why_not_coupled
from parallel_landscape.job.job import Job
from parallel_landscape.network import Network
from parallel_landscape.observables.build import Observers, build, compiled
from parallel_landscape.observables.observable import Around
from parallel_landscape.rng import Purpose, generator
from parallel_landscape.solvers.problem import Problem
from parallel_landscape.specialise import compile_function
from parallel_landscape.store.run_folder import RunFolder


@dataclass
class Patterns:
    """Where observables on one instance get patterns from."""

    job: Job
    network: Network | None
    training_set: TrainingSet | None

    def test_set(self, patterns: int | None, path: Path | None) -> TrainingSet:
        """Patterns of the instance's rule that its training set does not hold."""
        assert self.network is not None
        return self.job.test_set(self.network, patterns, path)


def read_attempts(folder: RunFolder) -> tuple[Job, dict[attempts.Key, attempts.Record]]:
    """The job of a folder of `pland solve`, and the attempts that are over. Raises RunError when there are none yet."""
    job, records = load_kept_job(folder), attempts.read_all(folder)
    if not records:
        raise RunError(f"{folder.path} holds no attempt that is over yet; go on with `pland solve`")
    return job, records


def findings_of(job: Job, records: dict[attempts.Key, attempts.Record], question: Question) -> Findings:
    """Everything, for result.nc. Raises JobError for what solutions cannot answer."""
    solve, landscape = section_of(job), _problem(job, 0).landscape
    size = 0 if landscape.network is None else landscape.network.weights
    check_question(question, "" if size else "overlaps need the weights +-1 of a network, and this landscape has none")
    said: list[str] = []
    found, about = _measured(job, records, size, said)
    ranges = question.ranges or ((landscape.levels[0], landscape.levels[0]),)
    groups = {"": on_levels(found), "solutions": _table(found)} | ({"overlap": overlaps(found, ranges)} if size else {})
    solved = int((found.energy == landscape.levels[0]).sum())
    reason = f"{solved} of {len(records)} attempts of {solve.algorithm} found the lowest energy; they follow no known law"
    return Findings(groups, attributes_of(job, found, reason, said), about)


def attributes_of(job: Job, found: Solutions, reason: str, said: list[str]) -> dict[str, Any]:
    """Attributes of the result; `said`: sentences about what is not in it."""
    solve = section_of(job)
    missing = solve.instances * solve.restarts - len(found.instance)
    said = said + ([f"{missing} attempts are not over yet: go on with `pland solve`"] if missing > 0 else [])
    return {
        "status": "solver", "reason": reason,
        "normalisation": "none", "algorithm": solve.algorithm, "seed": str(job.seed), "version": version(), "job": job.toml(),
        "error_from": "instances" if len(np.unique(found.instance)) > 1 else "restarts on one instance",
        "observables": list(found.values) or [""],
        "analysis_status": "complete" if missing <= 0 else "incomplete", "analysis_notes": said or [""],
    }  # fmt: skip


def _problem(job: Job, instance: int) -> Problem:
    problem = make_problem(job, instance)
    assert isinstance(problem, Problem)
    return problem


def check_question(question: Question, no_ranges: str) -> None:
    """Raise JobError with all that solutions cannot answer. no_ranges: why overlaps within ranges of energies cannot be."""
    reason = "the records of a solver follow no known law, so {}; leave it out, or analyse a run"
    wrong = [f"--energy {low} {high}: the first must not be larger" for low, high in question.ranges if low > high]
    if question.betas is not None:
        wrong.append("--beta: " + reason.format("nothing can be averaged at a temperature with them"))
    if question.joint:
        wrong.append("--joint: " + reason.format("they give no number of states"))
    if question.ranges and no_ranges:
        wrong.append(f"--energy: {no_ranges}")
    if wrong:
        raise JobError(wrong)


def _measured(
    job: Job, records: dict[attempts.Key, attempts.Record], size: int, said: list[str]
) -> tuple[Solutions, dict[str, tuple[str, str]]]:
    """All attempts with the values of the observables, and unit and meaning of these."""
    keys = sorted(records)
    bits = np.array([records[key].weights for key in keys])
    weights = 2 * np.unpackbits(bits, axis=1, count=size, bitorder="little").astype(np.int8) - 1
    energy, iterations = (
        np.array([getattr(records[key], name) for key in keys], np.int64) for name in ("energy", "iterations")
    )
    instance, restart = np.array(keys, np.int64).T
    found, parts, about = Solutions(instance, restart, energy, iterations, weights, {}), [], {}
    for number in np.unique(instance).tolist():
        own, problem = instance_job(job, number), _problem(job, number)
        observers = _observers(own, problem, said)
        if observers is None:
            return found, {}
        about = {name: (unit, meaning) for name, meaning, unit in observers.about()}
        parts.append(_on_instance(problem, observers, found, np.flatnonzero(instance == number)))
    return replace(found, values={name: np.concatenate([part[name] for part in parts]) for name in about}), about


def _on_instance(
    problem: Problem, observers: Observers, found: Solutions, rows: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    """The observables of the solutions of one instance, (R,) each. Raises RunError when their energies are not as on record."""
    landscape, kernel, energy_of = problem.landscape, make_place(problem.landscape), compile_function(problem.landscape.energy)
    state = landscape.initial(generator(0, Purpose.PILOT))
    values = []
    for row in rows.tolist():
        place(kernel, landscape, state, found.weights[row])
        instance, restart, energy = (int(column[row]) for column in (found.instance, found.restart, found.energy))
        true = int(energy_of(landscape.params, state))
        if true != energy:
            raise RunError(
                f"instance {instance}, restart {restart}: energy {energy} is on record, and the weights have {true}: this is "
                "not the training set that was solved (has a file of it changed?)"
            )
        values.append(observers.measure(instance << 16 | restart, 1, energy, state))
    return {name: np.array([row[name] for row in values]) for name in observers.observables}


def _observers(job: Job, problem: Problem, said: list[str]) -> Observers | None:
    """What is measured on an instance; None with a sentence when it is nothing."""
    landscape, section, reason = problem.landscape, job.production, None
    if section is None or not section.observables:
        reason = "name [production] observables in the job, and give `pland solve` and this command again"
    elif landscape.weights is None or landscape.network is None or why_not_coupled(landscape, job.seed):
        reason = "it needs the weights +-1 of a network whose move i flips weight i"
    if reason is not None or section is None:
        sentence = f"nothing was measured on the solutions: {reason}"
        said += [] if sentence in said else [sentence]
        return None
    around = Around(landscape, Patterns(job, landscape.network, problem.training_set), job.base, job.seed)
    made, wrong = build(section.observables, section.parameters, around)
    if wrong:
        raise JobError(wrong)
    return compiled(made)


def _table(found: Solutions) -> dict[str, NDArray[np.generic]]:
    columns = {name: getattr(found, name) for name in ("instance", "restart", "energy", "iterations")}
    return {**columns, **found.values}
