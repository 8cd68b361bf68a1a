"""P(q) at each temperature, or in each group of coupled replicas: between repeats, between walkers, along a walker.

q = sum_i w_i w'_i / N of two recorded configurations of weights +-1, or the cosine of the angle between two of continuous
weights, of the same window, all of which are draws from one law. Two that come
from different repeats share nothing but the landscape: their law is P(q). Of one equilibrium state all three laws are the
same; where ergodicity is broken, q between repeats stays below q along a walker (G. Parisi, PRL 50, 1946 (1983)). Errors come
from blocks of time, left out one by one with all their pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.analysis.jackknife import jackknife
from parallel_landscape.analysis.overlap import TILE, Chosen, merge_chosen, pair_distances
from parallel_landscape.analysis.survey import Partial
from parallel_landscape.store.frozen_tables import Frozen

RECORDS = 4000  # of each window that are compared with each other, at most
BYTES = 2**28  # of continuous weights that are compared, of all windows together, at most
BLOCKS = 16  # of time
BINS = 200  # of q, for continuous weights
KINDS = ("between_repeats", "between_walkers", "along_walker")
Real = NDArray[np.float64]


def choose_records(frozen: Frozen, records: int) -> Chosen:
    """The survey that takes enough of so many records of all windows, all with the same chance."""
    return Chosen(frozen, (chance_of_weights(frozen, records),) * frozen.levels, 0)


def overlaps_of_chosen(frozen: Frozen, parts: Iterable[Partial], last_sweep: int) -> dict[str, Any]:
    """`window_overlaps` from the records of a `choose_records` survey."""
    return window_overlaps(frozen, merge_chosen(parts), last_sweep)


@dataclass(frozen=True)
class Scale:
    """Where q lies: `pairs` of weights (M, ...) yields the first row of a tile, the one after its last, q of its rows and all
    from its first on, and the places of these q from 1 downwards; `q` (places,) ascending."""

    pairs: Callable[[NDArray[Any]], Iterator[tuple[int, int, Real, NDArray[np.int64]]]]
    q: Real


def scale_of(frozen: Frozen) -> Scale:
    """One place for each number of weights that differ; bins for continuous weights."""
    if frozen.size:
        return Scale(cosines, middles(BINS))
    count = frozen.weights_count

    def pairs(weights: NDArray[Any]) -> Iterator[tuple[int, int, Real, NDArray[np.int64]]]:
        for first, last, distance in pair_distances(weights):
            yield first, last, 1.0 - 2.0 * distance / count, distance

    return Scale(pairs, np.linspace(-1.0, 1.0, count + 1))


def middles(bins: int) -> Real:
    """The middles of equal bins from -1 to 1."""
    return np.asarray((np.arange(bins) + 0.5) * (2.0 / bins) - 1.0)


def cosines(weights: NDArray[Any]) -> Iterator[tuple[int, int, Real, NDArray[np.int64]]]:
    """`Scale.pairs` of continuous weights (M, n)."""
    norms = np.sqrt(np.einsum("mi,mi->m", weights, weights))
    directions = weights / np.where(norms > 0, norms, 1.0)[:, None]
    for first in range(0, len(weights), TILE):
        last = min(first + TILE, len(weights))
        q = np.clip(directions[first:last] @ directions[first:].T, -1.0, 1.0)
        yield first, last, q, np.minimum((0.5 * BINS * (1.0 - q)).astype(np.int64), BINS - 1)


def chance_of_weights(frozen: Frozen, records: int) -> float:
    """The chance of a record that makes enough of so many of all windows, and no more than memory has room for."""
    room = BYTES / (8 * frozen.size) if frozen.size else np.inf
    return min(1.0, min(RECORDS * (int(frozen.window.max()) + 1), room) / max(1, records))


def window_overlaps(frozen: Frozen, chosen: Partial, last_sweep: int) -> dict[str, Any]:
    """The group `overlap_windows` of result.nc, from records with slot, sweep, walker and weights."""
    scale = scale_of(frozen)
    window, repeat = (np.zeros(int(frozen.slot.max()) + 1, np.int64) for _ in range(2))
    window[frozen.slot], repeat[frozen.slot] = frozen.window, frozen.repeat
    found: dict[str, list[Any]] = {}
    for number in range(int(frozen.window.max()) + 1):
        mine = np.flatnonzero(window[chosen["slot"]] == number)
        block = np.minimum(BLOCKS - 1, BLOCKS * (chosen["sweep"][mine] - 1) // max(1, last_sweep))
        who = repeat[chosen["slot"][mine]], chosen["walker"][mine]
        cells, sums = _cells(scale, chosen["weights"][mine], block, *who)
        sizes = np.bincount(block, minlength=BLOCKS).astype(float)
        for kind, counts, total in zip(KINDS, cells, sums, strict=True):
            law, error = _law(counts, sizes)
            mean, mean_error = _mean(counts.sum(axis=-1), total, sizes)
            row = {"": law, "_error": error, "_pairs": counts.sum(), "_mean": mean, "_mean_error": mean_error}
            for ending, value in row.items():
                found.setdefault(f"{kind}{ending}", []).append(value)
    return {"q": scale.q, **found}


def _cells(scale: Scale, weights: NDArray[Any], block: Any, repeat: Any, walker: Any) -> tuple[NDArray[np.int64], Real]:
    """Pairs (kinds, blocks, blocks, places) by kind, the blocks of the two records, and place; sums of q without the place."""
    places, fields = len(scale.q), len(KINDS) * BLOCKS * BLOCKS
    cells, sums = np.zeros(fields * places, np.int64), np.zeros(fields)
    for first, last, q, place in scale.pairs(weights):
        a, b = np.arange(first, last), np.arange(first, len(weights))
        kind = np.where(repeat[a, None] != repeat[None, b], 0, np.where(walker[a, None] != walker[None, b], 1, 2))
        later = b[None] > a[:, None]
        key = ((kind * BLOCKS + block[a, None]) * BLOCKS + block[None, b])[later]
        cells += np.bincount(key * places + place[later], minlength=len(cells))
        sums += np.bincount(key, q[later], len(sums))
    shape = len(KINDS), BLOCKS, BLOCKS
    return cells.reshape(*shape, places), sums.reshape(shape)


def _without(table: NDArray[Any]) -> NDArray[Any]:
    """Sums of (blocks, blocks, ...) over all pairs in which a block has no part, for each block."""
    own = np.array([table[block, block] for block in range(BLOCKS)])
    return np.asarray(table.sum(axis=(0, 1)) - (table.sum(axis=0) + table.sum(axis=1) - own))


def _mean(pairs: NDArray[np.int64], sums: Real, sizes: Real) -> tuple[float, float]:
    """Mean of q and its error, from pairs and sums of q (blocks, blocks); nan without any."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, left = sums.sum() / np.float64(pairs.sum()), _without(sums) / _without(pairs)
    return float(mean), float(jackknife(np.asarray(mean), left, sizes))


def _law(cells: NDArray[np.int64], sizes: Real) -> tuple[Real, Real]:
    """P over q from -1 to 1 and its error, from pairs (blocks, blocks, places); nan without any."""
    total, left = cells.sum(axis=(0, 1)).astype(float), _without(cells).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        law, laws = total / total.sum(), left / left.sum(axis=1, keepdims=True)
    return law[::-1], jackknife(law, laws, sizes)[::-1]
