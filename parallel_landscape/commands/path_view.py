"""`pland paths`: barriers between the samples of runs, and from a reference to them, as a table, a file and a figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from parallel_landscape.commands.path_runs import Samples, all_samples, matched
from parallel_landscape.commands.path_table import Asked, make_table
from parallel_landscape.commands.study_view import points_of
from parallel_landscape.driver.provenance import version
from parallel_landscape.errors import JobError
from parallel_landscape.store.files import write_atomically
from parallel_landscape.store.path_schema import PATHS
from parallel_landscape.store.result import write_table


def find_paths(
    runs: Sequence[Path],
    references: Sequence[Path] = (),
    output: Path | None = None,
    times: int = 8,
    asked: Asked | None = None,
) -> tuple[Path, dict[str, Any]]:
    """Measure, and write the file and the figure beside it; returns the file and its variables.

    runs, references: folders of runs, of studies or of `pland solve`. times: moments of each chain that are used. output:
    PATHS.nc, by default paths.nc in the first folder. Raises JobError for what does not fit, RunError for damaged files.
    """
    asked = asked or Asked()
    _check(output, times, asked)
    samples, others = _read(runs, times), _read(references, times)
    if not samples:
        raise JobError(f"{', '.join(map(str, runs))}: no point of this study has a result yet.")
    table = make_table(matched(samples, others), asked)
    output = output or runs[0].expanduser().resolve() / "paths.nc"
    about = {"version": version(), "line": asked.line, "times": times, "error_from": _error_from(table)}
    names = {"runs_of": [str(one.path) for one in samples], "references_of": [str(one.path) for one in others] or [""]}
    write_table(output, PATHS, table, {**about, **names})
    write_atomically(output.with_suffix(".png"), lambda beside: _draw(output, beside))
    return output, table


def _read(folders: Sequence[Path], times: int) -> list[Samples]:
    paths = [path for given in folders for path in points_of(given.expanduser())]
    return [one for path in paths for one in all_samples(path, times)]


def _check(output: Path | None, times: int, asked: Asked) -> None:
    wrong = []
    if output is not None and output.suffix != ".nc":
        wrong.append(f"--output {output}: the file is netCDF, so its name ends with .nc; the figure lies beside it as .png.")
    if output is not None and not output.expanduser().parent.is_dir():
        wrong.append(f"--output {output}: there is no folder {output.parent}; make it first.")
    if times < 1:
        wrong.append(f"--times {times}: at least one moment of each chain is needed.")
    if asked.points < 3:
        wrong.append(f"--points {asked.points}: a curve has its two ends and at least one point between; give 3 or more.")
    if any(vertices < 2 for vertices in asked.vertices):
        wrong.append(f"--vertices {' '.join(map(str, asked.vertices))}: a simplex has at least 2.")
    if wrong:
        raise JobError(wrong)


def _error_from(table: dict[str, Any]) -> str:
    counts = table["runs"]
    return "training sets" if min(counts) > 1 else "chains" if max(counts) == 1 else "training sets; chains where there is one"


def _draw(source: Path, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import xarray
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    from parallel_landscape.analysis.plots import plot_paths

    with xarray.open_dataset(source, engine="h5netcdf") as data:
        figure = plot_paths(data).figure
        assert isinstance(figure, Figure)
        figure.savefig(path, format="png", dpi=160)
        pyplot.close(figure)


def lines(output: Path, table: dict[str, Any]) -> list[str]:
    """The outcome for a person."""
    found = [
        "alpha      beta   kappa      N  sets  ends         pairs   q       (theory)  "
        "E(1/2)           (theory)  barrier          free"
    ]
    middle = len(table["position"]) // 2
    for group in range(len(table["runs"])):
        head = f"{_group(table, group)} {table['inputs'][group]:6d} {table['runs'][group]:5d}"
        for number in table["ends"] if group in _first(table) else table["ends"][1:]:
            cells = {name: table[name][group][number] for name in ("overlap", "barrier", "free", "overlap_theory", "pairs")}
            errors = {name: table[f"{name}_error"][group][number] for name in ("overlap", "barrier", "free")}
            who = _ends(number, table["reference_kappa"][group])
            halfway = [table[name][group][number][middle] for name in ("energy", "energy_error", "energy_theory")]
            found.append(
                f"{head}  {who:9} {cells['pairs']:7d}  {cells['overlap']:.3f}±{_short(errors['overlap'])} "
                f"{_number(cells['overlap_theory'])}  {halfway[0]:.5f}±{_short(halfway[1])}  {_number(halfway[2])}  "
                f"{cells['barrier']:.5f}±{_short(errors['barrier'])}  {cells['free']:.2f}"
            )
    found += _simplex_lines(table)
    return [*found, f"errors are over {_error_from(table)}", str(output), str(output.with_suffix(".png"))]


def _group(table: dict[str, Any], group: int) -> str:
    """alpha, beta and kappa of a group, "-" for what it does not have."""
    cells = [table[name][group] for name in ("alpha", "beta", "kappa")]
    told = ["-" if math.isnan(cell) else f"{cell:.4g}" for cell in cells]
    return f"{told[0]:>5} {told[1]:>9} {told[2]:>7}"


def _first(table: dict[str, Any]) -> list[int]:
    """Groups but for those that have the runs of an earlier one, and another reference."""
    seen = [(table["alpha"][group], table["energy"][group][0].tobytes()) for group in range(len(table["runs"]))]
    return [group for group, key in enumerate(seen) if key not in seen[:group]]


def _ends(number: int, kappa: float) -> str:
    """Both ends from the run, or the first from a reference, with its margin where it has one."""
    return "within" if number == 0 else f"from {kappa:.3g}" if math.isfinite(kappa) else "reference"


def _simplex_lines(table: dict[str, Any]) -> list[str]:
    found = ["alpha      beta   kappa  vertices  barycentre       (theory)  inside"]
    for group in _first(table):
        head = _group(table, group)
        for place, vertices in enumerate(table["vertices"]):
            names = ("barycentre", "barycentre_error", "barycentre_theory", "inside", "inside_error")
            value, error, theory, inside, spread = (table[name][group][place] for name in names)
            if math.isfinite(value):
                found.append(
                    f"{head}  {vertices:8d}  {value:.5f}±{_short(error)}  {_number(theory)}  {inside:.5f}±{_short(spread)}"
                )
    return found


def _number(value: float) -> str:
    return f"{value:8.5f}" if math.isfinite(value) else "       -"


def _short(error: float) -> str:
    return f"{error:.5f}" if math.isfinite(error) else "-      "
