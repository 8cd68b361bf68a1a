"""Figures of a result. Each function takes xarray datasets, as `xarray.open_datatree("result.nc")` has them, and `ax`.

Each returns the axes that it has drawn on: the given ones, or those of a new figure. What is nan stays a gap; a band is
one standard error. What cannot be drawn is said on the axes.
"""

from parallel_landscape.analysis.plots.canonical import plot_canonical
from parallel_landscape.analysis.plots.entropy import plot_entropy, plot_entropy_error, plot_estimators, plot_samples
from parallel_landscape.analysis.plots.exchange import plot_exchange, plot_flow, plot_joins, plot_round_trips
from parallel_landscape.analysis.plots.learning import plot_coverage, plot_flatness, plot_ln_f
from parallel_landscape.analysis.plots.observables import plot_joint, plot_observable
from parallel_landscape.analysis.plots.overlaps import plot_overlap
from parallel_landscape.analysis.plots.paths import plot_paths
from parallel_landscape.analysis.plots.theory import plot_energy_theory, plot_entropy_theory, plot_test_error_theory
from parallel_landscape.analysis.plots.thermal import plot_coupled, plot_dimension, plot_health, plot_law, plot_thermal
from parallel_landscape.analysis.plots.trajectory import plot_trajectory

__all__ = [
    "plot_canonical",
    "plot_coupled",
    "plot_coverage",
    "plot_dimension",
    "plot_energy_theory",
    "plot_entropy",
    "plot_entropy_error",
    "plot_entropy_theory",
    "plot_estimators",
    "plot_exchange",
    "plot_flatness",
    "plot_flow",
    "plot_health",
    "plot_joins",
    "plot_joint",
    "plot_law",
    "plot_ln_f",
    "plot_observable",
    "plot_overlap",
    "plot_paths",
    "plot_round_trips",
    "plot_samples",
    "plot_test_error_theory",
    "plot_thermal",
    "plot_trajectory",
]
