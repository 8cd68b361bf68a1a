"""Counts of proposals as a file holds them: (slot, level before, proposed change of the level, count), each place once.

They are integers, so they add up exactly, in any order, over slots, ranks, segments and restarts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.store.trajectory_schema import TRANSITIONS

Columns = dict[str, NDArray[Any]]
_PLACE = ("slot", "level", "change")


def of_slots(slots: Mapping[int, Mapping[str, NDArray[Any]]]) -> Columns:
    """One table from the counts of several slots, each with `level`, `change` and `count`."""
    return added([{**counts, "slot": np.full(len(counts["count"]), slot, "i4")} for slot, counts in sorted(slots.items())])


def added(plus: Iterable[Mapping[str, NDArray[Any]]], minus: Iterable[Mapping[str, NDArray[Any]]] = ()) -> Columns:
    """The sum of tables, less those in `minus`, ordered by slot, level and change. Zeros are left out; {} counts nothing."""
    tables = [table for table in plus if table] + [{**table, "count": -table["count"]} for table in minus if table]
    columns = {
        name: np.concatenate([np.zeros(0, declared.dtype), *(table[name] for table in tables)])
        for name, declared in TRANSITIONS.items()
    }
    order = np.lexsort([columns[name] for name in _PLACE[::-1]])
    columns = {name: column[order] for name, column in columns.items()}
    new = np.ones(len(order), bool)
    if len(order):
        new[1:] = np.any([np.diff(columns[name]) != 0 for name in _PLACE], axis=0)
        first = np.flatnonzero(new)
        columns = {name: column[first] for name, column in columns.items()} | {
            "count": np.add.reduceat(columns["count"], first)
        }
    kept = columns["count"] != 0
    return {name: column[kept] for name, column in columns.items()}
