"""How far one move can carry the energy: a window narrower than that cuts states off from all their neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

MOST = 1000  # moves looked at


def reach_template(delta: Callable[..., int], *, stride: int) -> Callable[..., Any]:
    """The largest change, in levels, over moves 0, step, 2 step, ... of one state."""

    def reach(params: Any, state: Any, moves: int, step: int) -> Any:
        largest = np.int64(0)
        for move in range(0, moves, step):
            largest = max(largest, np.int64(abs(delta(params, state, np.int64(move)))) // stride)
        return largest

    return reach
