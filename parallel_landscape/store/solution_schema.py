"""What is kept of attempts to find solutions, each variable declared once."""

from __future__ import annotations

from dataclasses import replace

from parallel_landscape.store.trajectory_schema import DESCENTS
from parallel_landscape.store.variable import Variable, table

_A = ("instance", "restart")

SOLVE = table(
    Variable("instance", ("instance",), "i8", "1", "number of the training set; 0 is that of a run of the same job"),
    Variable("restart", ("restart",), "i8", "1", "number of the independent attempt on an instance"),
    Variable("success", _A, "i1", "1", "1 where the lowest energy there can be was reached"),
    Variable("energy", _A, "i8", "1", "lowest energy that the attempt has found"),
    Variable("iterations", _A, "i8", "1", "sweeps or epochs that the attempt has taken"),
)

_REAL = "energy of the weights that the attempt ended with"


def _descents(dims: tuple[str, ...]) -> list[Variable]:
    """What the records of continuous weights hold besides, over other dimensions."""
    return [replace(one, dims=dims) for one in DESCENTS.values()]


SOLVE_CONTINUOUS = {
    **SOLVE,
    **table(
        Variable("energy", _A, "f8", "1", _REAL),
        *_descents(_A),
    ),
}

SOLUTIONS = table(
    Variable("instance", ("solution",), "i8", "1", "number of the training set"),
    Variable("restart", ("solution",), "i8", "1", "number of the attempt on it"),
    Variable("energy", ("solution",), "i8", "1", "lowest energy that the attempt has found"),
    Variable("iterations", ("solution",), "i8", "1", "sweeps or epochs that the attempt has taken"),
)  # and each observable, of the weights that the attempt ended with

SOLUTIONS_CONTINUOUS = {
    **SOLUTIONS,
    **table(
        Variable("energy", ("solution",), "f8", "1", _REAL),
        *_descents(("solution",)),
    ),
}

_B, _BQ = ("success",), ("success", "q")

BY_SUCCESS = table(
    Variable("success", _B, "i1", "1", "1: attempts that reached what `until` asks for; 0: the others"),
    Variable("samples", _B, "i8", "1", "number of these attempts"),
    Variable("energy_mean", _B, "f8", "1", "mean energy"),
    Variable("energy_mean_error", _B, "f8", "1", "standard error of energy_mean"),
    Variable("energy_variance", _B, "f8", "1", "variance of the energy"),
    Variable("q", ("q",), "f8", "1", "cosine of the angle between the weights of two attempts: middle of a bin"),
    Variable("pairs", _B, "i8", "1", "pairs of attempts on one instance that were compared"),
    Variable("probability", _BQ, "f8", "1", "probability of q between two attempts on one instance"),
    Variable("probability_error", _BQ, "f8", "1", "standard error of probability"),
)  # and each observable
