"""The verdict on a run: a sentence with the largest error bar, and what to do where the run is not converged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parallel_landscape.commands.status_view import duration
from parallel_landscape.report.material import Material
from parallel_landscape.report.numbers import number

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
    "repeats disagree": "Walkers of some repeat cannot leave some of their states: use wider windows, or a range of energies "
    "that is not cut.",
    "walkers disagree": "Do not trust these means: put more temperatures above, with exchange, or equilibrate from them.",
    "not in equilibrium": "Give the run more equilibration_rounds, or take a shorter [dynamics] step; do not trust its means.",
    "not equilibrated": "Give the run more [ensemble] equilibration_rounds and [production] rounds.",
    "broken ladder": "Put more temperatures, or values of gamma, where neighbours hardly ever change places.",
    "too short": "Give the run more [production] rounds: nothing can be said of errors.",
    "unvisited levels": "Levels that were seen have no value: learn longer (a smaller ln_f_final) or add walkers_per_window.",
}
LARGE_ERROR = 1.0  # of ln g: the number of states is then unknown by more than a factor e
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
        doubts = _doubts(material)
        kind = "warning" if doubts else "good"
        word = " ".join([word, *doubts])
    else:
        kind = "bad" if word in _BAD else "warning"
    sentence = " ".join(filter(None, (f"{reason[:1].upper()}{reason[1:]}.", _stage(material), errors(material))))
    return Verdict(kind, word, sentence, _advice(material))


def _doubts(material: Material) -> list[str]:
    """What a reader has to know of a converged run before all else: the sampling may be done and the numbers still be poor."""
    result, doubts = material.result, []
    if result is not None and np.nanmax(result["ln_g_error"].values, initial=0.0) > LARGE_ERROR:
        doubts.append("but with large errors")
    if str(material.attributes.get("analysis_status", "complete")) != "complete":
        doubts.append("but with records missing")
    return doubts


def _stage(material: Material) -> str:
    """How far a run has got that has no verdict of its own yet."""
    found = material.status
    if found["state"] not in ("running", "elsewhere", "dead"):
        return ""
    left = f", at least {duration(found['seconds_left'])} left" if found["seconds_left"] else ""
    if found["phase"] == "produce" and found["produced"]:
        return f"Production: round {found['produced'][0]:,} of {found['produced'][1]:,}{left}."
    if "ln_f" not in found["windows"]:
        return f"Phase: {found['phase']}{left}."
    finished, final = found["windows"]["finished"], material.job.get("ensemble", {}).get("ln_f_final")
    asked = f" ({number(final, 2)} is asked for)" if final else ""
    largest = number(max(found["windows"]["ln_f"]), 2)
    told = f"{sum(map(bool, finished))} of {len(finished)} windows have finished"
    return f"Learning: {told}, the largest ln f is {largest}{asked}{left}."


def errors(material: Material) -> str:
    """The largest standard error of ln g, where it is and what it comes from; or that there is none."""
    if material.thermal:
        return _errors_of_means(material)
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
    return f"The largest standard error of ln g is {number(error[worst], 2)}, at {where}, {source}.{rest}"


def _errors_of_means(material: Material) -> str:
    """The same of the mean energies of continuous weights."""
    windows = material.groups.get("windows")
    if windows is None or "energy_mean_error" not in windows or not np.isfinite(windows["energy_mean_error"].values).any():
        return "There are no error bars: production was too short for them."
    errors = windows["energy_mean_error"].values
    worst = int(np.nanargmax(errors))
    mean, beta = (number(windows[name].values[worst], 4) for name in ("energy_mean", "beta"))
    return f"The largest standard error of a mean energy is {number(errors[worst], 2)}, of {mean} at β\u00a0=\u00a0{beta}."


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
    if result is not None and np.nanmax(result["ln_g_error"].values, initial=0.0) > LARGE_ERROR:
        advice.append(
            "Where the error of ln g is above 1, the number of states is unknown by more than a factor e: compare the "
            "estimators below, and learn or record longer."
        )
    if result is not None and not np.isfinite(result["ln_g_error"]).any():
        advice.append("For error bars, set [run] repeats = 2 or more: independent whole runs inside one job.")
    return advice
