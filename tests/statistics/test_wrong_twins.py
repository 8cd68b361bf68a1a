"""Walkers under frozen weights have a distribution known exactly; deliberately wrong rules must be told from the right one.

Two overlapping windows of the 4 x 4 Ising model, ln f = 0. The tables are the exact ln g, tilted up in one window and down in
the other, so the visits of window i must be proportional to exp(-tilt_i) on the levels that exist, with exchange as without.
(With the same ln g in both windows every exchange is accepted, and no mistake in its rule could show.) The tilts drive the
walkers into the overlap, where they meet. The constant of a table must not matter: here the largest value is 0.

The test. Visits of both windows in each of B batches, far longer than the walkers remember, make B independent vectors of
frequencies, k = 18 of them free. Hotelling's T^2 of their mean against the exact one gives a p-value, F(k, B - k). The right
code is refused below 1e-4: that is the false-alarm rate, and with fixed seeds it is no alarm or always one. A wrong twin must
come out below 1e-12.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from oracles import ln_beale
from scipy import stats

from parallel_landscape.ensembles.wang_landau import cost, visit
from parallel_landscape.exchange import swap
from parallel_landscape.exchange.comm import Comm, Serial
from parallel_landscape.exchange.layout import Layout
from parallel_landscape.landscape import Landscape
from parallel_landscape.landscapes.ising import ising_2d
from parallel_landscape.rng import BLOCK, Purpose, draw_block
from parallel_landscape.sampler import Sampler, make_sampler
from parallel_landscape.specialise import specialise
from parallel_landscape.walker import Slot

pytestmark = pytest.mark.statistics

FALSE_ALARM, REJECTED = 1e-4, 1e-12
BATCHES, ROUNDS, SWEEPS = 100, 300, 2  # a batch is 600 sweeps; walkers cross their window in some tens
WINDOWS = ((0, 10), (6, 16))
TILTS = (-0.25, 0.25)  # per level
LAYOUT = Layout(repeats=1, windows=2, walkers=2)


@cache
def exact() -> NDArray[np.float64]:
    """ln g on all levels of the landscape, +inf where there is no state."""
    landscape = ising_2d(4)
    table = np.full(len(landscape.levels), np.inf)
    for energy, ln_g in zip(*ln_beale(4), strict=True):
        table[landscape.levels.index(int(energy))] = ln_g
    return table


def frozen_table(window: int) -> NDArray[np.float64]:
    """The exact ln g of the window, tilted, largest value 0."""
    low, high = WINDOWS[window]
    table = np.full(len(exact()), np.inf)
    inside = np.arange(low, high + 1)
    table[inside] = exact()[inside] + TILTS[window] * inside
    return np.where(np.isfinite(table), table - table[np.isfinite(table)].max(), np.inf)


def expected(window: int) -> NDArray[np.float64]:
    """Fraction of visits on each level."""
    exists = np.isfinite(frozen_table(window))
    weight = np.where(exists, np.exp(-TILTS[window] * np.arange(len(exists))), 0.0)
    return weight / weight.sum()


def slots_of(sampler: Sampler, seed: int) -> dict[int, Slot]:
    """Four slots with frozen tables, their walkers somewhere inside."""
    slots = {}
    rng = np.random.default_rng(seed)
    for number in range(LAYOUT.slots):
        low, high = WINDOWS[LAYOUT.place(number).window]
        slot = sampler.new_slot(number)
        while not low <= slot.walker.level <= high:
            slot.walker.state = sampler.landscape.initial(rng)
            slot.walker.level = sampler.recomputed_level(slot.walker)
        slot.ln_g[:] = frozen_table(LAYOUT.place(number).window)
        slot.reached = True
        slots[number] = slot
    return slots


def frequencies(sampler: Sampler, seed: int, exchanges: bool) -> NDArray[np.float64]:
    """(batches, windows, levels) fraction of visits."""
    slots = slots_of(sampler, seed)
    steps = SWEEPS * sampler.landscape.sweep
    found = np.zeros((BATCHES, len(WINDOWS), sampler.levels))
    for batch in range(-5, BATCHES):  # the first five are thrown away
        for slot in slots.values():
            slot.histogram[:] = 0
        for number in range(ROUNDS):
            for slot in slots.values():
                sampler.advance(slot, Purpose.LEARN, 0.0, steps)
            if exchanges:
                even = 2 * ((batch + 5) * ROUNDS + number)  # two windows meet in even rounds only
                swap.exchange(slots, lambda _: True, lambda *_: False, LAYOUT, Serial(), seed, even)
        if batch >= 0:
            for slot in slots.values():
                found[batch, LAYOUT.place(slot.number).window] += slot.histogram
    return found / found.sum(axis=2, keepdims=True)


def p_value(found: NDArray[np.float64]) -> float:
    """Chance of so large a distance between the mean of independent vectors and the expected one (Hotelling)."""
    deviations = []
    for window in range(len(WINDOWS)):
        exists = np.flatnonzero(expected(window))
        assert found[:, window].sum() == pytest.approx(found[:, window][:, exists].sum())
        deviations.append((found[:, window] - expected(window))[:, exists[:-1]])  # the last follows from the others
    vectors = np.concatenate(deviations, axis=1)
    if np.any(vectors.std(axis=0) == 0):
        return 0.0  # a level with the same wrong frequency in every batch, never visited perhaps
    count, free = vectors.shape
    mean, covariance = vectors.mean(axis=0), np.cov(vectors.T)
    square = count * mean @ np.linalg.solve(covariance, mean)
    return float(stats.f.sf(square * (count - free) / (free * (count - 1)), free, count - free))


@pytest.fixture(scope="module")
def sampler() -> Sampler:
    return make_sampler(ising_2d(4), seed=5)


class TestRight:
    @pytest.mark.parametrize("seed", [1, 2])
    def test_moves_alone(self, sampler: Sampler, seed: int) -> None:
        assert p_value(frequencies(replace(sampler, seed=seed), seed, exchanges=False)) > FALSE_ALARM

    @pytest.mark.parametrize("seed", [1, 2])
    def test_moves_and_exchange(self, sampler: Sampler, seed: int) -> None:
        assert p_value(frequencies(replace(sampler, seed=seed), seed, exchanges=True)) > FALSE_ALARM

    def test_p_values_are_uniform(self) -> None:
        """The statistic itself, on 300 sets of true multinomial counts; Kolmogorov-Smirnov, false alarm 1e-4."""
        rng = np.random.default_rng(3)
        visits = 2000
        values = []
        for _ in range(300):
            counts = [rng.multinomial(visits, expected(window), size=BATCHES) for window in range(2)]
            values.append(p_value(np.stack(counts, axis=1) / visits))
        assert stats.kstest(values, "uniform").pvalue > FALSE_ALARM


Accepted = Callable[..., list[swap.Meeting]]


def always(meetings: list[swap.Meeting], levels: dict[int, int], slots: dict[int, Slot], *_: Any) -> list[swap.Meeting]:
    """Every exchange that leaves both walkers in their windows."""
    return [
        (a, b) for a, b in meetings if np.isfinite(slots[a].ln_g[int(levels[b])]) and np.isfinite(slots[b].ln_g[int(levels[a])])
    ]


def upside_down(right: Accepted) -> Accepted:
    """P = min(1, g_i(y) g_j(x) / (g_i(x) g_j(y)))."""

    def accepted(
        meetings: list[swap.Meeting], levels: dict[int, int], slots: dict[int, Slot], layout: Layout, comm: Comm, *rest: Any
    ) -> list[swap.Meeting]:
        mirrored = {n: replace(s, ln_g=np.where(np.isfinite(s.ln_g), -s.ln_g, np.inf)) for n, s in slots.items()}
        return right(meetings, levels, mirrored, layout, comm, *rest)

    return accepted


def one_table(right: Accepted) -> Accepted:
    """P = min(1, g_i(x) / g_i(y)): the other window's table is forgotten."""

    def accepted(
        meetings: list[swap.Meeting], levels: dict[int, int], slots: dict[int, Slot], layout: Layout, comm: Comm, *rest: Any
    ) -> list[swap.Meeting]:
        upper = {b for _, b in meetings}
        flat = {n: replace(s, ln_g=np.where(np.isfinite(s.ln_g), 0.0, np.inf)) if n in upper else s for n, s in slots.items()}
        return right(meetings, levels, flat, layout, comm, *rest)

    return accepted


class TestWrongExchange:
    @pytest.mark.parametrize("twin", [lambda _: always, upside_down, one_table], ids=["always", "upside down", "one table"])
    def test_is_rejected(self, sampler: Sampler, twin: Callable[[Accepted], Accepted], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(swap, "_accepted", twin(swap._accepted))
        assert p_value(frequencies(replace(sampler, seed=1), 1, exchanges=True)) < REJECTED


def twin_template(
    delta: Callable[..., int], commit: Callable[..., None], *, stride: int, counts_edges: bool, knows_old: bool
) -> Callable[..., tuple[int, int, int]]:
    """The loop of `flip_template` with two mistakes to choose from; with both flags true it is right."""

    def advance(
        params: Any,
        state: Any,
        weight: Any,
        moves: Any,
        minus_ln_u: Any,
        key: int,
        purpose: int,
        slot: int,
        block: int,
        bound: int,
        levels: int,
        level: int,
        steps: int,
    ) -> tuple[int, int, int]:
        accepted = 0
        for step in range(steps):
            i = step % len(moves)
            if i == 0:
                draw_block(key, purpose, slot, block, bound, moves, minus_ln_u)
                block += np.uint64(1)
            move = np.int64(moves[i])
            new = level + delta(params, state, move) // stride
            there = cost(weight, new) if 0 <= new < levels else np.inf
            if there - (cost(weight, level) if knows_old else 0.0) <= minus_ln_u[i]:
                commit(params, state, move)
                level = new
                accepted += 1
            elif there == np.inf and not counts_edges:
                continue
            visit(weight, level, cost(weight, level))
        return level, accepted, np.int64(-1)

    return advance


def twin_sampler(right: Sampler, *, counts_edges: bool = True, knows_old: bool = True) -> Sampler:
    landscape = right.landscape
    flags = {"counts_edges": counts_edges, "knows_old": knows_old}
    kernel = specialise(twin_template, landscape.delta, landscape.commit, stride=landscape.levels.step, **flags)
    return replace(right, advance_kernel=kernel, seed=1)


class TestWrongMoves:
    def test_twin_without_mistake_has_the_same_bits(self, sampler: Sampler) -> None:
        """So what the twins below are rejected for is their mistake alone."""
        walked = []
        for one in (replace(sampler, seed=1), twin_sampler(sampler)):
            slot = slots_of(one, 1)[0]
            one.advance(slot, Purpose.LEARN, 1e-3, 10 * BLOCK + 7)
            walked.append((slot.ln_g.tobytes(), slot.histogram.tobytes(), slot.walker.state.spins.tobytes()))
        assert walked[0] == walked[1]

    def test_edges_not_counted(self, sampler: Sampler) -> None:
        """A proposal out of the window that is not counted as a visit of where the walker stays."""
        assert p_value(frequencies(twin_sampler(sampler, counts_edges=False), 1, exchanges=False)) < REJECTED

    def test_old_level_ignored(self, sampler: Sampler) -> None:
        """P = min(1, 1 / g(new))."""
        assert p_value(frequencies(twin_sampler(sampler, knows_old=False), 1, exchanges=False)) < REJECTED

    def test_change_of_energy_doubled(self, sampler: Sampler) -> None:
        """A `delta` with a factor 2: the levels that the walker believes in are not the true ones."""
        twin = twin_sampler(replace(sampler, landscape=replace(sampler.landscape, delta=_doubled(sampler.landscape))))
        assert p_value(frequencies(twin, 1, exchanges=False)) < REJECTED


def _doubled(landscape: Landscape) -> Callable[..., int]:
    delta = landscape.delta

    def twice(params: Any, state: Any, move: int) -> int:
        return 2 * delta(params, state, move)

    return twice
