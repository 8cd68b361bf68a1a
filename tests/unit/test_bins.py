"""Bins of real energies, the flat-histogram force, the way to a window, and what a job may say of them."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parallel_landscape.commands.analyze import analyze
from parallel_landscape.driver.rounds import run_job
from parallel_landscape.dynamics.flow import Batch, Motion, evaluate, flow, spelt
from parallel_landscape.ensembles.flat import STEEPEST, FlatWeight
from parallel_landscape.errors import JobError
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.flat_sampler import FlatSampler
from parallel_landscape.job.flat_keys import EnergyWindows, windows_of
from parallel_landscape.job.job import Job, make_job
from parallel_landscape.landscapes.binned import Bins, binned
from parallel_landscape.landscapes.toys import double_well, quadratic
from parallel_landscape.rng import Purpose
from parallel_landscape.store.result import read_groups

BINS = Bins(-1.0, 0.5, 8)
ENERGIES = np.array([-1.1, -1.0, -0.51, 0.0, 2.99, 3.0, 1e300, math.nan])


def weight(unbounded: bool = False, low: int = 2, high: int = 5, rows: int = 1) -> FlatWeight:
    bins = Bins(-1.0, 0.5, 8, unbounded)
    table = np.full(8, np.inf)
    table[low : high + 1] = np.array([0.0, 1.0, 3.0, 2.5, 2.0, 1.0, 0.0, -2.0])[low : high + 1]
    return FlatWeight(bins, np.tile(table, (rows, 1)), np.full(rows, low), np.full(rows, high))


def test_bins_hold_their_lower_edges() -> None:
    assert BINS.level(ENERGIES)[:-1].tolist() == [-1, 0, 0, 2, 7, 8, 8]
    assert Bins(-1.0, 0.5, 8, unbounded=True).level(ENERGIES)[:-1].tolist() == [0, 0, 0, 2, 7, 7, 7]
    assert BINS.centres[0] == -0.75 and BINS.edge(8) == 3.0


def test_the_weight_is_a_staircase_that_ends_at_the_window() -> None:
    at = np.array([-0.01, 0.0, 0.49, 0.5, 1.99, 2.0])
    found = [float(weight().potential(np.array([one]))[0]) for one in at]
    assert found == [math.inf, 3.0, 3.0, 2.5, 1.0, math.inf]


def test_the_force_follows_the_differences_between_bins() -> None:
    """At an edge the difference over the width, halfway in between the mean; at the ends of the window as at the last edge."""
    beta = {at: float(weight().slope(np.array([at]))[0]) for at in (0.0, 0.25, 0.5, 1.0, 1.25, 1.5, 1.9)}
    assert beta == pytest.approx({0.0: -1.0, 0.25: -1.0, 0.5: -1.0, 1.0: -1.0, 1.25: -1.5, 1.5: -2.0, 1.9: -2.0})


def test_beyond_the_window_it_drives_back() -> None:
    """By STEEPEST over the width, and by 1/width more for each bin; and no further than STEEPEST follows a pile."""
    for out in (0.1, 1.0):
        assert float(weight().slope(np.array([2.0 + out]))[0]) == pytest.approx(-2.0 + STEEPEST / 0.5 + out / 0.25)
        assert float(weight().slope(np.array([0.0 - out]))[0]) == pytest.approx(-1.0 - STEEPEST / 0.5 - out / 0.25)
    piled = weight()
    piled.raise_at([0], np.array([3]), np.array([100.0]))
    assert float(piled.slope(np.array([0.5]))[0]) == STEEPEST / 0.5 == -float(piled.slope(np.array([1.0]))[0])
    assert float(piled.potential(np.array([0.7]))[0]) == 102.5


def test_a_bin_without_end_is_left_to_the_prior() -> None:
    """Its outer edge drives nobody, nor does what lies beyond."""
    whole = weight(unbounded=True, low=0, high=7)
    assert float(whole.slope(np.array([2.75]))[0]) == pytest.approx(-2.0)
    assert [float(whole.slope(np.array([one]))[0]) for one in (3.0, 50.0, -1.0, -9.0)] == [0.0] * 4
    assert np.isfinite(whole.potential(np.array([50.0, -9.0])[:1])).all()


def test_raising_a_bin_keeps_the_force_in_step() -> None:
    one, other = weight(rows=3), weight(rows=3)
    for row, level, gain in ((0, 3, 0.25), (1, 2, 0.5), (2, 5, 0.125), (0, 4, 1.0)):
        one.raise_at([row], np.array([level]), np.array([gain]))
        other.tables[row, level] += gain
    fresh = FlatWeight(other.bins, other.tables, other.low, other.high)
    for energy in np.linspace(-0.5, 2.5, 13):
        at = np.full(3, energy)
        np.testing.assert_allclose(one.slope(at), fresh.slope(at), rtol=1e-12)
        np.testing.assert_array_equal(one.potential(at), fresh.potential(at))


def test_moves_under_it_are_reversible_and_keep_the_volume() -> None:
    """Whatever U is: turned round they lead back, and the Jacobian of the flow is 1."""
    landscape = double_well(weights=2, barrier=1.0, tilt=0.3)
    steps, damping = np.full(1, 0.2), np.zeros(1)

    def moved(point: np.ndarray) -> np.ndarray:
        batch = Batch(point[None, :2].copy(), point[None, 2:].copy(), np.zeros(1), np.zeros((1, 2)))
        evaluate(landscape, batch)
        flow(landscape, weight(), batch, spelt("BAB", 4), steps, damping, lambda: np.zeros((1, 2)))
        return np.concatenate([batch.weights[0], batch.velocities[0]])

    begin = np.array([0.3, -0.8, 0.7, 0.4])
    end = moved(begin)
    back = moved(end * [1, 1, -1, -1]) * [1, 1, -1, -1]
    np.testing.assert_allclose(back, begin, atol=1e-12)
    assert np.abs(end - begin).max() > 0.1
    small = 1e-6
    columns = [(moved(begin + small * unit) - moved(begin - small * unit)) / (2 * small) for unit in np.eye(4)]
    assert np.linalg.det(np.array(columns)) == pytest.approx(1.0, abs=1e-6)


def test_walkers_find_their_windows_and_stay(tmp_path: Path) -> None:
    """Down to E = 0.01 of a stiff quadratic and up to 30; then nobody leaves."""
    smooth, bins = quadratic(weights=6, stiffest=100.0, softest=1.0), Bins(0.0, 0.01, 4000)
    sampler = FlatSampler(binned(smooth, bins), 1, Motion("BAB", fresh=True, metropolis=True), 2, bins.count)
    slots = [sampler.new_slot(number) for number in range(3)]
    windows = {0: range(3), 1: range(3000, 3100), 2: range(10, 100)}
    sampler.approach(slots, {number: bins.edge(sum((one[0], one[-1])) // 2) for number, one in windows.items()}, windows, 300)
    assert all(slot.walker.level in windows[slot.number] for slot in slots)
    for slot in slots:
        slot.ln_g[: windows[slot.number][0]] = slot.ln_g[windows[slot.number][-1] + 1 :] = np.inf
        slot.length, slot.steps = 0.3, 0
    sampler.walk(slots, Purpose.LEARN, 0, 50, {slot.number: 0.1 for slot in slots})
    for slot in slots:
        assert slot.walker.level in windows[slot.number] and slot.outside > 0
        assert slot.histogram.sum() == 50 and slot.ln_g[np.isfinite(slot.ln_g)].sum() == pytest.approx(5.0)
        sampler.check_drift(slot)


def content(**changes: Any) -> dict[str, Any]:
    sections: dict[str, Any] = {
        "landscape": {"model": "quadratic", "weights": 4},
        "dynamics": {"kind": "hmc", "step": "adapt"},
        "ensemble": {"kind": "wang-landau", "bin_width": 0.5},
        "exchange": {"energy": [0.0, 10.0], "windows": 2},
    }
    return {"name": "run", "seed": 1, **sections, **changes}


def said(**changes: Any) -> str:
    with pytest.raises(JobError) as caught:
        make_job(content(**changes))
    return "\n".join(caught.value.mistakes)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"ensemble": {}}, "[ensemble] bin_width, bins: give one of them"),
        ({"ensemble": {"bin_width": 0.5, "bins": 20}}, "[ensemble] bin_width, bins: give one of them"),
        ({"ensemble": {"bin_width": -1.0}}, "[ensemble] bin_width"),
        ({"ensemble": {"bin_width": 0.3}}, "of which 0 to 10 is no whole number; let the energies end at 9.9"),
        ({"ensemble": {"bin_width": 8.0}}, "makes 1 bins of 0 to 10; allowed are 3 to 1,000,000"),
        ({"exchange": {"windows": 2}}, "[exchange] energy: required with continuous weights"),
        ({"exchange": {"energy": [3.0, 1.0]}}, "the lowest must be below the highest"),
        ({"exchange": {"energy": [0.0, math.inf]}}, "[exchange] energy"),
        ({"exchange": {"energy": [0.0, 10.0], "windows": 7}}, "7 windows in 20 bins; at most 6"),
        ({"exchange": {"energy": [0.0, 10.0], "windows": [[0.0, 10.0]]}}, "energy and explicit windows were both given"),
        ({"exchange": {"windows": [[0.0, 5.2], [4.0, 10.0]]}}, "5.2 is no edge of a bin; these lie at 0 + k 0.5"),
        ({"exchange": {"windows": [[0.0, 5.0], [5.0, 10.0]]}}, "share no bin; let them overlap"),
        ({"exchange": {"windows": [[4.0, 10.0], [0.0, 5.0]]}}, "not in ascending order"),
        ({"exchange": {"windows": [[0.0, 1.0], [0.5, 10.0]]}}, "each must hold at least 3 bins"),
        ({"dynamics": {"kind": "hmc", "step": 0.1}}, "without a temperature there is no step in time"),
        ({"dynamics": {"kind": "hmc", "lengths": [0.1]}}, "given 1; one for each of the 2 windows"),
        ({"dynamics": {"kind": "langevin", "metropolis": False, "step": "adapt"}}, "give metropolis = true"),
    ],
)
def test_mistakes_are_told(changes: dict[str, Any], wanted: str) -> None:
    assert wanted in said(**changes)


def test_levels_have_no_bins() -> None:
    assert "bin_width" in said(landscape={"model": "ising-2d", "length": 4}, dynamics={"kind": "flip"})


def job(**changes: Any) -> Job:
    return make_job(content(**changes))


def test_windows_lie_on_bins() -> None:
    given = job(exchange={"windows": [[1.0, 6.0], [5.0, 10.0]]})
    assert given.bins == Bins(1.0, 0.5, 18) and isinstance(given.exchange, EnergyWindows)
    assert windows_of(given.exchange, given.bins) == [(0, 9), (8, 17)]
    number = job(ensemble={"bins": 20, "unbounded": True})
    assert number.bins == Bins(0.0, 0.5, 20, True) and number.layout(range(1)).windows == 2


def test_the_job_as_it_was_run_is_a_job_for_the_same_bins(tmp_path: Path) -> None:
    """Limited by max_sweeps: relative, out of time, and honest about it; without a prior there is nothing absolute."""
    first = make_job(content(ensemble={"bin_width": 0.5, "max_sweeps": 40}, run={"folder": "runs"}), tmp_path)
    run_job(first, Serial(), quiet=True)
    groups, attributes = read_groups(first.folder / "result.nc")
    assert attributes["status"] == "limited by the clock" and attributes["normalisation"] == "relative"
    assert attributes["measure"] == "volume of the weights" and attributes["bin_width"] == 0.5
    assert groups["windows"]["energy_low"].tolist() == [0.0, 3.0] and groups["windows"]["energy_high"].tolist() == [7.0, 10.0]
    assert analyze(first.folder).groups["canonical"]["energy_mean"][0] > groups[""]["energy"][0]  # from ln g as learned
    again = make_job({**tomllib.loads((first.folder / "job.toml").read_text()), "name": "again"}, tmp_path)
    assert again.bins == first.bins


def test_a_window_that_is_out_of_reach_is_told(tmp_path: Path) -> None:
    """Below the lowest energy there is."""
    made = make_job(
        content(
            exchange={"windows": [[-10.0, -5.0], [-6.0, 6.0]], "search_sweeps": 200},
            ensemble={"bin_width": 0.5, "ln_f_final": 0.1, "occasions": 1},
        ),
        tmp_path,
    )
    run_job(made, Serial(), quiet=True)
    _, attributes = read_groups(made.folder / "result.nc")
    assert attributes["status"] == "unreached windows" and "windows [0]" in attributes["reason"]
