"""What the reference pages are made of when they are built: from the code, so that they cannot differ from it.

A page holds a line `<!-- made: NAME -->`, in whose place goes what `PAGES[NAME]` returns, in Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from made.api import api
from made.commands import commands, exit_codes
from made.files import files
from made.job import job
from made.verdicts import verdicts

PAGES: dict[str, Callable[[], str]] = {
    "api": api,
    "commands": commands,
    "exit-codes": exit_codes,
    "files": files,
    "job": job,
    "verdicts": verdicts,
}


def filled(text: str) -> str:
    """A page with what is made in place. Raises KeyError for a name that there is none of."""
    return re.sub(r"^<!-- made: (\S+) -->$", lambda found: PAGES[found[1]](), text, flags=re.MULTILINE)
