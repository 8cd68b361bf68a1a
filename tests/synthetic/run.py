"""A run folder with everything that a report can show, each variable declared in the schema."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.store.result import write_groups
from parallel_landscape.store.run_folder import RunFolder
from parallel_landscape.store.schema import JOINT_PREFIX

LEVELS, WINDOWS = 22, 4
OBSERVABLES = {"overlap-teacher": ("1", "overlap with the teacher"), "test-error": ("1", "fraction of test patterns wrong")}
ATTRIBUTES: dict[str, Any] = {
    "status": "converged",
    "reason": "every window finished its schedule and the windows agree where they overlap",
    "normalisation": "absolute",
    "complete": "yes",
    "seed": "1",
    "version": "0.1.0",
    "estimator": "mbar",
    "observables": list(OBSERVABLES),
    "analysis_status": "complete",
    "analysis_notes": ["beta above 3.2 is not covered by the sampled levels"],
}
JOB = """name = {name}
seed = 1

[landscape]
model = "binary-perceptron"
inputs = 21

[landscape.data]
source = "teacher"
patterns = 21

[ensemble]
schedule = "1/t"
ln_f_final = 1e-6
largest_gap = 0.1

[exchange]
windows = [[0, 8], [4, 12], [8, 16], [12, 21]]
walkers_per_window = 2

[production]
rounds = 100
weights = true
observables = ["overlap-teacher", "test-error"]

[run]
repeats = 2
"""


def whole_result() -> dict[str, dict[str, Any]]:
    """Values of every group: the binomial entropy of 21 free spins, with made-up errors and averages."""
    rng = np.random.default_rng(1)
    energy = np.arange(LEVELS)
    ln_g = np.array([math.lgamma(22) - math.lgamma(k + 1) - math.lgamma(22 - k) for k in energy])
    error = 0.002 + 0.03 * np.exp(-energy / 2.0)
    gap = np.where(energy == 1, np.nan, 1.0)  # a level that was seen and has no value
    root: dict[str, Any] = {"energy": energy, "ln_g": ln_g * gap, "ln_g_error": error * gap}
    root |= {"visited": gap == 1.0, "known": np.ones(LEVELS), "histogram": np.full(LEVELS, 10**6)}
    for name, size in (("learned", 2.0), ("mbar", 1.0), ("transition", 1.4)):
        root[f"ln_g_{name}"] = root["ln_g"] + size * error * rng.normal(size=LEVELS)
        root[f"ln_g_{name}_error"] = size * error * gap
    root |= {"samples": np.full(LEVELS, 9000), "effective_samples": np.full(LEVELS, 700.0) * gap}
    for name, slope in (("overlap-teacher", -0.04), ("test-error", 0.02)):
        root[name] = (0.9 if slope < 0 else 0.05) + slope * energy
        root[f"{name}_error"] = np.full(LEVELS, 0.004)
        root[f"{name}_variance"] = np.full(LEVELS, 0.01)
    groups = {"": root, "windows": _windows(), "canonical": _canonical(energy, ln_g), "overlap": _overlap()}
    for name in OBSERVABLES:
        edges = np.linspace(-1.0, 1.0, 43) if name == "overlap-teacher" else np.linspace(0.0, 1.0, 41)
        centres = (edges[1:] + edges[:-1]) / 2
        joint = ln_g[:, None] - (centres - root[name][:, None]) ** 2 / 0.02
        joint[joint < ln_g[:, None] - 6.0] = np.nan
        values = {"energy": energy, "edges": edges, "ln_g": joint, "counts": np.where(np.isnan(joint), 0, 50)}
        groups[JOINT_PREFIX + name] = {**values, "ln_g_error": np.where(np.isnan(joint), np.nan, 0.1)}
    return groups


def _windows() -> dict[str, Any]:
    last = [np.nan]
    low, high = np.array([0, 4, 8, 12]), np.array([8, 12, 16, 21])
    ones = np.ones(WINDOWS, int)
    return {
        "energy_low": low,
        "energy_high": high,
        "walkers": 4 * ones,
        "reached": 4 * ones,
        "finished": ones,
        "ln_f": 1e-6 * ones,
        "stage": 17 * ones,
        "flatness": 0.98 * ones,
        "restarts": 0 * ones,
        "levels_known": high - low + 1,
        "levels_visited": high - low + 1,
        "steps": 10**9 * ones,
        "acceptance": np.array([0.5, 0.7, 0.7, 0.4]),
        "exchange_acceptance": np.array([0.3, 0.25, 0.2, *last]),
        "round_trips": np.array([40, 31, 38, 45]),
        "gap_rms": np.array([0.002, 0.004, 0.0, *last]),
        "gap_largest": np.array([0.006, 0.02, 0.0, *last]),
        "autocorrelation_time": 30.0 + 10 * ones,
        "effective_samples": 900.0 * ones,
        "diffusion": 0.2 * ones,
    }


def _canonical(energy: NDArray[np.int64], ln_g: NDArray[np.float64]) -> dict[str, Any]:
    beta = np.linspace(0.0, 4.0, 81)
    weight = np.exp(ln_g - beta[:, None] * energy)
    total = weight.sum(axis=1)
    mean = (weight @ energy) / total
    variance = (weight @ energy**2) / total - mean**2
    with np.errstate(divide="ignore", invalid="ignore"):
        free = np.where(beta > 0, -np.log(total) / beta, np.nan)
    found: dict[str, Any] = {"beta": beta, "covered": beta <= 3.2, "energy_mean": mean, "heat_capacity": beta**2 * variance}
    found |= {"free_energy": free, "entropy": np.log(total) + beta * mean}
    for name in OBSERVABLES:
        found[name] = 0.9 - 0.04 * mean if name == "overlap-teacher" else 0.05 + 0.02 * mean
    return found | {f"{name}_error": np.full(len(beta), 0.02) for name in found if name not in ("beta", "covered")}


def _overlap() -> dict[str, Any]:
    q = np.linspace(-1.0, 1.0, 22)
    low = np.array([0, 4, 8, 12, 16])
    law = np.exp(-((q - np.array([0.6, 0.4, 0.25, 0.1, 0.0])[:, None]) ** 2) / 0.1)
    law /= law.sum(axis=1, keepdims=True)
    within = np.exp(-((q - 0.8) ** 2) / 0.05) * np.ones((5, 1))
    within /= within.sum(axis=1, keepdims=True)
    found = {"q": q, "energy_low": low, "energy_high": low + 3, "pairs": np.full(5, 10**6), "probability": law}
    return found | {"probability_error": 0.05 * law, "pairs_within": np.full(5, 10**5), "probability_within": within}


def write_run(path: Path, name: str = "synthetic", groups: dict[str, dict[str, Any]] | None = None, **attributes: Any) -> Path:
    """A run folder that is done, with a result of all groups, reports of learning and provenance; no checkpoints."""
    folder = RunFolder(path)
    folder.create()
    text = JOB.format(name=json.dumps(name))
    folder.submitted.write_text(text)
    folder.job.write_text(text)
    folder.provenance.write_text(json.dumps({"version": "0.1.0", "machine": {"host": name}, "ranks": 2, "earlier": []}))
    for number in range(1, 30):
        folder.report(report_line("learn", 7.0 * number, 2.0**-number))
    write_groups(folder.result, whole_result() if groups is None else groups, ATTRIBUTES | attributes, OBSERVABLES)
    return path


def report_line(phase: str, seconds: float, ln_f: float) -> dict[str, Any]:
    """A line of progress.jsonl."""
    table = {name: np.asarray(values).tolist() for name, values in _windows().items() if name not in ("gap_rms", "gap_largest")}
    table |= {"ln_f": [ln_f * (1 + 0.3 * window) for window in range(WINDOWS)], "exchange_acceptance": [0.3, 0.25, 0.2, None]}
    table["levels_visited"] = [min(9, 3 + int(seconds / 20)) for _ in range(WINDOWS)]
    about = {"phase": phase, "time": 1e9 + seconds, "round": int(seconds), "most_rounds": None, "ranks": 2}
    return {**about, "steps_per_second": 1e8, "windows": table, "seconds": seconds, "checkpoint_seconds": 0.01}
