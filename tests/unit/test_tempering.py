"""Ladders of temperatures and groups of replicas: what a job may say, and where the betas lie."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parallel_landscape.commands.status import status
from parallel_landscape.commands.status_view import text_lines
from parallel_landscape.driver.rounds import run_job
from parallel_landscape.errors import JobError
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.job.coupling import why_not_coupled
from parallel_landscape.job.job import Job, make_job
from parallel_landscape.job.tempering import Ladder, equal_rejection, rejections, spread
from parallel_landscape.landscapes.potts import potts_2d
from parallel_landscape.outcomes.tempered import FEWEST, mean_of, parted, standard_error, walkers_apart
from parallel_landscape.phases.equilibrate import FIRST_STAGE, pairs_from_windows, stage_ends
from parallel_landscape.planning.plan import make_plan

CANONICAL = {"kind": "canonical", "betas": [1.0, 0.2, 0.5], "equilibration_rounds": 5}
COUPLED = {"kind": "coupled", "replicas": 3, "gamma": [0.1, 0.2], "beta": 1.0, "equilibration_rounds": 5}


def job_of(folder: Path, ensemble: dict[str, Any], **sections: Any) -> Job:
    content = {
        "name": "run",
        "seed": 1,
        "landscape": {"model": "ising-2d", "length": 4},
        "dynamics": {"sweeps_per_round": 2},
        "ensemble": ensemble,
        "production": {"rounds": 20, "record_every_sweeps": 2},
        **sections,
    }
    return make_job({key: value for key, value in content.items() if value is not None}, folder)


def mistakes(folder: Path, ensemble: dict[str, Any], **sections: Any) -> str:
    with pytest.raises(JobError) as caught:
        job_of(folder, ensemble, **sections)
    return "\n".join(caught.value.mistakes)


@pytest.mark.parametrize(
    ("ensemble", "words"),
    [
        ({"betas": None}, "[ensemble] beta, betas, temperatures: give one of them"),
        ({"beta": 1.0}, "[ensemble] beta, betas, temperatures: give one of them"),
        ({"betas": [1.0, 1.0]}, "each temperature may be there once"),
        ({"betas": {"min": 2.0, "max": 1.0, "count": 3}}, "min must be below max"),
        ({"betas": {"min": 0.0, "max": 1.0, "count": 3}}, "geometric spacing begins above 0"),
        ({"betas": {"min": 0.1, "max": 1.0, "count": 1}}, "[ensemble] betas"),
        ({"betas": {"min": 0.1, "max": 1.0, "count": 4, "step": 1}}, "extra inputs are not permitted"),
        ({"pilot_rounds": 100}, "[ensemble] pilot_rounds: there is a pilot only with"),
        ({"equilibration_rounds": None}, "equilibration_rounds: this key is required"),
        ({"ln_f_final": 1e-3}, "[ensemble] ln_f_final: unknown key"),
        ({"kind": "cannonical"}, "did you mean 'canonical'?"),
    ],
)
def test_mistakes_of_ladders(ensemble: dict[str, Any], words: str, tmp_path: Path) -> None:
    given = {key: value for key, value in {**CANONICAL, **ensemble}.items() if value is not None}
    assert words in mistakes(tmp_path, given)


@pytest.mark.parametrize(
    ("ensemble", "words"),
    [
        ({"beta": [1.0, 2.0, 3.0]}, "give one for each group in both"),
        ({"form": "pairwise", "replicas": 1}, "couples 2 or more to each other"),
        ({"form": "distance", "gamma": -1.0}, "gamma must not be below 0"),
        ({"reference": "r.npy"}, '[ensemble] reference: a file or folder is needed with form = "reference", and only there'),
        ({"form": "reference"}, '[ensemble] reference: a file or folder is needed with form = "reference", and only there'),
        ({"replicas": 256}, "[ensemble] replicas"),
        ({"gamma": "strong"}, "[ensemble] gamma"),
    ],
)
def test_mistakes_of_groups(ensemble: dict[str, Any], words: str, tmp_path: Path) -> None:
    assert words in mistakes(tmp_path, {**COUPLED, **ensemble})


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    said = mistakes(tmp_path, {**CANONICAL, "beta": 1.0}, exchange={"kind": "windows", "windows": 3}, production=None)
    for words in (
        "[exchange] kind: given 'windows'",
        "[exchange] windows: unknown key",
        "beta, betas",
        "[production]: required",
    ):
        assert words in said


def test_what_cannot_be_coupled(tmp_path: Path) -> None:
    reason = why_not_coupled(potts_2d(length=4, states=3), 1)
    assert reason is not None and "weights" in reason and "+-1" in reason
    missing = job_of(tmp_path, {**COUPLED, "form": "reference", "reference": "nowhere.npy"})
    with pytest.raises(JobError, match=r"reference: .*nowhere.npy cannot be read"):
        run_job(missing, Serial(), quiet=True)
    assert not missing.folder.exists()


def test_layouts(tmp_path: Path) -> None:
    levels = range(-32, 33, 4)
    one = job_of(tmp_path, CANONICAL, exchange={"walkers_per_temperature": 4}, run={"repeats": 2}).layout(levels)
    assert (one.repeats, one.windows, one.walkers) == (2, 3, 4)
    other = job_of(tmp_path, COUPLED).layout(levels, 2)
    assert (other.windows, other.walkers, other.ranks) == (2, 3, 2)


def test_spacings() -> None:
    np.testing.assert_allclose(spread(Ladder(min=0.5, max=2.0, count=3)), [2.0, 1.0, 0.5])
    np.testing.assert_allclose(spread(Ladder(min=-1.0, max=2.0, count=4, spacing="linear")), [2.0, 1.0, 0.0, -1.0])
    assert spread(Ladder(min=0.0, max=3.0, count=4, spacing="adapted")) == [3.0, 2.0, 1.0, 0.0]


def test_equal_rejection_moves_betas_to_where_they_are_needed() -> None:
    """Rejection 0.1, 0.8, 0.3 on [3, 2, 1, 0]: Lambda = 1.2, so that the inner betas lie where it is 0.4 and 0.8."""
    np.testing.assert_allclose(
        equal_rejection([3.0, 2.0, 1.0, 0.0], [0.1, 0.8, 0.3]), [3.0, 2.0 - 0.3 / 0.8, 2.0 - 0.7 / 0.8, 0.0]
    )
    assert equal_rejection([1.0, 0.0], [0.7]) == [1.0, 0.0]
    even = equal_rejection([3.0, 2.0, 1.0, 0.0], [0.2, 0.2, 0.2])
    np.testing.assert_allclose(even, [3.0, 2.0, 1.0, 0.0])
    assert rejections([10, 0, 3], [10, 0, 7]) == [0.5 / 11, 0.5, 4.5 / 8]


@pytest.mark.parametrize("rounds", [16, 17, 55, 56, 100, 2000, 12345])
def test_stages_double(rounds: int) -> None:
    ends = stage_ends(rounds)
    lengths = np.diff([0, *ends]).tolist()
    assert ends[-1] == rounds and lengths[:-1] == [FIRST_STAGE * 2**k for k in range(len(lengths) - 1)]
    assert len(lengths) == 1 or lengths[-1] >= min(lengths[-2], FIRST_STAGE)


def test_pairs_from_what_windows_count() -> None:
    """Pairs swap 5, 2 and 7 times of 10, 9 and 8: an inner window counts those of both sides."""
    assert pairs_from_windows(np.array([[5, 10], [7, 19], [9, 17], [7, 8]])) == ([5, 2, 7], [10, 9, 8])
    assert pairs_from_windows(np.array([[0, 0]])) == ([], [])


def test_errors_from_spans_of_time() -> None:
    """Independent numbers, an autoregression whose error is larger, and a drift."""
    rng = np.random.default_rng(0)
    draws = rng.standard_normal((400, 32))
    assert np.mean([standard_error(one) for one in draws]) == pytest.approx(32**-0.5, rel=0.2)  # the largest of three is larger
    slow = np.zeros((400, 32))
    for k in range(1, 32):
        slow[:, k] = 0.8 * slow[:, k - 1] + draws[:, k]
    assert np.mean([standard_error(one) for one in slow]) > 1.3 * np.mean(slow.std(axis=1) / 32**0.5)
    drift = mean_of(1000 * np.arange(32) + rng.integers(0, 10, 32), np.full(32, 100))
    assert abs(drift.value - 155.045) < 0.1 and drift.apart > 6
    assert np.isnan(mean_of(np.zeros(32), np.zeros(32, int)).value)
    assert np.isnan(standard_error(draws[0, : FEWEST - 1]))


def test_walkers_that_are_not_alike_are_told() -> None:
    rng = np.random.default_rng(1)
    sums = 1000 * rng.standard_normal((400, 4, 32))
    alike = [walkers_apart([mean_of(one, np.full(32, 1000)) for one in walkers]) for walkers in sums]
    assert parted(alike) is None and 1 < np.mean(alike) < 3
    sums[:, 2] += 8000.0  # 8 standard deviations of a span
    assert all(parted([walkers_apart([mean_of(one, np.full(32, 1000)) for one in walkers])]) for walkers in sums)
    assert np.isnan(walkers_apart([mean_of(np.zeros(32), np.zeros(32, int))])) and parted([math.nan]) is None
    assert walkers_apart([mean_of(np.zeros(32), np.full(32, 1))] * 2) == 0  # all at one energy


@pytest.mark.parametrize(("beta", "status"), [(8.0, "walkers disagree"), (0.5, "converged")])
def test_walkers_stuck_in_different_valleys_do_not_pass_for_converged(beta: float, status: str, tmp_path: Path) -> None:
    content = {
        "name": "run",
        "seed": 2,
        "landscape": {"model": "binary-perceptron", "inputs": 201, "data": {"source": "random", "patterns": 200}},
        "dynamics": {"sweeps_per_round": 5},
        "ensemble": {"kind": "canonical", "beta": beta, "equilibration_rounds": 100},
        "exchange": {"kind": "none", "walkers_per_temperature": 4},
        "production": {"rounds": 320, "record_every_sweeps": 5},
    }
    outcome = run_job(make_job(content, tmp_path), Serial(), quiet=True)
    assert outcome is not None and outcome.attributes["status"] == status


@pytest.mark.parametrize("ensemble", [CANONICAL, COUPLED], ids=["canonical", "coupled"])
def test_a_short_run_says_so(ensemble: dict[str, Any], tmp_path: Path) -> None:
    """Its resolved job, plan and status are those of its kind; the job that it keeps is read again."""
    job = job_of(tmp_path, ensemble, production={"rounds": 10, "record_every_sweeps": 2})
    plan = "\n".join(make_plan(job, 1).lines(1))
    assert "equilibration takes" in plan and ("3 temperatures" in plan or "2 groups" in plan)
    run_job(job, Serial(), quiet=True)
    found = status(job.folder)
    assert found["status"] == "too short" and found["state"] == "done"
    said = "\n".join(text_lines(found))
    assert "mean energy" in said and ("gamma" in said) == (ensemble is COUPLED) and "ln f" not in said
    again = tomllib.loads((job.folder / "job.toml").read_text())
    assert make_job(again, tmp_path).layout(range(1)) == job.layout(range(1))
    kept = tomllib.loads((job.folder / "submitted.toml").read_text())
    assert make_job(kept, tmp_path).fingerprint() == job.fingerprint()
