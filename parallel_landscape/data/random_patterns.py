"""Random patterns with random labels: no structure at all, the storage problem.

Gardner & Derrida, J. Phys. A 21, 271 (1988); for binary weights Krauth & Mezard, J. Physique 50, 3057 (1989).
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from parallel_landscape.data.patterns import Alpha, Kind, Patterns, draw_inputs, draw_signs, pattern_count
from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.network import Network


def random_patterns(
    network: Network,
    rng: np.random.Generator,
    *,
    patterns: Patterns = None,
    alpha: Alpha = None,
    kind: Annotated[Kind, Field(description="Inputs are +-1 (binary) or standard normal (gaussian).")] = "binary",
) -> TrainingSet:
    """Independent inputs of variance 1; each of the network's outputs has an independent label +-1."""
    count = pattern_count(network, patterns, alpha)
    for_inputs, for_labels = rng.spawn(2)
    inputs = draw_inputs(for_inputs, kind, count, network.inputs)
    return TrainingSet(inputs, draw_signs(for_labels, count, network.outputs))
