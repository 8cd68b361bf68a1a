"""P(q | energies): the law of the overlap of two configurations within a range of energies, from stored weights.

q = sum_i w_i w'_i / N for weights of +-1, that is 1 - 2 d / N with d the number of bits that differ. Records are compared in
pairs, in blocks that fit the processor's caches, by counting the bits of an exclusive or.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.analysis.jackknife import jackknife
from parallel_landscape.analysis.joint import records_in_window
from parallel_landscape.analysis.segment_reader import Reader
from parallel_landscape.analysis.survey import Partial
from parallel_landscape.store.frozen_tables import Frozen

PAIRS = 100_000_000  # compared in each range at most, unless asked otherwise
GROUPS = 16  # of time, left out one by one
TILE = 256  # records on a side of a block of pairs
Real = NDArray[np.float64]


@dataclass(frozen=True)
class Chosen:
    """A `Survey`: the records of some levels, each taken with the probability `chance` (levels,) of its level. The choice
    depends on slot and sweep alone."""

    frozen: Frozen
    chance: tuple[float, ...]
    low: int
    name: str = "chosen"

    @property
    def request(self) -> dict[str, Any]:
        """What the partial results depend on."""
        return {"frozen": self.frozen.digest, "chance": list(self.chance), "low": self.low}

    def map(self, reader: Reader) -> Partial:
        """Choose from one segment; weights are read only around what was chosen."""
        rows: list[Partial] = []
        chance = np.zeros(self.frozen.levels)
        chance[self.low : self.low + len(self.chance)] = self.chance
        for first, block in reader.blocks(["slot", "sweep", "energy", "walker"]):
            level, inside = records_in_window(self.frozen, block)
            taken = np.flatnonzero(inside & (_uniform(block["slot"], block["sweep"]) < chance[level]))
            taken, weights = _weights_of(reader, first, taken)
            rows.append({
                **{name: block[name][taken].astype(np.int64) for name in ("slot", "sweep", "walker")},
                "level": level[taken], "weights": weights,
            })  # fmt: skip
        width = -(-self.frozen.weights_count // 8)
        empty = {name: np.zeros(0, np.int64) for name in ("slot", "sweep", "walker", "level")}
        rows.append({**empty, "weights": np.zeros((0, width), np.uint8)})
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def _weights_of(reader: Reader, first: int, taken: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Stored weights of the records `first + taken`, read a chunk at a time; those in a bad chunk are lost."""
    stored = reader.file["weights"]
    chunk = stored.chunks[0] if stored.chunks else 4096
    good, found = [np.zeros(0, np.int64)], [np.zeros((0, stored.shape[1]), np.uint8)]
    for number in np.unique((first + taken) // chunk):
        here = taken[(first + taken) // chunk == number]
        start, stop = first + int(here[0]), first + int(here[-1]) + 1
        try:
            found.append(stored[start:stop][first + here - start])
            good.append(here)
        except OSError:
            reader.lost.append((int(number) * chunk, len(here), "weights"))
    return np.concatenate(good), np.concatenate(found)


def _uniform(slot: NDArray[Any], sweep: NDArray[Any]) -> Real:
    """A number in [0, 1) for every record, from slot and sweep: the finaliser of splitmix64, Steele et al., OOPSLA 2014."""
    with np.errstate(over="ignore"):
        x = (slot.astype(np.uint64) << np.uint64(40)) + sweep.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(((x ^ (x >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53)


def choose(samples: NDArray[np.int64], ln_g: Real, wanted: float) -> tuple[Real, Real]:
    """(chance, weight) of every level so that about `wanted` records are taken and, with their weights, stand for all states.

    A state on level E is recorded n(E) / g(E) times, so its records should be taken in proportion to g(E) / n(E); where there
    are too few, all are taken and weigh more.
    """
    there = (samples > 0) & np.isfinite(ln_g)
    ratio = np.where(there, np.exp(ln_g - np.max(ln_g[there])), 0.0) / np.maximum(samples, 1)
    scale = 1.0 / ratio[there].min()
    if samples[there].sum() > wanted:
        low, high = 0.0, scale
        for _ in range(200):
            scale = (low + high) / 2
            low, high = (scale, high) if np.minimum(1.0, scale * ratio) @ samples < wanted else (low, scale)
    chance = np.minimum(1.0, scale * ratio)
    # levels that would give less than one record in a thousand of their share are noise, not signal
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(chance > 0, scale * ratio / chance, 0.0)
    return chance, weight


@dataclass(frozen=True)
class Overlaps:
    """probability, its error, and probability_within: (N + 1,) over q = -1 .. 1; pairs that were compared."""

    probability: Real
    error: Real
    within: Real
    pairs: int
    pairs_within: int


def overlaps(chosen: Partial, weight: Real, count: int, last_sweep: int) -> Overlaps:
    """P(q) between records of different walkers in different slots, and between those of one walker, from the records of a
    `Chosen` survey, the weight of each level, and the number of weights of a configuration."""
    order = np.lexsort((chosen["slot"], chosen["sweep"]))
    record = {name: column[order] for name, column in chosen.items()}
    groups = np.minimum(GROUPS - 1, GROUPS * (record["sweep"] - 1) // max(1, last_sweep))
    share = weight[record["level"]]
    bits = _words(record["weights"])
    apart, within = np.zeros((GROUPS, GROUPS, count + 1)), np.zeros(count + 1)
    pairs = pairs_within = 0
    starts = _tiles(groups)
    for i, (first, last) in enumerate(starts):
        for other, other_last in starts[i:]:
            a, b = slice(first, last), slice(other, other_last)
            differ = _distances(bits[a], bits[b])
            product = share[a, None] * share[None, b]
            later = np.ones(differ.shape, bool) if first != other else np.triu(np.ones(differ.shape, bool), 1)
            same = record["walker"][a, None] == record["walker"][None, b]
            strangers = later & ~same & (record["slot"][a, None] != record["slot"][None, b])
            apart[groups[first], groups[other]] += np.bincount(differ[strangers], product[strangers], count + 1)
            within += np.bincount(differ[later & same], product[later & same], count + 1)
            pairs, pairs_within = pairs + int(strangers.sum()), pairs_within + int((later & same).sum())
    return Overlaps(
        *_law(apart, np.bincount(groups, minlength=GROUPS).astype(float)), _normal(within)[::-1], pairs, pairs_within
    )


def _words(weights: NDArray[np.uint8]) -> NDArray[np.uint64]:
    width = -(-weights.shape[1] // 8) * 8
    padded = np.zeros((len(weights), width), np.uint8)
    padded[:, : weights.shape[1]] = weights
    return padded.view(np.uint64)


def _tiles(groups: NDArray[np.int64]) -> list[tuple[int, int]]:
    """(first, one after the last) record of blocks that lie in one group each."""
    found = []
    for group in np.unique(groups):
        first, last = np.searchsorted(groups, [group, group + 1])
        found += [(start, min(start + TILE, int(last))) for start in range(int(first), int(last), TILE)]
    return found


def _distances(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Bits that differ, (rows of a, rows of b)."""
    found = np.zeros((len(a), len(b)), np.int64)
    for word in range(a.shape[1]):
        found += np.bitwise_count(a[:, word, None] ^ b[None, :, word])
    return found


def _normal(histogram: Real) -> Real:
    total = histogram.sum()
    return histogram / total if total > 0 else np.full(histogram.shape, np.nan)


def _law(apart: Real, sizes: Real) -> tuple[Real, Real]:
    """Probability over q from -1 up, and its error by leaving out one group of time with all its pairs."""
    whole = _normal(apart.sum(axis=(0, 1)))
    left = []
    for group in range(GROUPS):
        kept = np.arange(GROUPS) != group
        left.append(_normal(apart[np.ix_(kept, kept)].sum(axis=(0, 1))))
    error = jackknife(whole, np.array(left), sizes)
    return whole[::-1], error[::-1]


def merge_chosen(parts: Iterable[Partial]) -> Partial:
    """All chosen records in the order of the catalogue."""
    rows = list(parts)
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def nothing(count: int) -> Overlaps:
    """Of a range in which nothing was recorded."""
    empty = np.full(count + 1, np.nan)
    return Overlaps(empty, empty.copy(), empty.copy(), 0, 0)
