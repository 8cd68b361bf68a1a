"""Makes the stored run that test_old_files.py opens: `python tests/compat/make.py`, once for each version of the files' schema.

A small run is stopped in the middle of production and copied here, and beside it the data that it comes to in the end.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from parallel_landscape.cli import main
from parallel_landscape.driver import campaign, rounds
from parallel_landscape.phases.produce import Production
from parallel_landscape.store import checkpoint

HERE = Path(__file__).parent
JOB = """
name = "run"
seed = 7

[landscape]
model = "ising-2d"
length = 4

[dynamics]
sweeps_per_round = 100

[ensemble]
ln_f_final = 1e-4

[exchange]
windows = [[-32, 0], [-16, 32]]
walkers_per_window = 2

[production]
rounds = 60
record_every_sweeps = 20
weights = true
observables = ["magnetisation", "local-energy"]

[run]
checkpoint_rounds = 10
"""
STOP = 35  # rounds of production


def make() -> Path:
    """Write the folder for the present schema."""
    sys.path.insert(0, str(HERE.parent))
    from faults.harness import final_data

    kept = HERE / f"schema-{checkpoint.SCHEMA}"
    shutil.rmtree(kept, ignore_errors=True)
    rounds.goes_on = _stopping(rounds.goes_on)  # type: ignore[attr-defined]
    campaign.provenance = lambda *arguments: {"version": "of another machine"}  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory(prefix="compat-") as folder:
        file = Path(folder) / "job.toml"
        file.write_text(JOB)
        assert main(["run", str(file), "-n", "1", "--quiet"]) == 3
        run = Path(folder) / "runs" / "run"
        shutil.copytree(run, kept / "run")
        assert main(["resume", str(run), "-n", "1", "--quiet"]) == 0
        np.savez_compressed(kept / "final.npz", **final_data(run))
    return kept


def _stopping(goes_on: Any) -> Any:
    """`goes_on`, with a wish to stop in the middle of production, once."""
    asked: list[bool] = []

    def stopping(run: Any, phase: Any) -> bool:
        if isinstance(phase, Production) and phase.rounds == STOP and not asked:
            asked.append(True)
            run.stop.signal = "SIGTERM"
        return bool(goes_on(run, phase))

    return stopping


if __name__ == "__main__":
    made = make()
    print(made, sum(path.stat().st_size for path in made.rglob("*") if path.is_file()), "bytes")
