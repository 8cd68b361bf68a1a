"""Flat histograms of continuous weights against closed forms: moves under frozen weights, and ln g as it is learnt.

Walkers, and repeats, are independent: |z| > 5 of 64 walkers (Student, 63 degrees of freedom) happens by chance once in 200,000
cases, of 12 repeats once in 2,500; seeds are fixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special, stats

from parallel_landscape.driver.rounds import run_job
from parallel_landscape.dynamics.flow import Motion
from parallel_landscape.ensembles.flat import FlatWeight
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.flat_sampler import FlatSampler
from parallel_landscape.job.job import make_job
from parallel_landscape.landscapes.binned import Bins, binned
from parallel_landscape.landscapes.toys import quadratic
from parallel_landscape.rng import Purpose
from parallel_landscape.smooth import SmoothLandscape
from parallel_landscape.store.result import read_groups

F = NDArray[np.float64]
WALKERS, LARGEST = 64, 5.0
HMC = Motion("BAB", fresh=True, metropolis=True, steps=3, jitter=0.3)
MALA = Motion("BAB", fresh=True, metropolis=True)
BAOAB = Motion("BAOAB", fresh=False, metropolis=True)
ON_A_SPHERE = '''
import math
import numpy as np
import parallel_landscape as pl

def landscape(*, weights: int = 9) -> pl.SmoothLandscape:
    """E(w) = w_1 on |w|^2 = n."""
    field = np.eye(weights)[0]

    def energy_gradient(w):
        return w[:, 0].copy(), np.tile(field, (len(w), 1))

    return pl.SmoothLandscape(size=weights, energy_gradient=energy_gradient, sphere=float(weights), ln_volume=0.0,
                              initial=lambda rng: rng.standard_normal(weights))
'''


def on_a_sphere(weights: int = 9) -> SmoothLandscape:
    names: dict[str, Any] = {}
    exec(ON_A_SPHERE, names)
    return names["landscape"](weights=weights)


def masses(cdf: Callable[[F], F], bins: Bins) -> F:
    """ln of the mass in each bin."""
    edges = np.array([bins.edge(number) for number in range(bins.count + 1)])
    if bins.unbounded:
        edges[[0, -1]] = -np.inf, np.inf
    return np.log(np.diff(cdf(edges)))


def of_gaussian(weights: int) -> Callable[[F], F]:
    """E = |w|^2 / 2 with w ~ N(0, 1): its law is Gamma(n/2, 1)."""
    return stats.gamma(weights / 2).cdf


def of_volume(weights: int) -> Callable[[F], F]:
    """The same without a prior: a ball of volume E^(n/2), up to a constant; g(E) ~ E^(n/2 - 1)."""
    return lambda energies: np.clip(energies, 0, None) ** (weights / 2)


def of_sphere(weights: int) -> Callable[[F], F]:
    """x = E / n^(1/2) has the density (1 - x^2)^((n - 3) / 2), so that (1 + x) / 2 ~ Beta((n - 1) / 2, (n - 1) / 2)."""
    half = (weights - 1) / 2
    return lambda energies: special.betainc(half, half, np.clip(0.5 * (1 + energies / math.sqrt(weights)), 0, 1))


CASES: dict[str, tuple[SmoothLandscape, Bins, Callable[[F], F], Motion, float]] = {
    "gaussian prior": (quadratic(weights=6, prior=1.0), Bins(0.0, 0.5, 20, True), of_gaussian(6), HMC, 0.35),
    "no prior": (quadratic(weights=6), Bins(0.0, 0.25, 16), of_volume(6), HMC, 0.2),
    "no prior, MALA": (quadratic(weights=6), Bins(0.0, 0.25, 16), of_volume(6), MALA, 0.35),
    "no prior, BAOAB": (quadratic(weights=6), Bins(0.0, 0.25, 16), of_volume(6), BAOAB, 0.3),
    "sphere": (on_a_sphere(), Bins(-3.0, 0.3, 20, True), of_sphere(9), HMC, 0.35),
    "window of a sphere": (on_a_sphere(), Bins(-2.4, 0.2, 10), of_sphere(9), HMC, 0.3),
}


def flatness(name: str, moves: int = 600, motion: Motion | None = None) -> tuple[F, float]:
    """z of the fraction of moves in each bin, which should be alike under the exact ln g; and the fraction accepted."""
    smooth, bins, cdf, usual, length = CASES[name]
    sampler = FlatSampler(binned(smooth, bins), 5, motion or usual, WALKERS, bins.count)
    slots = [sampler.new_slot(number) for number in range(WALKERS)]
    middle = {slot.number: bins.edge(1) + (bins.count - 2) * bins.width * slot.number / WALKERS for slot in slots}
    everywhere = {
        slot.number: range(sampler.level(middle[slot.number]), sampler.level(middle[slot.number]) + 1) for slot in slots
    }
    sampler.approach(slots, middle, everywhere, 200)
    for slot in slots:
        assert 0 <= slot.walker.level < bins.count
        slot.ln_g[:] = masses(cdf, bins)
        slot.length, slot.damping, slot.steps = length, 0.7, 0
    sampler.walk(slots, Purpose.LEARN, 0, moves // 4)
    for slot in slots:
        slot.histogram[:] = slot.accepted = slot.steps = 0
    sampler.walk(slots, Purpose.LEARN, 1, moves)
    assert all(slot.histogram.sum() == moves for slot in slots)
    fractions = np.array([slot.histogram for slot in slots]) / moves
    error = fractions.std(axis=0, ddof=1) / math.sqrt(WALKERS)
    return (fractions.mean(axis=0) - 1 / bins.count) / error, sum(slot.accepted for slot in slots) / (WALKERS * moves)


@pytest.mark.statistics
@pytest.mark.parametrize("name", CASES)
def test_the_exact_ln_g_makes_all_bins_alike(name: str) -> None:
    z, accepted = flatness(name)
    assert np.abs(z).max() < LARGEST and 0.5 < accepted < 0.98, (z, accepted)


@pytest.mark.statistics
def test_the_law_is_the_same_whatever_drives_the_walkers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The force with the wrong sign of beta(E) drives walkers where they are refused: the law stays, few moves are accepted."""
    right = flatness("no prior")[1]
    slope = FlatWeight.slope
    monkeypatch.setattr(FlatWeight, "slope", lambda self, energies: -slope(self, energies))
    z, wrong = flatness("no prior")
    assert np.abs(z).max() < LARGEST and wrong < 0.6 * right, (right, wrong)


@pytest.mark.statistics
def test_twins_that_are_not_flat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moves that nothing tests, driven as they should be and with the wrong sign; and edges of bins half a bin away."""
    untested = replace(HMC, metropolis=False)
    assert np.abs(flatness("gaussian prior", motion=untested)[0]).max() > LARGEST
    with monkeypatch.context() as patch:
        slope = FlatWeight.slope
        patch.setattr(FlatWeight, "slope", lambda self, energies: -slope(self, energies))
        assert np.abs(flatness("gaussian prior", motion=untested)[0]).max() > 2 * LARGEST
    level = Bins.level
    monkeypatch.setattr(Bins, "level", lambda self, energies: level(self, energies + 0.5 * self.width))
    assert np.abs(flatness("gaussian prior")[0]).max() > LARGEST


RUNS: dict[str, tuple[dict[str, Any], dict[str, Any], Callable[[F], F]]] = {
    "quadratic": ({"model": "quadratic", "weights": 6, "prior": 1.0}, {"energy": [0.0, 9.0]}, of_gaussian(6)),
    "sphere": ({"model": "on_a_sphere:landscape"}, {"energy": [-2.7, 2.7]}, of_sphere(9)),
}


def learnt(folder: Path, name: str, **changes: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], F]:
    """Result, windows and attributes of a run, and z of ln g, which should be that of the exact one."""
    landscape, exchange, cdf = RUNS[name]
    (folder / "on_a_sphere.py").write_text(ON_A_SPHERE)
    job = make_job(
        {
            "name": "run",
            "seed": 3,
            "landscape": landscape,
            "dynamics": {"kind": "hmc", "step": "adapt", "steps": 3, "pack": 64, "sweeps_per_round": 20},
            "ensemble": {
                "kind": "wang-landau",
                "bins": 18,
                "unbounded": True,
                "ln_f_final": 1e-3,
                "occasions": 20,
                "largest_gap": 1.0,
                **changes,
            },
            "exchange": {"windows": 2, **exchange},
            "run": {"repeats": 12},
        },
        folder,
    )
    assert job.bins is not None
    run_job(job, Serial(), quiet=True)
    groups, attributes = read_groups(job.folder / "result.nc")
    truth = masses(cdf, job.bins)
    return groups[""], groups["windows"], attributes, (groups[""]["ln_g"] - truth) / groups[""]["ln_g_error"]


@pytest.mark.statistics
@pytest.mark.parametrize("name", ["quadratic", pytest.param("sphere", marks=pytest.mark.long)])
def test_ln_g_is_learnt(name: str, tmp_path: Path) -> None:
    """Absolute, for the bins hold all there is: every error within its own, and small."""
    result, windows, attributes, z = learnt(tmp_path, name)
    assert attributes["status"] == "converged" and attributes["normalisation"] == "absolute"
    assert np.exp(result["ln_g"]).sum() == pytest.approx(1.0, rel=0.05)
    assert np.abs(z).max() < LARGEST and result["ln_g_error"].max() < 0.15, (z, result["ln_g_error"])
    assert ((windows["outside"] < 0.3) & (windows["acceptance"] > 0.6)).all()
    assert result["energy"].dtype == np.float64 and len(result["energy"]) == 18
