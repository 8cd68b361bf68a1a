"""`pland` with a bullet in it: `python -m mpi4py killer.py RANK COUNT ARGUMENTS...` is `pland ARGUMENTS...`, but the rank kills
itself at its COUNT-th change of the file system: in the middle of a write, before or after an fsync, a rename, a removal.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import sys
from collections.abc import Callable
from typing import Any


class Bullet:
    """Counts what is about to be done to the file system; the process dies at the `last` one."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.count = 0

    def due(self) -> bool:
        self.count += 1
        return self.count == self.last

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with death before it or right after it, by turns."""

        def deadly(*arguments: Any, **options: Any) -> Any:
            due = self.due()
            if due and self.last % 2:
                die()
            result = function(*arguments, **options)
            if due:
                die()
            return result

        return deadly

    def halfway(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function that writes its second argument, with death when half of it is written."""

        def deadly(path: Any, content: Any, **options: Any) -> Any:
            if self.due():
                function(path, content[: len(content) // 2], **options)
                die()
            return function(path, content, **options)

        return deadly


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def load(bullet: Bullet) -> None:
    """Put the bullet where the package changes files."""
    path = pathlib.Path
    path.write_bytes, path.write_text = bullet.halfway(path.write_bytes), bullet.halfway(path.write_text)  # type: ignore[method-assign]
    for name in ("replace", "rename", "mkdir", "unlink"):
        setattr(path, name, bullet.around(getattr(path, name)))
    os.fsync = bullet.around(os.fsync)
    shutil.rmtree = bullet.around(shutil.rmtree)  # type: ignore[assignment]


def main() -> int:
    victim, last, *arguments = sys.argv[1:]
    from parallel_landscape.cli import main as pland

    if os.environ.get("PMI_RANK", "0") == victim:
        load(Bullet(int(last)))
    return pland(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
