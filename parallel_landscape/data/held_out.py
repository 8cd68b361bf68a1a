"""Test patterns: of the rule of a training set, but not in it, from a random stream of their own.

For each source a function `held_out(network, rng, test_rng, count, **keys of the source)`, where `rng` is the stream that the
source itself draws from: it finds its teacher, its features or its choice of pictures there again.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from parallel_landscape.data.build import Purpose, Source, source_keys, stream
from parallel_landscape.data.digits import load_digit_images
from parallel_landscape.data.file import load_arrays
from parallel_landscape.data.gaussian_mixture import directions, spread
from parallel_landscape.data.hidden_manifold import NONLINEARITIES, draw_manifold, latent_dimension
from parallel_landscape.data.idx import load_idx_images
from parallel_landscape.data.images import image_test_patterns
from parallel_landscape.data.patterns import asked_count, draw_inputs, draw_signs, left_over, pattern_count, subset
from parallel_landscape.data.training_set import TrainingSet, binarised, checked, standardised
from parallel_landscape.errors import JobError
from parallel_landscape.keys import check_keys
from parallel_landscape.network import Network

Rng = np.random.Generator
DRAWN = 1000  # test patterns of a source that draws as many as one likes


def build_test_set(
    source: Source, keys: Mapping[str, Any], network: Network, seed: int, count: int | None, path: Path | None
) -> TrainingSet:
    """Test patterns for the training set that `keys` of `[landscape.data]` describe; `seed` is the job's.

    count: how many; DRAWN, or all that a file leaves over, when None. path: take them from this .npz file instead, `count` of
    them or all. Inputs are split or scaled as those of the training set. Labels are neither shuffled nor flipped: they follow
    the rule itself. Raises JobError when there is no rule or are no patterns left.
    """
    values = check_keys(source_keys(source), keys, "[landscape.data]")
    own_seed = seed if values["seed"] is None else values["seed"]
    own = {name: values.pop(name) for name in inspect.signature(source).parameters if name in values}
    rng, test_rng = stream(own_seed, Purpose.SOURCE), stream(own_seed, Purpose.TEST)
    if path is not None:
        drawn = _given(network, test_rng, path, count)
    else:
        drawn = HELD_OUT[source.__name__](network, rng, test_rng, count, **own)
    test = checked(drawn.patterns, drawn.labels, network)
    if not values.get("binarise") and not values["standardise"]:  # a source that splits inputs itself has done so
        return test
    training = source(network, stream(own_seed, Purpose.SOURCE), **own)
    change = binarised if values.get("binarise") else standardised
    return TrainingSet(change(test.patterns, training.patterns), test.labels)


def _given(network: Network, test_rng: Rng, path: Path, count: int | None) -> TrainingSet:
    arrays = load_arrays(path)
    try:
        whole = checked(arrays["patterns"], arrays["labels"], network)
    except JobError as error:
        raise JobError(f"{path}: {mistake}" for mistake in error.mistakes) from None
    chosen = subset(test_rng, len(whole.patterns), count)
    return TrainingSet(whole.patterns[chosen], whole.labels[chosen])


def _random(network: Network, rng: Rng, test_rng: Rng, count: int | None, **keys: Any) -> TrainingSet:
    raise JobError(
        'random labels follow no rule, so there is nothing to generalise to; choose another source, such as "teacher", or give '
        "test patterns of your own with path."
    )


def _teacher(network: Network, rng: Rng, test_rng: Rng, count: int | None, *, kind: Any, **keys: Any) -> TrainingSet:
    """Fresh inputs for the same teacher."""
    _, for_teacher = rng.spawn(2)
    inputs = draw_inputs(test_rng, kind, count or DRAWN, network.inputs)
    return TrainingSet(inputs, network.forward(draw_signs(for_teacher, network.weights), inputs))


def _hidden_manifold(
    network: Network,
    rng: Rng,
    test_rng: Rng,
    count: int | None,
    *,
    patterns: int | None,
    alpha: float | None,
    latent: int | None,
    alpha_latent: float | None,
    kind: Any,
    nonlinearity: Any,
) -> TrainingSet:
    """Fresh latent inputs for the same features and teachers."""
    training = pattern_count(network, patterns, alpha)
    manifold = draw_manifold(network, rng, training, latent_dimension(training, latent, alpha_latent), kind)
    dimension = manifold.features.shape[1]
    fresh = draw_inputs(test_rng, kind, count or DRAWN, dimension)
    labels = np.where(fresh @ manifold.teacher.T >= 0, 1, -1).astype(np.int8)
    inputs = NONLINEARITIES[nonlinearity](fresh @ manifold.features.T / math.sqrt(dimension))
    return TrainingSet(np.ascontiguousarray(inputs), labels)


def _gaussian_mixture(
    network: Network,
    rng: Rng,
    test_rng: Rng,
    count: int | None,
    *,
    separation: float,
    patterns: int | None,
    alpha: float | None,
    cosine: float,
    anisotropy: float,
    positive: int | None,
) -> TrainingSet:
    """Fresh noise on the same means, with labels in the same proportion."""
    training, several = pattern_count(network, patterns, alpha), count or DRAWN
    share = ((training + 1) // 2 if positive is None else positive) / training
    for_means, _, _, for_axes = rng.spawn(4)
    labels = np.where(np.arange(several) < round(share * several), 1, -1).astype(np.int8)
    noise = test_rng.standard_normal((several, network.inputs)) @ spread(for_axes, network.inputs, anisotropy)
    means = separation * math.sqrt(network.inputs) * directions(for_means, network.inputs, cosine)
    return TrainingSet(noise + means[np.where(labels > 0, 0, 1)], labels[:, None])


def _digits(network: Network, rng: Rng, test_rng: Rng, count: int | None, **keys: Any) -> TrainingSet:
    return image_test_patterns(load_digit_images(), network, rng, test_rng, count, **keys)


def _idx(
    network: Network, rng: Rng, test_rng: Rng, count: int | None, *, images: Path, labels: Path, **keys: Any
) -> TrainingSet:
    return image_test_patterns(load_idx_images(images, labels), network, rng, test_rng, count, **keys)


def _file(
    network: Network, rng: Rng, test_rng: Rng, count: int | None, *, path: Path, patterns: int | None, alpha: float | None
) -> TrainingSet:
    """Patterns of the file that the training set leaves over."""
    arrays = load_arrays(path)
    taken = subset(rng, len(arrays["patterns"]), asked_count(network, patterns, alpha))
    rest = left_over(test_rng, len(arrays["patterns"]), taken, count)
    return TrainingSet(arrays["patterns"][rest], arrays["labels"][rest])


HELD_OUT: dict[str, Callable[..., TrainingSet]] = {
    "random_patterns": _random,
    "teacher": _teacher,
    "hidden_manifold": _hidden_manifold,
    "gaussian_mixture": _gaussian_mixture,
    "digits": _digits,
    "idx": _idx,
    "file": _file,
}
