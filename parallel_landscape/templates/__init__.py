"""Job files to start from, one a study: `pland new NAME` prints them."""

from __future__ import annotations

from importlib import resources

from parallel_landscape.errors import JobError


def names() -> list[str]:
    """The names of all templates."""
    files = (file.name for file in resources.files(__name__).iterdir())
    return sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml"))


def read(name: str) -> str:
    """The text of a template. Raises JobError when there is none of that name."""
    if name not in names():
        raise JobError(f"there is no job file {name!r} to start from; choose from {', '.join(names())}")
    return (resources.files(__name__) / f"{name}.toml").read_text(encoding="utf-8")
