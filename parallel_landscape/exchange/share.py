"""Walkers of one window put their ln g together: rebased on what all have visited, then averaged in slot order.

Each walker's ln g has its own additive constant; the mean over m walkers that learn with the same ln f has the error of one
that walked m times as long.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.exchange.comm import Bytes, Comm, Message
from parallel_landscape.exchange.layout import Layout
from parallel_landscape.specialise import Kernel, compile_function

Rows = dict[int, NDArray[np.float64]]


def gather_group(rows: Rows, layout: Layout, comm: Comm) -> Rows:
    """Every row of every group that has a member here, by slot; `rows` holds those of the local slots.

    Rows are (fields, levels) float64 of one shape; all members of a group send theirs to each other.
    """
    known = dict(rows)
    messages, senders = [], []
    for own in sorted(rows):
        for other in layout.group_of(own):
            if other in rows:
                continue
            tag = min(own, other) * layout.walkers + abs(own - other)
            payload: Bytes = np.ascontiguousarray(rows[own]).reshape(-1).view(np.uint8)
            messages.append(Message(layout.rank_of(other), tag, payload))
            senders.append(other)
    shape = next(iter(rows.values())).shape if rows else ()
    for sender, packed in zip(senders, comm.swap(messages), strict=True):
        known[sender] = packed.view(np.float64).reshape(shape)
    return known


def average(ln_g: list[NDArray[np.float64]], visited: list[NDArray[np.bool_]]) -> NDArray[np.float64] | None:
    """The mean of ln g over the walkers that have visited a level; nan where none has, None when they share no level.

    ln_g and visited are lists, in slot order, of (levels,) arrays.
    """
    mean = np.empty(len(ln_g[0]))
    common = _kernel().compiled(np.array(ln_g), np.array(visited), mean)
    return mean if common else None


@cache
def _kernel() -> Kernel:
    return compile_function(fill_average)


def fill_average(ln_g: NDArray[np.float64], visited: NDArray[np.bool_], mean: NDArray[np.float64]) -> int:
    """Fill `mean` (levels,) from (walkers, levels) arrays; returns the number of levels that all have visited.

    Each row is shifted to have the first one's average over those levels.
    """
    walkers, levels = ln_g.shape
    heights = np.zeros(walkers)
    common = 0
    for level in range(levels):
        if visited[:, level].all():
            common += 1
            heights += ln_g[:, level]
    if common == 0:
        return 0
    for level in range(levels):
        total, count = 0.0, 0
        for walker in range(walkers):
            if visited[walker, level]:
                total += ln_g[walker, level] - (heights[walker] - heights[0]) / common
                count += 1
        mean[level] = total / count if count else np.nan
    return common
