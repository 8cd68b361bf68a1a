"""Every variable of the trajectory, declared once: what was recorded, counted, and under which weights."""

from __future__ import annotations

from parallel_landscape.store.variable import Variable, table

_R = ("record",)

RECORDS = table(
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

# Records of `pland solve`, besides those of a run: one for each attempt. `sweep` is the number of its iterations.
ATTEMPTS = table(
    Variable("instance", _R, "i4", "1", "number of the training set"),
    Variable("restart", _R, "i4", "1", "number of the attempt on it"),
)

# And these, of continuous weights.
DESCENTS = table(
    Variable("success", _R, "i1", "1", "1 where what `until` asks for was reached"),
    Variable("gradient_norm", _R, "f8", "1", "norm of the gradient of the energy, tangential on a sphere"),
    Variable(
        "errors", _R, "i8", "1", "training patterns on the wrong side, or on the boundary; absent where there are no patterns"
    ),
)

_T = ("transition",)

TRANSITIONS = table(
    Variable("slot", _T, "i4", "1", "global number of the slot"),
    Variable("level", _T, "i4", "1", "index of the level before the proposal"),
    Variable("change", _T, "i4", "1", "change of the index that was proposed; 2147483647: outside the band that is kept"),
    Variable("count", _T, "i8", "1", "proposals, accepted or not, since the last checkpoint"),
)

_S, _F = ("slot",), ("row",)

FROZEN = table(
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
