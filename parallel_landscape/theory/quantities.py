"""What every symbol of the theory means: its unit, its sentence, and what may be given for it.

One table serves the check of what a user gives, the columns that `pland theory` prints, and the attributes of the netCDF
file. Energies, entropies and free entropies are per weight (extensive quantities divided by N) unless they say otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from parallel_landscape.errors import JobError


@dataclass(frozen=True)
class Quantity:
    """Unit and meaning; for what may be given also the sentence of what is allowed, and the test of it."""

    unit: str
    meaning: str
    allowed: str = ""
    test: Callable[[Any], bool] = lambda value: True


def _above_zero(value: Any) -> bool:
    return bool(0 < value < math.inf)


def _not_negative(value: Any) -> bool:
    return bool(value >= 0)


def _number(value: Any) -> bool:
    return math.isfinite(value)


def _counts(value: Any, least: int) -> bool:
    return bool(value >= least and value == int(value))


def _one_of(*names: str) -> tuple[str, Callable[[Any], bool]]:
    return f"one of {', '.join(names)}", lambda value: value in names


LOSSES = ("errors", "hinge", "quadratic")
NONLINEARITIES = ("sign", "tanh", "erf", "relu-centred", "linear")
INVERSE_TEMPERATURE = "a number from 0 up, or inf for temperature 0,"
BETA = "inverse temperature"

QUANTITIES: dict[str, Quantity] = {
    "alpha": Quantity("1", "patterns per weight, P/N", "a number above 0", _above_zero),
    "alpha_latent": Quantity("1", "patterns per hidden input, P/D", "a number above 0", _above_zero),
    "beta": Quantity("1/energy", BETA, INVERSE_TEMPERATURE, _not_negative),
    "beta_1": Quantity("1/energy", f"{BETA} of end 1", INVERSE_TEMPERATURE, _not_negative),
    "beta_2": Quantity("1/energy", f"{BETA} of end 2", INVERSE_TEMPERATURE, _not_negative),
    "beta_reference": Quantity("1/energy", f"{BETA} of the reference", "above 0, or inf", lambda value: value > 0),
    "kappa": Quantity("1", "margin: a pattern is satisfied when its stability is at least kappa", "a number", _number),
    "kappa_1": Quantity("1", "margin at which end 1 was sampled", "a number", _number),
    "kappa_2": Quantity("1", "margin at which end 2 was sampled", "a number", _number),
    "kappa_reference": Quantity("1", "margin at which the reference was sampled", "a number", _number),
    "loss": Quantity("", "loss of one pattern of stability D: [D < kappa], (kappa-D)+ or (kappa-D)+^2", *_one_of(*LOSSES)),
    "nonlinearity": Quantity("", "non-linearity of the random features", *_one_of(*NONLINEARITIES)),
    "weights": Quantity("", "the weights: +-1, or real on the sphere |w|^2 = N", *_one_of("binary", "spherical")),
    "position": Quantity("1", "place on the geodesic: 1 is end 1, 0 is end 2", "a number from 0 to 1", lambda x: 0 <= x <= 1),
    "vertices": Quantity("1", "vertices of the simplex", "an integer from 2 up", lambda value: _counts(value, 2)),
    "overlap": Quantity("1", "overlap t of the probe with the reference", "between -1 and 1", lambda value: -1 < value < 1),
    "temperature": Quantity("energy", "temperature T", "a number above 0", _above_zero),
    "gap": Quantity("1", "a: distance of the two patterns from the boundary", "a number", _number),
    "directions": Quantity("1", "active directions", "an integer from 1 up", lambda value: _counts(value, 1)),
    "curvature": Quantity("energy", "mean second derivative along one direction"),
    "tolerance": Quantity("1", "largest change that the last doubling of the quadrature may make", "above 0", _above_zero),
    "q": Quantity("1", "overlap of two typical states of the same instance"),
    "teacher_overlap": Quantity("1", "R: overlap of a typical state with the teacher"),
    "feature_overlap": Quantity("1", "Q: covariance of the fields of two typical students"),
    "weights_per_pattern": Quantity("1", "N/P at the capacity"),
    "generalisation_error": Quantity("1", "probability of an error on a fresh pattern"),
    "energy": Quantity("energy", "mean loss, summed over patterns, per weight"),
    "energy_per_pattern": Quantity("energy", "mean loss per pattern; for the loss `errors` the fraction of errors"),
    "free_entropy": Quantity("nat", "phi = ln Z / N; the number of states is normalised as said in docs/theory.md"),
    "entropy": Quantity("nat", "s = phi + beta e: ln of the number (sphere: fraction) of states at this energy, per weight"),
    "replicon": Quantity("1", "de Almeida-Thouless: replica symmetry is stable where this is below 1"),
    "boundary_density": Quantity("1", "density of stabilities just above the margin, P(kappa+)"),
    "boundary_energy": Quantity("energy", "energy by the law of the patterns near the boundary"),
    "capacity": Quantity("1", "largest alpha with solutions"),
    "stability_limit": Quantity("1", "alpha at which replica symmetry becomes unstable (de Almeida-Thouless)"),
    "freezing_beta": Quantity("1/energy", "inverse temperature at which the entropy vanishes"),
    "cross_overlap": Quantity("1", "p: overlap of states of two measures on the same instance"),
    "q_1": Quantity("1", "overlap of two states of measure 1"),
    "q_2": Quantity("1", "overlap of two states of measure 2"),
    "path_loss": Quantity("energy", "mean loss per pattern at that point of the path; for `errors` the fraction violated"),
    "kappa_kernel": Quantity("1", "above this margin all typical solutions see each other without barrier"),
    "kappa_star": Quantity("1", "above this margin a solution sees every typical one without barrier; NaN: none does"),
    "star_overlap": Quantity("1", "overlap of a solution of margin kappa_star with a typical one"),
    "kernel_replicon": Quantity("1", "replicon of the solutions of margin kappa_kernel"),
    "star_replicon": Quantity("1", "replicon of the solutions of margin kappa_star"),
    "local_entropy": Quantity("nat", "Phi(t): ln of the number (sphere: fraction) of states at overlap t, per weight"),
    "all_states_entropy": Quantity("nat", "the same without patterns: the largest that the local entropy could be"),
    "distance": Quantity(
        "1", "(1-t)/2; for binary weights the fraction of different ones", "a number from 0 to 1", lambda x: 0 <= x <= 1
    ),
    "local_energy": Quantity("energy", "fraction of errors after a random fraction `distance` of the weights is flipped"),
    "dimension_mean": Quantity("1", "effective dimension from the mean loss, 2(<L>-L0)/T"),
    "dimension_variance": Quantity("1", "effective dimension from the variance of the loss, 2 Var(L)/T^2"),
    "mean_loss": Quantity("energy", "mean loss above its minimum, summed over directions"),
    "loss_variance": Quantity("energy^2", "variance of the loss"),
    "skewness": Quantity("1", "skewness of the loss"),
    "status": Quantity("", "ok, or why the number is not to be trusted"),
    "residual": Quantity("1", "by how much the equations are missed"),
    "error": Quantity("1", "largest change of any number here (relative above 1) when the quadrature was last doubled"),
    "order": Quantity("1", "intervals of the quadrature in each dimension"),
}


def check(**given: Any) -> None:
    """Raise one JobError with a sentence for each quantity that is out of its range; None stands for left out."""
    mistakes = []
    for name, value in given.items():
        quantity = QUANTITIES[name]
        try:
            fine = value is None or quantity.test(value)
        except (TypeError, ValueError):
            fine = False
        if not fine:
            mistakes.append(f"{name}: given {value!r}; {quantity.allowed} is needed ({quantity.meaning}).")
    if mistakes:
        raise JobError(mistakes)
