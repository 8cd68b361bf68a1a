"""result.nc: written with h5netcdf, opened by anybody with xarray."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np

from parallel_landscape.store.checksums import check_listed, write_listed
from parallel_landscape.store.schema import group_schema
from parallel_landscape.store.variable import VERSION, Variable

Values = Mapping[str, Any]
Groups = dict[str, dict[str, Any]]


def write_result(path: Path, result: Values, windows: Values, attributes: Values) -> None:
    """Write the root group `result`, the group `windows` and the attributes; every variable must be in the schema."""
    write_groups(path, {"": result, "windows": windows}, attributes)


def write_groups(
    path: Path, groups: Mapping[str, Values], attributes: Values, observables: Mapping[str, tuple[str, str]] | None = None
) -> None:
    """Write groups of variables ("" is the root) and the attributes; `observables`: name -> (unit, meaning).

    Every variable must be in the schema; with the attribute bin_width, energies are real. In memory first, as `store.hdf5`
    explains.
    """
    image, bins, continuous = io.BytesIO(), "bin_width" in attributes, attributes.get("weights") == "continuous"
    with h5netcdf.File(image, "w") as file:
        file.attrs.update({**attributes, "schema_version": VERSION})
        for name, values in groups.items():
            schema = group_schema(name, observables or {}, bins=bins, continuous=continuous)
            _write_group(file.create_group(name) if name else file, schema, values)
    write_listed(path, lambda beside: beside.write_bytes(image.getbuffer()))


def write_table(path: Path, schema: Mapping[str, Variable], values: Values, attributes: Values) -> None:
    """Write a file of one group, whose variables are those of `schema`."""
    image = io.BytesIO()
    with h5netcdf.File(image, "w") as file:
        file.attrs.update({**attributes, "schema_version": VERSION})
        _write_group(file, dict(schema), values)
    write_listed(path, lambda beside: beside.write_bytes(image.getbuffer()))


def _write_group(group: Any, schema: dict[str, Variable], values: Values) -> None:
    for name, value in values.items():
        declared = schema[name]
        array = np.asarray(value, dtype=declared.dtype)
        for dim, size in zip(declared.dims, array.shape, strict=True):
            if dim not in group.dimensions:
                group.dimensions[dim] = size
        variable = group.create_variable(name, declared.dims, array.dtype, data=array)
        variable.attrs.update({"units": declared.unit, "long_name": declared.meaning})


def read_result(path: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """(result, windows, attributes) of a result file, as numpy arrays, without xarray; a solver's has no windows. RunError
    when it is damaged."""
    groups, attributes = read_groups(path)
    return groups[""], groups.get("windows", {}), attributes


def read_groups(path: Path) -> tuple[Groups, dict[str, Any]]:
    """Every group ("" is the root) and the attributes. RunError when the file is damaged."""
    check_listed(path, "`pland resume` writes it anew from the last checkpoint")
    with h5netcdf.File(path, "r") as file:
        groups = {"": file, **file.groups}
        found = {name: {key: variable[...] for key, variable in group.variables.items()} for name, group in groups.items()}
        return found, dict(file.attrs)
