"""How ln f falls: halving with flatness, 1/t, and SAMC. All clocks count steps.

halving   F. Wang, D. P. Landau, PRL 86, 2050 (2001): ln f is halved when every known level's count is within 1 - flatness
          of the mean.
1/t       R. E. Belardinelli, V. D. Pereyra, PRE 75, 046701 (2007): ln f is halved when every known level has been visited, and
          follows 1/t (t = visits per known level) once it would fall below: the error then goes to zero as t**-1/2.
samc      F. Liang, C. Liu, R. Carroll, JASA 102, 305 (2007): ln f = min(1, t0/t).

A small ln f and flat counts do not make a level known: a walker may sit for long in a state that it seldom finds. So learning
goes on until every known level has been visited on `occasions` occasions, between which the walker has been at the commonest
level of its window again: their number bounds the relative error of its g from below. For the same reason no stage ends before
every walker that learns has been there: one that fills up a level which all have missed for long is not done with it.

A level found after the raw stage starts the schedule again at ln f = 2**-7: its ln g begins at its neighbour's, and only a
gain that is large again can carry it to its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

MOST_EXTENSIONS = 3  # times that a window may be sent back to learn on
RAW = 2.0**-7  # above this ln g is too rough to share, exchange or join on


class Schedule(BaseModel):
    """How ln f falls and when learning ends."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schedule: Annotated[Literal["1/t", "halving", "samc"], Field(description="how ln f falls")] = "1/t"
    ln_f_final: Annotated[float, Field(gt=0, lt=1, description="learning ends when ln f is below this")] = 1e-6
    flatness: Annotated[
        float, Field(gt=0, lt=1, description="halving: every known level's count is within 1 - flatness of the mean")
    ] = 0.8
    occasions: Annotated[
        int, Field(ge=1, description="learning goes on until every known level has been found anew in so many rounds")
    ] = 1000
    patience: Annotated[
        int, Field(ge=1, description="give up on levels seldom found after so many times `occasions` rounds")
    ] = 100
    largest_gap: Annotated[
        float, Field(gt=0, description="1/t and samc: windows whose ln g differ by more than this where they overlap learn on")
    ] = 0.1
    t0: Annotated[float, Field(gt=0, description="samc: visits per level before ln f begins to fall")] = 1000.0


@dataclass
class Learner:
    """Where a window (or a walker that learns alone) stands in its schedule.

    visits_per_level is t: steps of one walker since the schedule (re)started, per known level.
    """

    ln_f: float = 1.0
    clock: int = 0
    stage: int = 0
    restarts: int = 0
    inverse_time: bool = False
    finished: bool = False
    known: int = 0
    extensions: int = 0
    flatness: float = 0.0
    overdue: bool = False

    @property
    def raw(self) -> bool:
        """Whether ln g is still too rough to be shared or exchanged on."""
        return self.ln_f > RAW

    def numbers(self) -> NDArray[np.float64]:
        """All fields as numbers, for a checkpoint; counts stay exact below 2**53."""
        return np.array([float(getattr(self, name)) for name in self.__dataclass_fields__])

    @classmethod
    def from_numbers(cls, numbers: NDArray[np.float64]) -> Learner:
        """The learner that `numbers` was taken from; fields that an older version did not keep have their defaults."""
        kinds: dict[str, Any] = {name: type(field.default) for name, field in cls.__dataclass_fields__.items()}
        return cls(**{name: kind(number) for (name, kind), number in zip(kinds.items(), numbers.tolist(), strict=False)})

    def learn_on(self, *, far: bool = False) -> None:
        """The window disagrees with a neighbour: finish only with half the error, at most MOST_EXTENSIONS times.

        A small ln f cannot mend a table that is `far` off, so that window learns again from a middling one.
        """
        self.extensions += 1
        self.finished = False
        if far:
            self._again()

    def restart(self) -> None:
        """A level came late: learn again from a middling ln f."""
        self._again()
        self.restarts += 1

    def _again(self) -> None:
        self.ln_f = max(self.ln_f, RAW)
        self.clock = 0
        self.inverse_time = False
        self.finished = False

    def advance(self, schedule: Schedule, counts: NDArray[np.int64], occasions: int, steps: int, home: bool = True) -> bool:
        """One round of `steps` steps per walker is over, `counts` are the stage's visits of the known levels, `occasions`
        those of the rarest of them since the schedule began, and each walker has been at `home` in the stage or not.

        Returns whether a new stage begins (the histogram is to be cleared).
        """
        self.clock += steps
        time = self.clock / max(1, len(counts))
        least = int(counts.min()) if len(counts) else 0
        self.flatness = least * len(counts) / max(1.0, float(counts.sum()))
        begins = _ADVANCE[schedule.schedule](self, schedule, counts, time, least if home else 0)
        self.stage += begins
        better = 4**self.extensions
        target, wanted = schedule.ln_f_final / better, schedule.occasions * better
        done = self.ln_f <= target and occasions >= wanted
        waited = time * target >= 1.0 and self.clock >= schedule.patience * wanted * steps
        self.overdue = waited and not done
        self.finished = done or self.overdue
        return begins

    def _halving(self, schedule: Schedule, counts: NDArray[np.int64], time: float, least: int) -> bool:
        if self.ln_f <= schedule.ln_f_final or least < 1.0 / np.sqrt(self.ln_f):
            return False
        mean = float(counts.sum()) / len(counts)
        if max(mean - least, float(counts.max()) - mean) > (1.0 - schedule.flatness) * mean:
            return False
        self.ln_f /= 2.0
        return True

    def _inverse_time(self, schedule: Schedule, counts: NDArray[np.int64], time: float, least: int) -> bool:
        if self.inverse_time:
            self.ln_f = min(self.ln_f, 1.0 / time)
            return False
        if least == 0:
            return False
        self.ln_f /= 2.0
        if self.ln_f <= 1.0 / time:
            self.inverse_time = True
        return True

    def _samc(self, schedule: Schedule, counts: NDArray[np.int64], time: float, least: int) -> bool:
        self.ln_f = min(1.0, schedule.t0 / time)
        return False


_ADVANCE = {"halving": Learner._halving, "1/t": Learner._inverse_time, "samc": Learner._samc}
