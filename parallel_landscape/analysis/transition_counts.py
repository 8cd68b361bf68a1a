"""The survey of the proposals that segments count. What comes of them is in `transition`, which workers need not import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from parallel_landscape.analysis.segment_reader import Reader
from parallel_landscape.analysis.survey import Partial
from parallel_landscape.store.frozen_tables import Frozen

BEYOND = 2_147_483_647  # stands for all changes that are not kept singly
GROUP = "transitions"


@dataclass(frozen=True)
class Transitions:
    """A `Survey`: the counts of a segment, with the time in its middle (look)."""

    frozen: Frozen
    name: str = "transitions"

    @property
    def request(self) -> dict[str, Any]:
        """What the partial results depend on."""
        return {"frozen": self.frozen.digest}

    @property
    def columns(self) -> tuple[str, ...]:
        """None."""
        return ()

    def map(self, reader: Reader) -> Partial:
        """Add up equal transitions of one segment."""
        if GROUP not in reader.file:
            return {"count": np.zeros(0, np.int64)}
        group = reader.file[GROUP]
        slot, level, change, count = (group[name][...].astype(np.int64) for name in ("slot", "level", "change", "count"))
        key, where = np.unique(np.stack([slot, level, change]), axis=1, return_inverse=True)
        total = np.zeros(key.shape[1], np.int64)
        np.add.at(total, where.reshape(-1), count)
        ends = reader.first_and_last("sweep") if reader.source.records else None
        middle = 0 if ends is None else (ends[0] + ends[1]) // 2
        return {"count": total, "slot": key[0], "level": key[1], "change": key[2], "middle": np.array([middle])}
