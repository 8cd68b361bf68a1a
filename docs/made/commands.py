"""The commands, from the parser that reads them, and exit codes, from the errors."""

from __future__ import annotations

import argparse

from made.tables import plain, table
from parallel_landscape import errors
from parallel_landscape.arguments import make_parser

WIDTH = 100


def commands() -> str:
    """Each command with its usage and its arguments."""
    (found,) = (action for action in make_parser()._actions if isinstance(action, argparse._SubParsersAction))
    helps = {action.dest: action.help or "" for action in found._choices_actions}
    return "\n".join(_command(name, helps[name], parser) for name, parser in found.choices.items())


def _command(name: str, about: str, parser: argparse.ArgumentParser) -> str:
    parser.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=WIDTH)
    usage = parser.format_usage().removeprefix("usage: ").rstrip()
    rows = [(f"`{_shown(action)}`", plain(action.help or "")) for action in parser._actions if action.dest != "help"]
    text = f"### pland {name}\n\n{plain(about[:1].upper() + about[1:])}.\n\n```\n{usage}\n```\n\n"
    return text + (table(("argument", "meaning"), rows) if rows else "")


def _shown(action: argparse.Action) -> str:
    if action.option_strings:
        return ", ".join(action.option_strings)
    return str(action.metavar or action.dest).upper()


def exit_codes() -> str:
    """Each code with what it says."""
    rows = [("0", "done")]
    for error in (errors.JobError, errors.Stopped, errors.RunError):
        rows.append((str(error.exit_code), plain((error.__doc__ or "").split("\n\n")[0])))
    return table(("code", "meaning"), [*rows, ("130", "interrupted at the keyboard, before a run had begun")])
