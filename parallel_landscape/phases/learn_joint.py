"""Learning ln g(E, X): windows are rectangles of a table of levels, the rest is as for windows of energies."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.landscapes.joint import cells_of
from parallel_landscape.phases.learn import Learning
from parallel_landscape.walker import Slot

Rectangle = tuple[int, int, int, int]  # first and last row, first and last column, all inside


@dataclass
class JointLearning(Learning):
    """Rectangles with their learners, on the table of all energies (`rows`) and all values of X (`columns`).

    `windows` holds the first and last level of each.
    """

    rectangles: list[Rectangle] = field(default_factory=list)
    rows: range = range(1)
    columns: range = range(1)

    def about(self) -> dict[str, Any]:
        """What all ranks know alike, as plain values for a checkpoint."""
        return {**super().about(), "rectangles": [list(rectangle) for rectangle in self.rectangles]}

    @cached_property
    def cells(self) -> list[NDArray[np.int64]]:
        """The levels of each window, ascending."""
        return [cells_of(rectangle, len(self.columns)) for rectangle in self.rectangles]

    def fits(self, slot: Slot, level: int) -> bool:
        """Whether a level lies in the slot's window."""
        (low, high, left, right), (row, column) = self._rectangle(slot), divmod(level, len(self.columns))
        return low <= row <= high and left <= column <= right

    def way(self, slot: Slot) -> NDArray[np.int64]:
        """The levels between which a walker outside finds the slot's window: it may turn back, and not walk past."""
        low, high, left, right = self._rectangle(slot)
        row, column = divmod(slot.walker.level, len(self.columns))
        down, across = _way(row, low, high, len(self.rows)), _way(column, left, right, len(self.columns))
        return cells_of((*down, *across), len(self.columns))

    def bounds(self, levels: range, window: int) -> dict[str, int]:
        """Lowest and highest energy and X of a window."""
        low, high, left, right = self.rectangles[window]
        ends = {"energy_low": self.rows[low], "energy_high": self.rows[high]}
        return ends | {"value_low": self.columns[left], "value_high": self.columns[right]}

    def energy_of(self, levels: range, level: int) -> float:
        """The energy on a level."""
        return self.rows[level // len(self.columns)]

    def _rectangle(self, slot: Slot) -> Rectangle:
        return self.rectangles[self.layout.place(slot.number).window]


def _way(here: int, low: int, high: int, count: int) -> tuple[int, int]:
    """Between which of `count` lines a walker on line `here` finds those from `low` to `high`."""
    return low if here > high else 0, high if here < low else count - 1


def hull(rectangle: Rectangle, columns: int) -> tuple[int, int]:
    """First and last level of a rectangle."""
    low, high, left, right = rectangle
    return low * columns + left, high * columns + right
