"""The files of `pland solve`: one closed file for each attempt that is over, put together when all are.

    finished/instance-00003-restart-00001.h5    one record; what is there is not done again
    trajectory/, checkpoints/                   all records in one segment, as in the folder of a run
    solve.nc                                    success, energy and iterations of each attempt

A record is that of a sample, with `instance` and `restart` beside it. `frozen.h5` names the ensemble "solver": the records
follow no known law, so ln_weight is nan.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from parallel_landscape.job.columns import stored_weights
from parallel_landscape.landscape import Landscape
from parallel_landscape.smooth import SmoothLandscape
from parallel_landscape.solvers.problem import Found
from parallel_landscape.store import checkpoint
from parallel_landscape.store.catalogue import read_catalogue
from parallel_landscape.store.files import make_folder, remove
from parallel_landscape.store.frozen import FrozenSlot, attributes_of, write_frozen
from parallel_landscape.store.hdf5 import write_hdf5
from parallel_landscape.store.run_folder import RunFolder
from parallel_landscape.store.segments import Recorder, drop_unlisted, fill_segment, read_records
from parallel_landscape.store.trajectory_schema import ATTEMPTS, DESCENTS

Key = tuple[int, int]  # instance and restart


@dataclass(frozen=True)
class Record:
    """An attempt that is over. weights: as in a trajectory. more: what is kept of continuous weights besides."""

    energy: float
    iterations: int
    weights: NDArray[Any]
    more: Mapping[str, float] = field(default_factory=dict)


def save(folder: RunFolder, key: Key, found: Found) -> None:
    """Keep an attempt that is over."""
    real = found.weights.dtype.kind == "f"
    columns: dict[str, NDArray[Any]] = {
        "instance": np.array([key[0]], np.int32),
        "restart": np.array([key[1]], np.int32),
        "energy": np.array([found.energy], np.float64 if real else np.int64),
        "sweep": np.array([found.iterations], np.int64),
        "weights": stored_weights(found.weights, "as they are" if real else "bits")[None],
        **{name: np.array([value], DESCENTS[name].dtype) for name, value in found.more.items()},
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
                found |= _rows({name: file[name][...] for name in file})
        except (OSError, KeyError) as error:
            print(f"pland: warning: {path} is damaged ({error}); this attempt is made again", file=sys.stderr, flush=True)
            remove(path)
    return found


def _rows(columns: Mapping[str, NDArray[Any]]) -> dict[Key, Record]:
    names, more = ("instance", "restart", "energy", "sweep"), [name for name in DESCENTS if name in columns]
    numbers = zip(*(columns[name].tolist() for name in (*names, *more)), columns["weights"], strict=True)
    return {
        (instance, restart): Record(energy, sweep, row[-1], dict(zip(more, row[:-1], strict=True)))
        for instance, restart, energy, sweep, *row in numbers
    }


def put_together(
    folder: RunFolder,
    landscape: Landscape | SmoothLandscape,
    records: Mapping[Key, Record],
    restarts: int,
    about: dict[str, Any],
) -> None:
    """All records, in the order of instance and restart, into the trajectory; the same bits on any number of ranks."""
    number = checkpoint.next_number(folder.checkpoints)
    first = next(iter(records.values()))
    declared = {**ATTEMPTS, **{name: DESCENTS[name] for name in first.more}}
    columns: dict[str, tuple[str, tuple[int, ...]]] = {name: (one.dtype, ()) for name, one in declared.items()}
    columns["weights"] = (first.weights.dtype.str, first.weights.shape)
    if isinstance(landscape, SmoothLandscape):
        columns["energy"] = ("f8", ())
    recorder = Recorder(folder.trajectory, number - 1, 0, len(records) + 1, columns)
    slots, sampling = {}, _sampling(landscape)
    ln_weight = np.full(sampling["levels"], np.nan)
    for (instance, restart), record in sorted(records.items()):
        slot = instance * restarts + restart
        recorder.add(
            slot=slot, walker=slot, sweep=record.iterations, energy=record.energy, instance=instance, restart=restart,
            weights=record.weights, **record.more,
        )  # fmt: skip
        slots[slot] = FrozenSlot(instance, 0, restart, 0, len(ln_weight) - 1, True, ln_weight)
    recorder.cut()
    write_frozen(folder.trajectory, slots, sampling, [(name, v.meaning, v.unit) for name, v in declared.items()])
    entry = checkpoint.write_rank_file(folder.checkpoints, number, 0, {})
    segments = [segment.plain() for segment in recorder.segments]
    checkpoint.publish(folder.checkpoints, number, {**about, "segments": segments}, [entry])
    sound = checkpoint.all_sound(folder.checkpoints)
    drop_unlisted(folder.trajectory, [segment["name"] for one in sound for segment in one.about["segments"]])
    for path in folder.finished.glob("*.h5"):
        remove(path)


def _sampling(landscape: Landscape | SmoothLandscape) -> dict[str, Any]:
    """How records are told apart from those of a run; as there, continuous weights have one level."""
    if isinstance(landscape, Landscape):
        count = 0 if landscape.network is None else landscape.network.weights
        found = attributes_of(landscape.levels, landscape.ln_states, landscape.sweep, 0, count)
        return found | {"ensemble": "solver"}
    about = {"weights": "continuous", "size": landscape.size, "convention": landscape.convention, "sphere": landscape.sphere}
    about |= {"prior": landscape.prior}
    return attributes_of(range(1), math.nan, 1, 0, 0) | about | {"ensemble": "solver"}
