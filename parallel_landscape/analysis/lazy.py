"""A trajectory as one lazy xarray.Dataset on Dask: nothing is read before it is needed, and nothing is filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from parallel_landscape.errors import RunError
from parallel_landscape.store.catalogue import Catalogue
from parallel_landscape.store.trajectory_schema import RECORDS

if TYPE_CHECKING:
    import xarray


def trajectory(catalogue: Catalogue) -> xarray.Dataset:
    """Every column of the records, (record,) or (record, byte), chunked along the segments in the catalogue's order.

    Raises RunError, naming it, for a missing or truncated segment, and when nothing was recorded.
    """
    import xarray

    catalogue.check_whole()
    if not catalogue.segments:
        raise RunError(f"{catalogue.folder.parent} has recorded nothing; add a section [production] to the job")
    frozen = catalogue.frozen()
    described = {name: (variable.unit, variable.meaning) for name, variable in RECORDS.items()}
    described |= {observable.name: (observable.unit, observable.meaning) for observable in frozen.observables}
    variables = {}
    for name, (kind, shape) in _columns(catalogue).items():
        dims = ("record", "byte")[: 1 + len(shape)]
        unit, meaning = described.get(name, ("1", ""))
        variables[name] = (dims, _lazy(catalogue, name, kind, shape), {"units": unit, "long_name": meaning})
    return xarray.Dataset(variables)


def _columns(catalogue: Catalogue) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    """Type and shape of an entry of each column, from the first segment; all have the same."""
    with _opened(str(catalogue.path(catalogue.segments[0]))) as file:
        return {name: (one.dtype, one.shape[1:]) for name, one in file.items() if isinstance(one, h5py.Dataset)}


def _lazy(catalogue: Catalogue, name: str, kind: np.dtype[Any], shape: tuple[int, ...]) -> Any:
    import dask.array
    from dask.base import tokenize

    key = f"{name}-{tokenize([segment.sha256 for segment in catalogue.segments], name)}"
    graph = {
        (key, number, *(0 for _ in shape)): (read_column, str(catalogue.path(segment)), name)
        for number, segment in enumerate(catalogue.segments)
    }
    chunks = (tuple(segment.records for segment in catalogue.segments), *((size,) for size in shape))
    return dask.array.Array(graph, key, chunks, dtype=kind)


def read_column(path: str, name: str) -> NDArray[Any]:
    """One column of a segment. Raises RunError, naming file and column, when it cannot be read."""
    try:
        with _opened(path) as file:
            return np.asarray(file[name][...])
    except (OSError, KeyError) as error:
        raise RunError(f"{path}: the column {name} cannot be read ({error}); put the file back from a copy") from None


def _opened(path: str) -> Any:
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise RunError(f"{path} cannot be opened ({error}); put the file back from a copy") from None
