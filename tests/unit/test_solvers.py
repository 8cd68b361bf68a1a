"""The algorithms on small instances, and the section [solve]."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w

from parallel_landscape.cli import main
from parallel_landscape.commands.solve import attempt_at, make_problem
from parallel_landscape.errors import JobError, RunError
from parallel_landscape.job.job import make_job
from parallel_landscape.solvers import ALGORITHMS
from parallel_landscape.solvers.focusing import focused
from parallel_landscape.solvers.problem import Attempt, Found
from parallel_landscape.solvers.sbpi import epoch, sbpi

PERCEPTRON = {"model": "binary-perceptron", "inputs": 101, "data": {"source": "random", "alpha": 0.3}}
FULL = {"model": "committee", "inputs": 51, "hidden": 3, "data": {"source": "random", "alpha": 0.2}}
TREE = {**FULL, "inputs": 153, "connectivity": "tree"}
REAL = {**PERCEPTRON, "data": {"source": "random", "alpha": 0.3, "kind": "gaussian"}}
KEYS: dict[str, dict[str, Any]] = {
    "sbpi": {},
    "reinforced-bp": {"step": 0.01},
    "focusing-bp": {"step": 0.01},
    "replicated-sgd": {"replicas": 3},
    "annealing": {"beta_last": 12.0, "max_iterations": 3000},
}


def job_of(landscape: dict[str, Any], algorithm: str, **keys: Any) -> Any:
    return make_job(
        {"name": "s", "seed": 3, "landscape": landscape, "solve": {"algorithm": algorithm, **KEYS.get(algorithm, {}), **keys}}
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("landscape", [PERCEPTRON, FULL, TREE], ids=["perceptron", "full", "tree"])
def test_claimed_solutions_are_solutions(landscape: dict[str, Any], algorithm: str) -> None:
    """Each algorithm solves an easy instance; its errors are counted anew, pattern by pattern, in integers."""
    job = job_of(landscape, algorithm)
    problem = make_problem(job, 0)
    found = attempt_at(job, problem, (0, 0))
    assert found.energy == 0 and 0 < found.iterations <= job.solve.max_iterations
    assert set(np.unique(found.weights)) == {-1, 1}
    x, y = problem.training_set.patterns.astype(int), problem.training_set.labels[:, 0].astype(int)
    matrix = found.weights.reshape(problem.units, -1).astype(int)
    size = matrix.shape[1]
    tree = problem.network.tree
    fields = [x[:, k * size : (k + 1) * size] @ row if tree else x @ row for k, row in enumerate(matrix)]
    assert np.all(np.sign(np.sum(np.sign(fields), axis=0)) == y)


@pytest.mark.parametrize("algorithm", ["focusing-bp", "replicated-sgd"])
def test_real_inputs(algorithm: str) -> None:
    job = job_of(REAL, algorithm)
    assert attempt_at(job, make_problem(job, 0), (0, 0)).energy == 0


def test_variants_of_the_algorithms() -> None:
    for algorithm, keys in (
        ("focusing-bp", {"protocol": "scoping", "replicas": 8.0, "damping": 0.1, "exponent": 0.4}),
        ("focusing-bp", {"exponent": 0.4, "sweeps_per_step": 2}),
        ("focusing-bp", {"messages": "nodes"}),
        ("reinforced-bp", {"messages": "nodes", "damping": 0.2}),
        ("replicated-sgd", {"center": "explicit"}),
        ("annealing", {"zero_temperature": True, "max_iterations": 2000}),
    ):
        landscape = {**PERCEPTRON, "data": {"source": "random", "alpha": 0.15}}
        job = job_of(landscape, algorithm, **keys)
        assert attempt_at(job, make_problem(job, 0), (0, 0)).energy == 0, (algorithm, keys)


def test_annealing_finds_the_ground_state_of_a_landscape_without_a_network() -> None:
    job = make_job(
        {"name": "s", "seed": 1, "landscape": {"model": "ising-2d", "length": 6}, "solve": {"algorithm": "annealing"}}
    )
    assert attempt_at(job, make_problem(job, 0), (0, 0)).energy == -72


def test_a_false_claim_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def liar(problem: Any, attempt: Any, **keys: Any) -> Found:
        return Found(np.ones(101, np.int8), 0, 1)

    monkeypatch.setattr("parallel_landscape.solvers.catalogue.Solve.load", lambda solve: liar)
    job = job_of(PERCEPTRON, "sbpi")
    with pytest.raises(RunError, match="claims energy 0"):
        attempt_at(job, make_problem(job, 0), (0, 0))


def test_a_failed_attempt_gives_the_fewest_errors_it_has_seen() -> None:
    landscape = {**PERCEPTRON, "data": {"source": "random", "alpha": 2.0}}
    for algorithm in ALGORITHMS:
        job = job_of(landscape, algorithm, max_iterations=30)
        found = attempt_at(job, make_problem(job, 0), (0, 0))
        assert 0 < found.energy < 100 and found.iterations == 30


def test_the_first_instance_is_that_of_a_run_and_the_others_are_others() -> None:
    job = job_of(PERCEPTRON, "sbpi")
    problems = [make_problem(job, instance) for instance in (0, 1, 2, 1)]
    own = job.training_set(problems[0].network)
    np.testing.assert_array_equal(problems[0].training_set.patterns, own.patterns)
    np.testing.assert_array_equal(problems[1].inputs, problems[3].inputs)
    for a, b in ((0, 1), (1, 2)):
        assert np.mean(problems[a].inputs != problems[b].inputs) > 0.4


def test_streams_belong_to_the_attempt() -> None:
    numbers = [Attempt(3, number, 1).generator().random() for number in (0, 1, 1 << 16)]
    assert len(set(numbers)) == 3 and Attempt(3, 1, 1).generator().random() == numbers[1]


def test_the_rules_of_sbpi() -> None:
    """One pattern: wrong, all fields move; barely right, those that agree grow; right by more, nothing."""
    x = np.ones((1, 5), np.int8)
    order, room = np.zeros(1, np.int64), (np.zeros(1, np.int64), np.zeros(1, np.bool_))
    for start, lot, after, wrong in (
        ([1, -1, -1, -3, 1], True, [3, 1, 1, -1, 3], 1),
        ([1, -1, 1, -3, 1], True, [3, -1, 3, -3, 3], 0),
        ([1, -1, 1, -3, 1], False, [1, -1, 1, -3, 1], 0),
        ([1, 1, 1, -3, 1], True, [1, 1, 1, -3, 1], 0),
    ):
        h = np.array(start, np.int32)
        weights = np.where(h > 0, 1, -1).astype(np.int32)
        assert epoch(x, h, weights, order, np.array([lot]), 1, 0, 1, room) == wrong
        assert h.tolist() == after and weights.tolist() == np.sign(after).tolist()


def test_the_focusing_message() -> None:
    """Strong attraction is reinforcement, (y - 1) h; none gives none; two copies: tanh(gamma)^2 tanh(h)."""
    field = np.array([-1.5, -0.2, 0.0, 0.7])
    np.testing.assert_allclose(focused(field, 1.0, 3.5), 2.5 * field, rtol=1e-9)
    np.testing.assert_allclose(focused(field, 0.0, 3.5), 0.0)
    np.testing.assert_allclose(np.tanh(focused(field, 0.6, 2.0)), 0.36 * np.tanh(field), rtol=1e-12)


def test_all_mistakes_of_the_section_at_once() -> None:
    with pytest.raises(JobError) as caught:
        job_of(PERCEPTRON, "sbpi", instances=0, tresholds=2, probability=1.5)
    text = "\n".join(caught.value.mistakes)
    assert len(caught.value.mistakes) == 3 and "[solve] instances: given 0" in text and "tresholds: unknown key" in text
    for given in ({"algorithm": "spbi"}, {}, 3):
        with pytest.raises(JobError, match="choose from sbpi, reinforced-bp"):
            make_job({"name": "s", "seed": 3, "landscape": PERCEPTRON, "solve": given})


def test_the_section_is_no_part_of_the_run() -> None:
    one, other = job_of(PERCEPTRON, "sbpi"), job_of(PERCEPTRON, "annealing")
    assert one.fingerprint() == other.fingerprint() and one.resolved()["solve"]["threshold"] == 1
    assert sbpi.__kwdefaults__ == {"probability": 0.3, "threshold": 1}


def test_check_knows_jobs_that_are_there_to_be_solved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a section about sampling no run is planned, and continuous weights want no [dynamics]; with one, both are."""
    file = tmp_path / "job.toml"
    smooth = {"model": "spherical-perceptron", "inputs": 20, "data": {"source": "random", "kind": "gaussian", "alpha": 0.5}}
    for landscape, algorithm in ((PERCEPTRON, "sbpi"), (smooth, "gd")):
        job = {"name": "s", "seed": 1, "landscape": landscape, "solve": {"algorithm": algorithm, "instances": 4}}
        file.write_text(tomli_w.dumps(job))
        assert main(["check", str(file)]) == 0
        said = capsys.readouterr().out
        assert f"4 x 1 attempts (training sets x restarts) of {algorithm}" in said and "slots" not in said
    file.write_text(tomli_w.dumps({**job, "landscape": PERCEPTRON}))
    assert main(["check", str(file)]) == 2
    assert "which is for continuous weights" in capsys.readouterr().err
    file.write_text(
        tomli_w.dumps({**job, "landscape": PERCEPTRON, "solve": {"algorithm": "sbpi"}, "ensemble": {"ln_f_final": 1e-3}})
    )
    assert main(["check", str(file)]) == 0
    said = capsys.readouterr().out
    assert "attempts" in said and "slots" in said
    real = {**PERCEPTRON, "data": {"source": "random", "kind": "gaussian", "alpha": 0.3}}
    file.write_text(tomli_w.dumps({**job, "landscape": real, "solve": {"algorithm": "sbpi"}}))
    assert main(["check", str(file)]) == 2
    assert "needs inputs of +-1" in capsys.readouterr().err
