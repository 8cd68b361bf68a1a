"""Wang-Landau sampling of continuous weights: the weight 1/g of a bin of energies, and the flat-histogram force.

States are sampled by exp(-U) times the prior, U(w) = ln g(bin of E(w)), +inf outside the window. U is a staircase, whose
gradient is useless; walkers are driven by

    -beta(E) grad E,   beta(E) = d ln g / dE

instead, with the differences of ln g between neighbouring bins at the edge that separates them, and straight lines from edge to
edge. A force need not be the gradient of U: with any force that is a function of the weights alone, and stays the same
throughout a move, leapfrog steps are reversible and keep the volume, so that the test of the move, which looks at U, makes the
law exact (S. Duane et al., Phys. Lett. B 195, 216 (1987)). This one keeps the acceptance high, for ln g changes little more
than beta(E) says. It is the multicanonical force of U. Hansmann, Y. Okamoto, F. Eisenmenger, Chem. Phys. Lett. 259, 321 (1996).

Differences of more than STEEPEST are followed no further: while ln f is large, ln g is piled up where the walker happens to
sit, and a force as steep as the pile would carry it to no other place within the bin that the staircase accepts.

Beyond the ends of a window the force turns back: by STEEPEST of 1/width, which no pile inside outdoes, and one of 1/width more
for each bin. So most trajectories turn round; those that end outside are rejected.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.landscapes.binned import Bins
from parallel_landscape.smooth import F

Ints = NDArray[np.int64]
STEEPEST = 4.0  # difference of ln g between neighbouring bins, as far as the force follows it


class FlatWeight:
    """u(E) = ln g of the bin of E, by rows: tables (R, levels) of ln g, +inf outside a row's window of bins low to high (R,).

    steps: (R, levels + 1), ln g above less ln g below each edge, where both lie in the window; 0 at the outermost edges.
    """

    def __init__(self, bins: Bins, tables: F, low: Ints, high: Ints) -> None:
        self.bins, self.tables, self.low, self.high = bins, tables, low, high
        self._rows = np.arange(len(tables))
        self.steps = np.zeros((len(tables), bins.count + 1))
        with np.errstate(invalid="ignore"):  # outside the window
            np.subtract(tables[:, 1:], tables[:, :-1], out=self.steps[:, 1:-1])
        # the first and the last edge between which beta(E) is drawn, and where each window ends, in bins
        self._first, self._last = np.minimum(low + 1, high), high.copy()
        self._below, self._above = low.astype(np.float64), high + np.float64(1.0)
        if bins.unbounded:
            bottom, top = low == 0, high == bins.count - 1
            self._first[bottom], self._last[top] = 0, bins.count
            self._below[bottom], self._above[top] = -np.inf, np.inf

    def raise_at(self, rows: list[int], levels: Ints, gains: F) -> None:
        """Raise ln g of these rows on one level each, between two moves."""
        self.tables[rows, levels] += gains
        self.steps[rows, levels] += gains
        self.steps[rows, levels + 1] -= gains
        self.steps[:, 0] = self.steps[:, -1] = 0.0

    def inside(self, energies: F) -> NDArray[np.bool_]:
        """Whether the energy of each row (R,) lies in its window."""
        level = self.bins.level(energies)
        return np.asarray((level >= self.low) & (level <= self.high))

    def potential(self, energies: F) -> F:
        """ln g of each row (R,), +inf outside its window."""
        level = self.bins.level(energies)
        inside = (level >= self.low) & (level <= self.high)
        return np.where(inside, self.tables[self._rows, np.where(inside, level, 0)], np.inf)

    def slope(self, energies: F) -> F:
        """beta(E) of each row (R,), by which its gradients are driven."""
        place = (energies - self.bins.start) / self.bins.width  # in bins: edge k is at k
        at = np.fmin(np.fmax(place, self._first), self._last)  # what is no number is at the first edge
        edge = at.astype(np.int64)
        lower, upper = (self.steps[self._rows, one] for one in (edge, np.minimum(edge + 1, self._last)))
        lower, upper = (np.fmin(np.fmax(one, -STEEPEST), STEEPEST) for one in (lower, upper))
        inner = lower + (at - edge) * (upper - lower)
        beyond = place - np.clip(place, self._below, self._above)
        return np.asarray((inner + beyond + STEEPEST * np.sign(beyond)) / self.bins.width)
