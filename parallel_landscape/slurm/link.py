"""One link of a chain: `python -m parallel_landscape.slurm.link RUN [...] -- LAUNCHER ...`, the last line of a batch script.

It starts the ranks, passes the signal before the time limit on to them, and sees to it that there is a next link:

    exit code 0       the run is done
    2                 bad input: another link would find the same, the chain stops
    else              requeue this job, or (where that is not allowed) leave it to the next job, which was submitted
                      at the start and waits for the end of this one, whatever ends it

When SLURM ends the job for good (its time limit, or a partition whose jobs are preempted without being requeued), it is put
back at the first sign of that: the ranks may be in the middle of a round, and what has not ended some seconds later is killed.

A chain stops when its links make no progress, when there were as many as allowed, and when a person has cancelled it.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from parallel_landscape.commands.sweep import make_study, read_study
from parallel_landscape.driver.campaign import prepare
from parallel_landscape.driver.launch import wait_and_forward
from parallel_landscape.errors import JobError, PlandError, RunError, Stopped
from parallel_landscape.job.job import make_job, read_job
from parallel_landscape.slurm import chain, controller
from parallel_landscape.store.run_folder import RunFolder

MOST_LINKS = 100
DOCTOR_SECONDS = 600
ENDS = {"limit": "the time limit was reached before the ranks had stopped", "preempted": "preempted"}


@dataclass(frozen=True)
class Link:
    """This link: of which run, in which job, started how."""

    folder: RunFolder
    job: str
    restart: int
    launcher: tuple[str, ...]
    how: str
    most: int
    doctor: bool
    script: Path | None

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `pland ARGUMENTS` on the job's ranks."""
        return subprocess.Popen([*self.launcher, *arguments], stdin=subprocess.DEVNULL, start_new_session=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one link; returns the exit code of the batch script."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    at = arguments.index("--") if "--" in arguments else len(arguments)
    parsed = _parser().parse_args(arguments[:at])
    try:
        folder = _folder(parsed.run)
        script = Path(parsed.script) if parsed.script else None
        restart, launcher = int(os.environ.get("SLURM_RESTART_COUNT", "0")), tuple(arguments[at + 1 :])
        return _carry_out(Link(folder, label(), restart, launcher, parsed.chain, parsed.links, not parsed.no_doctor, script))
    except PlandError as error:
        print(f"pland: {error}", file=sys.stderr, flush=True)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m parallel_landscape.slurm.link")
    parser.add_argument("run", type=Path, help="a folder of a run or a study, or a job file, whose folder is made if need be")
    parser.add_argument("--chain", choices=("requeue", "dependent", "none"), default="requeue")
    parser.add_argument("--links", type=int, default=MOST_LINKS, help="most links")
    parser.add_argument("--no-doctor", action="store_true")
    parser.add_argument("--script", help="the batch script, for --chain dependent")
    return parser


def label() -> str:
    """The number of this job as people and SLURM's commands write it: 17, or 17_4 for a task of an array."""
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID", "0")


def _folder(given: Path) -> RunFolder:
    """The run folder given, or that of this array task's point of the study given; of a job file what it is about."""
    if given.is_file():
        given = _made(given)
    folder = RunFolder(given)
    if (given / "study.json").exists():
        points = read_study(given)["points"]
        folder = RunFolder(given / points[_task(given, len(points))]["folder"])
    if not folder.submitted.exists():
        raise JobError(f"{folder.path} is neither a job file, nor a run folder, nor a study")
    folder.slurm.mkdir(exist_ok=True)
    return folder


def _made(file: Path) -> Path:
    """The folder of a job file's run, or of its study; made when it is not there."""
    content, base = read_job(file)
    if "sweep" in content:
        study = make_study(content, base)
        study.prepare(only=_task(file, len(study.points)))
        return study.folder
    job = make_job(content, base)
    return job.folder if job.folder.exists() else prepare(job).path


def _task(study: Path, points: int) -> int:
    task = os.environ.get("SLURM_ARRAY_TASK_ID", "")
    if not task.isdigit() or int(task) >= points:
        raise JobError(f"{study} is a study of {points} points; submit it as an array with --array=0-{points - 1}")
    return int(task)


def _carry_out(link: Link) -> int:
    found, mark = chain.events(link.folder), chain.mark(link.folder)
    if chain.is_done(link.folder):
        print(f"{link.folder.path}: done already", flush=True)
        return 0
    why = chain.reason_to_stop(found, link.most, mark) or _cancelled_before(link, found)
    if why is not None:
        return _end(link, 1, "stop", why, None)
    following = _submit_next(link)
    chain.record(
        link.folder, "began", job=link.job, restart=link.restart, mark=mark,
        where=os.environ.get("SLURM_JOB_NODELIST", "this machine"), next=following,
    )  # fmt: skip
    if link.doctor and (why := _examine(link)):
        return _end(link, 1, "stop", why, following)
    secured: list[str] = []  # why the job was put back into the queue while its ranks were running
    code = wait_and_forward(link.start("resume", str(link.folder.path)), lambda number: _secure(link, number, secured))
    return code if secured and code else _go_on(link, code, following)


def _secure(link: Link, number: int, secured: list[str]) -> None:
    """Put the job back at once when SLURM ends it for good: SIGTERM is the last that it hears before SIGKILL."""
    if number != signal.SIGTERM or link.how != "requeue" or secured:
        return
    fate = controller.fate(link.job, link.restart)
    if fate in ENDS and chain.reason_to_stop(chain.events(link.folder), link.most, chain.mark(link.folder)) is None:
        secured.append(fate)
        _put_back(link, 128 + number, ENDS[fate], outside=fate == "preempted")


def _examine(link: Link) -> str:
    """Why the ranks cannot run here; empty when they can."""
    try:
        child = link.start("doctor", str(link.folder.path))
        return "the doctor has found a fault, see the log" if child.wait(DOCTOR_SECONDS) else ""
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        return f"the ranks did not find each other within {DOCTOR_SECONDS} s: launcher and MPI do not match (srun --mpi=list)"


def _go_on(link: Link, code: int, following: str | None) -> int:
    """What comes after the ranks have ended with this code."""
    if code == 0:
        return _end(link, 0, "done", "", following)
    if code == JobError.exit_code:
        return _end(link, code, "stop", "the job cannot go on as it is, see the log", following)
    why = chain.reason_to_stop(chain.events(link.folder), link.most, chain.mark(link.folder))
    if why is not None:
        return _end(link, code, "stop", why, following)
    if link.how == "none":
        return _end(link, code, "stop", "no chain was asked for", following)
    if following is not None:
        return _end(link, code, "next", _how_it_ended(link, code), following)
    return _requeue(link, code)


def _requeue(link: Link, code: int) -> int:
    """See to it that this very job runs again; SLURM then ends this process. Not against a person who cancels it."""
    fate = controller.fate(link.job, link.restart)
    if fate == "cancelled":
        return _end(link, code, "stop", "the job was cancelled", None)
    if fate == "again":
        return _end(link, code, "requeue", "preempted, or requeued from outside", None, outside=True)
    return _put_back(link, code, ENDS.get(fate) or _how_it_ended(link, code), outside=fate == "preempted")


def _put_back(link: Link, code: int, why: str, *, outside: bool) -> int:
    _end(link, code, "requeue", why, None, outside=outside)
    try:
        controller.ask("scontrol", "requeue", link.job)
    except RunError as error:
        return _end(link, code, "stop", f"it cannot be requeued ({error})", None)
    return code


def _how_it_ended(link: Link, code: int) -> str:
    """A run that stops in good time has saved and takes its sign of life away; srun may still kill ranks as they leave."""
    saved = link.folder.checkpoints.exists() and any(link.folder.checkpoints.iterdir())
    good = not link.folder.alive.exists() and (saved or code == Stopped.exit_code)
    return "stopped in good time" if good else "the ranks failed or were killed, see the log"


def _submit_next(link: Link) -> str | None:
    """The job that follows, where jobs may not be requeued: it waits until this one has ended, whatever ends it."""
    if link.how != "dependent":
        return None
    if link.script is None:
        raise RunError("--chain dependent needs --script, the batch script to submit again")
    options = [f"--dependency=afterany:{link.job}"]
    task = os.environ.get("SLURM_ARRAY_TASK_ID")
    number = controller.submit(link.script, *options, *([f"--array={task}"] if task else []))
    return f"{number}_{task}" if task else str(number)


def _cancelled_before(link: Link, found: list[chain.Event]) -> str | None:
    """Whether a person has cancelled the job before this one: then the chain ends with it."""
    begun = chain.links(found)
    last = begun[-1]["job"] if begun else link.job
    return f"job {last} was cancelled" if last != link.job and controller.job_state(last) == "CANCELLED" else None


def _end(link: Link, code: int, then: str, why: str, following: str | None, *, outside: bool = False) -> int:
    """Record how the link ends; a job that follows is cancelled unless the chain goes on. outside: not by itself."""
    if following is not None and then != "next":
        controller.ask("scancel", following)
    chain.record(
        link.folder, "ended", job=link.job, code=code, mark=chain.mark(link.folder), then=then, why=why, next=following,
        outside=outside,
    )  # fmt: skip
    print(f"pland: {chain.events(link.folder)[-1]['then']}{f': {why}' if why else ''}", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
