"""A problem with continuous weights, and the steps that all algorithms for it are made of.

Weights are evaluated one replica at a time, so that their bits depend neither on who is beside them nor on the ranks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.dynamics.flow import tangential
from parallel_landscape.errors import JobError, RunError, describe
from parallel_landscape.smooth import F, SmoothLandscape
from parallel_landscape.smooth_sampler import initial_weights
from parallel_landscape.solvers.goal import Goal, Look
from parallel_landscape.solvers.problem import Found

DRIFT = 1e-9  # relative error that a claimed energy may have when it is counted anew
TRIED = 4  # random weights at which a landscape is looked at for a slope


@dataclass(frozen=True)
class SmoothProblem:
    """One instance: a landscape, the training set that it was made from (None without one), and when it counts as solved."""

    landscape: SmoothLandscape
    training_set: TrainingSet | None
    goal: Goal

    @cached_property
    def patterns(self) -> int:
        """Number P of patterns; 0 where there are none."""
        stabilities = self.landscape.stabilities
        return 0 if stabilities is None else stabilities(np.ones((1, self.landscape.size))).shape[1]

    def initial(self, stream: np.random.Generator) -> F:
        """Random weights (n,), as those that a walker starts from."""
        return initial_weights(self.landscape, stream, "an attempt")

    def downhill(self, weights: F, rows: NDArray[np.int64] | None = None) -> tuple[float, F]:
        """Energy and gradient (n,) at weights (n,), tangential on a sphere; of the patterns `rows` alone, scaled to all."""
        estimate, landscape = self.landscape.estimate, self.landscape
        slope = landscape.energy_gradient if rows is None or estimate is None else estimate(rows)
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                energies, gradients = slope(weights[None])
                if landscape.sphere:
                    gradients = tangential(gradients, weights[None], landscape.sphere)
        except Exception as error:
            raise RunError(f"`energy_gradient` of the landscape failed: {describe(error)}") from error
        return float(energies[0]), gradients[0]

    def settled(self, weights: F) -> F:
        """The weights (n,), carried back to the sphere where there is one."""
        sphere = self.landscape.sphere
        return weights * math.sqrt(sphere / float(weights @ weights)) if sphere else weights

    def errors(self, weights: F) -> int:
        """Patterns on the wrong side, or on the boundary."""
        stabilities = self.landscape.stabilities
        return 0 if stabilities is None else int((stabilities(weights[None]) <= 0).sum())

    def look(self, weights: F, known: tuple[float, F] | None = None) -> Look:
        """All there is to know of weights (n,); `known`: energy and gradient, where they have been worked out."""
        energy, gradient = known or self.downhill(weights)
        return Look(energy, self.errors(weights), norm(gradient))

    def batches(self, stream: np.random.Generator, size: int) -> Iterator[NDArray[np.int64]]:
        """The numbers of all patterns in random order, `size` at a time."""
        order = stream.permutation(self.patterns)
        for start in range(0, self.patterns, size):
            yield order[start : start + size]


def norm(vector: F) -> float:
    """|v|; inf where its square is."""
    with np.errstate(over="ignore"):
        return math.sqrt(float(vector @ vector))


class Track:
    """Remembers of all weights that an attempt has seen those nearest to its goal, the first ones of several."""

    def __init__(self, problem: SmoothProblem) -> None:
        self._problem = problem
        self._weights: F = np.zeros(problem.landscape.size)
        self._best: Look | None = None

    def offer(self, weights: F, known: tuple[float, F] | None = None) -> bool:
        """Look at weights (n,); whether the goal is reached. Raises RunError where the energy is not finite."""
        look, goal = self._problem.look(weights, known), self._problem.goal
        if not math.isfinite(look.energy):
            raise RunError(f"the weights have run away to an energy of {look.energy}: choose a smaller [solve] rate")
        reached = goal.reached(look)
        if reached or self._best is None or goal.rank(look) < goal.rank(self._best):
            self._weights, self._best = weights.copy(), look
        return reached

    def found(self, iterations: int) -> Found:
        """What the attempt ends with."""
        assert self._best is not None
        return Found(self._weights, self._best.energy, iterations)


def recounted(problem: SmoothProblem, found: Found, who: str) -> Found:
    """What was found, with everything that is kept of it counted anew from the weights alone. Raises RunError when its energy
    is not the one that was claimed."""
    energy, look = float(problem.landscape.energies(found.weights[None])[0]), problem.look(found.weights)
    if not abs(energy - found.energy) <= DRIFT * max(1.0, abs(energy)):
        raise RunError(f"{who} claims energy {found.energy!r}; it is {energy!r}: report this")
    more = {"success": int(problem.goal.reached(look)), "gradient_norm": look.slope}
    more |= {"errors": look.errors} if problem.patterns else {}
    return Found(found.weights, energy, found.iterations, more)


def check_smooth_suits(problem: SmoothProblem, algorithm: str) -> None:
    """Raise JobError with all that does not fit between the algorithm, its goal and the landscape."""
    landscape, wrong = problem.landscape, list[str]()
    if problem.goal.until == "no-errors" and landscape.stabilities is None:
        wrong.append('[solve] until: "no-errors" needs a landscape with patterns; use until = "minimum" or "energy".')
    if algorithm.endswith("sgd") and (landscape.estimate is None or landscape.stabilities is None):
        wrong.append(
            f'[solve] algorithm: "{algorithm}" needs an energy that is a sum over patterns, some of which give an `estimate` '
            'of it; use "gd" or "l-bfgs".'
        )
    stream = np.random.default_rng(0)
    tried = [problem.downhill(problem.initial(stream)) for _ in range(TRIED)]
    if any(energy for energy, _ in tried) and not any(gradient.any() for _, gradient in tried):
        wrong.append(
            f'[solve] algorithm: "{algorithm}" goes down the gradient, and the energy has none (a loss that counts, such as '
            '"violations"?); use another [landscape] loss, such as "quadratic" or "cross-entropy".'
        )
    if wrong:
        raise JobError(wrong)
