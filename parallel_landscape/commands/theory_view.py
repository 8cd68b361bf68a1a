"""`pland theory`: numbers of the theory as a table with units and meanings, or as a netCDF file."""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from parallel_landscape.driver.provenance import version
from parallel_landscape.errors import JobError, RunError
from parallel_landscape.store.files import write_atomically
from parallel_landscape.theory.catalogue import CURVES
from parallel_landscape.theory.quantities import QUANTITIES, Quantity

Row = dict[str, Any]
LAST = ("status", "residual", "error", "order")
OTHERS = {
    "source": Quantity("", "whose labels: random, teacher or hidden-manifold"),
    "points": Quantity("1", "points of the curve"),
}
MOST_ROWS = 100_000
MISSING = "no answer"


def show(name: str | None, pairs: Sequence[str], sweep: str | None = None, output: Path | None = None) -> None:
    """Print a curve or write it to `output`; without a name, list the names. Raises JobError with all mistakes."""
    if name is None:
        print("\n".join(f"{name:25} {about}" for name, (_, about) in CURVES.items()))
        return
    function = _find(name)
    keys = _read_keys(name, function, pairs, sweep)
    swept, values = _read_sweep(name, function, sweep) if sweep else (None, [])
    rows = _rows(function, keys, swept, values)
    if output is None:
        print("\n".join(table(name, rows, swept)))
    else:
        write(output, name, rows, swept, keys)
        print(f"{output}: {len(rows)} {'row' if len(rows) == 1 else 'rows'} of {name}")


def _find(name: str) -> Callable[..., Any]:
    if name not in CURVES:
        close = difflib.get_close_matches(name, CURVES, 1)
        hint = f' (did you mean "{close[0]}"?)' if close else ""
        raise JobError(f'theory: given "{name}"{hint}; choose from {", ".join(CURVES)}.')
    return CURVES[name][0]


def _read_keys(name: str, function: Callable[..., Any], pairs: Sequence[str], sweep: str | None) -> Row:
    """KEY=VALUE as the parameters of `function`, each of its own type."""
    keys: Row = {}
    mistakes: list[str] = []
    for pair in pairs:
        key, equals, text = pair.partition("=")
        try:
            if not equals:
                raise JobError(f'"{pair}": write KEY=VALUE; {_allowed(name, function)}')
            keys[key] = _read(name, function, key, text)
        except JobError as error:
            mistakes += error.mistakes
    given = {*keys, sweep.partition("=")[0]} if sweep else set(keys)
    for parameter in inspect.signature(function).parameters.values():
        named = any(pair.partition("=")[0] == parameter.name for pair in pairs)
        if parameter.default is parameter.empty and parameter.name not in given and not named:
            mistakes.append(f"{parameter.name}: left out; {name} needs it ({_meaning(parameter.name)}).")
    if mistakes:
        raise JobError(mistakes)
    return keys


def _read(name: str, function: Callable[..., Any], key: str, text: str) -> Any:
    if key not in inspect.signature(function).parameters:
        raise JobError(f'"{key}": no such key; {_allowed(name, function)}')
    hint = get_type_hints(function)[key]
    if hint is str:
        return text
    try:
        return int(text) if hint is int else float(text)
    except ValueError:
        kind = "an integer" if hint is int else "a number"
        raise JobError(f'{key}: given "{text}"; {kind} is needed ({_meaning(key)}).') from None


def _meaning(key: str) -> str:
    return {**QUANTITIES, **OTHERS}[key].meaning


def _allowed(name: str, function: Callable[..., Any]) -> str:
    parameters = inspect.signature(function).parameters.values()
    keys = (each.name if each.default is each.empty else f"{each.name}={each.default}" for each in parameters)
    return f"{name} takes {', '.join(keys)}."


def _read_sweep(name: str, function: Callable[..., Any], sweep: str) -> tuple[str, list[Any]]:
    """KEY=LOW:HIGH:COUNT, both ends included."""
    key, _, text = sweep.partition("=")
    parts = text.split(":")
    if len(parts) != 3 or not parts[2].isdigit() or not 1 <= int(parts[2]) <= MOST_ROWS:
        raise JobError(f"--sweep {sweep}: write KEY=LOW:HIGH:COUNT, count 1 to {MOST_ROWS}, e.g. --sweep beta=0.5:8:16")
    low, high = (_read(name, function, key, part) for part in parts[:2])
    if isinstance(low, str) or not (math.isfinite(low) and math.isfinite(high)):
        raise JobError(f"--sweep {sweep}: two finite numbers are needed as ends.")
    values = np.linspace(low, high, int(parts[2]))
    return key, [int(round(value)) for value in values] if isinstance(low, int) else [float(value) for value in values]


def _rows(function: Callable[..., Any], keys: Row, swept: str | None, values: Sequence[Any]) -> list[Row]:
    """The rows of all values of the sweep; where the theory has no answer a row of NaN says why in `status`."""
    if swept is None:
        return _answers(function, keys)
    found: list[list[Row] | RunError] = []
    for value in values:
        try:
            found.append([{swept: value, **row} for row in _answers(function, {**keys, swept: value})])
        except RunError as error:
            found.append(error)
    good = next((rows[0] for rows in found if isinstance(rows, list)), None)
    if good is None:
        raise next(error for error in found if isinstance(error, RunError))
    rows = []
    for value, some in zip(values, found, strict=True):
        rows += some if isinstance(some, list) else [_empty(good, {**_defaults(function), **keys, swept: value}, some)]
    return rows


def _answers(function: Callable[..., Any], keys: Row) -> list[Row]:
    answer = function(**keys)
    return [asdict(each) for each in (answer if isinstance(answer, list) else [answer])]


def _defaults(function: Callable[..., Any]) -> Row:
    parameters = inspect.signature(function).parameters.values()
    return {each.name: each.default for each in parameters if each.default not in (each.empty, None)}


def _empty(like: Row, known: Row, error: RunError) -> Row:
    blank = {key: math.nan if isinstance(value, float) else 0 for key, value in like.items()}
    return {**blank, **{key: value for key, value in known.items() if key in like}, "status": f"{MISSING}: {error}"}


def table(name: str, rows: Sequence[Row], swept: str | None) -> list[str]:
    """Lines of text: what is the same in all rows, then the columns, then what they mean."""
    order = [*(key for key in rows[0] if key not in LAST), *LAST]
    if len(rows) == 1:
        width = max(map(len, order))
        return [CURVES[name][1], *(f"{key:{width}}  {_shown(key, rows[0][key]):>14}  {_explained(key)}" for key in order)]
    constant = [key for key in order if key != swept and len({str(row[key]) for row in rows}) == 1]
    columns = [key for key in order if key not in constant]
    cells = [columns, *([_shown(key, row[key]) for key in columns] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    lines = ["  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    legend = [f"  {key:{max(map(len, order))}}  {_explained(key)}" for key in order]
    same = ", ".join(f"{key}={_shown(key, rows[0][key])}" for key in constant)
    return [f"{CURVES[name][1]} ({same})" if same else CURVES[name][1], *lines, "", *_reasons(rows, swept), *legend]


def _reasons(rows: Sequence[Row], swept: str | None) -> list[str]:
    """Why there is no answer, in full, for the rows without one."""
    reasons = [f"  {swept}={_shown('', row[swept])}: {row['status']}" for row in rows if swept and MISSING in row["status"]]
    return [*reasons, ""] if reasons else []


def _shown(key: str, value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.1e}" if key in ("residual", "error") else f"{value:.8g}"
    return MISSING if key == "status" and value.startswith(MISSING) else str(value)


def _explained(key: str) -> str:
    quantity = {**QUANTITIES, **OTHERS}[key]
    return f"{quantity.meaning} [{quantity.unit}]" if quantity.unit not in ("", "1") else quantity.meaning


def write(path: Path, name: str, rows: Sequence[Row], swept: str | None, keys: Mapping[str, Any]) -> None:
    """The rows as netCDF: one variable a column along the swept key (else along `row`), with units and meanings."""
    import xarray

    along = swept if swept and len({row[swept] for row in rows}) == len(rows) else "row"
    columns = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    data = xarray.Dataset(
        {
            key: ((along,), values.astype(str) if key == "status" else values, _attributes(key))
            for key, values in columns.items()
            if key != along
        },
        coords={along: columns[along]} if along == swept else {},
        attrs={"title": CURVES[name][1], "curve": name, "version": version()}
        | {f"given_{key}": value for key, value in keys.items()},
    )
    if along == swept:
        data[along].attrs.update(_attributes(along))
    write_atomically(path, lambda beside: data.to_netcdf(beside, engine="h5netcdf"))


def _attributes(key: str) -> dict[str, str]:
    quantity = {**QUANTITIES, **OTHERS}[key]
    return {"units": quantity.unit, "long_name": quantity.meaning}
