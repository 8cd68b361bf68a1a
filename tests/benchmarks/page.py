"""Writes docs/performance.md: every benchmark's own output, under the sentence that says what it measures.

python -m tests.benchmarks.page [NAME ...]        all, or those whose names are given; the others stay as they are
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from parallel_landscape.driver.provenance import version
from parallel_landscape.store.files import write_atomically

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
HEAD = """# How fast it is

Times say little beyond the machine they were taken on, so each figure stands beside a yardstick that ran in turns with it:
a C++ program of the same algorithm, the bare kernel, plain reading of the same bytes. Ratios are medians. Each block below is
what its command printed; `python -m tests.benchmarks.page` takes them all anew and writes this page.

What was measured, was measured on two cores. For thousands of ranks see the model of communication in
[coupled replicas](coupled.md); nothing here was run on more than a few nodes.
"""


@dataclass(frozen=True)
class Section:
    """A benchmark: its heading, what it measures, and the module with its arguments."""

    title: str
    sentence: str
    arguments: tuple[str, ...]

    @property
    def command(self) -> str:
        """As a person would type it."""
        return f"python -m {' '.join(self.arguments)}"


SECTIONS = {
    "kernels": Section(
        "Kernels",
        "Nanoseconds a proposal of one walker, everything included, beside a C++20 program (`-O3 -march=native`) of the same "
        "algorithm. Goals: at most 1.25 times; 1.4 for Ising and the smallest perceptron; 1.3 for real-valued inputs.",
        ("tests.benchmarks.kernels",),
    ),
    "loop": Section(
        "The loop around the kernel",
        "A whole run (windows, exchange, bookkeeping) beside the bare kernel at 100,000 proposals a round (goal: 1.05), and "
        "the time that a run whose kernels are compiled already takes to start and to end (goal: 3 s on 2 ranks).",
        ("tests.benchmarks.loop",),
    ),
    "checkpoint": Section(
        "Checkpoints",
        "The cost of a checkpoint of a large run, on 2 ranks (goal: 1 % of a run that saves every ten minutes).",
        ("tests.benchmarks.checkpoint",),
    ),
    "wall": Section(
        "The exponential wall",
        "Random patterns, N = P: the time to the same ln f and flatness as the published serial medians, and by the 1/t "
        "schedule to the same accuracy (goals: 10 s and 300 s). Instances differ by a factor of ten and more.",
        ("tests.benchmarks.wall",),
    ),
    "messages": Section(
        "Belief propagation",
        "Nanoseconds a message (nodes: a pattern and weight of approximate message passing), beside C++.",
        ("tests.benchmarks.messages",),
    ),
}


def machine() -> str:
    """Processor, cores, system and versions in a sentence."""
    named = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) if Path("/proc/cpuinfo").exists() else None
    processor = named[1] if named else platform.processor()
    cores = len(os.sched_getaffinity(0))
    return (
        f"{processor}, {cores} cores, {platform.system()}, Python {platform.python_version()}, parallel_landscape {version()}"
    )


def measured(section: Section) -> str:
    """The section with what its command prints now. Raises CalledProcessError when it fails."""
    done = subprocess.run([sys.executable, "-m", *section.arguments], capture_output=True, text=True, check=True)
    load = os.getloadavg()[1]
    taken = f"{datetime.date.today()}, {machine()}; mean load over the last five minutes {load:.1f}"
    return f"## {section.title}\n\n{section.sentence}\n\n```text\n$ {section.command}\n{done.stdout.rstrip()}\n```\n\n{taken}\n"


def parts(text: str) -> dict[str, str]:
    """The sections of a page by their titles."""
    found = re.split(r"(?m)^(?=## )", text)[1:]
    return {part.splitlines()[0].removeprefix("## "): part.rstrip() + "\n" for part in found}


def main() -> None:
    """Measure, and write the page after every section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(SECTIONS)}")
    names = parser.parse_args().names or list(SECTIONS)
    if unknown := set(names) - set(SECTIONS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; allowed: {', '.join(SECTIONS)}")
    kept = parts(PAGE.read_text()) if PAGE.exists() else {}
    for name in names:
        kept[SECTIONS[name].title] = measured(SECTIONS[name])
        page = "\n".join([HEAD, *(kept[section.title] for section in SECTIONS.values() if section.title in kept)])
        write_atomically(PAGE, lambda beside, page=page: beside.write_text(page))
        print(f"{name}: done", flush=True)


if __name__ == "__main__":
    main()
