"""P(q | energies): the law of the overlap of two configurations within a range of energies, from stored weights.

q = sum_i w_i w'_i / N for weights of +-1, that is 1 - 2 d / N with d the number of bits that differ. Records are compared in
pairs, in blocks that fit the processor's caches, by counting the bits of an exclusive or.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
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
STRATA = 6  # of levels, at most
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

    @property
    def columns(self) -> tuple[str, ...]:
        """What places a record."""
        return ("slot", "sweep", "energy", "walker")

    def map(self, reader: Reader) -> Partial:
        """Choose from one segment; weights are read only around what was chosen."""
        rows: list[Partial] = []
        chance = np.zeros(self.frozen.levels)
        chance[self.low : self.low + len(self.chance)] = self.chance
        for first, block in reader.blocks(self.columns):
            level, inside = records_in_window(self.frozen, block)
            taken = np.flatnonzero(inside & (uniform_of(block["slot"], block["sweep"]) < chance[level]))
            taken, weights = weights_at(reader, first, taken)
            rows.append({
                **{name: block[name][taken].astype(np.int64) for name in ("slot", "sweep", "walker")},
                "level": level[taken], "weights": weights,
            })  # fmt: skip
        width = -(-self.frozen.weights_count // 8)
        empty = {name: np.zeros(0, np.int64) for name in ("slot", "sweep", "walker", "level")}
        rows.append({**empty, "weights": np.zeros((0, width), np.uint8)})
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def weights_at(reader: Reader, first: int, taken: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Stored weights of the records `first + taken`, read a chunk at a time; those in a bad chunk are lost."""
    stored = reader.file["weights"]
    chunk = stored.chunks[0] if stored.chunks else 4096
    good, found = [np.zeros(0, np.int64)], [np.zeros((0, stored.shape[1]), stored.dtype)]
    for number in np.unique((first + taken) // chunk):
        here = taken[(first + taken) // chunk == number]
        start, stop = first + int(here[0]), first + int(here[-1]) + 1
        try:
            found.append(stored[start:stop][first + here - start])
            good.append(here)
        except OSError:
            reader.lost.append((int(number) * chunk, len(here), "weights"))
    return np.concatenate(good), np.concatenate(found)


def uniform_of(slot: NDArray[Any], sweep: NDArray[Any]) -> Real:
    """A number in [0, 1) for every record, from slot and sweep: the finaliser of splitmix64, Steele et al., OOPSLA 2014."""
    with np.errstate(over="ignore"):
        x = (slot.astype(np.uint64) << np.uint64(40)) + sweep.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(((x ^ (x >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53)


def wanted(pairs: int) -> float:
    """How many records make so many pairs."""
    return math.sqrt(2.0 * pairs)


def choose(samples: NDArray[np.int64], ln_g: Real, number: float) -> Real:
    """The chance of every level so that about `number` records are taken, of each level as its states deserve.

    A state on level E is recorded n(E) / g(E) times, so its records should be taken in proportion to g(E) / n(E); where there
    are too few, all are taken and weigh more.
    """
    there = (samples > 0) & np.isfinite(ln_g)
    ratio = np.where(there, np.exp(ln_g - np.max(ln_g[there])), 0.0) / np.maximum(samples, 1)
    scale = 1.0 / ratio[there].min()
    if samples[there].sum() > number:
        low, high = 0.0, scale
        for _ in range(200):
            scale = (low + high) / 2
            low, high = (scale, high) if np.minimum(1.0, scale * ratio) @ samples < number else (low, scale)
    return np.asarray(np.minimum(1.0, scale * ratio))


@dataclass(frozen=True)
class Overlaps:
    """probability, its error, and probability_within: (N + 1,) over q = -1 .. 1; pairs that were compared."""

    probability: Real
    error: Real
    within: Real
    pairs: int
    pairs_within: int


@dataclass(frozen=True)
class Strata:
    """Adjacent levels taken together: `number` (levels,) of the stratum, -1 for none; `share` (levels,): what a record of the
    level weighs within its stratum."""

    number: NDArray[np.int64]
    share: Real
    count: int

    def weights(self, ln_g: Real) -> Real:
        """Fraction of all states that each stratum holds, from ln_g (..., levels)."""
        usable = (self.number >= 0) & np.isfinite(ln_g)
        inside = np.where(usable, ln_g, -np.inf)
        states = np.exp(inside - inside.max(axis=-1, keepdims=True))
        held = np.stack([states[..., self.number == stratum].sum(axis=-1) for stratum in range(self.count)], axis=-1)
        return np.asarray(held / held.sum(axis=-1, keepdims=True))


def make_strata(taken: NDArray[np.int64], ln_g: Real) -> Strata:
    """Strata of about the same number of states, from the records taken on each level (levels,)."""
    there = (taken > 0) & np.isfinite(ln_g)
    states = np.where(there, np.exp(ln_g - ln_g[there].max()), 0.0)
    levels = np.flatnonzero(there)
    reached = np.cumsum(states[levels]) / states.sum()
    stratum = np.minimum((reached * STRATA * (1 - 1e-12)).astype(np.int64), STRATA - 1)
    number = np.full(len(ln_g), -1)
    number[levels] = np.unique(stratum, return_inverse=True)[1]
    return Strata(number, states / np.maximum(taken, 1), int(number.max()) + 1)


def overlaps(chosen: Partial, ln_g: Real, left_ln_g: Real, sizes: Real, count: int, last_sweep: int) -> Overlaps:
    """P(q) between records of different walkers in different slots, and between those of one walker, from the records of a
    `Chosen` survey. ln_g (levels,), and without one block of time each (blocks, levels) of `sizes`; count: weights of a state.

    Pairs of two strata make a law of their own; P is the mean of these laws by the number of states. Its error has two parts:
    that of the laws, by leaving out groups of time with all their pairs, and that of the numbers of states.
    """
    order = np.lexsort((chosen["slot"], chosen["sweep"]))
    record = {name: column[order] for name, column in chosen.items()}
    record["group"] = np.minimum(GROUPS - 1, GROUPS * (record["sweep"] - 1) // max(1, last_sweep))
    strata = make_strata(np.bincount(record["level"], minlength=len(ln_g)), ln_g)
    tally = _tally(record, strata, count)
    held = strata.weights(ln_g)
    groups = np.bincount(record["group"], minlength=GROUPS).astype(float)
    apart = tally.cells.sum(axis=(0, 1))
    law = _law(apart, held)
    left = np.array([_law(apart - mine, held) for mine in tally.of_groups()])
    weighed = np.array([_law(apart, row) for row in strata.weights(left_ln_g)])
    spread = _corrected(jackknife(law, left, groups) ** 2, tally.cells, held)
    error = np.sqrt(spread + np.nan_to_num(jackknife(law, weighed, sizes)) ** 2)
    return Overlaps(law[::-1], error[::-1], _law(tally.within, held)[::-1], tally.pairs, tally.pairs_within)


@dataclass
class _Tally:
    """Weighted pairs by strata and distance: cells (groups, groups, strata, strata, N + 1), of two groups of time, the earlier
    one first; within (strata, strata, N + 1)."""

    cells: Real
    within: Real
    pairs: int = 0
    pairs_within: int = 0

    def of_groups(self) -> Real:
        """(groups, strata, strata, N + 1): pairs in which each group of time has a part."""
        own = np.array([self.cells[group, group] for group in range(GROUPS)])
        return np.asarray(self.cells.sum(axis=0) + self.cells.sum(axis=1) - own)


def _corrected(variance: Real, cells: Real, held: Real) -> Real:
    """The jackknife's variance (N + 1,) less what it counts twice: how much the law of two groups of time differs from what
    these two have in common with all others.

    B. Efron and C. Stein, Ann. Stat. 9, 586 (1981): of a mean over pairs, the jackknife doubles the variance of this part.
    """
    first, second = np.triu_indices(GROUPS, 1)
    filled = cells[first, second].sum(axis=(1, 2, 3)) > 0
    if not filled.all():
        return variance
    laws = np.zeros((GROUPS, GROUPS, cells.shape[-1]))
    laws[first, second] = [_law(pairs, held) for pairs in cells[first, second]]
    laws += laws.swapaxes(0, 1)
    mean = laws[first, second].mean(axis=0)
    of_group = (laws.sum(axis=1) / (GROUPS - 1) - mean) * (GROUPS - 1) / (GROUPS - 2)
    rest = laws[first, second] - mean - of_group[first] - of_group[second]
    mixed = np.sum(rest**2, axis=0) / (GROUPS * (GROUPS - 3) / 2)
    return np.asarray(np.maximum(variance - 2 * mixed / (GROUPS * (GROUPS - 1)), variance / 2))


def _tally(record: Partial, strata: Strata, count: int) -> _Tally:
    """Compare all pairs, a tile at a time."""
    shape = (strata.count, strata.count, count + 1)
    tally = _Tally(np.zeros((GROUPS, GROUPS, *shape)), np.zeros(shape))
    bits, group = _words(record["weights"]), record["group"]
    share, stratum = strata.share[record["level"]], strata.number[record["level"]]
    tiles = _tiles(group)
    for i, (first, last) in enumerate(tiles):
        for other, other_last in tiles[i:]:
            a, b = slice(first, last), slice(other, other_last)
            key = _distances(bits[a], bits[b]) + (stratum[a, None] * strata.count + stratum[None, b]) * (count + 1)
            product = share[a, None] * share[None, b]
            later = np.ones(key.shape, bool) if first != other else np.triu(np.ones(key.shape, bool), 1)
            same = later & (record["walker"][a, None] == record["walker"][None, b])
            strangers = later & ~same & (record["slot"][a, None] != record["slot"][None, b])
            found = np.bincount(key[strangers], product[strangers], tally.within.size).reshape(shape)
            tally.cells[group[first], group[other]] += found
            tally.within += np.bincount(key[same], product[same], tally.within.size).reshape(shape)
            tally.pairs, tally.pairs_within = tally.pairs + int(strangers.sum()), tally.pairs_within + int(same.sum())
    return tally


def _law(pairs: Real, held: Real) -> Real:
    """P over the distance, from pairs (strata, strata, N + 1) and the fraction of states in each stratum."""
    pairs = pairs + pairs.swapaxes(0, 1)
    total = pairs.sum(axis=2)
    weight = np.outer(held, held) * (total > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        laws = np.where(total[:, :, None] > 0, pairs / total[:, :, None], 0.0)
        return np.asarray(np.einsum("ab,abq->q", weight, laws) / weight.sum())


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


def pair_distances(weights: NDArray[np.uint8]) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
    """First row of a tile and the one after its last, and the bits that differ between its rows and all from its first on."""
    bits = _words(weights)
    for first in range(0, len(bits), TILE):
        last = min(first + TILE, len(bits))
        yield first, last, _distances(bits[first:last], bits[first:])


def _distances(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Bits that differ, (rows of a, rows of b)."""
    found = np.zeros((len(a), len(b)), np.int64)
    for word in range(a.shape[1]):
        found += np.bitwise_count(a[:, word, None] ^ b[None, :, word])
    return found


def merge_chosen(parts: Iterable[Partial]) -> Partial:
    """All chosen records in the order of the catalogue."""
    rows = list(parts)
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def nothing(count: int) -> Overlaps:
    """Of a range in which nothing was recorded."""
    empty = np.full(count + 1, np.nan)
    return Overlaps(empty, empty.copy(), empty.copy(), 0, 0)
