"""Bring the hidden units of one network into the order and the signs of another's, which changes no output.

Units of a layer may be permuted, and for odd activations turned over, with the weights that go in and come out. The assignment
that makes sum_k w_k . v_pi(k) largest is found exactly (R. Jonker, A. Volgenant, Computing 38, 325 (1987), scipy); with several
layers, layer by layer until nothing changes any more (S. K. Ainsworth, J. Hayase, S. Srinivasa, ICLR 2023).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from parallel_landscape.smooth import Units

F = NDArray[np.float64]
SWEEPS = 100


def aligned(weights: F, reference: F, layers: Sequence[Units]) -> F:
    """`weights` (n,) with their hidden units in the order and signs that make the overlap with `reference` (n,) largest."""
    now = np.array(weights, float)
    for _ in range(SWEEPS):
        before = float(now @ reference)
        for units in layers:
            now = _layer(now, reference, units)
        if float(now @ reference) <= before + 1e-12 * abs(before):
            break
    return now


def _layer(weights: F, reference: F, units: Units) -> F:
    """One layer, all other layers as they are."""
    moved = weights.copy()
    for group in np.unique(units.groups):
        members = units.members[units.groups == group]
        own, theirs = weights[members], reference[members]
        upright = theirs @ own.T
        turned = upright if units.flips is None else (theirs * units.flips) @ own.T
        place, chosen = linear_sum_assignment(np.maximum(upright, turned), maximize=True)
        found = own[chosen]
        if units.flips is not None:
            found = np.where((turned > upright)[place, chosen][:, None], found * units.flips, found)
        moved[members[place]] = found
    return moved
