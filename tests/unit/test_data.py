"""Training sets: shapes, statistics, determinism, independence of options, and every message."""

from __future__ import annotations

import gzip
import inspect
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from parallel_landscape.data import SOURCES
from parallel_landscape.data.build import Purpose, build_training_set, load_source, source_keys, stream
from parallel_landscape.data.digits import load_digit_images
from parallel_landscape.data.gaussian_mixture import directions, spread
from parallel_landscape.data.hidden_manifold import NONLINEARITIES, draw_manifold
from parallel_landscape.data.images import coverage, resized
from parallel_landscape.data.training_set import TrainingSet, binarised, standardised
from parallel_landscape.errors import JobError
from parallel_landscape.network import Network

PERCEPTRON = Network((25, 1))
EXAMPLES: dict[str, dict[str, Any]] = {
    "random": {"patterns": 40},
    "teacher": {"patterns": 40},
    "hidden-manifold": {"patterns": 40, "latent": 13},
    "gaussian-mixture": {"patterns": 40, "separation": 1.0},
    "digits": {"patterns": 40},
    "idx": {"patterns": 40},
    "file": {"patterns": 40},
}


def build(source: str, network: Network = PERCEPTRON, seed: int = 1, **keys: Any) -> TrainingSet:
    return build_training_set(load_source(source), keys, network, seed)


def mistakes(source: str, network: Network = PERCEPTRON, **keys: Any) -> tuple[str, ...]:
    with pytest.raises(JobError) as error:
        build(source, network, **keys)
    return error.value.mistakes


def refuse(pattern: str, source: str, network: Network = PERCEPTRON, **keys: Any) -> None:
    """The keys are refused with exactly one sentence, which matches `pattern`."""
    (sentence,) = mistakes(source, network, **keys)
    assert re.search(pattern, sentence), sentence


def same(one: TrainingSet, other: TrainingSet) -> bool:
    teachers = (one.teacher is None) == (other.teacher is None) and (
        one.teacher is None or np.array_equal(one.teacher, other.teacher)
    )
    return teachers and one.patterns.tobytes() == other.patterns.tobytes() and one.labels.tobytes() == other.labels.tobytes()


def write_idx(path: Path, array: np.ndarray, magic: int | None = None) -> Path:
    head = (0x0800 + array.ndim if magic is None else magic).to_bytes(4, "big")
    content = head + np.array(array.shape, dtype=">u4").tobytes() + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.fixture
def examples(tmp_path: Path) -> dict[str, dict[str, Any]]:
    """Keys of each source, with files behind those that need one."""
    rng = np.random.default_rng(7)
    images = write_idx(tmp_path / "images.gz", rng.integers(0, 256, (90, 6, 7)))
    labels = write_idx(tmp_path / "labels", np.arange(90) % 3)
    np.savez(tmp_path / "own.npz", patterns=rng.standard_normal((60, 25)), labels=np.where(np.arange(60) % 2, 1, -1))
    files = {"idx": {"images": str(images), "labels": str(labels)}, "file": {"path": str(tmp_path / "own.npz")}}
    return {name: keys | files.get(name, {}) for name, keys in EXAMPLES.items()}


# ---------------------------------------------------------------- every source


@pytest.mark.parametrize("source", SOURCES)
def test_shapes_types_and_determinism(source: str, examples: dict[str, dict[str, Any]]) -> None:
    keys = examples[source]
    training_set = build(source, **keys)
    assert training_set.patterns.shape == (40, 25) and training_set.labels.shape == (40, 1)
    assert training_set.patterns.dtype == np.float64 and training_set.labels.dtype == np.int8
    assert training_set.patterns.flags.c_contiguous and training_set.labels.flags.c_contiguous
    assert set(np.unique(training_set.labels)) == {-1, 1}
    assert same(training_set, build(source, **keys))
    assert not same(build(source, seed=2, **keys, shuffle_labels=True), build(source, **keys, shuffle_labels=True))


@pytest.mark.parametrize("source", SOURCES)
def test_own_seed_overrules_the_job_s(source: str, examples: dict[str, dict[str, Any]]) -> None:
    function, keys = load_source(source), examples[source]
    own = build_training_set(function, keys | {"seed": 5, "flip_labels": 3, "shuffle_labels": True}, PERCEPTRON, 1)
    assert same(own, build_training_set(function, keys | {"flip_labels": 3, "shuffle_labels": True}, PERCEPTRON, 5))


@pytest.mark.parametrize("source", SOURCES)
def test_options_leave_alone_what_they_do_not_name(source: str, examples: dict[str, dict[str, Any]]) -> None:
    keys = examples[source]
    plain = build(source, **keys)
    shuffled = build(source, **keys, shuffle_labels=True)
    flipped = build(source, **keys, flip_labels=7)
    assert np.array_equal(plain.patterns, shuffled.patterns) and np.array_equal(plain.patterns, flipped.patterns)
    assert sorted(plain.labels[:, 0]) == sorted(shuffled.labels[:, 0])
    assert not np.array_equal(plain.labels, shuffled.labels)
    assert (plain.labels != flipped.labels).sum() == 7
    more = build(source, **keys, flip_labels=11)
    assert np.all((plain.labels != more.labels) >= (plain.labels != flipped.labels))
    both = build(source, **keys, shuffle_labels=True, flip_labels=7)
    assert np.array_equal(both.labels != shuffled.labels, flipped.labels != plain.labels)


@pytest.mark.parametrize("source", SOURCES)
def test_keys_have_descriptions_and_unknown_ones_are_refused(source: str, examples: dict[str, dict[str, Any]]) -> None:
    model = source_keys(load_source(source))
    for name, field in model.model_fields.items():
        assert field.description and field.description.endswith("."), name
    assert {"seed", "shuffle_labels", "flip_labels", "binarise", "standardise", "patterns", "alpha"} <= set(model.model_fields)
    refuse(
        r"^\[landscape.data\] shuffle_label: unknown key; did you mean 'shuffle_labels'",
        source,
        **examples[source],
        shuffle_label=True,
    )


@pytest.mark.parametrize("source", SOURCES)
def test_alpha_counts_free_weights(source: str, examples: dict[str, dict[str, Any]]) -> None:
    keys = {name: value for name, value in examples[source].items() if name != "patterns"}
    committee = Network((25, 3, 1), majority=True)
    assert len(build(source, committee, alpha=0.5, **keys).patterns) == round(0.5 * 75)
    assert len(build(source, alpha=1, **keys).patterns) == 25
    refuse("both given; give one of the two", source, alpha=1.0, patterns=3, **keys)
    refuse("rounds to no pattern", source, alpha=0.01, **keys)
    refuse("given 0; input should be greater than 0", source, patterns=0, **keys)


@pytest.mark.parametrize("source", ["random", "teacher", "hidden-manifold", "gaussian-mixture"])
def test_drawn_sources_need_a_count(source: str) -> None:
    keys = {name: value for name, value in EXAMPLES[source].items() if name != "patterns"}
    refuse("Neither patterns nor alpha is given", source, **keys)


@pytest.mark.parametrize("source", SOURCES)
def test_common_mistakes(source: str, examples: dict[str, dict[str, Any]]) -> None:
    keys = examples[source]
    refuse("flip_labels = 41, but there are only 40 patterns", source, **keys, flip_labels=41)
    refuse("exclude each other", source, **keys, binarise=True, standardise=True)
    with pytest.raises(JobError, match="seed: given -1; input should be greater than or equal to 0"):
        build_training_set(load_source(source), keys | {"seed": -1}, PERCEPTRON, 1)


@pytest.mark.parametrize("source", SOURCES)
def test_signature_is_network_rng_and_keywords_only(source: str) -> None:
    first, second, *rest = inspect.signature(load_source(source)).parameters.values()
    assert (first.name, second.name) == ("network", "rng")
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in rest)


def test_unknown_source() -> None:
    with pytest.raises(JobError, match='"digit" is unknown; choose from random, teacher'):
        load_source("digit")


def test_scikit_learn_is_imported_by_digits_only() -> None:
    program = (
        "import sys; from parallel_landscape.data.build import load_source, SOURCES\n"
        "[load_source(name) for name in SOURCES]; assert 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})


def test_streams_differ_by_seed_and_purpose() -> None:
    drawn = {int(stream(seed, purpose).integers(2**62)) for seed in range(5) for purpose in Purpose}
    assert len(drawn) == 5 * len(Purpose)


@pytest.mark.parametrize("source", ["random", "teacher", "hidden-manifold"])
@pytest.mark.parametrize("kind", ["binary", "gaussian"])
def test_more_patterns_begin_with_the_fewer(source: str, kind: str) -> None:
    keys = EXAMPLES[source] | {"kind": kind}
    few, many = build(source, **keys), build(source, **(keys | {"patterns": 63}))
    assert np.allclose(few.patterns, many.patterns[:40], rtol=0, atol=1e-12)
    if source != "random":
        assert np.array_equal(few.labels, many.labels[:40])


# ---------------------------------------------------------------- random and teacher


def test_random_patterns_are_unbiased_and_independent() -> None:
    network = Network((50, 3))
    for kind in ("binary", "gaussian"):
        patterns, labels, teacher = build("random", network, patterns=4000, kind=kind)
        assert teacher is None and labels.shape == (4000, 3)
        assert abs(patterns.mean()) < 5 / math.sqrt(200_000)
        assert abs(patterns.var() - 1) < 5 * math.sqrt(2 / 200_000)
        assert np.abs(labels.mean(axis=0)).max() < 5 / math.sqrt(4000)
        assert np.abs(patterns.T @ labels / 4000).max() < 5.5 / math.sqrt(4000)
        assert (set(np.unique(patterns)) == {-1.0, 1.0}) == (kind == "binary")


@pytest.mark.parametrize(
    "network",
    [Network((15, 1)), Network((9, 5, 3)), Network((9, 3, 1), majority=True), Network((9, 3, 1), majority=True, tree=True)],
)
@pytest.mark.parametrize("kind", ["binary", "gaussian"])
def test_a_teacher_makes_no_error(network: Network, kind: str) -> None:
    patterns, labels, teacher = build("teacher", network, patterns=200, kind=kind)
    assert teacher is not None and teacher.shape == (network.weights,) and teacher.dtype == np.int8
    assert set(np.unique(teacher)) == {-1, 1}
    assert network.errors(teacher, patterns, labels) == 0
    flipped = build("teacher", network, patterns=200, kind=kind, flip_labels=13)
    assert flipped.teacher is not None and network.errors(flipped.teacher, flipped.patterns, flipped.labels) == 13


def test_the_kind_of_inputs_leaves_the_teacher_alone() -> None:
    one, other = build("teacher", patterns=9), build("teacher", patterns=30, kind="gaussian")
    assert np.array_equal(one.teacher, other.teacher)  # type: ignore[arg-type]


# ---------------------------------------------------------------- hidden manifold


def test_features_follow_the_formula() -> None:
    network = Network((31, 1))
    manifold = draw_manifold(network, stream(1, Purpose.SOURCE), 70, 12, "gaussian")
    patterns, labels, teacher = build("hidden-manifold", network, patterns=70, latent=12, nonlinearity="tanh")
    expected = [[math.tanh(f @ x / math.sqrt(12)) for f in manifold.features] for x in manifold.latent]
    assert np.allclose(patterns, expected, rtol=0, atol=1e-12)
    assert np.array_equal(labels[:, 0], [1 if manifold.teacher[0] @ x >= 0 else -1 for x in manifold.latent])
    assert teacher is None


# mean of sigma(z) z and of sigma(z)^2 for a standard normal z
MOMENTS = {
    "sign": (math.sqrt(2 / math.pi), 1.0),
    "linear": (1.0, 1.0),
    "relu-centred": (0.5, 0.5 - 1 / (2 * math.pi)),
    "erf": (2 / math.sqrt(3 * math.pi), 2 / math.pi * math.asin(2 / 3)),
    "tanh": (0.6057, 0.3943),
}


@pytest.mark.parametrize("nonlinearity", NONLINEARITIES)
def test_feature_statistics(nonlinearity: str) -> None:
    """Mean 0, variance E[sigma^2], and covariance mu_1 with the field sum_k F_ik xi_k / sqrt(D)."""
    network = Network((200, 1))
    keys = {"patterns": 2000, "latent": 300}
    patterns = build("hidden-manifold", network, **keys, nonlinearity=nonlinearity).patterns
    fields = build("hidden-manifold", network, **keys, nonlinearity="linear").patterns
    first, second = MOMENTS[nonlinearity]
    assert abs(patterns.mean()) < 0.01
    assert np.mean(patterns**2) == pytest.approx(second, rel=0.02)
    assert np.mean(patterns * fields) == pytest.approx(first, rel=0.02)


def test_latent_dimension_and_teachers() -> None:
    network = Network((20, 2))
    by_ratio = build("hidden-manifold", network, patterns=60, alpha_latent=3.0)
    assert same(by_ratio, build("hidden-manifold", network, patterns=60, latent=20))
    assert by_ratio.labels.shape == (60, 2) and not np.array_equal(by_ratio.labels[:, 0], by_ratio.labels[:, 1])
    wider = build("hidden-manifold", Network((35, 2)), patterns=60, latent=20)
    assert np.array_equal(wider.labels, by_ratio.labels) and np.array_equal(wider.patterns[:, :20], by_ratio.patterns)
    binary = draw_manifold(network, stream(1, Purpose.SOURCE), 60, 20, "binary")
    assert set(np.unique(binary.latent)) == {-1.0, 1.0}


def test_latent_mistakes() -> None:
    refuse("Neither latent nor alpha_latent", "hidden-manifold", patterns=9)
    refuse("latent = 3 and alpha_latent = 3.0 are both given", "hidden-manifold", patterns=9, latent=3, alpha_latent=3.0)
    refuse("rounds to no latent dimension", "hidden-manifold", patterns=9, alpha_latent=100.0)
    refuse("nonlinearity: given 'step'", "hidden-manifold", patterns=9, latent=3, nonlinearity="step")


# ---------------------------------------------------------------- gaussian mixture


@pytest.mark.parametrize("cosine", [-1.0, -0.3, 0.0, 0.75, 1.0])
def test_means_have_their_length_and_angle(cosine: float) -> None:
    network = Network((41, 1))
    exact = directions(stream(3, Purpose.SOURCE), 41, cosine)
    assert np.allclose(exact @ exact.T, [[1, cosine], [cosine, 1]], atol=1e-12)
    patterns, labels, _ = build("gaussian-mixture", network, patterns=20_000, separation=1.5, cosine=cosine)
    plus, minus = patterns[labels[:, 0] > 0], patterns[labels[:, 0] < 0]
    means = np.stack([plus.mean(axis=0), minus.mean(axis=0)])
    expected = 1.5**2 * 41 * np.array([[1, cosine], [cosine, 1]])
    assert np.allclose(means @ means.T, expected, atol=0.5)
    assert np.allclose((plus - means[0]).std(axis=0), 1, atol=0.04)
    assert np.allclose((minus - means[1]).std(axis=0), 1, atol=0.04)


def test_share_of_error_free_vectors_is_that_of_the_reference() -> None:
    """<g(0)> / 2^N = E_u[Phi(u)^60] = 1/61 at m = 1: fixes the unit of the separation."""
    network = Network((41, 1))
    weights = np.where(np.random.default_rng(0).random((2000, 41)) < 0.5, -1.0, 1.0)
    shares = []
    for seed in range(300):
        patterns, labels, _ = build("gaussian-mixture", network, seed=seed, patterns=60, separation=1.0)
        shares.append(np.mean(np.all(patterns @ weights.T * labels > 0, axis=0)))
    assert np.mean(shares) == pytest.approx(1 / 61, abs=4 * np.std(shares) / math.sqrt(300))
    assert 4 * np.std(shares) / math.sqrt(300) < 0.3 / 61  # sharp enough to tell m = 1 from m = 1.2


@pytest.mark.parametrize("anisotropy", [0.0, 1.0, 4.0])
def test_covariance_has_its_spread_and_trace(anisotropy: float) -> None:
    root = spread(stream(0, Purpose.SOURCE), 20, anisotropy)
    eigenvalues = np.linalg.eigvalsh(root @ root)
    assert eigenvalues.sum() == pytest.approx(20)
    assert math.log(eigenvalues[-1] / eigenvalues[0]) == pytest.approx(anisotropy, abs=1e-9)
    keys = {"patterns": 30_000, "separation": 0.0, "anisotropy": anisotropy}
    patterns = build("gaussian-mixture", Network((20, 1)), seed=2, **keys).patterns
    measured = np.linalg.eigvalsh(np.cov(patterns.T))
    assert math.log(measured[-1] / measured[0]) == pytest.approx(anisotropy, abs=0.15)


def test_class_balance_and_independence_of_the_noise() -> None:
    keys = {"patterns": 41, "separation": 1.3}
    assert (build("gaussian-mixture", **keys).labels > 0).sum() == 21
    for positive in (0, 5, 41):
        assert (build("gaussian-mixture", **keys, positive=positive).labels > 0).sum() == positive
    half, few = build("gaussian-mixture", **keys), build("gaussian-mixture", **keys, positive=5)
    unchanged = half.labels[:, 0] == few.labels[:, 0]
    assert np.array_equal(half.patterns[unchanged], few.patterns[unchanged])


def test_mixture_mistakes() -> None:
    found = mistakes("gaussian-mixture", Network((1, 2)), patterns=9, separation=1.0, positive=10)
    assert len(found) == 3
    assert "1 output, and this one has 2" in found[0] and "at least 2 inputs" in found[1] and "positive = 10" in found[2]
    refuse("separation: this key is required", "gaussian-mixture", patterns=9)
    refuse("cosine: given 1.5", "gaussian-mixture", patterns=9, separation=1, cosine=1.5)


# ---------------------------------------------------------------- images


def digits_rows(*classes: int) -> tuple[np.ndarray, np.ndarray]:
    images = load_digit_images()
    chosen = np.isin(images.classes, classes)
    return images.pictures[chosen].reshape(chosen.sum(), -1).astype(float), images.classes[chosen]


def test_digits_are_all_there_in_order() -> None:
    rows, kinds = digits_rows(3, 5)
    patterns, labels, _ = build("digits", Network((64, 1)), binarise=False, balanced=False)
    assert np.array_equal(patterns, rows) and np.array_equal(labels[:, 0], np.where(kinds == 3, 1, -1))
    balanced = build("digits", Network((64, 1)))
    assert (balanced.labels > 0).sum() == (balanced.labels < 0).sum() == 182
    assert set(np.unique(balanced.patterns)) == {-1.0, 1.0}


def test_digits_are_drawn_without_replacement_in_order() -> None:
    rows, kinds = digits_rows(0, 1)
    lookup = {(row.tobytes(), kind): index for index, (row, kind) in enumerate(zip(rows, kinds, strict=True))}
    patterns, labels, _ = build("digits", Network((64, 1)), classes=[1, 0], patterns=101, binarise=False)
    found = [lookup[row.tobytes(), 1 if label > 0 else 0] for row, label in zip(patterns, labels[:, 0], strict=True)]
    assert np.all(np.diff(found) > 0)
    assert (labels > 0).sum() == 51  # the odd one belongs to the first class


def test_most_varying_pixels() -> None:
    rows, _ = digits_rows(3, 5)
    patterns = build("digits", Network((25, 1)), binarise=False, balanced=False).patterns
    order = np.argsort(-rows.var(axis=0), kind="stable")[:25]
    assert np.array_equal(patterns, rows[:, np.sort(order)])
    fewer = build("digits", Network((25, 1)), binarise=False, seed=8, patterns=30).patterns
    assert all(any(np.array_equal(row, other) for other in patterns) for row in fewer)


def test_random_and_listed_pixels() -> None:
    rows, _ = digits_rows(3, 5)
    listed = build("digits", Network((3, 1)), pixels=[30, 10, 20], binarise=False, balanced=False)
    assert np.array_equal(listed.patterns, rows[:, [30, 10, 20]])
    one, other = (
        build("digits", Network((9, 1)), seed=seed, pixels="random", binarise=False, balanced=False) for seed in (1, 2)
    )
    assert not np.array_equal(one.patterns, other.patterns) and one.patterns.shape == (365, 9)


def test_resized_pictures_are_means_over_areas() -> None:
    rows, _ = digits_rows(3, 5)
    blocks = rows.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)
    assert np.array_equal(build("digits", Network((16, 1)), pixels="resize", binarise=False, balanced=False).patterns, blocks)
    same_size = build("digits", Network((64, 1)), pixels="resize", binarise=False, balanced=False)
    assert np.array_equal(same_size.patterns, rows)


@given(new=st.integers(1, 12), old=st.integers(1, 12))
def test_coverage_shares_out_every_pixel(new: int, old: int) -> None:
    matrix = coverage(new, old)
    assert matrix.min() >= 0
    assert np.all(matrix.sum(axis=1) == old) and np.all(matrix.sum(axis=0) == new)


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6)), st.integers(1, 7))
def test_resizing_keeps_the_mean(pictures: np.ndarray, side: int) -> None:
    small = resized(pictures, side)
    assert small.shape == (len(pictures), side, side)
    assert np.allclose(small.mean(axis=(1, 2)), pictures.mean(axis=(1, 2)))


def test_several_classes_are_one_hot() -> None:
    network = Network((30, 7, 3))
    patterns, labels, _ = build("digits", network, classes=[7, 0, 4], patterns=100)
    assert patterns.shape == (100, 30) and labels.shape == (100, 3)
    assert np.all((labels > 0).sum(axis=1) == 1)
    assert (labels > 0).sum(axis=0).tolist() == [34, 33, 33]
    two = build("digits", Network((30, 2)), classes=[3, 5], patterns=20).labels
    assert np.array_equal(two[:, :1], build("digits", Network((30, 1)), classes=[3, 5], patterns=20).labels)
    assert np.array_equal(two[:, 0], -two[:, 1])


def test_image_mistakes() -> None:
    refuse("65 inputs, but a picture has 8 x 8 = 64 pixels", "digits", Network((65, 1)))
    refuse("the nearest is 25", "digits", Network((26, 1)), pixels="resize")
    refuse("pixels lists 2 pixels, but the network has 25 inputs", "digits", pixels=[1, 2])
    refuse("lists a pixel twice", "digits", Network((2, 1)), pixels=[4, 4])
    refuse("pixels lists 64, but pixels are numbered row by row from 0 to 63", "digits", Network((2, 1)), pixels=[4, 64])
    refuse("pixels: .*given -1; .*greater than or equal to 0", "digits", Network((2, 1)), pixels=[4, -1])
    refuse("names a class twice", "digits", classes=[3, 3])
    refuse(r"Classes \[12\] are not in the data; choose from \[0, 1, 2", "digits", classes=[3, 12])
    refuse("are 3, but a network with 1 output tells 2 apart", "digits", classes=[1, 2, 3])
    refuse("are 2, but the network has 3 outputs; give 3 classes", "digits", Network((25, 3)))
    refuse("class 5 has 182 pictures and 183 are needed. Give patterns <= 364", "digits", patterns=365, classes=[5, 3])
    refuse("366 patterns are asked for, but only 365 are available", "digits", patterns=366, balanced=False)
    assert len(mistakes("digits", Network((65, 1)), classes=[3, 3])) == 2


# ---------------------------------------------------------------- idx


def test_idx_files_plain_and_gzipped(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures, kinds = rng.integers(0, 256, (50, 3, 4)), rng.integers(0, 3, 50)
    images, labels = write_idx(tmp_path / "images", pictures), write_idx(tmp_path / "labels.gz", kinds)
    keys = {"images": images, "labels": labels, "classes": [2, 0], "binarise": False, "balanced": False}
    patterns, found, _ = build("idx", Network((12, 1)), **keys)
    assert np.array_equal(patterns, pictures[kinds != 1].reshape(-1, 12))
    assert np.array_equal(found[:, 0], np.where(kinds[kinds != 1] == 2, 1, -1))


def test_idx_mistakes(tmp_path: Path) -> None:
    images = write_idx(tmp_path / "images", np.zeros((4, 6, 6)))
    labels = write_idx(tmp_path / "labels", np.arange(4) % 2)
    found = mistakes("idx", images=tmp_path / "none", labels=tmp_path)
    assert "No such file" in found[0] and "Is a directory" in found[1]
    assert all("begins with 0x0000080" in sentence for sentence in mistakes("idx", images=labels, labels=images))
    refuse("begins with 0x00000d03", "idx", images=write_idx(tmp_path / "floats", np.zeros((4, 6, 6)), 0x0D03), labels=labels)
    (tmp_path / "empty").write_bytes(b"")
    refuse("begins with 0x,", "idx", images=images, labels=tmp_path / "empty")
    (tmp_path / "short").write_bytes(images.read_bytes()[:-1])
    refuse("announces 4 x 6 x 6 = 144 bytes and holds 143", "idx", images=tmp_path / "short", labels=labels)
    (tmp_path / "long").write_bytes(images.read_bytes() + b"x")
    refuse("holds 145", "idx", images=tmp_path / "long", labels=labels)
    refuse("4 pictures but .* 5 labels", "idx", images=images, labels=write_idx(tmp_path / "five", np.arange(5) % 2))
    (tmp_path / "cut.gz").write_bytes(gzip.compress(images.read_bytes())[:-6])
    refuse("gzipped but damaged", "idx", images=tmp_path / "cut.gz", labels=labels)
    broken = bytearray(gzip.compress(images.read_bytes()))
    broken[12:16] = b"\xff\xff\xff\xff"
    (tmp_path / "broken.gz").write_bytes(bytes(broken))
    refuse("gzipped but damaged", "idx", images=tmp_path / "broken.gz", labels=labels)


# ---------------------------------------------------------------- file


def saved(tmp_path: Path, **arrays: Any) -> Path:
    np.savez(tmp_path / "set.npz", **arrays)
    return tmp_path / "set.npz"


def test_own_files(tmp_path: Path) -> None:
    patterns, labels = np.arange(30.0).reshape(10, 3), np.where(np.arange(20) % 3, 1.0, -1.0).reshape(10, 2)
    path = saved(tmp_path, patterns=patterns.astype(np.int32), labels=labels)
    whole = build("file", Network((3, 2)), path=str(path))
    assert np.array_equal(whole.patterns, patterns) and np.array_equal(whole.labels, labels)
    part = build("file", Network((3, 2)), path=path, patterns=4)
    rows = (part.patterns[:, 0] // 3).astype(int)
    assert np.all(np.diff(rows) > 0) and np.array_equal(part.labels, labels[rows])
    column_major = saved(tmp_path, patterns=np.asfortranarray(patterns), labels=labels[:, 0])
    single = build("file", Network((3, 1)), path=column_major)
    assert single.patterns.flags.c_contiguous and np.array_equal(single.patterns, patterns)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patterns": np.ones((4, 5))}, r"shape \(4, 5\); the network has 3 inputs, so \(P, 3\)"),
        ({"patterns": np.ones(12)}, r"shape \(12,\)"),
        ({"patterns": np.ones((0, 3)), "labels": np.ones(0)}, r"shape \(0, 3\).* P >= 1"),
        ({"patterns": np.ones((5, 3))}, "5 patterns but 4 labels"),
        ({"patterns": np.full((4, 3), "x")}, "type <U1; allowed are real numbers"),
        ({"patterns": np.ones((4, 3)) * 1j}, "type complex128"),
        ({"patterns": np.array([[1, 1, 1], [1, 1, np.nan], [1, 1, 1], [np.inf, 1, 1]])}, "2 entries .* in pattern 1, input 2"),
        ({"labels": np.array([1, -1, 0, 0])}, r"2 labels are neither \+1 nor -1, the first is 0 of pattern 2"),
        ({"labels": np.array([1, -1, 1.5, 1])}, "the first is 1.5 of pattern 2"),
        ({"labels": np.array([1, -1, np.nan, 1])}, "the first is nan of pattern 2"),
        ({"labels": np.array([1, -1, -128, 1], dtype=np.int8)}, "the first is -128"),
        ({"labels": np.array([1, 255, 1, 1], dtype=np.uint8)}, "the first is 255"),
        ({"labels": np.array([True, False, True, True])}, "type bool"),
        ({"labels": np.ones((4, 2))}, r"shape \(4, 2\); the network has 1 outputs"),
        ({"labels": np.array(1)}, r"shape \(\)"),
        ({"patterns": np.array([[None] * 3] * 4)}, "no .npz file of plain numbers .*allow_pickle"),
        ({"labels": np.array([1, "a", None, 1], dtype=object)}, "no .npz file of plain numbers .*allow_pickle"),
    ],
)
def test_wrong_arrays(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = saved(tmp_path, **({"patterns": np.ones((4, 3)), "labels": np.array([1, -1, 1, 1])} | change))
    refuse(message, "file", Network((3, 1)), path=path)
    assert all(str(path) in sentence for sentence in mistakes("file", Network((3, 1)), path=path))


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "exploded",))

    path = saved(tmp_path, patterns=np.array([Bomb()], dtype=object), labels=np.ones(1))
    refuse("allow_pickle", "file", path=path)
    path.write_bytes(b"\x80\x04K\x01.")
    refuse("no .npz file", "file", path=path)
    assert not (tmp_path / "exploded").exists()


def test_wrong_files(tmp_path: Path) -> None:
    network = Network((3, 1))
    refuse("No such file", "file", network, path=tmp_path / "none.npz")
    refuse("Is a directory", "file", network, path=tmp_path)
    refuse("path: this key is required", "file", network)
    refuse(r"no array labels; it has \['patterns'\]", "file", network, path=saved(tmp_path, patterns=np.ones((4, 3))))
    refuse("no array patterns and no array labels", "file", network, path=saved(tmp_path, x=np.ones(3)))
    np.save(tmp_path / "one.npy", np.ones(3))
    refuse("holds a single array", "file", network, path=tmp_path / "one.npy")
    (tmp_path / "text.npz").write_text("1 2 3")
    refuse("no .npz file of plain numbers", "file", network, path=tmp_path / "text.npz")
    (tmp_path / "empty.npz").write_bytes(b"")
    refuse("is damaged|cannot be read|no .npz", "file", network, path=tmp_path / "empty.npz")
    whole = saved(tmp_path, patterns=np.ones((4, 3)), labels=np.ones(4))
    refuse("5 patterns are asked for, but only 4 are available; give patterns <= 4", "file", network, path=whole, patterns=5)
    whole.write_bytes(whole.read_bytes()[:200])
    refuse("is damaged", "file", network, path=whole)


def test_both_arrays_are_judged_at_once(tmp_path: Path) -> None:
    path = saved(tmp_path, patterns=np.full((4, 3), np.nan), labels=np.zeros(5))
    assert len(mistakes("file", Network((3, 1)), path=path)) == 3


def test_a_user_s_source_is_checked_as_well() -> None:
    def own(network: Network, rng: np.random.Generator, *, scale: float = 1.0) -> TrainingSet:
        return TrainingSet(np.full((4, network.inputs), scale / 3), np.zeros((4, 1), dtype=np.int8))

    with pytest.raises(JobError, match=r"4 labels are neither \+1 nor -1"):
        build_training_set(own, {"scale": 2}, PERCEPTRON, 1)


# ---------------------------------------------------------------- transformations

reals = st.floats(-1e6, 1e6)
tables = hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=reals)
small = hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(-2, 2).map(float))


@given(tables | small)
def test_binarised_tables(patterns: np.ndarray) -> None:
    result = binarised(patterns)
    assert np.all(np.abs(result) == 1) and np.array_equal(binarised(result), result)
    for column, binary in zip(patterns.T, result.T, strict=True):
        assert (len(set(column)) > 1) == (len(set(binary)) > 1)  # what varied still varies
        assert np.all(np.diff(binary[np.argsort(column)]) >= 0)  # order is kept
        median = np.median(column)
        if median < column.max():
            assert np.array_equal(binary > 0, column > median)


@given(hnp.arrays(np.int8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.sampled_from([-1, 1])))
def test_binary_data_stay_as_they_are(signs: np.ndarray) -> None:
    assert np.array_equal(binarised(signs.astype(np.float64)), signs)


@settings(deadline=None)
@given(tables)
def test_standardised_tables(patterns: np.ndarray) -> None:
    result = standardised(patterns)
    assert np.all(np.isfinite(result))
    for column, scaled in zip(patterns.T, result.T, strict=True):
        if len(set(column)) == 1:
            assert np.all(scaled == 0)
        elif np.ptp(column) > 1e-6 * np.abs(column).max():
            assert scaled.mean() == pytest.approx(0, abs=1e-6)
            assert scaled.var() == pytest.approx(1, abs=1e-6)


def test_standardised_extremes() -> None:
    patterns = np.array([[1e300, 1e-300, 0.1], [-1e300, 3e-300, 0.1], [1e300, 1e-300, 0.1]])
    result = standardised(patterns)
    assert np.allclose(result.var(axis=0), [1, 1, 0]) and np.all(result[:, 2] == 0)


def test_options_reach_the_patterns() -> None:
    gaussian = build("random", patterns=101, kind="gaussian")
    binary = build("random", patterns=101, kind="gaussian", binarise=True)
    scaled = build("random", patterns=101, kind="gaussian", standardise=True)
    assert np.array_equal(binary.patterns, binarised(gaussian.patterns))
    assert np.all(binary.patterns.sum(axis=0) == -1)
    assert np.array_equal(scaled.patterns, standardised(gaussian.patterns))
    assert np.array_equal(gaussian.labels, binary.labels) and np.array_equal(gaussian.labels, scaled.labels)
    raw = build("digits", patterns=50, binarise=False, standardise=True)
    assert np.allclose(raw.patterns.mean(axis=0), 0)
