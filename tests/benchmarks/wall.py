"""The exponential wall of serial Wang-Landau: random +-1 patterns, N = P, time until learning has finished, on 2 ranks.

    python -m tests.benchmarks.wall [--sizes 51 101] [--instances 5] [--schedules halving 1/t] [--limit-minutes 10]

The yardstick are published serial medians over instances, 1,241 s for N = 51 and 61,602 s for N = 101, down to ln f = 2**-19
with every count within 10 % of the mean. `halving` asks for just that (the stage at 2**-19 included); `1/t` for ln f = 1e-6,
every level found anew 25 times (an error of 20 %) and windows that agree to 0.1. The spectrum is symmetric,
g(E) = g(P - E), so the difference of its halves is a check of the error that the run does not know of.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.store.result import read_result

PUBLISHED = {51: 1241.0, 101: 61602.0}
ENSEMBLE = {
    "halving": "ln_f_final = 1e-6\nflatness = 0.9\noccasions = 1\npatience = 1000000",
    "1/t": "ln_f_final = 1e-6\noccasions = 25\npatience = 4000",
}
JOB = """
name = "wall"
seed = {seed}
[landscape]
model = "binary-perceptron"
inputs = {size}
[landscape.data]
source = "random"
patterns = {size}
[ensemble]
schedule = "{schedule}"
{ensemble}
[exchange]
windows = 8
[run]
walltime_minutes = {limit}
"""


def asymmetry(energy: NDArray[np.int64], ln_g: NDArray[np.float64], patterns: int) -> float:
    """rms of (ln g(E) - ln g(P - E)) / sqrt(2) over the levels visited on both sides."""
    table = {int(e): g for e, g in zip(energy, ln_g, strict=True) if not np.isnan(g)}
    pairs = [table[e] - table[patterns - e] for e in table if 2 * e < patterns and patterns - e in table]
    return float(np.sqrt(np.mean(np.square(pairs)) / 2))


def measure(size: int, schedule: str, seed: int, limit: float) -> tuple[float, str]:
    """Seconds of one run, start-up included, and what came out."""
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "job.toml"
        job.write_text(JOB.format(seed=seed, size=size, schedule=schedule, ensemble=ENSEMBLE[schedule], limit=limit))
        started = time.perf_counter()
        command = [sys.executable, "-m", "parallel_landscape", "run", str(job), "-n", "2", "--quiet"]
        subprocess.run(command, capture_output=True, check=False)
        seconds = time.perf_counter() - started
        result, _, attributes = read_result(Path(folder) / "runs" / "wall" / "result.nc")
        seen = result["energy"][~np.isnan(result["ln_g"])]
        error = asymmetry(result["energy"], result["ln_g"], size)
        return seconds, f"{attributes['status']}, energies {seen.min()} to {seen.max()}, asymmetry {error:.2f}"


def main() -> None:
    """Print one line a run and the medians."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", nargs="+", type=int, default=[51, 101])
    parser.add_argument("--schedules", nargs="+", choices=sorted(ENSEMBLE), default=["halving", "1/t"])
    parser.add_argument("--instances", type=int, default=5)
    parser.add_argument("--limit-minutes", type=float, default=10.0)
    chosen = parser.parse_args()
    for size in chosen.sizes:
        for schedule in chosen.schedules:
            times = []
            for seed in range(1, chosen.instances + 1):
                seconds, outcome = measure(size, schedule, seed, chosen.limit_minutes)
                times.append(seconds)
                print(f"N = P = {size}, {schedule}, instance {seed}: {seconds:.1f} s, {outcome}", flush=True)
            median, published = statistics.median(times), PUBLISHED.get(size)
            against = f", published serial median {published:.0f} s" if published else ""
            print(f"N = P = {size}, {schedule}: median {median:.1f} s of {len(times)}{against}", flush=True)


if __name__ == "__main__":
    main()
