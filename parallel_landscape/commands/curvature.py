r"""`pland curvature`: the Hessian at recorded weights of each temperature, as a table and a file.

Of the eigenvalues k of the Hessian of the energy at one sample of weights (`paths.curvature`, from gradients alone): their sum,
the largest ones, and sum_i k_i/(k_i + p T), the directions that are held rather by the energy than by a prior of precision p at
temperature T. On a sphere the uniform measure stands in for the prior: each direction has the variance |w|^2/n under it, 1/p.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from parallel_landscape.commands.path_runs import Samples, read_samples
from parallel_landscape.driver.provenance import version
from parallel_landscape.driver.restore import load_run_job
from parallel_landscape.errors import JobError
from parallel_landscape.paths.curvature import hessian, largest, spectrum
from parallel_landscape.smooth import SmoothLandscape
from parallel_landscape.store.catalogue import read_catalogue
from parallel_landscape.store.curvature_schema import CURVATURE
from parallel_landscape.store.result import write_table
from parallel_landscape.store.run_folder import RunFolder

F = NDArray[np.float64]
BENT = ("violations", "hinge")  # losses whose curvature sits in steps and kinks, where no difference of gradients finds it
MEANS = {
    "trace": "sample_trace",
    "largest": "eigenvalue",
    "directions": "sample_directions",
    "participation": "sample_participation",
}


@dataclass(frozen=True)
class How:
    """times: moments of each chain; top: eigenvalues kept, 0: none; probes, steps: random vectors of Lanczos, and its steps.

    cut: instead of prior times temperature.
    """

    times: int = 8
    top: int = 20
    probes: int = 2
    steps: int = 60
    cut: float | None = None


def find_curvature(
    run: Path, output: Path | None = None, windows: Sequence[int] | None = None, how: How | None = None
) -> tuple[Path, dict[str, Any]]:
    """Measure at the recorded weights of a run and write the file; returns its path and its variables.

    windows: numbers of the temperatures, the coldest is 0; all when left out. In this process alone, with one thread: the same
    bits everywhere. Raises JobError for what cannot be had, RunError for damaged files.
    """
    how, path = how or How(), run.expanduser().resolve()
    _check(output, how)
    there = _windows(path)
    chosen = there if windows is None else list(dict.fromkeys(windows))
    if absent := [window for window in chosen if window not in there]:
        raise JobError(f"--windows {' '.join(map(str, absent))}: {path} has records in {', '.join(map(str, there))} alone.")
    with threadpool_limits(1):
        rows = [measure(read_samples(path, how.times, window), how) for window in chosen]
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    chains = len(np.unique(table["chain"]))
    about = {"version": version(), "run": str(path), "error_from": "chains" if chains > 1 else "samples"}
    used = {"times": how.times, "probes": how.probes, "steps": how.steps}
    output = output or path / "curvature.nc"
    write_table(output, CURVATURE, table, {**about, **used})
    return output, table


def measure(samples: Samples, how: How) -> dict[str, Any]:
    """The variables of `CURVATURE` of one temperature, without the dimension `window`. Raises JobError without a Hessian."""
    chains, times, size = samples.weights.shape
    weights = samples.weights.reshape(-1, size)
    cut = _cut(samples, how)
    found = curvatures(_smooth(samples), weights, cut, how)
    row: dict[str, Any] = {"window": samples.window, "beta": samples.beta, "cut": cut, **found}
    row |= {"chain": np.repeat(np.arange(chains), times), "energy": samples.energies(weights)}
    for name, each in MEANS.items():
        values = found[each][:, 0] if name == "largest" else found[each]
        row[name], row[f"{name}_error"] = mean_of(values.reshape(chains, times))
    return row


def curvatures(landscape: SmoothLandscape, weights: F, cut: float, how: How) -> dict[str, F]:
    """The variables `sample_...` and `eigenvalue`, but for the first dimension, at each of `weights` (R, n).

    cut: curvature from which on a direction counts, in units of the energy; nan: `sample_directions` is nan.
    """
    found: dict[str, list[Any]] = {name: [] for name in CURVATURE if name.startswith("sample_") or name == "eigenvalue"}
    for number, one in enumerate(weights):
        matrix = hessian(landscape.energy_gradient, one, landscape.sphere)
        density = spectrum(matrix, how.probes, how.steps, number)
        directions = density.dimension(cut) if cut > 0 else (math.nan, math.nan)
        pairs = {"trace": density.trace(), "directions": directions}
        for name, (value, error) in pairs.items():
            found[f"sample_{name}"].append(value)
            found[f"sample_{name}_error"].append(error)
        found["sample_participation"].append(density.participation())
        top = min(how.top, landscape.size - 1)
        found["eigenvalue"].append(largest(matrix, top) if top else np.zeros(0))
    return {name: np.array(values) for name, values in found.items()}


def mean_of(values: F) -> tuple[float, float]:
    """Mean of (chains, times) and its standard error: over the means of chains, over times where there is one chain."""
    each = values.mean(axis=1) if len(values) > 1 else values[0]
    return float(each.mean()), float(each.std(ddof=1) / math.sqrt(len(each))) if len(each) > 1 else math.nan


def _smooth(samples: Samples) -> SmoothLandscape:
    landscape, loss = samples.landscape, samples.job.landscape.get("loss")
    if not isinstance(landscape, SmoothLandscape):
        raise JobError(f"{samples.path}: {samples.job.model_name} has no gradient, and so no curvature.")
    if loss in BENT:
        raise JobError(f'{samples.path}: the loss "{loss}" has its curvature in steps and kinks; a Hessian says nothing of it.')
    if landscape.size < 2:
        raise JobError(f"{samples.path}: with a single weight there is one curvature and no spectrum.")
    return landscape


def _cut(samples: Samples, how: How) -> float:
    """Prior times temperature; nan where one of them is missing."""
    if how.cut is not None:
        return how.cut
    landscape = _smooth(samples)
    prior = landscape.size / landscape.sphere if landscape.sphere else landscape.prior
    cut = prior / samples.beta if samples.beta > 0 else math.nan
    return cut if cut > 0 else math.nan


def _windows(path: Path) -> list[int]:
    """Numbers of the windows that have been sampled."""
    load_run_job(RunFolder(path))  # says what is wrong with a folder that is none of a run
    catalogue = read_catalogue(path)
    if not catalogue.segments:
        raise JobError(f"{path} has recorded no weights; run its job with [production] weights = true.")
    frozen = catalogue.frozen()
    return [int(window) for window in np.unique(frozen.window[frozen.reached > 0])]


def _check(output: Path | None, how: How) -> None:
    wrong = []
    if output is not None and output.suffix != ".nc":
        wrong.append(f"--output {output}: the file is netCDF, so its name ends with .nc.")
    if output is not None and not output.expanduser().parent.is_dir():
        wrong.append(f"--output {output}: there is no folder {output.parent}; make it first.")
    for name, value, least in (
        ("times", how.times, 1),
        ("largest", how.top, 1),
        ("probes", how.probes, 1),
        ("steps", how.steps, 2),
    ):
        if value < least:
            wrong.append(f"--{name} {value}: {least} or more is needed.")
    if how.cut is not None and not 0 < how.cut < math.inf:
        wrong.append(f"--cut {how.cut}: a number above 0 is needed, in units of the energy.")
    if wrong:
        raise JobError(wrong)


def lines(output: Path, table: dict[str, Any]) -> list[str]:
    """The outcome for a person."""
    found = [f"{'window':>6} {'beta':>10} {'cut':>10}   {'trace':>21} {'largest':>21} {'directions':>21} {'participation':>21}"]
    for place, window in enumerate(table["window"]):
        cells = [f"{float(table[name][place]):10.5g}" for name in ("beta", "cut")]
        told = [f"{_pair(table[name][place], table[f'{name}_error'][place]):>21}" for name in MEANS]
        found.append(f"{window:6d} {' '.join(cells)}   {' '.join(told)}")
    samples, chains = table["chain"].shape[1], len(np.unique(table["chain"]))
    found.append(f"{samples} samples of each; errors are over {'chains' if chains > 1 else 'samples of one chain'}")
    if not np.isfinite(table["cut"]).all():
        found.append("directions need a temperature and a prior or a sphere; else give --cut")
    return [*found, str(output)]


def _pair(value: float, error: float) -> str:
    return "-" if not math.isfinite(value) else f"{value:.5g} +- {error:.2g}"
