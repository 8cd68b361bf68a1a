"""`pland analyze` on data larger than memory: peak memory of each worker, and speed beside plain reading of the same bytes.

    python tests/benchmarks/out_of_core.py FOLDER --gigabytes 40            2 workers of 1 GiB, interleaved with plain reading
    python tests/benchmarks/out_of_core.py FOLDER --sizes 1 2 5 10 20 40    does the time grow linearly?
    python tests/benchmarks/out_of_core.py FOLDER --open 10000              how long does a folder of so many shards take?

FOLDER gets the made-up runs, which are used again when they are there already. Workers are watched from outside, every 20 ms.
Plain reading takes all columns that the analysis takes, in blocks of the same size, by h5py in as many processes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import h5py
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.make_trajectory import Synthetic, sized, write_run

from parallel_landscape.analysis.segment_reader import MOST
from parallel_landscape.handle import open_run
from parallel_landscape.store import checkpoint
from parallel_landscape.store.catalogue import read_catalogue

WORKERS, MEMORY, SHARDS = 2, "1GiB", 256


def made(folder: Path, gigabytes: float, shards: int) -> Path:
    """The run of this size, made unless it is there."""
    path = folder / f"run-{gigabytes:g}-{shards}"
    if not (path / "result.nc").exists():
        shutil.rmtree(path, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        write_run(path, sized(gigabytes, shards, noises=3))
        print(f"made {bytes_of(path) / 1e9:.2f} GB in {time.perf_counter() - started:.0f} s", flush=True)
    return path


def bytes_of(path: Path) -> int:
    """Bytes in the segments."""
    return sum(segment.size for segment in read_catalogue(path).segments)


def analyse(path: Path) -> tuple[float, dict[int, int]]:
    """Seconds of a whole `pland analyze` from the beginning, and the peak resident memory of each of its worker processes."""
    shutil.rmtree(path / "analysis", ignore_errors=True)
    command = [sys.executable, "-m", "parallel_landscape", "analyze", str(path), "--quiet"]
    command += ["--scheduler", "processes", "--workers", str(WORKERS), "--memory", MEMORY]
    started, peaks = time.perf_counter(), {}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        for child in [watched, *_children(watched)]:
            try:
                peaks[child.pid] = max(peaks.get(child.pid, 0), child.memory_info().rss)
            except psutil.Error:
                continue
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"pland analyze ended with exit code {process.returncode}")
    return time.perf_counter() - started, peaks


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.Error:
        return []


def read_plainly(path: Path) -> float:
    """Seconds to read the same columns with h5py in as many processes."""
    catalogue = read_catalogue(path)
    files = [str(catalogue.path(segment)) for segment in catalogue.segments]
    context = multiprocessing.get_context("spawn")
    started = time.perf_counter()
    with context.Pool(WORKERS) as pool:
        pool.map(_read, files, chunksize=1)
    return time.perf_counter() - started


def _read(path: str) -> int:
    total = 0
    with h5py.File(path, "r") as file:
        columns = [one for name, one in file.items() if isinstance(one, h5py.Dataset) and name != "weights"]
        for first in range(0, len(columns[0]), MOST):
            total += sum(one[first : first + MOST].nbytes for one in columns)
    return total


def _spent() -> float:
    """Processor seconds of all processes that have ended under this one: what other work on the machine changes least."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compare(path: Path, rounds: int) -> None:
    """Analysis and plain reading in turn."""
    size, ratios = bytes_of(path), []
    for number in range(rounds):
        start = _spent()
        plain = read_plainly(path)
        middle = _spent()
        seconds, peaks = analyse(path)
        processor = (middle - start, _spent() - middle)
        ratios.append(plain / seconds)
        largest = sorted((peak / 2**20 for peak in peaks.values()), reverse=True)
        print(
            f"round {number + 1}: {size / 1e9:.2f} GB; plain reading {plain:.1f} s ({size / plain / 1e6:.0f} MB/s), analysis "
            f"{seconds:.1f} s ({size / seconds / 1e6:.0f} MB/s), ratio {ratios[-1]:.2f}; "
            f"processor seconds {processor[0]:.1f} and {processor[1]:.1f}, ratio {processor[0] / processor[1]:.2f}; "
            "peak MiB of each process: "
            f"{', '.join(f'{peak:.0f}' for peak in largest)}",
            flush=True,
        )
    print(f"median ratio {statistics.median(ratios):.2f}")


def grow(folder: Path, sizes: list[float], keep: bool) -> None:
    """Seconds for each size."""
    for gigabytes in sizes:
        path = made(folder, gigabytes, SHARDS)
        size = bytes_of(path)
        seconds, peaks = analyse(path)
        peak = max(peaks.values()) / 2**20
        print(f"{size / 1e9:6.2f} GB: {seconds:7.1f} s, {seconds / size * 1e9:.2f} s/GB, peak {peak:.0f} MiB", flush=True)
        if not keep:
            shutil.rmtree(path)


def open_many(folder: Path, shards: int) -> None:
    """Seconds to open a run of so many shards, all of them links to one."""
    path = folder / f"many-{shards}"
    shutil.rmtree(path, ignore_errors=True)
    write_run(path, Synthetic(records=100, ranks=1, segments=1))
    generation, _ = checkpoint.newest(path / "checkpoints")
    assert generation is not None
    (row,) = generation.about["segments"]
    rows = [{**row, "name": f"leg-0000-rank-{number:05d}-000000.h5"} for number in range(1, shards + 1)]
    for one in rows:
        os.link(path / "trajectory" / row["name"], path / "trajectory" / one["name"])
    (path / "checkpoints" / "000002").mkdir()
    checkpoint.publish(path / "checkpoints", 2, {**generation.about, "segments": rows}, [])
    started = time.perf_counter()
    catalogue = read_catalogue(path)
    looked = time.perf_counter()
    records = open_run(path).trajectory.sizes["record"]
    lazily = time.perf_counter()
    print(
        f"{len(catalogue.segments)} shards: catalogue {looked - started:.2f} s, lazy {records} records {lazily - looked:.2f} s"
    )
    shutil.rmtree(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gigabytes", type=float, default=40.0)
    parser.add_argument("--shards", type=int, default=SHARDS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=float, nargs="+")
    parser.add_argument("--open", type=int)
    parser.add_argument("--keep", action="store_true", help="do not remove the runs of --sizes")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.open:
        open_many(given.folder, given.open)
    elif given.sizes:
        grow(given.folder, given.sizes, given.keep)
    else:
        compare(made(given.folder, given.gigabytes, given.shards), given.rounds)


if __name__ == "__main__":
    main()
