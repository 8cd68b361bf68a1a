"""Runs from Python: start one, or look into one that lies in a folder."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallel_landscape.commands.status import status
from parallel_landscape.driver.fit import check_fit
from parallel_landscape.driver.launch import start_ranks
from parallel_landscape.driver.rounds import run_job
from parallel_landscape.driver.stopping import handlers_kept
from parallel_landscape.errors import JobError, RunError, Stopped
from parallel_landscape.exchange.world import find_world, launched
from parallel_landscape.job.job import Job, make_job, read_job
from parallel_landscape.planning.sizes import check_affordable
from parallel_landscape.store.run_folder import RunFolder

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True)
class RunHandle:
    """A run in its folder `path`."""

    path: Path

    @property
    def status(self) -> dict[str, Any]:
        """Phase, verdict and table of windows, as `pland status --json` has them."""
        return status(self.path)

    @cached_property
    def result(self) -> xarray.Dataset:
        """ln g and all that belongs to each level. Raises RunError while there is none."""
        return self._open(None)

    @cached_property
    def windows(self) -> xarray.Dataset:
        """The table of windows."""
        return self._open("windows")

    def group(self, name: str) -> xarray.Dataset:
        """Another group of the result: "canonical", "slots", "walkers", "overlap", "overlap_windows", "ladder", "joint-X" of an
        observable X, or "solutions" of a folder of `pland solve`."""
        return self._open(name)

    def analyze(self, **request: Any) -> RunHandle:
        """Analyse the run, as `pland analyze` does, and return it with its new result; request: fields of `analyze.Request`,
        and `betas`, `ranges`, `joint` and `pairs` of `analysis.findings.Question`."""
        from parallel_landscape.analysis.findings import Question
        from parallel_landscape.commands.analyze import Request, analyze

        asked = {key: request.pop(key) for key in ("betas", "ranges", "joint", "pairs") if key in request}
        analyze(self.path, Request(Question(**asked), **request))
        return RunHandle(self.path)

    @cached_property
    def trajectory(self) -> xarray.Dataset:
        """All records, lazily: an xarray.Dataset on Dask with the dimension `record`, one chunk a segment.

        Raises RunError, naming it, when a segment is missing or truncated; a bad chunk raises when it is computed.
        """
        from parallel_landscape.analysis.lazy import trajectory
        from parallel_landscape.store.catalogue import read_catalogue

        return trajectory(read_catalogue(self.path))

    def report(self, figures: str | None = None) -> Path:
        """Write report.html into the run folder, from what is there, and return its path.

        figures: "png" or "pdf" for files in RUN/figures as well, or a folder for both.
        """
        from parallel_landscape.report.page import write_report

        return write_report(self.path, figures)[0]

    def _open(self, group: str | None) -> xarray.Dataset:
        file = RunFolder(self.path).result
        if not file.exists():
            raise RunError(f"{self.path} has no result yet: it is {self.status['status']}")
        try:
            import h5netcdf
            from xarray import open_dataset
        except ImportError:
            raise RunError("a result opens with xarray, which is not installed; run: pip install xarray") from None
        with h5netcdf.File(file, "r") as opened:
            there = list(opened.groups)
        if group is not None and group not in there:
            told = ", ".join(there) or "none"
            raise RunError(f"{self.path} has no group {group!r} in its result, but {told}; `pland analyze` may add it")
        return open_dataset(file, group=group, engine="h5netcdf")


def open_run(path: str | Path) -> RunHandle:
    """The run in a folder. Raises JobError when it is no run folder."""
    path = Path(path).expanduser().resolve()
    status(path)
    return RunHandle(path)


def run(
    job: str | Path | Mapping[str, Any],
    ranks: int | None = None,
    *,
    force_new: bool = False,
    quiet: bool = True,
    **overrides: Any,
) -> RunHandle:
    """Carry out a job and return its run: `run("job.toml", ranks=4, seed=7, ensemble={"ln_f_final": 1e-5})`.

    job: a job file, or its content; relative paths start from the file's folder, else from the working directory.
    ranks: MPI ranks to start; this process alone when left out, or those that mpiexec or srun has started.
    overrides: keys laid over the job's own, section by section.
    Raises JobError with every mistake before anything is written, Stopped when the run can be resumed, else RunError.
    """
    if ranks is not None and (type(ranks) is not int or ranks < 1):
        raise JobError(f"ranks = {ranks!r}; a number of ranks from 1 up is needed")
    content, base = (job, Path.cwd()) if isinstance(job, Mapping) else read_job(job)
    made = make_job(_laid_over(content, overrides), base)
    if launched() or ranks in (None, 1):
        comm = find_world()
        if ranks not in (None, comm.size):
            raise JobError(f"ranks = {ranks}: a launcher has started {comm.size} ranks already; leave it out")
        with handlers_kept():
            run_job(made, comm, force_new=force_new, quiet=quiet)
    else:
        _run_on(ranks, made, force_new=force_new, quiet=quiet)
    return RunHandle(made.folder)


def _laid_over(content: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(content)
    for key, value in overrides.items():
        inner = isinstance(value, Mapping) and isinstance(both.get(key), Mapping)
        both[key] = _laid_over(both[key], value) if inner else value
    return both


def _run_on(ranks: int, job: Job, *, force_new: bool, quiet: bool) -> None:
    """Carry out a job on ranks of its own, which read it from a temporary file."""
    check_affordable(job, ranks)
    check_fit(job, job.build_landscape(), ranks)
    RunFolder(job.folder).refuse_existing(force_new)
    with tempfile.TemporaryDirectory(prefix="pland-") as folder:
        file = Path(folder) / "job.toml"
        file.write_text(job.toml(), encoding="utf-8")
        flags = ["--force-new"] * force_new + ["--quiet"] * quiet
        code = start_ranks(ranks, ["run", str(file), "--base", str(job.base), *flags])
    if code == Stopped.exit_code:
        raise Stopped(f"stopped, nothing is lost; go on with: pland resume {job.folder}")
    if code:
        raise RunError(f"the ranks ended with exit code {code}; what they said stands on the standard error")
