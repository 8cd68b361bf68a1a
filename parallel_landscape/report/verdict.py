"""The verdict on a run: a sentence with the largest error bar, and what to do where the run is not converged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parallel_landscape.report.material import Material

# What to do about each status of `outcome`; a run that can be resumed is told so besides.
ADVICE = {
    "limited by the clock": (
        "Raise or remove [ensemble] max_sweeps, make the windows that did not finish wider, or add [exchange] "
        "walkers_per_window; then run the job anew."
    ),
    "unreached windows": (
        "Raise [exchange] search_sweeps, ask for fewer or wider windows, or give [exchange] energy a range that can be reached."
    ),
    "broken join": (
        "Trust ln g on either side of the broken join only. Widen [exchange] overlap or add walkers_per_window; with the "
        'schedule "halving", change to "1/t".'
    ),
    "unvisited levels": "Levels that were seen have no value: learn longer (a smaller ln_f_final) or add walkers_per_window.",
}
_BAD = ("broken join", "unreached windows", "dead", "damaged")


@dataclass(frozen=True)
class Verdict:
    """kind: "good", "live", "warning" or "bad"; word: the status; sentence; advice: what to do, most important first."""

    kind: str
    word: str
    sentence: str
    advice: list[str]


def judge(material: Material) -> Verdict:
    """The verdict on the run."""
    found = material.status
    word, reason = str(found["status"]), str(found["reason"]).rstrip(".")
    if found["state"] in ("running", "elsewhere"):
        kind = "live"
    elif word == "converged":
        kind = "good"
    else:
        kind = "bad" if word in _BAD else "warning"
    sentence = f"{reason[:1].upper()}{reason[1:]}. {errors(material)}".strip()
    return Verdict(kind, word, sentence, _advice(material))


def errors(material: Material) -> str:
    """The largest standard error of ln g, where it is and what it comes from; or that there is none."""
    result = material.result
    if result is None or not np.isfinite(result["ln_g"]).any():
        return "No level has a value of ln g yet."
    error = np.where(np.isfinite(result["ln_g"]), result["ln_g_error"].values, np.nan)
    if not np.isfinite(error).any():
        return "There are no error bars: independent data are needed for them."
    worst = int(np.nanargmax(error))
    estimator = {"mbar": "MBAR", "transition-matrix": "the transition matrix"}.get(str(result.attrs.get("estimator", "")))
    repeats = material.job.get("run", {}).get("repeats", 1)
    source = f"from {estimator}" if estimator else f"over {repeats} independent repeats"
    without = int((np.isfinite(result["ln_g"].values) & ~np.isfinite(error)).sum())
    rest = f" {without} levels have a value but no error bar." if without else ""
    where = f"E\u00a0=\u00a0{int(result['energy'][worst])}"
    return f"The largest standard error of ln g is {error[worst]:.2g}, at {where}, {source}.{rest}"


def _advice(material: Material) -> list[str]:
    found, run = material.status, material.folder.path
    advice = []
    if found["next"]:
        advice.append(f"Go on with `{found['next']}`.")
    if found["state"] in ("running", "elsewhere"):
        advice.append(f"Follow it with `pland status {run} --watch`; `pland report {run}` writes this page anew.")
    if found["status"] in ADVICE:
        advice.append(ADVICE[found["status"]])
    result = material.result
    if result is not None and not np.isfinite(result["ln_g_error"]).any():
        advice.append("For error bars, set [run] repeats = 2 or more: independent whole runs inside one job.")
    return advice
