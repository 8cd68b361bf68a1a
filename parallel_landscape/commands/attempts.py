"""The files of `pland solve`: one closed file for each attempt that is over, put together when all are.

    finished/instance-00003-restart-00001.h5    one record; what is there is not done again
    trajectory/, checkpoints/                   all records in one segment, as in the folder of a run
    solve.nc                                    success, energy and iterations of each attempt

A record is that of a sample, with `instance` and `restart` beside it. `frozen.h5` names the ensemble "solver": the records
follow no known law, so ln_weight is nan.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from parallel_landscape.job.columns import stored_weights
from parallel_landscape.landscape import Landscape
from parallel_landscape.solvers.problem import Found
from parallel_landscape.store import checkpoint
from parallel_landscape.store.catalogue import read_catalogue
from parallel_landscape.store.files import make_folder, remove
from parallel_landscape.store.frozen import FrozenSlot, attributes_of, write_frozen
from parallel_landscape.store.hdf5 import write_hdf5
from parallel_landscape.store.run_folder import RunFolder
from parallel_landscape.store.segments import Recorder, drop_unlisted, fill_segment, read_records
from parallel_landscape.store.trajectory_schema import ATTEMPTS

Key = tuple[int, int]  # instance and restart


@dataclass(frozen=True)
class Record:
    """An attempt that is over. weights: bits, as in a trajectory."""

    energy: int
    iterations: int
    weights: NDArray[np.uint8]


def save(folder: RunFolder, key: Key, found: Found) -> None:
    """Keep an attempt that is over."""
    columns: dict[str, NDArray[Any]] = {
        "instance": np.array([key[0]], np.int32),
        "restart": np.array([key[1]], np.int32),
        "energy": np.array([found.energy], np.int64),
        "sweep": np.array([found.iterations], np.int64),
        "weights": stored_weights(found.weights, "bits")[None],
    }
    make_folder(folder.finished)
    path = folder.finished / f"instance-{key[0]:05d}-restart-{key[1]:05d}.h5"
    write_hdf5(path, lambda file: fill_segment(file, columns, None))


def read_all(folder: RunFolder) -> dict[Key, Record]:
    """Every attempt that is over. A damaged file is said so and removed, for its attempt can be made again."""
    catalogue = read_catalogue(folder.path)
    found = _rows(read_records(folder.trajectory, catalogue.segments)) if catalogue.segments else {}
    for path in sorted(folder.finished.glob("*.h5")):
        try:
            with h5py.File(path, "r") as file:
                found |= _rows({name: file[name][...] for name in ("instance", "restart", "energy", "sweep", "weights")})
        except (OSError, KeyError) as error:
            print(f"pland: warning: {path} is damaged ({error}); this attempt is made again", file=sys.stderr, flush=True)
            remove(path)
    return found


def _rows(columns: Mapping[str, NDArray[Any]]) -> dict[Key, Record]:
    names = ("instance", "restart", "energy", "sweep")
    numbers = zip(*(columns[name].tolist() for name in names), columns["weights"], strict=True)
    return {(instance, restart): Record(energy, sweep, weights) for instance, restart, energy, sweep, weights in numbers}


def put_together(
    folder: RunFolder, landscape: Landscape, records: Mapping[Key, Record], restarts: int, about: dict[str, Any]
) -> None:
    """All records, in the order of instance and restart, into the trajectory; the same bits on any number of ranks."""
    number = checkpoint.next_number(folder.checkpoints)
    bits = max(len(record.weights) for record in records.values())
    columns: dict[str, tuple[str, tuple[int, ...]]] = {name: (declared.dtype, ()) for name, declared in ATTEMPTS.items()}
    recorder = Recorder(folder.trajectory, number - 1, 0, len(records) + 1, {**columns, "weights": ("u1", (bits,))})
    slots = {}
    ln_weight = np.full(len(landscape.levels), np.nan)
    for (instance, restart), record in sorted(records.items()):
        slot = instance * restarts + restart
        recorder.add(
            slot=slot, walker=slot, sweep=record.iterations, energy=record.energy, instance=instance, restart=restart,
            weights=record.weights,
        )  # fmt: skip
        slots[slot] = FrozenSlot(instance, 0, restart, 0, len(landscape.levels) - 1, True, ln_weight)
    recorder.cut()
    count = 0 if landscape.network is None else landscape.network.weights
    sampling = attributes_of(landscape.levels, landscape.ln_states, landscape.sweep, 0, count) | {"ensemble": "solver"}
    write_frozen(folder.trajectory, slots, sampling, [(name, v.meaning, v.unit) for name, v in ATTEMPTS.items()])
    entry = checkpoint.write_rank_file(folder.checkpoints, number, 0, {})
    segments = [segment.plain() for segment in recorder.segments]
    checkpoint.publish(folder.checkpoints, number, {**about, "segments": segments}, [entry])
    sound = checkpoint.all_sound(folder.checkpoints)
    drop_unlisted(folder.trajectory, [segment["name"] for one in sound for segment in one.about["segments"]])
    for path in folder.finished.glob("*.h5"):
        remove(path)
