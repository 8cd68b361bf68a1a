"""From the keys of `[landscape.data]` to a training set: `source_keys` says what is allowed, `build_training_set` makes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from enum import IntEnum
from importlib import import_module
from typing import Annotated, Any, cast

import numpy as np
from pydantic import BaseModel, Field

from parallel_landscape.data import SOURCES
from parallel_landscape.data.training_set import TrainingSet, binarised, checked, flipped, shuffled, standardised
from parallel_landscape.errors import JobError
from parallel_landscape.keys import check_keys, keys_model
from parallel_landscape.network import Network

Source = Callable[..., TrainingSet]  # source(network, rng, *, keys...) -> TrainingSet

DATA = int.from_bytes(b"data", "big")  # keeps these streams apart from every other use of the seed


class Purpose(IntEnum):
    """What a stream of the training set is for; each has its own, so no option changes what another one draws."""

    SOURCE = 0
    SHUFFLE = 1
    FLIP = 2
    TEST = 3


def stream(seed: int, purpose: Purpose) -> np.random.Generator:
    """The random stream of one purpose."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, DATA, purpose))))


def load_source(name: str) -> Source:
    """The function behind a source's name in the job file."""
    if name not in SOURCES:
        raise JobError(f'source = "{name}" is unknown; choose from {", ".join(SOURCES)}.')
    module, function = SOURCES[name].split(":")
    return cast(Source, getattr(import_module(module), function))


def source_keys(source: Source) -> type[BaseModel]:
    """Model of all keys that a source allows: its own, then those of `transformed`.

    A key that both declare is the source's own business: `transformed` is not told of it.
    """
    return keys_model(source, transformed, skip=("network", "rng", "training_set", "job_seed"))


def build_training_set(source: Source, keys: Mapping[str, Any], network: Network, seed: int) -> TrainingSet:
    """The training set that `keys` of `[landscape.data]` (without `source`) describe; `seed` is the job's.

    Same arguments, same bits. JobError lists what is wrong with the keys or with the data.
    """
    values = check_keys(source_keys(source), keys, "[landscape.data]")
    if values["binarise"] and values["standardise"]:
        raise JobError("binarise and standardise exclude each other; set one of them to false.")
    own_seed = seed if values["seed"] is None else values["seed"]
    own = {name: values.pop(name) for name in inspect.signature(source).parameters if name in values}
    drawn = source(network, stream(own_seed, Purpose.SOURCE), **own)
    valid = checked(drawn.patterns, drawn.labels, network)._replace(teacher=drawn.teacher)
    return transformed(valid, seed, **values)


def transformed(
    training_set: TrainingSet,
    job_seed: int,
    *,
    seed: Annotated[int | None, Field(ge=0, description="The training set's own seed; the job's when left out.")] = None,
    shuffle_labels: Annotated[bool, Field(description="Deal the labels out anew among the patterns.")] = False,
    flip_labels: Annotated[int, Field(ge=0, description="Number of patterns that get the opposite label.")] = 0,
    binarise: Annotated[bool, Field(description="Make each input +-1, split at its median over the training set.")] = False,
    standardise: Annotated[
        bool, Field(description="Give each input mean 0 and variance 1 over the training set; constant inputs become 0.")
    ] = False,
) -> TrainingSet:
    """The training set after the options that all sources share; labels are shuffled before they are flipped."""
    own_seed = job_seed if seed is None else seed
    patterns, labels, teacher = training_set
    if shuffle_labels:
        labels = shuffled(labels, stream(own_seed, Purpose.SHUFFLE))
    if flip_labels:
        labels = flipped(labels, flip_labels, stream(own_seed, Purpose.FLIP))
    if binarise:
        patterns = binarised(patterns)
    if standardise:
        patterns = standardised(patterns)
    return TrainingSet(patterns, labels, teacher)
