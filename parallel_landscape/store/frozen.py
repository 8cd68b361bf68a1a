"""trajectory/frozen.h5: all that whoever reads the records must know of how they were sampled, the frozen tables above all.

Under it the state x of slot s has the stationary law P(x) ~ exp(ln_weight[level(x)]) within the slot's window. The file is
written when production begins, and again, to the same bytes, when a run goes on in production.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from parallel_landscape.store.checksums import write_listed
from parallel_landscape.store.hdf5 import hdf5_image
from parallel_landscape.store.trajectory_schema import FROZEN
from parallel_landscape.store.variable import VERSION

NAME = "frozen.h5"


@dataclass(frozen=True)
class FrozenSlot:
    """A slot: repeat, window, member of the window, first and last level of the window, and ln of the weight of each level."""

    repeat: int
    window: int
    member: int
    low: int
    high: int
    reached: bool
    ln_weight: NDArray[np.float64]


def write_frozen(
    folder: Path, slots: Mapping[int, FrozenSlot], attributes: Mapping[str, Any], observables: Sequence[tuple[str, str, str]]
) -> None:
    """Write the file into the trajectory's folder. observables: name, meaning and unit of each, in the order of the columns.

    Slots of one window whose tables are the same bit for bit share a row.
    """
    numbers = sorted(slots)
    rows: dict[tuple[int, int, bytes], int] = {}
    keys = [(slots[n].low, slots[n].high, np.asarray(slots[n].ln_weight, np.float64).tobytes()) for n in numbers]
    table = [rows.setdefault(key, len(rows)) for key in keys]
    weights = [np.frombuffer(key[2]) for key in rows]
    columns: dict[str, Any] = {
        name: [getattr(slots[n], name) for n in numbers] for name in ("repeat", "window", "member", "low", "high", "reached")
    }
    columns |= {"slot": numbers, "table": table, "ln_weight": np.concatenate(weights)}
    columns["offset"] = np.cumsum([0, *(len(row) for row in weights)])

    def fill(file: Any) -> None:
        file.attrs.update({"schema_version": VERSION, **attributes})
        for name, declared in FROZEN.items():
            file.create_dataset(name, data=np.asarray(columns[name], declared.dtype), fletcher32=True, chunks=True)
            file[name].attrs.update({"units": declared.unit, "long_name": declared.meaning})
        for number, name in enumerate(("observables", "meaning", "unit")):
            texts = np.array([row[number] for row in observables], dtype=object)
            file.create_dataset(name, data=texts, dtype=h5py.string_dtype())

    image = hdf5_image(fill)
    write_listed(folder / NAME, lambda beside: beside.write_bytes(image))


def attributes_of(
    levels: range, ln_states: float, sites: int, sweeps_per_record: int, weights: int, ensemble: str = "wang-landau"
) -> dict[str, Any]:
    """The attributes, from the landscape's levels, its number of states and steps per sweep; weights: how many binary ones."""
    return {
        "ln_states": ln_states if math.isfinite(ln_states) else math.nan,
        "energy_start": levels.start,
        "energy_step": levels.step,
        "levels": len(levels),
        "sites": sites,
        "sweeps_per_record": sweeps_per_record,
        "weights_count": weights,
        "ensemble": ensemble,
    }
