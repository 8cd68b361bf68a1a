"""The star shape of the negative perceptron at N = 100 against the replica-symmetric theory and an exact statement.

Reference values of an independent exact sampler (N = 100, kappa = -0.5, alpha = 1, four training sets): q = 0.266(5) and
E(1/2)/P = 0.0103. Means over four training sets scatter by about 0.006 and 0.0008; limits are five times that, the distance of
q from its value at infinite N, of order 1/N, on top.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from parallel_landscape.commands.path_runs import Samples, matched, read_samples
from parallel_landscape.commands.path_table import Asked, make_table
from parallel_landscape.driver.rounds import run_job
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.job.job import make_job

pytestmark = [pytest.mark.statistics, pytest.mark.slow]


def sampled(folder: Path, name: str, kappa: float, data_seed: int) -> Samples:
    data = {"source": "random", "kind": "gaussian", "alpha": 1.0, "seed": data_seed}
    content = {
        "name": f"{name}-{data_seed}",
        "seed": 1,
        "landscape": {"model": "margin-perceptron", "inputs": 100, "kappa": kappa, "descent": 10_000, "data": data},
        "dynamics": {"kind": "rotation", "sweeps_per_round": 200},
        "ensemble": {"kind": "canonical", "beta": math.inf, "equilibration_rounds": 10},
        "exchange": {"kind": "none", "walkers_per_temperature": 6},
        "production": {"rounds": 8, "record_every_sweeps": 200, "weights": True},
    }
    job = make_job(content, folder)
    run_job(job, Serial(), quiet=True)
    return read_samples(job.folder, 8)


def test_barriers_are_those_of_theory_and_robust_solutions_have_none(tmp_path: Path) -> None:
    typical = [sampled(tmp_path, "typical", -0.5, seed) for seed in range(4)]
    robust = [sampled(tmp_path, "robust", 0.0, seed) for seed in range(4)]
    table = make_table(matched(typical, robust), Asked(vertices=(3,)))
    (q, cross), (halfway, _) = table["overlap"][0], table["energy"][0][:, 32]
    assert abs(q - 0.266) < 0.03 and abs(q - table["overlap_theory"][0][0]) < 0.04
    assert abs(halfway - 0.0103) < 0.004 and abs(halfway - table["energy_theory"][0][0][32]) < 0.004
    assert abs(cross - 0.384) < 0.06 and table["energy_theory"][0][1].max() == 0
    assert table["energy"][0][1].max() == 0 and table["free"][0][1] == 1
    assert 0 < table["free"][0][0] < 0.6 and table["barrier"][0][0] > halfway
    assert abs(table["barycentre"][0][0] - table["barycentre_theory"][0][0]) < 0.003
    assert np.all(np.isfinite(table["overlap_error"][0]))
