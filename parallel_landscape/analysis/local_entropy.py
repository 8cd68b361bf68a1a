"""The local entropy around a reference, from replicas that it attracts with several strengths gamma (and at several beta).

With d the Hamming distance of w from the reference w_r, w.w_r = N - 2 d, and n(E, d) records at energy E and distance d, all
groups together give the number of states N(E, d) by MBAR, as `mbar` does for g(E), with weights
exp(-beta_k E + gamma_k (N - 2 d)):

    Phi_beta(d) = ln sum_E N(E, d) exp(-beta E),    S_beta(d) = Phi_beta(d) + beta <E>_d,

S. Franz, G. Parisi, J. Phys. I 5, 1401 (1995); C. Baldassi et al., PRL 115, 128101 (2015). Only w_r itself has d = 0, which
fixes the constant; so does ln 2^N where a group has beta = gamma = 0. The same by thermodynamic integration along the groups:

    ln Z = sum_d exp(Phi(d) + gamma (N - 2 d)),    d ln Z = <w.w_r> d gamma - <E> d beta,
    Phi(d*) = ln Z - gamma (N - 2 d*) - ln(2 pi var d) / 2,    d* = <d>

by the trapezoidal rule with its end correction in gamma, (h^2 / 12) (f'(a) - f'(b)), since f' = d <w.w_r> / d gamma = 4 var d
is known, too. The last line holds up to terms that vanish for large N; where the law of d is no bell it does not hold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.analysis.jackknife import FEWEST, jackknife, join_blocks
from parallel_landscape.analysis.mbar import Curve, Weights, solve
from parallel_landscape.errors import RunError

BLOCKS = 32  # of time, which errors come from
Real = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Sampling:
    """betas, gammas (groups,), number of weights, and all energies."""

    betas: Real
    gammas: Real
    size: int
    energies: Ints


@dataclass(frozen=True)
class Counts:
    """Records (groups, blocks, places), place p at level `level[p]` and distance `distance[p]`."""

    level: Ints
    distance: Ints
    records: Ints


def make_counts(cells: Ints, groups: int, size: int) -> Counts:
    """From cells (5, cells): group, block of time, level, distance, and how many records lie there."""
    group, block, level, distance, number = cells
    place = level * (size + 1) + distance
    known, where = np.unique(place, return_inverse=True)
    records = np.zeros((groups, BLOCKS, len(known)), np.int64)
    np.add.at(records, (group, block, where.reshape(-1)), number)
    return Counts(known // (size + 1), known % (size + 1), records)


@dataclass(frozen=True)
class Local:
    """Groups `local_entropy` and `path` of result.nc, and what fixed the constant: "reference", "all states", or nothing."""

    table: dict[str, Any]
    path: dict[str, Any]
    normalisation: str


def local_entropy(sampling: Sampling, counts: Counts, betas: Real) -> Local:
    """All curves with errors; `betas`: at which Phi is wanted. Raises RunError when groups share no energy and distance."""
    records = join_blocks(counts.records.transpose(0, 2, 1), max(1, BLOCKS // 16)).transpose(0, 2, 1)
    totals = records.sum(axis=1)
    whole = _solve(sampling, counts, totals, None)
    if len(whole.apart):
        raise RunError("groups share no energy and distance with others: put more gammas in between, or produce more rounds")
    blocks, filled = range(records.shape[1]), records.sum(axis=(0, 2)) > 0
    left = [_solve(sampling, counts, totals - records[:, b], whole) for b in blocks if filled[b]]
    sizes = records.sum(axis=(0, 2))[filled].astype(float)
    candidates = {}
    for how in _normalisations(sampling, counts, totals):
        curves = [_derived(sampling, counts, one, betas, how) for one in [whole, *left]]
        candidates[how] = _with_errors(curves, sizes)
    how = min(candidates, key=lambda name: float(np.nanmean(candidates[name]["phi_error"])) if len(left) >= FEWEST else 0.0)
    shift = _shift(sampling, counts, whole, how)
    where = {"beta": betas, "distance": np.arange(sampling.size + 1), "energy": sampling.energies}
    return Local({**where, **candidates[how]}, _path(sampling, counts, totals, whole.ln_z + shift), how)


def _solve(sampling: Sampling, counts: Counts, totals: Ints, start: Curve | None) -> Curve:
    groups, places = totals.shape
    ln_weight = -np.outer(sampling.betas, sampling.energies[counts.level])
    ln_weight += np.outer(sampling.gammas, sampling.size - 2 * counts.distance)
    table, place = np.repeat(np.arange(groups), places), np.tile(np.arange(places), groups)
    weights = Weights(table, place, ln_weight.reshape(-1), groups, places)
    return solve(weights, totals.sum(axis=0), totals.sum(axis=1), None if start is None else start.ln_z)


def _normalisations(sampling: Sampling, counts: Counts, totals: Ints) -> list[str]:
    """What could fix the constant."""
    found = ["reference"] if (counts.distance == 0).any() else []
    free = (sampling.betas == 0) & (sampling.gammas == 0)
    found += ["all states"] if free.any() and totals[free].any() else []
    return found or [""]


def _shift(sampling: Sampling, counts: Counts, curve: Curve, how: str) -> float:
    """What is added to ln N."""
    if how == "reference":
        return -float(curve.ln_g[np.flatnonzero(counts.distance == 0)[0]])
    if how == "all states":
        free = np.flatnonzero((sampling.betas == 0) & (sampling.gammas == 0))[0]
        return sampling.size * math.log(2.0) - float(curve.ln_z[free])
    return -float(np.nanmax(curve.ln_g))


def _derived(sampling: Sampling, counts: Counts, curve: Curve, betas: Real, how: str) -> dict[str, Real]:
    """ln N(E, d), Phi(beta, d), <E> (beta, d), S (beta, d); nan where nothing was recorded."""
    ln_n = np.full((len(sampling.energies), sampling.size + 1), np.nan)
    ln_n[counts.level, counts.distance] = curve.ln_g + _shift(sampling, counts, curve, how)
    return curves_of(sampling.energies, ln_n, betas)


def curves_of(energies: Ints, ln_n: Real, betas: Real) -> dict[str, Real]:
    """ln N (energies, distances), Phi, <E> and S (betas, distances); nan where ln N is nan for all energies."""
    known = np.where(np.isnan(ln_n), -np.inf, ln_n)
    exponent = known[None] - betas[:, None, None] * energies[None, :, None]
    top = np.max(exponent, axis=1, keepdims=True)
    there = np.isfinite(top[:, 0])
    weight = np.exp(exponent - np.where(np.isfinite(top), top, 0.0))
    total = weight.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        phi = np.where(there, np.log(total) + top[:, 0], np.nan)
        energy = np.where(there, np.einsum("bed,e->bd", weight, energies) / total, np.nan)
    return {"ln_n": ln_n, "phi": phi, "energy_mean": energy, "entropy": phi + betas[:, None] * energy}


def _with_errors(curves: list[dict[str, Real]], sizes: Real) -> dict[str, Real]:
    """The first of the curves is the whole; the others are without one block each."""
    found: dict[str, Real] = {}
    for name, whole in curves[0].items():
        found[name] = whole
        if name != "energy_mean":
            found[f"{name}_error"] = jackknife(whole, np.array([one[name] for one in curves[1:]]), sizes)
    return found


def _path(sampling: Sampling, counts: Counts, totals: Ints, ln_z: Real) -> dict[str, Any]:
    """Each group: mean and variance of the distance, ln Z by MBAR and by integration from the group of strongest gamma on."""
    records = totals.sum(axis=1)
    distance = totals @ counts.distance / records
    variance = totals @ counts.distance**2 / records - distance**2
    energy = totals @ sampling.energies[counts.level] / records
    pull = sampling.size - 2 * distance
    gamma, beta = np.diff(sampling.gammas), np.diff(sampling.betas)
    steps = 0.5 * (pull[1:] + pull[:-1]) * gamma - 0.5 * (energy[1:] + energy[:-1]) * beta
    steps += np.where(beta == 0, gamma**2 / 3.0 * (variance[:-1] - variance[1:]), 0.0)
    integrated = np.concatenate([[0.0], np.cumsum(steps)])
    anchor = int(np.argmax(sampling.gammas))
    integrated += ln_z[anchor] - integrated[anchor]
    with np.errstate(divide="ignore"):
        phi = integrated - sampling.gammas * pull - 0.5 * np.log(2 * math.pi * variance)
    return {
        "gamma": sampling.gammas,
        "beta": sampling.betas,
        "records": records,
        "distance": distance,
        "distance_variance": variance,
        "energy_mean": energy,
        "ln_z": ln_z,
        "ln_z_integrated": integrated,
        "phi_integrated": np.where(variance > 0.25, phi, np.nan),
    }
