"""Real energies as integer levels: bins of equal width, so that whatever visits levels can visit intervals of energies."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.smooth import F, SmoothLandscape


@dataclass(frozen=True)
class Bins:
    """`count` bins: bin k holds start + k width <= E < start + (k + 1) width.

    unbounded: the first bin also holds all energies below it, and the last one all above it.
    """

    start: float
    width: float
    count: int
    unbounded: bool = False

    def level(self, energies: F) -> NDArray[np.int64]:
        """The bin of each energy (R,); -1 below all bins, `count` above them. What is no number counts as the lowest."""
        first, last = (0, self.count - 1) if self.unbounded else (-1, self.count)
        place = np.floor((energies - self.start) / self.width)
        return np.fmin(np.fmax(place, first), last).astype(np.int64)

    def edge(self, number: int) -> float:
        """Where bin `number` begins."""
        return self.start + number * self.width

    @property
    def centres(self) -> F:
        """The middle of each bin (count,)."""
        return np.asarray(self.start + self.width * (np.arange(self.count) + 0.5), np.float64)


@dataclass(frozen=True)
class BinnedLandscape(SmoothLandscape):
    """A smooth landscape whose energies are told apart by bins."""

    bins: Bins = Bins(0.0, 1.0, 1)

    @property
    def levels(self) -> range:
        """The numbers of the bins."""
        return range(self.bins.count)

    @property
    def sweep(self) -> int:
        """Moves that try to change all weights: one."""
        return 1

    @property
    def ln_states(self) -> float:
        """ln of what exp(ln g) of all bins sums to: the whole mass of the prior, 1; nan where it is not all in the bins."""
        return 0.0 if self.bins.unbounded and math.isfinite(self.ln_volume) else math.nan


def binned(landscape: SmoothLandscape, bins: Bins) -> BinnedLandscape:
    """The same landscape with bins."""
    return BinnedLandscape(**{field.name: getattr(landscape, field.name) for field in fields(SmoothLandscape)}, bins=bins)
