"""Ranks that end well without having finished: said, not taken for success."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MODEL = """
import os

import numpy as np

from parallel_landscape.landscapes.ising import ising_2d


def quitter(length: int = 4):
    landscape = ising_2d(length)
    made = []

    def initial(rng):
        made.append(1)
        if len(made) > 40 and "PMI_RANK" in os.environ:
            os._exit(0)
        return landscape.initial(rng)

    from dataclasses import replace
    return replace(landscape, initial=initial)
"""

JOB = """
name = "quits"
seed = 1
[landscape]
model = "quitter:quitter"
[exchange]
windows = [[-32, 0], [-8, 32]]
walkers_per_window = 64
"""


def test_ranks_that_leave_without_a_word_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "quitter.py").write_text(MODEL)
    (tmp_path / "job.toml").write_text(JOB)
    command = [sys.executable, "-m", "parallel_landscape", "run", str(tmp_path / "job.toml"), "-n", "2", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr
