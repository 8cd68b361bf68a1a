"""What a check of the doctor has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Grade = Literal["ok", "warning", "fault"]


@dataclass(frozen=True)
class Finding:
    """How it is, and what to do where it is not well."""

    grade: Grade
    text: str
    remedy: str = ""


def ok(text: str) -> Finding:
    """All is well."""
    return Finding("ok", text)


def warning(text: str, remedy: str) -> Finding:
    """It works, but slowly or only just."""
    return Finding("warning", text, remedy)


def fault(text: str, remedy: str) -> Finding:
    """A run would fail, or lose what it has."""
    return Finding("fault", text, remedy)
