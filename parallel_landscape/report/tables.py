"""The tables of a report: per window, per level, and what a run was made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from parallel_landscape.report.numbers import NOTHING, number, with_error
from parallel_landscape.store.schema import WINDOWS

MOST_ROWS = 400


@dataclass(frozen=True)
class Table:
    """Headers (text, meaning), rows of cells, and a sentence when rows were left out."""

    headers: list[tuple[str, str]]
    rows: list[list[str]]
    note: str = ""


def windows_table(windows: xr.Dataset) -> Table:
    """One row a window, the columns in the order of the file."""
    names = [str(name) for name in windows.variables if windows[name].dims == ("window",) and name != "window"]
    shown = [name for name in names if name not in ("energy_low", "energy_high")]
    levels = "energy_low" in names  # continuous weights have none
    headers = _heads(levels) + [(_words(name), _meaning(windows[name])) for name in shown]
    rows = []
    for window in range(windows.sizes["window"]):
        ends = [" … ".join(str(windows[end].values[window]) for end in ("energy_low", "energy_high"))] if levels else []
        rows.append([str(window), *ends, *(_plain(windows[name], window) for name in shown)])
    return _shortened(headers, rows)


def _heads(levels: bool) -> list[tuple[str, str]]:
    if not levels:
        return [("window", "number of the temperature, or of the group")]
    return [("window", "number of the window, from the lowest energies up"), ("energies", "lowest to highest energy")]


def live_table(columns: dict[str, list[Any]]) -> Table:
    """One row a window, from the last report of a run without a result; None is not known."""
    shown = [name for name in columns if name not in ("energy_low", "energy_high")]
    levels = "energy_low" in columns
    headers = _heads(levels) + [(_words(name), WINDOWS[name].meaning if name in WINDOWS else "") for name in shown]
    rows = []
    for window in range(len(columns["steps"])):
        cells = [columns[name][window] for name in shown]
        ends = [f"{columns['energy_low'][window]} … {columns['energy_high'][window]}"] if levels else []
        rows.append([str(window), *ends, *(_live(cell) for cell in cells)])
    return _shortened(headers, rows)


def _live(cell: Any) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return NOTHING if cell is None else number(cell)


def values_table(data: xr.Dataset, dim: str) -> Table:
    """One row for each value of a dimension; a variable and its X_error share a column, as value ± error."""
    names = [str(name) for name in data.variables if data[name].dims == (dim,) and name != dim]
    paired = [name for name in names if f"{name}_error" in names]
    shown = [name for name in names if not (name.endswith("_error") and name.removesuffix("_error") in paired)]
    headers = [(_words(dim), _meaning(data[dim]) if dim in data else "")]
    headers += [(_words(name) + (" ± error" if name in paired else ""), _meaning(data[name])) for name in shown]
    rows = []
    for place in _places(data.sizes[dim]):
        cells = [
            with_error(data[name].values[place], data[f"{name}_error"].values[place])
            if name in paired
            else _plain(data[name], place)
            for name in shown
        ]
        rows.append([_plain(data[dim], place) if dim in data else str(place), *cells])
    return _shortened(headers, rows, data.sizes[dim])


def _places(count: int) -> list[int]:
    chosen = np.linspace(0, count - 1, min(count, MOST_ROWS)).round().astype(int)
    return [int(place) for place in chosen]


def _shortened(headers: list[tuple[str, str]], rows: list[list[str]], count: int | None = None) -> Table:
    count = len(rows) if count is None else count
    kept = [rows[place] for place in _places(len(rows))]
    note = f"{len(kept)} of {count} rows, spread evenly; all of them are in result.nc." if len(kept) < count else ""
    return Table(headers, kept, note)


def _words(name: str) -> str:
    return name.replace("ln_g", "ln g").replace("ln_f", "ln f").replace("_", " ")


def _meaning(variable: xr.DataArray) -> str:
    unit = str(variable.attrs.get("units", "1"))
    meaning = str(variable.attrs.get("long_name", ""))
    return meaning if unit == "1" else f"{meaning} ({unit})"


def _plain(variable: xr.DataArray, place: int) -> str:
    value = variable.values[place]
    if str(variable.attrs.get("long_name", "")).startswith("1 w"):  # 1 where, 1 when: a flag
        return "yes" if value == 1 else "no"
    return number(value)


def facts_of(content: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Nested plain values as (dotted name, text), in their order; lists of plain values on one line."""
    if isinstance(content, dict):
        return [fact for key, value in content.items() for fact in facts_of(value, f"{prefix}.{key}" if prefix else str(key))]
    if isinstance(content, list):
        if any(isinstance(item, dict) for item in content):
            return [fact for place, item in enumerate(content) for fact in facts_of(item, f"{prefix}.{place}")]
        return [(prefix, " ".join(map(str, content)) if content else NOTHING)]
    return [(prefix, NOTHING if content in (None, "") else str(content))]
