"""Random patterns labelled by a random teacher of the network's own architecture, so that E = 0 is attained.

Gyorgyi, Phys. Rev. A 41, 7097 (1990); Seung, Sompolinsky & Tishby, Phys. Rev. A 45, 6056 (1992).
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from parallel_landscape.data.patterns import Alpha, Kind, Patterns, draw_inputs, draw_signs, pattern_count
from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.network import Network


def teacher(
    network: Network,
    rng: np.random.Generator,
    *,
    patterns: Patterns = None,
    alpha: Alpha = None,
    kind: Annotated[Kind, Field(description="Inputs are +-1 (binary) or standard normal (gaussian).")] = "binary",
) -> TrainingSet:
    """Inputs of variance 1, labels = network.forward(teacher, inputs), teacher weights +-1; a tie counts as +1."""
    count = pattern_count(network, patterns, alpha)
    for_inputs, for_teacher = rng.spawn(2)
    inputs = draw_inputs(for_inputs, kind, count, network.inputs)
    weights = draw_signs(for_teacher, network.weights)
    return TrainingSet(inputs, network.forward(weights, inputs), weights)
