"""`Comm` over MPI. Buffers only; mpi4py is imported here and nowhere else in the sampler."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from parallel_landscape.exchange.comm import Bytes, Message


class Mpi:
    """The processes of an MPI communicator (COMM_WORLD by default)."""

    def __init__(self, world: Any = None) -> None:
        self._world = world if world is not None else MPI.COMM_WORLD
        self._node = self._world.Split_type(MPI.COMM_TYPE_SHARED)
        self._failures = self._world.Dup()  # apart from all other traffic, which a failure leaves unfinished
        self.rank: int = self._world.Get_rank()
        self.size: int = self._world.Get_size()
        self._flags = np.zeros(1, np.int64)

    def flags(self, mine: int) -> int:
        """As in Comm."""
        self._flags[0] = mine
        self._world.Allreduce(MPI.IN_PLACE, self._flags, MPI.BOR)
        return int(self._flags[0])

    def add(self, integers: NDArray[np.int64]) -> NDArray[np.int64]:
        """As in Comm."""
        total = np.ascontiguousarray(integers, dtype=np.int64).copy()
        self._world.Allreduce(MPI.IN_PLACE, total, MPI.SUM)
        return total

    def lowest(self, integers: NDArray[np.int64]) -> NDArray[np.int64]:
        """As in Comm."""
        least = np.ascontiguousarray(integers, dtype=np.int64).copy()
        self._world.Allreduce(MPI.IN_PLACE, least, MPI.MIN)
        return least

    def swap(self, messages: Sequence[Message]) -> list[Bytes]:
        """As in Comm; all messages are under way at once, so no order of ranks can block."""
        received = [np.empty_like(message.payload) for message in messages]
        requests = [
            self._world.Irecv(room, source=message.peer, tag=message.tag)
            for room, message in zip(received, messages, strict=True)
        ]
        requests += [self._world.Isend(message.payload, dest=message.peer, tag=message.tag) for message in messages]
        MPI.Request.Waitall(requests)
        return received

    def gather(self, rows: dict[int, Bytes]) -> dict[int, Bytes] | None:
        """As in Comm; sizes may differ from row to row."""
        numbers = sorted(rows)
        heads = np.array([[number, rows[number].size] for number in numbers], dtype=np.int64).reshape(-1, 2)
        body = np.concatenate([rows[number] for number in numbers]) if numbers else np.zeros(0, np.uint8)
        all_heads = self._gather(heads.ravel(), MPI.INT64_T)
        all_bodies = self._gather(body, MPI.BYTE)
        if all_heads is None or all_bodies is None:
            return None
        table = all_heads.reshape(-1, 2)
        parts = np.split(all_bodies, np.cumsum(table[:, 1])[:-1]) if len(table) else []
        return dict(sorted(zip(table[:, 0].tolist(), parts, strict=True)))

    def _gather(self, mine: NDArray[Any], kind: Any) -> NDArray[Any] | None:
        counts = np.array(self._world.gather(mine.size, root=0) or [0])
        room = np.empty(int(counts.sum()), mine.dtype) if self.rank == 0 else None
        self._world.Gatherv([mine, kind], [room, counts, kind] if room is not None else None, root=0)
        return room

    def broadcast(self, payload: Any) -> Any:
        """As in Comm."""
        text = json.dumps(payload) if self.rank == 0 else ""
        return json.loads(self._world.bcast(text, root=0))

    def broadcast_arrays(self, arrays: list[NDArray[Any]]) -> list[NDArray[Any]]:
        """As in Comm."""
        heads = self.broadcast([[array.dtype.str, list(array.shape)] for array in arrays])
        received = []
        for number, (dtype, shape) in enumerate(heads):
            room = np.ascontiguousarray(arrays[number]) if self.rank == 0 else np.empty(shape, np.dtype(dtype))
            self._world.Bcast(room.reshape(-1).view(np.uint8), root=0)
            received.append(room)
        return received

    def node_leader_first(self, work: Callable[[], Any]) -> Any:
        """As in Comm."""
        first = work() if self._node.Get_rank() == 0 else None
        self._node.Barrier()
        result = work() if self._node.Get_rank() != 0 else first
        self._node.Barrier()
        return result

    def all_here(self, seconds: float) -> bool:
        """As in Comm."""
        arrival, last = self._failures.Ibarrier(), time.monotonic() + seconds
        while not arrival.Test():
            if time.monotonic() > last:
                return False
            time.sleep(0.01)
        return True

    def leave(self) -> None:
        """As in Comm. Without it, `python -m mpi4py` would have the first rank that leaves abort the others."""
        MPI.Finalize()

    def abort(self, code: int) -> None:
        """As in Comm."""
        self._world.Abort(code)
