"""The figures of a report: which there are for this run, and in words what each of them shows."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr

from parallel_landscape.analysis import plots
from parallel_landscape.report.drawing import Drawing
from parallel_landscape.report.history import some_walkers, sweeps_shown, thinned
from parallel_landscape.report.material import Material
from parallel_landscape.report.numbers import number, with_error
from parallel_landscape.report.theory_curve import theory_drawings
from parallel_landscape.report.thermal_figures import coupled_drawings, law_drawings, thermal_drawings

WALKERS = 6
THUMBNAIL = (3.4, 1.75)  # inches
SMALL = (4.1, 2.9)  # where three stand in a row
SECTIONS = {
    "entropy": "Entropy",
    "theory": "Theory beside the data",
    "learning": "Convergence of the windows",
    "windows": "Windows: joins, exchange and flow",
    "observables": "Observables",
    "canonical": "At a temperature",
    "health": "Health: is it equilibrium?",
    "coupled": "Coupled replicas",
    "overlaps": "Overlaps between configurations",
    "trajectories": "Trajectories",
}


def drawings(material: Material) -> list[Drawing]:
    """All figures that this run can show, in the order of the sections."""
    return [
        *_entropy(material),
        *theory_drawings(material),
        *_learning(material),
        *_windows(material),
        *_observables(material),
        *(thermal_drawings(material) if material.thermal else _canonical(material)),
        *coupled_drawings(material),
        *_overlaps(material),
        *law_drawings(material),
        *_trajectories(material),
    ]


def _entropy(material: Material) -> list[Drawing]:
    result = material.result
    if result is None:
        return []
    absolute = result.attrs.get("normalisation") == "absolute"
    kind = "The number of states is absolute." if absolute else "Relative: its largest value is set to 0."
    found = [
        Drawing(
            *("entropy", "entropy", "S(E) = ln g(E)"),
            f"Logarithm of the number of states at each energy, with a band of one standard error. {kind} Levels without a "
            "value are gaps.",
            _entropy_in_words(result),
            partial(plots.plot_entropy, result),
        ),
        Drawing(
            *("entropy-error", "entropy", "Standard error of ln g(E)"),
            "One standard error, from independent data only. The band in S(E) is often thinner than its line; here it is.",
            _error_in_words(result),
            partial(plots.plot_entropy_error, result),
        ),
    ]
    if any(f"ln_g_{name}" in result for name in ("mbar", "transition", "learned")):
        found.append(
            Drawing(
                *("estimators", "entropy", "Estimators compared"),
                "Each other estimate of ln g minus the one shown, their means matched. Estimates that agree scatter around 0 "
                "by about their bars.",
                "Differences between the estimates of ln g from MBAR, the transition matrix and learning, against energy.",
                partial(plots.plot_estimators, result),
            )
        )
    if "samples" in result:
        found.append(
            Drawing(
                *("samples", "entropy", "Records on each level"),
                "Records of production, and how many independent ones would give the same error.",
                f"Records on each level, {int(result['samples'].sum()):,} in all.",
                partial(plots.plot_samples, result),
            )
        )
    return found


def _entropy_in_words(result: xr.Dataset) -> str:
    there = np.flatnonzero(np.isfinite(result["ln_g"].values))
    if not len(there):
        return "Entropy against energy: no level has a value yet."
    low, top = there[0], int(np.nanargmax(result["ln_g"].values))
    told = [with_error(result["ln_g"].values[place], result["ln_g_error"].values[place]) for place in (low, top)]
    energies = [int(result["energy"].values[place]) for place in (low, top, there[-1])]
    return (
        f"Entropy against energy, {len(there)} levels from {energies[0]} to {energies[2]}: {told[0]} at E = {energies[0]}, "
        f"largest with {told[1]} at E = {energies[1]}."
    )


def _error_in_words(result: xr.Dataset) -> str:
    error = result["ln_g_error"].values
    if not np.isfinite(error).any():
        return "No error bars: a single repeat."
    return f"Standard error of ln g against energy, from {number(np.nanmin(error), 2)} to {number(np.nanmax(error), 2)}."


def _learning(material: Material) -> list[Drawing]:
    progress = material.progress
    reports = progress.sizes["report"]
    if (material.status["phase"] == "search" or material.thermal) and not reports:
        return []
    end = f"after {number(progress['seconds'].values[-1], 3)} s, in {reports} reports" if reports else "without reports"
    texts = {
        "ln-f": ("ln f of each window", "How much a visit adds to ln g; learning ends at the dashed line.", plots.plot_ln_f),
        "flatness": (
            "Flatness of each window",
            "Least count of a known level in the present stage, as a fraction of the mean: near 1 when all levels are visited "
            "alike.",
            plots.plot_flatness,
        ),
        "coverage": (
            "Coverage of each window",
            "Levels visited while learning in every repeat, as a fraction of those on which a walker has ever been.",
            plots.plot_coverage,
        ),
    }
    return [
        Drawing(
            key,
            "learning",
            title,
            caption,
            f"{title} against the time of the run, {end}.",
            partial(plot, progress),
            SMALL,
        )
        for key, (title, caption, plot) in texts.items()
    ]


def _windows(material: Material) -> list[Drawing]:
    windows = material.groups.get("windows")
    if windows is None or windows.sizes["window"] < 2 or "exchange_acceptance" not in windows:
        return []
    limit = material.job.get("ensemble", {}).get("largest_gap")
    worst = windows["gap_largest"].values[:-1] if "gap_largest" in windows else np.array([np.nan])
    swaps = windows["exchange_acceptance"].values[:-1]
    trips = int(windows["round_trips"].values.sum())
    worst_text = number(np.nanmax(worst), 3) if np.isfinite(worst).any() else "not known"
    swap_text = f"{number(np.nanmin(swaps), 2)} to {number(np.nanmax(swaps), 2)}" if np.isfinite(swaps).any() else "none"
    walks = material.flow
    room = SMALL if walks is None else None
    joins = [
        Drawing(
            *("joins", "windows", "Agreement at each join"),
            "Disagreement in ln g of neighbouring windows over their whole overlap. Above the dashed line they contradict each "
            "other.",
            f"Disagreement of neighbouring windows; the largest is {worst_text}.",
            partial(plots.plot_joins, windows, limit=limit),
            room,
        )
    ]
    found = [
        *(joins if "gap_largest" in windows else []),
        Drawing(
            *("exchange", "windows", "Exchange between neighbours"),
            "Fraction of the meetings at which two walkers changed windows.",
            f"Fraction of exchanges accepted at each join: {swap_text}.",
            partial(plots.plot_exchange, windows),
            room,
        ),
        Drawing(
            *("round-trips", "windows", "Round trips"),
            f"{trips:,} round trips between the lowest and the highest window, by the window where the walkers are now.",
            f"Round trips by window, {trips} in all.",
            partial(plots.plot_round_trips, windows),
            room,
        ),
    ]
    if walks is not None:
        found.append(
            Drawing(
                *("flow", "windows", "Flow of walkers"),
                "Of the recorded walkers in each window, the share that was at the top of the range last rather than at the "
                "bottom. A step marks a bottleneck. Bars: standard error over the repeats.",
                "Share of walkers last seen in the highest window, by window.",
                partial(plots.plot_flow, walks),
            )
        )
    return found


def _observables(material: Material) -> list[Drawing]:
    result = material.result
    if result is None:
        return []
    found = []
    for name in material.observables:
        meaning = str(result[name].attrs.get("long_name", "")).partition(": ")[2]
        found.append(
            Drawing(
                *(f"observable-{name}", "observables", f"{name} on each level"),
                f"Microcanonical mean with one standard error{f': {meaning}' if meaning else ''}.",
                f"Mean of {name} against energy.",
                partial(plots.plot_observable, result, name),
            )
        )
        joint = material.groups.get(f"joint-{name}")
        if joint is not None:
            found.append(
                Drawing(
                    *(f"joint-{name}", "observables", f"g(E, {name})"),
                    "Logarithm of the number of states with this energy and this value. Blank where nothing was recorded.",
                    f"Heat map of ln g over energy and {name}.",
                    partial(plots.plot_joint, joint, name),
                )
            )
    return found


def _canonical(material: Material) -> list[Drawing]:
    canonical = material.groups.get("canonical")
    if canonical is None:
        return []
    titles = {"energy_mean": "Mean energy", "heat_capacity": "Heat capacity", "entropy": "Canonical entropy",
              "free_energy": "Free energy"}  # fmt: skip
    titles |= {name: f"{name} at β" for name in material.observables}
    low, high = canonical["beta"].values[[0, -1]]
    return [
        Drawing(
            *(f"canonical-{name.replace('_', '-')}", "canonical", title),
            "By reweighting, with one standard error. Dashed on shaded ground: the sampled levels do not cover this β.",
            f"{title} against the inverse temperature from {number(low, 3)} to {number(high, 3)}.",
            partial(plots.plot_canonical, canonical, name),
        )
        for name, title in titles.items()
        if name in canonical
    ]


def _overlaps(material: Material) -> list[Drawing]:
    overlap = material.groups.get("overlap")
    if overlap is None:
        return []
    pairs = number(float(overlap["pairs"].sum()), 3)
    found = [
        Drawing(
            *("overlap", "overlaps", "P(q) between different walkers"),
            f"Distribution of the overlap of two configurations in the same range of energies, {pairs} pairs, with one "
            "standard error.",
            f"Overlap distribution for {overlap.sizes['range']} ranges of energy.",
            partial(plots.plot_overlap, overlap),
        )
    ]
    if "probability_within" in overlap:
        found.append(
            Drawing(
                *("overlap-within", "overlaps", "P(q) along one walker"),
                "Between records of the same walker: much to the right of the other figure, it says that walkers stay where "
                "they are. These pairs depend on each other, so there is no error band.",
                "Overlap distribution between records of the same walker.",
                partial(plots.plot_overlap, overlap, within=True),
            )
        )
    return found


def _trajectories(material: Material) -> list[Drawing]:
    trajectory = material.trajectory
    if trajectory is None:
        return []
    end = sweeps_shown(trajectory)
    found = []
    for walker in some_walkers(trajectory, WALKERS):
        mine = thinned(trajectory, walker)
        mine["energy"].attrs["axis_label"] = "E"
        low, high = (number(float(end), 6) for end in (mine["energy"].min(), mine["energy"].max()))
        found.append(
            Drawing(
                *(f"walker-{walker}", "trajectories", f"Walker {walker}"),
                f"E from {low} to {high} in the first {end:,} sweeps of production.",
                f"Energy of walker {walker} against sweeps, between {low} and {high}.",
                partial(plots.plot_trajectory, mine, walker),
                THUMBNAIL,
            )
        )
    return found
