"""A part of a run that goes on in rounds, and the course of a run: which phases follow each other for a kind of ensemble."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from numpy.typing import NDArray

from parallel_landscape.driver.campaign import Campaign
from parallel_landscape.exchange.comm import Comm
from parallel_landscape.outcomes.outcome import Outcome
from parallel_landscape.phases.produce import Before, Production
from parallel_landscape.phases.recording import describe_sampling
from parallel_landscape.walker import Slot


class Phase(Protocol):
    """A part of a run that goes on in rounds."""

    rounds: int

    @property
    def most_rounds(self) -> int | None:
        """After how many rounds the phase ends at the latest; None when nothing limits them."""

    def unfinished(self, slots: dict[int, Slot]) -> bool:
        """Whether a local slot wants another round."""

    def step(self, sampler: Any, slots: dict[int, Slot], comm: Comm) -> None:
        """One round."""

    def about(self) -> dict[str, Any]:
        """What all ranks know alike, for a checkpoint."""

    def arrays(self, slot: Slot) -> dict[str, NDArray[Any]]:
        """What a checkpoint keeps of a slot."""

    def restore_slot(self, slot: Slot, arrays: dict[str, NDArray[Any]]) -> None:
        """Put back a slot."""


@dataclass(frozen=True)
class Course:
    """What differs between the kinds of ensembles. All ranks call each of these together.

    first(campaign): the phase that a run begins with. following(campaign, phase): the phase of the next round once `phase` is
    not unfinished any more, which may be the same one; None when the run is over. restored(campaign, kind, state): the phase
    that said `state` of itself in a checkpoint. job_text(campaign, phase): the job with what was found so far.
    line(campaign, phase): what a report says, on rank 0. outcome(campaign, phase): the result, on rank 0.
    describe(campaign, production): writes under which weights production samples.
    """

    first: Callable[[Campaign], Phase]
    following: Callable[[Campaign, Any], Phase | None]
    restored: Callable[[Campaign, str, dict[str, Any]], Phase]
    job_text: Callable[[Campaign, Any], str]
    line: Callable[[Campaign, Any], dict[str, Any]]
    outcome: Callable[[Campaign, Any], Outcome | None]
    describe: Callable[[Campaign, Production], None] = describe_sampling


def before_production(phase: Phase) -> Any:
    """The phase whose tables production has frozen, or the phase itself."""
    return phase.before if isinstance(phase, Production) else phase


def taken_over(campaign: Campaign, pilot: Any, following: Any) -> Phase:
    """The phase that follows a pilot, begun; rounds are counted on."""
    following.rounds = pilot.rounds
    following.begin(campaign.slots)
    return cast(Phase, following)


def begin_production(campaign: Campaign, before: Any, make: Callable[[Campaign, Any], Production]) -> Production:
    """The production that `make` makes after the phase `before`, at its first round."""
    production = make(campaign, before)
    production.begin(campaign.slots)
    return production


def at_round(
    campaign: Campaign, kind: str, state: dict[str, Any], before: Any, make: Callable[[Campaign, Any], Production]
) -> Phase:
    """The phase `before`, or the production that `make` makes after it, at the round that a checkpoint says."""
    before.rounds = state["rounds"]
    if kind != "produce":
        return before
    production = make(campaign, before)
    production.rounds = state["produced"]
    return production


def speed(campaign: Campaign, table: dict[str, Any]) -> dict[str, Any]:
    """The part of a report that has a table of windows."""
    return {"steps_per_second": sum(table["steps"]) / max(campaign.seconds, 1e-9), "windows": table}


__all__ = ["Before", "Course", "Phase", "at_round", "before_production", "begin_production", "speed"]
