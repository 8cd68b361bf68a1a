"""How a stored variable is declared: once, for files, checks and documentation alike."""

from __future__ import annotations

from dataclasses import dataclass

VERSION = 1


@dataclass(frozen=True)
class Variable:
    """Name, dimensions, type, unit and meaning of a stored variable."""

    name: str
    dims: tuple[str, ...]
    dtype: str
    unit: str
    meaning: str


def table(*variables: Variable) -> dict[str, Variable]:
    """Variables by their names."""
    return {variable.name: variable for variable in variables}
