"""Coupled replicas of continuous weights against closed forms: a quadratic landscape, where all is Gaussian, and a sphere.

12 repeats are 12 independent numbers, so that |z| > 5 happens by chance in 1 of 2,500 cases (Student, 11 degrees of freedom);
seeds are fixed. Each mistake that a twin makes on purpose must break that limit.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate

from parallel_landscape.cli import main
from parallel_landscape.commands.analyze import Request, analyze
from parallel_landscape.driver.fit import check_fit
from parallel_landscape.driver.rounds import run_job
from parallel_landscape.ensembles import attraction
from parallel_landscape.errors import JobError
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.job.job import Job, make_job
from parallel_landscape.phases.couple_thermal import CoupledThermal
from parallel_landscape.phases.thermal import smooth
from parallel_landscape.store import checkpoint
from parallel_landscape.store.result import read_groups
from parallel_landscape.store.segments import Segment, read_records

N, PRIOR, REPEATS, LARGEST = 3, 0.5, 12, 5.0
STIFF = np.geomspace(2.0, 0.5, N)
BETAS, GAMMAS = [1.0, 2.0], [0.4, 1.4]
Real = NDArray[np.float64]


def job_of(folder: Path, form: str, replicas: int, **changes: Any) -> Job:
    content: dict[str, Any] = {
        "name": "run",
        "seed": 3,
        "landscape": {"model": "quadratic", "weights": N, "stiffest": 2.0, "softest": 0.5, "prior": PRIOR},
        "dynamics": {"kind": "hmc", "lengths": [0.5, 0.5], "steps": 3, "sweeps_per_round": 2, "pack": 128},
        "ensemble": {
            "kind": "coupled", "form": form, "replicas": replicas, "beta": BETAS, "gamma": GAMMAS, "equilibration_rounds": 30,
        },
        "production": {"rounds": 250, "record_every_sweeps": 2},
        "run": {"repeats": REPEATS},
        **changes,
    }  # fmt: skip
    return make_job(content, folder)


def exact(form: str, replicas: int, group: int) -> dict[str, float]:
    """Precisions of a direction: `along` all replicas together, `across` of what differs; both are 1 / variances."""
    gamma, single = GAMMAS[group], BETAS[group] * STIFF + PRIOR
    along = single if form == "star" else single - gamma * (1 - 1 / replicas)
    across = single + (gamma if form == "star" else gamma / replicas)
    own = (1 / along + (replicas - 1) / across) / replicas
    other = (1 / along - 1 / across) / replicas
    return {
        "energy": float(STIFF @ own) / 2,
        "overlap": float(other.sum()) / N,
        "distance": float(2 * (own - other).sum()) / N,
        "centre-energy": float(STIFF @ (1 / along)) / (2 * replicas),
        "norm-squared": float(own.sum()),
    }


def records_of(job: Job) -> dict[str, Any]:
    """Columns (repeats, groups, replicas, records) of a run that is carried out."""
    run_job(job, Serial(), quiet=True)
    generation, _ = checkpoint.newest(job.folder / "checkpoints")
    assert generation is not None
    records = read_records(job.folder / "trajectory", [Segment(**segment) for segment in generation.about["segments"]])
    layout = job.layout(range(1))
    shape = layout.repeats, layout.windows, layout.walkers, -1
    return {name: column.reshape(shape) for name, column in records.items()}


def largest_z(records: dict[str, Any], truths: list[dict[str, float]]) -> float:
    found = []
    for group, truth in enumerate(truths):
        for name, value in truth.items():
            if name in records:
                means = records[name][:, group].mean(axis=(1, 2))
                found.append(abs(means.mean() - value) / (means.std(ddof=1) / math.sqrt(len(means))))
    return float(max(found))


def both(form: str, replicas: int) -> list[dict[str, float]]:
    return [exact(form, replicas, group) for group in range(2)]


CASES = [("star", 2), ("star", 3), ("pairwise", 2), ("pairwise", 3)]


@pytest.mark.parametrize(("form", "replicas"), CASES)
def test_everything_is_gaussian(form: str, replicas: int, tmp_path: Path) -> None:
    section = {"rounds": 250, "record_every_sweeps": 2, "observables": ["norm-squared"]}
    records = records_of(job_of(tmp_path, form, replicas, production=section))
    assert {"overlap", "distance", "centre-overlap", "centre-energy", "norm-squared"} <= set(records)
    assert largest_z(records, both(form, replicas)) < LARGEST


def stale(self: CoupledThermal, slots: Any, seed: int, number: int) -> None:
    """All replicas move at once in the sum of the others as it was."""
    for slot in smooth(slots):
        row = self.row(slot.number)
        gamma = self.gammas[row % self.layout.windows] / self.layout.walkers
        assert self.totals is not None
        slot.stiffness, slot.push = 0.0, gamma * (self.totals[row] - slot.walker.state.weights)


def without_noise(form: str) -> Any:
    """The field is put where its law has its middle."""

    class Still:
        def standard_normal(self, size: int) -> Real:
            return np.zeros(size)

    right = attraction.FIELDS[form]
    return lambda sums, gamma, replicas, draws: right(sums, gamma, replicas, Still())


def without_own(sums: Real, gamma: float, replicas: int, draws: np.random.Generator) -> tuple[float, Real]:
    """What the integral over the field holds of each replica alone is left in."""
    return 0.0, attraction.pairwise_field(sums, gamma, replicas, draws)[1]


def turned(form: str, sums: Real, norms: float, gamma: float, replicas: int) -> float:
    """Exchange with the sign of gamma turned."""
    return -RIGHT(form, sums, norms, gamma, replicas)


RIGHT = attraction.ln_weight
TWINS: dict[str, tuple[str, Any]] = {
    "a stale sum": ("pairwise", lambda patch: patch.setattr(CoupledThermal, "_draw", stale)),
    "no noise in the field": (
        "pairwise",
        lambda patch: patch.setitem(attraction.FIELDS, "pairwise", without_noise("pairwise")),
    ),
    "no noise in the centre": ("star", lambda patch: patch.setitem(attraction.FIELDS, "star", without_noise("star"))),
    "the replica's own part": ("pairwise", lambda patch: patch.setitem(attraction.FIELDS, "pairwise", without_own)),
    "exchange with a turned sign": ("star", lambda patch: patch.setattr(attraction, "ln_weight", turned)),
}


@pytest.mark.parametrize("twin", TWINS)
def test_wrong_twins_are_noticed(twin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    form, patch = TWINS[twin]
    patch(monkeypatch)
    assert largest_z(records_of(job_of(tmp_path, form, 2)), both(form, 2)) > LARGEST


SPHERE = {"model": "spherical-perceptron", "inputs": 5, "data": {"source": "random", "patterns": 4, "kind": "gaussian"}}


def on_a_sphere(gamma: float) -> float:
    """<w_a.w_b>/N of two replicas that feel each other alone: the cosine has the density (1-t^2)^((N-3)/2) exp(gamma N t/2)."""

    def density(t: float) -> float:
        return (1 - t * t) ** ((5 - 3) / 2) * math.exp(gamma * 5 * t / 2)

    return integrate.quad(lambda t: t * density(t), -1, 1)[0] / integrate.quad(density, -1, 1)[0]


@pytest.mark.parametrize("form", ["star", "pairwise"])
def test_on_a_sphere_both_forms_are_the_same(form: str, tmp_path: Path) -> None:
    ensemble = {"kind": "coupled", "form": form, "replicas": 2, "beta": 0.0, "gamma": GAMMAS, "equilibration_rounds": 30}
    records = records_of(job_of(tmp_path, form, 2, landscape=SPHERE, ensemble=ensemble))
    assert largest_z(records, [{"overlap": on_a_sphere(gamma)} for gamma in GAMMAS]) < LARGEST
    assert records["distance"] == pytest.approx(2 - 2 * records["overlap"], abs=1e-8)


def test_without_attraction_nothing_changes(tmp_path: Path) -> None:
    """At gamma = 0 the replicas are those of the canonical ensemble, and the star has no centre to be drawn."""
    ensemble = {"kind": "coupled", "replicas": 2, "beta": BETAS, "gamma": 0.0, "equilibration_rounds": 30}
    records = records_of(job_of(tmp_path, "star", 2, ensemble=ensemble))
    truths = [{"energy": float((STIFF / (beta * STIFF + PRIOR)).sum()) / 2, "overlap": 0.0} for beta in BETAS]
    assert largest_z(records, truths) < LARGEST


def test_result_analysis_and_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """5 standard errors from blocks of time; the whole way from the job file to the page."""
    production = {"rounds": 400, "record_every_sweeps": 2, "weights": True, "observables": ["norm-squared"]}
    dynamics = {"kind": "hmc", "step": "adapt", "steps": 3, "adapt_rounds": 30, "sweeps_per_round": 2, "pack": 64}
    job = job_of(tmp_path, "star", 3, production=production, dynamics=dynamics, run={"repeats": 4})
    run_job(job, Serial(), quiet=True)
    groups, attributes = read_groups(job.folder / "result.nc")
    windows = groups["windows"]
    assert attributes["coupling"] == "star" and windows["gamma"].tolist() == GAMMAS
    columns = {"energy": "energy_mean", "overlap": "overlap", "distance": "distance", "centre-energy": "centre_energy"}
    for group in range(2):
        for name, column in columns.items():
            apart = windows[column][group] - exact("star", 3, group)[name]
            assert abs(apart) < 5 * windows[f"{column}_error"][group], (name, group)
    assert main(["status", str(job.folder)]) == 0 and "distance" in capsys.readouterr().out
    findings = analyze(job.folder, Request(scheduler="none"))
    for group in range(2):
        apart = findings.groups["ladder"]["norm-squared"][group] - exact("star", 3, group)["norm-squared"]
        assert abs(apart) < 5 * findings.groups["ladder"]["norm-squared_error"][group]
    laws = findings.groups["overlap_windows"]
    assert np.array(laws["between_repeats"]).sum(axis=1) == pytest.approx(1.0)
    assert (np.abs(laws["between_repeats_mean"]) < 5 * np.array(laws["between_repeats_mean_error"])).all()
    assert main(["report", str(job.folder)]) == 0
    page = (job.folder / "report.html").read_text(encoding="utf-8")
    for key in ("coupled-energy", "coupled-overlap", "coupled-distance", "health", "law-between-walkers"):
        assert f'id="figure-{key}"' in page, key


def wrong(folder: Path, form: str = "star", **changes: Any) -> list[str]:
    """What is wrong with such a job."""
    ensemble = {"kind": "coupled", "form": form, "replicas": 3, "beta": BETAS, "gamma": GAMMAS, "equilibration_rounds": 30}
    with pytest.raises(JobError) as caught:
        job = job_of(folder, form, 3, ensemble={**ensemble, **changes})
        check_fit(job, job.build_landscape(), 1)
    return list(caught.value.mistakes)


def test_what_has_no_equilibrium_is_refused(tmp_path: Path) -> None:
    """Pairwise attraction is bounded by prior and energy: 0.5 + 1 * 0.5 at beta = 1."""
    check_fit(job := job_of(tmp_path, "pairwise", 3), job.build_landscape(), 1)
    (sentence,) = wrong(tmp_path, "pairwise", gamma=[1.6, 2.0])
    assert "gamma: given 1.6 with 3 replicas at beta = 1" in sentence and "is below 1" in sentence and '"star"' in sentence
    assert "attract each other only" in wrong(tmp_path, gamma=[-0.1, 0.2])[0]
    assert "coupled by star or pairwise" in wrong(tmp_path, "distance")[0]


def test_weights_that_cannot_be_summed_are_noticed() -> None:
    assert attraction.as_integers(np.array([1.5, -(2.0**-40)]), 2).tolist() == [3 * 2**39, -1]
    for value in (attraction.largest(3), math.nan, math.inf):
        with pytest.raises(OverflowError):
            attraction.as_integers(np.array([value]), 3)
