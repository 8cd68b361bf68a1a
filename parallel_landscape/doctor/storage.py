"""Checks of the folder that runs will lie in, of its file system, and of HDF5."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5netcdf
import h5py
import numpy as np

from parallel_landscape.doctor.finding import Finding, fault, ok, warning
from parallel_landscape.machine import size

NETWORKS = ("nfs", "lustre", "gpfs", "beegfs", "cifs", "smb", "fuse.sshfs", "afs", "ceph", "panfs", "orangefs", "9p", "pvfs2")
LITTLE_SPACE = 2**30
SKEW_SECONDS = 2.0
SLOW_SECONDS = 0.2  # of one fsync
_LOCK = """
import fcntl, sys
with open(sys.argv[1], "r+") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(7)
"""


@contextmanager
def trial_folder(folder: Path) -> Iterator[Path]:
    """A folder inside `folder` that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix=".pland-doctor-", dir=folder) as made:
        yield Path(made)


def file_system(folder: Path, mounts: str = "/proc/self/mounts") -> str:
    """Type of the file system that a folder lies on, as Linux tells; empty elsewhere."""
    try:
        lines = Path(mounts).read_text().splitlines()
    except OSError:
        return ""
    path, best, kind = str(folder.resolve()), "", ""
    for fields in (line.split() for line in lines):
        point = fields[1].replace("\\040", " ")
        if (path == point or path.startswith(point.rstrip("/") + "/")) and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind


def is_network(kind: str) -> bool:
    """Whether a type of file system lies on other machines."""
    return kind.startswith(NETWORKS)


def writable(folder: Path) -> Finding:
    """Whether files can be made, and how much room there is."""
    kind = file_system(folder)
    try:
        with trial_folder(folder):
            pass
    except OSError as error:
        return fault(f"{folder} cannot be written: {error.strerror}", "choose another folder, or mend its permissions")
    free = shutil.disk_usage(folder).free
    where = (
        f"{folder.resolve()} on {kind or 'an unknown file system'}{' (network)' if is_network(kind) else ''}, {size(free)} free"
    )
    return ok(where) if free > LITTLE_SPACE else warning(where, "make room: a run that cannot write stops")


def rename_and_fsync(folder: Path) -> Finding:
    """Whether a file can be written beside, brought to the disk, and renamed over another: what checkpoints rely on."""
    try:
        with trial_folder(folder) as place:
            (place / "whole").write_text("old")
            with (place / "beside").open("w") as file:
                file.write("new")
                started = time.perf_counter()
                os.fsync(file.fileno())
            (place / "beside").replace(place / "whole")
            entries = os.open(place, os.O_RDONLY)
            try:
                os.fsync(entries)
            finally:
                os.close(entries)
            took = time.perf_counter() - started
            if (place / "whole").read_text() != "new" or (place / "beside").exists():
                return fault("a renamed file shows its old content", "put runs on another file system")
    except OSError as error:
        return fault(f"fsync or rename fails: {error.strerror}", "put runs on another file system, or mend the folder")
    if took > SLOW_SECONDS:
        return warning(f"bringing a file to the disk takes {took:.2f} s", "keep checkpoint_minutes long, or use a faster disk")
    return ok(f"files reach the disk and are renamed whole ({1e3 * took:.0f} ms)")


def file_locks(folder: Path) -> Finding:
    """Whether a lock of one process is seen by another: HDF5 takes one on each file that it opens."""
    import fcntl

    switched_off = os.environ.get("HDF5_USE_FILE_LOCKING", "").upper() in ("FALSE", "0", "BEST_EFFORT")
    try:
        with trial_folder(folder) as place:
            path = place / "locked"
            path.write_text("")
            with path.open("r+") as file:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                code = subprocess.run(
                    [sys.executable, "-S", "-c", _LOCK, str(path)], timeout=30, capture_output=True
                ).returncode
    except (OSError, subprocess.TimeoutExpired) as error:
        if switched_off:
            return ok("files cannot be locked here, and HDF5 does not try (HDF5_USE_FILE_LOCKING)")
        return fault(
            f"files cannot be locked: {error}", "export HDF5_USE_FILE_LOCKING=FALSE, or put runs on another file system"
        )
    if code != 7:
        return warning("a lock is not seen by other processes", "harmless here: no two processes ever write the same file")
    return ok("locks are seen by other processes")


def hdf5(folder: Path) -> Finding:
    """Whether HDF5 and netCDF files come back as they were written."""
    numbers = np.arange(1000.0)
    try:
        with trial_folder(folder) as place:
            with h5py.File(place / "a.h5", "w") as file:
                file.create_dataset("x", data=numbers, chunks=(100,), compression="gzip", shuffle=True)
            with h5py.File(place / "a.h5", "r") as file:
                same = np.array_equal(file["x"][...], numbers)
            with h5netcdf.File(place / "a.nc", "w") as file:
                file.dimensions["n"] = len(numbers)
                file.create_variable("x", ("n",), numbers.dtype, data=numbers)
            with h5netcdf.File(place / "a.nc", "r") as file:
                same &= np.array_equal(file.variables["x"][...], numbers)
    except (OSError, RuntimeError, ValueError) as error:
        return fault(
            f"HDF5 fails: {error}", "where it speaks of locks: export HDF5_USE_FILE_LOCKING=FALSE; else reinstall h5py"
        )
    if not same:
        return fault("HDF5 gives back other numbers than were written", "reinstall h5py and h5netcdf; check the disk")
    return ok(f"HDF5 {h5py.version.hdf5_version}, h5py {h5py.__version__}, h5netcdf {h5netcdf.__version__}")


def clock(folder: Path) -> Finding:
    """Whether the clock runs, and agrees with the file system's: ages and time limits rely on it."""
    if not time.get_clock_info("monotonic").monotonic or time.time() < 1.7e9:
        return fault(f"this machine's clock says {time.strftime('%Y-%m-%d', time.gmtime())}", "set the clock")
    try:
        with trial_folder(folder) as place:
            before = time.time()
            (place / "now").write_text("")
            skew = (place / "now").stat().st_mtime - 0.5 * (before + time.time())
    except OSError as error:
        return warning(f"cannot be compared with the file system's: {error.strerror}", "mend the folder")
    if abs(skew) > SKEW_SECONDS:
        return warning(
            f"the file system's clock is {skew:+.0f} s off this machine's", "ages that `status` shows are off by as much"
        )
    return ok("agrees with the file system's")
