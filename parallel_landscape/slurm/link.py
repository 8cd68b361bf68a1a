"""One link of a chain: `python -m parallel_landscape.slurm.link RUN [...] -- LAUNCHER ...`, the last line of a batch script.

It starts the ranks, passes the signal before the time limit on to them, and sees to it that there is a next link:

    exit code 0       the run is done
    2                 bad input: another link would find the same, the chain stops
    else              requeue this job, or (where that is not allowed) leave it to the next job, which was submitted
                      at the start and waits for the end of this one, whatever ends it

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

from parallel_landscape.campaign import prepare
from parallel_landscape.errors import JobError, PlandError, RunError, Stopped
from parallel_landscape.job import load_job
from parallel_landscape.launch import wait_and_forward
from parallel_landscape.slurm import chain, controller
from parallel_landscape.store.run_folder import RunFolder
from parallel_landscape.sweep import read_study

MOST_LINKS = 100
DOCTOR_SECONDS = 600


@dataclass(frozen=True)
class Link:
    """This link: of which run, in which job, started how."""

    folder: RunFolder
    job: str
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
        return _carry_out(
            Link(folder, label(), tuple(arguments[at + 1 :]), parsed.chain, parsed.links, not parsed.no_doctor, script)
        )
    except PlandError as error:
        print(f"pland: {error}", file=sys.stderr, flush=True)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m parallel_landscape.slurm.link")
    parser.add_argument("run", type=Path, help="a run folder, or a job file, whose run folder is made when it is not there")
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
    """The run folder given, that of this array task's point of the study given, or that of the job file given."""
    folder = RunFolder(given)
    task = os.environ.get("SLURM_ARRAY_TASK_ID", "")
    if given.is_file():
        job = load_job(given)
        folder = RunFolder(job.folder)
        folder = folder if folder.path.exists() else prepare(job)
    elif (given / "study.json").exists():
        points = read_study(given)["points"]
        if not task.isdigit() or int(task) >= len(points):
            raise JobError(
                f"{given} is a study of {len(points)} points; submit it as an array with --array=0-{len(points) - 1}"
            )
        folder = RunFolder(given / points[int(task)]["folder"])
    if not folder.submitted.exists():
        raise JobError(f"{folder.path} is neither a job file, nor a run folder, nor a study")
    folder.slurm.mkdir(exist_ok=True)
    return folder


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
        link.folder, "began", job=link.job, restart=int(os.environ.get("SLURM_RESTART_COUNT", "0")), mark=mark,
        where=os.environ.get("SLURM_JOB_NODELIST", "this machine"), next=following,
    )  # fmt: skip
    if link.doctor and (why := _examine(link)):
        return _end(link, 1, "stop", why, following)
    code = wait_and_forward(link.start("resume", str(link.folder.path)))
    return _go_on(link, code, following)


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
    """Put this very job back into the queue; SLURM then ends this process. Not against a person who cancels it."""
    state = controller.job_state(link.job)
    if state not in (None, "RUNNING") and not controller.out_of_time(link.job):
        return _end(link, code, "stop", f"ended from outside ({state}): cancelled, or SLURM itself starts it again", None)
    _end(link, code, "requeue", _how_it_ended(link, code), None)
    try:
        controller.ask("scontrol", "requeue", link.job)
    except RunError as error:
        return _end(link, code, "stop", f"it cannot be requeued ({error})", None)
    return code


def _how_it_ended(link: Link, code: int) -> str:
    """A run that stops in good time has saved and takes its sign of life away; srun may still kill ranks as they leave."""
    saved = link.folder.checkpoints.exists() and any(link.folder.checkpoints.iterdir())
    good = code == Stopped.exit_code or (saved and not link.folder.alive.exists())
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


def _end(link: Link, code: int, then: str, why: str, following: str | None) -> int:
    """Record how the link ends; a job that follows is cancelled unless the chain goes on."""
    if following is not None and then != "next":
        controller.ask("scancel", following)
    chain.record(
        link.folder, "ended", job=link.job, code=code, mark=chain.mark(link.folder), then=then, why=why, next=following
    )
    print(f"pland: {chain.events(link.folder)[-1]['then']}{f': {why}' if why else ''}", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
