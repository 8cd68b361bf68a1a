"""Annealed and zero-temperature Monte Carlo: single moves by Metropolis, beta growing sweep by sweep.

S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi, Science 220, 671 (1983). The kernel is that of sampling: its table holds beta E in
place of ln g, and a visit adds nothing. Works for every landscape with integer energies.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from parallel_landscape.rng import Purpose
from parallel_landscape.sampler import make_sampler
from parallel_landscape.solvers.problem import Attempt, Found, Problem

FROZEN = 1e9  # beta at zero temperature: no step up is ever accepted


def annealing(
    problem: Problem,
    attempt: Attempt,
    *,
    beta_first: Annotated[float, Field(ge=0, description="inverse temperature of the first sweep")] = 0.5,
    beta_last: Annotated[float, Field(ge=0, description="inverse temperature of the last sweep; linear in between")] = 8.0,
    zero_temperature: Annotated[bool, Field(description="accept no step up at all; the betas do not count")] = False,
) -> Found:
    """An iteration is a sweep. Ends when the lowest energy there can be is reached."""
    landscape = problem.landscape
    sampler = make_sampler(landscape, attempt.seed)
    slot = sampler.new_slot(attempt.number)
    above = np.arange(sampler.levels, dtype=np.float64) * landscape.levels.step
    lowest, weights, made = slot.walker.level, _weights(problem, slot.walker.state), 0
    while made < attempt.max_iterations and lowest > 0:
        attempt.tick()
        part = made / max(1, attempt.max_iterations - 1)
        slot.ln_g[:] = above * (FROZEN if zero_temperature else beta_first + part * (beta_last - beta_first))
        sampler.advance(slot, Purpose.SOLVE, 0.0, landscape.sweep)
        made += 1
        if slot.walker.level < lowest:
            lowest, weights = slot.walker.level, _weights(problem, slot.walker.state)
    return Found(weights, landscape.levels[lowest], made)


def _weights(problem: Problem, state: object) -> np.ndarray:
    weights = problem.landscape.weights
    return np.zeros(0, np.int8) if weights is None else np.array(weights(state), np.int8)
