"""The survey of where segments end in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from parallel_landscape.analysis.segment_reader import Reader
from parallel_landscape.analysis.survey import Partial


@dataclass(frozen=True)
class Ends:
    """A `Survey`: the last sweep of a segment."""

    name: str = "ends"

    @property
    def request(self) -> dict[str, Any]:
        """Nothing but the segment."""
        return {}

    @property
    def columns(self) -> tuple[str, ...]:
        """None."""
        return ()

    def map(self, reader: Reader) -> Partial:
        """Its last sweep, 0 without records."""
        ends = reader.first_and_last("sweep") if reader.source.records else None
        return {"last": np.array([0 if ends is None else ends[1]])}
