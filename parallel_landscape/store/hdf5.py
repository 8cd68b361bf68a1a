"""HDF5 files are made in memory and then written in one go.

A full disk makes the HDF5 library lose data without a word when it closes a file, and crash when the process ends.
Written by Python, the same bytes either reach the disk or raise an OSError that says why not.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py

from parallel_landscape.store.run_folder import write_atomically


def write_hdf5(path: Path, fill: Callable[[Any], Any]) -> None:
    """`write_atomically` for an HDF5 file: `fill` gets the open h5py file."""
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        fill(file)
    write_atomically(path, lambda beside: beside.write_bytes(image.getbuffer()))
