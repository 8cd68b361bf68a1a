"""ns per message of belief propagation, beside a C++ loop of the same algorithm.

    python -m tests.benchmarks.messages [--repeats 9]

Single repeats of both in turns; the ratio is the median over neighbours in time.
"""

from __future__ import annotations

import argparse

import numpy as np

from parallel_landscape.solvers.messages import Messages, make_kernel
from tests.benchmarks.yardstick import Yardstick, interleaved, thread_ns_per_step

SIZES = ((201, 100), (1001, 600), (2001, 1400))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    print(f"{'inputs':>8} {'patterns':>9} {'ours ns':>9} {'C++ ns':>9} {'ratio':>7} {'q ours':>8} {'q C++':>8}")
    for inputs, patterns in SIZES:
        rng = np.random.default_rng(1)
        x = rng.choice([-1.0, 1.0], (patterns, inputs))
        messages = Messages(make_kernel(), x, 0.01 * rng.standard_normal(x.shape))
        order, sweeps = np.arange(patterns), max(1, 5_000_000 // x.size)

        def ours(messages: Messages = messages, order: np.ndarray = order, sweeps: int = sweeps) -> float:
            return thread_ns_per_step(lambda: [messages.sweep(order) for _ in range(sweeps)], sweeps * messages.u.size)

        yardstick = Yardstick("messages", {"INPUTS": inputs, "PATTERNS": patterns})
        result = interleaved(yardstick, ours, repeats)
        q = float(np.mean(messages.magnetisations**2))
        print(
            f"{inputs:8d} {patterns:9d} {result.ours_ns:9.2f} {result.yardstick_ns:9.2f} {result.ratio:7.2f} "
            f"{q:8.4f} {np.median([s.level for s in yardstick.samples]):8.4f}"
        )


if __name__ == "__main__":
    main()
