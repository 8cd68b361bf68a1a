"""What each command takes."""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path
from typing import Any

from parallel_landscape.driver.provenance import version
from parallel_landscape.errors import JobError
from parallel_landscape.machine import read_size
from parallel_landscape.slurm.flags import add_submit


def make_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(prog="pland", description="Maps the weight space of neural networks.")
    parser.add_argument("--version", action="version", version=version())
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (
        _add_job,
        _add_sample,
        _add_solve,
        _add_status,
        _add_analyze,
        _add_report,
        _add_local_entropy,
        _add_paths,
        _add_ratchet,
        _add_curvature,
        add_submit,
        _add_verify,
        _add_theory,
        _add_doctor,
    ):
        add(commands)
    return parser


def _add_job(commands: Any) -> None:
    new = commands.add_parser("new", help="print a commented job file to start from")
    new.add_argument("name", nargs="?", help="which one; without a name, lists them")
    check = commands.add_parser("check", help="all mistakes of a job at once; then what it will take")
    check.add_argument("job", type=Path)
    check.add_argument("-n", "--ranks", type=_positive, help="plan for so many ranks")
    check.add_argument("--memory-per-rank", type=_size, metavar="SIZE", help="refuse a job that needs more, such as 2GiB")


def _add_sample(commands: Any) -> None:
    ranks: dict[str, Any] = {"type": _positive, "help": "start so many MPI ranks (default: one for each usable core)"}
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


def _add_solve(commands: Any) -> None:
    solve = commands.add_parser("solve", help="look for solutions by the algorithm in [solve]; given again, goes on")
    solve.add_argument("job", type=Path)
    solve.add_argument("-n", "--ranks", type=_positive, help="start so many MPI ranks (default: one for each usable core)")
    solve.add_argument("--force-new", action="store_true", help="set the folder of an earlier one aside and start anew")
    solve.add_argument("--quiet", action="store_true", help="no progress")


def _add_status(commands: Any) -> None:
    status = commands.add_parser("status", help="how far a run has got, or its verdict")
    status.add_argument("run", type=Path)
    status.add_argument("--watch", action="store_true", help="show it anew every two seconds until the run ends")
    status.add_argument("--json", action="store_true", help="for scripts")


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


def _add_report(commands: Any) -> None:
    report = commands.add_parser("report", help="one self-contained RUN/report.html, with the verdict and the figures")
    report.add_argument("run", type=Path)
    report.add_argument("--figures", metavar="png|pdf|DIR", help="also as files, of one kind in RUN/figures or both in DIR")


def _add_local_entropy(commands: Any) -> None:
    local = commands.add_parser("local-entropy", help="entropy at each distance from a reference, into RUN/result.nc")
    local.add_argument("run", type=Path)
    local.add_argument("--beta", type=float, nargs="+", help="inverse temperatures (default: those of the run)")


def _add_paths(commands: Any) -> None:
    paths = commands.add_parser(
        "paths", help="energy along geodesics between recorded weights: barriers, star shape, simplices"
    )
    paths.add_argument("run", type=Path, nargs="+", help="runs or studies with [production] weights = true")
    paths.add_argument(
        "--reference", type=Path, nargs="+", default=[], metavar="RUN", help="runs on the same training sets to go from"
    )
    paths.add_argument("--output", type=Path, metavar="FILE.nc", help="default: paths.nc in the first RUN; a figure beside it")
    paths.add_argument(
        "--centres", action="store_true", help="of coupled replicas take the centre, at the largest gamma, in place of replicas"
    )
    paths.add_argument("--times", type=int, default=8, help="moments of each chain that are used (default: 8)")
    paths.add_argument("--points", type=int, default=65, help="points of a curve, both ends included (default: 65)")
    paths.add_argument(
        "--vertices", type=int, nargs="+", default=[2, 3, 4, 6, 8], metavar="K", help="simplices (default: 2 3 4 6 8)"
    )
    paths.add_argument(
        "--line", choices=("auto", "geodesic", "straight"), default="auto", help="default: geodesic on a sphere, else straight"
    )


def _add_ratchet(commands: Any) -> None:
    ratchet = commands.add_parser("ratchet", help="steer pairs of recorded weights towards each other; given again, goes on")
    ratchet.add_argument("run", type=Path, help="a run with continuous weights and [production] weights = true")
    ratchet.add_argument("-n", "--ranks", type=_positive, help="start so many MPI ranks (default: one for each usable core)")
    ratchet.add_argument("--stiffness", type=float, required=True, help="k of the penalty k/2 (d - d_min)^2 for going back")
    ratchet.add_argument("--step", type=float, required=True, help="leapfrog step in time, at unit mass")
    ratchet.add_argument("--steps", type=int, default=10, help="steps of a trajectory (default: 10)")
    ratchet.add_argument("--moves", type=int, default=2000, help="trajectories, at most (default: 2000)")
    ratchet.add_argument("--temperature", type=float, help="of the moves (default: that of the run)")
    ratchet.add_argument("--paths", type=int, default=16, help="pairs of chains (default: 16)")
    ratchet.add_argument("--single", action="store_true", help="the first end alone moves; else both in turn")
    ratchet.add_argument("--below", type=float, metavar="ENERGY", help="say how many pairs are connected below this energy")
    ratchet.add_argument("--force-new", action="store_true", help="set the folder of an earlier one aside and start anew")
    ratchet.add_argument("--quiet", action="store_true", help="no progress")


def _add_curvature(commands: Any) -> None:
    curvature = commands.add_parser("curvature", help="the Hessian at recorded continuous weights: trace, largest, directions")
    curvature.add_argument("run", type=Path, help="a run with continuous weights and [production] weights = true")
    curvature.add_argument("--windows", type=int, nargs="+", metavar="K", help="temperatures, the coldest is 0 (default: all)")
    curvature.add_argument("--times", type=int, default=8, help="moments of each chain that are used (default: 8)")
    curvature.add_argument("--largest", type=int, default=20, help="so many eigenvalues of each sample (default: 20)")
    curvature.add_argument("--probes", type=int, default=2, help="random vectors for trace and directions (default: 2)")
    curvature.add_argument("--steps", type=int, default=60, help="of Lanczos from each of them, at most (default: 60)")
    curvature.add_argument("--cut", type=float, metavar="K", help="of sum k/(k + cut) (default: prior times temperature)")
    curvature.add_argument("--output", type=Path, metavar="FILE.nc", help="default: curvature.nc in RUN")


def _add_verify(commands: Any) -> None:
    verify = commands.add_parser("verify", help="replay the last checkpoint from the one before, and compare bit by bit")
    verify.add_argument("run", type=Path)


def _add_theory(commands: Any) -> None:
    theory = commands.add_parser("theory", help="replica-symmetric reference curves, as a table or a file")
    theory.add_argument("name", nargs="?", help="which one; without a name, lists them")
    theory.add_argument("keys", nargs="*", metavar="KEY=VALUE", help="such as alpha=0.5 beta=2")
    theory.add_argument("--sweep", metavar="KEY=LOW:HIGH:COUNT", help="a row for each of so many values of one key")
    theory.add_argument("--output", type=Path, metavar="FILE", help="write netCDF instead of a table")


def _add_doctor(commands: Any) -> None:
    doctor = commands.add_parser("doctor", help="whether this machine is set up right, and what to do where it is not")
    doctor.add_argument("folder", type=Path, nargs="?", default=Path(), help="where runs will lie (default: here)")
    doctor.add_argument("--json", action="store_true", help="for scripts")


def read_settings(given: list[str]) -> dict[str, Any]:
    """--set KEY=VALUE, the value as in TOML. Raises JobError."""
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


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"given {text!r}; a number of ranks from 1 up is needed")
    return int(text)


def _size(text: str) -> int:
    try:
        return read_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
