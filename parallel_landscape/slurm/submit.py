"""`pland submit`: check everything, make the run folder, hand the batch script to SLURM, and say what to type next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parallel_landscape.campaign import prepare
from parallel_landscape.errors import JobError, RunError
from parallel_landscape.job import Job, load_job
from parallel_landscape.plan import Plan, make_plan
from parallel_landscape.restore import load_run_job
from parallel_landscape.slurm import chain, controller
from parallel_landscape.slurm.cluster import Cluster, Partition, load_cluster
from parallel_landscape.slurm.request import Request, make_request, wishes
from parallel_landscape.slurm.script import render
from parallel_landscape.store.run_folder import RunFolder, write_text

PLANNED_RANKS = 1


@dataclass(frozen=True)
class Submission:
    """A job with all that it asks for, checked, and its batch script."""

    job: Job
    plan: Plan
    request: Request
    script: str

    @property
    def folder(self) -> RunFolder:
        """Where the run lies or will lie."""
        return RunFolder(self.job.folder)


def submit(file: Path, flags: Mapping[str, Any], *, chain_how: str | None = None, dry_run: bool = False) -> int:
    """Submit a job file; prints what was done. Raises JobError, with nothing written or submitted, when anything is wrong."""
    if not dry_run and not controller.present():
        raise JobError(
            "there is no sbatch on this machine; submit from a login node of the cluster, look at the batch script with "
            "--dry-run, or run the job here with `pland run`"
        )
    submission = make_submission(load_job(file), flags, chain_how)
    if dry_run:
        print(submission.script, end="")
        return 0
    check_free(submission.job)
    _ask_slurm(submission.script)
    folder = submission.folder if submission.folder.path.exists() else prepare(submission.job)
    number = hand_over(folder, submission.script, links=submission.request.links, how=submission.request.how)
    print(announcement(submission, number))
    return 0


def make_submission(job: Job, flags: Mapping[str, Any], chain_how: str | None = None) -> Submission:
    """Check the job and what it asks for. Raises JobError with every mistake."""
    wish = wishes(job.slurm, flags)
    cluster = load_cluster(wish.cluster, job.base)
    live, default = _live()
    plan = make_plan(job, PLANNED_RANKS)
    request = make_request(wish, cluster, plan, live, default, chain_how)
    return Submission(job, plan, request, _script(job, request, cluster))


def _live() -> tuple[dict[str, Partition], str | None]:
    return controller.live_partitions() if controller.present() else ({}, None)


def _script(job: Job, request: Request, cluster: Cluster) -> str:
    place = RunFolder(job.folder).slurm
    return render(
        "run", request, cluster, job.base, name=job.name, target=job.folder, script=place / "batch.sh", log=place / "%j.log"
    )


def check_free(job: Job) -> None:
    """Raise JobError unless the run is new, or may go on: unfinished, of this job, and with no link in the queue."""
    folder = RunFolder(job.folder)
    if not folder.path.exists():
        return
    if not folder.submitted.exists() or load_run_job(folder).fingerprint() != job.fingerprint():
        folder.refuse_existing()
    if chain.is_done(folder):
        raise JobError(f"the run in {folder.path} is done; look at it with `pland status {folder.path}`, or give the job another name")
    told = chain.summary(folder)
    waiting = controller.in_queue(told["jobs"]) if told else []
    if waiting:
        raise JobError(f"{folder.path} has job {waiting[0]} in the queue already; see `squeue -j {waiting[0]}`")


def _ask_slurm(script: str) -> None:
    """SLURM's own opinion, before anything is written."""
    try:
        controller.would_take(script)
    except RunError as error:
        raise JobError(f"SLURM would refuse the job: {error}") from None


def hand_over(folder: RunFolder, script: str, *options: str, links: int = 0, how: str = "") -> int:
    """Write the batch script into the run folder and submit it; the job's number."""
    folder.slurm.mkdir(exist_ok=True)
    write_text(folder.slurm / "batch.sh", script)
    number = controller.submit(folder.slurm / "batch.sh", *options)
    chain.record(folder, "submitted", job=number, most=links, how=how)
    return number


def announcement(submission: Submission, number: int) -> str:
    """What was submitted, and the commands to type next."""
    request, folder = submission.request, submission.folder
    return "\n".join(
        (
            f"{submission.job.name}: job {number} submitted ({request.ntasks} tasks on {request.nodes} nodes)",
            f"status    pland status {folder.path}    squeue -j {number}",
            f"cancel    scancel {number}",
            f"log       {folder.slurm}/{number}.log",
            f"result    {folder.result}",
        )
    )
