"""What a report is made from: everything that a run folder tells, and a sentence for each thing that is not there."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from parallel_landscape.commands.status import status
from parallel_landscape.errors import RunError
from parallel_landscape.report.history import flow, read_progress, read_stretch
from parallel_landscape.store.ladder_schema import LADDER
from parallel_landscape.store.run_folder import RunFolder
from parallel_landscape.store.schema import CANONICAL

_ROOT = ""


@dataclass(frozen=True)
class Material:
    """Everything that the report of a run shows.

    status: as `status.status`; groups: those of result.nc, "" is the root; progress, trajectory, flow: see `history`;
    job, job_text: as resolved; missing: sentences.
    """

    folder: RunFolder
    status: dict[str, Any]
    groups: dict[str, xr.Dataset]
    progress: xr.Dataset
    trajectory: xr.Dataset | None
    flow: xr.Dataset | None
    job: dict[str, Any]
    job_text: str
    provenance: dict[str, Any]
    missing: list[str]

    @property
    def result(self) -> xr.Dataset | None:
        """The root of result.nc: ln g and what else belongs to each level; None where there are no levels."""
        root = self.groups.get(_ROOT)
        return root if root is not None and "ln_g" in root else None

    @property
    def attributes(self) -> dict[str, Any]:
        """Of the result; empty without one."""
        return dict(self.groups[_ROOT].attrs) if _ROOT in self.groups else {}

    @property
    def thermal(self) -> bool:
        """Whether the result is that of continuous weights at given temperatures, which have no levels."""
        return _ROOT in self.groups and self.result is None

    @property
    def analysed(self) -> bool:
        """Whether `pland analyze` has been over the run."""
        if self.thermal:
            return "ladder" in self.groups
        return "canonical" in self.groups or "estimator" in self.attributes

    @property
    def observables(self) -> list[str]:
        """Names of the observables in the result."""
        if self.thermal:
            names = [str(name) for name in self.groups.get("canonical", self.groups.get("ladder", xr.Dataset())).variables]
            return [name for name in names if name not in {**CANONICAL, **LADDER} and not name.endswith("_error")]
        if self.result is None:
            return []
        names = np.atleast_1d(self.result.attrs.get("observables", [])).tolist()
        return [str(name) for name in names if name in self.result]

    @property
    def name(self) -> str:
        """Of the job."""
        return str(self.job.get("name") or self.status.get("name") or self.folder.path.name)


def collect(path: Path) -> Material:
    """Read all that a report needs, of the trajectory a bounded part. Raises JobError when `path` is no run folder."""
    folder = RunFolder(path)
    missing: list[str] = []
    found = _status(folder, missing)
    job_text = _text(folder.job if folder.job.exists() else folder.submitted, missing)
    job = _job(job_text, missing)
    groups = _groups(folder, missing) if found["result"] else {}
    for group in groups.values():
        if "energy" in group.coords or "energy" in group:
            group["energy"].attrs["axis_label"] = "E (wrong patterns)" if "data" in job.get("landscape", {}) else "energy E"
    progress = read_progress(folder, job)
    trajectory, walks = _trajectory(folder, found, job, missing)
    material = Material(
        folder, found, groups, progress, trajectory, walks, job, job_text, _provenance(folder, missing), missing
    )
    missing += absent(material)
    return material


def absent(material: Material) -> list[str]:
    """A sentence for each part that a whole report would have, and what to do for it."""
    said = []
    run, state = material.folder.path, material.status["state"]
    if not material.groups:
        said.append("There is no result yet: no entropy and no verdict on the joins.")
    elif state in ("running", "elsewhere"):
        said.append("The run is going on: what is shown of the result is from when it last stopped.")
    if "production" not in material.job:
        said.append("The job has no [production]: nothing was recorded, so there are no trajectories, observables or overlaps.")
    elif material.trajectory is None and state != "done":
        said.append("Production has no closed segments yet: no trajectories.")
    if material.groups and not material.analysed:
        more = "curves between the temperatures, overlaps" if material.thermal else "canonical curves, observables"
        said.append(f"Not analysed yet: {more} and more come with `pland analyze {run}`.")
    return said


def _status(folder: RunFolder, missing: list[str]) -> dict[str, Any]:
    """The status; of a run whose result is damaged, as much as can be told."""
    try:
        return status(folder.path)
    except RunError as error:
        missing.append(f"{error}.")
        nothing = dict.fromkeys(
            ("name", "process", "time", "age", "round", "ranks", "seconds", "steps_per_second", "seconds_left", "energy",
             "produced", "checkpoint_seconds", "result", "normalisation", "next")
        )  # fmt: skip
        about = {"run": str(folder.path), "state": "damaged", "status": "damaged", "reason": str(error), "phase": "unknown"}
        return {**nothing, **about, "windows": {}, "checkpoints": [], "next": f"pland resume {folder.path}"}


def _groups(folder: RunFolder, missing: list[str]) -> dict[str, xr.Dataset]:
    try:
        opened = xr.open_groups(folder.result, engine="h5netcdf")
        try:
            return {name.strip("/"): group.load() for name, group in opened.items()}
        finally:
            for group in opened.values():
                group.close()
    except (OSError, ValueError, KeyError) as error:
        missing.append(f"{folder.result} cannot be read ({error}); `pland resume {folder.path}` writes it anew.")
        return {}


def _trajectory(
    folder: RunFolder, found: dict[str, Any], job: dict[str, Any], missing: list[str]
) -> tuple[xr.Dataset | None, xr.Dataset | None]:
    if "production" not in job or not found["checkpoints"]:
        return None, None
    try:
        trajectory, wrong = read_stretch(folder)
    except (OSError, ValueError, KeyError, RunError) as error:
        missing.append(f"The list of segments cannot be read ({error}); no trajectories are shown.")
        return None, None
    missing += wrong
    windows = job.get("exchange", {}).get("windows")
    if trajectory is None or not isinstance(windows, list) or len(windows) < 2:
        return trajectory, None
    return trajectory, flow(trajectory, len(windows), int(job["exchange"].get("walkers_per_window", 1)))


def _text(path: Path, missing: list[str]) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        missing.append(f"{path.name} cannot be read ({error}); put it back from a copy.")
        return ""


def _job(text: str, missing: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        missing.append(f"The job as resolved is no TOML ({error}); put it back from a copy.")
        return {}


def _provenance(folder: RunFolder, missing: list[str]) -> dict[str, Any]:
    try:
        return dict(json.loads(folder.provenance.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        missing.append(f"{folder.provenance.name} cannot be read ({type(error).__name__}): what made the numbers is unknown.")
        return {}
