"""The figures of runs at given temperatures and of coupled replicas, and in words what each of them shows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from parallel_landscape.analysis import plots
from parallel_landscape.analysis.plots.thermal import KINDS
from parallel_landscape.report.drawing import Drawing
from parallel_landscape.report.numbers import number, with_error

if TYPE_CHECKING:
    from parallel_landscape.report.material import Material

MEANS = {
    "energy_mean": ("Mean energy", "Mean of the energy (the loss, in the job's convention)."),
    "energy_variance": ("Variance of the energy", "The fluctuations of the energy, which is T² times the heat capacity."),
    "ln_z": ("ln Z", "Logarithm of the partition function, less that of the hottest temperature."),
}
CURVE = " Curve: all temperatures together, by reweighting; points: each by itself. One standard error."


def thermal_drawings(material: Material) -> list[Drawing]:
    """Of continuous weights: means and effective dimension against T, and health."""
    found, canonical, ladder = [], material.groups.get("canonical"), material.groups.get("ladder")
    if canonical is not None:
        texts = MEANS | {name: (name, f"{_meaning(canonical[name])}.") for name in material.observables}
        found += [
            Drawing(
                *(f"thermal-{name.replace('_', '-')}", "canonical", f"{title} against temperature"),
                caption + (CURVE if ladder is not None else " One standard error."),
                f"{title} against temperature, {_ends(canonical, name)}.",
                partial(plots.plot_thermal, canonical, name, ladder),
            )
            for name, (title, caption) in texts.items()
            if name in canonical
        ]
        found.append(
            Drawing(
                *("dimension", "canonical", "Effective dimension"),
                "How many directions are not flat, at each temperature, from the fluctuations of the energy and from its mean. "
                "They agree where the landscape looks quadratic.",
                "Effective dimension against temperature.",
                partial(plots.plot_dimension, canonical),
            )
        )
    windows = material.groups.get("windows")
    if windows is not None and "virial" in windows:
        diverged = int(windows["divergences"].sum())
        found.append(
            Drawing(
                *("health", "health", "Numbers that are 1 in equilibrium"),
                "Virial: the mean of w · grad U over the number of weights. Balance: moves there and back. Response: the laws "
                f"of the energy at neighbouring temperatures against each other. {diverged:,} moves diverged.",
                "Health of each temperature: virial, balance and response, with errors.",
                partial(plots.plot_health, windows),
            )
        )
    return found


def _meaning(variable: xr.DataArray) -> str:
    text = str(variable.attrs.get("long_name", variable.name)).partition(": ")[2] or str(variable.name)
    return f"{text[:1].upper()}{text[1:]}"


def _ends(canonical: xr.Dataset, name: str) -> str:
    """Values at the coldest and the hottest temperature."""
    values, errors = canonical[name].values, canonical[f"{name}_error"].values
    there = np.flatnonzero(np.isfinite(values))
    if not len(there):
        return "not known"
    told = [f"{with_error(values[at], errors[at])} at β = {number(canonical['beta'].values[at], 3)}" for at in there[[0, -1]]]
    return " and ".join(dict.fromkeys(told))


COUPLED = {
    "coupled-energy": (
        "Energies against γ",
        "mean energy",
        {"energy_mean": "a replica", "centre_energy": "the centre"},
        "Mean energy of a replica, and of the centre of its group. A centre below its replicas lies in a wide valley.",
    ),
    "coupled-overlap": (
        "Overlaps against γ",
        "mean overlap",
        {"overlap": "two replicas", "centre_overlap": "with the centre"},
        "Mean overlap of two replicas of a group, and of a replica with the centre.",
    ),
    "coupled-distance": (
        "Distance against γ",
        "mean of |w − w′|² / n",
        {"distance": "two replicas"},
        "Mean squared distance of two replicas of a group over the number of weights.",
    ),
}


def coupled_drawings(material: Material) -> list[Drawing]:
    """Of coupled replicas: what changes with gamma."""
    windows = material.groups.get("windows")
    if windows is None or "gamma" not in windows or windows.sizes["window"] < 2:
        return []
    return [
        Drawing(key, "coupled", title, caption, f"{title}.", partial(plots.plot_coupled, windows, names, what=what))
        for key, (title, what, names, caption) in COUPLED.items()
        if any(name in windows for name in names)
    ]


def law_drawings(material: Material) -> list[Drawing]:
    """P(q) at each temperature, or in each group."""
    overlaps = material.groups.get("overlap_windows")
    if overlaps is None:
        return []
    captions = {
        "between_repeats": "Pairs that share nothing but the landscape: this is P(q).",
        "between_walkers": "Different walkers of the same repeat.",
        "along_walker": "Records of one walker: much to the right of the others, it says that walkers stay where they are.",
    }
    return [
        Drawing(
            *(f"law-{kind.replace('_', '-')}", "overlaps", f"P(q) between records of {text}"),
            f"{captions[kind]} {number(float(overlaps[f'{kind}_pairs'].sum()), 3)} pairs, one standard error.",
            f"Distribution of the overlap between records of {text}, in {overlaps.sizes['window']} windows.",
            partial(plots.plot_law, overlaps, material.groups.get("windows"), kind),
        )
        for kind, text in KINDS.items()
        if int(overlaps[f"{kind}_pairs"].sum())
    ]
