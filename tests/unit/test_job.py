"""The job file: every mistake gives a readable message, all are listed at once, and nothing is written."""

from __future__ import annotations

import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parallel_landscape.driver.fit import check_fit, check_promises
from parallel_landscape.errors import JobError
from parallel_landscape.job.job import Job, load_job, make_job

GOOD: dict[str, Any] = {
    "name": "small",
    "seed": 1,
    "landscape": {"model": "binary-perceptron", "inputs": 9, "data": {"source": "random", "patterns": 11}},
}


def changed(**changes: Any) -> dict[str, Any]:
    """GOOD with keys replaced, "section__key" style; a value of None takes the key away."""
    content = deepcopy(GOOD)
    for path, value in changes.items():
        *sections, key = path.split("__")
        place = content
        for section in sections:
            place = place.setdefault(section, {})
        if value is None:
            place.pop(key)
        else:
            place[key] = value
    return content


def mistakes(content: dict[str, Any], base: Path, ranks: int = 1) -> list[str]:
    """What is said about a job before anything happens; the folder `base` must stay as it is."""
    before = listing(base)
    with pytest.raises(JobError) as caught:
        whole(make_job(content, base), ranks)
    assert listing(base) == before
    return list(caught.value.mistakes)


def whole(job: Job, ranks: int = 1) -> None:
    """All that is checked before a run folder is made."""
    landscape = job.build_landscape()
    check_fit(job, landscape, ranks)
    check_promises(job, landscape)


def listing(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if "__pycache__" not in path.parts)


def test_a_good_job_has_no_mistakes(tmp_path: Path) -> None:
    whole(make_job(GOOD, tmp_path))
    assert listing(tmp_path) == []


ONE_MISTAKE: list[tuple[dict[str, Any], list[str]]] = [
    # words
    ({"ensembles": {}}, ["ensembles", "unknown section", "did you mean 'ensemble'"]),
    ({"walltime": 3}, ["walltime", "unknown section or key", "Allowed: name, seed, landscape"]),
    ({"ensemble__shedule": "1/t"}, ["[ensemble] shedule", "unknown key", "did you mean 'schedule'"]),
    ({"landscape__input": 9, "landscape__inputs": 9}, ["[landscape] input", "did you mean 'inputs'"]),
    ({"landscape__data__pattern": 9}, ["[landscape.data] pattern", "did you mean 'patterns'"]),
    ({"landscape__model": "perceptrn"}, ["[landscape] model", "perceptrn", "choose from ising-2d", "my_module:function"]),
    ({"landscape__data__source": "randm"}, ["[landscape.data]", "randm", "choose from random, teacher"]),
    ({"ensemble__schedule": "1/T"}, ["[ensemble] schedule", "'1/T'", "'halving'"]),
    ({"dynamics__kind": "flap"}, ["[dynamics] kind", "'flap'", "'flip'"]),
    # name and seed
    ({"name": None}, ["name", "not given"]),
    ({"name": "a/b"}, ["name", "'a/b'", "folder"]),
    ({"name": " "}, ["name", "folder"]),
    ({"name": 3}, ["name", "given 3"]),
    ({"seed": None}, ["seed", "not given", "2**64 - 1"]),
    ({"seed": -1}, ["seed", "given -1"]),
    ({"seed": 1.0}, ["seed", "given 1.0"]),
    ({"seed": 2**64}, ["seed", "given 18446744073709551616"]),
    ({"seed": True}, ["seed", "given True"]),
    # types and ranges
    ({"landscape__inputs": "9"}, ["[landscape] inputs", "given '9'", "integer", "Meaning"]),
    ({"landscape__inputs": None}, ["[landscape] inputs", "required and was not given"]),
    ({"landscape": 3}, ["[landscape] model", "required"]),
    ({"landscape__data": None}, ["[landscape.data] source", "required"]),
    ({"ensemble": 3}, ["[ensemble]", "given 3", "section"]),
    ({"ensemble__ln_f_final": "1e-6"}, ["[ensemble] ln_f_final", "given '1e-6'", "number"]),
    ({"ensemble__ln_f_final": 2.0}, ["[ensemble] ln_f_final", "less than 1"]),
    ({"run__repeats": 0}, ["[run] repeats", "given 0", "greater than or equal to 1"]),
    ({"exchange__overlap": 1}, ["[exchange] overlap", "less than 1"]),
    ({"exchange__windows": "four"}, ["[exchange] windows", "given 'four'", "'auto'"]),
    ({"exchange__windows": []}, ["[exchange] windows", "at least 1 item"]),
    # windows and energies
    ({"exchange__windows": [[0, 3], [5, 11]]}, ["[exchange] windows 0", "share no energy", "begin at 3 or below"]),
    ({"exchange__windows": [[5, 11], [0, 6]]}, ["[exchange] windows 0 and 1", "not in ascending order"]),
    ({"exchange__windows": [[6, 0]]}, ["[exchange] window 0", "[6, 0]", "below"]),
    ({"exchange__windows": [[0, 12]]}, ["[exchange] window 0", "energy 12", "levels are 0, 1, ..., 11"]),
    ({"exchange__windows": [[0, 11]], "exchange__energy": [0, 11]}, ["energy and explicit windows", "leave out energy"]),
    ({"exchange__windows": [[0, 11]], "exchange__spacing": "equal"}, ["spacing and explicit windows"]),
    ({"exchange__windows": 5}, ["[exchange] windows", "5 windows in 12 levels", "at most 4"]),
    ({"exchange__energy": [4, 2]}, ["[exchange] energy", "[4, 2]", "below"]),
    ({"exchange__energy": [0, 12]}, ["[exchange] energy", "12 is not a level", "0, 1, ..., 11"]),
    ({"exchange__energy": [-3, 4]}, ["[exchange] energy", "-3 is not a level"]),
    ({"exchange__energy": [1]}, ["[exchange] energy", "at least 2 items"]),
    # networks and data
    ({"landscape__inputs": 8}, ["[landscape] inputs = 8", "even", "7 or 9"]),
    ({"landscape__data__alpha": 1.0}, ["[landscape.data]", "patterns = 11 and alpha = 1.0"]),
    ({"landscape__data": {"source": "file"}}, ["[landscape.data] path", "required"]),
    ({"landscape__data": {"source": "file", "path": "no.npz"}}, ["[landscape.data]", "no.npz", "No such file"]),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "words"), ONE_MISTAKE, ids=lambda value: str(value)[:60])
def test_one_mistake_one_sentence(changes: dict[str, Any], words: list[str], tmp_path: Path) -> None:
    said = mistakes(changed(**changes), tmp_path)
    assert len(said) == 1
    for word in words:
        assert word in said[0]


def test_all_mistakes_are_listed_at_once(tmp_path: Path) -> None:
    content = changed(
        seed=-1,
        landscape__inputs="9",
        landscape__data__pattern=3,
        ensemble__ln_f_final=2,
        exchange__windows=[[3, 0]],
        run__repeats=0,
        extra={},
    )
    said = "\n".join(mistakes(content, tmp_path))
    for place in ("seed", "[landscape] inputs", "[landscape.data] pattern", "ln_f_final", "window 0", "[run] repeats", "extra"):
        assert place in said


def test_data_and_other_sections_are_checked_when_the_model_is_unknown(tmp_path: Path) -> None:
    said = mistakes(changed(landscape__model="nothing", landscape__data__pattern=3, run__repeats=0), tmp_path)
    assert len(said) == 3


def test_both_ends_outside_the_levels_are_named(tmp_path: Path) -> None:
    said = mistakes(changed(exchange__energy=[-3, 99]), tmp_path)
    assert len(said) == 2 and "-3" in said[0] and "99" in said[1]


@pytest.mark.parametrize(
    ("landscape", "words"),
    [
        ({"model": "committee", "inputs": 9, "hidden": 4}, ["hidden = 4 is even", "3 or 5"]),
        ({"model": "committee", "inputs": 10, "hidden": 3, "connectivity": "tree"}, ["inputs = 10", "multiple of 3"]),
        ({"model": "binary-mlp", "layers": [9, 4, 1]}, ["layers[1] = 4 is even"]),
        ({"model": "binary-mlp", "layers": [8, 3, 1]}, ["layers[0]", "8", "even"]),
    ],
)
def test_even_fan_in(landscape: dict[str, Any], words: list[str], tmp_path: Path) -> None:
    said = mistakes(changed(landscape={**landscape, "data": {"source": "random", "patterns": 5}}), tmp_path)
    assert len(said) == 1 and said[0].startswith("[landscape] ")
    for word in words:
        assert word in said[0]


def test_a_training_set_for_a_model_without_one(tmp_path: Path) -> None:
    said = mistakes(changed(landscape={"model": "ising-2d", "length": 4, "data": {"source": "random"}}), tmp_path)
    assert said == ["[landscape.data]: ising-2d has no training set; leave this section out."]


SIGNS = np.ones((5, 9))
BAD_FILES: list[tuple[dict[str, Any], str]] = [
    ({"patterns": SIGNS, "labels": np.array([1, -1, 1, 0, 1])}, "label"),
    ({"patterns": SIGNS, "labels": np.array([0, 1, 0, 1, 1])}, "2*labels - 1"),
    ({"patterns": SIGNS * np.nan, "labels": np.ones(5)}, "NaN"),
    ({"patterns": SIGNS * np.inf, "labels": np.ones(5)}, "infinite"),
    ({"patterns": SIGNS, "labels": np.ones(4)}, "4"),
    ({"patterns": np.ones((5, 7)), "labels": np.ones(5)}, "7"),
    ({"patterns": SIGNS}, "labels"),
    ({"patterns": np.array([{}]), "labels": np.ones(1)}, "plain numbers"),
]


@pytest.mark.parametrize(("arrays", "word"), BAD_FILES, ids=[word for _, word in BAD_FILES])
def test_a_file_that_is_no_training_set(arrays: dict[str, Any], word: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", **arrays)
    said = mistakes(changed(landscape__data={"source": "file", "path": "data.npz"}), tmp_path)
    assert any(word in line for line in said), said
    assert all(line.startswith("[landscape.data] ") and "data.npz" in line for line in said), said


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "data.npz").write_bytes(b"PK\x03\x04 and then nothing")
    said = mistakes(changed(landscape__data={"source": "file", "path": "data.npz"}), tmp_path)
    assert len(said) == 1 and "data.npz" in said[0] and "numpy.savez" in said[0]


def test_more_ranks_than_slots(tmp_path: Path) -> None:
    content = changed(exchange={"windows": 2, "walkers_per_window": 2}, run={"repeats": 1})
    assert "5 ranks for 4 slots" in mistakes(content, tmp_path, ranks=5)[0]
    whole(make_job(content, tmp_path), ranks=4)


# a landscape of the user's own

RING = """
from typing import NamedTuple
import numpy as np
import parallel_landscape as pl

class Params(NamedTuple):
    length: int
class State(NamedTuple):
    spins: np.ndarray

def energy(params, state):
    return -sum([int(state.spins[i - 1]) * int(state.spins[i]) for i in range(params.length)])
def delta(params, state, move):
    return 2 * int(state.spins[move]) * (int(state.spins[move - 1]) + int(state.spins[(move + 1) % params.length]))
def commit(params, state, move):
    state.spins[move] = -state.spins[move]
def initial(rng):
    return State(rng.choice(np.array([-1, 1], np.int8), 8))
def model(length: int = 8):
    return pl.Landscape(Params(length), initial, energy, delta, commit, length, range(-length, length + 1, 4))
"""

OWN_MISTAKES: list[tuple[str, str, list[str]]] = [
    ("", "absent:model", ["no module", "absent"]),
    ("", "model", ['given "model"', "my_module:function"]),
    ("", "{}:", ["my_module:function"]),
    (RING, "{}:other", ["has no function other"]),
    ("import numpi", "{}:model", ["fails on import", "numpi", "line 1"]),
    ("def model(:\n", "{}:model", ["fails on import", "SyntaxError", "line 1"]),
    ("1 / 0", "{}:model", ["fails on import", "ZeroDivisionError", "line 1"]),
    ("import sys\nsys.exit(3)", "{}:model", ["fails on import", "sys.exit(3)", "line 2"]),
    ("def model(**keys): pass", "{}:model", ["cannot be read as keys", "**keys"]),
    ("def model(length: int): return 1 // 0", "{}:model", ["length", "required"]),
    ("def model(): raise ValueError('no such lattice')", "{}:model", ["fails", "ValueError: no such lattice", "line 1"]),
    ("def model(): return 3", "{}:model", ["returned int", "Landscape"]),
    (RING.replace("return State(rng", "return (rng"), "{}:model", ["initial returned a ndarray", "NamedTuple"]),
    (RING.replace("np.int8), 8))", "np.int8), 8).tolist())"), "{}:model", ["spins is a list", "numpy arrays"]),
    (RING.replace("return State(", "raise KeyError('no state')  #"), "{}:model", ["initial raised KeyError", "no state"]),
    (RING.replace("range(-length, length + 1, 4)", "[-8, 8]"), "{}:model", ["levels = [-8, 8]", "range"]),
    (RING.replace("range(-length, length + 1, 4)", "range(4)"), "{}:model", ["energy returned", "not among the levels"]),
    (RING.replace("commit, length,", "commit, 0,"), "{}:model", ["moves = 0"]),
    (RING.replace("return 2 *", "return 3 *"), "{}:model", ["delta", "disagrees"]),
    (RING.replace("    state.spins[", "    print(object())\n    state.spins["), "{}:model", ["commit", "cannot be compiled"]),
    (
        RING.replace("def delta", "lookup = {}\ndef delta").replace("    return 2 *", "    lookup\n    return 2 *"),
        "{}:model",
        ["global 'lookup'", "params"],
    ),
    (RING.replace("    return 2 *", "    raise KeyError('not now')\n    return 2 *"), "{}:model", ["delta raised", "not now"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "model", "words"), OWN_MISTAKES, ids=lambda value: str(value)[-40:])
def test_a_landscape_of_the_users_that_is_wrong(
    text: str, model: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = f"own_{OWN_MISTAKES.index((text, model, words))}"
    (tmp_path / f"{name}.py").write_text(text)
    said = mistakes(changed(landscape={"model": model.format(name)}), tmp_path)
    assert len(said) == 1 and said[0].startswith("[landscape] ")
    for word in words:
        assert word in said[0], said[0]


def test_two_modules_of_one_name_are_not_mixed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "own_twice.py").write_text(RING)
    content = changed(landscape={"model": "own_twice:model"})
    make_job(content, tmp_path / "one")
    said = mistakes(content, tmp_path / "two")
    assert "another module own_twice is already in use" in said[0]


# the file itself


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes('name = "é"'.encode("latin-1"))
    (tmp_path / "broken.toml").write_text("name = \nseed = 1")
    for name, words in {
        "none.toml": ["does not exist", "pland new"],
        "": ["directory"],
        "latin.toml": ["UTF-8", "byte 8"],
        "broken.toml": ["not valid TOML", "line 1"],
    }.items():
        with pytest.raises(JobError) as caught:
            load_job(tmp_path / name)
        assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_job_written_out_reads_back_as_itself(tmp_path: Path) -> None:
    job = make_job(changed(exchange={"windows": 2}), tmp_path)
    (tmp_path / "again.toml").write_text(job.toml(), encoding="utf-8")
    again = load_job(tmp_path / "again.toml")
    assert again.resolved() == job.resolved()
    assert again.fingerprint() == job.fingerprint()


def test_relative_paths_start_from_the_job_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", patterns=np.where(np.arange(45).reshape(5, 9) % 2, 1, -1), labels=np.ones(5))
    job = make_job(changed(landscape__data={"source": "file", "path": "data.npz"}), tmp_path)
    assert job.build_landscape().levels == range(6)
    assert job.folder == tmp_path / "runs" / "small"
