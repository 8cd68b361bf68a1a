"""Walkers of one window put their ln g together: rebased on what all have visited, then averaged in slot order.

Each walker's ln g has its own additive constant; the mean over m walkers that learn with the same ln f has the error of one
that walked m times as long.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.exchange.comm import Bytes, Comm, Message
from parallel_landscape.exchange.layout import Layout

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
    common = np.logical_and.reduce(visited)
    if not common.any():
        return None
    total = np.zeros(len(common))
    count = np.zeros(len(common))
    for row, seen in zip(ln_g, visited, strict=True):
        rebased = row - row[common].mean() + ln_g[0][common].mean()
        total[seen] += rebased[seen]
        count += seen
    with np.errstate(invalid="ignore"):
        return np.where(count > 0, total / count, np.nan)
