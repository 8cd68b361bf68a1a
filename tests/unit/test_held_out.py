"""Test patterns: new ones, of the same rule, that leave the training set as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parallel_landscape.data.build import build_training_set, load_source
from parallel_landscape.data.digits import digits
from parallel_landscape.data.held_out import build_test_set
from parallel_landscape.data.training_set import binarised, standardised
from parallel_landscape.errors import JobError
from parallel_landscape.network import Network

TESTED: dict[str, dict[str, Any]] = {
    "teacher": {"patterns": 40},
    "hidden-manifold": {"patterns": 40, "latent": 7},
    "gaussian-mixture": {"patterns": 40, "separation": 2.0},
    "digits": {"patterns": 100},
}


@pytest.mark.parametrize("name", TESTED)
def test_held_out_patterns_are_new_and_of_the_same_rule(name: str) -> None:
    """New patterns from a stream of their own; the rule is recognised by the teacher, or by the nearest class mean."""
    network, keys = Network((25, 1)), TESTED[name]
    training = build_training_set(load_source(name), keys, network, 3)
    test = build_test_set(load_source(name), keys, network, 3, 200, None)
    again = build_test_set(load_source(name), keys, network, 3, 200, None)
    assert test.patterns.shape == (200, 25) and np.array_equal(test.patterns, again.patterns)
    if name == "digits":  # different pictures may be alike on 25 pixels, but few are
        assert np.all(np.abs(test.patterns) == 1)
    else:
        assert not {row.tobytes() for row in training.patterns} & {row.tobytes() for row in test.patterns}
    if training.teacher is not None:
        assert network.errors(training.teacher, test.patterns, test.labels) == 0
    else:
        direction = (training.patterns * training.labels).mean(axis=0)
        right = np.mean(np.where(test.patterns @ direction >= 0, 1, -1) == test.labels[:, 0])
        assert right > (0.6 if name == "hidden-manifold" else 0.85)
    assert np.array_equal(build_training_set(load_source(name), keys, network, 3).patterns, training.patterns)


def test_held_out_pictures_are_those_left_over() -> None:
    """Training and test set together are all pictures of the classes, each once, split at the medians of the training set."""
    network, keys = Network((25, 1)), {"patterns": 100, "binarise": False}
    parts = [build_training_set(load_source("digits"), keys, network, 1), build_test_set(digits, keys, network, 1, None, None)]
    every = build_training_set(load_source("digits"), {"binarise": False, "balanced": False}, network, 1)
    both = np.concatenate([part.patterns for part in parts])
    assert sorted(map(bytes, both)) == sorted(map(bytes, every.patterns))
    split = build_test_set(digits, {"patterns": 100}, network, 1, None, None)
    assert np.array_equal(split.patterns, binarised(parts[1].patterns, parts[0].patterns))
    standard = build_test_set(digits, {**keys, "standardise": True}, network, 1, None, None)
    assert np.array_equal(standard.patterns, standardised(parts[1].patterns, parts[0].patterns))


def test_held_out_patterns_of_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    patterns, labels = rng.standard_normal((30, 5)), rng.choice([-1, 1], 30)
    np.savez(tmp_path / "all.npz", patterns=patterns, labels=labels)
    keys, network = {"path": tmp_path / "all.npz", "patterns": 20}, Network((5, 1))
    source = load_source("file")
    training, test = build_training_set(source, keys, network, 2), build_test_set(source, keys, network, 2, None, None)
    both = np.concatenate([training.patterns, test.patterns])
    assert len(test.patterns) == 10 and sorted(map(bytes, both)) == sorted(map(bytes, patterns))
    given = build_test_set(source, keys, network, 2, None, tmp_path / "all.npz")
    assert np.array_equal(given.patterns, patterns) and np.array_equal(given.labels[:, 0], labels)
    with pytest.raises(JobError, match="12 test patterns are asked for, and the training set leaves 10 of 30"):
        build_test_set(source, keys, network, 2, 12, None)
    with pytest.raises(JobError, match="leaves 0 of 30"):
        build_test_set(source, {"path": tmp_path / "all.npz"}, network, 2, None, None)
    with pytest.raises(JobError, match="random labels follow no rule"):
        build_test_set(load_source("random"), {"patterns": 5}, network, 2, None, None)
