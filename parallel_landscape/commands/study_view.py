"""A study on the command line: its points, how each stands, and running them one after the other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from parallel_landscape.commands.collect import collect
from parallel_landscape.commands.status import status
from parallel_landscape.commands.sweep import NAME, Study, read_study
from parallel_landscape.errors import JobError, Stopped
from parallel_landscape.exchange.world import launched


def is_study(folder: Path) -> bool:
    """Whether a folder holds a study."""
    return (folder / NAME).exists()


def points_of(folder: Path) -> list[Path]:
    """The points of a study that have begun; anything else is taken for a run."""
    if not is_study(folder):
        return [folder]
    points = [folder / point["folder"] for point in read_study(folder)["points"]]
    return [point for point in points if (point / "result.nc").exists()]


def collected(folder: Path) -> list[str]:
    """Put the results of a study together; what was written, a line each. Nothing for a run."""
    if not is_study(folder):
        return []
    collect(folder)
    return [f"{folder / 'study.nc'}", f"{folder / 'study.png'}", ""]


def study_status(folder: Path) -> list[dict[str, Any]]:
    """For each point: folder, values, state, status, reason; state "missing" where there is no run folder."""
    rows = []
    for point in read_study(folder)["points"]:
        try:
            found = status(folder / point["folder"], ask=False)
        except JobError:
            found = {"state": "missing", "status": "missing", "reason": "it has not begun"}
        told = {name: found[name] for name in ("state", "status", "reason")}
        rows.append({"folder": point["folder"], "values": point["values"], **told})
    return rows


def show_study(folder: Path, *, as_json: bool = False) -> None:
    """Print a line for each point, and how many are done."""
    rows = study_status(folder)
    if as_json:
        print(json.dumps(rows))
        return
    cells = [
        [row["folder"], ", ".join(f"{key} = {value}" for key, value in row["values"].items()), row["status"]] for row in rows
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(2)]
    for name, values, told in cells:
        print(f"{name:{widths[0]}}  {values:{widths[1]}}  {told}")
    print(f"{sum(row['state'] == 'done' for row in rows)} of {len(rows)} points are done")


def check_lines(study: Study) -> list[str]:
    """What `check` says of a study."""
    lines = [f"{study.name}: {len(study.points)} points, no mistakes"]
    lines += [f"swept     {key} = {', '.join(map(str, values))}" for key, values in study.keys.items()]
    return [*lines, f"mode      {study.mode}", f"the first point, {study.points[0].job.name}:"]


def run_study(study: Study, flags: list[str]) -> int:
    """Run the points that are not done, one after the other, each as a process of its own; then put the results together.

    Returns 3 when a point was stopped and can be resumed, 1 when points failed; the same command goes on with what is left.
    """
    if launched():
        raise JobError(
            "a study is run without mpiexec or srun: `pland run` starts the ranks of each point, `pland submit` an array"
        )
    study.prepare()
    failed = []
    for point in study.points:
        if status(point.folder.path)["state"] == "done":
            continue
        command = [sys.executable, "-m", "parallel_landscape", "resume", str(point.folder.path), *flags]
        code = subprocess.call(command)
        if code == Stopped.exit_code:
            return code
        if code:
            failed.append(point.job.name)
    if len(failed) < len(study.points):
        collect(study.folder)
        print(f"{study.folder / 'study.nc'}\n{study.folder / 'study.png'}")
    if failed:
        print(f"pland: failed: {', '.join(failed)}; the same command goes on with these", file=sys.stderr)
    return int(bool(failed))
