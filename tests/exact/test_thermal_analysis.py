"""`pland analyze` and `pland report` on continuous weights, against closed forms of a quadratic landscape.

Draws of known law give 40 independent answers, so that |z| > 4.5 happens by chance once in 17,000 cases (Student, 39 degrees of
freedom), and the errors that are stated are compared with their scatter, whose relative error is 0.11. Seeds are fixed.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate

from parallel_landscape.analysis.findings import Question
from parallel_landscape.analysis.overlap_windows import BINS
from parallel_landscape.analysis.thermal import reweighted
from parallel_landscape.analysis.thermal_mbar import Sample, curves, free_energies, parts_of
from parallel_landscape.cli import main
from parallel_landscape.commands.analyze import Request, analyze
from parallel_landscape.driver.rounds import run_job
from parallel_landscape.errors import JobError
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.job.job import make_job
from parallel_landscape.store.catalogue import read_catalogue
from parallel_landscape.store.frozen_tables import Frozen, Observable
from parallel_landscape.store.result import read_groups

F = NDArray[np.float64]
N, LARGEST, TRIALS = 6, 4.5, 40
BETAS, ASKED = np.array([4.0, 2.0, 1.0]), np.array([1.0, 1.4, 2.0, 3.1, 4.0])


def draws(rng: np.random.Generator, records: int) -> Sample:
    """Energies of `N` weights with |w|^2/2: Gamma(N/2, T); and |w|^2 as an observable."""
    energy = np.concatenate([rng.gamma(N / 2, 1.0 / beta, records) for beta in BETAS])
    return Sample(BETAS, energy, 2.0 * energy[None], np.repeat(np.arange(len(BETAS)), records))


def truths(betas: F) -> F:
    """ln Z less that of beta = 1, mean and variance of the energy, mean of |w|^2."""
    return np.array([-N / 2 * np.log(betas), N / 2 / betas, N / 2 / betas**2, N / betas])


def largest_z(sample_of: Any = lambda sample: sample, solve: Any = free_energies) -> float:
    """Of all curves at all temperatures, over independent trials."""
    rng = np.random.default_rng(5)
    found = []
    for _ in range(TRIALS):
        sample = sample_of(draws(rng, 200))
        found.append(curves(sample, solve(sample), ASKED))
    errors = np.std(found, axis=0, ddof=1) / math.sqrt(TRIALS)
    return float(np.nanmax(np.abs(np.mean(found, axis=0) - truths(ASKED)) / np.where(errors > 1e-9, errors, np.nan)))


def test_reweighting_agrees_with_closed_forms() -> None:
    assert largest_z() < LARGEST


def colder(sample: Sample) -> Sample:
    """One temperature is taken for another."""
    return Sample(sample.betas * np.array([2.0, 1.0, 1.0]), sample.energy, sample.values, sample.place)


def merely_pooled(sample: Sample) -> F:
    """The constants of all temperatures are taken to be the same."""
    return np.zeros(len(sample.betas))


@pytest.mark.parametrize("twin", [{"sample_of": colder}, {"solve": merely_pooled}])
def test_wrong_reweighting_is_noticed(twin: dict[str, Any]) -> None:
    assert largest_z(**twin) > 2 * LARGEST


def frozen_of(repeats: int, betas: F = BETAS) -> Frozen:
    """Slots of so many repeats at these temperatures, one walker each."""
    slots, zeros = np.arange(repeats * len(betas)), np.zeros(repeats * len(betas), np.int64)
    window = slots % len(betas)
    return Frozen(
        *(math.nan, 0, 1, 1, 1, 1, 0, "canonical", slots, slots // len(betas), window, zeros, zeros, zeros),
        *(np.ones(len(slots), np.uint8), window, -betas, np.arange(len(betas) + 1), (Observable("norm", "1", "norm"),), N),
    )


def records_of(rng: np.random.Generator, frozen: Frozen, count: int) -> dict[str, NDArray[Any]]:
    slot = np.repeat(frozen.slot, count)
    energy = rng.gamma(N / 2, 1.0 / frozen.betas[frozen.window[slot]])
    sweep = np.tile(np.arange(1, count + 1), frozen.slots)
    return {"slot": slot, "sweep": sweep, "walker": slot, "energy": energy, "norm": 2.0 * energy}


def test_stated_errors_are_honest() -> None:
    """The errors by jackknife against the scatter over independent trials: within 40 %, 3.6 standard errors of that ratio."""
    rng, found, stated = np.random.default_rng(6), [], []
    frozen = frozen_of(2)
    for _ in range(TRIALS):
        group = reweighted(frozen, records_of(rng, frozen, 200), ASKED, 200, [])
        found.append([group[name][1:] for name in ("ln_z", "energy_mean", "energy_variance", "norm")])
        stated.append([group[f"{name}_error"][1:] for name in ("ln_z", "energy_mean", "energy_variance", "norm")])
    ratio = np.sqrt(np.mean(np.square(stated), axis=0)) / np.std(found, axis=0, ddof=1)
    assert ratio.min() > 0.6 and ratio.max() < 1.6, ratio


def test_temperatures_whose_energies_do_not_meet_stand_alone() -> None:
    rng, said = np.random.default_rng(7), []
    frozen = frozen_of(2, np.array([1e6, 5e5, 2.0, 1.0]))
    records = records_of(rng, frozen, 400)
    group = reweighted(frozen, records, [1.0, 1.5, 1e3, 7e5, 2e6], 400, said)
    assert group["covered"].tolist() == [True, True, False, True, False]
    assert np.isfinite(group["energy_mean"]).tolist() == [True, True, False, True, False]
    assert np.isfinite(group["ln_z"]).tolist() == [True, True, False, False, False]  # told from the hottest alone
    assert abs(group["energy_mean"][3] - N / 2 / 7e5) < 5 * group["energy_mean_error"][3]
    assert len(said) == 1 and "do not meet" in said[0] and "beta = 5e+05 and 2" in said[0]
    assert parts_of(frozen.betas, [records["energy"][frozen.window[records["slot"]] == k] for k in range(4)]) == [
        [0, 1],
        [2, 3],
    ]


JOB: dict[str, Any] = {
    "name": "run",
    "seed": 3,
    "landscape": {"model": "quadratic", "weights": N},
    "dynamics": {"kind": "hmc", "step": "adapt", "steps": 4, "adapt_rounds": 40, "sweeps_per_round": 2, "pack": 64},
    "ensemble": {"kind": "canonical", "betas": BETAS.tolist(), "equilibration_rounds": 40},
    "production": {"rounds": 400, "record_every_sweeps": 2, "weights": True, "observables": ["norm-squared"]},
    "run": {"repeats": 8, "checkpoint_rounds": 150},
}


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    job = make_job(JOB, tmp_path_factory.mktemp("run"))
    run_job(job, Serial(), quiet=True)
    analyze(job.folder, Request(scheduler="none"))
    return job.folder


def test_a_run_is_analysed_through_the_whole_program(analysed: Path) -> None:
    """5 standard errors from 64 blocks and more: by chance once in 1e6 cases."""
    groups, attributes = read_groups(analysed / "result.nc")
    canonical, ladder = groups["canonical"], groups["ladder"]
    exact = dict(zip(("ln_z", "energy_mean", "energy_variance", "norm-squared"), truths(canonical["beta"]), strict=True))
    exact |= dict.fromkeys(("dimension_fluctuation", "dimension_mean"), np.full(len(canonical["beta"]), float(N)))
    for name, truth in exact.items():
        apart = np.abs(canonical[name] - truth)[1 if name == "ln_z" else 0 :]
        assert (apart < 5 * canonical[f"{name}_error"][1 if name == "ln_z" else 0 :]).all(), name
    assert len(canonical["beta"]) == 11 and canonical["covered"].all()
    assert ladder["samples"].tolist() == [3200] * 3 and (ladder["effective_samples"] > 500).all()
    for name in ("energy_mean", "energy_variance", "norm-squared"):
        truth = dict(zip(("ln_z", "energy_mean", "energy_variance", "norm-squared"), truths(BETAS), strict=True))[name]
        assert (np.abs(ladder[name] - truth) < 5 * np.hypot(ladder[f"{name}_error"], 0)).all()
        assert (ladder[f"{name}_repeats_error"] > 0).all()
    assert attributes["analysis_status"] == "complete" and attributes["estimator"] == "mbar"
    assert "virial" in groups["windows"]  # what the run's end wrote is kept


def test_overlaps_of_continuous_weights(analysed: Path) -> None:
    """The cosine of two directions in N dimensions has the density (1 - q^2)^((N-3)/2)."""
    laws, _ = read_groups(analysed / "result.nc")
    laws = laws["overlap_windows"]
    width = 2.0 / BINS
    density = lambda q: (1 - q * q) ** ((N - 3) / 2)  # noqa: E731
    whole = integrate.quad(density, -1, 1)[0]
    exact = np.array([integrate.quad(density, q - width / 2, q + width / 2)[0] for q in laws["q"]]) / whole
    for kind in ("between_repeats", "between_walkers", "along_walker"):
        apart = np.abs(laws[kind] - exact) / np.where(laws[f"{kind}_error"] > 0, laws[f"{kind}_error"], np.inf)
        assert np.percentile(apart, 95) < 3.0, kind  # neighbouring bins share pairs
        assert (np.abs(laws[f"{kind}_mean"]) < 5 * laws[f"{kind}_mean_error"]).all()
        spread = (laws[kind] * laws["q"] ** 2).sum(axis=1)
        assert spread == pytest.approx(1 / N, abs=0.01)


def test_the_report_is_built(analysed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(analysed)]) == 0
    page = (analysed / "report.html").read_text(encoding="utf-8")
    for key in (
        "thermal-energy-mean",
        "thermal-norm-squared",
        "dimension",
        "health",
        "law-between-repeats",
        "exchange",
        "walker-0",
    ):
        assert f'id="figure-{key}"' in page, key
    assert "Wang-Landau sampling" not in page and "hybrid Monte Carlo" in page


def test_before_an_analysis_the_report_says_so(tmp_path: Path) -> None:
    short = {**JOB, "production": {"rounds": 40, "record_every_sweeps": 2}, "run": {"repeats": 1}}
    job = make_job(short, tmp_path)
    run_job(job, Serial(), quiet=True)
    assert main(["report", str(job.folder)]) == 0
    page = (job.folder / "report.html").read_text(encoding="utf-8")
    assert "Not analysed yet" in page and 'id="figure-thermal-energy-mean"' in page
    findings = analyze(job.folder, Request(scheduler="none"))
    assert "overlap_windows" not in findings.groups
    assert any("weights = true" in note for note in findings.attributes["analysis_notes"])


def test_what_needs_levels_is_refused(analysed: Path) -> None:
    with pytest.raises(JobError, match="--joint"):
        analyze(analysed, Request(Question(joint=("norm-squared",)), scheduler="none"))
    with pytest.raises(JobError, match="--energy"):
        analyze(analysed, Request(Question(ranges=((0, 1),)), scheduler="none"))


def test_damage_costs_its_own_records_alone(analysed: Path) -> None:
    """A segment that is gone is named, the rest analysed."""
    copy = Path(shutil.copytree(analysed, analysed.parent / "copy"))
    catalogue = read_catalogue(copy)
    catalogue.path(catalogue.segments[0]).unlink()
    findings = analyze(copy, Request(scheduler="none"))
    assert findings.attributes["analysis_status"].startswith(f"incomplete: {catalogue.segments[0].records} of 9600 records")
    assert int(findings.groups["ladder"]["samples"].sum()) == 9600 - catalogue.segments[0].records > 0


def test_records_under_weights_of_bins_are_refused_in_words(tmp_path: Path) -> None:
    flat = {
        "landscape": {"model": "quadratic", "weights": 2, "prior": 1.0},
        "dynamics": {"kind": "hmc", "step": "adapt", "steps": 3},
        "ensemble": {"kind": "wang-landau", "bins": 4, "ln_f_final": 0.5, "occasions": 1},
        "exchange": {"energy": [0.0, 3.0], "windows": 1},
        "production": {"rounds": 5, "record_every_sweeps": 2},
        "run": {},
    }
    job = make_job({**JOB, **flat}, tmp_path)
    run_job(job, Serial(), quiet=True)
    with pytest.raises(JobError, match="learned in bins of energy"):
        analyze(job.folder, Request(scheduler="none"))
    assert main(["report", str(job.folder)]) == 0
