"""Walkers travel, slots stay: a slot owns a table and a random stream, a walker the state that moves through them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
FRESH, FROM_BOTTOM, FROM_TOP = 0, 1, 2  # which end of the energy axis a walker has seen last


def arrays_of(state: Any, within: str = "") -> Iterator[tuple[str, NDArray[Any]]]:
    """Name and array of each part of a state; those of a state inside a state as `outer_inner`."""
    for name, part in zip(state._fields, state, strict=True):
        if isinstance(part, tuple):
            yield from arrays_of(part, f"{within}{name}_")
        else:
            yield within + name, part


@dataclass
class Walker:
    """A state at its level, with the walker's own number and its journey between the two ends of the energy axis."""

    state: Any
    level: int
    name: int
    origin: int = FRESH
    trips: int = 0

    def pack(self) -> Bytes:
        """Everything that travels, as bytes; the size depends on the landscape only."""
        head = np.array([self.level, self.name, self.origin, self.trips], dtype=np.int64)
        return np.concatenate([head.view(np.uint8), *self._flat()])

    def unpack(self, packed: Bytes) -> None:
        """Become the walker that was packed, in place."""
        self.level, self.name, self.origin, self.trips = (int(word) for word in packed[:32].view(np.int64))
        start = 32
        for _, part in arrays_of(self.state):
            part.reshape(-1).view(np.uint8)[:] = packed[start : start + part.nbytes]
            start += part.nbytes

    def _flat(self) -> list[Bytes]:
        return [np.ascontiguousarray(part).reshape(-1).view(np.uint8) for _, part in arrays_of(self.state)]

    def note_end(self, at_bottom: bool, at_top: bool) -> None:
        """Count a round trip when the bottom is seen again after the top."""
        if at_bottom:
            self.trips += self.origin == FROM_TOP
            self.origin = FROM_BOTTOM
        elif at_top and self.origin == FROM_BOTTOM:
            self.origin = FROM_TOP


@dataclass
class Slot:
    """The place of a walker: a window's table over all levels, its stream counter and its counts.

    ln_g is +inf outside the window. histogram counts visits since the stage began, visits those before. occasions counts, since
    the schedule began, the rounds in which a level was found anew; counted is the histogram at the end of the last round. found
    is 1 for a level seen since the walker was last at the window's commonest level: not found anew before it is there again.
    """

    number: int
    walker: Walker
    ln_g: NDArray[np.float64]
    histogram: NDArray[np.int64]
    visits: NDArray[np.int64]
    counted: NDArray[np.int64]
    occasions: NDArray[np.int64]
    found: NDArray[np.int64]
    block: int = 0
    steps: int = 0
    accepted: int = 0
    meetings: int = 0
    swaps: int = 0
    reached: bool = False

    @property
    def position(self) -> float:
        """Where the walker is, as `cost` takes it: its level."""
        return self.walker.level

    def cost(self, position: float) -> float:
        """-ln of the weight that the slot gives to a position, up to a constant."""
        return float(self.ln_g[int(position)])

    def count_occasions(self) -> None:
        """A round is over: note which levels it has found anew."""
        seen = self.histogram > self.counted
        if seen[commonest(self.ln_g, self.visits + self.histogram > 0)]:
            self.found[:] = 0
        self.occasions += seen & (self.found == 0)
        self.found[seen] = 1
        self.counted[:] = self.histogram

    def clear_histogram(self) -> None:
        """A new stage begins."""
        self.visits += self.histogram
        self.histogram[:] = 0
        self.counted[:] = 0

    def begin_again(self) -> None:
        """The schedule starts again."""
        self.clear_histogram()
        self.occasions[:] = 0
        self.found[:] = 0

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything that a checkpoint keeps of the slot."""
        counts = [self.block, self.steps, self.accepted, self.meetings, self.swaps, int(self.reached)]
        return {
            "walker": self.walker.pack(),
            "ln_g": self.ln_g,
            "histogram": self.histogram,
            "visits": self.visits,
            "counted": self.counted,
            "occasions": self.occasions,
            "found": self.found,
            "counts": np.array(counts, dtype=np.int64),
        }

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Become the slot that `arrays` was taken from."""
        self.walker.unpack(np.ascontiguousarray(arrays["walker"]))
        self.ln_g[:] = arrays["ln_g"]
        self.histogram[:] = arrays["histogram"]
        self.visits[:] = arrays["visits"]
        self.counted[:] = arrays["counted"]
        self.occasions[:] = arrays["occasions"]
        self.found[:] = arrays.get("found", 0)  # an older version did not keep it
        counts = arrays["counts"].tolist()
        self.block, self.steps, self.accepted, self.meetings, self.swaps = counts[:5]
        self.reached = bool(counts[5])


def commonest(ln_g: NDArray[np.float64], visited: NDArray[np.bool_]) -> int:
    """The visited level of the largest ln g: where a walker is at home."""
    return int(np.argmax(np.where(visited, ln_g, -np.inf)))


def new_table(levels: int, first: int, last: int) -> NDArray[np.float64]:
    """ln g over all levels: 0 inside [first, last], +inf outside."""
    table = np.full(levels, np.inf)
    table[first : last + 1] = 0.0
    return table
