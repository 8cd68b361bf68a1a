"""The surveys of records with real energies: moments of each slot in bins of time, and some records as they are.

Sums are taken about means (T. F. Chan, G. H. Golub, R. J. LeVeque, Am. Stat. 37, 242 (1983), eq. 2.1), so that a variance keeps
its digits where energies are large.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.analysis.overlap import uniform_of, weights_at
from parallel_landscape.analysis.segment_reader import Reader
from parallel_landscape.analysis.survey import Partial
from parallel_landscape.analysis.timeline import BINS, Timeline
from parallel_landscape.store.frozen_tables import Frozen

PLACED = ("slot", "sweep", "energy")
Real = NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """Of each slot in each bin of time, (slots, bins): count, mean and sum of squared deviations of the energy; sums of the
    observables (observables, slots, bins). `strange`: records that fit nowhere."""

    count: NDArray[np.int64]
    mean: Real
    squares: Real
    sums: Real
    strange: int = 0


@dataclass(frozen=True)
class Spans:
    """A `Survey`: the moments of a segment, without its empty bins."""

    frozen: Frozen
    timeline: Timeline
    name: str = "spans"

    @property
    def request(self) -> dict[str, Any]:
        """What the partial results depend on."""
        return {**self.timeline.plain(), "frozen": self.frozen.digest}

    @property
    def columns(self) -> tuple[str, ...]:
        """What places a record, and all observables."""
        return (*PLACED, *(observable.name for observable in self.frozen.observables))

    def map(self, reader: Reader) -> Partial:
        """Moments of one segment, block by block."""
        names, strange = self.columns[len(PLACED) :], 0
        width = max(1, self.timeline.bins)
        found = _empty(self.frozen.slots * width, len(names))
        for _, block in reader.blocks(self.columns):
            inside = self._inside(block)
            strange += int(np.count_nonzero(~inside))
            at = block["slot"][inside].astype(np.int64) * width + self._bins(block["sweep"][inside])
            places, where = np.unique(at, return_inverse=True)
            energy = np.asarray(block["energy"][inside], float)
            count = np.bincount(where, minlength=len(places))
            mean = np.bincount(where, energy, len(places)) / np.maximum(count, 1)
            squares = np.bincount(where, (energy - mean[where]) ** 2, len(places))
            sums = np.zeros((len(names), len(places)))
            for row, name in zip(sums, names, strict=True):
                row[:] = np.bincount(where, np.asarray(block[name][inside], float), len(places))
            _merge(found, places, count, mean, squares, sums)
        there = np.flatnonzero(found.count)
        return {
            "strange": np.array([strange]), "at": there // width * BINS + there % width, "count": found.count[there],
            "mean": found.mean[there], "squares": found.squares[there], "sums": found.sums[:, there],
        }  # fmt: skip

    def _bins(self, sweep: NDArray[Any]) -> NDArray[np.int64]:
        return np.asarray((sweep.astype(np.int64) // self.timeline.sweeps - 1) >> self.timeline.shift)

    def _inside(self, block: dict[str, NDArray[Any]]) -> NDArray[np.bool_]:
        slot, bins = block["slot"], self._bins(block["sweep"])
        fits = (slot >= 0) & (slot < self.frozen.slots) & (bins >= 0) & (bins < self.timeline.bins)
        return np.asarray(fits & np.isfinite(block["energy"]))


def _empty(places: int, kinds: int) -> Moments:
    return Moments(np.zeros(places, np.int64), np.zeros(places), np.zeros(places), np.zeros((kinds, places)))


def _merge(into: Moments, at: NDArray[np.int64], count: Any, mean: Real, squares: Any, sums: Real) -> None:
    """Add moments at places that are all different."""
    before = into.count[at]
    both = np.maximum(before + count, 1)
    apart = mean - into.mean[at]
    into.mean[at] += apart * (count / both)
    into.squares[at] += squares + apart**2 * (before * count / both)
    into.sums[:, at] += sums
    into.count[at] += count


def merge_spans(survey: Spans, parts: Iterable[Partial]) -> Moments:
    """All segments together, in their order."""
    slots, kinds, strange = survey.frozen.slots, len(survey.frozen.observables), 0
    shape = slots, max(1, survey.timeline.bins)
    found = _empty(slots * shape[1], kinds)
    for part in parts:
        strange += int(part["strange"][0])
        at = part["at"] // BINS * shape[1] + part["at"] % BINS
        _merge(found, at, part["count"], part["mean"], part["squares"], part["sums"])
    tables = (found.mean.reshape(shape), found.squares.reshape(shape), found.sums.reshape(kinds, *shape))
    return Moments(found.count.reshape(shape), *tables, strange)


@dataclass(frozen=True)
class Some:
    """A `Survey`: each record with the same chance, by slot and sweep alone; its energy and observables, or its weights, where
    they were recorded."""

    frozen: Frozen
    chance: float
    weights: bool = False
    name: str = "some"

    @property
    def request(self) -> dict[str, Any]:
        """What the partial results depend on."""
        return {"frozen": self.frozen.digest, "chance": self.chance, "weights": self.weights}

    @property
    def columns(self) -> tuple[str, ...]:
        """What says which records are taken, and what is read of all."""
        more = () if self.weights else ("energy", *(observable.name for observable in self.frozen.observables))
        return ("slot", "sweep", "walker", *more)

    def map(self, reader: Reader) -> Partial:
        """Choose from one segment; weights are read only around what was chosen."""
        wanted = self.weights and "weights" in reader.file
        rows: list[Partial] = []
        for first, block in reader.blocks(self.columns):
            inside = (block["slot"] >= 0) & (block["slot"] < self.frozen.slots)
            taken = np.flatnonzero(inside & (uniform_of(block["slot"], block["sweep"]) < self.chance))
            more: Partial = {}
            if wanted:
                taken, more["weights"] = weights_at(reader, first, taken)
            rows.append({name: block[name][taken] for name in self.columns} | more)
        if not rows:
            rows = [{name: np.zeros(0, reader.file[name].dtype) for name in self.columns}]
            rows[0] |= {"weights": np.zeros((0, self.frozen.size))} if wanted else {}
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def merge_some(parts: Iterable[Partial]) -> Partial:
    """All chosen records in the order of the catalogue; "weights" only where every segment has them."""
    rows = list(parts)
    names = [name for name in rows[0] if all(name in row for row in rows)]
    return {name: np.concatenate([row[name] for row in rows]) for name in names}
