"""How many patterns there are, and how random ones are drawn: the keys and draws that sources share."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from parallel_landscape.errors import JobError
from parallel_landscape.machine import USABLE, machine_memory, size
from parallel_landscape.network import Network

Patterns = Annotated[int | None, Field(gt=0, description="Number P of patterns; give this or alpha.")]
Alpha = Annotated[
    float | None, Field(gt=0, description="Patterns per free weight: P = round(alpha * weights); give this or patterns.")
]
Kind = Literal["binary", "gaussian"]


def asked_count(network: Network, patterns: int | None, alpha: float | None) -> int | None:
    """Number P of patterns that the job asks for; None when it names neither `patterns` nor `alpha`."""
    if patterns is not None and alpha is not None:
        raise JobError(f"patterns = {patterns} and alpha = {alpha} are both given; give one of the two.")
    if alpha is None:
        check_room(network, patterns or 0)
        return patterns
    count = round(alpha * network.weights)
    check_room(network, count)
    if count == 0:
        raise JobError(
            f"alpha = {alpha} with {network.weights} free weights rounds to no pattern at all; "
            f"give alpha above {0.5 / network.weights:.3g} or give patterns."
        )
    return count


def check_room(network: Network, patterns: int) -> None:
    """Raise JobError when so many patterns cannot lie in this machine's memory; nothing has been drawn yet."""
    needed = 8 * patterns * network.inputs
    if needed > USABLE * machine_memory():
        raise JobError(
            f"{patterns:,} patterns x {network.inputs:,} inputs need {size(needed)} of memory, and this machine has "
            f"{size(machine_memory())}; give fewer patterns or inputs."
        )


def pattern_count(network: Network, patterns: int | None, alpha: float | None) -> int:
    """Number P of patterns for a source that draws as many as one likes."""
    count = asked_count(network, patterns, alpha)
    if count is None:
        raise JobError("Neither patterns nor alpha is given; give one of the two, such as patterns = 100.")
    return count


def subset(rng: np.random.Generator, available: int, count: int | None) -> NDArray[np.intp]:
    """Indices of `count` of the `available` patterns, drawn without replacement and left in their order; None: all."""
    if count is None:
        return np.arange(available)
    if count > available:
        raise JobError(f"{count} patterns are asked for, but only {available} are available; give patterns <= {available}.")
    return np.sort(rng.permutation(available)[:count])


def left_over(rng: np.random.Generator, available: int, taken: NDArray[np.intp], count: int | None) -> NDArray[np.intp]:
    """Indices of `count` of the available patterns that were not taken, or of all of them, in their order."""
    rest = np.setdiff1d(np.arange(available), taken)
    if len(rest) < (count or 1):
        raise JobError(
            f"{count or 1} test patterns are asked for, and the training set leaves {len(rest)} of {available}; "
            "give the training set fewer patterns, ask for fewer, or give test patterns of your own with path."
        )
    return rest[subset(rng, len(rest), count)]


def draw_signs(rng: np.random.Generator, *shape: int) -> NDArray[np.int8]:
    """Independent +1 and -1 with equal probability, of the given shape."""
    return (2 * rng.integers(0, 2, size=shape, dtype=np.int8) - 1).astype(np.int8)


def draw_inputs(rng: np.random.Generator, kind: Kind, *shape: int) -> NDArray[np.float64]:
    """Independent inputs of variance 1: +-1 ("binary") or standard normal ("gaussian").

    Rows are drawn one after another: from one stream, more patterns begin with the fewer.
    """
    return draw_signs(rng, *shape).astype(np.float64) if kind == "binary" else rng.standard_normal(shape)
