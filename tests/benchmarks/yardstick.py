"""Builds and runs the C++ yardsticks, and times a Python kernel against one of them in turns.

    sizes = {"INPUTS": 501, "PATTERNS": 400}
    perceptron = Yardstick("perceptron", sizes)
    result = interleaved(perceptron, ours, repeats=9)      # `ours()` returns ns per step of one repeat
    print(result.ours_ns, result.yardstick_ns, result.ratio)

`thread_ns_per_step(advance, steps)` measures one repeat of a Python callable as the yardsticks measure themselves, by
the CPU time of the thread. `Yardstick.ln_g()` is the fixed ln g the C++ walk moves in: start ours from the same one, or
the acceptances, and with them the times, cannot be compared.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

SOURCES = Path(__file__).parent / "yardsticks"
FLAGS = ("-O3", "-march=native", "-std=c++20", "-Wno-psabi")


class Sample(NamedTuple):
    """One process: ns per step of each repeat, the share of accepted moves, the mean level."""

    ns_per_step: list[float]
    acceptance: float
    level: float


class Comparison(NamedTuple):
    """Medians over the repeats, in ns per step; `ratio` is the median of ours / yardstick of neighbours in time."""

    yardstick_ns: float
    ours_ns: float
    ratio: float


def compiler() -> str | None:
    """The C++ compiler: $CXX, else g++; None when there is none."""
    return shutil.which(os.environ.get("CXX", "g++"))


@functools.cache
def _compiler_version(path: str) -> str:
    return subprocess.run([path, "--version"], check=True, capture_output=True, text=True).stdout


def cache_folder() -> Path:
    """Where the programs are kept: the user's cache folder, or the temporary one when that cannot be written."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "parallel_landscape" / "yardsticks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"parallel_landscape-yardsticks-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _processor() -> str:
    """What -march=native depends on, so that a cache shared between machines holds a program for each."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def build(name: str, defines: Mapping[str, int] | None = None) -> Path:
    """Compiles yardsticks/NAME.cpp with -D for every size, once per content of the sources; returns the program."""
    path = compiler()
    if path is None:
        raise RuntimeError("no C++ compiler: install g++ or set CXX")
    options = [f"-D{key}={value}" for key, value in sorted((defines or {}).items())]
    sources = [SOURCES / f"{name}.cpp", *sorted(SOURCES.glob("*.hpp"))]
    digest = hashlib.sha256()
    for part in (path, _compiler_version(path), _processor(), *FLAGS, *options, *(s.read_text() for s in sources)):
        digest.update(part.encode() + b"\0")
    program = cache_folder() / f"{name}-{digest.hexdigest()[:16]}"
    if not program.exists():
        # Renamed into place: a second process never runs a half-written program.
        unfinished = program.with_name(f"{program.name}.{os.getpid()}")
        command = [path, *FLAGS, *options, str(sources[0]), "-o", str(unfinished)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
        unfinished.replace(program)
    return program


def _run(program: Path, *arguments: str) -> str:
    done = subprocess.run([str(program), *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{program.name} {' '.join(arguments)}: exit {done.returncode}\n{done.stderr}")
    return done.stdout


def sample(program: Path, **options: float) -> Sample:
    """Runs a yardstick once; options as on its command line: steps, warm_up, repeats, seed, fraction.

    The program recomputes its energy at the end and fails, as does this, when the caches disagree with it.
    """
    arguments = [text for key, value in options.items() for text in ("--" + key.replace("_", "-"), str(value))]
    line = json.loads(_run(program, *arguments))
    return Sample(line["ns_per_step"], line["acceptance"], line["level"])


def measure(program: Path, **options: float) -> list[float]:
    """ns per step of every repeat of one run."""
    return sample(program, **options).ns_per_step


class Yardstick:
    """A built yardstick; a call runs it for one repeat in a fresh process and returns ns per step.

    Every call takes the next seed: in a single trajectory the acceptance wanders by up to a fifth.
    """

    def __init__(self, name: str, defines: Mapping[str, int] | None = None, **options: float) -> None:
        self.program = build(name, defines)
        self.options = options
        self.samples: list[Sample] = []
        self._seeds = itertools.count(1)

    def __call__(self) -> float:
        options = {"seed": next(self._seeds), **self.options, "repeats": 1}
        self.samples.append(sample(self.program, **options))
        return self.samples[-1].ns_per_step[0]

    @property
    def acceptance(self) -> float:
        """The median over the calls so far."""
        return statistics.median(s.acceptance for s in self.samples)

    def ln_g(self) -> list[float]:
        """The fixed ln g over the levels 0, 1, ...: wrong patterns, or (E + 2 N) / 4 of the Ising model."""
        fraction = self.options.get("fraction", 0.3)
        table: list[float] = json.loads(_run(self.program, "--ln-g", "--fraction", str(fraction)))
        return table


def thread_ns_per_step(advance: Callable[[], object], steps: int) -> float:
    """CPU time of this thread, in ns, for one call of `advance`, which does `steps` steps."""
    start = time.thread_time_ns()
    advance()
    return (time.thread_time_ns() - start) / steps


def interleaved(yardstick: Callable[[], float], ours: Callable[[], float], repeats: int = 9) -> Comparison:
    """Single repeats in turns, so that a busy machine slows both alike; `ours` is first called once to warm up."""
    ours()
    pairs = [(yardstick(), ours()) for _ in range(repeats)]
    return Comparison(
        yardstick_ns=statistics.median(a for a, _ in pairs),
        ours_ns=statistics.median(b for _, b in pairs),
        ratio=statistics.median(b / a for a, b in pairs),
    )
