"""The run folder and the variables of its files, from the declarations by which they are written."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path

from made.tables import plain, table
from parallel_landscape.store import curvature_schema, path_schema, schema, trajectory_schema
from parallel_landscape.store.run_folder import RunFolder
from parallel_landscape.store.solution_schema import SOLUTIONS_CONTINUOUS, SOLVE, SOLVE_CONTINUOUS
from parallel_landscape.store.variable import Variable

HEAD = ("variable", "dimensions", "type", "unit", "meaning")
TYPES = {"f8": "float64", "i8": "int64", "i4": "int32", "i1": "int8", "u1": "uint8"}
GROUPS = {
    "": "root: the levels, of a Wang-Landau run or of one that has been analysed",
    "windows": "each window, temperature or group",
    "slots": "each slot; by `pland analyze`",
    "walkers": "each walker; by `pland analyze`",
    "canonical": "averages at inverse temperatures; by `pland analyze`",
    "ladder": "continuous weights: the records of each temperature by itself; by `pland analyze`",
    "overlap": "P(q) in ranges of energy; by `pland analyze`",
    "overlap_windows": "P(q) of each temperature or group; by `pland analyze`",
    "joint": 'ln g(E, X) of `[ensemble] kind = "joint"`',
    "local_entropy": "by `pland local-entropy`",
    "path": "the groups that `pland local-entropy` was made from",
    "solutions": "attempts of `pland solve`; by `pland analyze`",
    "attempts": "attempts of `pland solve` on continuous weights, those that succeeded and the others; by `pland analyze`",
    "joint-NAME": "histogram of the observable NAME with the energy; by `pland analyze --joint NAME`",
}
FILES: dict[str, tuple[str, Mapping[str, Variable]]] = {
    "trajectory/leg-*.h5": (
        "records of a closed segment, at its root; also a column for each observable",
        trajectory_schema.RECORDS,
    ),
    "trajectory/leg-*.h5 of pland solve": ("columns besides those of a run", trajectory_schema.ATTEMPTS),
    "trajectory/leg-*.h5 of pland solve, continuous weights": ("columns besides those", trajectory_schema.DESCENTS),
    "trajectory/leg-*.h5, group transitions": ("counts of proposals in production", trajectory_schema.TRANSITIONS),
    "trajectory/frozen.h5": ("under which weights the records were sampled", trajectory_schema.FROZEN),
    "result.nc, group solutions, continuous weights": ("attempts of `pland solve`", SOLUTIONS_CONTINUOUS),
    "solve.nc": ("attempts of `pland solve`", SOLVE),
    "solve.nc, continuous weights": ("attempts of `pland solve`", SOLVE_CONTINUOUS),
    "paths.nc": ("by `pland paths`", path_schema.PATHS),
    "curvature.nc": ("by `pland curvature`", curvature_schema.CURVATURE),
    "ratchet.nc": ("by `pland ratchet`", path_schema.RATCHET),
}


def files() -> str:
    """The folder, the groups of result.nc, and the other files."""
    text = "## The run folder\n\n" + table(("path", "what it is"), sorted(_paths()))
    text += "\n## result.nc\n"
    for group, about in GROUPS.items():
        declared = schema.group_schema("joint-" if group == "joint-NAME" else group, {})
        text += (
            f"\n### {f'group {group}' if group else 'the root'}\n\n{about[:1].upper()}{about[1:]}.\n\n{_variables(declared)}"
        )
    for name, (about, declared) in FILES.items():
        text += f"\n## {name}\n\n{about[:1].upper()}{about[1:]}.\n\n{_variables(declared)}"
    return text


def _paths() -> Iterable[tuple[str, str]]:
    run = RunFolder(Path("RUN"))
    for name, member in inspect.getmembers(RunFolder, lambda member: isinstance(member, property)):
        path = getattr(run, name)
        if isinstance(path, Path):
            yield f"`{path}`", plain(inspect.getdoc(member) or "")


def _variables(declared: Mapping[str, Variable]) -> str:
    rows = ((f"`{one.name}`", ", ".join(one.dims), TYPES[one.dtype], one.unit, plain(one.meaning)) for one in declared.values())
    return table(HEAD, rows)
