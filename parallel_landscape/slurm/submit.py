"""`pland submit`: check everything, make the run folder, hand the batch script to SLURM, and say what to type next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parallel_landscape.commands.sweep import Study, make_study
from parallel_landscape.driver.campaign import prepare
from parallel_landscape.driver.restore import load_run_job
from parallel_landscape.errors import JobError, RunError
from parallel_landscape.job.job import Job, make_job, read_job
from parallel_landscape.planning.estimate import Plan
from parallel_landscape.planning.plan import make_plan
from parallel_landscape.slurm import chain, controller
from parallel_landscape.slurm.cluster import Cluster, Partition, load_cluster
from parallel_landscape.slurm.partitions import live_partitions
from parallel_landscape.slurm.request import Request, make_request, wishes
from parallel_landscape.slurm.script import render
from parallel_landscape.store.files import write_text
from parallel_landscape.store.run_folder import RunFolder

PLANNED_RANKS = 1


@dataclass(frozen=True)
class Submission:
    """A job with all that it asks for, checked, and its batch script."""

    job: Job
    plan: Plan
    request: Request
    script: str
    collecting: str

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
    content, base = read_job(file)
    if "sweep" in content:
        return submit_study(make_study(content, base), flags, chain_how=chain_how, dry_run=dry_run)
    submission = make_submission(make_job(content, base), flags, chain_how)
    if dry_run:
        print(submission.script, end="")
        return 0
    check_free(submission.job)
    ask_slurm(submission.script)
    folder = submission.folder if submission.folder.path.exists() else prepare(submission.job)
    write_script(folder.slurm, submission.script)
    number = controller.submit(folder.slurm / "batch.sh")
    record(folder, submission.request, str(number))
    print(announcement(submission, number))
    return 0


def make_submission(job: Job, flags: Mapping[str, Any], chain_how: str | None = None, study: Study | None = None) -> Submission:
    """Check the job (the first point of a study) and what it asks for. Raises JobError with every mistake."""
    wish = wishes(job.slurm, flags)
    cluster = load_cluster(wish.cluster, job.base)
    live, default = _live()
    plan = make_plan(job, PLANNED_RANKS)
    request = make_request(wish, cluster, plan, live, default, chain_how)
    return Submission(job, plan, request, _script(job, request, cluster, study), _collecting(job, request, cluster, study))


def _live() -> tuple[dict[str, Partition], str | None]:
    return live_partitions() if controller.present() else ({}, None)


def _script(job: Job, request: Request, cluster: Cluster, study: Study | None) -> str:
    folder, log = (job.folder, "%j.log") if study is None else (study.folder, "%A_%a.log")
    place = folder / "slurm"
    name = job.name if study is None else study.name
    return render("run", request, cluster, job.base, name=name, target=folder, script=place / "batch.sh", log=place / log)


def _collecting(job: Job, request: Request, cluster: Cluster, study: Study | None) -> str:
    """The batch script that puts the results of a study together."""
    if study is None:
        return ""
    name = f"{study.name}-collect"
    return render("analysis", request, cluster, job.base, name=name, target=study.folder, log=study.folder / "slurm" / "%j.log")


def check_free(job: Job) -> None:
    """Raise JobError unless the run is new, or may go on: unfinished, of this job, and with no link in the queue."""
    folder = RunFolder(job.folder)
    if not folder.path.exists():
        return
    if not folder.submitted.exists() or load_run_job(folder).fingerprint() != job.fingerprint():
        folder.refuse_existing()
    if chain.is_done(folder):
        raise JobError(
            f"the run in {folder.path} is done; look at it with `pland status {folder.path}`, or give the job another name"
        )
    told = chain.summary(folder)
    waiting = controller.in_queue(told["jobs"]) if told else []
    if waiting:
        raise JobError(f"{folder.path} has job {waiting[0]} in the queue already; see `squeue -j {waiting[0]}`")


def ask_slurm(script: str, *options: str) -> None:
    """SLURM's own opinion, before anything is written."""
    try:
        controller.would_take(script, *options)
    except RunError as error:
        raise JobError(f"SLURM would refuse the job: {error}") from None


def write_script(folder: Path, script: str) -> None:
    """Write the batch script where it stays: links may submit it again."""
    folder.mkdir(exist_ok=True)
    write_text(folder / "batch.sh", script)


def record(folder: RunFolder, request: Request, job: str) -> None:
    """A new chain begins."""
    folder.slurm.mkdir(exist_ok=True)
    chain.record(folder, "submitted", job=job, most=request.links, how=request.how)


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


def submit_study(study: Study, flags: Mapping[str, Any], *, chain_how: str | None, dry_run: bool) -> int:
    """Submit the unfinished points of a study as one job array, and a job after it that puts the results together."""
    submission = make_submission(study.points[0].job, flags, chain_how, study)
    for job in {len(study.points) - 1: study.points[-1].job}.values():  # the last is often the largest
        make_submission(job, flags, chain_how)
    if dry_run:
        print(submission.script, end="")
        return 0
    open_points = [point for point in study.points if not chain.is_done(point.folder)]
    if not open_points:
        raise JobError(f"all {len(study.points)} points of {study.folder} are done; see `pland status {study.folder}`")
    for point in open_points:
        check_free(point.job)
    request = submission.request
    array = f"--array={ranges([point.number for point in open_points])}{f'%{request.at_once}' if request.at_once else ''}"
    ask_slurm(submission.script, array)
    study.prepare()
    place = study.folder / "slurm"
    write_script(place, submission.script)
    write_text(place / "collect.sh", submission.collecting)
    number = controller.submit(place / "batch.sh", array)
    for point in open_points:
        record(point.folder, request, f"{number}_{point.number}")
    after = controller.submit(place / "collect.sh", f"--dependency=afterany:{number}")
    print(
        f"{study.name}: job {number} submitted ({len(open_points)} of {len(study.points)} points), then job {after}\n"
        f"status    pland status {study.folder}    squeue -j {number},{after}\n"
        f"cancel    scancel {number} {after}\n"
        f"log       {place}/{number}_*.log\n"
        f"result    {study.folder / 'study.nc'}, {study.folder / 'study.png'}"
    )
    return 0


def ranges(numbers: list[int]) -> str:
    """[0, 1, 2, 5] as SLURM writes it: 0-2,5."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in parts)
