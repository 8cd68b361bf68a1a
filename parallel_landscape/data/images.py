"""From labelled pictures to a training set: which classes, which pixels, how many pictures."""

from __future__ import annotations

import math
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from parallel_landscape.data.patterns import asked_count, left_over, subset
from parallel_landscape.data.training_set import TrainingSet, binarised
from parallel_landscape.errors import JobError
from parallel_landscape.network import Network

Classes = Annotated[
    tuple[int, ...],
    Field(min_length=2, description="Two classes, the first labelled +1; or one an output, which is +1 for its class."),
]
Pixels = Annotated[
    Literal["variance", "random", "resize"] | list[Annotated[int, Field(ge=0)]],
    Field(description="Which pixels are inputs: the most varying, random ones, those after resizing to k x k, or a list."),
]
Binarise = Annotated[bool, Field(description="Make each input +-1, split at its median over the training set.")]
Balanced = Annotated[bool, Field(description="Take equally many pictures of each class; a remainder goes to the first ones.")]


class Images(NamedTuple):
    """Pictures (M, height, width) uint8 in shades of grey and the class of each (M,)."""

    pictures: NDArray[np.uint8]
    classes: NDArray[np.int64]


def image_patterns(
    images: Images,
    network: Network,
    rng: np.random.Generator,
    *,
    patterns: int | None,
    alpha: float | None,
    classes: tuple[int, ...],
    pixels: Literal["variance", "random", "resize"] | list[int],
    binarise: bool,
    balanced: bool,
) -> TrainingSet:
    """Pictures of the chosen classes in the order given, reduced to the network's inputs.

    Pixels are chosen on all pictures of these classes, so the choice does not depend on how many are then drawn.
    """
    rows, kinds, chosen = candidates(images, network, rng, patterns, alpha, classes, pixels, balanced)
    inputs = rows[chosen]
    return TrainingSet(binarised(inputs) if binarise else inputs, class_labels(kinds[chosen], classes, network.outputs))


def candidates(
    images: Images,
    network: Network,
    rng: np.random.Generator,
    patterns: int | None,
    alpha: float | None,
    classes: tuple[int, ...],
    pixels: Literal["variance", "random", "resize"] | list[int],
    balanced: bool,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.intp]]:
    """All pictures of the chosen classes as rows (M, inputs), the class of each, and those drawn for the training set."""
    found = [*class_mistakes(images, network, classes), *pixel_mistakes(images, network, pixels)]
    if found:
        raise JobError(found)
    for_pixels, for_choice = rng.spawn(2)
    members = np.flatnonzero(np.isin(images.classes, classes))
    kinds = images.classes[members]
    chosen = choose(for_choice, kinds, classes, asked_count(network, patterns, alpha), balanced)
    return reduced(images.pictures[members], pixels, network.inputs, for_pixels).astype(np.float64), kinds, chosen


def image_test_patterns(
    images: Images,
    network: Network,
    rng: np.random.Generator,
    test_rng: np.random.Generator,
    count: int | None,
    *,
    patterns: int | None,
    alpha: float | None,
    classes: tuple[int, ...],
    pixels: Literal["variance", "random", "resize"] | list[int],
    binarise: bool,
    balanced: bool,
) -> TrainingSet:
    """`count` of the pictures that the training set leaves over, or all of them, reduced and split in the same way."""
    rows, kinds, chosen = candidates(images, network, rng, patterns, alpha, classes, pixels, balanced)
    rest = left_over(test_rng, len(kinds), chosen, count)
    inputs = binarised(rows[rest], rows[chosen]) if binarise else rows[rest]
    return TrainingSet(inputs, class_labels(kinds[rest], classes, network.outputs))


def class_mistakes(images: Images, network: Network, classes: tuple[int, ...]) -> list[str]:
    """What is wrong with the choice of classes."""
    found = []
    if len(set(classes)) != len(classes):
        found.append(f"classes = {list(classes)} names a class twice; name each once.")
    if network.outputs == 1 and len(classes) != 2:
        found.append(
            f"classes = {list(classes)} are {len(classes)}, but a network with 1 output tells 2 apart; give 2 classes."
        )
    if network.outputs > 1 and network.outputs != len(classes):
        found.append(
            f"classes = {list(classes)} are {len(classes)}, but the network has {network.outputs} outputs; "
            f"give {network.outputs} classes, one an output, or a network with {len(classes)} outputs."
        )
    present = np.unique(images.classes)
    absent = [number for number in classes if number not in present]
    if absent:
        found.append(f"Classes {absent} are not in the data; choose from {present.tolist()}.")
    return found


def pixel_mistakes(images: Images, network: Network, pixels: str | list[int]) -> list[str]:
    """What is wrong with the choice of pixels."""
    height, width = images.pictures.shape[1:]
    size, inputs, found = height * width, network.inputs, []
    if inputs > size:
        found.append(
            f"The network has {inputs} inputs, but a picture has {height} x {width} = {size} pixels; give inputs <= {size}."
        )
    if pixels == "resize" and math.isqrt(inputs) ** 2 != inputs:
        near = max(1, round(math.sqrt(inputs)))
        found.append(
            f'pixels = "resize" needs a square number of inputs, and the network has {inputs}; the nearest is {near**2}.'
        )
    if isinstance(pixels, list):
        if len(pixels) != inputs:
            found.append(f"pixels lists {len(pixels)} pixels, but the network has {inputs} inputs; list as many.")
        if len(set(pixels)) != len(pixels):
            found.append("pixels lists a pixel twice; list each once.")
        outside = [pixel for pixel in pixels if not 0 <= pixel < size]
        if outside:
            found.append(f"pixels lists {outside[0]}, but pixels are numbered row by row from 0 to {size - 1}.")
    return found


def choose(
    rng: np.random.Generator, kinds: NDArray[np.int64], classes: tuple[int, ...], count: int | None, balanced: bool
) -> NDArray[np.intp]:
    """Indices, in order, of `count` pictures out of those with classes `kinds` (M,); None: all, or all that balance allows."""
    if not balanced:
        return subset(rng, len(kinds), count)
    members = [np.flatnonzero(kinds == number) for number in classes]
    fewest = min(len(group) for group in members)
    share, rest = (fewest, 0) if count is None else divmod(count, len(classes))
    quotas = [share + (k < rest) for k in range(len(classes))]
    short = [
        f"class {number} has {len(group)} pictures and {quota} are needed"
        for number, group, quota in zip(classes, members, quotas, strict=True)
        if quota > len(group)
    ]
    if short:
        raise JobError(
            f"{count} patterns, balanced, are too many: {'; '.join(short)}. "
            f"Give patterns <= {fewest * len(classes)}, or balanced = false with patterns <= {len(kinds)}."
        )
    picked = [group[subset(rng, len(group), quota)] for group, quota in zip(members, quotas, strict=True)]
    return np.sort(np.concatenate(picked))


def class_labels(kinds: NDArray[np.int64], classes: tuple[int, ...], outputs: int) -> NDArray[np.int8]:
    """Labels (P, outputs): +1 on output k for class k of `classes`, else -1; one output: +1 for the first class."""
    return np.where(kinds[:, None] == np.array(classes[:outputs]), 1, -1).astype(np.int8)


def reduced(
    pictures: NDArray[np.uint8], pixels: str | list[int], inputs: int, rng: np.random.Generator
) -> NDArray[np.uint8] | NDArray[np.float64]:
    """Pictures (M, height, width) as rows (M, inputs); chosen pixels stay in their order within the picture."""
    if pixels == "resize":
        return resized(pictures, math.isqrt(inputs)).reshape(len(pictures), inputs)
    rows = pictures.reshape(len(pictures), -1)
    if isinstance(pixels, list):
        return rows[:, pixels]
    if pixels == "random":
        return rows[:, subset(rng, rows.shape[1], inputs)]
    most = np.argsort(-scatter(rows), kind="stable")[:inputs]
    return rows[:, np.sort(most)]


def scatter(rows: NDArray[np.uint8]) -> NDArray[np.int64]:
    """M^2 times the variance of each column of (M, pixels), in integers, so that ties are ties on every machine."""
    squares = np.einsum("mp,mp->p", rows, rows, dtype=np.int64, casting="safe")
    total = rows.sum(axis=0, dtype=np.int64)
    return np.asarray(len(rows) * squares - total**2, dtype=np.int64)


def resized(pictures: NDArray[np.uint8], side: int) -> NDArray[np.float64]:
    """Pictures (M, side, side): each new pixel is the mean over the area that it covers.

    Summed in integers and divided once, so that equal means are equal to the last bit.
    """
    height, width = pictures.shape[1:]
    sums = coverage(side, height) @ pictures.astype(np.int64) @ coverage(side, width).T
    return np.asarray(sums / (height * width), dtype=np.float64)


def coverage(new: int, old: int) -> NDArray[np.int64]:
    """Matrix (new, old): length common to new pixel a and old pixel h, both dividing new * old units; rows sum to old."""
    starts, pixels = old * np.arange(new)[:, None], new * np.arange(old)
    common = np.minimum(starts + old, pixels + new) - np.maximum(starts, pixels)
    return np.asarray(np.maximum(common, 0), dtype=np.int64)
