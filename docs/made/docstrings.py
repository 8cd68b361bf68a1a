"""Docstrings as reStructuredText: they are plain text, in which stars, bars and underscores are formulas and no markup."""

from __future__ import annotations

import re
from typing import Any

INDENT = 4


def as_text(app: Any, what: str, name: str, found: Any, options: Any, lines: list[str]) -> None:
    """For `autodoc-process-docstring`: the lines in place."""
    lines[:] = restructured(lines)


def restructured(lines: list[str]) -> list[str]:
    """Paragraphs stay, with `code` in backticks; what is indented becomes a literal block."""
    found: list[str] = []
    literal = False
    for line in lines:
        indented = line.startswith(" " * INDENT)
        if indented and not literal:
            found += ["", "::", ""]
        elif literal and not indented and line.strip():
            found.append("")
        if line.strip():
            literal = indented
        found.append(line if indented else escaped(line.strip()))
    return found


def escaped(line: str) -> str:
    """One line without markup but for code."""
    parts = line.split("`")
    for place in range(0, len(parts), 2):
        parts[place] = re.sub(r"([\\*|_])", r"\\\1", parts[place])
    return "``".join(parts) if len(parts) % 2 else re.sub(r"([\\*|_`])", r"\\\1", line)


def is_plain(app: Any, what: str, name: str, found: Any, skip: bool, options: Any) -> bool | None:
    """For `autodoc-skip-member`: leave out what Python makes itself, the fields of a NamedTuple."""
    return True if "Alias for field number" in (getattr(found, "__doc__", None) or "") else None


ARRAY = re.compile(r"~?numpy\.ndarray\[tuple\[~?typing\.Any, \.\.\.\], ~?numpy\.dtype\[~?(?:numpy\.|typing\.)?(\w+)\]\]")


def short(app: Any, what: str, name: str, found: Any, options: Any, signature: str | None, returned: str | None) -> Any:
    """For `autodoc-process-signature`: types by their last names."""
    return tuple(
        part
        if part is None
        else re.sub(r"~?\b(?:[a-z_]\w*\.)+(?=[A-Za-z])", "", ARRAY.sub(r"NDArray[\1]", part)).replace("~", "")
        for part in (signature, returned)
    )
