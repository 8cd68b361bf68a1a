"""The figures of a result: they draw on the axes given, what is drawn is what is in the data, gaps stay gaps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from synthetic.run import OBSERVABLES, whole_result

from parallel_landscape.analysis import plots
from parallel_landscape.analysis.plots.style import PALETTE, RAMP, SURFACE, isolated
from parallel_landscape.store.result import write_groups

matplotlib.use("Agg")


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> dict[str, xr.Dataset]:
    path = tmp_path_factory.mktemp("plots") / "result.nc"
    write_groups(path, whole_result(), {"normalisation": "absolute", "estimator": "mbar"}, OBSERVABLES)
    return {name.strip("/"): group.load() for name, group in xr.open_groups(path, engine="h5netcdf").items()}


@pytest.fixture
def ax() -> Axes:
    return Figure().add_subplot()


def progress() -> xr.Dataset:
    shape = (5, 3)
    table = {name: (("report", "window"), np.full(shape, 0.5)) for name in ("ln_f", "flatness", "coverage")}
    return xr.Dataset({**table, "seconds": ("report", np.arange(5.0) * 1e4)}, attrs={"ln_f_final": 1e-3})


def trajectory() -> xr.Dataset:
    columns = {"sweep": [20, 10, 10], "energy": [5, 3, 9], "walker": [1, 1, 2], "slot": [0, 0, 1]}
    return xr.Dataset({name: ("record", values) for name, values in columns.items()})


def measured() -> xr.Dataset:
    level = {name: ("level", np.linspace(0.1, 0.4, 5)) for name in ("energy_per_pattern", "entropy", "error", "spread")}
    beta = {name: ("beta", np.linspace(0.1, 0.2, 5)) for name in ("energy_mean", "energy_mean_error")}
    return xr.Dataset({**level, **beta}, coords={"beta": np.linspace(0.5, 2.0, 5)})


def theory() -> xr.Dataset:
    names = ("energy_per_pattern", "entropy", "beta", "generalisation_error")
    return xr.Dataset({name: ("point", np.linspace(0.1, 2.0, 7)) for name in names})


def curves() -> xr.Dataset:
    shape = (2, 2, 5)
    energies = {
        name: (("group", "ends", "position"), np.full(shape, 0.01)) for name in ("energy", "energy_error", "energy_theory")
    }
    numbers = {
        "patterns": [100, 200],
        "inputs": [100, 100],
        "kappa": [-0.5, np.nan],
        "alpha": [1.0, np.nan],
        "beta": [np.inf, 2.0],
    }
    return xr.Dataset(
        {**energies, **{name: ("group", values) for name, values in numbers.items()}}, {"position": np.linspace(0, 1, 5)}
    )


def thermal() -> xr.Dataset:
    names = ("energy_mean", "dimension_fluctuation", "dimension_mean")
    columns = {f"{name}{end}": ("beta", np.linspace(1.0, 20.0, 5)) for name in names for end in ("", "_error")}
    return xr.Dataset(columns, coords={"beta": np.geomspace(0.1, 10.0, 5)})


def coupled() -> xr.Dataset:
    names = [f"{name}{end}" for name in ("virial", "balance", "response", "overlap") for end in ("", "_error")]
    return xr.Dataset({name: ("window", np.linspace(0.5, 1.0, 3)) for name in ("gamma", *names)})


def laws() -> xr.Dataset:
    shape, dims = (3, 20), ("window", "q")
    columns = {name: (dims, np.full(shape, 0.05)) for name in ("between_repeats", "between_repeats_error")}
    return xr.Dataset(columns, coords={"q": np.linspace(-0.95, 0.95, 20)})


def every(groups: dict[str, xr.Dataset]) -> dict[str, Callable[[Axes | None], Axes]]:
    """Every public plot function on whole data."""
    root, windows = groups[""], groups["windows"]
    flow = xr.Dataset({name: ("window", np.linspace(0, 1, 4)) for name in ("fraction", "fraction_error")})
    return {
        "plot_entropy": lambda ax: plots.plot_entropy(root, ax),
        "plot_entropy_error": lambda ax: plots.plot_entropy_error(root, ax),
        "plot_estimators": lambda ax: plots.plot_estimators(root, ax),
        "plot_samples": lambda ax: plots.plot_samples(root, ax),
        "plot_ln_f": lambda ax: plots.plot_ln_f(progress(), ax),
        "plot_flatness": lambda ax: plots.plot_flatness(progress(), ax),
        "plot_coverage": lambda ax: plots.plot_coverage(progress(), ax),
        "plot_joins": lambda ax: plots.plot_joins(windows, ax, limit=0.1),
        "plot_exchange": lambda ax: plots.plot_exchange(windows, ax),
        "plot_round_trips": lambda ax: plots.plot_round_trips(windows, ax),
        "plot_flow": lambda ax: plots.plot_flow(flow, ax),
        "plot_observable": lambda ax: plots.plot_observable(root, "test-error", ax),
        "plot_joint": lambda ax: plots.plot_joint(groups["joint-test-error"], "test-error", ax),
        "plot_canonical": lambda ax: plots.plot_canonical(groups["canonical"], "heat_capacity", ax),
        "plot_overlap": lambda ax: plots.plot_overlap(groups["overlap"], ax),
        "plot_entropy_theory": lambda ax: plots.plot_entropy_theory(measured(), theory(), ax),
        "plot_energy_theory": lambda ax: plots.plot_energy_theory(measured(), theory(), ax),
        "plot_test_error_theory": lambda ax: plots.plot_test_error_theory(measured(), theory(), ax),
        "plot_paths": lambda ax: plots.plot_paths(curves(), ax),
        "plot_thermal": lambda ax: plots.plot_thermal(thermal(), "energy_mean", thermal(), ax),
        "plot_dimension": lambda ax: plots.plot_dimension(thermal(), ax),
        "plot_health": lambda ax: plots.plot_health(coupled(), ax),
        "plot_coupled": lambda ax: plots.plot_coupled(coupled(), {"overlap": "two replicas"}, ax),
        "plot_law": lambda ax: plots.plot_law(laws(), coupled(), "between_repeats", ax),
        "plot_trajectory": lambda ax: plots.plot_trajectory(trajectory(), 1, ax),
    }


def test_every_figure_draws_on_the_axes_given_and_returns_them(groups: dict[str, xr.Dataset]) -> None:
    functions = every(groups)
    assert set(functions) == set(plots.__all__)
    for name, draw in functions.items():
        ax = Figure().add_subplot()
        assert draw(ax) is ax, name
        assert ax.get_xlabel() and ax.get_ylabel(), f"{name} has an axis without a label"
        assert ax.has_data(), f"{name} shows nothing"


def test_a_figure_of_its_own(groups: dict[str, xr.Dataset]) -> None:
    ax = plots.plot_entropy(groups[""])
    assert ax.figure is not None and ax.get_ylabel() == "S(E) = ln g(E)"


def test_what_is_drawn_is_what_is_there_and_gaps_stay_gaps(groups: dict[str, xr.Dataset], ax: Axes) -> None:
    plots.plot_entropy(groups[""], ax)
    x, y = (np.asarray(values, dtype=float) for values in ax.lines[0].get_data())
    np.testing.assert_array_equal(x, groups[""]["energy"])
    np.testing.assert_array_equal(y, groups[""]["ln_g"])
    assert np.isnan(y[1])
    (missed,) = [line for line in ax.lines if line.get_label() == "seen, no value"]
    assert list(np.asarray(missed.get_xdata())) == [1]


def test_a_level_between_two_gaps_is_marked() -> None:
    y = np.array([1.0, np.nan, 2.0, 3.0, np.nan])
    assert isolated(y).tolist() == [True, False, False, False, False]


def test_relative_entropy_does_not_pretend_to_count(groups: dict[str, xr.Dataset], ax: Axes) -> None:
    assert "max" in plots.plot_entropy(groups[""].assign_attrs(normalisation="relative"), ax).get_ylabel()


def test_uncovered_temperatures_are_set_apart(groups: dict[str, xr.Dataset], ax: Axes) -> None:
    plots.plot_canonical(groups["canonical"], "energy_mean", ax)
    drawn = np.asarray(ax.lines[0].get_ydata(), dtype=float)
    np.testing.assert_array_equal(np.isnan(drawn), groups["canonical"]["covered"] == 0)
    assert "not covered" in [str(text) for text in ax.get_legend_handles_labels()[1]]


def test_energies_of_a_walker_come_in_the_order_of_time(ax: Axes) -> None:
    plots.plot_trajectory(trajectory(), 1, ax)
    assert np.asarray(ax.lines[0].get_ydata()).tolist() == [3, 5]


def nothing(dataset: xr.Dataset) -> xr.Dataset:
    return dataset.map(lambda variable: variable.where(False) if variable.dtype.kind == "f" else variable * 0)


def test_what_cannot_be_drawn_is_said(groups: dict[str, xr.Dataset]) -> None:
    root, windows, canonical = (nothing(groups[name]) for name in ("", "windows", "canonical"))
    empty: dict[str, Callable[[Axes], Any]] = {
        "no level has a value": lambda ax: plots.plot_entropy(root, ax),
        "no error bars": lambda ax: plots.plot_entropy_error(root, ax),
        "nothing to compare": lambda ax: plots.plot_estimators(root, ax),
        "no records": lambda ax: plots.plot_samples(root, ax),
        "no reports": lambda ax: plots.plot_ln_f(progress().isel(report=slice(0)), ax),
        "not been joined": lambda ax: plots.plot_joins(windows, ax),
        "never met": lambda ax: plots.plot_exchange(windows, ax),
        "no records of test-error": lambda ax: plots.plot_observable(root, "test-error", ax),
        "not known": lambda ax: plots.plot_canonical(canonical, "entropy", ax),
        "no pairs": lambda ax: plots.plot_overlap(nothing(groups["overlap"]), ax),
        "no records of walker 7": lambda ax: plots.plot_trajectory(trajectory(), 7, ax),
    }
    for words, draw in empty.items():
        ax = Figure().add_subplot()
        draw(ax)
        assert any(words in text.get_text() for text in ax.texts), words


def luminance(color: str) -> float:
    """Relative luminance of WCAG 2.1."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(color)]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def test_colours_are_apart_and_ordered() -> None:
    assert len(set(PALETTE)) == len(PALETTE)
    assert np.all(np.diff([luminance(color) for color in RAMP]) > 0)  # an order that is seen without colour
    for color in PALETTE[:3]:
        assert (luminance(SURFACE) + 0.05) / (luminance(color) + 0.05) > 3.0  # WCAG for graphical objects


def test_long_curves_become_pixels(tmp_path: Path) -> None:
    count = 200_000
    result = xr.Dataset({"ln_g": ("energy", np.random.default_rng(1).normal(size=count))}, {"energy": np.arange(count)})
    figure = Figure()
    plots.plot_entropy(result, figure.add_subplot())
    figure.savefig(tmp_path / "long.svg")
    assert (tmp_path / "long.svg").stat().st_size < 300_000
