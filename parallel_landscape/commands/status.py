"""What a run folder says about its run, live, stopped or dead, without touching it."""

from __future__ import annotations

import platform
import time
import tomllib
from pathlib import Path
from typing import Any

from parallel_landscape.ensembles.schedule import Schedule
from parallel_landscape.errors import JobError, RunError
from parallel_landscape.slurm.chain import summary
from parallel_landscape.store import checkpoint
from parallel_landscape.store.result import read_result
from parallel_landscape.store.run_folder import RunFolder, lives

_REPORTED = ("round", "energy", "produced", "ranks", "steps_per_second", "seconds", "checkpoint_seconds")


def status(path: Path, *, ask: bool = True) -> dict[str, Any]:
    """Everything that is known about the run in `path`. Raises JobError when it is no run folder.

    ask: whether SLURM, where there is one, is asked about a run that should be in its queue.

    These keys are always there, with None for what is not known (null in JSON, which has no NaN):

    run                  the folder
    name                 of the job
    state                "running", "elsewhere" (on another machine, where its process cannot be seen), "stopped" (by itself
                         or when asked to), "dead" (its process ended without a word) or "done"
    status, reason       the verdict of result.nc if there is one, else the state in other words; and a sentence
    phase                "search", "learn", "pilot", "equilibrate", "produce" or "done"
    next                 the command to type next; None unless the run can be resumed
    process              {"host", "pid", "ranks", "alive"} of what drives the run; alive is None for another machine
    time, age            of the last report (Unix time), and the seconds since
    round, ranks         of the last report
    seconds              the run has taken so far
    steps_per_second     proposals, all walkers
    seconds_left         until learning or production ends, at the least
    energy               [lowest, highest] found by the search
    produced             [rounds done, rounds wanted] of production
    windows              {column: [a value for each window]}: of `store.schema.WINDOWS`, steps_per_second, seconds_left
    checkpoints          newest first: {"number", "phase", "time", "age", "bytes", "run_seconds", "seconds"}: seconds is
                         what writing it took, run_seconds what the run had taken by then
    checkpoint_seconds   what the last one took
    chain                the links on a SLURM cluster, see `slurm.chain.summary`; None for a run that was never submitted
    result, normalisation    path of result.nc, and whether its ln g is absolute or relative"""
    folder = RunFolder(path)
    if not folder.submitted.exists():
        raise JobError(
            f"{path} is not a run folder: it has no {folder.submitted.name}; give the folder that `pland run` printed"
        )
    result, reports, checkpoints = _result(folder), _reports(folder), _checkpoints(folder)
    found: dict[str, Any] = {"run": str(path), **_job(folder), **_life(folder, result), **_last_report(reports)}
    found |= {"windows": {}, "seconds_left": None, "checkpoints": checkpoints, "result": None, "normalisation": None}
    if result is not None and result["windows"] and _newer(result, found):
        found["windows"] = result["windows"]
    elif reports:
        found["windows"] = _windows(reports)
        _estimate(found, reports, _schedule(folder))
    if result is not None:
        found |= {name: result[name] for name in ("result", "normalisation")}
    found["phase"] = _phase(found, checkpoints)
    if checkpoints:
        found["checkpoint_seconds"] = found["checkpoint_seconds"] or checkpoints[0]["seconds"]
        found["seconds"] = max(found["seconds"] or 0.0, checkpoints[0]["run_seconds"])
    found |= _chained(found, summary(folder, ask=ask and found["state"] != "done"))
    return found | (_solved(folder) if folder.of_solver and result is None else {})


def _solved(folder: RunFolder) -> dict[str, Any]:
    """What is different for a folder of `pland solve` that nobody has analysed: it has no phases, and its job file goes on."""
    if folder.solved.exists():
        reason = f"all attempts are over: {folder.solved.name}; pland analyze {folder.path} looks at their solutions"
        return {"state": "done", "status": "solver", "phase": "solve", "reason": reason, "next": None}
    reason = f"{len(list(folder.finished.glob('*.h5')))} attempts are over; a process that makes more cannot be seen from here"
    again = "pland solve, with the job file that began it"
    return {"state": "elsewhere", "status": "under way", "phase": "solve", "reason": reason, "next": again}


def _chained(found: dict[str, Any], told: dict[str, Any] | None) -> dict[str, Any]:
    """chain and next; and the state of a run whose job has left the queue without a word."""
    over = told is not None and told["lost"] and found["state"] == "elsewhere"
    news = {"state": "dead", "status": "dead", "reason": "its job has left the queue; nothing is lost"} if over else {}
    alone = (found | news)["state"] in ("stopped", "dead") and not (told and told["open"])
    return {**news, "chain": told, "next": f"pland resume {found['run']}" if alone else None}


def _newer(result: dict[str, Any], found: dict[str, Any]) -> bool:
    """Whether the result was written after the last report."""
    return bool(found["state"] != "running" or found["time"] is None or result["time"] > found["time"])


def _result(folder: RunFolder) -> dict[str, Any] | None:
    """What result.nc says; a run that stopped has one too, which is not `complete`."""
    try:
        written = folder.result.stat().st_mtime
        _, windows, attributes = read_result(folder.result)
        about = {name: str(attributes[name]) for name in ("status", "reason", "normalisation")}
    except FileNotFoundError:
        return None
    except (OSError, KeyError, RunError) as error:
        if folder.alive.exists():  # from before the run was resumed; it will be written anew
            return None
        raise error if isinstance(error, RunError) else RunError(f"{folder.result} cannot be read: {error}") from error
    if "steps" not in windows:  # of a run that was analysed before its end
        windows = {}
    table = {name: [None if value != value else value for value in column.tolist()] for name, column in windows.items()}
    complete = str(attributes.get("complete", "no" if about["status"] == "out of time" else "yes")) == "yes"
    return {**about, "windows": table, "complete": complete, "time": written, "result": str(folder.result)}


def _life(folder: RunFolder, result: dict[str, Any] | None) -> dict[str, Any]:
    """state, status, reason and process."""
    if result is not None and result["complete"]:
        return {"state": "done", "status": result["status"], "reason": result["reason"], "process": None}
    driver = folder.driver()
    if driver is None or not {"host", "pid"} <= driver.keys():
        verdict = {name: result[name] for name in ("status", "reason")} if result is not None else {
            "status": "stopped", "reason": "its last checkpoint is kept"
        }  # fmt: skip
        return {"state": "stopped", **verdict, "process": None}
    here = driver["host"] == platform.node()
    process = {"ranks": None, **driver, "alive": lives(driver["pid"], driver.get("born")) if here else None}
    who = f"process {driver['pid']} on {driver['host']}, {process['ranks']} ranks"
    if process["alive"] is None:
        return {
            "state": "elsewhere",
            "status": "under way",
            "reason": f"{who}, as far as can be seen from here",
            "process": process,
        }
    if process["alive"]:
        return {"state": "running", "status": "under way", "reason": who, "process": process}
    return {"state": "dead", "status": "dead", "reason": f"{who}, ended without a word; nothing is lost", "process": process}


def _reports(folder: RunFolder) -> list[dict[str, Any]]:
    """The last two reports, fewer where there are not so many; a folder that cannot be read has none."""
    try:
        return [report for report in folder.last_reports(2) if {"phase", "time"} <= report.keys()]
    except OSError:
        return []


def _last_report(reports: list[dict[str, Any]]) -> dict[str, Any]:
    last = reports[-1] if reports else {}
    when = last.get("time")
    age = None if when is None else max(0.0, time.time() - when)
    return {"time": when, "age": age, "phase": last.get("phase"), **{name: last.get(name) for name in _REPORTED}}


def _phase(found: dict[str, Any], checkpoints: list[dict[str, Any]]) -> str:
    """Of the last report or the last checkpoint, whichever is newer."""
    if found["state"] == "done":
        return "done"
    if checkpoints and (found["time"] is None or checkpoints[0]["time"] > found["time"]):
        return str(checkpoints[0]["phase"])
    return found["phase"] or "search"


def _checkpoints(folder: RunFolder) -> list[dict[str, Any]]:
    """Generations whose manifest can be read, newest first; their files are not read."""
    found = []
    try:
        numbers = sorted((int(path.name) for path in folder.checkpoints.iterdir() if path.name.isdigit()), reverse=True)
    except OSError:
        return []
    for number in numbers:
        try:
            generation = checkpoint.read_generation(folder.checkpoints, number)
            about = generation.about
            row = {"number": number, "phase": str(about["phase"])}
            written, used = float(about["time"]), float(about["seconds"])
        except (OSError, ValueError, KeyError, TypeError, RunError):
            continue  # being written, being removed, or damaged
        age = max(0.0, time.time() - written)
        found.append(
            {
                **row,
                "time": written,
                "age": age,
                "run_seconds": used,
                "bytes": generation.size,
                "seconds": about.get("saving_seconds"),
            }
        )
    return found


def _job(folder: RunFolder) -> dict[str, Any]:
    return {"name": _submitted(folder).get("name")}


def _schedule(folder: RunFolder) -> Schedule:
    section = _submitted(folder).get("ensemble", {})
    return Schedule(**{key: value for key, value in section.items() if key in Schedule.model_fields})


def _submitted(folder: RunFolder) -> dict[str, Any]:
    try:
        return tomllib.loads(folder.submitted.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _windows(reports: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """The last report's table, with the speed of each window since the report before."""
    table = dict(reports[-1].get("windows") or {})
    if "steps" not in table:
        return table
    before = reports[0].get("windows") or {}
    since = reports[-1].get("seconds", 0.0) - reports[0].get("seconds", 0.0)
    comparable = len(reports) > 1 and since > 0 and len(before.get("steps", ())) == len(table["steps"])
    earlier = before["steps"] if comparable else [0] * len(table["steps"])
    seconds = since if comparable else reports[-1].get("seconds", 0.0)
    speeds = [(now - then) / seconds if seconds > 0 and now >= then else None
              for now, then in zip(table["steps"], earlier, strict=True)]  # fmt: skip
    return {**table, "steps_per_second": speeds}


def _estimate(found: dict[str, Any], reports: list[dict[str, Any]], schedule: Schedule) -> None:
    """Add the time left: of production from its rounds, of each learning window from what its schedule still asks for."""
    if found["phase"] == "produce" and found["produced"]:
        found["seconds_left"] = _production_left(reports)
        return
    table = found["windows"]
    if found["phase"] != "learn" or "steps_per_second" not in table:
        return
    rows = zip(
        *(table[name] for name in ("finished", "ln_f", "stage", "levels_known", "walkers", "steps_per_second")), strict=True
    )
    left = [0.0 if row[0] else _learning_left(schedule, found["seconds"], *row[1:]) for row in rows]
    table["seconds_left"] = left
    known = [seconds for seconds in left if seconds is not None]
    found["seconds_left"] = max(known) if len(known) == len(left) else None


def _learning_left(
    schedule: Schedule, seconds: float, ln_f: float, stage: int, levels: int, walkers: int, speed: float | None
) -> float | None:
    """Seconds that a window learns on at the least: 1/t and samc count visits; halving's stages grow as ln f**-1/2."""
    if schedule.schedule == "halving":
        grown = 2.0 ** (stage / 2)
        return seconds * ((ln_f / schedule.ln_f_final) ** 0.5 * grown - grown) / (grown - 1.0) if stage else None
    if not speed:
        return None
    scale = schedule.t0 if schedule.schedule == "samc" else 1.0
    return max(0.0, scale * levels * walkers * (1.0 / schedule.ln_f_final - 1.0 / ln_f) / speed)


def _production_left(reports: list[dict[str, Any]]) -> float | None:
    done, wanted = reports[-1]["produced"]
    if len(reports) < 2 or not reports[0].get("produced"):
        return None
    rounds = done - reports[0]["produced"][0]
    return (wanted - done) * (reports[-1]["seconds"] - reports[0]["seconds"]) / rounds if rounds > 0 else None
