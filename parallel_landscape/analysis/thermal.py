"""Runs with continuous weights at given temperatures: means of each temperature, and by MBAR at any temperature in between.

Errors are those of blocks of time, of each independent repeat, left out one by one; beside them stands what the repeats alone
say.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.analysis.autocorrelation import time_of_binned
from parallel_landscape.analysis.dimension import Ground, above_ground, from_fluctuations, ground_of
from parallel_landscape.analysis.jackknife import jackknife, join_blocks, long_enough
from parallel_landscape.analysis.refine import repeats_disagree
from parallel_landscape.analysis.survey import Partial
from parallel_landscape.analysis.thermal_mbar import Sample, curves, free_energies, parts_of
from parallel_landscape.analysis.thermal_records import Moments
from parallel_landscape.analysis.timeline import Timeline
from parallel_landscape.store.frozen_tables import Frozen

RECORDS, ENTRIES = 50_000, 2_000_000  # of all temperatures together that are reweighted, and these times temperatures, at most
BETWEEN = 4  # inverse temperatures that are put between neighbours of the ladder
BLOCKS = 16  # of time, in each repeat, that reweighting leaves out one by one, at most
LEAST_EFFECTIVE = 30.0  # independent records that must carry a mean
Real = NDArray[np.float64]


def chance_of(frozen: Frozen, records: int) -> float:
    """The chance of a record to be among those that are reweighted."""
    return min(1.0, min(RECORDS, ENTRIES / len(frozen.betas)) / max(1, records))


@dataclass(frozen=True)
class Ladder:
    """What the records of each window (a temperature, or a group of coupled replicas) say of it: the columns of the group
    `ladder` of result.nc; `ratio`: mean squared scatter of the repeats over what their errors predict; `blocks` of time."""

    columns: dict[str, Any]
    ratio: float
    blocks: int


def ladder_of(moments: Moments, frozen: Frozen, timeline: Timeline) -> Ladder:
    """Means of each window, with errors from blocks of time and from repeats."""
    tau, effective = _times(moments, frozen, timeline)
    longest = float(np.nanmax(tau, initial=0.0))
    factor = long_enough(timeline.blocks, timeline.block_sweeps, longest)
    names = [observable.name for observable in frozen.observables]
    rows = [
        _window(moments, frozen, np.flatnonzero(frozen.window == window), factor << timeline.block_shift, names)
        for window in range(len(frozen.betas))
    ]
    columns: dict[str, Any] = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    columns |= {"beta": frozen.betas, "autocorrelation_time": tau, "effective_samples": effective}
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = (columns["energy_mean_repeats_error"] / columns["energy_mean_error"]) ** 2
    ratio = float(np.mean(ratios[np.isfinite(ratios)])) if np.isfinite(ratios).any() else math.nan
    return Ladder(columns, ratio, max(1, -(-timeline.blocks // factor)))


def _times(moments: Moments, frozen: Frozen, timeline: Timeline) -> tuple[Real, Real]:
    """Of each window: the longest autocorrelation time of the energy in a slot, in sweeps, and effective records of all."""
    count = moments.count.sum(axis=1)
    mean = (moments.count * moments.mean).sum(axis=1) / np.maximum(count, 1)
    squares = (moments.squares + moments.count * (moments.mean - mean[:, None]) ** 2).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        sums: Any = moments.count * (moments.mean - mean[:, None])
        tau = time_of_binned(moments.count, sums, squares / np.maximum(count - 1, 1))
    independent = np.where(np.isfinite(tau), count / (2.0 * tau), math.nan)
    windows = [np.flatnonzero(frozen.window == window) for window in range(len(frozen.betas))]
    longest = [np.nanmax(tau[mine], initial=math.nan if np.isnan(tau[mine]).all() else 0.0) for mine in windows]
    return np.array(longest) * timeline.sweeps, np.array([np.nansum(independent[mine]) for mine in windows])


def _window(moments: Moments, frozen: Frozen, slots: NDArray[np.int64], bins: int, names: list[str]) -> dict[str, float]:
    """Means of one window. bins: of the timeline that make a block."""
    repeats = [slots[frozen.repeat[slots] == repeat] for repeat in np.unique(frozen.repeat[slots])]
    count, mean = moments.count[slots].sum(), 0.0
    if count:
        mean = float((moments.count[slots] * moments.mean[slots]).sum() / count)
    apart = moments.mean - mean
    tables = [moments.count, moments.count * apart, moments.squares + moments.count * apart**2, *moments.sums]
    blocks = np.array([[join_blocks(table[mine].sum(axis=0), bins) for mine in repeats] for table in tables])
    whole, left, sizes = _estimates(blocks.reshape(len(tables), -1), mean)
    errors = jackknife(whole, left, sizes)
    alone = np.array([_ratios(row, mean) for row in blocks.sum(axis=2).T])
    found: dict[str, float] = {"samples": float(count)}
    for number, name in enumerate(("energy_mean", "energy_variance", *names)):
        found |= {name: whole[number], f"{name}_error": errors[number], f"{name}_repeats_error": _scatter(alone[:, number])}
    return found


def _estimates(blocks: Real, mean: float) -> tuple[Real, Real, Real]:
    """Means from sums (quantities, blocks), and without each block that holds something; how many records these held."""
    filled = blocks[:, blocks[0] > 0]
    total = filled.sum(axis=1)
    left = np.array([_ratios(total - filled[:, block], mean) for block in range(filled.shape[1])])
    whole = _ratios(total, mean)
    return whole, left.reshape(-1, len(whole)), filled[0]


def _ratios(sums: Real, mean: float) -> Real:
    """Mean and variance of the energy, and means of the observables, from sums about `mean`; nan without records."""
    if sums[0] <= 0:
        return np.full(len(sums) - 1, math.nan)
    first, second, *rest = sums[1:] / sums[0]
    return np.array([mean + first, second - first**2, *rest])


def _scatter(values: Real) -> float:
    """Standard error over independent repeats."""
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def add_dimensions(group: dict[str, Any], ground: Ground | None) -> None:
    """Put the effective dimensions beside mean and variance of the energy; nan where beta is not above 0."""
    beta = np.asarray(group["beta"], float)
    temperature = np.where(beta > 0, 1.0 / np.where(beta > 0, beta, 1.0), math.nan)
    found = from_fluctuations(beta**2 * group["energy_variance"], beta**2 * group["energy_variance_error"])
    above = above_ground(temperature, group["energy_mean"], group["energy_mean_error"], ground)
    for name, pair in (("dimension_fluctuation", found), ("dimension_mean", above)):
        group |= {name: np.where(beta > 0, pair[0], math.nan), f"{name}_error": np.where(beta > 0, pair[1], math.nan)}


def ground_below(ladder: Ladder) -> Ground | None:
    """Where the line of mean energies ends."""
    beta = ladder.columns["beta"]
    if (beta <= 0).any():
        return None
    return ground_of(1.0 / beta, ladder.columns["energy_mean"], ladder.columns["energy_mean_error"])


def inner_betas(betas: Real, parts: list[list[int]]) -> Real:
    """The ladder's own, and some between neighbours that hang together, ascending."""
    found = set(betas.tolist())
    for part in parts:
        for one, other in zip(betas[part], betas[part[1:]], strict=False):
            inner = np.geomspace if other > 0 else np.linspace
            found |= set(inner(one, other, BETWEEN + 2)[1:-1].tolist())
    return np.array(sorted(found))


def reweighted(
    frozen: Frozen,
    chosen: Partial,
    asked: Iterable[float] | None,
    last_sweep: int,
    said: list[str],
    blocks: int = BLOCKS,
) -> dict[str, Any]:
    """The group `canonical`: means and ln Z against beta, from chosen records.

    asked: betas; None: some that suit. blocks: of time in each repeat, that are long enough to be independent, BLOCKS at most.
    """
    order = np.argsort(-frozen.betas, kind="stable")
    window = np.argsort(order)[frozen.window[np.searchsorted(frozen.slot, chosen["slot"])]]  # now the coldest is 0
    betas, energy = frozen.betas[order], np.asarray(chosen["energy"], float)
    values = np.array([chosen[observable.name] for observable in frozen.observables]).reshape(-1, len(energy))
    repeat = frozen.repeat[np.searchsorted(frozen.slot, chosen["slot"])]
    blocks = min(blocks, BLOCKS)
    block = repeat * blocks + np.minimum(blocks - 1, blocks * (chosen["sweep"] - 1) // max(1, last_sweep))
    parts = parts_of(betas, [energy[window == number] for number in range(len(betas))])
    for one, other in zip(parts, parts[1:], strict=False):
        said.append(
            f"the energies recorded at beta = {betas[one[-1]]:.4g} and {betas[other[0]]:.4g} do not meet: nothing is said of "
            "the temperatures in between; put more betas there"
        )
    at = inner_betas(betas, parts) if asked is None else np.array(sorted(asked))
    rows = np.full((2, 3 + len(values), len(at)), math.nan)
    covered = np.zeros(len(at), bool)
    for part in parts:
        inside = np.flatnonzero((at <= betas[part[0]]) & (at >= betas[part[-1]]))
        here = np.isin(window, part)
        sample = Sample(betas[part], energy[here], values[:, here], np.searchsorted(part, window[here]))
        rows[:, :, inside] = _with_errors(sample, block[here], at[inside])
        covered[inside] = True
        if part is not parts[-1]:
            rows[:, 0, inside] = math.nan  # ln Z is told from the hottest of all
    group: dict[str, Any] = {"beta": at, "covered": covered}
    names = ("ln_z", "energy_mean", "energy_variance", *(observable.name for observable in frozen.observables))
    for name, value, error in zip(names, *rows, strict=True):
        group |= {name: value, f"{name}_error": error}
    group |= {f"heat_capacity{end}": at**2 * group[f"energy_variance{end}"] for end in ("", "_error")}
    return group


def _with_errors(sample: Sample, block: NDArray[np.int64], betas: Real) -> Real:
    """(2, 3 + kinds, betas): the curves and their standard errors."""
    free = free_energies(sample)
    whole, left, sizes = curves(sample, free, betas), [], []
    for number in np.unique(block):
        kept = block != number
        if kept.any():
            less = sample.keep(kept)
            left.append(curves(less, free_energies(less, free), betas))
            sizes.append(np.count_nonzero(~kept))
    if len(left) < 2:
        return np.array([whole, np.full(whole.shape, math.nan)])
    return np.array([whole, jackknife(whole, np.array(left), np.array(sizes, float))])


def doubts(moments: Moments, ladder: Ladder, repeats: int) -> list[str]:
    """A sentence for whatever makes the estimates less sure than they look."""
    said = []
    if moments.strange:
        said.append(f"{moments.strange} records fit no slot or time and are left out: the trajectory is not of this run")
    if ladder.blocks < 8:
        said.append(f"errors rest on {ladder.blocks} blocks of time only in each repeat: record for longer")
    if math.isfinite(ladder.ratio) and repeats_disagree(ladder.ratio, repeats):
        said.append(
            f"repeats differ by {math.sqrt(ladder.ratio):.2g} times what the errors from blocks of time allow: trust "
            "energy_mean_repeats_error; some walkers do not get everywhere"
        )
    poor = np.flatnonzero(np.asarray(ladder.columns["effective_samples"]) < LEAST_EFFECTIVE)
    if len(poor):
        said.append(f"windows {poor.tolist()} hold fewer than {LEAST_EFFECTIVE:.0f} independent records: record for longer")
    return said
