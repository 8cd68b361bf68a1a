"""Every variable that a file of results holds, declared once; files, checks and documentation come from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from parallel_landscape.store.ladder_schema import LADDER, told
from parallel_landscape.store.solution_schema import BY_SUCCESS, SOLUTIONS, SOLUTIONS_CONTINUOUS
from parallel_landscape.store.variable import Variable, table

_E, _W = ("energy",), ("window",)

RESULT = table(
    Variable("energy", _E, "i8", "1", "energy of each level"),
    Variable("ln_g", _E, "f8", "1", "logarithm of the number of states; nan where not visited"),
    Variable("ln_g_error", _E, "f8", "1", "standard error of ln_g over independent repeats; nan with a single repeat"),
    Variable("visited", _E, "i1", "1", "1 where every repeat has visited the level while learning"),
    Variable("known", _E, "i1", "1", "1 where any walker has ever been on the level, the search included"),
    Variable("histogram", _E, "i8", "1", "visits while learning, summed over all walkers"),
    # from here on by `analyze`, which also puts its best estimate into ln_g and says which in the attribute `estimator`
    Variable("ln_g_learned", _E, "f8", "1", "ln_g as it was learned, before production"),
    Variable("ln_g_learned_error", _E, "f8", "1", "standard error of ln_g_learned over independent repeats"),
    Variable("ln_g_mbar", _E, "f8", "1", "logarithm of the number of states from the recorded energies of all slots (MBAR)"),
    Variable("ln_g_mbar_error", _E, "f8", "1", "standard error of ln_g_mbar"),
    Variable("ln_g_transition", _E, "f8", "1", "logarithm of the number of states from the counts of proposed transitions"),
    Variable("ln_g_transition_error", _E, "f8", "1", "standard error of ln_g_transition"),
    Variable("ln_g_repeat", ("repeat", "energy"), "f8", "1", "ln_g_mbar of each independent repeat alone"),
    Variable("samples", _E, "i8", "1", "records on the level, all slots"),
    Variable("effective_samples", _E, "f8", "1", "samples that independent draws would need for the same error"),
)

WINDOWS = table(
    Variable("energy_low", _W, "i8", "1", "lowest energy of the window"),
    Variable("energy_high", _W, "i8", "1", "highest energy of the window"),
    Variable("value_low", _W, "i8", "1", "joint densities: lowest X of the window"),
    Variable("value_high", _W, "i8", "1", "joint densities: highest X of the window"),
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
    Variable("autocorrelation_time", _W, "f8", "sweep", "integrated autocorrelation time of the energy in a slot, largest"),
    Variable("effective_samples", _W, "f8", "1", "records over the statistical inefficiency of their energy, all slots"),
    Variable("diffusion", _W, "f8", "1/sweep", "half the mean squared change of the energy between records, per sweep"),
    # of runs at given temperatures, where a window is a temperature
    Variable("beta", _W, "f8", "1", "inverse temperature"),
    Variable("energy_mean", _W, "f8", "1", "mean energy in production, of all proposals of all walkers"),
    Variable("energy_mean_error", _W, "f8", "1", "standard error of energy_mean, from spans of time; nan from less than eight"),
    Variable(
        "halves_apart", _W, "f8", "1", "energy_mean of the second half of production less that of the first, in its errors"
    ),
    Variable("walkers_apart", _W, "f8", "1", "largest distance of a walker's mean energy from that of all, in its own errors"),
    # of continuous weights, where a window is a temperature too; numbers of health are 1 in equilibrium
    Variable("step_length", _W, "f8", "1", "length of a step, in weights, at unit variance of the velocities"),
    Variable("divergences", _W, "i8", "1", "moves in production whose energy was not finite or grew beyond all measure"),
    Variable("outside", _W, "f8", "1", "fraction of moves that ended outside the window, and were rejected"),
    Variable("energy_variance", _W, "f8", "1", "variance of the energy in production"),
    Variable("energy_variance_error", _W, "f8", "1", "standard error of energy_variance, from spans of time"),
    Variable("virial", _W, "f8", "1", "health: mean of w . grad U over the number of weights, U = beta E and the prior"),
    Variable("virial_error", _W, "f8", "1", "standard error of virial, from spans of time"),
    Variable("creutz", _W, "f8", "1", "health: mean of exp(-work) over moves"),
    Variable("balance", _W, "f8", "1", "health: mean of exp(-work - |work|) over that of exp(-|work|)"),
    Variable("balance_error", _W, "f8", "1", "standard error of balance, from spans of time"),
    Variable("creutz_error", _W, "f8", "1", "standard error of creutz, from spans of time"),
    Variable(
        "response",
        _W,
        "f8",
        "1",
        "health: difference of beta to the next temperature, from the laws of the energy, over the true one",
    ),
    Variable("response_error", _W, "f8", "1", "standard error of response, from spans of time"),
    # of coupled replicas, where a window is a group; energy_mean is that of what was recorded
    Variable("gamma", _W, "f8", "1", "strength of the coupling"),
    Variable("overlap", _W, "f8", "1", "mean overlap of two replicas of the group"),
    Variable("overlap_error", _W, "f8", "1", "standard error of overlap"),
    Variable("distance", _W, "f8", "1", "mean squared distance of two replicas of the group, per weight; continuous weights"),
    Variable("distance_error", _W, "f8", "1", "standard error of distance"),
    Variable("centre_overlap", _W, "f8", "1", "mean overlap of a replica with the centre: drawn, given, or the majority"),
    Variable("centre_overlap_error", _W, "f8", "1", "standard error of centre_overlap"),
    Variable("centre_energy", _W, "f8", "1", "mean energy of the majority of the group's weights"),
    Variable("centre_energy_error", _W, "f8", "1", "standard error of centre_energy"),
)

_S = ("slot",)

SLOTS = table(
    Variable("slot", _S, "i8", "1", "global number of the slot"),
    Variable("repeat", _S, "i8", "1", "independent repeat that the slot belongs to"),
    Variable("window", _S, "i8", "1", "window that the slot belongs to"),
    Variable("energy_low", _S, "i8", "1", "lowest energy of the slot's window"),
    Variable("energy_high", _S, "i8", "1", "highest energy of the slot's window"),
    Variable("samples", _S, "i8", "1", "records of the slot"),
    Variable("autocorrelation_time", _S, "f8", "sweep", "integrated autocorrelation time of the energy"),
    Variable("effective_samples", _S, "f8", "1", "records over the statistical inefficiency of their energy"),
    Variable("diffusion", _S, "f8", "1/sweep", "half the mean squared change of the energy between records, per sweep"),
)

_K = ("walker",)

WALKERS = table(
    Variable("walker", _K, "i8", "1", "number of the walker, which travels between slots"),
    Variable("samples", _K, "i8", "1", "records of the walker"),
    Variable("autocorrelation_time", _K, "f8", "sweep", "integrated autocorrelation time of the energy along the walker"),
    Variable("round_trips", _K, "i8", "1", "round trips between the lowest and the highest window while recorded"),
    Variable("windows_visited", _K, "i8", "1", "windows in which the walker was recorded"),
)

_B = ("beta",)

CANONICAL = table(
    Variable("beta", _B, "f8", "1", "inverse temperature"),
    Variable("covered", _B, "i1", "1", "1 where the levels that carry the weight at this beta were all sampled"),
    Variable("energy_mean", _B, "f8", "1", "canonical mean energy"),
    Variable("energy_mean_error", _B, "f8", "1", "standard error of energy_mean"),
    Variable("energy_variance", _B, "f8", "1", "variance of the energy, of continuous weights"),
    Variable("energy_variance_error", _B, "f8", "1", "standard error of energy_variance"),
    Variable("ln_z", _B, "f8", "1", "ln of the partition function less that of the hottest temperature; nan: not connected"),
    Variable("ln_z_error", _B, "f8", "1", "standard error of ln_z"),
    Variable("heat_capacity", _B, "f8", "1", "beta^2 times the variance of the energy"),
    Variable("heat_capacity_error", _B, "f8", "1", "standard error of heat_capacity"),
    Variable("dimension_fluctuation", _B, "f8", "1", "effective dimension 2 Var E / T^2, of continuous weights"),
    Variable("dimension_fluctuation_error", _B, "f8", "1", "standard error of dimension_fluctuation"),
    Variable("dimension_mean", _B, "f8", "1", "effective dimension 2 (mean energy - energy at temperature 0) / T"),
    Variable("dimension_mean_error", _B, "f8", "1", "standard error of dimension_mean"),
    Variable("free_energy", _B, "f8", "1", "-ln Z / beta; nan at beta = 0"),
    Variable("free_energy_error", _B, "f8", "1", "standard error of free_energy"),
    Variable("entropy", _B, "f8", "1", "ln Z + beta times energy_mean"),
    Variable("entropy_error", _B, "f8", "1", "standard error of entropy"),
)

_J = ("energy", "bin")
JOINT = table(
    Variable("energy", _E, "i8", "1", "energy of each level"),
    Variable("edges", ("edge",), "f8", "1", "edges of the bins of the observable, one more than bins"),
    Variable("counts", _J, "i8", "1", "records on the level with the observable in the bin"),
    Variable("ln_g", _J, "f8", "1", "logarithm of the number of states on the level with the observable in the bin; nan: none"),
    Variable("ln_g_error", _J, "f8", "1", "standard error of ln_g"),
)

_P = ("energy", "value")

PLANE = table(
    Variable("energy", _E, "i8", "1", "energy of each level"),
    Variable("value", ("value",), "i8", "1", "value of X: sum_i w_i v_i with a fixed v, or the number of wrong test patterns"),
    Variable("ln_g", _P, "f8", "1", "logarithm of the number of states with this energy and X; nan where not visited"),
    Variable("ln_g_error", _P, "f8", "1", "standard error of ln_g over independent repeats; nan with a single repeat"),
    Variable("ln_g_repeat", ("repeat", "energy", "value"), "f8", "1", "ln_g of each independent repeat alone"),
    Variable("visited", _P, "i1", "1", "1 where every repeat has visited the cell"),
    Variable("known", _P, "i1", "1", "1 where any walker has ever been in the cell, the search included"),
    Variable("histogram", _P, "i8", "1", "visits while learning, summed over all walkers"),
)

_Q = ("range", "q")

OVERLAP = table(
    Variable("q", ("q",), "f8", "1", "overlap of two configurations, sum of products of their weights over their number"),
    Variable("energy_low", ("range",), "i8", "1", "lowest energy of both configurations"),
    Variable("energy_high", ("range",), "i8", "1", "highest energy of both configurations"),
    Variable("pairs", ("range",), "i8", "1", "pairs of records of different walkers and slots that were compared"),
    Variable("probability", _Q, "f8", "1", "probability of the overlap q between different walkers, within the range"),
    Variable("probability_error", _Q, "f8", "1", "standard error of probability"),
    Variable("pairs_within", ("range",), "i8", "1", "pairs of records of the same walker that were compared"),
    Variable("probability_within", _Q, "f8", "1", "probability of the overlap q between records of the same walker"),
)


def _law(name: str, whose: str) -> tuple[Variable, ...]:
    meaning = f"probability of the overlap q of two records of the window from {whose}"
    error = Variable(f"{name}_error", ("window", "q"), "f8", "1", f"standard error of {name}")
    pairs = Variable(f"{name}_pairs", _W, "i8", "1", f"pairs of records from {whose} that were compared")
    mean = Variable(f"{name}_mean", _W, "f8", "1", f"mean overlap of two records of the window from {whose}")
    mean_error = Variable(f"{name}_mean_error", _W, "f8", "1", f"standard error of {name}_mean")
    return Variable(name, ("window", "q"), "f8", "1", meaning), error, pairs, mean, mean_error


OVERLAP_WINDOWS = table(
    Variable("q", ("q",), "f8", "1", "overlap of weights +-1 as in `overlap`; of continuous ones, middle of a bin of cosines"),
    *_law("between_repeats", "different repeats"),
    *_law("between_walkers", "different walkers of a repeat"),
    *_law("along_walker", "one walker"),
)

_D, _BD, _ED = ("distance",), ("beta", "distance"), ("energy", "distance")

LOCAL = table(
    Variable("beta", _B, "f8", "1", "inverse temperature"),
    Variable("distance", _D, "i8", "1", "Hamming distance from the reference"),
    Variable("energy", _E, "i8", "1", "energy of each level"),
    Variable("ln_n", _ED, "f8", "1", "logarithm of the number of states with this energy at this distance; nan: none seen"),
    Variable("ln_n_error", _ED, "f8", "1", "standard error of ln_n"),
    Variable("phi", _BD, "f8", "1", "ln of the sum of exp(-beta E) over all states at this distance"),
    Variable("phi_error", _BD, "f8", "1", "standard error of phi"),
    Variable("energy_mean", _BD, "f8", "1", "mean energy at this distance"),
    Variable("entropy", _BD, "f8", "1", "phi + beta times energy_mean"),
    Variable("entropy_error", _BD, "f8", "1", "standard error of entropy"),
)

PATH = table(
    Variable("gamma", _W, "f8", "1", "strength of the attraction"),
    Variable("beta", _W, "f8", "1", "inverse temperature"),
    Variable("records", _W, "i8", "1", "records of the group"),
    Variable("distance", _W, "f8", "1", "mean Hamming distance from the reference"),
    Variable("distance_variance", _W, "f8", "1", "its variance"),
    Variable("energy_mean", _W, "f8", "1", "mean energy"),
    Variable("ln_z", _W, "f8", "1", "logarithm of the partition function of the group, from all records together"),
    Variable("ln_z_integrated", _W, "f8", "1", "the same by integration from the strongest gamma on"),
    Variable("phi_integrated", _W, "f8", "1", "phi at the mean distance, from ln_z_integrated; nan where the law is narrow"),
)

GROUPS = {
    "joint": PLANE,
    "local_entropy": LOCAL,
    "path": PATH,
    "windows": WINDOWS,
    "slots": SLOTS,
    "walkers": WALKERS,
    "canonical": CANONICAL,
    "ladder": LADDER,
    "overlap": OVERLAP,
    "overlap_windows": OVERLAP_WINDOWS,
}
JOINT_PREFIX = "joint-"  # followed by the name of an observable


_REAL = {
    "energy": "energy in the middle of each bin",
    "energy_low": "where the lowest bin of the window begins",
    "energy_high": "where the highest bin of the window ends",
}


def _with_bins(variables: dict[str, Variable]) -> dict[str, Variable]:
    """The same where real energies lie in bins."""
    real = {name: replace(one, dtype="f8", meaning=_REAL[name]) for name, one in variables.items() if name in _REAL}
    return variables | real


def group_schema(
    group: str, observables: Mapping[str, tuple[str, str]], *, bins: bool = False, continuous: bool = False
) -> dict[str, Variable]:
    """The variables of a group ("" is the root) of a run with `observables`: name -> (unit, meaning).

    bins: energies are real, and a level is a bin. continuous: weights are, so that the energies of solutions are real.

    Each observable X adds X, X_error and X_variance to the root, X and X_error to `canonical`, X to `solutions`, and may have a
    group joint-X; in `attempts` it adds what it adds to the root.
    """
    if bins:
        return _with_bins(group_schema(group, observables))
    if group.startswith(JOINT_PREFIX):
        return JOINT
    if group == "":
        return RESULT | _averages(observables, _E, "on the level", with_variance=True)
    if group == "canonical":
        return CANONICAL | _averages(observables, _B, "at this beta", with_variance=False)
    if group == "ladder":
        return LADDER | table(*(one for name, (unit, meaning) in observables.items() for one in told(name, meaning, unit)))
    if group == "solutions":
        each = {name: Variable(name, ("solution",), "f8", unit, meaning) for name, (unit, meaning) in observables.items()}
        return (SOLUTIONS_CONTINUOUS if continuous else SOLUTIONS) | each
    if group == "attempts":
        return BY_SUCCESS | _averages(observables, ("success",), "of the attempts", with_variance=True)
    return GROUPS[group]


def _averages(
    observables: Mapping[str, tuple[str, str]], dims: tuple[str, ...], where: str, with_variance: bool
) -> dict[str, Variable]:
    found = []
    for name, (unit, meaning) in observables.items():
        found.append(Variable(name, dims, "f8", unit, f"mean {where} of: {meaning}"))
        found.append(Variable(f"{name}_error", dims, "f8", unit, f"standard error of {name}"))
        if with_variance:
            squared = "1" if unit == "1" else f"({unit})^2"
            found.append(Variable(f"{name}_variance", dims, "f8", squared, f"variance {where} of: {meaning}"))
    return table(*found)
