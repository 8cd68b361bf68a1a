"""The variables of the file that `pland paths` writes. Energies per pattern where the energy counts patterns."""

from __future__ import annotations

from parallel_landscape.store.variable import Variable

_G, _E, _P = ("group",), ("group", "ends"), ("group", "ends", "position")
_V = ("group", "vertices")
_FROM = "over training sets, or over chains where there is one training set; nan: cannot be had"

PATHS = {
    variable.name: variable
    for variable in (
        Variable("runs", _G, "i8", "1", "runs of the group, each with a training set of its own"),
        Variable("chains", _G, "i8", "1", "chains of each run"),
        Variable("inputs", _G, "i8", "1", "number of weights"),
        Variable("patterns", _G, "i8", "1", "patterns that an energy is divided by; 1: energies are as in the job"),
        Variable("alpha", _G, "f8", "1", "patterns for each weight; nan without patterns"),
        Variable("beta", _G, "f8", "1", "inverse temperature of the runs; nan without one"),
        Variable("gamma", _G, "f8", "1", "attraction of coupled replicas; nan without it"),
        Variable("kappa", _G, "f8", "1", "margin of the problem; nan without one"),
        Variable("reference_kappa", _G, "f8", "1", "margin of the reference; nan without one"),
        Variable("ends", ("ends",), "i8", "1", "0: both ends from the runs; 1: the first end from the reference"),
        Variable("position", ("position",), "f8", "1", "weight of the first end: 1 is the first end, 0 the second"),
        Variable("vertices", ("vertices",), "i8", "1", "samples that span a simplex"),
        Variable("pairs", _E, "i8", "1", "curves"),
        Variable("overlap", _E, "f8", "1", "mean cosine of the angle between the ends"),
        Variable("overlap_error", _E, "f8", "1", f"standard error of overlap {_FROM}"),
        Variable("overlap_theory", _E, "f8", "1", "the same by the replica-symmetric theory; nan where there is none"),
        Variable("energy", _P, "f8", "1", "mean energy along the curve"),
        Variable("energy_error", _P, "f8", "1", f"standard error of energy {_FROM}"),
        Variable("energy_theory", _P, "f8", "1", "the same by the replica-symmetric theory; nan where there is none"),
        Variable("barrier", _E, "f8", "1", "mean of: largest energy of a curve less that of its higher end"),
        Variable("barrier_error", _E, "f8", "1", f"standard error of barrier {_FROM}"),
        Variable("free", _E, "f8", "1", "fraction of curves that nowhere rise above their higher end"),
        Variable("free_error", _E, "f8", "1", f"standard error of free {_FROM}"),
        Variable("barycentre", _V, "f8", "1", "mean energy at the barycentre of a simplex; nan with fewer chains"),
        Variable("barycentre_error", _V, "f8", "1", f"standard error of barycentre {_FROM}"),
        Variable("barycentre_theory", _V, "f8", "1", "the same by the replica-symmetric theory; nan where there is none"),
        Variable("inside", _V, "f8", "1", "mean energy at points uniform in the simplex"),
        Variable("inside_error", _V, "f8", "1", f"standard error of inside {_FROM}"),
    )
}

_A, _L = ("path",), ("path", "look")

RATCHET = {
    variable.name: variable
    for variable in (
        Variable("path", _A, "i8", "1", "number of the path"),
        Variable("chain", ("path", "end"), "i8", "1", "chains of the run that the two ends were taken from"),
        Variable("met", _A, "i1", "1", "1 where the ends have met"),
        Variable("highest", _A, "f8", "1", "largest energy of an end after any move, and of the last curve where they met"),
        Variable("accepted", _A, "f8", "1", "fraction of moves that were accepted"),
        Variable("moves", _L, "f8", "1", "moves before the look; nan after the path's end"),
        Variable("energies", ("path", "look", "end"), "f8", "1", "energies of the two ends"),
        Variable("distance", _L, "f8", "1", "distance of the ends"),
        Variable("closest", _L, "f8", "1", "smallest distance so far, where the penalty begins"),
        Variable("overlap", _L, "f8", "1", "cosine of the angle between the ends"),
        Variable("barrier", _L, "f8", "1", "largest energy of the curve between the ends less that of the higher end"),
    )
}
