"""`pland analyze` on a folder of `pland solve`: what the job's [production] observes, measured on every solution, and overlaps.

The observables are those of a run, made from the same keys and counted by the same code, so a run and a solver with one job
file can be compared number by number. What needs equilibrium (ln g, averages at a beta) is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.analysis.findings import Findings, Question
from parallel_landscape.analysis.solutions import Solutions, on_levels, overlaps
from parallel_landscape.commands import attempts
from parallel_landscape.commands.solve import instance_job, make_problem, section_of
from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.driver.provenance import version
from parallel_landscape.dynamics.place import make_place, place
from parallel_landscape.errors import JobError, RunError
from parallel_landscape.job.coupling import why_not_coupled
from parallel_landscape.job.job import Job, load_job
from parallel_landscape.network import Network
from parallel_landscape.observables.build import Observers, build, compiled
from parallel_landscape.observables.observable import Around
from parallel_landscape.rng import Purpose, generator
from parallel_landscape.solvers.problem import Problem
from parallel_landscape.specialise import compile_function
from parallel_landscape.store.run_folder import RunFolder


@dataclass
class _Patterns:
    """Where observables on one instance get patterns from."""

    job: Job
    network: Network | None
    training_set: TrainingSet | None

    def test_set(self, patterns: int | None, path: Path | None) -> TrainingSet:
        """Patterns of the instance's rule that its training set does not hold."""
        assert self.network is not None
        return self.job.test_set(self.network, patterns, path)


def findings_of(folder: RunFolder, question: Question) -> Findings:
    """Everything, for result.nc. Raises JobError for what solutions cannot answer, RunError when there are none yet."""
    job, records = load_job(folder.submitted), attempts.read_all(folder)
    if not records:
        raise RunError(f"{folder.path} holds no attempt that is over yet; go on with `pland solve`")
    solve, landscape = section_of(job), _problem(job, 0).landscape
    size = 0 if landscape.network is None else landscape.network.weights
    _check(question, size)
    said: list[str] = []
    found, about = _measured(job, records, size, said)
    ranges = question.ranges or ((landscape.levels[0], landscape.levels[0]),)
    groups = {"": on_levels(found), "solutions": _table(found)} | ({"overlap": overlaps(found, ranges)} if size else {})
    missing = solve.instances * solve.restarts - len(records)
    said += [f"{missing} attempts are not over yet: go on with `pland solve`"] if missing > 0 else []
    over = "instances" if len(np.unique(found.instance)) > 1 else "restarts on one instance"
    solved = int((found.energy == landscape.levels[0]).sum())
    attributes = {
        "status": "solver",
        "reason": f"{solved} of {len(records)} attempts of {solve.algorithm} found the lowest energy; they follow no known law",
        "normalisation": "none", "algorithm": solve.algorithm, "seed": str(job.seed), "version": version(), "job": job.toml(),
        "error_from": over, "observables": list(found.values) or [""],
        "analysis_status": "complete" if missing <= 0 else "incomplete", "analysis_notes": said or [""],
    }  # fmt: skip
    return Findings(groups, attributes, about)


def _problem(job: Job, instance: int) -> Problem:
    problem = make_problem(job, instance)
    assert isinstance(problem, Problem)
    return problem


def _check(question: Question, size: int) -> None:
    reason = "the records of a solver follow no known law, so {}; leave it out, or analyse a run"
    wrong = [f"--energy {low} {high}: the first must not be larger" for low, high in question.ranges if low > high]
    if question.betas is not None:
        wrong.append("--beta: " + reason.format("nothing can be averaged at a temperature with them"))
    if question.joint:
        wrong.append("--joint: " + reason.format("they give no number of states"))
    if question.ranges and not size:
        wrong.append("--energy: overlaps need the weights +-1 of a network, and this landscape has none")
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
    around = Around(landscape, _Patterns(job, landscape.network, problem.training_set), job.base, job.seed)
    made, wrong = build(section.observables, section.parameters, around)
    if wrong:
        raise JobError(wrong)
    return compiled(made)


def _table(found: Solutions) -> dict[str, NDArray[np.generic]]:
    columns = {name: getattr(found, name) for name in ("instance", "restart", "energy", "iterations")}
    return {**columns, **found.values}
