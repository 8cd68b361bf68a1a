"""Wang-Landau sampling: learn ln g by walking with weight 1/g and raising ln g of the level where the walker is.

F. Wang, D. P. Landau, PRL 86, 2050 (2001). All energies are in units of levels, 0 ... levels-1; levels outside the window
carry ln g = +inf, so a proposal out of the window is rejected, and counted, without a branch of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Weight(NamedTuple):
    """ln_g and histogram (levels,), and the amount by which a visit raises ln g."""

    ln_g: NDArray[np.float64]
    histogram: NDArray[np.int64]
    ln_f: float


def cost(weight: Weight, level: int) -> float:
    """-ln of the level's weight 1/g."""
    return weight.ln_g[np.uint64(level)]


def visit(weight: Weight, level: int, here: float) -> float:
    """Count the visit and raise ln g there from `here`; returns the new one."""
    raised = here + weight.ln_f
    weight.ln_g[np.uint64(level)] = raised
    weight.histogram[np.uint64(level)] += 1
    return raised
