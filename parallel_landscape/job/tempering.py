"""Jobs at given temperatures: the sections [ensemble] kind = "canonical" and its [exchange], and where the betas lie."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from parallel_landscape.landscape import Landscape
from parallel_landscape.section import Section

MOST = 10_000  # temperatures
PILOT_ROUNDS = 2000


class Ladder(Section):
    """Inverse temperatures, or temperatures, from `min` to `max`."""

    min: Annotated[float, Field(description="smallest one")]
    max: Annotated[float, Field(description="largest one")]
    count: Annotated[int, Field(ge=2, le=MOST, description="number of temperatures, both ends included")]
    spacing: Annotated[
        Literal["geometric", "linear", "adapted"],
        Field(description="equal ratios, equal steps, or equal rejection of exchanges as measured in a pilot"),
    ] = "geometric"


class Canonical(Section):
    """States by exp(-beta E), at one temperature or on a ladder of them."""

    kind: Annotated[Literal["canonical"], Field(description="fixed temperatures")] = "canonical"
    beta: Annotated[
        Annotated[float, Field(allow_inf_nan=True)] | None, Field(description="one inverse temperature; inf: energy 0 alone")
    ] = None
    betas: Annotated[
        Annotated[list[float], Field(min_length=1, max_length=MOST)] | Ladder | None,
        Field(description='inverse temperatures: a list, or {min, max, count, spacing = "geometric", "linear" or "adapted"}'),
    ] = None
    temperatures: Annotated[
        Annotated[list[float], Field(min_length=1, max_length=MOST)] | Ladder | None,
        Field(description="instead of betas: temperatures T = 1/beta"),
    ] = None
    equilibration_rounds: Annotated[int, Field(ge=1, description="rounds that are thrown away before production")]
    pilot_rounds: Annotated[
        int | None, Field(ge=16, description="adapted: rounds in which rejection is measured, in stages that double; else 2000")
    ] = None

    @property
    def adapted(self) -> bool:
        """Whether a pilot places the temperatures."""
        return isinstance(self.given, Ladder) and self.given.spacing == "adapted"

    @property
    def given(self) -> list[float] | Ladder:
        """The temperatures as the job has them, as betas or not."""
        if self.beta is not None:
            return [self.beta]
        return self.betas or self.temperatures or [0.0]

    @property
    def pilot(self) -> int:
        """Rounds of the pilot; 0 without one."""
        return (self.pilot_rounds or PILOT_ROUNDS) if self.adapted else 0

    @property
    def count(self) -> int:
        """Number of temperatures."""
        return self.given.count if isinstance(self.given, Ladder) else len(self.given)

    def ladder(self) -> list[float]:
        """The betas, or those that a pilot begins with; temperature 0 is the coldest."""
        given = spread(self.given) if isinstance(self.given, Ladder) else self.given
        return sorted(given if self.temperatures is None else [1.0 / one for one in given], reverse=True)

    def mistakes(self) -> list[str]:
        """What is wrong between the keys."""
        found = []
        if [self.beta, self.betas, self.temperatures].count(None) != 2:
            found.append("[ensemble] beta, betas, temperatures: give one of them, for one temperature or for several.")
        found += self._mistakes_in_ladder("betas" if self.temperatures is None else "temperatures")
        if self.beta is not None and not self.beta > -math.inf:
            found.append(f"[ensemble] beta: given {self.beta}; allowed are numbers, and inf for energy 0 alone.")
        if self.pilot_rounds is not None and not self.adapted:
            found.append('[ensemble] pilot_rounds: there is a pilot only with betas = {..., spacing = "adapted"}.')
        return found

    def _mistakes_in_ladder(self, key: str) -> list[str]:
        ladder, found = self.given, []
        if isinstance(ladder, list) and len(set(ladder)) < len(ladder):
            found.append(f"[ensemble] {key}: given {ladder}; each temperature may be there once.")
        if isinstance(ladder, Ladder):
            if ladder.min >= ladder.max:
                found.append(f"[ensemble] {key}: given min = {ladder.min}, max = {ladder.max}; min must be below max.")
            elif ladder.spacing == "geometric" and ladder.min <= 0:
                found.append(
                    f"[ensemble] {key}: geometric spacing begins above 0, and min = {ladder.min}; choose a small positive min, "
                    'or spacing = "linear" or "adapted".'
                )
        lowest = ladder.min if isinstance(ladder, Ladder) else min(ladder)
        if self.temperatures is not None and lowest <= 0:
            found.append(f"[ensemble] temperatures: given {lowest}; temperatures are above 0 (betas may be 0 or negative).")
        return found


class Temperatures(Section):
    """What walkers at different temperatures do together between rounds."""

    kind: Annotated[
        Literal["temperatures", "none"], Field(description="replica exchange between neighbouring temperatures, or none")
    ] = "temperatures"
    walkers_per_temperature: Annotated[int, Field(ge=1, description="walkers at each temperature")] = 1


def contradictions(ensemble: Canonical | None, exchange: Temperatures | None) -> list[str]:
    """What is wrong between keys of [ensemble] and [exchange], None where the section is wrong by itself."""
    if ensemble is None:
        return []
    found = ensemble.mistakes()
    if ensemble.adapted and exchange is not None and exchange.kind == "none":
        found.append('[exchange] kind: an adapted ladder measures exchanges; use "temperatures", or another spacing of betas.')
    return found


def why_not(ensemble: Canonical, landscape: Landscape, folder: Path, seed: int) -> list[str]:
    """A sentence for whatever does not fit between [ensemble] and the landscape."""
    if ensemble.beta == math.inf and "flip" in landscape.dynamics:
        return [
            '[ensemble] beta: inf needs moves that find energy 0 and stay there, [dynamics] kind = "rotation" for instance; '
            "give a finite beta."
        ]
    return []


def spread(ladder: Ladder) -> list[float]:
    """Betas in descending order: with equal ratios, or equal steps where that cannot be."""
    steps = ladder.count - 1
    if ladder.spacing == "linear" or ladder.min <= 0:
        inner = [ladder.max + (ladder.min - ladder.max) * k / steps for k in range(1, steps)]
    else:
        inner = [ladder.max * math.exp(math.log(ladder.min / ladder.max) * k / steps) for k in range(1, steps)]
    return [ladder.max, *inner, ladder.min]


def rejections(swaps: Sequence[int], meetings: Sequence[int]) -> list[float]:
    """Probability that an exchange is rejected, for each pair of neighbours; never 0, which few meetings may suggest."""
    return [(met - swapped + 0.5) / (met + 1.0) for swapped, met in zip(swaps, meetings, strict=True)]


def equal_rejection(betas: Sequence[float], rejected: Sequence[float]) -> list[float]:
    """The same number of betas between the same ends, placed so that all exchanges are rejected alike.

    The cumulative rejection Lambda(beta), the sum of the rejection rates of the pairs up to beta, hardly depends on the ladder
    it was measured on; the new betas lie at equal steps of it. Lambda at the end is the communication barrier (S. Syed, A.
    Bouchard-Cote, G. Deligiannidis, A. Doucet, J. R. Stat. Soc. B 84, 321 (2022), where Lambda is interpolated by a monotone
    cubic; here it is taken to be linear in between). Plain arithmetic, so that all ranks come to the same bits.
    """
    barrier = [0.0]
    for one in rejected:
        barrier.append(barrier[-1] + one)
    steps = len(betas) - 1
    placed = [betas[0]]
    for k in range(1, steps):
        target = barrier[-1] * k / steps
        upper = min(max(bisect_left(barrier, target), 1), steps)
        share = (target - barrier[upper - 1]) / (barrier[upper] - barrier[upper - 1])
        placed.append(betas[upper - 1] + share * (betas[upper] - betas[upper - 1]))
    return [*placed, betas[-1]]
