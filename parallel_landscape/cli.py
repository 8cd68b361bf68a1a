"""The commands: each of `arguments.make_parser`, by the name of its function here."""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from parallel_landscape import templates
from parallel_landscape.arguments import make_parser, read_settings
from parallel_landscape.commands.sweep import Study, make_study
from parallel_landscape.driver.fit import check_fit
from parallel_landscape.driver.launch import start_ranks, usable_cores
from parallel_landscape.driver.restore import load_run_job
from parallel_landscape.driver.rounds import resume_run, run_job
from parallel_landscape.errors import JobError, PlandError, RunError, Stopped
from parallel_landscape.exchange.comm import Comm, Serial
from parallel_landscape.exchange.world import find_world, launched
from parallel_landscape.job.job import Job, load_job, read_job
from parallel_landscape.planning.sizes import check_affordable
from parallel_landscape.slurm.flags import submit_flags
from parallel_landscape.store.files import cannot_use
from parallel_landscape.store.run_folder import RunFolder

PATIENCE_SECONDS = 3.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 2 bad input, 3 stopped and resumable, 1 anything else."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    parsed = make_parser().parse_args(arguments)
    comm: Comm = Serial()
    try:
        if parsed.command in ("run", "resume"):
            comm = find_world()
            return _sample(parsed, arguments, comm)
        if parsed.command in ("solve", "ratchet"):
            comm = find_world()
            from parallel_landscape.commands.ratchet_run import ratchet

            return (_solve if parsed.command == "solve" else ratchet)(parsed, arguments, comm)
        return int(_COMMANDS[parsed.command](parsed))
    except Stopped as stopped:  # on every rank
        if comm.rank == 0:
            print(f"pland: {stopped}", file=sys.stderr, flush=True)
        comm.leave()
        return stopped.exit_code
    except PlandError as error:
        return _fail(_explained(error), error.exit_code, comm)
    except OSError as error:
        if error.filename is None:
            return _fail(_unexpected(), 1, comm)
        return _fail(f"pland: {cannot_use(error)}", 1, comm)
    except KeyboardInterrupt:
        return _fail("pland: interrupted", 130, comm)
    except BaseException:
        return _fail(_unexpected(), 1, comm)


def _unexpected() -> str:
    return f"{traceback.format_exc()}pland: this should not happen; please report it"


def _explained(error: PlandError) -> str:
    if isinstance(error, JobError):
        count = len(error.mistakes)
        head = "1 mistake" if count == 1 else f"{count} mistakes"
        return f"pland: {head}:\n" + "\n".join(f"  - {mistake}" for mistake in error.mistakes)
    return f"pland: {error}"


def _fail(message: str, code: int, comm: Comm) -> int:
    """Print the message once and return the code. A rank that fails alone takes the others down, which may wait for it."""
    if comm.all_here(PATIENCE_SECONDS + 0.2 * min(comm.rank, 20)):  # ranks lose patience in turn, so only the first is heard
        if comm.rank == 0:
            print(message, file=sys.stderr, flush=True)
        comm.leave()
        return code
    print(f"{message} (rank {comm.rank})", file=sys.stderr, flush=True)
    time.sleep(0.5)  # a launcher may drop what has not yet been read when a rank aborts
    comm.abort(code)
    return code


def _sample(parsed: argparse.Namespace, arguments: list[str], comm: Comm) -> int:
    """`run` and `resume`: here when ranks have been started already, else on ranks of our own."""
    resuming = parsed.command == "resume"
    if not resuming and (study := _study(parsed.job)) is not None:
        return _run_study(study, parsed)
    settings = read_settings(parsed.set) if resuming else {}
    job = (
        load_run_job(RunFolder(parsed.run), settings)
        if resuming
        else load_job(parsed.job, parsed.base and parsed.base.resolve())
    )
    if not launched():
        if not resuming:
            RunFolder(job.folder).refuse_existing(parsed.force_new)
        ranks = _ranks(job, parsed.ranks)
        if ranks > 1:
            return _ended(start_ranks(ranks, arguments), parsed.run if resuming else job.folder)
    elif parsed.ranks not in (None, comm.size):
        raise JobError(f"-n {parsed.ranks}: a launcher has started {comm.size} ranks already; leave -n out")
    if resuming:
        outcome = resume_run(parsed.run, comm, settings=settings, accept_new_code=parsed.accept_new_code, quiet=parsed.quiet)
    else:
        outcome = run_job(job, comm, force_new=parsed.force_new, quiet=parsed.quiet)
    if outcome is not None:
        folder = parsed.run if resuming else job.folder
        print(f"{job.name}: {outcome.status} ({outcome.attributes['reason']})", *outcome.notes, folder, sep="\n")
        print(f"see it with: pland {'status' if outcome.attributes['normalisation'] == 'none' else 'report'} {folder}")
    return 0


def _solve(parsed: argparse.Namespace, arguments: list[str], comm: Comm) -> int:
    """Look for solutions, on these ranks or on ranks of our own; of a study, at one point after the other."""
    from parallel_landscape.commands.solve import lines, make_problem, section_of, solve_job
    from parallel_landscape.solvers.catalogue import check_suits

    study = _study(parsed.job)
    jobs = [load_job(parsed.job)] if study is None else [point.job for point in study.points]
    sections = [section_of(job) for job in jobs]
    if not launched():
        ranks = parsed.ranks or min(usable_cores(), max(one.instances * one.restarts for one in sections))
        for job, section in zip(jobs, sections, strict=True):
            check_suits(section, make_problem(job, 0), ranks)
        if ranks > 1:
            return start_ranks(ranks, arguments)
    for number, job in enumerate(jobs):
        table = solve_job(job, comm, force_new=parsed.force_new, quiet=parsed.quiet)
        if table is not None:
            told = {} if study is None else study.points[number].values
            print("\n".join([*(f"{key} = {value}" for key, value in told.items()), *lines(job, table)]), flush=True)
    return 0


def _ended(code: int, folder: Path) -> int:
    """The exit code of our own ranks. Raises RunError when they ended well without finishing the run."""
    run = RunFolder(folder)
    if code == 0 and (run.alive.exists() or not run.result.exists()):
        then = f"go on with: pland resume {folder}" if run.path.exists() else "nothing was written"
        raise RunError(f"the ranks ended without a word and without finishing; {then}")
    return code


def _study(file: Path) -> Study | None:
    """The study of a job file with [sweep]."""
    content, base = read_job(file)
    return make_study(content, base) if "sweep" in content else None


def _run_study(study: Study, parsed: argparse.Namespace) -> int:
    from parallel_landscape.commands.study_view import run_study

    return run_study(study, [*(["-n", str(parsed.ranks)] if parsed.ranks else []), *["--quiet"] * parsed.quiet])


def _ranks(job: Job, asked: int | None) -> int:
    """How many ranks to start: as asked, else one a usable core, never more than slots."""
    cores = usable_cores()
    check_affordable(job, asked or cores)
    if asked == 1 or (asked is None and cores == 1):
        return 1
    layout = check_fit(job, job.build_landscape(), asked or 1)
    return asked or min(cores, -(-layout.slots // layout.pack))


def _check(parsed: argparse.Namespace) -> int:
    from parallel_landscape.commands import solve, study_view
    from parallel_landscape.planning.plan import make_plan

    study = _study(parsed.job)
    job = load_job(parsed.job) if study is None else study.points[0].job
    only_solves = job.solve is not None and not {"dynamics", "ensemble", "exchange"} & set(read_job(parsed.job)[0])
    plan = None if only_solves else make_plan(job, parsed.ranks, parsed.memory_per_rank)
    solving = solve.plan_lines(job, parsed.ranks or usable_cores()) if job.solve is not None else []
    print(f"{job.name}: no mistakes" if study is None else "\n".join(study_view.check_lines(study)))
    print("\n".join(solving + ([] if plan is None else plan.lines(parsed.ranks or min(usable_cores(), plan.layout.slots)))))
    return 0


def _status(parsed: argparse.Namespace) -> int:
    from parallel_landscape.commands import status, status_view, study_view

    if study_view.is_study(parsed.run):
        study_view.show_study(parsed.run, as_json=parsed.json)
    elif parsed.watch:
        status_view.watch(parsed.run, as_json=parsed.json)
    elif parsed.json:
        print(json.dumps(status.status(parsed.run)))
    else:
        status_view.show(parsed.run)
    return 0


def _submit(parsed: argparse.Namespace) -> int:
    from parallel_landscape.slurm.submit import submit

    return submit(parsed.job, submit_flags(parsed), chain_how=parsed.chain, dry_run=parsed.dry_run)


def _analyze(parsed: argparse.Namespace) -> int:
    """Exit code 1 when something of a run is missing or damaged; the rest is analysed. Of a study, each point."""
    from parallel_landscape.commands.analyze import analyze, lines, request_of
    from parallel_landscape.commands.study_view import collected, points_of

    request, code = request_of(vars(parsed)), 0
    for path in [point for given in parsed.run for point in points_of(given)]:
        findings = analyze(path, request)
        print("\n".join(lines(path, findings)), flush=True)
        code = 1 if findings.lost else code
    for study in parsed.run:
        print(*collected(study), sep="\n", end="")
    return code


def _local_entropy(parsed: argparse.Namespace) -> int:
    from parallel_landscape.commands.local_entropy import find_local_entropy, lines

    print("\n".join(lines(parsed.run, find_local_entropy(parsed.run, parsed.beta))))
    return 0


def _paths(parsed: argparse.Namespace) -> int:
    from parallel_landscape.commands.path_table import Asked
    from parallel_landscape.commands.path_view import find_paths, lines

    asked = Asked(parsed.points, tuple(parsed.vertices), parsed.line, parsed.centres)
    print("\n".join(lines(*find_paths(parsed.run, parsed.reference, parsed.output, parsed.times, asked))))
    return 0


def _curvature(parsed: argparse.Namespace) -> int:
    from parallel_landscape.commands.curvature import How, find_curvature, lines

    how = How(parsed.times, parsed.largest, parsed.probes, parsed.steps, parsed.cut)
    print("\n".join(lines(*find_curvature(parsed.run, parsed.output, parsed.windows, how))))
    return 0


def _verify(parsed: argparse.Namespace) -> int:
    from parallel_landscape.commands.verify import verify

    return 0 if verify(parsed.run, print) else 1


def _report(parsed: argparse.Namespace) -> int:
    from parallel_landscape.report.page import write_report

    page, *figures = write_report(parsed.run, parsed.figures)
    print(page)
    if figures:
        print(f"{len(figures)} figures in {figures[0].parent}")
    return 0


def _doctor(parsed: argparse.Namespace) -> int:
    from parallel_landscape.doctor.examine import examine

    return examine(parsed.folder, as_json=parsed.json)


def _theory(parsed: argparse.Namespace) -> int:
    from parallel_landscape.commands.theory_view import show

    show(parsed.name, parsed.keys, parsed.sweep, parsed.output)
    return 0


def _new(parsed: argparse.Namespace) -> int:
    if parsed.name is None:
        print("\n".join(templates.names()))
    else:
        print(templates.read(parsed.name), end="")
    return 0


_COMMANDS = {
    "new": _new,
    "check": _check,
    "status": _status,
    "analyze": _analyze,
    "report": _report,
    "local-entropy": _local_entropy,
    "paths": _paths,
    "curvature": _curvature,
    "submit": _submit,
    "verify": _verify,
    "theory": _theory,
    "doctor": _doctor,
}
