"""Collectives over slots: the same few operations in one process or over MPI. No physics here.

Every reduction is of integers or runs over global slot numbers in a fixed order, so results do not depend on the ranks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Message:
    """Bytes for the holder of another slot; `tag` is the same on both sides and unique among the messages under way."""

    peer: int
    tag: int
    payload: Bytes


class Comm(Protocol):
    """What a run needs from the processes it is spread over."""

    rank: int
    size: int

    def flags(self, mine: int) -> int:
        """Bitwise or of everybody's flags."""

    def add(self, integers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sum of everybody's integers."""

    def lowest(self, integers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Smallest of everybody's integers, element by element."""

    def swap(self, messages: Sequence[Message]) -> list[Bytes]:
        """Send every message and return what the peers sent under the same tags, of the same sizes."""

    def gather(self, rows: dict[int, Bytes]) -> dict[int, Bytes] | None:
        """Everybody's rows by global number, on rank 0; None elsewhere."""

    def broadcast(self, payload: Any) -> Any:
        """Rank 0's payload (small, plain Python values)."""

    def broadcast_arrays(self, arrays: list[NDArray[Any]]) -> list[NDArray[Any]]:
        """Rank 0's arrays."""

    def node_leader_first(self, work: Callable[[], Any]) -> Any:
        """Run `work` on one rank of each node, then on the others: what the first compiles, the rest load."""

    def all_here(self, seconds: float) -> bool:
        """Whether every rank arrives at this call within so many seconds: the way to tell a common failure from one's own."""

    def leave(self) -> None:
        """Part in peace: when all ranks have called this, each may end with an exit code other than 0."""

    def abort(self, code: int) -> None:
        """Take every rank down now."""


class Serial:
    """One process."""

    rank = 0
    size = 1

    def flags(self, mine: int) -> int:
        """As in Comm."""
        return mine

    def add(self, integers: NDArray[np.int64]) -> NDArray[np.int64]:
        """As in Comm."""
        return integers

    def lowest(self, integers: NDArray[np.int64]) -> NDArray[np.int64]:
        """As in Comm."""
        return integers

    def swap(self, messages: Sequence[Message]) -> list[Bytes]:
        """As in Comm; in one process nobody is elsewhere."""
        assert not messages
        return []

    def gather(self, rows: dict[int, Bytes]) -> dict[int, Bytes] | None:
        """As in Comm."""
        return dict(sorted(rows.items()))

    def broadcast(self, payload: Any) -> Any:
        """As in Comm."""
        return payload

    def broadcast_arrays(self, arrays: list[NDArray[Any]]) -> list[NDArray[Any]]:
        """As in Comm."""
        return arrays

    def node_leader_first(self, work: Callable[[], Any]) -> Any:
        """As in Comm."""
        return work()

    def all_here(self, seconds: float) -> bool:
        """As in Comm."""
        return True

    def leave(self) -> None:
        """As in Comm."""

    def abort(self, code: int) -> None:
        """As in Comm."""
        raise SystemExit(code)
