"""Coupled replicas and their centres beside single chains of the same temperature: five panels and a table for `figure.py`.

A centre is the mean of three replicas. What it owes to averaging alone is told by the mean of three moments of a single chain.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from parallel_landscape.analysis.plots.style import INK, PALETTE, legend
from parallel_landscape.commands.path_runs import Samples, read_samples
from parallel_landscape.commands.study_view import points_of

TIMES = 30  # moments of each chain
NOISE = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)  # length of the noise over that of the weights
DRAWS = 8  # of noise, for each network
DASHED = (0, (4, 2))
Value = tuple[float, float]  # mean and standard error


class Networks(NamedTuple):
    """Some networks, weights (chains, times, n), and what they are like; errors are over chains."""

    weights: np.ndarray
    energy: Value
    error: Value
    noisy: np.ndarray  # training error under noise, (levels, 2)


class Group(NamedTuple):
    """One alpha and gamma. pull: overlap between replicas of a group; meeting: between centres; paths: of centres."""

    alpha: float
    gamma: float
    temperature: float
    replicas: Networks
    centres: Networks
    pull: Value
    meeting: Value
    paths: xr.Dataset


class Single(NamedTuple):
    """Chains without coupling at one alpha, the means of three moments of each, the coldest chains; paths: between chains."""

    chains: Networks
    means: Networks
    cold: Networks
    paths: xr.Dataset


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Of vectors along the last axis."""
    return (one * other).sum(axis=-1) / np.linalg.norm(one, axis=-1) / np.linalg.norm(other, axis=-1)


def over(values: np.ndarray) -> Value:
    """Mean and standard error of values (chains, ...), those of one chain taken together."""
    each = values.reshape(len(values), -1).mean(axis=1)
    return float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each)))


def networks(samples: Samples, weights: np.ndarray, chains: int) -> Networks:
    """What weights (..., times, n) of so many independent chains are like."""
    weights = weights.reshape(chains, -1, weights.shape[-1])

    def errors(noise: float) -> np.ndarray:
        rng = np.random.default_rng(0)  # the same noise for all networks and levels
        some = weights[:, :: max(1, weights.shape[1] // 10)]
        length = np.linalg.norm(some, axis=-1, keepdims=True) / np.sqrt(some.shape[-1])
        moved = some + noise * length * rng.standard_normal((DRAWS, *some.shape))
        stabilities = samples.landscape.stabilities(moved.reshape(-1, some.shape[-1]))
        return (stabilities < 0).mean(axis=1).reshape(DRAWS, chains, -1).swapaxes(0, 1)

    energies = samples.energies(weights.reshape(-1, weights.shape[-1])).reshape(weights.shape[:2])
    found = np.array([over(errors(noise)) for noise in NOISE])
    return Networks(weights, over(energies), tuple(found[0]), found)


def pairs(weights: np.ndarray) -> Value:
    """Mean overlap of every two chains of (chains, times, n), and its error over pairs."""
    return over(np.array([cosines(weights[a], weights[b]) for a, b in itertools.combinations(range(len(weights)), 2)]))


def read_groups(study: Path) -> list[Group]:
    """The points of the study of coupled replicas, with what `pland paths --centres` says of each."""
    paths, found = xr.load_dataset(study / "paths.nc"), []
    for folder in points_of(study):
        centres, replicas = read_samples(folder, TIMES, centres=True), read_samples(folder, TIMES)
        groups = len(centres.weights)
        inside = replicas.weights.reshape(groups, -1, *replicas.weights.shape[1:])
        pull = [cosines(inside[:, a], inside[:, b]) for a, b in itertools.combinations(range(inside.shape[1]), 2)]
        (row,) = np.flatnonzero((paths.alpha == centres.alpha) & (paths.gamma == centres.gamma))
        found.append(
            Group(
                centres.alpha,
                centres.gamma,
                round(centres.alpha * centres.weights.shape[2]) / centres.beta,
                networks(replicas, replicas.weights, groups),
                networks(centres, centres.weights, groups),
                over(np.mean(pull, axis=0)),
                pairs(centres.weights),
                paths.isel(group=row),
            )
        )
    return sorted(found, key=lambda one: (one.alpha, one.gamma))


def read_single(folder: Path, coldest: Path, paths: xr.Dataset) -> Single:
    """Chains of a run of `sample.toml`, and of a colder one; paths: what `pland paths` says of the first."""
    samples, cold = (read_samples(one, TIMES) for one in (folder, coldest))
    chains, times = samples.weights.shape[:2]
    means = np.mean(np.split(samples.weights[:, : times // 3 * 3], 3, axis=1), axis=0)
    return Single(
        networks(samples, samples.weights, chains),
        networks(samples, means, chains),
        networks(cold, cold.weights, len(cold.weights)),
        paths,
    )


def draw_energies(ax: Axes, groups: list[Group], singles: dict[float, Single]) -> None:
    """Of replicas and centres, against gamma."""
    for (alpha, single), color in zip(singles.items(), PALETTE[1:], strict=False):
        mine = [one for one in groups if one.alpha == alpha]
        gamma = [one.gamma for one in mine]
        for kind, marker in (("replicas", "o-"), ("centres", "s-")):
            values = np.array([getattr(one, kind).energy for one in mine]).T
            ax.errorbar(gamma, *values, fmt=marker, markersize=4, linewidth=1.0, color=color, label=f"{kind}, α = {alpha:g}",
                        fillstyle="full" if kind == "centres" else "none")  # fmt: skip
        for which, line in ((single.chains, "-"), (single.means, ":")):
            ax.axhline(which.energy[0], color=color, linestyle=line, linewidth=0.8)
    ax.set(xscale="log", yscale="log", xlabel="attraction γ", ylabel="energy; dotted: means of 3 moments")
    legend(ax, fontsize=7)


def draw_overlaps(ax: Axes, groups: list[Group], singles: dict[float, Single]) -> None:
    """Between replicas of a group, and between centres."""
    for (alpha, single), color in zip(singles.items(), PALETTE[1:], strict=False):
        mine = [one for one in groups if one.alpha == alpha]
        gamma = [one.gamma for one in mine]
        ax.errorbar(gamma, *np.array([one.pull for one in mine]).T, fmt="o-", markersize=4, linewidth=1.0, color=color,
                    fillstyle="none", label=f"replicas of a group, α = {alpha:g}")  # fmt: skip
        ax.errorbar(gamma, *np.array([one.meeting for one in mine]).T, fmt="s-", markersize=4, linewidth=1.0, color=color,
                    label=f"centres, α = {alpha:g}")  # fmt: skip
        ax.axhline(pairs(single.chains.weights)[0], color=color, linewidth=0.8)
    ax.set(xscale="log", xlabel="attraction γ", ylabel="overlap; lines: between single chains", ylim=(0, 1.05))
    legend(ax, fontsize=7)


def draw_barriers(ax: Axes, groups: list[Group], singles: dict[float, Single]) -> None:
    """On straight lines between centres, and from centres to single chains."""
    for (alpha, single), color in zip(singles.items(), PALETTE[1:], strict=False):
        mine = [one for one in groups if one.alpha == alpha]
        for ends, marker, name in ((0, "s-", "centre-centre"), (1, "^:", "centre-chain")):
            values = [[float(one.paths[key][ends]) for one in mine] for key in ("barrier", "barrier_error")]
            ax.errorbar([one.gamma for one in mine], *values, fmt=marker, markersize=4, linewidth=1.0, color=color,
                        label=f"{name}, α = {alpha:g}")  # fmt: skip
        ax.axhline(float(single.paths.barrier), color=color, linewidth=0.8)
    ax.set(xscale="log", xlabel="attraction γ", ylabel="barrier; lines: between single chains", ylim=(-0.02, 0.48))
    legend(ax, fontsize=7)


def draw_noise(ax: Axes, groups: list[Group], alpha: float, single: Single) -> None:
    """Training error of weights with noise: of single chains, of their means, and of centres."""
    shown = [("single chains", single.chains, PALETTE[0], "-"), ("means of 3 moments", single.means, PALETTE[0], ":")]
    shown += [("the coldest single chains", single.cold, INK, DASHED)]
    mine = [one for one in groups if one.alpha == alpha]
    shown += [
        (f"centres, γ = {one.gamma:g}", one.centres, color, "-") for one, color in zip(mine[1:], PALETTE[1:], strict=False)
    ]
    for name, which, color, line in shown:
        ax.errorbar(NOISE, *which.noisy.T, fmt=".", linestyle=line, linewidth=1.0, color=color, label=name)
    ax.set(xlabel=f"noise over length of the weights, α = {alpha:g}", ylabel="training error with noise")
    legend(ax, fontsize=7)


def tell(groups: list[Group], singles: dict[float, Single]) -> None:
    """The numbers in Markdown."""
    names = ("alpha", "gamma", "energy", "energy of centres", "training error", "of centres", "at noise 0.2", "of centres",
             "q of a group", "q of centres", "barrier", "to a chain")  # fmt: skip
    print(f"\n| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for alpha, single in singles.items():
        print(_row([f"{alpha:g}", "none, coldest"], single.cold, single.cold, [(np.nan, np.nan), pairs(single.cold.weights)],
                   [(np.nan, np.nan)] * 2))  # fmt: skip
        print(_row([f"{alpha:g}", "none"], single.chains, single.means, [(np.nan, np.nan), pairs(single.chains.weights)],
                   [(float(single.paths.barrier), float(single.paths.barrier_error)), (np.nan, np.nan)]))  # fmt: skip
        for one in [one for one in groups if one.alpha == alpha]:
            rises = [(float(one.paths.barrier[ends]), float(one.paths.barrier_error[ends])) for ends in (0, 1)]
            print(_row([f"{alpha:g}", f"{one.gamma:g}"], one.replicas, one.centres, [one.pull, one.meeting], rises))


def _row(head: list[str], own: Networks, centre: Networks, overlaps: list[Value], rises: list[Value]) -> str:
    """Numbers of one gamma; without coupling those of chains, and of their means for centres."""
    level = NOISE.index(0.2)
    cells = [own.energy, centre.energy, own.error, centre.error, own.noisy[level], centre.noisy[level], *overlaps, *rises]
    digits = (4, 4, 4, 4, 4, 4, 3, 3, 4, 4)
    told = ["" if np.isnan(v) else f"{v:.{n}f} ± {e:.{n}f}" for (v, e), n in zip(cells, digits, strict=True)]
    return f"| {' | '.join(head + told)} |"
