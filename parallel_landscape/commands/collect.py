"""The results of a study put together: STUDY/study.nc with the swept keys as dimensions, and a figure, STUDY/study.png."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from parallel_landscape.commands.sweep import read_study
from parallel_landscape.errors import RunError
from parallel_landscape.store.files import write_atomically
from parallel_landscape.store.result import read_result

if TYPE_CHECKING:
    import xarray

CURVES = ("ln_g", "ln_g_error", "visited", "known")  # over energy; other variables over energy alone come along
SCALARS = {
    "lowest_energy": "lowest energy visited; nan where the point has no result",
    "ln_g_lowest": "ln g at the lowest energy",
    "ln_g_total": "logarithm of the number of states at all energies together",
}


def collect(folder: Path) -> xarray.Dataset:
    """Write study.nc and study.png of the study in `folder`; returns the dataset.

    Dimensions: the swept keys (their last parts where those differ), or `point` for a zip; and energy, the union of all
    points' levels. `status` says how each point stands; what a point does not have is nan, and its status is "missing".
    Raises RunError when no point has a result.
    """
    study = read_study(folder)
    found = [_read(folder / point["folder"] / "result.nc") for point in study["points"]]
    if not any(found):
        raise RunError(f"none of the {len(found)} points of {folder} has a result; see `pland status {folder}`")
    made = _dataset(study, found)
    write_atomically(folder / "study.nc", lambda beside: made.to_netcdf(beside, engine="h5netcdf"))
    write_atomically(folder / "study.png", lambda beside: _draw(made, study, beside))
    return made


def _read(path: Path) -> dict[str, Any] | None:
    """Variables and attributes of one result; None where there is none that can be read."""
    try:
        result, _, attributes = read_result(path)
    except (OSError, RunError):
        return None
    return {**result, "status": str(attributes["status"])}


def _dataset(study: dict[str, Any], found: list[dict[str, Any] | None]) -> xarray.Dataset:
    import xarray

    energy = np.unique(np.concatenate([one["energy"] for one in found if one]))
    shape, dims, coords = _axes(study)
    names = dict.fromkeys(
        name for one in found if one for name, column in one.items() if np.shape(column) == one["energy"].shape
    )
    variables: dict[str, Any] = {
        name: ((*dims, "energy"), np.stack([_onto(energy, one, name) for one in found]).reshape(*shape, energy.size))
        for name in names
        if name != "energy"
    }
    table = np.array([_scalars(one) for one in found])
    for column, (name, meaning) in enumerate(SCALARS.items()):
        variables[name] = (dims, table[:, column].reshape(shape), {"long_name": meaning})
    variables["status"] = (dims, np.array([one["status"] if one else "missing" for one in found], object).reshape(shape))
    attributes = {"study": study["name"], "mode": study["mode"], "keys": list(study["keys"])}
    return xarray.Dataset(variables, {**coords, "energy": energy}, attributes)


def _axes(study: dict[str, Any]) -> tuple[tuple[int, ...], tuple[str, ...], dict[str, Any]]:
    """Shape, dimensions and coordinates of the points."""
    short = short_names(study["keys"])
    if study["mode"] == "product":
        shape = tuple(len(values) for values in study["keys"].values())
        coords = {short[key]: (short[key], _column(values), {"key": key}) for key, values in study["keys"].items()}
        return shape, tuple(short.values()), coords
    columns = {short[key]: ("point", _column(values), {"key": key}) for key, values in study["keys"].items()}
    return (len(study["points"]),), ("point",), columns


def short_names(keys: Any) -> dict[str, str]:
    """The last part of each dotted key where that tells them apart, and is no name of a result's own."""
    last = [key.rpartition(".")[2] for key in keys]
    taken = {"energy", "point", "status", *SCALARS, *CURVES}
    return {key: key if last.count(part) > 1 or part in taken else part for key, part in zip(keys, last, strict=True)}


def _column(values: list[Any]) -> np.ndarray:
    """Numbers as numbers; anything else as text."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return np.array(values)
    return np.array([str(value) for value in values], object)


def _onto(energy: np.ndarray, one: dict[str, Any] | None, name: str) -> np.ndarray:
    """A column of one point on the union of all levels; nan elsewhere."""
    row = np.full(energy.size, np.nan)
    if one is not None and name in one:
        row[np.searchsorted(energy, one["energy"])] = one[name]
    return row


def _scalars(one: dict[str, Any] | None) -> tuple[float, ...]:
    if one is None or not np.isfinite(one["ln_g"]).any():
        return (np.nan,) * len(SCALARS)
    seen = np.isfinite(one["ln_g"])
    ln_g = one["ln_g"][seen]
    top = ln_g.max()
    return float(one["energy"][seen][0]), float(ln_g[0]), float(top + np.log(np.exp(ln_g - top).sum()))


def _draw(made: xarray.Dataset, study: dict[str, Any], path: Path) -> None:
    """Left: the lowest energy against the first swept key, a line for each choice of the others; right: ln g of each point."""
    from matplotlib.figure import Figure

    first = short_names(study["keys"])[next(iter(study["keys"]))]
    dim = first if study["mode"] == "product" else "point"
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    others = [other for other in made["lowest_energy"].dims if other != dim]
    rows = made.stack(other=others) if others else made.expand_dims("other")
    x = rows[first].values
    for column in range(rows.sizes["other"]):
        one = rows.isel(other=column)
        told = ", ".join(f"{name} = {one[name].item()}" for name in others)
        (line,) = left.plot(x, one["lowest_energy"], "o-", label=told or None)
        for curve in one["ln_g"].transpose(dim, "energy").values:
            right.plot(made["energy"], curve, color=line.get_color(), lw=0.8)
    left.set(xlabel=made[first].attrs["key"], ylabel="lowest energy visited")
    right.set(xlabel="energy", ylabel="ln g")
    missing = int((made["status"] == "missing").sum())
    figure.suptitle(f"{study['name']}: {made['status'].size - missing} of {made['status'].size} points")
    if others and rows.sizes["other"] <= 12:
        left.legend(fontsize="small")
    figure.savefig(path, format="png", dpi=150)
