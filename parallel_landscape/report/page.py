"""`report`: one self-contained HTML file, written beside and renamed; the figures as files when asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, cast

import jinja2
import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from parallel_landscape.analysis.plots.style import RC, SIZE
from parallel_landscape.commands.status_view import duration
from parallel_landscape.driver.provenance import version
from parallel_landscape.errors import JobError
from parallel_landscape.machine import size
from parallel_landscape.report import references
from parallel_landscape.report.drawing import Drawing
from parallel_landscape.report.figures import SECTIONS, drawings
from parallel_landscape.report.material import Material, collect
from parallel_landscape.report.numbers import number, with_error
from parallel_landscape.report.svg import inline
from parallel_landscape.report.tables import Table, facts_of, live_table, values_table, windows_table
from parallel_landscape.report.verdict import judge
from parallel_landscape.store.files import write_atomically
from parallel_landscape.store.run_folder import RunFolder

FORMATS = ("png", "pdf")
DPI = 200


@dataclass(frozen=True)
class Shown:
    """A figure as the page has it."""

    drawing: Drawing
    svg: Markup


def write_report(run: Path, figures: str | None = None) -> list[Path]:
    """Write RUN/report.html, and the figures as files when asked for; returns what was written, the page first.

    figures: "png" or "pdf" for files in RUN/figures, or a folder for both. Works on runs that go on, have stopped, died or are
    done. Raises JobError when `run` is no run folder or `figures` cannot be a folder, RunError when nothing can be written.
    """
    RunFolder(run).refuse_solver("`pland analyze` measures observables on its solutions, into result.nc")
    material = collect(run)
    shown = drawings(material)
    page = material.folder.path / "report.html"
    with matplotlib.rc_context(cast(Any, RC)):
        text = render(material, shown)
        write_atomically(page, lambda beside: beside.write_text(text, encoding="utf-8"))
        written = write_figures(shown, *_asked(figures, material.folder.path)) if figures is not None else []
    return [page, *written]


def _asked(figures: str, run: Path) -> tuple[Path, tuple[str, ...]]:
    """The folder and the formats that `--figures` asks for."""
    return (run / "figures", (figures,)) if figures in FORMATS else (Path(figures), FORMATS)


def write_figures(shown: Iterable[Drawing], folder: Path, formats: Iterable[str]) -> list[Path]:
    """Each figure as a file in each format, written beside and renamed. Raises JobError when the folder cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JobError(f"--figures {folder}: {error.strerror}; give png, pdf or a folder that can be made") from None
    written = []
    for drawing in shown:
        figure = drawn(drawing)
        for form in formats:
            path = folder / f"{file_name(drawing.key)}.{form}"
            write_atomically(path, partial(figure.savefig, format=form, dpi=DPI))
            written.append(path)
    return written


def file_name(key: str) -> str:
    """A key as a file name and identifier: anything but letters, digits and hyphens becomes a hyphen."""
    return "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in key)


def commands(text: str) -> Markup:
    """A sentence as HTML, what stands between backticks as code."""
    parts = str(text).split("`")
    return Markup("").join(Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts))


def drawn(drawing: Drawing) -> Figure:
    """The figure, on a canvas of its own that no window shows."""
    figure = Figure(figsize=drawing.size or SIZE, layout="constrained")
    drawing.draw(figure.add_subplot())
    return figure


def render(material: Material, shown: Iterable[Drawing]) -> str:
    """The page. Whatever comes from the run is escaped, except for the figures, which matplotlib has made."""
    sections: dict[str, list[Shown]] = {name: [] for name in SECTIONS}
    for drawing in shown:
        svg = inline(drawn(drawing), f"{file_name(drawing.key)}")
        sections[drawing.section].append(Shown(drawing, Markup(svg)))
    files = resources.files("parallel_landscape.report")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"commands": commands, "identifier": file_name}
    template = environment.from_string((files / "report.html").read_text(encoding="utf-8"))
    return template.render(
        style=Markup((files / "report.css").read_text(encoding="utf-8")),
        name=material.name,
        run=material.folder.path.resolve(),
        made=datetime.now(UTC).isoformat(sep=" ", timespec="minutes").removesuffix("+00:00"),
        version=version(),
        verdict=judge(material),
        missing=material.missing,
        notes=_notes(material),
        facts=_facts(material),
        sections={SECTIONS[name]: (name, figures) for name, figures in sections.items() if figures},
        tables=_tables(material),
        job=material.job_text,
        provenance=facts_of(material.provenance),
        software=references.software(),
        bibtex=references.bibtex(),
        papers=references.papers(material.job, {str(name) for group in material.groups.values() for name in group.variables}),
    )


def _notes(material: Material) -> list[str]:
    """What the analysis had to say."""
    attributes = material.attributes
    status = str(attributes.get("analysis_status", ""))
    notes = [str(note) for note in np.atleast_1d(attributes.get("analysis_notes", [])).tolist() if note]
    changed = attributes.get("code_changed")
    said = [f"The analysis is {status}."] if status else []
    return said + notes + ([f"The code changed in the course of the run, with consent: {changed}."] if changed else [])


def _facts(material: Material) -> list[tuple[str, str]]:
    """The few numbers that a reader wants first."""
    found, result, windows = material.status, material.result, material.groups.get("windows")
    facts = []
    if result is not None and np.isfinite(result["ln_g"]).any():
        there = np.flatnonzero(np.isfinite(result["ln_g"].values))
        ends = [int(result["energy"].values[place]) for place in (there[0], there[-1])]
        lowest = with_error(result["ln_g"].values[there[0]], result["ln_g_error"].values[there[0]])
        known = int((result["known"].values == 1).sum()) if "known" in result else len(there)
        facts.append((f"ln g at the lowest energy, E = {ends[0]}", lowest))
        facts.append(("levels with a value, of those seen", f"{len(there)} of {max(known, len(there))}"))
        facts.append(("their energies", f"{ends[0]} … {ends[1]}"))
        facts.append(("ln g is", str(result.attrs.get("normalisation", "unknown"))))
    count = windows.sizes["window"] if windows is not None else len(found["windows"].get("steps", ()))
    if count and (windows is None or "steps" in windows):
        steps = float(windows["steps"].sum()) if windows is not None else float(sum(found["windows"]["steps"]))
        facts.append(("windows × walkers × repeats", _slots(material, count)))
        learned = "ln_f" in (found["windows"] if windows is None else windows)
        facts.append(("proposals while learning" if learned else "moves of all walkers", number(steps, 3)))
    if found["seconds"] is not None:
        facts.append(("time of the run", duration(found["seconds"])))
    if found["checkpoints"] and found["state"] != "done":
        newest = found["checkpoints"][0]
        facts.append(("last checkpoint", f"{duration(newest['age'])} old, {size(newest['bytes'])}"))
    return facts


def _slots(material: Material, windows: int) -> str:
    exchange, ensemble = material.job.get("exchange", {}), material.job.get("ensemble", {})
    walkers = exchange.get("walkers_per_window", exchange.get("walkers_per_temperature", ensemble.get("replicas", 1)))
    repeats = material.job.get("run", {}).get("repeats", 1)
    return f"{windows} × {walkers} × {repeats}"


def _tables(material: Material) -> list[tuple[str, str, Table, bool]]:
    """(key, title, table, open at first) of each table."""
    found: list[tuple[str, str, Table, bool]] = []
    if "windows" in material.groups:
        found.append(("table-windows", "Windows", windows_table(material.groups["windows"]), True))
    elif "steps" in material.status["windows"]:
        found.append(("table-windows", "Windows, at the last report", live_table(material.status["windows"]), True))
    if material.result is not None:
        found.append(("table-levels", "Levels", values_table(material.result, "energy"), False))
    if "canonical" in material.groups:
        found.append(("table-canonical", "At each β", values_table(material.groups["canonical"], "beta"), False))
    if "ladder" in material.groups:
        found.append(("table-ladder", "Records of each window", values_table(material.groups["ladder"], "window"), False))
    if "walkers" in material.groups:
        found.append(("table-walkers", "Walkers", values_table(material.groups["walkers"], "walker"), False))
    return found
