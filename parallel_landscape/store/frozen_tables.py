"""The frozen weights of a run as its analysis reads them from `trajectory/frozen.h5`, which `store.frozen` writes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from parallel_landscape.errors import RunError
from parallel_landscape.store.checksums import check_listed
from parallel_landscape.store.variable import VERSION

_SCALARS = ("ln_states", "energy_start", "energy_step", "levels", "sites", "sweeps_per_record", "weights_count", "ensemble")
_SLOTS = ("slot", "repeat", "window", "member", "low", "high", "reached", "table")


@dataclass(frozen=True)
class Observable:
    """A recorded quantity: name as in the job, unit, and meaning in a sentence."""

    name: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class Frozen:
    """The frozen weights of every slot.

    Energy of level i is `energy_start + i * energy_step`. Per slot (length S): repeat, window, member, `low` and `high` (first
    and last level of the window), reached, and the row `table` of the ragged `ln_weight`, which begins at `offset[table]`.
    size: number of continuous weights, whose energies are real: where a temperature is given there is one level, and
    `ln_weight` is -beta; 0 where there are levels.
    """

    ln_states: float
    energy_start: int
    energy_step: int
    levels: int
    sites: int
    sweeps_per_record: int
    weights_count: int
    ensemble: str
    slot: NDArray[np.int64]
    repeat: NDArray[np.int64]
    window: NDArray[np.int64]
    member: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    reached: NDArray[np.uint8]
    table: NDArray[np.int64]
    ln_weight: NDArray[np.float64]
    offset: NDArray[np.int64]
    observables: tuple[Observable, ...]
    size: int = 0

    @property
    def slots(self) -> int:
        """Number of slots."""
        return len(self.slot)

    @property
    def tables(self) -> int:
        """Number of different tables."""
        return len(self.offset) - 1

    @property
    def whole(self) -> bool:
        """Whether every level has a weight in some slot."""
        has = np.zeros(self.levels, bool)
        for low, table in set(zip(self.low.tolist(), self.table.tolist(), strict=True)):
            row = self.ln_weight[self.offset[table] : self.offset[table + 1]]
            has[low : low + len(row)] |= row > -np.inf
        return bool(has.all())

    @property
    def betas(self) -> NDArray[np.float64]:
        """Inverse temperature of each window of a run with continuous weights at given temperatures, (windows,)."""
        found = np.zeros(int(self.window.max()) + 1)
        found[self.window] = -self.ln_weight[self.offset[self.table]]
        return found

    @property
    def digest(self) -> str:
        """SHA-256 of all that it holds."""
        hasher = hashlib.sha256()
        for field in fields(self):
            value = getattr(self, field.name)
            hasher.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
        return hasher.hexdigest()

    @property
    def energies(self) -> NDArray[np.int64]:
        """Energy of every level, (levels,)."""
        return self.energy_start + self.energy_step * np.arange(self.levels)


def read_frozen(path: Path) -> Frozen:
    """The content of the file. Raises RunError when it is missing or damaged."""
    try:
        check_listed(path, "`pland resume` writes it anew")
        with h5py.File(path, "r") as file:
            if int(file.attrs["schema_version"]) > VERSION:
                raise RunError(f"{path} was written by a newer version; upgrade to read it")
            scalars = {name: _plain(file.attrs[name]) for name in _SCALARS}
            arrays = {name: file[name][...].astype(np.int64) for name in (*_SLOTS, "offset") if name != "reached"}
            arrays["reached"] = file["reached"][...].astype(np.uint8)
            names, units, meanings = (
                [text.decode() if isinstance(text, bytes) else str(text) for text in file[name][...]]
                for name in ("observables", "unit", "meaning")
            )
            ln_weight = file["ln_weight"][...].astype(np.float64)
            size = int(file.attrs["size"]) if _plain(file.attrs.get("weights", "")) == "continuous" else 0
    except FileNotFoundError:
        raise RunError(f"{path} is missing, without which the trajectory says nothing; put it back from a copy") from None
    except (OSError, KeyError, ValueError) as error:
        raise RunError(f"{path} is damaged ({error}); put it back from a copy") from None
    described = tuple(map(Observable, names, units, meanings))
    return Frozen(**scalars, **arrays, ln_weight=ln_weight, observables=described, size=size)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return value.item() if isinstance(value, np.generic) else value
