"""From counts in blocks of time to curves with errors: ln g(E), averages on each level, canonical averages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.analysis.canonical import canonical
from parallel_landscape.analysis.jackknife import jackknife, join_blocks, long_enough, plateau
from parallel_landscape.analysis.mbar import Curve, Weights, make_weights, solve
from parallel_landscape.analysis.timeline import Timeline
from parallel_landscape.analysis.visits import Seen
from parallel_landscape.store.frozen_tables import Frozen

Real = NDArray[np.float64]


def repeats_disagree(ratio: float, repeats: int) -> bool:
    """Whether independent repeats differ by more than their own errors allow: `ratio` is the mean squared deviation over what
    the errors predict. The limit leaves room for the scatter of few repeats."""
    return ratio > 1.0 + 6.0 / max(1, repeats - 1)


@dataclass(frozen=True)
class Refined:
    """ln_g, error (levels,), its states summing to 1; repeats (repeats, levels); averages, average_errors, variances
    (observables, levels); samples, effective (levels,).

    left_ln_g (blocks, levels), left_averages (blocks, observables, levels): without one block each, which held `sizes` records;
    factor: joined blocks of the timeline; scale: by which the errors were multiplied since repeats disagree, else 1.
    """

    ln_g: Real
    error: Real
    repeats: Real
    averages: Real
    average_errors: Real
    variances: Real
    samples: NDArray[np.int64]
    effective: Real
    left_ln_g: Real
    left_averages: Real
    sizes: Real
    factor: int
    scale: float
    apart: NDArray[np.int64]


def refine(seen: Seen, frozen: Frozen, timeline: Timeline, autocorrelation_time: float) -> Refined:
    """All that follows from visits and sums. autocorrelation_time: sweeps, the longest."""
    levels, tables = seen.visits.sum(axis=0), table_counts(seen.slot_count, frozen, timeline)
    weights, sums = _weights(frozen), seen.sums.sum(axis=1)
    whole = solve(weights, levels.sum(axis=1), tables.sum(axis=1))
    averages = _ratio(sums.sum(axis=2), levels.sum(axis=1))
    begin = long_enough(timeline.blocks, timeline.block_sweeps, autocorrelation_time)

    def errors(factor: int) -> Real:
        return _errors(factor, whole, averages, levels, tables, sums, weights)[0]

    factor, _ = plateau(errors, begin, timeline.blocks)
    error, left_ln_g, left_averages, sizes = _errors(factor, whole, averages, levels, tables, sums, weights)
    repeats, scale = _repeats(seen, frozen, timeline, weights, whole, error[0])
    samples = levels.sum(axis=1)
    return Refined(
        *(whole.ln_g, scale * error[0], repeats, averages, scale * error[1:]),
        *(_variances(seen), samples, samples / _inefficiency(join_blocks(levels, factor)), left_ln_g, left_averages),
        *(sizes, factor, scale, whole.apart),
    )


def table_counts(slot_count: NDArray[np.int64], frozen: Frozen, timeline: Timeline) -> NDArray[np.int64]:
    """Records under each table in each block, (tables, blocks)."""
    by_block = np.add.reduceat(slot_count, np.arange(0, timeline.bins, 1 << timeline.block_shift), axis=1)
    counts = np.zeros((frozen.tables, timeline.blocks), np.int64)
    np.add.at(counts, frozen.table, by_block)
    return counts


def _weights(frozen: Frozen) -> Weights:
    low = np.zeros(frozen.tables, np.int64)
    low[frozen.table] = frozen.low
    return make_weights(frozen.ln_weight, frozen.offset, low, frozen.levels)


def _ratio(sums: Real, counts: NDArray[np.int64]) -> Real:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(counts > 0, sums / counts, np.nan))


def _errors(
    factor: int,
    whole: Curve,
    averages: Real,
    levels: NDArray[np.int64],
    tables: NDArray[np.int64],
    sums: Real,
    weights: Weights,
) -> tuple[Real, Real, Real, Real]:
    """((1 + observables, levels) errors of ln g and of the averages, both without one block each, sizes of the blocks)."""
    levels, tables, sums = join_blocks(levels, factor), join_blocks(tables, factor), join_blocks(sums, factor)
    sizes = levels.sum(axis=0).astype(float)
    all_levels, all_tables, all_sums = levels.sum(axis=1), tables.sum(axis=1), sums.sum(axis=2)
    blocks = range(levels.shape[1])
    curves = np.array([solve(weights, all_levels - levels[:, b], all_tables - tables[:, b], whole.ln_z).ln_g for b in blocks])
    left = np.array([_ratio(all_sums - sums[..., b], all_levels - levels[:, b]) for b in blocks])
    error = np.concatenate([jackknife(whole.ln_g, curves, sizes)[None], jackknife(averages, left, sizes)])
    return error, curves, left, sizes


def _repeats(seen: Seen, frozen: Frozen, timeline: Timeline, weights: Weights, whole: Curve, error: Real) -> tuple[Real, float]:
    """The curve of each repeat alone, and the factor by which errors are too small for their scatter."""
    curves = []
    for repeat, visits in enumerate(seen.visits.sum(axis=2)):
        mine = np.where((frozen.repeat == repeat)[:, None], seen.slot_count, 0)
        tables = table_counts(mine, frozen, timeline).sum(axis=1)
        curves.append(solve(weights, visits, tables, whole.ln_z).ln_g)
    found = np.array(curves)
    if len(found) < 2:
        return found, 1.0
    scatter = found.var(axis=0, ddof=1) / len(found)
    usable = np.isfinite(scatter) & np.isfinite(error) & (error > 0)
    ratio = float(np.mean(scatter[usable] / error[usable] ** 2)) if usable.any() else 1.0
    return found, float(np.sqrt(ratio)) if repeats_disagree(ratio, len(found)) else 1.0


def _variances(seen: Seen) -> Real:
    """Variance of each observable on each level, all repeats together."""
    counts = seen.visits.sum(axis=2)
    total = counts.sum(axis=0)
    mean = _ratio(np.einsum("rl,xrl->xl", counts, seen.mean), total)
    between = np.einsum("rl,xrl->xl", counts, (seen.mean - mean[:, None]) ** 2)
    return _ratio(seen.squares.sum(axis=1) + np.where(total > 0, between, 0.0), total)


def _inefficiency(levels: NDArray[np.int64]) -> Real:
    """Variance of a level's records per block over that of independent records, at least 1. (levels, blocks)"""
    blocks = levels.sum(axis=0)
    share = levels.sum(axis=1) / max(1, blocks.sum())
    expected = share[:, None] * blocks
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.sum((levels - expected) ** 2, axis=1) / np.sum(expected * (1 - share[:, None]), axis=1)
    return np.asarray(np.where(np.isfinite(ratio), np.maximum(ratio * len(blocks) / max(1, len(blocks) - 1), 1.0), 1.0))


def canonical_with_errors(refined: Refined, energy: Real, beta: Real, shift: float) -> tuple[Real, Real]:
    """(4 + observables, betas): energy, heat capacity, free energy, entropy and observables, and their standard errors.

    shift is added to ln g: the logarithm of the number of states, where that is known.
    """
    whole = canonical(refined.ln_g + shift, energy, beta, refined.averages).stacked()
    pairs = zip(refined.left_ln_g, refined.left_averages, strict=True)
    left = np.array([canonical(_kept(curve, refined.ln_g) + shift, energy, beta, rows).stacked() for curve, rows in pairs])
    return whole, refined.scale * jackknife(whole, left, refined.sizes)


def _kept(curve: Real, whole: Real) -> Real:
    """A curve without one block; a level that only this block had seen stays as it was, for it is not gone."""
    return np.where(np.isfinite(curve), curve, whole)


def disagreement(first: Real, first_error: Real, second: Real, second_error: Real) -> tuple[float, float]:
    """(mean squared, largest) difference of two curves in units of their errors, after the best constant between them."""
    variance = first_error**2 + second_error**2
    usable = np.isfinite(first - second) & np.isfinite(variance) & (variance > 0)
    if usable.sum() < 2:
        return 0.0, 0.0
    difference, weight = (first - second)[usable], 1.0 / variance[usable]
    difference = difference - np.sum(weight * difference) / weight.sum()
    return float(np.mean(difference**2 * weight)), float(np.sqrt(np.max(difference**2 * weight)))
