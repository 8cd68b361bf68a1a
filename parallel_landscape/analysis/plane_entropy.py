"""The local entropy around a reference from ln g(E, X), X the overlap with the reference: a second way beside `local_entropy`.

With d = (N - X) / 2 the Hamming distance,

    Phi_beta(d) = ln sum_E g(E, N - 2 d) exp(-beta E),    S_beta(d) = Phi_beta(d) + beta <E>_d,

S. Franz, G. Parisi, J. Phys. I 5, 1401 (1995). The constant comes from the number of all states, or else from the one state at
d = 0. Errors come from independent repeats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.analysis.local_entropy import Local, curves_of
from parallel_landscape.errors import RunError

Real = NDArray[np.float64]


@dataclass(frozen=True)
class Plane:
    """ln g (repeats, energies, values); values: X, the overlap times the number of weights; absolute: states are counted."""

    energies: NDArray[np.int64]
    values: NDArray[np.int64]
    ln_g: Real
    weights: int
    absolute: bool


def plane_entropy(plane: Plane, betas: Real) -> Local:
    """All curves with errors; `betas`: at which Phi is wanted. Raises RunError when nothing fixes the constant."""
    distances = (plane.weights - plane.values) // 2
    ln_n = np.full((len(plane.ln_g), len(plane.energies), plane.weights + 1), np.nan)
    ln_n[:, :, distances] = plane.ln_g
    how = "all states" if plane.absolute else "reference"
    if not plane.absolute:
        if not len(ln_n) or np.isnan(ln_n[:, :, 0]).all(axis=1).any():
            raise RunError(
                "ln g(E, X) is relative, and the reference itself was not visited in every repeat: nothing fixes the constant; "
                "let the windows cover the energy of the reference at the largest X, or all energies and X"
            )
        ln_n -= np.nanmax(ln_n[:, :, :1], axis=1, keepdims=True)
    curves = [curves_of(plane.energies, one, betas) for one in ln_n]
    where = {"beta": betas, "distance": np.arange(plane.weights + 1), "energy": plane.energies}
    found: dict[str, Real] = {}
    for name in curves[0] if curves else ():
        every = np.array([curve[name] for curve in curves])
        found[name] = every.mean(axis=0)
        if name != "energy_mean":
            found[f"{name}_error"] = _error(every)
    return Local({**where, **found}, {}, how)


def _error(every: Real) -> Real:
    if len(every) == 1:
        return np.full(every.shape[1:], np.nan)
    return np.asarray(every.std(axis=0, ddof=1) / math.sqrt(len(every)))
