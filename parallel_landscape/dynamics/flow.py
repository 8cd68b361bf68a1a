"""Moves of continuous weights: words over kick, drift and refreshment, with or without a Metropolis test of the whole word.

States are sampled by exp(-U), U(w) = u(E(w)) + prior |w|^2/2, where u is beta E at fixed temperature, and what a
`Pull` adds. A velocity v of unit variance belongs to each weight, and a step h advances

    B   v -= h grad U(w)
    A   w += h v; on the sphere |w|^2 = S along the geodesic, which turns w and v together by the angle h |v| / S^(1/2)
    O   v = c v + (1 - c^2)^(1/2) xi,  c the damping, xi ~ N(0, 1), on the sphere its tangential part

A word is a palindrome; each letter gets its share of the step. "BAB" is the velocity Verlet step of hybrid Monte Carlo (S.
Duane et al., Phys. Lett. B 195, 216 (1987)); one of it after fresh velocities is a step w' = w - (h^2/2) grad U + h xi of
overdamped Langevin dynamics, and MALA with the test. "BAOAB" is the Langevin step of B. Leimkuhler, C. Matthews, Appl. Math.
Res. Express 2013, 34. Both are reversible and keep the volume, so that a move is accepted with probability min(1, exp(-work)),
where the work is the change of U + |v|^2/2 less what the O steps put in (M. Sivak, J. Chodera, G. Crooks, Phys. Rev. X 3,
011007 (2013)); a rejected one turns the velocity round. Geodesics: S. Byrne, M. Girolami, Scand. J. Stat. 40, 825 (2013).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.smooth import F, SmoothLandscape

DIVERGED = 1000.0  # of work: the step is far too long for where the walker is


class Weight(Protocol):
    """Under which states are sampled; every row of a batch may have its own."""

    def potential(self, energies: F) -> F:
        """u(E) of each row (R,), up to a constant of the row."""

    def slope(self, energies: F) -> F:
        """du/dE of each row (R,)."""


@dataclass(frozen=True)
class Canonical:
    """u = beta E with beta (R,)."""

    betas: F

    def potential(self, energies: F) -> F:
        """As in Weight."""
        return self.betas * energies

    def slope(self, energies: F) -> F:
        """As in Weight."""
        return self.betas


@dataclass(frozen=True)
class Pull:
    """What pulls each row besides its energy and the prior: U has stiffness |w|^2/2 - field . w more, stiffness (R,), field
    (R, n)."""

    stiffness: F
    field: F


@dataclass
class Batch:
    """Replicas by rows: weights and velocities (R, n), energies (R,) and their gradients (R, n) at these weights."""

    weights: F
    velocities: F
    energies: F
    gradients: F
    pull: Pull | None = None

    def copy(self) -> Batch:
        """Arrays of its own."""
        parts = (self.weights.copy(), self.velocities.copy(), self.energies.copy(), self.gradients.copy())
        return Batch(*parts, self.pull)

    def put_back(self, rows: NDArray[np.bool_], before: Batch) -> None:
        """Make these rows what they were, their velocities turned round."""
        for name in ("weights", "energies", "gradients"):
            getattr(self, name)[rows] = getattr(before, name)[rows]
        self.velocities[rows] = -before.velocities[rows]


@dataclass(frozen=True)
class Moved:
    """What a move has done to each row (R,): its work, whether it was accepted, whether it diverged, the energy it led to."""

    work: F
    accepted: NDArray[np.bool_]
    diverged: NDArray[np.bool_]
    energies: F


@cache
def spelt(word: str, steps: int) -> tuple[tuple[str, float], ...]:
    """The word `steps` times, as letters with their shares of a step; neighbouring kicks and drifts are made in one."""
    letters = [(letter, 1.0 / word.count(letter)) for letter in word] * steps
    joined: list[tuple[str, float]] = []
    for letter, run in groupby(letters, key=lambda part: part[0]):
        shares = [share for _, share in run]
        joined += [(letter, share) for share in shares] if letter == "O" else [(letter, sum(shares))]
    return tuple(joined)


def tangential(vectors: F, weights: F, sphere: float) -> F:
    """The part of the vectors that is orthogonal to the weights, row by row."""
    return vectors - weights * (dot(vectors, weights) / sphere)[:, None]


def dot(left: F, right: F) -> F:
    """Scalar products of rows."""
    return np.einsum("ri,ri->r", left, right)


def kinetic(batch: Batch) -> F:
    """|v|^2 / 2 of each row."""
    return 0.5 * dot(batch.velocities, batch.velocities)


def potential(landscape: SmoothLandscape, weight: Weight, batch: Batch) -> F:
    """U of each row."""
    value = weight.potential(batch.energies)
    if batch.pull is not None:
        own = 0.5 * batch.pull.stiffness * dot(batch.weights, batch.weights)
        value = value + own - dot(batch.pull.field, batch.weights)
    return value + 0.5 * landscape.prior * dot(batch.weights, batch.weights) if landscape.prior else value


def force(landscape: SmoothLandscape, weight: Weight, batch: Batch) -> F:
    """-grad U of each row (R, n), tangential on a sphere."""
    slopes = weight.slope(batch.energies)[:, None]
    found = -slopes * batch.gradients
    if landscape.prior:
        found -= landscape.prior * batch.weights
    if batch.pull is not None:
        found += batch.pull.field - batch.pull.stiffness[:, None] * batch.weights
    return tangential(found, batch.weights, landscape.sphere) if landscape.sphere else found


def kick(landscape: SmoothLandscape, weight: Weight, batch: Batch, steps: F) -> None:
    """B for steps (R,)."""
    found = force(landscape, weight, batch)
    found *= steps[:, None]
    batch.velocities += found


def drift(landscape: SmoothLandscape, batch: Batch, steps: F) -> None:
    """A for steps (R,)."""
    if not landscape.sphere:
        batch.weights += steps[:, None] * batch.velocities
        return
    rates = np.sqrt(dot(batch.velocities, batch.velocities) / landscape.sphere)
    angles = rates * steps
    still = rates == 0
    along = np.where(still, steps, np.sin(angles) / np.where(still, 1.0, rates))[:, None]
    cosines = np.cos(angles)[:, None]
    weights = cosines * batch.weights + along * batch.velocities
    batch.velocities = cosines * batch.velocities - (rates * np.sin(angles))[:, None] * batch.weights
    batch.weights = weights


def refresh(landscape: SmoothLandscape, batch: Batch, damping: F, noise: F) -> None:
    """O with damping (R,) and noise (R, n) ~ N(0, 1)."""
    if landscape.sphere:
        noise = tangential(noise, batch.weights, landscape.sphere)
    batch.velocities = damping[:, None] * batch.velocities + np.sqrt(1.0 - damping**2)[:, None] * noise


def evaluate(landscape: SmoothLandscape, batch: Batch) -> None:
    """Energies and gradients where the weights are now."""
    batch.energies, batch.gradients = landscape.energy_gradient(batch.weights)


def flow(
    landscape: SmoothLandscape,
    weight: Weight,
    batch: Batch,
    word: tuple[tuple[str, float], ...],
    steps: F,
    damping: F,
    noise: Callable[[], F],
) -> F:
    """Carry out a spelt word in place; returns the work (R,). `noise` gives (R, n) ~ N(0, 1) whenever it is called."""
    before = potential(landscape, weight, batch) + kinetic(batch)
    heat, stale = np.zeros(len(steps)), False
    for letter, share in word:
        if letter == "A":
            drift(landscape, batch, share * steps)
            stale = True
        elif letter == "B":
            if stale:
                evaluate(landscape, batch)
                stale = False
            kick(landscape, weight, batch, share * steps)
        else:
            heat -= kinetic(batch)
            refresh(landscape, batch, damping, noise())
            heat += kinetic(batch)
    if stale:
        evaluate(landscape, batch)
    return potential(landscape, weight, batch) + kinetic(batch) - before - heat


@dataclass(frozen=True)
class Motion:
    """How walkers move: words of so many letters' worth.

    word: "BAB" or "BAOAB". fresh: velocities are drawn anew before each move. metropolis: moves are tested. steps: words in a
    move, on average. jitter: this number is uniform in steps (1 +- jitter).
    """

    word: str
    fresh: bool
    metropolis: bool
    steps: int = 1
    jitter: float = 0.0

    def words(self, uniform: float) -> int:
        """Number of words of a move, from a number uniform in [0, 1)."""
        low = max(1, math.ceil(self.steps * (1.0 - self.jitter)))
        high = max(low, math.floor(self.steps * (1.0 + self.jitter)))
        return low + int(uniform * (high - low + 1))


def move(
    landscape: SmoothLandscape,
    weight: Weight,
    motion: Motion,
    batch: Batch,
    words: int,
    steps: F,
    damping: F,
    noise: Callable[[], F],
    minus_ln_u: F,
) -> Moved:
    """One move of every row in place. steps, damping, minus_ln_u: (R,). A row that comes out of a test without a finite energy
    is put back; without the test it stays, and the caller has to look."""
    if motion.fresh:
        refresh(landscape, batch, np.zeros(len(steps)), noise())
    before = batch.copy() if motion.metropolis else None
    with np.errstate(over="ignore", invalid="ignore"):
        work = flow(landscape, weight, batch, spelt(motion.word, words), steps, damping, noise)
        finite = np.isfinite(work) & np.isfinite(batch.energies)
        diverged = ~finite | (work > DIVERGED)
        accepted = finite & (work <= minus_ln_u) if motion.metropolis else np.ones(len(steps), bool)
    reached = batch.energies.copy()
    if before is not None:
        batch.put_back(~accepted, before)
    if landscape.sphere:
        _settle(batch, landscape.sphere)
    return Moved(work, accepted, diverged, reached)


def _settle(batch: Batch, sphere: float) -> None:
    """Take out what rounding has added to the norm, and to the velocities along the weights."""
    norms = dot(batch.weights, batch.weights)
    batch.weights *= np.sqrt(sphere / np.where(norms > 0, norms, sphere))[:, None]
    batch.velocities = tangential(batch.velocities, batch.weights, sphere)
