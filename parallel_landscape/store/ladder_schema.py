"""What the records of continuous weights say of each temperature, or of each group of coupled replicas, declared once."""

from __future__ import annotations

from parallel_landscape.store.variable import Variable, table

_W = ("window",)


def told(name: str, meaning: str, unit: str = "1") -> tuple[Variable, ...]:
    """A mean of each window, with its errors from blocks of time and from repeats."""
    return (
        Variable(name, _W, "f8", unit, meaning),
        Variable(f"{name}_error", _W, "f8", unit, f"standard error of {name}, from blocks of time"),
        Variable(f"{name}_repeats_error", _W, "f8", unit, f"standard error of {name} over independent repeats; nan with one"),
    )


LADDER = table(
    Variable("beta", _W, "f8", "1", "inverse temperature"),
    Variable("samples", _W, "i8", "1", "records of the window"),
    Variable("autocorrelation_time", _W, "f8", "sweep", "integrated autocorrelation time of the energy in a slot, largest"),
    Variable("effective_samples", _W, "f8", "1", "records over the statistical inefficiency of their energy, all slots"),
    *told("energy_mean", "mean energy of the records"),
    *told("energy_variance", "variance of the energy of the records"),
    Variable("dimension_fluctuation", _W, "f8", "1", "effective dimension 2 Var E / T^2"),
    Variable("dimension_fluctuation_error", _W, "f8", "1", "standard error of dimension_fluctuation"),
    Variable("dimension_mean", _W, "f8", "1", "effective dimension 2 (mean energy - energy at temperature 0) / T"),
    Variable("dimension_mean_error", _W, "f8", "1", "standard error of dimension_mean"),
)
