"""A training set, the check that it is one, and the transformations that every source shares."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.errors import JobError
from parallel_landscape.network import Network


class TrainingSet(NamedTuple):
    """Patterns with their wanted outputs.

    patterns: (P, N) float64, C-contiguous.
    labels: (P, outputs) int8, every entry +1 or -1.
    teacher: flat weights (weights,) of a teacher of the network's own architecture; None when there is none. It stays
        as drawn when labels are shuffled or flipped afterwards.
    """

    patterns: NDArray[np.float64]
    labels: NDArray[np.int8]
    teacher: NDArray[np.int8] | None = None


def checked(patterns: NDArray[Any], labels: NDArray[Any], network: Network) -> TrainingSet:
    """The arrays as a training set of `network`, types and layout put right; JobError with all that forbids it.

    Labels may be (P,) when the network has one output.
    """
    found = [*pattern_mistakes(patterns, network), *label_mistakes(labels, network)]
    if patterns.ndim == 2 and labels.ndim > 0 and len(patterns) != len(labels):
        found.append(f"There are {len(patterns)} patterns but {len(labels)} labels; give one label for each pattern.")
    if found:
        raise JobError(found)
    columns = labels.reshape(len(patterns), network.outputs)
    return TrainingSet(np.ascontiguousarray(patterns, dtype=np.float64), np.ascontiguousarray(columns, dtype=np.int8))


def pattern_mistakes(patterns: NDArray[Any], network: Network) -> list[str]:
    """What keeps `patterns` from being a finite (P, N) array of numbers."""
    if patterns.dtype.kind not in "biuf":
        return [f"The patterns are of type {patterns.dtype}; allowed are real numbers."]
    if patterns.ndim != 2 or patterns.shape[1] != network.inputs or len(patterns) == 0:
        return [
            f"The patterns have shape {patterns.shape}; the network has {network.inputs} inputs, so (P, {network.inputs}) "
            "with P >= 1 is needed. Change the patterns or the network's inputs."
        ]
    bad = np.argwhere(~np.isfinite(patterns))
    if len(bad):
        row, column = bad[0]
        return [
            f"{len(bad)} entries of the patterns are NaN or infinite, the first in pattern {row}, input {column} "
            "(counted from 0); replace them or remove those patterns."
        ]
    return []


def label_mistakes(labels: NDArray[Any], network: Network) -> list[str]:
    """What keeps `labels` from being a (P, outputs) array of +1 and -1."""
    if labels.dtype.kind not in "iuf":
        return [f"The labels are of type {labels.dtype}; allowed are the numbers +1 and -1."]
    if labels.shape[1:] != (network.outputs,) and (labels.ndim != 1 or network.outputs != 1):
        wanted = f"(P, {network.outputs})"
        return [f"The labels have shape {labels.shape}; the network has {network.outputs} outputs, so {wanted} is needed."]
    bad = np.argwhere(np.abs(labels) != 1)
    if len(bad):
        first = tuple(int(index) for index in bad[0])
        return [
            f"{len(bad)} labels are neither +1 nor -1, the first is {labels[first].item()} of pattern {first[0]} (counted "
            "from 0); labels 0 and 1 become allowed by 2*labels - 1."
        ]
    return []


def binarised(patterns: NDArray[np.float64], like: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Patterns (P, N) as +-1, input by input: +1 above the median over the training set, -1 at the median or below.

    Two exceptions keep what little an input tells. Where the median is the largest value (more than half of the pixels
    saturated, say), that value becomes +1 and all others -1. A constant input keeps its sign (0 becomes -1). So data
    that are +-1 already never change.

    like: the training set that says where inputs are split, for other patterns than its own.
    """
    known = patterns if like is None else like
    median, highest, lowest = np.median(known, axis=0), known.max(axis=0), known.min(axis=0)
    high = np.where(median == highest, patterns >= highest, patterns > median)
    high = np.where(highest == lowest, patterns > 0, high)
    return np.where(high, 1.0, -1.0)


def standardised(patterns: NDArray[np.float64], like: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Patterns (P, N) with mean 0 and variance 1 (of the P values) for each input; a constant input becomes 0.

    like: the training set whose means and variances count, for other patterns than its own.
    """
    known = patterns if like is None else like
    scale = np.abs(known).max(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    scaled = known / scale  # entries in [-1, 1]: the squares neither overflow nor vanish
    varies = scaled.max(axis=0) > scaled.min(axis=0)
    mean = scaled.mean(axis=0)
    deviation = np.sqrt(np.mean((scaled - mean) ** 2, axis=0))
    varies &= deviation > 0
    return np.where(varies, (patterns / scale - mean) / np.where(varies, deviation, 1.0), 0.0)


def shuffled(labels: NDArray[np.int8], rng: np.random.Generator) -> NDArray[np.int8]:
    """Labels (P, outputs) dealt out anew among the patterns: same patterns, same label counts, no structure."""
    return labels[rng.permutation(len(labels))]


def flipped(labels: NDArray[np.int8], count: int, rng: np.random.Generator) -> NDArray[np.int8]:
    """Labels (P, outputs) with the opposite sign, on all outputs, for `count` random patterns.

    With one stream a larger count flips the patterns of a smaller one and more.
    """
    if count > len(labels):
        raise JobError(f"flip_labels = {count}, but there are only {len(labels)} patterns; give 0 to {len(labels)}.")
    signs = np.ones((len(labels), 1), dtype=np.int8)
    signs[rng.permutation(len(labels))[:count]] = -1
    return labels * signs
