"""`status` for people: two tables that fit into 80 columns, and sentences."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from parallel_landscape.commands.status import status
from parallel_landscape.machine import size

REFRESH_SECONDS = 2.0
Row = dict[str, Any]  # one window


def show(path: Path, console: Console | None = None) -> None:
    """Print the status once: tables of rich on a terminal, aligned text elsewhere."""
    console = console or Console(highlight=False)
    found = status(path)
    if console.is_terminal:
        console.print(*rich_tables(found, console), sep="\n", soft_wrap=True)
        console.file.write("\n".join(sentences(found)) + "\n")
    else:
        console.file.write("\n".join(text_lines(found)) + "\n")


def watch(path: Path, as_json: bool = False, console: Console | None = None, pause: float = REFRESH_SECONDS) -> None:
    """Show the status anew until the run ends or somebody presses Ctrl-C; one JSON object a line for scripts."""
    console = console or Console(highlight=False)
    try:
        if as_json:
            _repeat(path, pause, lambda found: print(json.dumps(found), flush=True))
        elif not console.is_terminal:
            _repeat(path, pause, lambda found: print("\n".join(text_lines(found)), end="\n\n", flush=True))
        else:
            with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
                _repeat(path, pause, lambda found: live.update(_screen(found, console), refresh=True))
    except KeyboardInterrupt:
        print(file=sys.stderr)


def _repeat(path: Path, pause: float, display: Callable[[dict[str, Any]], None]) -> None:
    while True:
        found = status(path)
        display(found)
        if found["state"] not in ("running", "elsewhere"):
            return
        time.sleep(pause)


def _number(form: str) -> Callable[[Any], str]:
    return lambda value: "-" if value is None else format(value, form)


def _energies(row: Row) -> str:
    return f"{row['energy_low']} to {row['energy_high']}" if "energy_low" in row else "-"


def _values(row: Row) -> str:
    return f"{row['value_low']} to {row['value_high']}" if "value_low" in row else "-"


def _coverage(row: Row) -> str:
    return f"{row['levels_visited']}/{row['levels_known']}"


def _stands(row: Row) -> str:
    if row.get("finished"):
        return "finished"
    return "learning" if row.get("reached", 1) else "unreached"


def _left(row: Row) -> str:
    return duration(row.get("seconds_left"))


def _column(name: str, form: str) -> Callable[[Row], str]:
    return lambda row: _number(form)(row.get(name))


PROGRESS: dict[str, Callable[[Row], str]] = {
    "window": _column("window", "d"),
    "energies": _energies,
    "X": _values,
    "state": _stands,
    "visited/known": _coverage,
    "stage": _column("stage", "d"),
    "ln f": _column("ln_f", ".1e"),
    "flatness": _column("flatness", ".2f"),
    "left": _left,
}
MOTION: dict[str, Callable[[Row], str]] = {
    "window": _column("window", "d"),
    "steps/s": _column("steps_per_second", ".1e"),
    "accepted": _column("acceptance", ".3f"),
    "swapped": _column("exchange_acceptance", ".3f"),
    "round trips": _column("round_trips", "d"),
    "late levels": _column("restarts", "d"),
    "gap rms": _column("gap_rms", ".3f"),
    "gap max": _column("gap_largest", ".3f"),
}
TEMPERATURES: dict[str, Callable[[Row], str]] = {
    "temperature": _column("window", "d"),
    "beta": _column("beta", ".4g"),
    "energies": _energies,
    "mean energy": _column("energy_mean", ".6g"),
    "error": _column("energy_mean_error", ".2g"),
    "halves apart": _column("halves_apart", "+.1f"),
}
TRAVEL: dict[str, Callable[[Row], str]] = {
    "temperature": _column("window", "d"),
    "steps/s": _column("steps_per_second", ".1e"),
    "accepted": _column("acceptance", ".3f"),
    "swapped": _column("exchange_acceptance", ".3f"),
    "round trips": _column("round_trips", "d"),
}
HEALTH = {
    "virial": _column("virial", ".4f"),
    "creutz": _column("creutz", ".4f"),
    "balance": _column("balance", ".4f"),
    "response": _column("response", ".4f"),
    "diverged": _column("divergences", "d"),
}
GROUPS: dict[str, Callable[[Row], str]] = {
    "group": _column("window", "d"),
    "gamma": _column("gamma", ".4g"),
    "beta": _column("beta", ".4g"),
    "mean energy": _column("energy_mean", ".5g"),
    "error": _column("energy_mean_error", ".2g"),
    "overlap": _column("overlap", ".4f"),
    "distance": _column("distance", ".4f"),
    "centre overlap": _column("centre_overlap", ".4f"),
    "centre energy": _column("centre_energy", ".5g"),
}


def _layouts(columns: dict[str, Any]) -> tuple[dict[str, Callable[[Row], str]], ...]:
    """The columns of the two tables, by what is known of the windows."""
    if "gamma" in columns:
        health = HEALTH if "virial" in columns else {}
        return GROUPS, {"group": _column("window", "d"), **dict(list(TRAVEL.items())[1:]), **health}
    if "virial" in columns:
        return TEMPERATURES, TRAVEL | HEALTH
    return (TEMPERATURES, TRAVEL) if "beta" in columns else (PROGRESS, MOTION)


def _tables(found: dict[str, Any]) -> list[tuple[list[str], list[list[str]]]]:
    """Headers and cells of the tables; columns of which nothing is known are left out."""
    columns = found["windows"]
    count = len(next(iter(columns.values()), ()))
    rows = [{"window": number} | {name: values[number] for name, values in columns.items()} for number in range(count)]
    tables = []
    for layout in _layouts(columns) if rows else ():
        cells = {header: [cell(row) for row in rows] for header, cell in layout.items()}
        kept = {header: column for header, column in cells.items() if set(column) != {"-"}}
        tables.append((list(kept), [list(row) for row in zip(*kept.values(), strict=True)]))
    return tables


def sentences(found: dict[str, Any]) -> list[str]:
    """Phase, verdict, checkpoints and what to do next."""
    lines = [f"{found['name'] or 'run'}: {found['phase']}{_progress(found)}"]
    told = found["age"] is not None and found["state"] not in ("done", "stopped")
    age = f"; last report {duration(found['age'])} ago" if told else ""
    lines.append(f"status: {found['status']} ({found['reason']}){age}")
    for row in found["checkpoints"]:
        took = "" if row["seconds"] is None else f", took {row['seconds']:.2f} s"
        lines.append(f"checkpoint {row['number']}: {row['phase']}, {duration(row['age'])} old, {size(row['bytes'])}{took}")
    if (told := found["chain"]) is not None:
        lines.append(f"chain: {told['links']} of at most {told['most']} links; {told['last']}")
        if told["open"]:
            lines.append(f"log: {told['log']}; cancel: scancel {told['jobs'][-1]}")
    if found["result"] is not None:
        what = "ln g" if found["state"] == "done" else "ln g so far"
        said = f"{what} is {found['normalisation']}; " if found["normalisation"] != "none" else ""
        lines.append(f'{said}open it with xarray.open_dataset("{found["result"]}")')
    if found["next"]:
        lines.append(f"go on with: {found['next']}")
    return lines


def _progress(found: dict[str, Any]) -> str:
    parts = []
    if found["phase"] == "search" and found["energy"]:
        parts.append(f"energies {found['energy'][0]} to {found['energy'][1]} found, round {found['round']}")
    if found["phase"] in ("pilot", "equilibrate") and found["round"]:
        parts.append(f"round {found['round']}")
    if found["phase"] == "produce" and found["produced"]:
        parts.append(f"round {found['produced'][0]} of {found['produced'][1]}")
    if found["steps_per_second"] and found["state"] in ("running", "elsewhere"):
        parts.append(f"{found['steps_per_second']:.2e} steps/s")
    if found["seconds_left"]:
        parts.append(f"at least {duration(found['seconds_left'])} left")
    return f" ({', '.join(parts)})" if parts else ""


def text_lines(found: dict[str, Any]) -> list[str]:
    """Everything as plain text, columns aligned."""
    lines: list[str] = []
    for headers, rows in _tables(found):
        widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
        for row in (headers, *rows):
            lines.append("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
        lines.append("")
    return lines + sentences(found)


def rich_tables(found: dict[str, Any], console: Console) -> list[RenderableType]:
    """The tables at their full widths, each with an empty line after it: a narrow terminal wraps lines, nothing is cut off."""
    parts: list[RenderableType] = []
    for headers, rows in _tables(found):
        table = Table(box=None, pad_edge=False)
        for header in headers:
            table.add_column(header, justify="right", no_wrap=True, header_style="bold")
        for row in rows:
            table.add_row(*row)
        table.width = table.__rich_measure__(console, console.options.update(max_width=10_000)).maximum
        parts += [table, ""]
    return parts


def _screen(found: dict[str, Any], console: Console) -> RenderableType:
    """What `watch` keeps on the terminal; folded text where the tables are too wide for it."""
    if max(map(len, text_lines(found)[: -len(sentences(found))]), default=0) > console.width:
        return Text("\n".join(text_lines(found)), overflow="fold")
    return Group(*rich_tables(found, console), *(Text(line, overflow="fold") for line in sentences(found)))


def duration(seconds: float | None) -> str:
    """A time for people."""
    if seconds is None:
        return "-"
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
