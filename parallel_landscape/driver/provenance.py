"""Where a result comes from: versions, machine, MPI, git, kernels, data."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

_LIBRARIES = ("numpy", "numba", "llvmlite", "h5py", "h5netcdf", "pydantic", "mpi4py", "mpich")


def version(library: str = "parallel_landscape") -> str:
    """The installed version of a library; "unknown" when it is not installed as a package."""
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "unknown"


def provenance(ranks: int, kernels: dict[str, str], data: str | None) -> dict[str, Any]:
    """Everything that may explain a number later; `kernels` maps roles to digests, `data` is the training set's digest."""
    mpi = ""
    if "mpi4py.MPI" in sys.modules:
        mpi = sys.modules["mpi4py.MPI"].Get_library_version().splitlines()[0].strip("\0 ")
    return {
        "version": version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "python": sys.version.split()[0],
        "machine": {"host": platform.node(), "system": platform.platform(), "processor": platform.machine()},
        "mpi": mpi,
        "ranks": ranks,
        "git": _git(),
        "command": sys.argv,
        "folder": os.getcwd(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "kernels": kernels,
        "data": data,
    }


def digest_of(*arrays: NDArray[Any]) -> str:
    """A digest of the shapes, types and bytes of arrays."""
    hasher = hashlib.sha256()
    for array in arrays:
        hasher.update(f"{array.dtype.str} {array.shape};".encode())
        hasher.update(array.tobytes())
    return hasher.hexdigest()[:32]


def _git() -> str | None:
    """The commit of the checkout that this package runs from, with "+" when it has uncommitted changes; None outside one."""
    here = Path(__file__).parent
    try:
        described = subprocess.run(
            ["git", "-C", str(here), "describe", "--always", "--dirty=+", "--abbrev=12"],
            capture_output=True,
            text=True,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return described.stdout.strip() or None
