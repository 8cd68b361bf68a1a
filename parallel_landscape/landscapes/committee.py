"""The binary committee machine: N inputs, K hidden sign units with weights +-1, and their majority as the output.

E(w) = number of patterns whose majority is unlike the label. In a tree each hidden unit sees its own N / K inputs, else all N.
E. Barkai, D. Hansel, H. Sompolinsky, PRA 45, 4146 (1992).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from parallel_landscape.errors import JobError
from parallel_landscape.landscape import DataSource, Landscape
from parallel_landscape.landscapes.fixed_point import is_binary
from parallel_landscape.landscapes.sign_network import even_inputs, odd_beside, sign_network
from parallel_landscape.network import Network


def committee(
    inputs: Annotated[int, Field(ge=1, description="Number N of inputs.")],
    hidden: Annotated[int, Field(ge=1, description="Number K of hidden units, odd.")],
    data: DataSource,
    connectivity: Annotated[
        Literal["full", "tree"], Field(description="Each hidden unit sees all inputs, or its own N / K inputs.")
    ] = "full",
) -> Landscape:
    """Committee machine with binary weights; the output is the majority of the hidden units."""
    tree = connectivity == "tree"
    mistakes = []
    if hidden % 2 == 0:
        mistakes.append(f"hidden = {hidden} is even: a vote could be a tie; use an odd number ({odd_beside(hidden)}).")
    if tree and inputs % hidden:
        below, above = inputs // hidden * hidden, (inputs // hidden + 1) * hidden
        mistakes.append(
            f"inputs = {inputs} cannot be divided among hidden = {hidden} units of a tree; use a multiple of {hidden} "
            f"({f'{below} or ' if below else ''}{above})."
        )
    if mistakes:
        raise JobError(mistakes)
    network = Network((inputs, hidden, 1), majority=True, tree=tree)
    training_set = data(network)
    if is_binary(training_set.patterns) and network.fan_in[0] % 2 == 0:
        raise JobError(even_inputs(f"inputs = {inputs}" + (f" / hidden = {hidden}" if tree else ""), network.fan_in[0], tree))
    return sign_network(network, training_set)
