"""The table and the figure of docs/validation.md: ln g as sampled against the exact count, instance by instance.

    python -m tests.validation [--figure docs/_static/validation.png]

Carries out the instances of tests/exact/test_density_of_states.py in this process, one after the other (a minute on a free
core), and prints for each the number of states and levels, the root mean square of the error of ln g, and the largest error.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).parent))
from exact.test_density_of_states import SMALL, content, exact

from parallel_landscape.analysis.plots.style import INK, new_axes, ramp
from parallel_landscape.driver.rounds import run_job
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.job.job import make_job


def errors(name: str, folder: Path) -> tuple[np.ndarray, float]:
    """ln g minus the exact one at every level that there is, nan where it was missed, and ln of the number of states."""
    job = make_job(content(SMALL[name], name), base=folder)
    outcome = run_job(job, Serial(), quiet=True)
    assert outcome is not None
    found = dict(zip(outcome.result["energy"].tolist(), outcome.result["ln_g"].tolist(), strict=True))
    truth = exact(job)
    error = np.array([found.get(energy, np.nan) - ln_g for energy, ln_g in sorted(truth.items())])
    return error, float(np.logaddexp.reduce(list(truth.values())))


def main() -> None:
    """Run all, print the table, draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figure", type=Path, default=Path("docs/_static/validation.png"))
    figure = Figure(figsize=(8.0, 4.4), layout="constrained")
    path, ax = parser.parse_args().figure, new_axes(figure.add_subplot())
    print("| instance | states | levels | rms error of ln g | largest |\n|---|---|---|---|---|", flush=True)
    for name, color in zip(SMALL, ramp(len(SMALL)), strict=True):
        with tempfile.TemporaryDirectory() as folder:
            error, ln_states = errors(name, Path(folder))
        rms, largest = float(np.sqrt(np.mean(error**2))), float(np.abs(error).max())
        print(f"| {name} | $2^{{{ln_states / np.log(2):.1f}}}$ | {len(error)} | {rms:.4f} | {largest:.4f} |", flush=True)
        ax.plot(np.linspace(0, 1, len(error)), error, ".-", color=color, markersize=3, linewidth=0.7, label=name)
    ax.axhline(0.0, color=INK, linewidth=0.8)
    ax.set(xlabel="levels, from the lowest energy to the highest", ylabel="error of ln g")
    figure.legend(loc="outside right upper", frameon=False, fontsize=7.5)
    figure.savefig(path, dpi=150)
    print(f"\n{path}")


if __name__ == "__main__":
    main()
