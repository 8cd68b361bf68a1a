"""Multi-layer networks of sign units of any depth, all weights +-1 and free, with one or several outputs.

E(w) = number of patterns with at least one output unlike its label.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from parallel_landscape.errors import JobError
from parallel_landscape.landscape import DataSource, Landscape
from parallel_landscape.landscapes.fixed_point import is_binary
from parallel_landscape.landscapes.sign_network import even_inputs, odd_beside, sign_network
from parallel_landscape.network import Network

Width = Annotated[int, Field(ge=1)]


def binary_mlp(
    layers: Annotated[
        list[Width],
        Field(min_length=2, description="Widths [inputs, hidden units ..., outputs]; the hidden ones odd."),
    ],
    data: DataSource,
) -> Landscape:
    """Feed-forward network of sign units with binary weights in every layer."""
    mistakes = [
        f"layers[{index}] = {width} is even: a unit above it could meet a field of 0; use an odd number ({odd_beside(width)})."
        for index, width in enumerate(layers[:-1])
        if index > 0 and width % 2 == 0
    ]
    if mistakes:
        raise JobError(mistakes)
    network = Network(tuple(layers))
    training_set = data(network)
    if is_binary(training_set.patterns) and layers[0] % 2 == 0:
        raise JobError(even_inputs(f"layers[0] = {layers[0]}", layers[0]))
    return sign_network(network, training_set)
