"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; what would end a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell(text) for text in line)} |" for line in lines) + "\n"


def cell(text: str) -> str:
    """One cell."""
    return text.replace("|", "\\|").replace("\n", " ")


def plain(text: str) -> str:
    """Text of a docstring as Markdown: what would be markup there is escaped, but for code in backticks."""
    parts = text.split("`")
    for place in range(0, len(parts), 2):
        for sign in "\\*_<$[":
            parts[place] = parts[place].replace(sign, "\\" + sign)
    return "`".join(parts)
