"""Studies: a job file with [sweep], one run for each point of it.

    [sweep]
    mode = "product"                        # or "zip": first values together, second values together, ...
    landscape.data.alpha = [0.2, 0.4, 0.6]  # any key of the job file: a list,
    seed = { from = 1, to = 4 }             # or a range, both ends included, with `step` or `count`

STUDY = folder/name holds a run folder NAME-0000, NAME-0001, ... for each point, and study.json, which says what they are.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from parallel_landscape.driver.campaign import prepare
from parallel_landscape.errors import JobError
from parallel_landscape.job.job import Job, make_job
from parallel_landscape.store.files import write_text
from parallel_landscape.store.run_folder import RunFolder

MOST_POINTS = 10_000
_RANGE = {"from", "to", "step", "count"}
NAME = "study.json"


@dataclass(frozen=True)
class Point:
    """One run of a study: its number, the values of the swept keys, its job."""

    number: int
    values: dict[str, Any]
    job: Job

    @property
    def folder(self) -> RunFolder:
        """Its run folder."""
        return RunFolder(self.job.folder)


@dataclass(frozen=True)
class Study:
    """A sweep with all its points checked. keys: the values of each swept key; mode: "product" or "zip"."""

    name: str
    folder: Path
    keys: dict[str, list[Any]]
    mode: str
    points: tuple[Point, ...]

    def prepare(self, only: int | None = None) -> None:
        """Make the study's folder, its description, and the run folders that are not there yet.

        only: the one point whose run folder is made: each task of an array makes its own. Raises JobError when a folder is
        there that belongs to another study.
        """
        about = self.describe()
        if (self.folder / NAME).exists() and read_study(self.folder) != about:
            raise JobError(f"{self.folder} holds another study; give this one another name, or remove that folder")
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / NAME).exists():
            write_text(self.folder / NAME, json.dumps(about, indent=1))
        for point in self.points:
            if only in (None, point.number) and not point.folder.path.exists():
                prepare(point.job)

    def describe(self) -> dict[str, Any]:
        """Plain values for study.json: name, mode, keys, and of each point its folder and values."""
        points = [{"folder": point.job.name, "values": point.values, "job": point.job.fingerprint()} for point in self.points]
        return {"name": self.name, "mode": self.mode, "keys": self.keys, "points": points}


def read_study(folder: Path) -> dict[str, Any]:
    """What study.json says. Raises JobError when the folder is no study."""
    try:
        return dict(json.loads((folder / NAME).read_bytes()))
    except (OSError, ValueError, TypeError):
        raise JobError(f"{folder} is not the folder of a study: it has no sound {NAME}") from None


def make_study(content: Mapping[str, Any], base: Path) -> Study:
    """The study of a job file's content, every point checked. Raises JobError with every mistake found."""
    mode, keys = _read_sweep(content["sweep"])
    rows = list(itertools.product(*keys.values()) if mode == "product" else zip(*keys.values(), strict=True))
    name = str(content.get("name"))
    folder = str(Path(content.get("run", {}).get("folder", "runs")) / name)
    points, wrong = [], []
    for number, row in enumerate(rows):
        values = dict(zip(keys, row, strict=True))
        try:
            points.append(Point(number, values, make_job(_content(content, folder, f"{name}-{number:04d}", values), base)))
        except JobError as error:
            told = ", ".join(f"{key} = {value}" for key, value in values.items())
            wrong += [mistake if number == 0 else f"at {told}: {mistake}" for mistake in error.mistakes if mistake not in wrong]
        if len(wrong) > 20:
            break
    if wrong:
        raise JobError(wrong)
    return Study(name, (base / Path(folder).expanduser()), keys, mode, tuple(points))


def _content(content: Mapping[str, Any], folder: str, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The job of one point."""
    made = copy.deepcopy({key: value for key, value in content.items() if key != "sweep"})
    made["name"] = name
    made["run"] = {**made.get("run", {}), "folder": folder}
    for key, value in values.items():
        *path, last = key.split(".")
        section = made
        for part in path:
            section = section.setdefault(part, {})
        section[last] = value
    return made


def _read_sweep(given: Any) -> tuple[str, dict[str, list[Any]]]:
    """(mode, {dotted key: values}). Raises JobError."""
    if not isinstance(given, Mapping):
        raise JobError(f"[sweep]: given {given!r}; a section is required, e.g. [sweep] with seed = [1, 2, 3].")
    mode = given.get("mode", "product")
    wrong: list[str] = []
    if mode not in ("product", "zip"):
        wrong.append(f'[sweep] mode: given {mode!r}; choose "product" or "zip".')
    found = {key: _values(key, value, wrong) for key, value in _flat(given) if key != "mode"}
    keys = {key: values for key, values in found.items() if values}
    wrong += [f"[sweep] {key}: cannot be swept." for key in found if key in ("name", "run.folder") or key.startswith("slurm.")]
    if not found:
        wrong.append("[sweep]: no key is swept; write for instance landscape.inputs = [15, 17, 19].")
    count = int(np.prod([len(values) for values in keys.values()])) if mode == "product" else len(next(iter(keys.values()), []))
    if mode == "zip" and len({len(values) for values in keys.values()}) > 1:
        lengths = ", ".join(f"{key} has {len(values)}" for key, values in keys.items())
        wrong.append(f"[sweep]: zip needs as many values of each key, but {lengths}.")
    if count > MOST_POINTS:
        wrong.append(f"[sweep]: {count} points; at most {MOST_POINTS} fit into a job array.")
    if wrong:
        raise JobError(wrong)
    return mode, keys


def _flat(section: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """Dotted keys and their lists or ranges."""
    found: list[tuple[str, Any]] = []
    for key, value in section.items():
        dotted = f"{before}{key}"
        inner = isinstance(value, Mapping) and not ("from" in value or "to" in value)
        found += _flat(value, f"{dotted}.") if inner else [(dotted, value)]
    return found


def _values(key: str, given: Any, wrong: list[str]) -> list[Any]:
    """The values of one key."""
    if isinstance(given, list) and given:
        return given
    if isinstance(given, Mapping) and {"from", "to"} <= given.keys() <= _RANGE and not {"step", "count"} <= given.keys():
        first, last = given["from"], given["to"]
        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in given.values())
        if numbers and "count" in given and isinstance(given["count"], int) and given["count"] > 0:
            return [_plain(value, first, last) for value in np.linspace(first, last, given["count"])]
        step = given.get("step", 1)
        if numbers and "count" not in given and step > 0 and last >= first:
            return [_plain(first + k * step, first, step) for k in range(int((last - first) / step + 1e-9) + 1)]
    wrong.append(
        f"[sweep] {key}: given {given!r}; a list of values, or a range such as {{ from = 1, to = 9, step = 2 }} or "
        "{ from = 0.1, to = 0.9, count = 5 }, is needed."
    )
    return []


def _plain(value: Any, *like: Any) -> int | float:
    """An integer where all that it was made from are, else a float without the digits of rounding."""
    if all(isinstance(one, int) for one in like) and float(value).is_integer():
        return int(value)
    return float(f"{float(value):.12g}")
