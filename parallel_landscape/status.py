"""What a run folder says about its run, without touching it."""

from __future__ import annotations

import platform
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from parallel_landscape.errors import JobError, RunError
from parallel_landscape.store.result import read_result
from parallel_landscape.store.run_folder import RunFolder, lives

_WIDTH = 130  # of the table where there is no terminal


def status(path: Path) -> dict[str, Any]:
    """Phase, verdict and table of windows of the run in `path`, nan as None. Raises JobError when it is no run folder."""
    folder = RunFolder(path)
    if not folder.submitted.exists():
        raise JobError(
            f"{path} is not a run folder: it has no {folder.submitted.name}; give the folder that `pland run` printed"
        )
    if not folder.result.exists():
        last = folder.last_report() or {"phase": "search"}
        return {"windows": {}, **last, **_sign_of_life(folder)}
    try:
        _, windows, attributes = read_result(folder.result)
        about = {name: str(attributes[name]) for name in ("status", "reason", "normalisation")}
    except (OSError, KeyError) as error:
        raise RunError(f"{folder.result} cannot be read: {error}") from error
    table = {name: [None if value != value else value for value in column.tolist()] for name, column in windows.items()}
    return {"phase": "done", **about, "windows": table, "result": str(folder.result)}


def _sign_of_life(folder: RunFolder) -> dict[str, str]:
    """Whether a run without a result goes on, as far as can be seen from this machine."""
    driver = folder.driver()
    if driver is None or (driver["host"] == platform.node() and not lives(driver["pid"])):
        return {"status": "stopped", "reason": f"go on with: pland resume {folder.path}"}
    return {"status": "under way", "reason": f"process {driver['pid']} on {driver['host']}, {driver['ranks']} ranks"}


def show(path: Path, console: Console | None = None) -> None:
    """Print `status` for people."""
    found = status(path)
    console = console or Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = max(console.width, _WIDTH)
    if found["windows"]:
        console.print(_table(found["windows"]))
    elif "energy" in found:
        console.print(f"search: energies {found['energy'][0]} to {found['energy'][1]} found, round {found['round']}")
    age = f"; last report {time.time() - found['time']:.0f} s ago" if "time" in found else ""
    console.print(f"status: {found['status']} ({found['reason']}){age}", markup=False)
    if "result" in found:
        console.print(f'ln g is {found["normalisation"]}; open it with xarray.open_dataset("{found["result"]}")', markup=False)


_COLUMNS = {
    "energy_low": "from", "energy_high": "to", "finished": "finished", "stage": "stage", "ln_f": "ln f",
    "levels_visited": "visited", "levels_known": "known", "acceptance": "accepted", "exchange_acceptance": "swapped",
    "round_trips": "round trips", "restarts": "late levels", "gap_rms": "gap rms", "gap_largest": "gap max",
}  # fmt: skip


def _table(windows: dict[str, list[Any]]) -> Table:
    shown = [name for name in _COLUMNS if name in windows]
    table = Table(*[_COLUMNS[name] for name in shown], box=None)
    for row in zip(*(windows[name] for name in shown), strict=True):
        table.add_row(*[_cell(name, value) for name, value in zip(shown, row, strict=True)])
    return table


def _cell(name: str, value: Any) -> str:
    if name == "finished":
        return "yes" if value else "no"
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.1e}" if name == "ln_f" else f"{value:.3f}"
    return str(value)
