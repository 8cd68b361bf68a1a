"""When an attempt with continuous weights has succeeded, and what of all that it has seen it leaves when it has not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

Until = Literal["no-errors", "energy", "minimum"]


@dataclass(frozen=True)
class Look:
    """Weights as they are seen: energy; errors, patterns on the wrong side or on the boundary, 0 where there are no patterns;
    slope, norm of the gradient, tangential on a sphere."""

    energy: float
    errors: int
    slope: float


@dataclass(frozen=True)
class Goal:
    """no-errors: every pattern is on the right side; energy: at most `below`; minimum: the slope is at most `tolerance`."""

    until: Until = "no-errors"
    below: float | None = None
    tolerance: float = 1e-5

    def reached(self, look: Look) -> bool:
        """Whether an attempt that ends here has succeeded."""
        if self.until == "no-errors":
            return look.errors == 0
        return look.slope <= self.tolerance if self.until == "minimum" else look.energy <= (self.below or 0.0)

    def rank(self, look: Look) -> tuple[float, ...]:
        """The smaller, the nearer: errors and then energy, or energy alone."""
        return (look.errors, look.energy) if self.until == "no-errors" else (look.energy,)

    def mistakes(self) -> list[str]:
        """What is wrong between the keys."""
        if (self.until == "energy") == (self.below is not None):
            return []
        given = "not given" if self.below is None else f"given {self.below:g}"
        return [f'[solve] below: {given}; it is needed with until = "energy", and has a meaning there alone.']


def goal_keys(
    until: Annotated[
        Until, Field(description="what ends an attempt: no training errors, an energy of at most `below`, a minimum")
    ] = "no-errors",
    below: Annotated[float | None, Field(description="until = energy: the energy to reach")] = None,
    tolerance: Annotated[
        float, Field(gt=0, description="until = minimum: norm of the gradient at which one is reached")
    ] = 1e-5,
) -> None:
    """The keys that all algorithms for continuous weights share."""


def make_goal(keys: dict[str, Any]) -> Goal:
    """The goal of these keys, which are taken out."""
    return Goal(**{name: keys.pop(name) for name in ("until", "below", "tolerance")})
