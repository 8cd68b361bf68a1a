r"""Ratchet: two weight vectors are steered towards each other; steps closer cost nothing, steps back a harmonic penalty.

An end w moves by hybrid Monte Carlo under

    U(w) = E(w) + (k/2) max(d - d_min, 0)^2 ,   d = |w - w_other| ,

with d_min the smallest distance seen so far, brought down at every step within a trajectory and put back when the move is
rejected. With `both` the two ends move in turn, else the first alone. The path ends when the cosine q of the angle between
the ends reaches `reached`. Since d_min moves within a trajectory there is no detailed balance: what is found is a path, and an
upper bound for the energy that it takes, never a sample of any law. A. Zambon, E. M. Malatesta, G. Tiana, R. Zecchina,
arXiv:2503.08266 (double ratchet); E. Paci, M. Karplus, J. Mol. Biol. 288, 441 (1999).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.dynamics.flow import Batch, Canonical, Motion, evaluate, move
from parallel_landscape.errors import RunError
from parallel_landscape.paths.curves import Line, between, overlap, positions_of, rise
from parallel_landscape.smooth import SmoothLandscape

F = NDArray[np.float64]


@dataclass(frozen=True)
class Steering:
    """stiffness: k, in units of energy over distance squared. temperature: of the moves. step: leapfrog step in time at unit
    mass; steps: of a trajectory, on average. moves: at most. reached: q at which the ends have met. both: both ends move.
    every: moves between two looks. points: of the geodesic between the ends at a look."""

    stiffness: float
    temperature: float
    step: float
    steps: int = 10
    moves: int = 2000
    reached: float = 0.999
    both: bool = True
    every: int = 10
    points: int = 17


@dataclass(frozen=True)
class Steered:
    """moves (K,) of each look; energies (K, 2) of the ends; distance, closest and overlap (K,); barrier (K,): largest energy of
    the geodesic between the ends less that of the higher end. met: whether they did. highest: largest energy of an end after
    any move, and of the last geodesic where they met. accepted: fraction of moves. ends (2, n): where they are now."""

    moves: NDArray[np.int64]
    energies: F
    distance: F
    closest: F
    overlap: F
    barrier: F
    met: bool
    highest: float
    accepted: float
    ends: F

    def connected(self, below: float) -> bool:
        """Whether the ends have met along a path that nowhere was seen above the energy `below`."""
        return self.met and self.highest <= below


class _Pulled:
    """The energy of one end with the penalty of the ratchet, for the moves of `dynamics.flow`."""

    def __init__(self, landscape: SmoothLandscape, stiffness: float) -> None:
        self._landscape, self._stiffness = landscape, stiffness
        self.other, self.closest, self.bare = np.zeros(0), math.inf, math.nan

    def __call__(self, weights: F) -> tuple[F, F]:
        """Energies (1,) and gradients (1, n), penalty included; d_min comes down on the way."""
        energies, gradients = self._landscape.energy_gradient(weights)
        self.bare = float(energies[0])
        away = weights[0] - self.other
        distance = float(np.sqrt(away @ away))
        self.closest = min(self.closest, distance)
        back = distance - self.closest
        if back <= 0 or distance == 0:
            return energies, gradients
        return energies + 0.5 * self._stiffness * back**2, gradients + self._stiffness * back / distance * away


def steer(
    landscape: SmoothLandscape,
    first: F,
    second: F,
    steering: Steering,
    rng: np.random.Generator,
    tick: Callable[[], None] = lambda: None,
) -> Steered:
    """Steer `first` (n,) and, when both move, `second` (n,) towards each other. `tick` is called once a move.

    Raises RunError when an energy is not finite at the start.
    """
    ends, energies, looks = np.array([first, second], float), np.empty(2), []
    energies[:] = landscape.energies(ends)
    if not np.isfinite(energies).all():
        raise RunError(f"the ends have the energies {energies[0]} and {energies[1]}; a path needs ends of finite energy")
    pulled = _Pulled(landscape, steering.stiffness)
    pulled.closest = float(np.linalg.norm(ends[0] - ends[1]))
    biased = replace(landscape, energy_gradient=pulled, energy=None)
    accepted, made, highest = 0, 0, float(energies.max())
    looks.append(_look(landscape, ends, energies, pulled.closest, 0, steering))
    while made < steering.moves and overlap(ends[0], ends[1]) < steering.reached:
        tick()
        which = made % 2 if steering.both else 0
        accepted += _advance(biased, pulled, ends, energies, which, steering, rng)
        made, highest = made + 1, max(highest, float(energies.max()))
        if made % steering.every == 0:
            looks.append(_look(landscape, ends, energies, pulled.closest, made, steering))
    met = overlap(ends[0], ends[1]) >= steering.reached
    if made % steering.every:
        looks.append(_look(landscape, ends, energies, pulled.closest, made, steering))
    columns = [np.array(column) for column in zip(*looks, strict=True)]
    moves, two, distance, closest, q, barrier = columns
    highest = max(highest, float(two[-1].max() + barrier[-1])) if met else highest
    return Steered(moves, two, distance, closest, q, barrier, met, highest, accepted / max(1, made), ends)


def _advance(
    biased: SmoothLandscape, pulled: _Pulled, ends: F, energies: F, which: int, steering: Steering, rng: np.random.Generator
) -> bool:
    """One move of an end in place; whether it was accepted."""
    beta = 1.0 / steering.temperature
    pulled.other, closest = ends[1 - which], pulled.closest
    batch = Batch(ends[which : which + 1].copy(), np.zeros((1, ends.shape[1])), np.zeros(1), np.zeros((1, ends.shape[1])))
    evaluate(biased, batch)
    motion = Motion("BAB", fresh=True, metropolis=True, steps=steering.steps, jitter=0.3)
    words, minus_ln_u = motion.words(float(rng.random())), np.array([rng.standard_exponential()])
    length = np.array([steering.step / math.sqrt(beta)])
    moved = move(
        *(biased, Canonical(np.array([beta])), motion, batch, words, length, np.zeros(1)),
        *(lambda: rng.standard_normal((1, ends.shape[1])), minus_ln_u),
    )
    if not moved.accepted[0]:
        pulled.closest = closest
        return False
    ends[which], energies[which] = batch.weights[0], pulled.bare
    return True


def _look(
    landscape: SmoothLandscape, ends: F, energies: F, closest: float, made: int, steering: Steering
) -> tuple[int, F, float, float, float, float]:
    """What is recorded of the ends."""
    line: Line = "geodesic" if landscape.sphere else "straight"
    curve = landscape.energies(between(ends[0], ends[1], positions_of(steering.points), line))
    distance = float(np.linalg.norm(ends[0] - ends[1]))
    return made, energies.copy(), distance, closest, overlap(ends[0], ends[1]), rise(curve).barrier
