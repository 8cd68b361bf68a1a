"""result.nc: written with h5netcdf, opened by anybody with xarray."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np

from parallel_landscape.store.checksums import check_listed, write_listed
from parallel_landscape.store.schema import RESULT, VERSION, WINDOWS, Variable


def write_result(path: Path, result: Mapping[str, Any], windows: Mapping[str, Any], attributes: Mapping[str, Any]) -> None:
    """Write the root group `result`, the group `windows` and the attributes; every variable must be in the schema.

    In memory first, as `store.hdf5` explains.
    """
    image = io.BytesIO()
    with h5netcdf.File(image, "w") as file:
        file.attrs.update({**attributes, "schema_version": VERSION})
        _write_group(file, RESULT, result)
        _write_group(file.create_group("windows"), WINDOWS, windows)
    write_listed(path, lambda beside: beside.write_bytes(image.getbuffer()))


def _write_group(group: Any, schema: dict[str, Variable], values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        declared = schema[name]
        array = np.asarray(value, dtype=declared.dtype)
        for dim, size in zip(declared.dims, array.shape, strict=True):
            if dim not in group.dimensions:
                group.dimensions[dim] = size
        variable = group.create_variable(name, declared.dims, array.dtype, data=array)
        variable.attrs.update({"units": declared.unit, "long_name": declared.meaning})


def read_result(path: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """(result, windows, attributes) of a result file, as numpy arrays, without xarray. RunError when it is damaged."""
    check_listed(path, "`pland resume` writes it anew from the last checkpoint")
    with h5netcdf.File(path, "r") as file:
        result = {name: variable[...] for name, variable in file.variables.items()}
        windows = {name: variable[...] for name, variable in file["windows"].variables.items()}
        return result, windows, dict(file.attrs)
