"""How a run went, for figures: reports in the course of learning, and a stretch of the recorded walkers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from parallel_landscape.store.catalogue import read_catalogue
from parallel_landscape.store.run_folder import RunFolder

REPORTS = 400  # more points do not show in a figure
RECORDS = 1_000_000  # that are read at most, whatever the size of the trajectory
_COLUMNS = ("slot", "sweep", "energy", "walker")
Columns = dict[str, NDArray[Any]]


def read_progress(folder: RunFolder, job: dict[str, Any]) -> xr.Dataset:
    """(report, window) columns `ln_f`, `flatness`, `coverage`, and `seconds` (report) of the run; empty without reports.

    Reports of work that a kill had lost, and that was done again, are left out.
    """
    told = [report for report in folder.some_reports(REPORTS) if "ln_f" in (report.get("windows") or {})]
    reports: list[dict[str, Any]] = []
    for report in reversed(told):
        same = not reports or len(report["windows"]["ln_f"]) == len(reports[-1]["windows"]["ln_f"])
        if same and (not reports or report["seconds"] < reports[-1]["seconds"]):
            reports.append(report)
    reports.reverse()
    learning = [report for report in reports if report["phase"] == "learn"]
    learning += [report for report in reports if report["phase"] == "produce"][:1]  # how learning ended
    tables = {name: _table(learning, name) for name in ("ln_f", "flatness", "levels_visited", "levels_known")}
    dims = ("report", "window")
    columns: dict[str, Any] = {name: (dims, tables[name]) for name in ("ln_f", "flatness")}
    columns["coverage"] = (dims, tables["levels_visited"] / np.maximum(tables["levels_known"], 1))
    columns["seconds"] = ("report", np.array([report["seconds"] for report in learning], dtype=float))
    began = next((report["seconds"] for report in learning if report["phase"] == "produce"), np.nan)
    final = job.get("ensemble", {}).get("ln_f_final")
    return xr.Dataset(columns, attrs={"production_seconds": began, "ln_f_final": final})


def _table(reports: list[dict[str, Any]], name: str) -> NDArray[np.float64]:
    if not reports:
        return np.zeros((0, 0))
    return np.array([report["windows"][name] for report in reports], dtype=float)


def read_stretch(folder: RunFolder, most: int = RECORDS) -> tuple[xr.Dataset | None, list[str]]:
    """The first records of production of all slots, `most` at most; and sentences about what cannot be read.

    Dimension record, with `slot`, `sweep`, `energy`, `walker`, up to a sweep that all slots have reached. None without records.
    Raises RunError when checkpoints are there and none is sound.
    """
    catalogue = read_catalogue(folder.path)
    wrong = [f"{note}." for note in catalogue.notes]
    first: dict[str, str] = {}  # of each rank, the segment that its records begin with
    for name in sorted(segment.name for segment in catalogue.segments):
        first.setdefault(name.rpartition("-")[0], name)
    began = min(first, default="").partition("-rank-")[0]
    names = [name for prefix, name in first.items() if prefix.partition("-rank-")[0] == began]
    parts = []
    for name in names:
        try:
            parts.append(_head(folder.trajectory / name, most // len(names)))
        except (OSError, KeyError) as error:
            wrong.append(f"{name} cannot be read ({type(error).__name__}); its walkers are not among the trajectories shown.")
    parts = [part for part in parts if len(part["sweep"])]
    if not parts:
        return None, wrong
    end = min(int(part["sweep"].max()) for part in parts)
    columns = {name: np.concatenate([part[name] for part in parts]) for name in _COLUMNS}
    kept = columns["sweep"] <= end
    return xr.Dataset({name: ("record", column[kept]) for name, column in columns.items()}), wrong


def _head(path: Path, most: int) -> Columns:
    """The first records of a segment, up to the last sweep that its slots have in common."""
    with h5py.File(path, "r") as file:
        part = {name: np.asarray(file[name][:most]) for name in _COLUMNS}
    part = {name: column.astype(np.float64 if column.dtype.kind == "f" else np.int64) for name, column in part.items()}
    if not len(part["slot"]):
        return part
    end = min(int(part["sweep"][part["slot"] == slot].max()) for slot in np.unique(part["slot"]))
    return {name: column[part["sweep"] <= end] for name, column in part.items()}


def some_walkers(trajectory: xr.Dataset, most: int) -> list[int]:
    """At most `most` walkers, spread evenly over their numbers."""
    numbers = np.unique(trajectory["walker"].values)
    chosen = np.linspace(0, len(numbers) - 1, min(most, len(numbers))).round().astype(int)
    return [int(number) for number in numbers[np.unique(chosen)]]


def thinned(trajectory: xr.Dataset, walker: int, most: int = 800) -> xr.Dataset:
    """The records of one walker in the order of time, every n-th so that at most `most` are left."""
    mine = trajectory.isel(record=np.flatnonzero(trajectory["walker"].values == walker)).sortby("sweep")
    return mine.isel(record=slice(None, None, max(1, -(-mine.sizes["record"] // most))))


def flow(trajectory: xr.Dataset, windows: int, walkers_per_window: int) -> xr.Dataset:
    """Per window: of the records whose walker has been at an end of the range, the fraction that was at the top last.

    fraction: mean over the repeats; fraction_error: its standard error over the repeats, nan for one.
    """
    repeats = trajectory["slot"].values // (walkers_per_window * windows)
    place = trajectory["slot"].values // walkers_per_window % windows
    order = np.lexsort((trajectory["sweep"].values, trajectory["walker"].values))
    repeat, window, walker = repeats[order], place[order], trajectory["walker"].values[order]
    last = _last_end(window, walker, windows)
    fractions = []
    for number in np.unique(repeat):
        told = (repeat == number) & (last >= 0)
        count = np.bincount(window[told], minlength=windows)
        top = np.bincount(window[told], weights=last[told], minlength=windows)
        fractions.append(np.where(count > 0, top / np.maximum(count, 1), np.nan))
    many = np.array(fractions)
    error = many.std(axis=0, ddof=1) / np.sqrt(len(many)) if len(many) > 1 else np.full(windows, np.nan)
    return xr.Dataset({"fraction": ("window", many.mean(axis=0)), "fraction_error": ("window", error)})


def _last_end(window: NDArray[np.int64], walker: NDArray[np.int64], windows: int) -> NDArray[np.int64]:
    """For records sorted by walker and time: 1 when the walker was last in the highest window, 0 the lowest, -1 neither."""
    at_end = (window == 0) | (window == windows - 1)
    where = np.maximum.accumulate(np.where(at_end, np.arange(len(window)), -1))
    known = (where >= 0) & (walker[where] == walker)
    return np.where(known, window[where] == windows - 1, -1).astype(np.int64)


def sweeps_shown(trajectory: xr.Dataset) -> int:
    """The last sweep of the stretch."""
    return int(trajectory["sweep"].max())


def names_of(groups: Iterable[str], prefix: str) -> list[str]:
    """What follows the prefix in the names of groups that begin with it."""
    return [group.removeprefix(prefix) for group in groups if group.startswith(prefix)]
