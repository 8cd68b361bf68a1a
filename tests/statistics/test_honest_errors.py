"""Errors of an analysis are honest: on made-up runs whose answers are known, deviations have the size that the errors say.

Each made-up run gives some tens of deviations z = (estimate - exact) / error. Over 20 seeds the mean of z^2 must lie between
0.7 and 1.4. Neighbouring levels move together, so a run counts for about ten independent z: 200 in all, of which the mean
square scatters by sqrt(2 / 200) = 0.1, and errors from about 45 blocks, known to 10 %, raise it by 0.05: the limits are some
three standard deviations away, a false alarm in 400 for each quantity. Seeds are fixed.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.make_trajectory import Synthetic, write_run
from numpy.typing import NDArray

from parallel_landscape.analysis.findings import Findings, Question
from parallel_landscape.analysis.mbar import make_weights, solve
from parallel_landscape.commands.analyze import Request, analyze
from parallel_landscape.store.catalogue import read_catalogue

pytestmark = pytest.mark.statistics

SEEDS = 20
MADE = Synthetic(bits=20, marked=8, windows=3, members=2, ranks=2, segments=4, records=6000, stay=0.8, weights=True)
LOW, HIGH = 0.7, 1.4
BETAS = (-0.5, 0.0, 0.4, 1.0)
RANGE = (9, 10)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, Findings]]:
    """20 runs and what their analysis finds."""
    found = []
    question = Question(betas=BETAS, ranges=(RANGE,), joint=("ones",), pairs=2_000_000)
    for seed in range(SEEDS):
        path = write_run(tmp_path_factory.mktemp("runs") / "run", replace(MADE, seed=seed))
        found.append((path, analyze(path, Request(question, scheduler="none"))))
    return found


def mean_square(z: NDArray[np.float64]) -> float:
    return float(np.nanmean(z**2))


def exact_ones() -> NDArray[np.float64]:
    """Mean of the observable on each level."""
    return MADE.marked * np.arange(MADE.bits + 1) / MADE.bits


def exact_canonical() -> NDArray[np.float64]:
    """(5, betas): energy, heat capacity, free energy, entropy and the observable of independent bits."""
    beta = np.array(BETAS)
    p = 1 / (1 + np.exp(beta))
    ln_z = MADE.bits * np.log1p(np.exp(-beta))
    with np.errstate(divide="ignore", invalid="ignore"):
        free = np.where(beta == 0, np.nan, -ln_z / beta)
    mean = MADE.bits * p
    return np.array([mean, beta**2 * mean * (1 - p), free, ln_z + beta * mean, MADE.marked * p])


def exact_overlaps() -> NDArray[np.float64]:
    """P(q) of two independent states with E in the range: d = E + E' - 2 k, k common ones, hypergeometric."""
    bits, found = MADE.bits, np.zeros(MADE.bits + 1)
    levels = range(RANGE[0], RANGE[1] + 1)
    total = sum(math.comb(bits, level) for level in levels)
    for a in levels:
        for b in levels:
            for common in range(max(0, a + b - bits), min(a, b) + 1):
                pairs = math.comb(a, common) * math.comb(bits - a, b - common) / math.comb(bits, b)
                weight = math.comb(bits, a) * math.comb(bits, b) / total**2
                found[bits - (a + b - 2 * common)] += weight * pairs
    return found


def test_errors_of_ln_g_are_honest(runs: list[tuple[Path, Findings]]) -> None:
    roots = [found.groups[""] for _, found in runs]
    z = np.array([(root["ln_g_mbar"] - MADE.ln_g) / root["ln_g_mbar_error"] for root in roots])
    assert LOW < mean_square(z) < HIGH
    z = np.array([(root["ln_g_transition"] - MADE.ln_g) / root["ln_g_transition_error"] for root in roots])
    assert LOW < mean_square(z) < HIGH
    assert not any("differ by more" in note for _, found in runs for note in found.attributes["analysis_notes"])


def test_errors_that_forget_the_autocorrelation_are_found_out(runs: list[tuple[Path, Findings]]) -> None:
    """The wrong twin: errors of records as if they were independent; here they hold 2 tau = 9 times too much."""
    roots = [found.groups[""] for _, found in runs]
    z = np.array([(root["ln_g_mbar"] - MADE.ln_g) * np.sqrt(root["samples"]) for root in roots])
    assert mean_square(z) > HIGH


def test_weights_of_the_wrong_sign_are_found_out(runs: list[tuple[Path, Findings]]) -> None:
    """The wrong twin: dividing by the weights where the estimate multiplies."""
    path, found = runs[0]
    frozen, root = read_catalogue(path).frozen(), found.groups[""]
    low = np.zeros(frozen.tables, np.int64)
    low[frozen.table] = frozen.low
    tables = np.bincount(frozen.table, found.groups["slots"]["samples"]).astype(np.int64)
    for sign in (1.0, -1.0):
        weights = make_weights(sign * frozen.ln_weight, frozen.offset, low, frozen.levels)
        curve = solve(weights, root["samples"], tables).ln_g + MADE.bits * math.log(2)
        z = (curve - MADE.ln_g) / root["ln_g_mbar_error"]
        assert (mean_square(z) < 4) == (sign > 0)


def test_errors_of_averages_are_honest(runs: list[tuple[Path, Findings]]) -> None:
    roots = [found.groups[""] for _, found in runs]
    inner = slice(1, -1)  # on the first and last level there is a single state
    z = np.array([((root["ones"] - exact_ones()) / np.maximum(root["ones_error"], 1e-300))[inner] for root in roots])
    assert LOW < mean_square(z) < HIGH
    ends = np.array([root["ones"][[0, -1]] for root in roots])
    assert np.all(ends == [0, MADE.marked])
    level = np.arange(MADE.bits + 1)
    exact = exact_ones() * (1 - level / MADE.bits) * (MADE.bits - MADE.marked) / (MADE.bits - 1)
    np.testing.assert_allclose(np.mean([root["ones_variance"] for root in roots], axis=0), exact, atol=0.12)


def test_errors_of_canonical_averages_are_honest(runs: list[tuple[Path, Findings]]) -> None:
    names = ("energy_mean", "heat_capacity", "free_energy", "entropy", "ones")
    exact, z = exact_canonical(), []
    for _, found in runs:
        group = found.groups["canonical"]
        assert np.all(group["covered"])
        for name, truth in zip(names, exact, strict=True):
            usable = np.isfinite(truth) & (group[f"{name}_error"] > 1e-9)
            z.append(np.where(usable, (group[name] - truth) / np.where(usable, group[f"{name}_error"], 1.0), np.nan))
    assert LOW < mean_square(np.array(z)) < HIGH


def test_errors_of_joint_densities_are_honest(runs: list[tuple[Path, Findings]]) -> None:
    """Bins with at least 20 independent samples: the logarithm of fewer is no normal number."""
    levels, values = np.arange(MADE.bits + 1), np.arange(MADE.marked + 1)
    count = [[math.comb(8, k) * math.comb(12, e - k) if 0 <= e - k <= 12 else 0 for k in values] for e in levels]
    z = []
    for _, found in runs:
        group = found.groups["joint-ones"]
        assert np.all((group["counts"] > 0) <= (np.array(count) > 0))
        np.testing.assert_allclose(group["edges"], np.arange(-0.5, MADE.marked + 1))
        enough = group["counts"] > 20 * 9
        exact = np.log(np.maximum(count, 1))
        z.append(np.where(enough, (group["ln_g"] - exact) / np.maximum(group["ln_g_error"], 1e-300), np.nan))
    assert LOW < mean_square(np.array(z)) < HIGH


def test_errors_of_overlaps_are_honest(runs: list[tuple[Path, Findings]]) -> None:
    exact, z = exact_overlaps(), []
    for _, found in runs:
        group = found.groups["overlap"]
        error = np.where(exact > 0.01, group["probability_error"][0], np.nan)
        z.append((group["probability"][0] - exact) / error)
        assert group["probability"][0].sum() == pytest.approx(1)
        assert np.all(group["probability"][0][exact == 0] == 0)
    assert LOW < mean_square(np.array(z)) < HIGH


def test_autocorrelation_times_are_those_of_the_chain(runs: list[tuple[Path, Findings]]) -> None:
    """The mean over 120 slots, each known to about 25 %: three standard deviations are 6 %."""
    exact = MADE.every * (0.5 + MADE.stay / (1 - MADE.stay))
    times = np.concatenate([found.groups["slots"]["autocorrelation_time"] for _, found in runs])
    assert times.mean() == pytest.approx(exact, rel=0.08)
    walkers = np.concatenate([found.groups["walkers"]["autocorrelation_time"] for _, found in runs])
    np.testing.assert_array_equal(walkers, times)
