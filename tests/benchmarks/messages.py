"""ns per message of belief propagation, and per pattern and weight of approximate message passing, beside C++ loops.

    python -m tests.benchmarks.messages [--repeats 9]

Single repeats of both in turns; the ratio is the median over neighbours in time.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.solvers.amp import Nodes
from parallel_landscape.solvers.messages import Messages, make_kernel
from tests.benchmarks.yardstick import Yardstick, interleaved, thread_ns_per_step

SIZES = {"edges": ((201, 100), (1001, 600), (2001, 1400)), "nodes": ((201, 100), (1001, 600), (10001, 6000))}
YARDSTICKS = {"edges": "messages", "nodes": "amp"}
STEPS = {"edges": 5_000_000, "nodes": 50_000_000}


def sweeper(form: str, x: NDArray[np.float64]) -> tuple[Messages | Nodes, Callable[[], float]]:
    """The messages of the patterns x (P, N), and what makes one sweep."""
    rng = np.random.default_rng(2)
    if form == "nodes":
        nodes = Nodes(x, 0.01 * rng.standard_normal(x.shape[1]))
        return nodes, nodes.sweep
    edges, order = Messages(make_kernel(), x, 0.01 * rng.standard_normal(x.shape)), np.arange(len(x))
    return edges, lambda: edges.sweep(order)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    print(f"{'messages':>9} {'inputs':>8} {'patterns':>9} {'ours ns':>9} {'C++ ns':>9} {'ratio':>7} {'q ours':>8} {'q C++':>8}")
    for form, sizes in SIZES.items():
        for inputs, patterns in sizes:
            row(form, inputs, patterns, repeats)


def row(form: str, inputs: int, patterns: int, repeats: int) -> None:
    """Measure one size, and print it."""
    x = np.random.default_rng(1).choice([-1.0, 1.0], (patterns, inputs))
    (messages, sweep), sweeps = sweeper(form, x), max(1, STEPS[form] // x.size)

    def ours() -> float:
        return thread_ns_per_step(lambda: [sweep() for _ in range(sweeps)], sweeps * x.size)

    yardstick = Yardstick(YARDSTICKS[form], {"INPUTS": inputs, "PATTERNS": patterns})
    result = interleaved(yardstick, ours, repeats)
    q = float(np.mean(messages.magnetisations**2))
    print(
        f"{form:>9} {inputs:8d} {patterns:9d} {result.ours_ns:9.2f} {result.yardstick_ns:9.2f} {result.ratio:7.2f} "
        f"{q:8.4f} {np.median([s.level for s in yardstick.samples]):8.4f}"
    )


if __name__ == "__main__":
    main()
