"""What the loop around the kernel costs: windows, learning, exchange and agreement of ranks, at 100,000 proposals a round.

    python -m tests.benchmarks.loop [--rounds 50] [--repeats 9]

Both sides move the same slots of one process by the same number of proposals, in turns: a whole round as `rounds.py` makes
it, and nothing but the compiled kernel. Start-up: `pland run` of a tiny job on 2 ranks with everything compiled.
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

from parallel_landscape.courses.wang_landau_course import new_learning
from parallel_landscape.driver.boundary import goes_on
from parallel_landscape.driver.campaign import begin
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.exchange.windows import divide
from parallel_landscape.job.job import make_job
from parallel_landscape.rng import Purpose

TINY = """
name = "tiny"
seed = 1
[landscape]
model = "binary-perceptron"
inputs = 21
[landscape.data]
source = "random"
patterns = 20
[ensemble]
ln_f_final = 1e-3
occasions = 10
[exchange]
windows = 2
"""


def overhead(rounds: int, repeats: int, windows: int, walkers: int) -> float:
    """Median over repeats of (time of whole rounds) / (time of the kernel alone)."""
    with tempfile.TemporaryDirectory() as folder:
        content = {
            "name": "loop",
            "seed": 1,
            "landscape": {"model": "binary-perceptron", "inputs": 501, "data": {"source": "random", "patterns": 400}},
            "ensemble": {"ln_f_final": 1e-9},
            "exchange": {"windows": windows, "walkers_per_window": walkers, "energy": [100, 300]},
        }
        campaign = begin(make_job(content, Path(folder)), Serial(), force_new=False, quiet=True)
        learning = new_learning(campaign, divide(100, 300, windows, 0.5))
        learning.begin(campaign.slots)
        while any(learner.raw for learner in learning.learners.values()):
            learning.step(campaign.sampler, campaign.slots, campaign.comm)
        ratios = []
        for _ in range(repeats):
            started = time.thread_time_ns()
            for _ in range(rounds):
                goes_on(campaign, learning)
                learning.step(campaign.sampler, campaign.slots, campaign.comm)
            whole = time.thread_time_ns() - started
            started = time.thread_time_ns()
            for _ in range(rounds):
                for slot in campaign.slots.values():
                    campaign.sampler.advance(slot, Purpose.LEARN, 0.0, learning.steps)
            ratios.append(whole / (time.thread_time_ns() - started))
        return statistics.median(ratios)


def start_up(repeats: int) -> float:
    """Median seconds of a tiny run on 2 ranks, from the command to its end, with a warm cache."""
    times = []
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "job.toml"
        job.write_text(TINY)
        for _ in range(repeats + 1):
            started = time.perf_counter()
            command = [sys.executable, "-m", "parallel_landscape", "run", str(job), "-n", "2", "--quiet", "--force-new"]
            subprocess.run(command, check=True, capture_output=True)
            times.append(time.perf_counter() - started)
    return float(np.median(times[1:]))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=9)
    chosen = parser.parse_args()
    for windows, walkers in ((1, 1), (4, 1), (4, 2)):
        ratio = overhead(chosen.rounds, chosen.repeats, windows, walkers)
        print(f"{windows} windows x {walkers} walkers: a round takes {ratio:.3f} of its kernels", flush=True)
    print(f"start-up of a cached run on 2 ranks: {start_up(5):.2f} s")


if __name__ == "__main__":
    main()
