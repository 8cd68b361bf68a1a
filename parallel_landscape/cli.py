"""The command line: `pland new | check | run | resume | status | analyze | verify | doctor`."""

from __future__ import annotations

import argparse
import json
import sys
import time
import tomllib
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from parallel_landscape import templates
from parallel_landscape.campaign import check_fit
from parallel_landscape.errors import JobError, PlandError, Stopped
from parallel_landscape.exchange.comm import Comm, Serial
from parallel_landscape.exchange.world import find_world, launched
from parallel_landscape.job import Job, load_job
from parallel_landscape.launch import start_ranks, usable_cores
from parallel_landscape.machine import read_size
from parallel_landscape.provenance import version
from parallel_landscape.restore import load_run_job
from parallel_landscape.rounds import resume_run, run_job
from parallel_landscape.sizes import check_affordable
from parallel_landscape.store.run_folder import RunFolder

PATIENCE_SECONDS = 3.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 2 bad input, 3 stopped and resumable, 1 anything else."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    parsed = _parser().parse_args(arguments)
    comm: Comm = Serial()
    try:
        if parsed.command in ("run", "resume"):
            comm = find_world()
            return _sample(parsed, arguments, comm)
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
        return _fail(f"pland: cannot use {error.filename}: {error.strerror}; mend that, then resume", 1, comm)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pland", description="Maps the weight space of neural networks.")
    parser.add_argument("--version", action="version", version=version())
    ranks: dict[str, Any] = {"type": _positive, "help": "start so many MPI ranks (default: one for each usable core)"}
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    new = commands.add_parser("new", help="print a commented job file to start from")
    new.add_argument("name", nargs="?", help="which one; without a name, lists them")
    check = commands.add_parser("check", help="all mistakes of a job at once; then what it will take")
    check.add_argument("job", type=Path)
    check.add_argument("-n", "--ranks", type=_positive, help="plan for so many ranks")
    check.add_argument("--memory-per-rank", type=_size, metavar="SIZE", help="refuse a job that needs more, such as 2GiB")
    run = commands.add_parser("run", help="carry out a job, here and now")
    run.add_argument("job", type=Path)
    run.add_argument("-n", "--ranks", **ranks)
    run.add_argument("--base", type=Path, help="where relative paths in the job start from (default: its own folder)")
    run.add_argument("--force-new", action="store_true", help="set an existing run folder aside and start anew")
    run.add_argument("--quiet", action="store_true", help="no progress")
    resume = commands.add_parser("resume", help="go on with a run from its last checkpoint, on any number of ranks")
    resume.add_argument("run", type=Path)
    resume.add_argument("-n", "--ranks", **ranks)
    resume.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change run.walltime_minutes and the like"
    )
    resume.add_argument(
        "--accept-new-code", action="store_true", help="go on although the code has changed; the result will say so"
    )
    resume.add_argument("--quiet", action="store_true", help="no progress")
    status = commands.add_parser("status", help="how far a run has got, or its verdict")
    status.add_argument("run", type=Path)
    status.add_argument("--watch", action="store_true", help="show it anew every two seconds until the run ends")
    status.add_argument("--json", action="store_true", help="for scripts")
    _add_analyze(commands)
    local = commands.add_parser("local-entropy", help="entropy at each distance from a reference, into RUN/result.nc")
    local.add_argument("run", type=Path)
    local.add_argument("--beta", type=float, nargs="+", help="inverse temperatures (default: those of the run)")
    verify = commands.add_parser("verify", help="replay the last checkpoint from the one before, and compare bit by bit")
    verify.add_argument("run", type=Path)
    doctor = commands.add_parser("doctor", help="whether this machine is set up right, and what to do where it is not")
    doctor.add_argument("folder", type=Path, nargs="?", default=Path(), help="where runs will lie (default: here)")
    doctor.add_argument("--json", action="store_true", help="for scripts")
    return parser


def _add_analyze(commands: Any) -> None:
    analyze = commands.add_parser("analyze", help="entropies, averages and overlaps with errors, into RUN/result.nc")
    analyze.add_argument("run", type=Path, nargs="+")
    analyze.add_argument(
        "--scheduler", default="threads", metavar="WHO", help="threads (default), processes, none, slurm or tls://HOST:PORT"
    )
    analyze.add_argument("--workers", type=_positive, help="so many threads or processes (default: one for each usable core)")
    analyze.add_argument("--memory", type=_size, default="2GiB", metavar="SIZE", help="of each worker (default: 2GiB)")
    analyze.add_argument(
        "--energy", type=int, nargs=2, action="append", default=[], metavar=("LOW", "HIGH"), help="overlaps in this range"
    )
    analyze.add_argument("--pairs", type=_positive, help="compare so many pairs in each range at most")
    analyze.add_argument("--beta", type=float, nargs="+", help="inverse temperatures (default: chosen from the range)")
    analyze.add_argument(
        "--joint", nargs="+", default=[], metavar="NAME", help="observables for joint histograms with the energy"
    )
    for what in ("ca", "cert", "key"):
        analyze.add_argument(f"--tls-{what}", type=Path, metavar="FILE", help="of the scheduler at the address given")
    analyze.add_argument("--quiet", action="store_true", help="no progress")


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"given {text!r}; a number of ranks from 1 up is needed")
    return int(text)


def _size(text: str) -> int:
    try:
        return read_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _sample(parsed: argparse.Namespace, arguments: list[str], comm: Comm) -> int:
    """`run` and `resume`: here when ranks have been started already, else on ranks of our own."""
    resuming = parsed.command == "resume"
    settings = _settings(parsed.set) if resuming else {}
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
            return start_ranks(ranks, arguments)
    elif parsed.ranks not in (None, comm.size):
        raise JobError(f"-n {parsed.ranks}: a launcher has started {comm.size} ranks already; leave -n out")
    if resuming:
        outcome = resume_run(parsed.run, comm, settings=settings, accept_new_code=parsed.accept_new_code, quiet=parsed.quiet)
    else:
        outcome = run_job(job, comm, force_new=parsed.force_new, quiet=parsed.quiet)
    if outcome is not None:
        folder = parsed.run if resuming else job.folder
        print(f"{job.name}: {outcome.status} ({outcome.attributes['reason']})\n{folder}")
    return 0


def _settings(given: list[str]) -> dict[str, Any]:
    """--set KEY=VALUE, the value as in TOML."""
    settings: dict[str, Any] = {}
    for item in given:
        key, _, value = item.partition("=")
        try:
            settings[key.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            raise JobError(
                f"--set {item}: write KEY=VALUE with a value as in TOML, e.g. --set run.walltime_minutes=600"
            ) from None
    return settings


def _ranks(job: Job, asked: int | None) -> int:
    """How many ranks to start: as asked, else one a usable core, never more than slots."""
    cores = usable_cores()
    check_affordable(job, asked or cores)
    if asked == 1 or (asked is None and cores == 1):
        return 1
    slots = check_fit(job, job.build_landscape(), asked or 1).slots
    return asked or min(cores, slots)


def _check(parsed: argparse.Namespace) -> int:
    from parallel_landscape.plan import make_plan

    job = load_job(parsed.job)
    plan = make_plan(job, parsed.ranks, parsed.memory_per_rank)
    print(f"{job.name}: no mistakes")
    print("\n".join(plan.lines(parsed.ranks or min(usable_cores(), plan.layout.slots))))
    return 0


def _status(parsed: argparse.Namespace) -> int:
    from parallel_landscape import status, status_view

    if parsed.watch:
        status_view.watch(parsed.run, as_json=parsed.json)
    elif parsed.json:
        print(json.dumps(status.status(parsed.run)))
    else:
        status_view.show(parsed.run)
    return 0


def _analyze(parsed: argparse.Namespace) -> int:
    """Exit code 1 when something of a run is missing or damaged; the rest is analysed."""
    from parallel_landscape.analyze import analyze, lines, request_of

    request, code = request_of(vars(parsed)), 0
    for path in parsed.run:
        findings = analyze(path, request)
        print("\n".join(lines(path, findings)), flush=True)
        code = 1 if findings.lost else code
    return code


def _local_entropy(parsed: argparse.Namespace) -> int:
    from parallel_landscape.local_entropy import find_local_entropy, lines

    print("\n".join(lines(parsed.run, find_local_entropy(parsed.run, parsed.beta))))
    return 0


def _verify(parsed: argparse.Namespace) -> int:
    from parallel_landscape.verify import verify

    return 0 if verify(parsed.run, print) else 1


def _doctor(parsed: argparse.Namespace) -> int:
    from parallel_landscape.doctor.examine import examine

    return examine(parsed.folder, as_json=parsed.json)


def _new(parsed: argparse.Namespace) -> int:
    if parsed.name is None:
        print("\n".join(templates.names()))
    else:
        print(templates.read(parsed.name), end="")
    return 0


_COMMANDS = {
    "check": _check,
    "status": _status,
    "analyze": _analyze,
    "local-entropy": _local_entropy,
    "verify": _verify,
    "doctor": _doctor,
    "new": _new,
}
