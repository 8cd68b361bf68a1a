"""P(q) at each temperature, or in each group of coupled replicas: between repeats, between walkers, along a walker.

q = sum_i w_i w'_i / N of two recorded configurations of the same window, all of which are draws from one law. Two that come
from different repeats share nothing but the landscape: their law is P(q). Of one equilibrium state all three laws are the
same; where ergodicity is broken, q between repeats stays below q along a walker (G. Parisi, PRL 50, 1946 (1983)). Errors come
from blocks of time, left out one by one with all their pairs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.analysis.jackknife import jackknife
from parallel_landscape.analysis.overlap import Chosen, merge_chosen, pair_distances
from parallel_landscape.analysis.survey import Partial
from parallel_landscape.store.frozen_tables import Frozen

RECORDS = 4000  # of each window that are compared with each other, at most
BLOCKS = 16  # of time
KINDS = ("between_repeats", "between_walkers", "along_walker")
Real = NDArray[np.float64]


def choose_records(frozen: Frozen, records: int) -> Chosen:
    """The survey that takes enough of so many records of all windows, all with the same chance."""
    windows = int(frozen.window.max()) + 1
    return Chosen(frozen, (min(1.0, RECORDS * windows / max(1, records)),) * frozen.levels, 0)


def window_overlaps(frozen: Frozen, parts: Iterable[Partial], last_sweep: int) -> dict[str, Any]:
    """The group `overlap_windows` of result.nc, from the records of a `choose_records` survey."""
    chosen = merge_chosen(parts)
    window, repeat = (np.zeros(int(frozen.slot.max()) + 1, np.int64) for _ in range(2))
    window[frozen.slot], repeat[frozen.slot] = frozen.window, frozen.repeat
    found: dict[str, list[Any]] = {}
    for number in range(int(frozen.window.max()) + 1):
        mine = np.flatnonzero(window[chosen["slot"]] == number)
        block = np.minimum(BLOCKS - 1, BLOCKS * (chosen["sweep"][mine] - 1) // max(1, last_sweep))
        who = repeat[chosen["slot"][mine]], chosen["walker"][mine]
        cells = _cells(chosen["weights"][mine], block, *who, frozen.weights_count)
        for kind, counts in zip(KINDS, cells, strict=True):
            law, error = _law(counts, np.bincount(block, minlength=BLOCKS).astype(float))
            for name, value in ((kind, law), (f"{kind}_error", error), (f"{kind}_pairs", counts.sum())):
                found.setdefault(name, []).append(value)
    return {"q": np.linspace(-1.0, 1.0, frozen.weights_count + 1), **found}


def _cells(weights: NDArray[np.uint8], block: Any, repeat: Any, walker: Any, count: int) -> NDArray[np.int64]:
    """Pairs (kinds, blocks, blocks, N + 1) by kind, the blocks of the two records, and their distance."""
    cells = np.zeros(len(KINDS) * BLOCKS * BLOCKS * (count + 1), np.int64)
    for first, last, distance in pair_distances(weights):
        a, b = np.arange(first, last), np.arange(first, len(weights))
        kind = np.where(repeat[a, None] != repeat[None, b], 0, np.where(walker[a, None] != walker[None, b], 1, 2))
        key = ((kind * BLOCKS + block[a, None]) * BLOCKS + block[None, b]) * (count + 1) + distance
        cells += np.bincount(key[b[None] > a[:, None]], minlength=len(cells))
    return cells.reshape(len(KINDS), BLOCKS, BLOCKS, count + 1)


def _law(cells: NDArray[np.int64], sizes: Real) -> tuple[Real, Real]:
    """P over q = -1 .. 1 and its error, from pairs (blocks, blocks, N + 1); nan without any."""
    total = cells.sum(axis=(0, 1)).astype(float)
    own = np.array([cells[block, block] for block in range(BLOCKS)])
    left = total - (cells.sum(axis=0) + cells.sum(axis=1) - own)
    with np.errstate(invalid="ignore", divide="ignore"):
        law, laws = total / total.sum(), left / left.sum(axis=1, keepdims=True)
    return law[::-1], jackknife(law, laws, sizes)[::-1]
