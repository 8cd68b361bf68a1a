"""What a run folder says about its run, without touching it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from parallel_landscape.errors import JobError
from parallel_landscape.store.result import read_result
from parallel_landscape.store.run_folder import RunFolder


def status(path: Path) -> dict[str, Any]:
    """Phase, verdict and table of windows of the run in `path`. Raises JobError when it is no run folder."""
    folder = RunFolder(path)
    if not folder.submitted.exists():
        raise JobError(f"{path} is not a run folder: it has no {folder.submitted.name}; give the folder that `pland run` printed")
    if folder.result.exists():
        _, windows, attributes = read_result(folder.result)
        table = {name: column.tolist() for name, column in windows.items()}
        return {"phase": "done", "status": attributes["status"], "reason": attributes["reason"], "windows": table,
                "normalisation": attributes["normalisation"], "result": str(folder.result)}  # fmt: skip
    last = folder.last_report()
    if last is None:
        return {"phase": "search", "status": "no report yet", "windows": {}}
    return {**last, "status": "under way"}


def show(path: Path, console: Console | None = None) -> None:
    """Print `status` for people."""
    found = status(path)
    console = console or Console(highlight=False, soft_wrap=True)
    if found["windows"]:
        console.print(_table(found["windows"]))
    console.print(f"status: {found['status']}" + (f" ({found['reason']})" if found.get("reason") else ""))
    if "result" in found:
        console.print(f"ln g is {found['normalisation']}; open it with xarray.open_dataset(\"{found['result']}\")")


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
    if isinstance(value, float):
        if value != value:
            return "-"
        return f"{value:.1e}" if name == "ln_f" else f"{value:.3f}"
    return str(value)
