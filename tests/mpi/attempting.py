"""What the tests of `pland solve` over ranks share: writing a job, solving it, and being stopped in the middle."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from parallel_landscape.cli import main
from parallel_landscape.commands import solve
from parallel_landscape.driver.stopping import handlers_kept


def write_solve(job: dict[str, Any], folder: Path, **keys: Any) -> Path:
    """The job, called "s", with other keys in [solve], as FOLDER/job.toml."""
    folder.mkdir(exist_ok=True)
    file = folder / "job.toml"
    file.write_text(tomli_w.dumps({**job, "solve": {**job["solve"], **keys}}))
    return file


def solved(file: Path, *options: str) -> dict[str, str]:
    """Checksums of the files that hold the result."""
    with handlers_kept():
        assert main(["solve", str(file), "--quiet", *options]) == 0
    folder = file.parent / "runs" / "s-solve"
    found = [folder / "solve.nc", *sorted((folder / "trajectory").glob("*.h5"))]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def stopped_while_solving(file: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Solve, with a request to stop as the attempt of this number begins; the list of attempts begun, which grows on."""
    made: list[tuple[int, int]] = []
    attempt_at = solve.attempt_at

    def counting(job: Any, problem: Any, key: Any, tick: Any = lambda: None) -> Any:
        if job.solve.max_iterations == 1:  # the one that compiles
            return attempt_at(job, problem, key)
        made.append(key)
        if len(made) == number:
            os.kill(os.getpid(), 15)
            while True:
                tick()
        return attempt_at(job, problem, key, tick)

    monkeypatch.setattr(solve, "attempt_at", counting)
    with handlers_kept():
        assert main(["solve", str(file), "--quiet", "-n", "1"]) == 3
    return made
