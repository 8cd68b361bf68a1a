"""ns per Wang-Landau proposal of the compiled kernels, random numbers included, beside the C++ yardsticks.

    python -m tests.benchmarks.kernels [NAME ...] [--repeats 9] [--steps 1000000]

Single repeats of both in turns; the ratio is the median over neighbours in time. Both walk in the same fixed ln g.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.landscape import Landscape
from parallel_landscape.landscapes.committee import committee
from parallel_landscape.landscapes.ising import ising_2d
from parallel_landscape.landscapes.mlp import binary_mlp
from parallel_landscape.landscapes.perceptron import binary_perceptron
from parallel_landscape.network import Network
from parallel_landscape.rng import Purpose
from parallel_landscape.sampler import make_sampler
from tests.benchmarks.yardstick import Yardstick, interleaved, thread_ns_per_step


class Case(NamedTuple):
    """A kernel of ours with the yardstick that does the same work, and the ratio that we aim at."""

    name: str
    yardstick: str
    sizes: dict[str, int]
    landscape: Callable[[], Landscape]
    goal: float


def _signs(patterns: int, real: bool = False) -> Callable[[Network], TrainingSet]:
    def draw(network: Network) -> TrainingSet:
        rng = np.random.default_rng(1)
        shape = (patterns, network.inputs)
        values = rng.normal(size=shape) if real else rng.choice([-1.0, 1.0], shape)
        return TrainingSet(values, rng.choice(np.array([-1, 1], np.int8), (patterns, network.outputs)), None)

    return draw


def _perceptron(inputs: int, patterns: int, goal: float) -> Case:
    sizes = {"INPUTS": inputs, "PATTERNS": patterns}
    name = f"perceptron {inputs} P={patterns}"
    return Case(name, "perceptron", sizes, lambda: binary_perceptron(inputs, _signs(patterns)), goal)


def _committee(inputs: int, hidden: int, patterns: int) -> Case:
    sizes = {"INPUTS": inputs, "HIDDEN": hidden, "PATTERNS": patterns}
    name = f"committee {inputs}-{hidden} P={patterns}"
    return Case(name, "committee", sizes, lambda: committee(inputs, hidden, data=_signs(patterns)), 1.25)


def _mlp(inputs: int, first: int, second: int, patterns: int) -> Case:
    sizes = {"INPUTS": inputs, "HIDDEN_1": first, "HIDDEN_2": second, "PATTERNS": patterns}
    name = f"mlp {inputs}-{first}-{second}-1 P={patterns}"
    return Case(name, "mlp", sizes, lambda: binary_mlp([inputs, first, second, 1], data=_signs(patterns)), 1.25)


def _real(inputs: int, patterns: int) -> Case:
    sizes = {"INPUTS": inputs, "PATTERNS": patterns}
    name = f"real perceptron {inputs} P={patterns}"
    return Case(name, "real_perceptron", sizes, lambda: binary_perceptron(inputs, _signs(patterns, real=True)), 1.3)


def _real_mlp(inputs: int, hidden: int, patterns: int) -> Case:
    sizes = {"INPUTS": inputs, "HIDDEN": hidden, "PATTERNS": patterns}
    name = f"real mlp {inputs}-{hidden}-1 P={patterns}"
    return Case(name, "real_mlp", sizes, lambda: binary_mlp([inputs, hidden, 1], data=_signs(patterns, real=True)), 1.3)


CASES = [
    Case("ising 16", "ising", {"LENGTH": 16}, lambda: ising_2d(16), 1.4),
    Case("ising 32", "ising", {"LENGTH": 32}, lambda: ising_2d(32), 1.4),
    _perceptron(101, 80, 1.4),
    _perceptron(501, 400, 1.25),
    _perceptron(2001, 1600, 1.25),
    _committee(201, 7, 400),
    _committee(501, 11, 1600),
    _mlp(101, 21, 11, 400),
    _mlp(501, 21, 11, 1600),
    _real(784, 400),
    _real(501, 1600),
    _real_mlp(784, 15, 400),
]


def walker_in(landscape: Landscape, ln_g: list[float], warm_up: int) -> Callable[[int], None]:
    """Our kernel walking in a fixed ln g, warmed up, from another seed at every call: steps -> None."""
    sampler = make_sampler(landscape, 1)
    seeds = iter(range(10**6))

    def fresh() -> Any:
        slot = sampler.new_slot(next(seeds))
        slot.ln_g[:] = ln_g
        sampler.advance(slot, Purpose.LEARN, 1e-12, warm_up)
        return slot

    slots = {"now": fresh()}

    def advance(steps: int) -> None:
        sampler.advance(slots["now"], Purpose.LEARN, 1e-12, steps)

    advance.renew = lambda: slots.update(now=fresh())  # type: ignore[attr-defined]
    advance.acceptance = lambda: slots["now"].accepted / slots["now"].steps  # type: ignore[attr-defined]
    return advance


def main() -> None:
    """Print one line a case."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help="parts of the names to run; all when left out")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--steps", type=int, default=1_000_000)
    chosen = parser.parse_args()
    print(f"{'work':32} {'ours ns':>8} {'C++ ns':>8} {'ratio':>6} {'goal':>5}  acceptance ours / C++")
    for case in CASES:
        if chosen.names and not any(name in case.name for name in chosen.names):
            continue
        yardstick = Yardstick(case.yardstick, case.sizes, steps=chosen.steps)
        advance: Any = walker_in(case.landscape(), yardstick.ln_g(), 1_000_000)
        accepted = []

        def ours(advance: Any = advance, accepted: list[float] = accepted) -> float:
            advance.renew()
            time = thread_ns_per_step(lambda: advance(chosen.steps), chosen.steps)
            accepted.append(advance.acceptance())
            return time

        result = interleaved(yardstick, ours, chosen.repeats)
        print(
            f"{case.name:32} {result.ours_ns:8.2f} {result.yardstick_ns:8.2f} {result.ratio:6.2f} {case.goal:5.2f}  "
            f"{np.median(accepted):.3f} / {yardstick.acceptance:.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
