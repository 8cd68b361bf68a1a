"""Jobs with continuous weights: the sections [dynamics] kind = "hmc" and "langevin", and how they move a walker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from parallel_landscape.dynamics.flow import Motion
from parallel_landscape.section import Section

ADAPT = "adapt"
FIRST_LENGTH = 1.0  # of a step, in weights, before a pilot has found a better one


class Moving(Section):
    """What all motions of continuous weights have in common."""

    kind: str
    step: Annotated[
        Annotated[float, Field(gt=0)] | Literal["adapt"] | None,
        Field(description="a step in time (unit mass), or 'adapt': as long as the acceptance allows, found in a pilot"),
    ] = None
    acceptance: float
    lengths: Annotated[
        list[Annotated[float, Field(gt=0)]] | None,
        Field(description="instead of step: its length in weights, one for each temperature, coldest first; a pilot gives it"),
    ] = None
    adapt_rounds: Annotated[int, Field(ge=16, description="rounds of the pilot that adapts the step")] = 200
    sweeps_per_round: Annotated[int | None, Field(ge=1, description="moves of all weights between exchanges")] = None
    pack: Annotated[
        int, Field(ge=1, le=1024, description="walkers evaluated in one matrix product; a rank holds whole packs to be fast")
    ] = 8

    @property
    def adapted(self) -> bool:
        """Whether a pilot finds the length of a step."""
        return self.step == ADAPT

    def sweeps(self) -> int:
        """Moves in a round."""
        raise NotImplementedError

    def motion(self) -> Motion:
        """How walkers move."""
        raise NotImplementedError

    def length(self, beta: float) -> float:
        """The length of a step of `step` in time at inverse temperature `beta`: at unit mass, velocities have variance T."""
        assert isinstance(self.step, float)
        return self.step / math.sqrt(beta)

    def damping(self, beta: float, length: float) -> float:
        """What a step leaves of a velocity."""
        return 0.0

    def mistakes(self, betas: Sequence[float] | None) -> list[str]:
        """What is wrong between the keys, and with the temperatures (None where these are wrong by themselves)."""
        found = []
        if (self.step is None) == (self.lengths is None):
            found.append("[dynamics] step, lengths: give one of them; step is a step in time, lengths those in weights.")
        if betas is None:
            return found
        if self.lengths is not None and len(self.lengths) != len(betas):
            found.append(
                f"[dynamics] lengths: given {len(self.lengths)}; one for each of the {len(betas)} temperatures is needed."
            )
        if isinstance(self.step, float) and min(betas) <= 0:
            found.append(
                f"[dynamics] step: given {self.step} with beta = {min(betas)}; without a positive temperature there is no step "
                'in time: use step = "adapt", or give lengths.'
            )
        return found


class Hmc(Moving):
    """Hybrid Monte Carlo: trajectories of many steps, each accepted or not."""

    kind: Annotated[Literal["hmc"], Field(description="hybrid Monte Carlo")]
    step: Annotated[
        Annotated[float, Field(gt=0)] | Literal["adapt"] | None,
        Field(
            description="a leapfrog step in time (unit mass), or 'adapt': as long as the acceptance allows, found in a pilot"
        ),
    ] = None
    steps: Annotated[int, Field(ge=1, description="leapfrog steps of a trajectory, on average")] = 20
    jitter: Annotated[float, Field(ge=0, lt=1, description="that number is uniform in steps (1 +- jitter)")] = 0.3
    acceptance: Annotated[float, Field(gt=0, lt=1, description="adapt: fraction of trajectories to be accepted")] = 0.8

    def sweeps(self) -> int:
        """Trajectories in a round."""
        return self.sweeps_per_round or 5

    def motion(self) -> Motion:
        """As in Moving."""
        return Motion("BAB", fresh=True, metropolis=True, steps=self.steps, jitter=self.jitter)


class Langevin(Moving):
    """Langevin dynamics, overdamped or with velocities."""

    kind: Annotated[Literal["langevin"], Field(description="Langevin dynamics")]
    step: Annotated[
        Annotated[float, Field(gt=0)] | Literal["adapt"] | None,
        Field(description="a step in time: of overdamped dynamics eta in w' = w - eta grad E + (2 eta T)^(1/2) xi; or 'adapt'"),
    ] = None
    friction: Annotated[
        float | None, Field(gt=0, description="gamma of underdamped dynamics at unit mass (BAOAB); overdamped when left out")
    ] = None
    metropolis: Annotated[bool, Field(description="accept or reject each step (MALA), so that there is no bias of the step")]
    acceptance: Annotated[float, Field(gt=0, lt=1, description="adapt: fraction of steps to be accepted")] = 0.574

    def sweeps(self) -> int:
        """Steps in a round."""
        return self.sweeps_per_round or 100

    def motion(self) -> Motion:
        """As in Moving."""
        if self.friction is None:
            return Motion("BAB", fresh=True, metropolis=self.metropolis)
        return Motion("BAOAB", fresh=False, metropolis=self.metropolis)

    def length(self, beta: float) -> float:
        """As in Moving; overdamped, eta = length^2 / (2 T)."""
        assert isinstance(self.step, float)
        return super().length(beta) if self.friction is not None else math.sqrt(2.0 * self.step / beta)

    def damping(self, beta: float, length: float) -> float:
        """As in Moving: exp(-gamma dt)."""
        return 0.0 if self.friction is None else math.exp(-self.friction * length * math.sqrt(beta))

    def mistakes(self, betas: Sequence[float] | None) -> list[str]:
        """As in Moving."""
        found = super().mistakes(betas)
        if self.adapted and not self.metropolis:
            found.append(
                '[dynamics] step: "adapt" needs metropolis = true, for without a test nothing is rejected; give a number.'
            )
        if self.friction is not None and betas is not None and min(betas) <= 0:
            found.append(f"[dynamics] friction: given {self.friction} with beta = {min(betas)}; beta must be above 0.")
        return found
