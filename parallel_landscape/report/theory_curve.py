"""The theory beside the data: which curve belongs to a job, and the figures in which it is laid over what was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from parallel_landscape.analysis import plots
from parallel_landscape.errors import PlandError
from parallel_landscape.report.drawing import Drawing
from parallel_landscape.report.numbers import number

if TYPE_CHECKING:
    from parallel_landscape.report.material import Material


@dataclass(frozen=True)
class Theory:
    """A curve of the theory for a network of `inputs` weights and `patterns` patterns: energy_per_pattern, entropy (per weight)
    and beta over `point`; name and remark."""

    inputs: int
    patterns: int
    curve: xr.Dataset
    name: str
    remark: str


def theory_of(job: dict[str, Any]) -> Theory | None:
    """The curve for a job as resolved; None where there is no theory for its landscape and data."""
    from parallel_landscape.theory.curve import curve_for

    landscape = job.get("landscape", {})
    data, inputs = landscape.get("data", {}), landscape.get("inputs")
    count = data.get("patterns", round(data["alpha"] * inputs) if inputs and "alpha" in data else None)
    if not inputs or not count or data.get("flip_labels") or landscape.get("model") != "binary-perceptron":
        return None
    source = "random" if data.get("source") == "teacher" and data.get("shuffle_labels") else data.get("source", "")
    if data.get("shuffle_labels") and source != "random":
        return None
    latent = data.get("alpha_latent", count / data["latent"] if data.get("latent") else None)
    try:
        found = curve_for("binary-perceptron", source, count / inputs, latent, data.get("nonlinearity", "sign"))
    except PlandError:
        return None
    if found is None:
        return None
    columns = {"energy_per_pattern": found.energy_per_pattern, "entropy": found.entropy, "beta": found.beta}
    return Theory(
        inputs, count, xr.Dataset({key: ("point", value) for key, value in columns.items()}), found.name, found.remark
    )


def theory_drawings(material: Material) -> list[Drawing]:
    """s(e) and e(beta) with the curves of the theory, where both are there."""
    theory = theory_of(material.job)
    if theory is None:
        return []
    found, result = [], material.result
    if result is not None and "ln_g" in result and np.isfinite(result["ln_g"]).any():
        measured = per_weight(result, theory)
        apart = np.abs(measured["difference"].values)
        worst = int(np.nanargmax(apart))
        place = f"{number(apart[worst], 2)} at E/P = {number(measured['energy_per_pattern'].values[worst], 2)}"
        shift = "" if result.attrs.get("normalisation") == "absolute" else (
            " The measured curve is relative: it was shifted so that its largest value lies on the theory."
        )  # fmt: skip
        found.append(
            Drawing(
                *("theory-entropy", "theory", "s(e) = ln g / N and the theory"),
                f"{theory.remark} Here ln(N)/(2N) = {number(math.log(theory.inputs) / (2 * theory.inputs), 2)}, and the "
                f"largest difference is {place}.{shift}",
                f"Entropy per weight against the fraction of errors, measured and in theory ({theory.name}); they differ by "
                f"{place} at most.",
                partial(plots.plot_entropy_theory, measured, theory.curve, name=theory.name),
            )
        )
    table = _energies(material)
    if table is not None:
        found.append(
            Drawing(
                *("theory-energy", "theory", "e(β) and the theory"),
                f"Mean fraction of errors at each inverse temperature. {theory.remark}",
                f"Mean fraction of errors against the inverse temperature, measured and in theory ({theory.name}).",
                partial(plots.plot_energy_theory, table / theory.patterns, theory.curve, name=theory.name),
            )
        )
    return found


def per_weight(result: xr.Dataset, theory: Theory) -> xr.Dataset:
    """The measured s = ln g/N, its error, and s minus the theory, over E/P; a relative ln g is shifted to the theory's top."""
    energy = result["energy"].values / theory.patterns
    entropy, error = result["ln_g"].values / theory.inputs, result["ln_g_error"].values / theory.inputs
    x, s = theory.curve["energy_per_pattern"].values, theory.curve["entropy"].values
    expected = np.interp(energy, x, s, left=np.nan, right=np.nan)
    if result.attrs.get("normalisation") != "absolute":
        entropy = entropy + (expected - entropy)[np.nanargmax(np.where(np.isfinite(expected), entropy, np.nan))]
    columns = {"energy_per_pattern": energy, "entropy": entropy, "error": error, "difference": entropy - expected}
    return xr.Dataset({key: ("level", value) for key, value in columns.items()})


def _energies(material: Material) -> xr.Dataset | None:
    """Mean energies over beta: from the records, else from the temperatures of the run."""
    if "canonical" in material.groups:
        table = material.groups["canonical"]
        return table[["energy_mean", "energy_mean_error"]].where(table["covered"] == 1).set_coords([])
    windows = material.groups.get("windows")
    if windows is None or not {"beta", "energy_mean", "energy_mean_error"} <= set(windows) or "gamma" in windows:
        return None
    return windows[["beta", "energy_mean", "energy_mean_error"]].swap_dims(window="beta").set_coords("beta")
