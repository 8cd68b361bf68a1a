"""Observables by themselves: what is refused and why, plain and compiled alike, and exact values where they are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parallel_landscape.check import LandscapeError, check_landscape
from parallel_landscape.cli import main
from parallel_landscape.driver.fit import check_fit, make_observables
from parallel_landscape.driver.shared_data import SharedData
from parallel_landscape.errors import JobError, RunError
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.job.job import Job, make_job
from parallel_landscape.observables.build import Observers, compiled
from parallel_landscape.rng import Purpose, generator

TEACHER = {"source": "teacher", "patterns": 20}
PERCEPTRON = {"model": "binary-perceptron", "inputs": 11, "data": TEACHER}
COMMITTEE = {"model": "committee", "inputs": 9, "hidden": 3, "connectivity": "tree", "data": TEACHER}
MLP = {"model": "binary-mlp", "layers": [5, 3, 3, 2], "data": {**TEACHER, "kind": "gaussian"}}
ISING = {"model": "ising-2d", "length": 4}
POTTS = {"model": "potts-2d", "length": 3, "states": 3}
OWN = """
import numpy as np
from parallel_landscape.landscape import Landscape
from parallel_landscape.landscapes.ising import ising_2d
def first(params, state):
    \"\"\"The first spin.\"\"\"
    return float(state.spins[0])
def changes(params, state):
    state.spins[0] = 1
    return 0.0
def text(params, state):
    return "high"
def uncompilable(params, state):
    return float(str(state.spins[0]))
def model(which: str = "first") -> Landscape:
    from dataclasses import replace
    return replace(ising_2d(4), observables={"spin": globals()[which]})
"""


def job_of(landscape: dict[str, Any], base: Path, *observables: str, **parameters: Any) -> Job:
    production = {
        "rounds": 3,
        "observables": list(observables),
        "parameters": {k.replace("_", "-"): v for k, v in parameters.items()},
    }
    return make_job({"name": "observed", "seed": 5, "landscape": landscape, "production": production}, base)


def observers(job: Job) -> tuple[Any, Observers]:
    data = SharedData(job, Serial())
    landscape = job.build_landscape(data)
    made, wrong = make_observables(job, landscape, data)
    assert wrong == []
    return landscape, compiled(made)


def refused(job: Job) -> list[str]:
    data = SharedData(job, Serial())
    with pytest.raises(JobError) as caught:
        check_fit(job, job.build_landscape(data), 1, data)
    return list(caught.value.mistakes)


def walked(landscape: Any, seed: int) -> Any:
    """A state after some moves."""
    state, rng = landscape.initial(np.random.default_rng(seed)), np.random.default_rng(seed)
    for move in rng.integers(landscape.moves, size=30):
        landscape.delta(landscape.params, state, move)
        landscape.commit(landscape.params, state, move)
    return state


class TestRefusals:
    def test_unknown_and_unavailable_names_are_told_at_once(self, tmp_path: Path) -> None:
        random = {**PERCEPTRON, "data": {"source": "random", "patterns": 20}}
        job = job_of(random, tmp_path, "overlap-techer", "overlap-teacher", "hidden-overlap", "test-error")
        unknown, teacher, hidden, test = refused(job)
        assert "'overlap-techer' is unknown; did you mean 'overlap-teacher'?" in unknown
        assert "This landscape offers overlap-reference, magnetisation, test-error, margins, local-energy." in unknown
        assert "overlap-teacher: it needs a training set with a teacher of the same architecture" in unknown
        assert 'source = "teacher"' in teacher and "needs a network with hidden units" in hidden
        assert "random labels follow no rule" in test and "path" in test

    def test_what_needs_no_landscape_is_told_with_the_rest_of_the_job(self, tmp_path: Path) -> None:
        with pytest.raises(JobError) as caught:
            job_of(
                {**PERCEPTRON, "inputs": "many"},
                tmp_path,
                *("margins", "margins", "energy", "a/b", "ln_g", "x_error"),
                margins={"distance": -1},
                local_energy={"fraction": 0.1},
            )
        text = "\n".join(caught.value.mistakes)
        for words in (
            "[landscape] inputs",
            "'margins' is listed twice",
            "'energy' cannot be a name: a file of the run has something else of that name",
            "'ln_g' cannot be a name",
            "'x_error' cannot be a name",
            "'a/b' cannot be a name: allowed are letters",
            "[production.parameters.margins] distance: given -1",
            "[production.parameters.local-energy]: this observable is not listed",
        ):
            assert words in text, words

    def test_landscapes_without_networks(self, tmp_path: Path) -> None:
        (mistake,) = refused(job_of(POTTS, tmp_path, "magnetisation"))
        assert "all +-1" in mistake and "This landscape offers none." in mistake
        (mistake,) = refused(job_of(ISING, tmp_path, "margins"))
        assert "offers overlap-reference, magnetisation, local-energy." in mistake

    def test_the_units_of_a_tree(self, tmp_path: Path) -> None:
        (mistake,) = refused(job_of(COMMITTEE, tmp_path, "hidden-overlap"))
        assert "the hidden units of a tree see different inputs" in mistake

    def test_no_flip_at_all(self, tmp_path: Path) -> None:
        (mistake,) = refused(job_of(PERCEPTRON, tmp_path, "local-energy", local_energy={"fraction": 0.01}))
        assert "0.01 of 11 weights rounds to no flip" in mistake and "0.0455" in mistake

    @pytest.mark.parametrize(
        ("vector", "words"),
        [
            (None, "cannot be read"),
            (np.ones(10), "10 numbers, and the landscape has 11"),
            (np.zeros(11), "other numbers than +1"),
        ],
    )
    def test_references(self, vector: Any, words: str, tmp_path: Path) -> None:
        if vector is not None:
            np.save(tmp_path / "w.npy", vector)
        (mistake,) = refused(job_of(PERCEPTRON, tmp_path, "overlap-reference", overlap_reference={"path": "w.npy"}))
        assert words in mistake and "[production.parameters.overlap-reference]" in mistake

    def test_check_says_it_too(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        import tomli_w

        production = {"rounds": 3, "observables": ["nonsense"]}
        content = {"name": "x", "seed": 1, "landscape": ISING, "production": production}
        (tmp_path / "job.toml").write_text(tomli_w.dumps(content))
        for command in ("check", "run"):
            assert main([command, str(tmp_path / "job.toml"), *(["-n", "1"] if command == "run" else [])]) == 2
            assert "'nonsense' is unknown" in capsys.readouterr().err
        assert not (tmp_path / "runs").exists()


ALL = {
    "perceptron": (PERCEPTRON, ["overlap-teacher", "magnetisation", "test-error", "margins", "local-energy"]),
    "tree": (COMMITTEE, ["overlap-teacher", "test-error", "margins", "local-energy", "hidden-balance"]),
    "mlp": (MLP, ["overlap-teacher", "test-error", "margins", "local-energy", "hidden-balance", "hidden-overlap"]),
    "ising": (ISING, ["magnetisation", "local-energy"]),
}


@pytest.mark.parametrize("name", ALL)
def test_plain_and_compiled_agree_and_change_nothing(name: str, tmp_path: Path) -> None:
    landscape, measured = observers(job_of(ALL[name][0], tmp_path, *ALL[name][1]))
    state = walked(landscape, 3)
    energy = int(landscape.energy(landscape.params, state))
    before = [part.copy() for part in state]
    values = measured.measure(2, 7, energy, state)
    assert all(np.array_equal(old, new) for old, new in zip(before, state, strict=True))
    assert measured.measure(2, 7, energy, state) == values
    with np.errstate(over="ignore"):
        plain = {key: float(one.function(one.params, state)) for key, one in measured.observables.items()}
    assert plain == values
    other = measured.measure(2, 8, energy, state)
    assert [key for key in values if other[key] != values[key]] == ["local-energy"]  # another record draws other flips
    assert measured.measure(3, 7, energy, state)["local-energy"] != values["local-energy"]  # and so does another slot


@pytest.mark.parametrize("name", ["perceptron", "tree", "deep", "ising"])
def test_all_flipped_at_once(name: str, tmp_path: Path) -> None:
    """f(-w) = -f(w) for an odd number of layers of odd fields: E becomes P - E; an Ising energy stays."""
    model = {**MLP, "layers": [5, 3, 3, 1], "data": TEACHER} if name == "deep" else ALL[name][0]
    landscape, measured = observers(job_of(model, tmp_path, "local-energy", local_energy={"fraction": 1.0, "sets": 2}))
    for seed in range(5):
        state = walked(landscape, seed)
        energy = int(landscape.energy(landscape.params, state))
        expected = energy if name == "ising" else 20 - energy
        assert measured.measure(0, 1, energy, state) == {"local-energy": expected}


def test_flips_are_drawn_alike(tmp_path: Path) -> None:
    """Each pair of 11 weights is as likely as any other: 55 pairs, chi square of 54 degrees of freedom, seed fixed."""
    from parallel_landscape.observables.local_energy import draw_set

    counts = np.zeros((11, 11))
    with np.errstate(over="ignore"):
        for record in range(5500):
            order = np.arange(11)
            draw_set(order, 2, np.uint64(1), np.uint64(0), np.uint64(record), np.uint64(0))
            counts[min(order[:2]), max(order[:2])] += 1
    pairs = counts[np.triu_indices(11, 1)]
    assert counts.sum() == 5500 == pairs.sum()
    assert 25 < np.sum((pairs - 100) ** 2 / 100) < 95  # 1 in 1,000 on either side


def test_a_reference_and_one_kind_under_two_names(tmp_path: Path) -> None:
    vector = np.array([1, -1] * 5 + [1])
    np.save(tmp_path / "w.npy", vector)
    job = job_of(
        PERCEPTRON,
        tmp_path,
        *("overlap-reference", "near", "far"),
        overlap_reference={"path": "w.npy"},
        near={"observable": "margins", "distance": 0.4},
        far={"observable": "margins", "distance": 100.0},
    )
    landscape, measured = observers(job)
    state = walked(landscape, 1)
    values = measured.measure(0, 1, 0, state)
    patterns = job.training_set(landscape.network).patterns
    assert values["overlap-reference"] == pytest.approx(state.weights @ vector / 11)
    assert values["near"] == np.mean(np.abs(patterns @ state.weights) / np.sqrt(11) <= 0.4) and values["far"] == 1.0
    assert [row[0] for row in measured.about()] == ["overlap-reference", "near", "far"]


class TestOwn:
    def make(self, tmp_path: Path, which: str) -> Job:
        name = f"own_{tmp_path.name}"  # a module of that name may be imported once
        (tmp_path / f"{name}.py").write_text(OWN)
        return job_of({"model": f"{name}:model", "which": which}, tmp_path, "spin", "magnetisation")

    def test_it_is_measured(self, tmp_path: Path) -> None:
        landscape, measured = observers(self.make(tmp_path, "first"))
        check_landscape(landscape, moves=30)
        state = walked(landscape, 2)
        assert measured.measure(0, 1, 0, state) == {"spin": state.spins[0], "magnetisation": state.spins.mean()}
        assert measured.about()[0] == ("spin", "The first spin", "1")

    @pytest.mark.parametrize(
        ("which", "words"),
        [("changes", "changed spins"), ("text", "returned 'high', a str"), ("uncompilable", "cannot be compiled")],
    )
    def test_what_is_wrong_is_said(self, which: str, words: str, tmp_path: Path) -> None:
        landscape = self.make(tmp_path, which).build_landscape()
        with pytest.raises(LandscapeError, match="observable 'spin'") as caught:
            check_landscape(landscape, moves=30)
        assert words in str(caught.value)

    def test_one_that_cannot_be_compiled_is_named(self, tmp_path: Path) -> None:
        landscape, measured = observers(self.make(tmp_path, "uncompilable"))
        with pytest.raises(RunError, match="observable 'spin' cannot be compiled"):
            measured.measure(0, 1, 0, landscape.initial(generator(1, Purpose.PILOT)))


def test_the_digest_knows_what_is_compared_with(tmp_path: Path) -> None:
    """A changed reference must not go on unnoticed in a run that began with another one."""
    digests = []
    for sign in (1, 1, -1):
        np.save(tmp_path / "w.npy", np.array([sign] + [1] * 10))
        job = job_of(PERCEPTRON, tmp_path, "overlap-reference", overlap_reference={"path": "w.npy"})
        digests.append(observers(job)[1].digests["observable overlap-reference"])
    assert digests[0] == digests[1] != digests[2]


def test_defaults_do_not_change_the_fingerprint(tmp_path: Path) -> None:
    """Runs of a version without these keys can be gone on with; what changes records changes the fingerprint."""
    plain = job_of(ISING, tmp_path)
    content = plain.resolved()
    content["production"] = {key: content["production"][key] for key in ("rounds", "record_every_sweeps", "weights")}
    assert make_job(content, tmp_path).fingerprint() == plain.fingerprint()
    content["production"]["compression"] = "gzip"
    assert make_job(content, tmp_path).fingerprint() == plain.fingerprint()
    content["production"]["transitions"] = 3
    assert make_job(content, tmp_path).fingerprint() != plain.fingerprint()
    assert job_of(ISING, tmp_path, "magnetisation").fingerprint() != plain.fingerprint()
