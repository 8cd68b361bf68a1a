"""The local entropy around a solution, a typical state and the teacher, against enumeration, at every distance.

Seeds are fixed; over all distances the estimates were within 0.03, so that 0.05 is no accident.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from oracles import count_errors_by_distance

from parallel_landscape.cli import main
from parallel_landscape.commands.analyze import analyze
from parallel_landscape.commands.local_entropy import find_local_entropy
from parallel_landscape.driver.rounds import run_job
from parallel_landscape.errors import JobError
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.job.job import make_job
from parallel_landscape.network import Network
from parallel_landscape.store.result import read_groups

N, P, BETA = 11, 8, 0.8
GAMMAS = [-2.2, -1.5, -1.0, -0.6, -0.3, 0.0, 0.3, 0.6, 1.0, 1.5]


def content(folder: Path, reference: NDArray[np.int64], beta: Any) -> dict[str, Any]:
    np.save(folder / "reference.npy", reference)
    return {
        "name": "run",
        "seed": 2,
        "landscape": {"model": "binary-perceptron", "inputs": N, "data": {"source": "teacher", "patterns": P}},
        "ensemble": {
            "kind": "coupled", "form": "reference", "reference": "reference.npy", "replicas": 1, "beta": beta, "gamma": GAMMAS,
            "equilibration_rounds": 50,
        },
        "dynamics": {"sweeps_per_round": 3},
        "production": {"rounds": 7000, "record_every_sweeps": 1},
        "run": {"repeats": 2},
    }  # fmt: skip


@cache
def teacher() -> tuple[NDArray[np.int64], Any]:
    job = make_job({"name": "x", "seed": 2, "landscape": {
        "model": "binary-perceptron", "inputs": N, "data": {"source": "teacher", "patterns": P}}})  # fmt: skip
    examples = job.training_set(Network((N, 1)))
    assert examples.teacher is not None
    return examples.teacher.astype(np.int64), examples


def exact(reference: NDArray[np.int64]) -> NDArray[np.float64]:
    """ln N(E, d), -inf where there is none."""
    examples = teacher()[1]
    with np.errstate(divide="ignore"):
        return np.log(count_errors_by_distance((N, 1), examples.patterns, examples.labels, reference))


def phi_of(ln_n: NDArray[np.float64], beta: float) -> NDArray[np.float64]:
    exponent = ln_n - beta * np.arange(len(ln_n))[:, None]
    return np.logaddexp.reduce(exponent, axis=0)


REFERENCES = {
    "teacher": lambda: teacher()[0],
    "typical": lambda: np.random.default_rng(0).choice([-1, 1], N),
}
EACH = ["teacher", pytest.param("typical", marks=pytest.mark.long)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Folders of finished runs."""

    @cache
    def run(name: str) -> Path:
        folder = tmp_path_factory.mktemp("run")
        job = make_job(content(folder, REFERENCES[name](), BETA), folder)
        run_job(job, Serial(), quiet=True)
        return job.folder

    return run


@pytest.mark.parametrize("name", EACH)
def test_local_entropy_at_every_distance(name: str, runs: Any) -> None:
    reference, run = REFERENCES[name](), runs(name)
    found = find_local_entropy(run)
    ln_n = exact(reference)
    truth = phi_of(ln_n, BETA)
    table = {key: np.asarray(value) for key, value in found.table.items()}
    assert found.normalisation == "reference" and np.isfinite(table["phi"][0]).all()
    difference = table["phi"][0] - truth
    assert np.abs(difference).max() < 0.05
    z = difference[1:] / table["phi_error"][0, 1:]
    assert np.abs(z).max() < 5 and 0.1 < np.sqrt(np.mean(z**2)) < 2.5
    weight = np.exp(ln_n - BETA * np.arange(P + 1)[:, None] - truth)
    entropy = truth + BETA * (np.arange(P + 1) @ weight)
    assert np.abs(table["entropy"][0] - entropy).max() < 0.1
    seen = np.isfinite(table["ln_n"][: P + 1]) & (table["ln_n_error"][: P + 1] < 0.1)
    assert seen.sum() > 30 and np.abs(table["ln_n"][: P + 1] - ln_n)[seen].max() < 0.4
    check_integration(found.path, truth)
    groups, attributes = read_groups(run / "result.nc")
    np.testing.assert_array_equal(groups["local_entropy"]["phi"], table["phi"])
    assert attributes["local_entropy_normalisation"] == "reference" and "windows" in groups
    assert main(["local-entropy", str(run), "--beta", "1.0", "0.5"]) == 0
    with pytest.raises(JobError, match="coupled"):
        analyze(run)


def joint_run(folder: Path, reference: NDArray[np.int64], exchange: dict[str, Any], ln_f_final: float = 2e-6) -> Path:
    """Folder of a finished run that learned ln g(E, X) around a reference."""
    given = content(folder, reference, 0.0)
    for name in ("production", "ensemble"):
        del given[name]
    ensemble = {"kind": "joint", "coordinate": "overlap-reference", "reference": "reference.npy", "ln_f_final": ln_f_final}
    given |= {"ensemble": {**ensemble, "occasions": 100}, "exchange": {"search_sweeps": 10_000, **exchange}}
    job = make_job(given | {"dynamics": {"sweeps_per_round": 1000}, "run": {"repeats": 4}}, folder)
    run_job(job, Serial(), quiet=True)
    return job.folder


@pytest.mark.parametrize("name", EACH)
def test_two_methods_agree_at_every_distance(name: str, runs: Any, tmp_path: Path) -> None:
    """Wang-Landau in (E, d), against enumeration and against the integration over gamma."""
    reference = REFERENCES[name]()
    run = joint_run(tmp_path, reference, {"windows": [2, 2]})
    learned, integrated = find_local_entropy(run, [BETA]), find_local_entropy(runs(name))
    ln_n = exact(reference)
    truth = phi_of(ln_n, BETA)
    table = learned.table
    assert learned.normalisation == "all states" and np.abs(table["phi"][0] - truth).max() < 0.05
    assert np.abs(table["ln_n"] - ln_n)[np.isfinite(ln_n)].max() < 0.1
    np.testing.assert_array_equal(np.isfinite(table["ln_n"]), np.isfinite(ln_n))
    apart = table["phi"][0, 1:] - integrated.table["phi"][0, 1:]
    assert np.abs(apart).max() < 0.05
    error = np.hypot(table["phi_error"][0, 1:], integrated.table["phi_error"][0, 1:])
    assert np.abs(apart / error).max() < 5  # t with 3 degrees for one of them: 1 in 65 for each, were the other one exact
    assert main(["local-entropy", str(run)]) == 0


def test_the_reference_fixes_the_constant_where_energies_are_left_out(tmp_path: Path) -> None:
    run = joint_run(tmp_path, REFERENCES["teacher"](), {"windows": [1, 2], "energy": [0, P - 1]}, ln_f_final=1e-5)
    found, truth = find_local_entropy(run), exact(REFERENCES["teacher"]())
    seen = np.isfinite(truth)[:P]
    assert found.normalisation == "reference"
    assert np.abs(found.table["ln_n"][:P] - truth[:P])[seen].max() < 0.15


def test_a_state_cut_off_from_all_others_does_not_pass_for_converged(tmp_path: Path) -> None:
    """All neighbours of the state that one walker starts from have more than five errors, where all windows end."""
    run = joint_run(tmp_path, REFERENCES["teacher"](), {"windows": [1, 2], "energy": [0, 5]}, ln_f_final=1e-4)
    groups, attributes = read_groups(run / "result.nc")
    assert attributes["status"] in ("repeats disagree", "broken join") and np.nanmax(groups["joint"]["ln_g_error"]) > 1.0


def check_integration(path: dict[str, Any], truth: NDArray[np.float64]) -> None:
    """ln Z of each group by integration and what follows for Phi where it is smooth, as it is not here: +-1 patterns."""
    pull = N - 2 * np.arange(N + 1)
    exponent = truth + np.array(GAMMAS)[:, None] * pull
    ln_z = np.logaddexp.reduce(exponent, axis=1)
    law = np.exp(exponent - ln_z[:, None])
    mean = law @ np.arange(N + 1)
    variance = law @ np.arange(N + 1) ** 2 - mean**2
    assert np.abs(path["ln_z"] - ln_z).max() < 0.05 and np.abs(path["ln_z_integrated"] - ln_z).max() < 0.1
    assert np.abs(path["distance"] - mean).max() < 0.1
    saddle = ln_z - GAMMAS * (N - 2 * mean) - 0.5 * np.log(2 * np.pi * variance)
    known = np.isfinite(path["phi_integrated"])
    assert known.sum() >= 5 and np.abs(path["phi_integrated"] - saddle)[known].max() < 0.15


def test_a_wrong_distance_is_noticed(runs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin counts flips twice: gamma w.w_r taken for gamma (N - d)."""
    from parallel_landscape.analysis import local_entropy as module

    reference = REFERENCES["teacher"]()
    solve = module._solve
    monkeypatch.setattr(
        module, "_solve", lambda sampling, counts, totals, start: solve(
            module.Sampling(sampling.betas, sampling.gammas / 2, sampling.size, sampling.energies), counts, totals, start)
    )  # fmt: skip
    found = find_local_entropy(runs("teacher"))
    assert np.nanmax(np.abs(found.table["phi"][0] - phi_of(exact(reference), BETA))) > 0.5


def test_what_has_no_reference_is_refused(tmp_path: Path) -> None:
    given = content(tmp_path, REFERENCES["typical"](), 0.0)
    given["ensemble"] = {"kind": "canonical", "beta": 1.0, "equilibration_rounds": 2}
    given["production"]["rounds"] = 20
    job = make_job(given, tmp_path)
    run_job(job, Serial(), quiet=True)
    with pytest.raises(JobError, match='form = "reference"'):
        find_local_entropy(job.folder)
