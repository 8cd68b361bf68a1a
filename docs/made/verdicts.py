"""What to do about each verdict on a run, from the table that reports take it from."""

from __future__ import annotations

from made.tables import plain, table
from parallel_landscape.report.verdict import ADVICE


def verdicts() -> str:
    """Status and advice."""
    return table(("status", "what to do"), ((f"`{status}`", plain(advice)) for status, advice in ADVICE.items()))
