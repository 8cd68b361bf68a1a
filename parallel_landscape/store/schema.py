"""Every variable that a result file holds, declared once; files, checks and documentation come from here."""

from __future__ import annotations

from dataclasses import dataclass

VERSION = 1


@dataclass(frozen=True)
class Variable:
    """Name, dimensions, type, unit and meaning of a stored variable."""

    name: str
    dims: tuple[str, ...]
    dtype: str
    unit: str
    meaning: str


def _table(*variables: Variable) -> dict[str, Variable]:
    return {variable.name: variable for variable in variables}


_E, _W = ("energy",), ("window",)

RESULT = _table(
    Variable("energy", _E, "i8", "1", "energy of each level"),
    Variable("ln_g", _E, "f8", "1", "logarithm of the number of states; nan where not visited"),
    Variable("ln_g_error", _E, "f8", "1", "standard error of ln_g over independent repeats; nan with a single repeat"),
    Variable("visited", _E, "i1", "1", "1 where every repeat has visited the level while learning"),
    Variable("known", _E, "i1", "1", "1 where any walker has ever been on the level, the search included"),
    Variable("histogram", _E, "i8", "1", "visits while learning, summed over all walkers"),
)

WINDOWS = _table(
    Variable("energy_low", _W, "i8", "1", "lowest energy of the window"),
    Variable("energy_high", _W, "i8", "1", "highest energy of the window"),
    Variable("walkers", _W, "i8", "1", "walkers in the window, all repeats"),
    Variable("reached", _W, "i8", "1", "walkers that found their way into the window"),
    Variable("finished", _W, "i8", "1", "1 when learning ended by itself in every repeat"),
    Variable("ln_f", _W, "f8", "1", "largest ln f over the repeats at the end"),
    Variable("stage", _W, "i8", "1", "least number of stages over the repeats"),
    Variable("flatness", _W, "f8", "1", "least count of a known level in this stage, as a fraction of the mean"),
    Variable("restarts", _W, "i8", "1", "times that a level found late started learning again"),
    Variable("levels_known", _W, "i8", "1", "levels of the window on which any walker has ever been"),
    Variable("levels_visited", _W, "i8", "1", "levels of the window visited while learning in every repeat"),
    Variable("steps", _W, "i8", "1", "proposals, all walkers"),
    Variable("acceptance", _W, "f8", "1", "fraction of proposals accepted"),
    Variable(
        "exchange_acceptance", _W, "f8", "1", "fraction of meetings with the next window that swapped walkers; nan for the last"
    ),
    Variable("round_trips", _W, "i8", "1", "round trips between lowest and highest window of the walkers now here"),
    Variable("gap_rms", _W, "f8", "1", "rms disagreement with the next window where they overlap; nan for the last"),
    Variable("gap_largest", _W, "f8", "1", "largest disagreement with the next window; nan for the last"),
)

_R = ("record",)

RECORDS = _table(
    Variable("slot", _R, "i4", "1", "global number of the slot: (repeat, window, k)"),
    Variable("sweep", _R, "i8", "sweep", "sweeps of this slot since production began"),
    Variable("energy", _R, "i8", "1", "energy of the walker"),
    Variable("walker", _R, "i4", "1", "number of the walker that sits in the slot"),
    Variable(
        "weights",
        ("record", "byte"),
        "u1",
        "1",
        "the configuration; when binary, one bit a weight, 1 for +1, lowest first",
    ),
)

_T = ("transition",)

TRANSITIONS = _table(
    Variable("slot", _T, "i4", "1", "global number of the slot"),
    Variable("level", _T, "i4", "1", "index of the level before the proposal"),
    Variable("change", _T, "i4", "1", "change of the index that was proposed; 2147483647: outside the band that is kept"),
    Variable("count", _T, "i8", "1", "proposals, accepted or not, since the last checkpoint"),
)

_S, _F = ("slot",), ("row",)

FROZEN = _table(
    Variable("slot", _S, "i4", "1", "global number of the slot"),
    Variable("repeat", _S, "i4", "1", "independent repeat that the slot belongs to"),
    Variable("window", _S, "i4", "1", "number of its window, from the lowest energies on"),
    Variable("member", _S, "i4", "1", "its number among the slots of the window"),
    Variable("low", _S, "i8", "1", "index of the first level of its window"),
    Variable("high", _S, "i8", "1", "index of the last level of its window"),
    Variable("reached", _S, "u1", "1", "1 when its walker found its way into the window; else the slot records nothing"),
    Variable("table", _S, "i8", "1", "row of ln_weight"),
    Variable("ln_weight", ("entry",), "f8", "1", "ln of the weight of each level of a row's window, one row after the other"),
    Variable("offset", ("end",), "i8", "1", "where each row of ln_weight begins, and where the last one ends"),
)
