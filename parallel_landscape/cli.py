"""The command line: `pland new | check | run | status`."""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
import traceback
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from parallel_landscape.campaign import check_fit
from parallel_landscape.errors import JobError, PlandError
from parallel_landscape.exchange.comm import Comm, Serial
from parallel_landscape.exchange.world import find_world, launched
from parallel_landscape.job import Job, load_job
from parallel_landscape.launch import start_ranks, usable_cores
from parallel_landscape.provenance import version
from parallel_landscape.restore import load_run_job
from parallel_landscape.run import resume_run, run_job
from parallel_landscape.store.run_folder import RunFolder


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
    except PlandError as error:
        _say(error, comm)
        if comm.size > 1 and not isinstance(error, JobError):
            comm.abort(error.exit_code)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except Exception:
        traceback.print_exc()
        if comm.size > 1:
            sys.stderr.flush()
            comm.abort(1)
        return 1


def _say(error: PlandError, comm: Comm) -> None:
    """Print an error once: bad input is the same on every rank, anything else belongs to the rank that met it."""
    if isinstance(error, JobError):
        if comm.rank == 0:
            count = len(error.mistakes)
            head = "1 mistake" if count == 1 else f"{count} mistakes"
            print(f"pland: {head}:\n" + "\n".join(f"  - {mistake}" for mistake in error.mistakes), file=sys.stderr)
        return
    where = f" (rank {comm.rank})" if comm.size > 1 else ""
    print(f"pland: {error}{where}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pland", description="Maps the weight space of neural networks.")
    parser.add_argument("--version", action="version", version=version())
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    new = commands.add_parser("new", help="print a commented job file to start from")
    new.add_argument("name", nargs="?", help="which one; without a name, lists them")
    check = commands.add_parser("check", help="all mistakes of a job at once; then what it will take")
    check.add_argument("job", type=Path)
    check.add_argument("-n", "--ranks", type=_positive, default=None, help="plan for so many ranks")
    run = commands.add_parser("run", help="carry out a job, here and now")
    run.add_argument("job", type=Path)
    run.add_argument("-n", "--ranks", type=_positive, default=None, help="start so many MPI ranks (default: one for each usable core)")
    run.add_argument("--force-new", action="store_true", help="set an existing run folder aside and start anew")
    run.add_argument("--quiet", action="store_true", help="no progress")
    resume = commands.add_parser("resume", help="go on with a run from its last checkpoint, on any number of ranks")
    resume.add_argument("run", type=Path)
    resume.add_argument("-n", "--ranks", type=_positive, default=None, help="start so many MPI ranks (default: one for each usable core)")
    resume.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change run.walltime_minutes and the like")
    resume.add_argument("--quiet", action="store_true", help="no progress")
    status = commands.add_parser("status", help="how far a run has got, or its verdict")
    status.add_argument("run", type=Path)
    status.add_argument("--json", action="store_true", help="for scripts")
    return parser


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"given {text!r}; a number of ranks from 1 up is needed")
    return int(text)


def _sample(parsed: argparse.Namespace, arguments: list[str], comm: Comm) -> int:
    """`run` and `resume`: here when ranks have been started already, else on ranks of our own."""
    resuming = parsed.command == "resume"
    settings = _settings(parsed.set) if resuming else {}
    job = load_run_job(RunFolder(parsed.run), settings) if resuming else load_job(parsed.job)
    if not launched():
        ranks = _ranks(job, parsed.ranks)
        if ranks > 1:
            return start_ranks(ranks, arguments)
    elif parsed.ranks not in (None, comm.size):
        raise JobError(f"-n {parsed.ranks}: a launcher has started {comm.size} ranks already; leave -n out")
    if resuming:
        outcome = resume_run(parsed.run, comm, settings=settings, quiet=parsed.quiet)
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
            raise JobError(f"--set {item}: write KEY=VALUE with a value as in TOML, e.g. --set run.walltime_minutes=600") from None
    return settings


def _ranks(job: Job, asked: int | None) -> int:
    """How many ranks to start: as asked, else one a usable core, never more than slots."""
    if asked is not None:
        return asked
    cores = usable_cores()
    return 1 if cores == 1 else min(cores, check_fit(job, job.build_landscape(), 1).slots)


def _check(parsed: argparse.Namespace) -> int:
    from parallel_landscape.plan import make_plan

    job = load_job(parsed.job)
    ranks = parsed.ranks or 1
    plan, _ = make_plan(job, ranks)
    print(f"{job.name}: no mistakes")
    print("\n".join(plan.lines(parsed.ranks or min(usable_cores(), plan.layout.slots))))
    return 0


def _status(parsed: argparse.Namespace) -> int:
    from parallel_landscape import status

    if parsed.json:
        print(json.dumps(status.status(parsed.run)))
    else:
        status.show(parsed.run)
    return 0


def _new(parsed: argparse.Namespace) -> int:
    templates = {file.name.removesuffix(".toml"): file for file in resources.files("parallel_landscape.templates").iterdir()
                 if file.name.endswith(".toml")}  # fmt: skip
    if parsed.name is None:
        print("\n".join(sorted(templates)))
        return 0
    if parsed.name not in templates:
        raise JobError(f"there is no job file {parsed.name!r} to start from; choose from {', '.join(sorted(templates))}")
    print(templates[parsed.name].read_text(), end="")
    return 0


_COMMANDS = {"check": _check, "status": _status, "new": _new}
