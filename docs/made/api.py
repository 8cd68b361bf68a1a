"""What is public in Python: name by name, with the page's directives of autodoc, and the numbers that the theory returns."""

from __future__ import annotations

import inspect
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

import parallel_landscape
from made.tables import plain, table
from parallel_landscape.analysis import plots
from parallel_landscape.theory.catalogue import CURVES
from parallel_landscape.theory.quantities import QUANTITIES

ROOT = "parallel_landscape"
PLACES: dict[str, tuple[str, ...]] = {
    "Runs, landscapes and errors": tuple(f"{ROOT}.{name}" for name in parallel_landscape.__all__),
    "Jobs and studies": (
        f"{ROOT}.job.job.load_job",
        f"{ROOT}.job.job.make_job",
        f"{ROOT}.job.job.Job",
        f"{ROOT}.commands.sweep.make_study",
        f"{ROOT}.network.Network",
        f"{ROOT}.data.training_set.TrainingSet",
    ),
    "Figures": tuple(f"{ROOT}.analysis.plots.{name}" for name in plots.__all__),
    "Paths between weights": (
        f"{ROOT}.paths.curves.between",
        f"{ROOT}.paths.curves.positions_of",
        f"{ROOT}.paths.curves.rise",
        f"{ROOT}.paths.minimum.minimum_path",
    ),
    "Curvature": (
        f"{ROOT}.commands.curvature.find_curvature",
        f"{ROOT}.commands.curvature.How",
        f"{ROOT}.commands.curvature.curvatures",
        f"{ROOT}.paths.curvature.hessian",
        f"{ROOT}.paths.curvature.Hessian",
        f"{ROOT}.paths.curvature.largest",
        f"{ROOT}.paths.curvature.spectrum",
        f"{ROOT}.paths.curvature.Spectrum",
    ),
    "Belief propagation": (f"{ROOT}.solvers.messages.Messages", f"{ROOT}.solvers.messages.make_kernel"),
}


def api() -> str:
    """All of it."""
    text = ""
    for title, names in PLACES.items():
        text += f"## {title}\n\n{_directives(names)}\n"
    return text + _theory()


def _directives(names: tuple[str, ...]) -> str:
    """autodoc for each: classes with what they hold."""
    lines = []
    for name in names:
        module, _, last = name.rpartition(".")
        found = getattr(__import__(module, fromlist=[last]), last)
        kind = "autoclass" if inspect.isclass(found) else "autofunction"
        if inspect.isclass(found) and issubclass(found, BaseException):
            kind = "autoexception"
        lines += [f".. {kind}:: {name}", ""]
    return "```{eval-rst}\n" + "\n".join(lines) + "```\n"


def _theory() -> str:
    text = "## Theory\n\nEach function is also a curve of `pland theory`; what it returns is told below it.\n"
    for name, (function, about) in CURVES.items():
        full = f"{function.__module__}.{function.__name__}"
        text += f"\n### {name}\n\n{plain(about[:1].upper() + about[1:])}.\n\n{_directives((full,))}\n{_columns(function)}"
    text += "\n### The curve of a landscape\n\n"
    return text + _directives((f"{ROOT}.theory.curve.curve_for", f"{ROOT}.theory.curve.EntropyCurve"))


def _columns(function: Any) -> str:
    """Unit and meaning of each number that a function of the theory returns."""
    returned = get_type_hints(function)["return"]
    if not is_dataclass(returned):
        return ""
    told = ((one.name, QUANTITIES[one.name]) for one in fields(returned))
    return table(("returned", "unit", "meaning"), ((f"`{name}`", one.unit, plain(one.meaning)) for name, one in told))
