"""`pland solve`: attempts on many instances, spread over the ranks; each that is over is kept, so that it is never made twice.

The streams of an attempt belong to (seed, instance, restart), so the result does not depend on the number of ranks, nor on
how often it was stopped; more instances or restarts may be asked for later.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from parallel_landscape.commands import attempts
from parallel_landscape.commands.attempts import Key
from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.driver.boundary import MARGIN_SECONDS
from parallel_landscape.driver.progress import Counter
from parallel_landscape.driver.provenance import provenance, version
from parallel_landscape.driver.shared_data import on_first_rank
from parallel_landscape.driver.stopping import StopRequest
from parallel_landscape.driver.walltime import slurm_end
from parallel_landscape.errors import JobError, PlandError, RunError, Stopped
from parallel_landscape.exchange.comm import Comm
from parallel_landscape.job.job import Job, load_job
from parallel_landscape.landscape import Landscape
from parallel_landscape.network import Network
from parallel_landscape.rng import Purpose
from parallel_landscape.smooth import SmoothLandscape
from parallel_landscape.solvers import ALGORITHMS, CONTINUOUS
from parallel_landscape.solvers.catalogue import Solve, check_suits
from parallel_landscape.solvers.problem import Attempt, Found, Problem
from parallel_landscape.solvers.smooth_problem import SmoothProblem, recounted
from parallel_landscape.store.checksums import check_listed, write_listed_text
from parallel_landscape.store.files import set_aside
from parallel_landscape.store.result import write_table
from parallel_landscape.store.run_folder import RunFolder
from parallel_landscape.store.solution_schema import SOLVE, SOLVE_CONTINUOUS


@dataclass(frozen=True)
class Table:
    """energy, iterations and success, each (instances, restarts), and the folder where they lie."""

    folder: RunFolder
    energy: NDArray[Any]
    iterations: NDArray[np.int64]
    success: NDArray[np.bool_]


class _GivenUp(PlandError):
    """Time is up, or somebody asked to stop: the attempt under way is not kept."""


def section_of(job: Job) -> Solve:
    """The section [solve]. Raises JobError without one."""
    if job.solve is None:
        raise JobError('[solve]: this job has no such section; add one, with algorithm = "sbpi" for instance.')
    return job.solve


def folder_of(job: Job) -> RunFolder:
    """Where `pland solve` writes: beside the folder of the run."""
    return RunFolder(job.folder.with_name(f"{job.name}-solve"))


def instance_job(job: Job, instance: int) -> Job:
    """The job with the training set of an instance: number 0 has that of a run, the others have their own seeds."""
    if not instance or job.source_name is None:
        return job
    own = job.data.get("seed")
    sequence = np.random.SeedSequence((job.seed if own is None else own, int(Purpose.INSTANCE), instance))
    return replace(job, data={**job.data, "seed": int(sequence.generate_state(1, np.uint64)[0])})


def make_problem(job: Job, instance: int) -> Problem | SmoothProblem:
    """An instance of the job. Raises JobError when the landscape is not of the kind that the algorithm is for."""
    goal = section_of(job).goal
    job, made = instance_job(job, instance), list[TrainingSet]()

    def remember(network: Network) -> TrainingSet:
        made.append(job.training_set(network))
        return made[0]

    landscape = job.build_landscape(remember)
    data = made[0] if made else None
    if goal is not None and isinstance(landscape, SmoothLandscape):
        return SmoothProblem(landscape, data, goal)
    if goal is None and isinstance(landscape, Landscape):
        return Problem(landscape, data)
    has = "continuous weights" if goal is None else "no continuous weights with a gradient"
    allowed, name = ", ".join(CONTINUOUS if goal is None else ALGORITHMS), section_of(job).algorithm
    raise JobError(
        f'[landscape] model: "{job.model_name}" has {has}, and [solve] algorithm = "{name}" is for others; choose from '
        f"{allowed}, and let the model's function say what it returns: -> pl.{type(landscape).__name__}."
    )


def attempt_at(job: Job, problem: Problem | SmoothProblem, key: Key, tick: Callable[[], None] = lambda: None) -> Found:
    """Make one attempt, and count the energy of what it claims anew. Raises RunError when it claims what is not so."""
    solve = section_of(job)
    attempt = Attempt(job.seed, key[0] << 16 | key[1], solve.max_iterations, tick)
    try:
        found = solve.load()(problem, attempt, **solve.keys)
    except RunError as error:
        raise RunError(f"{solve.algorithm} on instance {key[0]}, restart {key[1]}: {error}") from error
    if isinstance(problem, SmoothProblem):
        return recounted(problem, found, f"{solve.algorithm} on instance {key[0]}, restart {key[1]}")
    if problem.landscape.network is not None and problem.training_set is not None:
        true = problem.landscape.network.errors(found.weights, problem.inputs, problem.training_set.labels)
        if true != found.energy:
            raise RunError(f"{solve.algorithm} claims energy {found.energy} on instance {key[0]}; it is {true}: report this")
    return found


def plan_lines(job: Job, ranks: int) -> list[str]:
    """What `pland solve` would do, for a person. Raises JobError when the algorithm does not suit the landscape."""
    solve = section_of(job)
    check_suits(solve, make_problem(job, 0), ranks)
    attempts_of = f"{solve.instances} x {solve.restarts} attempts (training sets x restarts)"
    return [f"solve     {attempts_of} of {solve.algorithm}, {solve.max_iterations:,} iterations each at the most"]


def solve_job(job: Job, comm: Comm, *, force_new: bool = False, quiet: bool = False) -> Table | None:
    """Make all attempts that are not yet over; returns the table on rank 0 and None elsewhere.

    Raises JobError before anything is written when the job does not fit, and Stopped when it stopped in good time: the same
    command goes on.
    """
    solve, stop, folder = section_of(job), StopRequest().install(), folder_of(job)
    with threadpool_limits(1):  # more threads may round otherwise
        first = make_problem(job, 0)
        check_suits(solve, first, comm.size)
        on_first_rank(comm, lambda: _open(job, folder, comm.size, force_new))
        short = replace(job, solve=replace(solve, max_iterations=1))
        comm.node_leader_first(lambda: attempt_at(short, first, (0, 0)))  # compiles, or loads
        over: list[Key] = []
        on_first_rank(comm, lambda: over.extend(attempts.read_all(folder)))
        done = {(instance, restart) for instance, restart in comm.broadcast(over)}
        every = [(instance, restart) for instance in range(solve.instances) for restart in range(solve.restarts)]
        mine = [key for key in every if key not in done][comm.rank :: comm.size]
        tick = _ticker(job, stop)
        gave_up = _make(job, folder, first, mine, tick, quiet=quiet or comm.rank != 0)
    if comm.flags(int(gave_up)):
        raise Stopped(f"stopped; the attempts that are over are kept in {folder.path}; go on with the same command")
    made: list[Table] = []
    on_first_rank(comm, lambda: made.append(_conclude(job, folder, first, every)))
    return made[0] if made else None


def _ticker(job: Job, stop: StopRequest) -> Callable[[], None]:
    """What an attempt calls once an iteration; raises _GivenUp when it is to end."""
    started, minutes = time.monotonic(), job.run.walltime_minutes

    def tick() -> None:
        late = minutes is not None and time.monotonic() - started > 60.0 * minutes
        if stop or late or time.time() > slurm_end() - MARGIN_SECONDS:
            raise _GivenUp

    return tick


def _make(
    job: Job, folder: RunFolder, first: Problem | SmoothProblem, mine: list[Key], tick: Callable[[], None], *, quiet: bool
) -> bool:
    """Make these attempts and keep each; whether they were given up before the last one was over."""
    counter, problem, instance = Counter("attempts on this rank", len(mine), quiet=quiet), first, 0
    try:
        for key in mine:
            tick()
            if key[0] != instance:
                problem, instance = make_problem(job, key[0]), key[0]
            attempts.save(folder, key, attempt_at(job, problem, key, tick))
            counter.add()
    except _GivenUp:
        return True
    finally:
        counter.close()
    return False


def _open(job: Job, folder: RunFolder, ranks: int, force_new: bool) -> None:
    """Make the folder, or check that what lies there is of the same job."""
    if force_new:
        set_aside(folder.path)
    if not folder.path.exists():
        folder.create(partial(_fill, job))
    else:
        if not folder.submitted.exists():
            raise JobError(f"{folder.path} exists and is no folder of `pland solve`; give the job another name, or remove it.")
        check_listed(folder.submitted, "put it back as it was, or start anew with --force-new")
        if _identity(load_job(folder.submitted, job.base)) != _identity(job):
            raise JobError(
                f"{folder.path} holds attempts of another job: another seed, landscape or [solve]; only instances and restarts "
                "may be changed. Give the job another name, or start anew with --force-new."
            )
        write_listed_text(folder.submitted, job.toml())
    write_listed_text(folder.provenance, json.dumps(provenance(ranks, {}, None), indent=2))


def _fill(job: Job, made: RunFolder) -> None:
    write_listed_text(made.origin, json.dumps({"base": str(job.base)}))
    write_listed_text(made.submitted, job.toml())


def _identity(job: Job) -> dict[str, Any]:
    """All that an attempt depends on."""
    content = job.resolved()
    solve = {key: value for key, value in content.get("solve", {}).items() if key not in ("instances", "restarts")}
    return {"seed": content["seed"], "landscape": content["landscape"], "solve": solve}


def _conclude(job: Job, folder: RunFolder, first: Problem | SmoothProblem, every: list[Key]) -> Table:
    """Put all attempts together, and write the table."""
    solve, records = section_of(job), attempts.read_all(folder)
    records = {key: records[key] for key in every}
    attempts.put_together(folder, first.landscape, records, solve.restarts, {"job": _identity(job)})
    shape = solve.instances, solve.restarts

    def column(value: Callable[[attempts.Record], float]) -> NDArray[Any]:
        return np.array([value(records[key]) for key in every]).reshape(shape)

    energy, iterations = column(lambda record: record.energy), column(lambda record: record.iterations)
    more = {name: column(partial(_kept, name)) for name in records[every[0]].more}
    if isinstance(first, SmoothProblem):
        success = more["success"].astype(bool)
    else:
        success = np.asarray(energy == first.landscape.levels[0])
    values = {"instance": range(shape[0]), "restart": range(shape[1]), "success": success, "energy": energy}
    attributes = {"algorithm": solve.algorithm, "seed": str(job.seed), "job": job.toml(), "version": version()}
    schema = SOLVE_CONTINUOUS if more else SOLVE
    write_table(folder.solved, schema, {**more, **values, "iterations": iterations}, attributes)
    return Table(folder, energy, iterations, success)


def _kept(name: str, record: attempts.Record) -> float:
    return record.more[name]


def lines(job: Job, table: Table) -> list[str]:
    """The outcome for a person."""
    success, energy = table.success, table.energy
    solved = int(success.any(axis=1).sum())
    found = [
        f"{job.name}: {section_of(job).algorithm}, {success.sum()} of {success.size} attempts and {solved} of {len(success)} "
        "instances solved"
    ]
    if success.any():
        found.append(f"iterations of those: median {np.median(table.iterations[success]):.0f}")
    if not success.all():
        found.append(f"energies of the others: {energy[~success].min():.6g} to {energy[~success].max():.6g}")
    return [*found, str(table.folder.solved)]
