"""The results of a study put together: STUDY/study.nc with the swept keys as dimensions, and a figure, STUDY/study.png."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from parallel_landscape.commands.sweep import read_study
from parallel_landscape.errors import RunError
from parallel_landscape.store.files import write_atomically
from parallel_landscape.store.result import read_groups

if TYPE_CHECKING:
    import xarray

CURVES = ("ln_g", "ln_g_error", "visited", "known")  # over energy; other variables over energy alone come along
AXES = ("energy", "group", "beta")  # what the variables of a point go along: the first of these that it has
SCALARS = {
    "lowest_energy": "lowest energy visited; nan where the point has no result",
    "ln_g_lowest": "ln g at the lowest energy",
    "ln_g_total": "logarithm of the number of states at all energies together",
}


def collect(folder: Path) -> xarray.Dataset:
    """Write study.nc and study.png of the study in `folder`; returns the dataset.

    Dimensions: the swept keys (their last parts where those differ), or `point` for a zip; and energy, the union of all
    points' levels, or, where energies are continuous, beta, the union of all their temperatures, or, with coupled replicas,
    group, the number of the group, with its beta and gamma. `status` says how each point stands; what a point does not have is
    nan, and its status is "missing". Raises RunError when no point has a result, or when points go along different ones.
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
        groups, attributes = read_groups(path)
    except (OSError, RunError):
        return None
    status = {"status": str(attributes["status"])}
    if "energy" in groups[""] or "canonical" in groups:
        return {**groups["" if "energy" in groups[""] else "canonical"], **status}
    return {**groups["windows"], "group": np.arange(len(groups["windows"]["gamma"])), **status}


def _along(study: dict[str, Any], found: list[dict[str, Any] | None]) -> str:
    """What the variables of all points go along."""
    axes = {next(name for name in AXES if name in one) for one in found if one}
    if len(axes) > 1:
        what = "of coupled replicas" if "group" in axes else "whole energies"
        raise RunError(f"the points of {study['name']} cannot be put together: only some of them have {what}")
    return axes.pop()


def _dataset(study: dict[str, Any], found: list[dict[str, Any] | None]) -> xarray.Dataset:
    import xarray

    along = _along(study, found)
    places = np.unique(np.concatenate([one[along] for one in found if one]))
    shape, dims, coords = _axes(study, along)
    names = dict.fromkeys(name for one in found if one for name, column in one.items() if np.shape(column) == one[along].shape)
    variables: dict[str, Any] = {
        name: ((*dims, along), np.stack([_onto(places, one, along, name) for one in found]).reshape(*shape, places.size))
        for name in names
        if name != along
    }
    table = np.array([_scalars(one) for one in found])
    for column, (name, meaning) in enumerate(SCALARS.items() if along == "energy" else ()):
        variables[name] = (dims, table[:, column].reshape(shape), {"long_name": meaning})
    variables["status"] = (dims, np.array([one["status"] if one else "missing" for one in found], object).reshape(shape))
    attributes = {"study": study["name"], "mode": study["mode"], "keys": list(study["keys"])}
    return xarray.Dataset(variables, {**coords, along: places}, attributes)


def _axes(study: dict[str, Any], along: str) -> tuple[tuple[int, ...], tuple[str, ...], dict[str, Any]]:
    """Shape, dimensions and coordinates of the points."""
    short = short_names(study["keys"], along)
    if study["mode"] == "product":
        shape = tuple(len(values) for values in study["keys"].values())
        coords = {short[key]: (short[key], _column(values), {"key": key}) for key, values in study["keys"].items()}
        return shape, tuple(short.values()), coords
    columns = {short[key]: ("point", _column(values), {"key": key}) for key, values in study["keys"].items()}
    return (len(study["points"]),), ("point",), columns


def short_names(keys: Any, along: str = "energy") -> dict[str, str]:
    """The last part of each dotted key where that tells them apart, and is no name of a result's own."""
    last = [key.rpartition(".")[2] for key in keys]
    taken = {"energy", along, "point", "status", *SCALARS, *CURVES, *(("beta", "gamma") if along == "group" else ())}
    return {key: key if last.count(part) > 1 or part in taken else part for key, part in zip(keys, last, strict=True)}


def _column(values: list[Any]) -> np.ndarray:
    """Numbers as numbers; anything else as text."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return np.array(values)
    return np.array([str(value) for value in values], object)


def _onto(places: np.ndarray, one: dict[str, Any] | None, along: str, name: str) -> np.ndarray:
    """A column of one point on the union of all levels, or temperatures; nan elsewhere."""
    row = np.full(places.size, np.nan)
    if one is not None and name in one:
        row[np.searchsorted(places, one[along])] = one[name]
    return row


def _scalars(one: dict[str, Any] | None) -> tuple[float, ...]:
    if one is None or "ln_g" not in one or not np.isfinite(one["ln_g"]).any():
        return (np.nan,) * len(SCALARS)
    seen = np.isfinite(one["ln_g"])
    ln_g = one["ln_g"][seen]
    top = ln_g.max()
    return float(one["energy"][seen][0]), float(ln_g[0]), float(top + np.log(np.exp(ln_g - top).sum()))


def _draw(made: xarray.Dataset, study: dict[str, Any], path: Path) -> None:
    """Left: the lowest energy against the first swept key, a line for each choice of the others; right: ln g of each point.

    Where energies are continuous: the mean energy, at the coldest temperature and against the temperature.
    """
    from matplotlib.figure import Figure

    along = next(name for name in AXES if name in made.dims)
    first = short_names(study["keys"], along)[next(iter(study["keys"]))]
    dim = first if study["mode"] == "product" else "point"
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    lowest, curves, places = _shown(made, along)
    others = [other for other in made["status"].dims if other != dim]
    rows = made.assign(lowest=lowest, curves=curves)
    rows = rows.stack(other=others) if others else rows.expand_dims("other")
    x = rows[first].values
    for column in range(rows.sizes["other"]):
        one = rows.isel(other=column)
        told = ", ".join(f"{name} = {one[name].item()}" for name in others)
        (line,) = left.plot(x, one["lowest"], "o-", label=told or None)
        for curve in one["curves"].transpose(dim, along).values:
            there = np.isfinite(curve) if along != "energy" else slice(None)
            right.plot(places[there], curve[there], "-" if along == "energy" else ".-", color=line.get_color(), lw=0.8)
    words = {
        "energy": ("lowest energy visited", "energy", "ln g"),
        "beta": ("mean energy at the coldest temperature", "temperature", "mean energy"),
        "group": ("mean energy of the last group", "group", "mean energy"),
    }[along]
    left.set(xlabel=made[first].attrs["key"], ylabel=words[0])
    right.set(xlabel=words[1], ylabel=words[2])
    if along == "beta":
        right.set_xscale("log")
    missing = int((made["status"] == "missing").sum())
    figure.suptitle(f"{study['name']}: {made['status'].size - missing} of {made['status'].size} points")
    if others and rows.sizes["other"] <= 12:
        left.legend(fontsize="small")
    figure.savefig(path, format="png", dpi=150)


def _shown(made: xarray.Dataset, along: str) -> tuple[xarray.DataArray, xarray.DataArray, np.ndarray]:
    """What is drawn on the left, what on the right, and against what."""
    if along == "energy":
        return made["lowest_energy"], made["ln_g"], made["energy"].values
    energy = made["energy_mean"]
    if along == "group":
        return energy.isel(group=-1), energy, made["group"].values
    with np.errstate(divide="ignore"):
        coldest = energy.notnull().cumsum("beta").argmax("beta")
        return energy.isel(beta=coldest), energy, 1.0 / made["beta"].values
