"""HDF5 files are made in memory and then written in one go.

A full disk makes the HDF5 library lose data without a word when it closes a file, and crash when the process ends.
Written by Python, the same bytes either reach the disk or raise an OSError that says why not.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import h5py

from parallel_landscape.store.files import write_atomically

BLOSC_FILTER = 32001  # its number in the registry of the HDF Group
BLOSC_ZSTD = (0, 0, 0, 0, 5, 1, 5)  # four numbers that the filter fills in; level 5, shuffled by bytes, Zstandard


def filters(compression: str) -> dict[str, Any]:
    """Arguments of `create_dataset` for "lzf", "gzip", "blosc" or "none"; always with a checksum for each chunk.

    "blosc" needs hdf5plugin, where files are written and where they are read.
    """
    if compression == "blosc":
        know_all_filters()
        return {"compression": BLOSC_FILTER, "compression_opts": BLOSC_ZSTD, "fletcher32": True}
    if compression == "none":
        return {"fletcher32": True}
    options = {"compression_opts": 1} if compression == "gzip" else {}
    return {"compression": compression, "shuffle": True, "fletcher32": True, **options}


@cache
def know_all_filters() -> None:
    """Let this process read what hdf5plugin has written, where it is installed."""
    if not blosc_missing():
        import hdf5plugin  # noqa: F401 (registers its filters)


def blosc_missing() -> bool:
    """Whether hdf5plugin is not installed."""
    return find_spec("hdf5plugin") is None


def write_hdf5(path: Path, fill: Callable[[Any], Any]) -> None:
    """`write_atomically` for an HDF5 file: `fill` gets the open h5py file."""
    image = hdf5_image(fill)
    write_atomically(path, lambda beside: beside.write_bytes(image))


def hdf5_image(fill: Callable[[Any], Any]) -> bytes:
    """The bytes of an HDF5 file: `fill` gets the open h5py file."""
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        fill(file)
    return image.getvalue()
