"""The theory beside the data: which curve belongs to a job, and the figures in which it is laid over what was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from parallel_landscape.analysis import plots
from parallel_landscape.errors import PlandError
from parallel_landscape.report.drawing import Drawing
from parallel_landscape.report.numbers import number

if TYPE_CHECKING:
    from parallel_landscape.report.material import Material


LOSSES = {"violations": "errors", "hinge": "hinge", "quadratic": "quadratic"}  # of a job, and what the theory calls them
MODELS = ("binary-perceptron", "spherical-perceptron", "margin-perceptron")
COLDEST = 1e4


@dataclass(frozen=True)
class Theory:
    """A curve of the theory for a network of `inputs` weights and `patterns` patterns, with its name and a remark.

    curve: energy_per_pattern, entropy (per weight), beta and, with a teacher, generalisation_error over `point`. unit: what a
    loss of 1 of one pattern adds to the energy of the job. counts: whether the loss of a pattern is 0 or 1.
    """

    inputs: int
    patterns: int
    curve: xr.Dataset
    name: str
    remark: str
    unit: float = 1.0
    counts: bool = True

    @property
    def scale(self) -> float:
        """The energy at which each pattern has a loss of 1."""
        return self.patterns * self.unit

    @property
    def what(self) -> str:
        """Of which the curves are."""
        return "fraction of errors" if self.counts else "loss per pattern"


def theory_of(job: dict[str, Any]) -> Theory | None:
    """The curve for a job as resolved; None where there is no theory for its landscape and data."""
    from parallel_landscape.theory.curve import curve_for

    landscape = job.get("landscape", {})
    model, data, inputs = landscape.get("model"), landscape.get("data", {}), landscape.get("inputs")
    count = data.get("patterns", round(data["alpha"] * inputs) if inputs and "alpha" in data else None)
    if not inputs or not count or data.get("flip_labels") or model not in MODELS:
        return None
    source = "random" if data.get("source") == "teacher" and data.get("shuffle_labels") else data.get("source", "")
    if data.get("shuffle_labels") and source != "random":
        return None
    latent = data.get("alpha_latent", count / data["latent"] if data.get("latent") else None)
    loss = LOSSES.get(landscape.get("loss", "quadratic"), "") if model == "spherical-perceptron" else "errors"
    unit = 1.0 / count if landscape.get("convention") == "mean" else 1.0
    sphere = {"kappa": landscape.get("kappa", 0.0), "loss": loss, "coldest": _coldest(job) * unit}
    try:
        found = curve_for(model, source, count / inputs, latent, data.get("nonlinearity", "sign"), **sphere)
    except PlandError:
        return None
    if found is None:
        return None
    columns = {"energy_per_pattern": found.energy_per_pattern, "entropy": found.entropy, "beta": found.beta / unit}
    if found.generalisation_error is not None:
        columns["generalisation_error"] = found.generalisation_error
    curve = xr.Dataset({key: ("point", value) for key, value in columns.items()})
    return Theory(inputs, count, curve, found.name, found.remark, unit, loss == "errors")


def _coldest(job: dict[str, Any]) -> float:
    """The largest finite beta of a job, where temperatures are given; else what brings s(e) near to its end."""
    given = job.get("ensemble", {})
    ends: dict[str, list[float]] = {}
    for name in ("beta", "betas", "temperatures"):
        value = given.get(name, [])
        ends[name] = list(value) if isinstance(value, list) else [value]
        if isinstance(value, dict):  # a ladder that has not been laid yet
            ends[name] = [value["min"], value["max"]]
    betas = [*ends["beta"], *ends["betas"], *(1 / t for t in ends["temperatures"] if t > 0)]
    return max((1.2 * beta for beta in betas if 0 < beta < math.inf), default=COLDEST)


def theory_drawings(material: Material) -> list[Drawing]:
    """s(e), the test error and e(beta) with the curves of the theory, where both are there."""
    theory = theory_of(material.job)
    if theory is None:
        return []
    found, result, table = [], material.result, _energies(material)
    if result is not None and np.isfinite(result["ln_g"]).any():
        found.append(_entropy(result, theory))
        if "test-error" in result and "generalisation_error" in theory.curve:
            found.append(_test_error(result, theory))
    if table is not None:
        found.append(
            Drawing(
                *("theory-energy", "theory", "e(β) and the theory"),
                f"Mean {theory.what} at each inverse temperature. {theory.remark}",
                f"Mean {theory.what} against the inverse temperature, measured and in theory ({theory.name}).",
                partial(plots.plot_energy_theory, table / theory.scale, theory.curve, name=theory.name),
            )
        )
    return found


def _entropy(result: xr.Dataset, theory: Theory) -> Drawing:
    measured = per_weight(result, theory)
    place = _largest(measured["difference"].values, measured["energy_per_pattern"].values)
    shift = "" if result.attrs.get("normalisation") == "absolute" else (
        " The measured curve is relative: it was shifted so that its largest value lies on the theory."
    )  # fmt: skip
    return Drawing(
        *("theory-entropy", "theory", "s(e) = ln g / N and the theory"),
        f"{theory.remark} Here ln(N)/(2N) = {number(math.log(theory.inputs) / (2 * theory.inputs), 2)}, and the "
        f"largest difference is {place}.{shift}",
        f"Entropy per weight against the {theory.what}, measured and in theory ({theory.name}); they differ by {place} at "
        "most.",
        partial(plots.plot_entropy_theory, measured, theory.curve, name=theory.name, what=theory.what),
    )


def _test_error(result: xr.Dataset, theory: Theory) -> Drawing:
    energy = result["energy"].values / theory.scale
    columns = {"energy_per_pattern": energy, "error": result["test-error"], "spread": result["test-error_error"]}
    measured = xr.Dataset({key: ("level", np.asarray(value, float)) for key, value in columns.items()})
    expected = np.interp(energy, theory.curve["energy_per_pattern"], theory.curve["generalisation_error"], np.nan, np.nan)
    place = _largest(measured["error"].values - expected, energy)
    return Drawing(
        *("theory-test-error", "theory", "Generalisation error and the theory"),
        "Errors of typical states on patterns that they have not seen, at each fraction of errors on those that they have. The "
        f"curve is replica-symmetric, N to infinity, and a mean over training sets; one set of finite size lies off it. The "
        f"largest difference is {place}.",
        f"Generalisation error against the fraction of errors, measured and in theory ({theory.name}); they differ by {place} "
        "at most.",
        partial(plots.plot_test_error_theory, measured, theory.curve, name=theory.name),
    )


def _largest(difference: NDArray[np.float64], energy: NDArray[np.float64]) -> str:
    """How far apart measured and theory are, and where; where they nowhere meet, that."""
    if not np.isfinite(difference).any():
        return "not known, as no measured energy lies on the curve"
    worst = int(np.nanargmax(np.abs(difference)))
    return f"{number(abs(difference[worst]), 2)} at E/P = {number(energy[worst], 2)}"


def per_weight(result: xr.Dataset, theory: Theory) -> xr.Dataset:
    """The measured s = ln g/N, its error, and s minus the theory, over E/P; a relative ln g is shifted to the theory's top."""
    energy = result["energy"].values / theory.scale
    entropy, error = result["ln_g"].values / theory.inputs, result["ln_g_error"].values / theory.inputs
    x, s = theory.curve["energy_per_pattern"].values, theory.curve["entropy"].values
    expected = np.interp(energy, x, s, left=np.nan, right=np.nan)
    if result.attrs.get("normalisation") != "absolute" and np.isfinite(expected + entropy).any():
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
