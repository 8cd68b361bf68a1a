"""Joint histograms of the energy and one observable, hence the number of states at an energy and a value: ln g(E, X)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.analysis.jackknife import join_blocks, plateau
from parallel_landscape.analysis.segment_reader import Block, Reader
from parallel_landscape.analysis.survey import Partial
from parallel_landscape.analysis.timeline import BLOCKS, Timeline
from parallel_landscape.store.frozen_tables import Frozen

DISTINCT = 512  # values, up to which each gets a bin of its own
BINS = 64  # equal bins otherwise
Real = NDArray[np.float64]


def records_in_window(frozen: Frozen, block: Block) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Level of each record, and whether the record lies where its slot has a weight."""
    slot = np.clip(block["slot"], 0, frozen.slots - 1)
    level = (block["energy"] - frozen.energy_start) // frozen.energy_step
    inside = (block["slot"] == slot) & (level >= frozen.low[slot]) & (level <= frozen.high[slot])
    place = np.where(inside, frozen.offset[frozen.table[slot]] + level - frozen.low[slot], 0)
    return np.where(inside, level, 0), inside & np.isfinite(frozen.ln_weight[place])


@dataclass(frozen=True)
class Values:
    """A `Survey`: the values that an observable takes, or the least and the largest where there are too many."""

    observable: str
    name: str = "values"

    @property
    def request(self) -> dict[str, Any]:
        """What the partial results depend on."""
        return {"observable": self.observable}

    @property
    def columns(self) -> tuple[str, ...]:
        """The observable."""
        return (self.observable,)

    def map(self, reader: Reader) -> Partial:
        """The values in one segment."""
        found, many = np.zeros(0), False
        for _, block in reader.blocks(self.columns):
            found, many = _few(found, block[self.observable], many)
        return {"values": found, "many": np.array([many])}


def _few(found: Real, more: Real, many: bool) -> tuple[Real, bool]:
    """The distinct values of both, or the least and the largest, and whether there are too many."""
    distinct = np.unique(np.concatenate([found, np.unique(more[np.isfinite(more)])]))
    many = many or len(distinct) > DISTINCT
    return (distinct[[0, -1]] if many and len(distinct) else distinct), many


def merge_values(parts: Iterable[Partial]) -> Real:
    """Edges of the bins: between neighbouring values where there are few, else of equal width; empty without values."""
    found, many = np.zeros(0), False
    for part in parts:
        found, many = _few(found, part["values"], many or bool(part["many"][0]))
    if many:
        return np.linspace(found[0], np.nextafter(found[1], np.inf), BINS + 1)
    if len(found) < 2:
        return np.concatenate([found - 0.5, found + 0.5])
    middle = (found[1:] + found[:-1]) / 2
    return np.concatenate([[2 * found[0] - middle[0]], middle, [2 * found[-1] - middle[-1]]])


@dataclass(frozen=True)
class Joint:
    """A `Survey`: records on each level, in each bin of an observable, in each block of time."""

    frozen: Frozen
    timeline: Timeline
    observable: str
    edges: tuple[float, ...]
    name: str = "joint"

    @property
    def request(self) -> dict[str, Any]:
        """What the partial results depend on."""
        about = {"frozen": self.frozen.digest, "observable": self.observable, "edges": list(self.edges)}
        return {**self.timeline.plain(), **about}

    @property
    def bins(self) -> int:
        """Number of bins."""
        return len(self.edges) - 1

    @property
    def columns(self) -> tuple[str, ...]:
        """What places a record, and the observable."""
        return ("slot", "sweep", "energy", self.observable)

    def map(self, reader: Reader) -> Partial:
        """Count one segment."""
        edges, shift = np.array(self.edges), self.timeline.shift + self.timeline.block_shift
        keys, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
        for _, block in reader.blocks(self.columns):
            level, inside = records_in_window(self.frozen, block)
            value = np.searchsorted(edges, block[self.observable], side="right") - 1
            inside &= (value >= 0) & (value < self.bins)
            time = (block["sweep"] // self.timeline.sweeps - 1) >> shift
            key, count = np.unique(((level * self.bins + value) * BLOCKS + time)[inside], return_counts=True)
            keys, counts = add_up(np.concatenate([keys, key]), np.concatenate([counts, count]))
        return {"at": keys, "count": counts}


def add_up(keys: NDArray[np.int64], counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The different keys in order, and the sum of the counts of each."""
    different, where = np.unique(keys, return_inverse=True)
    total = np.zeros(len(different), np.int64)
    np.add.at(total, where, counts)
    return different, total


def merge_joint(survey: Joint, parts: Iterable[Partial]) -> NDArray[np.int64]:
    """Records (levels, bins, blocks)."""
    counts = np.zeros((survey.frozen.levels * survey.bins, survey.timeline.blocks), np.int64)
    for part in parts:
        counts[np.divmod(part["at"], BLOCKS)] += part["count"]
    return counts.reshape(survey.frozen.levels, survey.bins, -1)


def joint_density(counts: NDArray[np.int64], ln_g: Real, ln_g_error: Real, factor: int) -> tuple[NDArray[np.int64], Real, Real]:
    """(counts, ln g, its error) of each level and bin: ln g(E, X) = ln g(E) + ln of the fraction of the level's records.

    counts (levels, bins, blocks); ln_g, ln_g_error (levels,). The error of the fraction is that of a ratio over blocks of time,
    `factor` of them joined at first; a bin seen once or twice has at least the error of counting, 1/sqrt(count).
    """
    total = counts.sum(axis=2)
    on_level = total.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = total / on_level[:, None]
        density = np.where(total > 0, ln_g[:, None] + np.log(fraction), np.nan)

        def errors(joined: int) -> Real:
            blocks = join_blocks(counts, joined)
            number = blocks.shape[2]
            residual = blocks - fraction[:, :, None] * blocks.sum(axis=1, keepdims=True)
            spread = np.sum(residual**2, axis=2) * number / max(1, number - 1)
            return np.asarray(np.where(total > 0, np.sqrt(spread) / np.maximum(total, 1), np.nan))

        _, error = plateau(errors, factor, counts.shape[2])
        least = np.sqrt(np.maximum(1.0 - fraction, 0.0) / np.maximum(total, 1))
    error = np.sqrt(np.maximum(error, least) ** 2 + np.nan_to_num(ln_g_error)[:, None] ** 2)
    return total, density, np.where(total > 0, error, np.nan)
