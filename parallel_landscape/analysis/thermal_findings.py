"""All that is asked of the records of continuous weights, put together as groups of result.nc."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from parallel_landscape.analysis import overlap_windows, thermal
from parallel_landscape.analysis.survey import Partial, Survey
from parallel_landscape.analysis.thermal_records import Some, Spans, merge_some, merge_spans
from parallel_landscape.analysis.timeline import Timeline
from parallel_landscape.store.frozen_tables import Frozen

Groups = dict[str, dict[str, Any]]


class Ask(Protocol):
    """As in `findings`."""

    def __call__(self, *surveys: Survey) -> list[Iterator[Partial]]:
        """Partial results of each survey in order, by one pass over the segments."""
        ...


def is_thermal(frozen: Frozen) -> bool:
    """Whether real energies were recorded at given temperatures, of coupled replicas or not."""
    return frozen.size > 0 and frozen.ensemble in ("canonical", "coupled")


def thermal_findings(
    ask: Ask,
    frozen: Frozen,
    timeline: Timeline,
    betas: Iterable[float] | None,
    windows: dict[str, Any],
    records: int,
    said: list[str],
) -> tuple[Groups, dict[str, Any]]:
    """Groups and attributes; `windows` is the table that the run's end wrote, which is kept; `said` gets sentences."""
    spans, energies = Spans(frozen, timeline), Some(frozen, thermal.chance_of(frozen, records))
    weights = Some(frozen, overlap_windows.chance_of_weights(frozen, records), weights=True)
    parts = ask(spans, energies, weights)
    moments, last = merge_spans(spans, parts[0]), timeline.records * timeline.sweeps
    ladder = thermal.ladder_of(moments, frozen, timeline)
    found: Groups = {"": {}, "ladder": ladder.columns, "windows": windows or {"beta": frozen.betas}}
    said += thermal.doubts(moments, ladder, int(frozen.repeat.max()) + 1)
    attributes: dict[str, Any] = {"normalisation": "none", "observables": [one.name for one in frozen.observables] or [""]}
    if frozen.ensemble == "canonical":
        ground = thermal.ground_below(ladder)
        found["canonical"] = thermal.reweighted(frozen, merge_some(parts[1]), betas, last, said, ladder.blocks)
        for group in (found["canonical"], ladder.columns):
            thermal.add_dimensions(group, ground)
        attributes |= {"estimator": "mbar", "energy_at_zero": math.nan if ground is None else ground.energy}
        attributes["temperatures_on_line"] = 0 if ground is None else ground.count
    chosen = merge_some(parts[2])
    if "weights" in chosen:
        found["overlap_windows"] = overlap_windows.window_overlaps(frozen, chosen, last)
    else:
        said.append("no weights were recorded, so that there are no overlaps: run again with [production] weights = true")
    return found, attributes
