"""A leapfrog step of a network with continuous weights, beside its two matrix products alone; and what sharing them saves.

    python -m tests.benchmarks.continuous [--patterns 1000] [--repeats 15]

Both in turns in one process with one thread; ratios are medians over neighbours in time. The second table has the time of a
step for each replica: alone, and in packs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.dynamics.flow import Batch, Canonical, evaluate, flow, spelt
from parallel_landscape.landscapes.smooth_networks import one_hidden_layer, spherical_perceptron
from parallel_landscape.smooth import SmoothLandscape
from parallel_landscape.warm import settle_process

STEPS = 4  # to a measurement


def batch_of(landscape: SmoothLandscape, replicas: int) -> Batch:
    rng = np.random.default_rng(2)
    weights, velocities = rng.standard_normal((2, replicas, landscape.size))
    batch = Batch(weights, velocities, np.zeros(replicas), weights)
    evaluate(landscape, batch)
    return batch


def stepping(landscape: SmoothLandscape, replicas: int) -> Callable[[], object]:
    """STEPS leapfrog steps of so many replicas."""
    batch, weight, length = batch_of(landscape, replicas), Canonical(np.ones(replicas)), np.full(replicas, 1e-6)
    return lambda: flow(landscape, weight, batch, spelt("BAB", STEPS), length, length, lambda: batch.velocities)


def products(patterns: np.ndarray, units: int, precision: str) -> Callable[[], None]:
    """The matrix products of as many evaluations: all weights with all patterns, and all errors back."""
    rng, kind = np.random.default_rng(3), np.dtype(precision)
    right = np.ascontiguousarray(patterns.T.astype(kind))
    back = np.ascontiguousarray(right.T)
    weights, errors = (rng.standard_normal((units, size)).astype(kind) for size in right.shape)

    def multiply() -> None:
        for _ in range(STEPS):
            weights @ right
            errors @ back

    return multiply


def seconds(work: Callable[[], object]) -> float:
    """CPU time of this thread for each step, so that neighbours on the machine count less."""
    started = time.thread_time()
    work()
    return (time.thread_time() - started) / STEPS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patterns", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=15)
    parsed = parser.parse_args()
    settle_process()
    rng = np.random.default_rng(1)
    labels = (2 * rng.integers(0, 2, (parsed.patterns, 1)) - 1).astype(np.int8)
    data = TrainingSet(rng.standard_normal((parsed.patterns, 500)), labels)
    print(f"500-50-1 tanh, {parsed.patterns} patterns, 8 replicas")
    print(f"{'precision':>9} {'step ms':>8} {'products ms':>12} {'ratio':>6}")
    for precision in ("float64", "float32"):
        ours = stepping(one_hidden_layer(500, 50, lambda network: data, precision=precision), 8)
        bare = products(data.patterns, 400, precision)
        times = np.array([(seconds(ours), seconds(bare)) for _ in range(parsed.repeats + 1)][1:])
        print(f"{precision:>9} {1e3 * np.median(times[:, 0]):8.2f} {1e3 * np.median(times[:, 1]):12.2f} ", end="")
        print(f"{np.median(times[:, 0] / times[:, 1]):6.2f}")
    models = {
        "500-50-1 tanh": one_hidden_layer(500, 50, lambda network: data),
        "500-50-1 tree": one_hidden_layer(500, 50, lambda network: data, tree=True, output="halves", activation="relu"),
        "perceptron 500": spherical_perceptron(500, lambda network: data),
    }
    print(f"\n{'model':>15} {'replicas':>9} {'ms each':>8} {'cheaper':>8}")
    for name, landscape in models.items():
        counts = (1, 8, 64)
        work = [stepping(landscape, count) for count in counts]
        pairs = list(zip(work, counts, strict=True))
        times = np.array([[seconds(one) / count for one, count in pairs] for _ in range(parsed.repeats)])
        for column, count in enumerate(counts):
            cheaper = np.median(times[:, 0] / times[:, column])
            print(f"{name:>15} {count:9d} {1e3 * np.median(times[:, column]):8.3f} {cheaper:8.1f}")


if __name__ == "__main__":
    main()
