"""The local energy of typical states: its limits, and the neighbours of all solutions of small networks counted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from parallel_landscape.errors import JobError
from parallel_landscape.theory.binary import binary_perceptron
from parallel_landscape.theory.local_energy import local_energy


def test_limits() -> None:
    """No flip: the energy itself. Half of all: chance. All of them: E becomes P - E. beta = 0: always chance."""
    for beta in (2.0, math.inf):
        state = binary_perceptron(0.5, beta)
        assert local_energy(0.5, 0.0, beta).local_energy == pytest.approx(state.energy_per_pattern, abs=1e-7)
        assert local_energy(0.5, 0.5, beta).local_energy == pytest.approx(0.5, abs=1e-7)
        assert local_energy(0.5, 1.0, beta).local_energy == pytest.approx(1 - state.energy_per_pattern, abs=1e-7)
        values = [local_energy(0.5, d, beta).local_energy for d in (0.01, 0.05, 0.2)]
        assert state.energy_per_pattern < values[0] < values[1] < values[2] < 0.5
    assert local_energy(0.5, 0.1, 0.0).local_energy == pytest.approx(0.5, abs=1e-7)
    with pytest.raises(JobError, match="distance: given 1.5"):
        local_energy(0.5, 1.5)


@pytest.mark.statistics
def test_counted_neighbours_of_solutions() -> None:
    """Mean errors after d random flips of all solutions, N = 17, P = 6, 60 instances of normal patterns: within 4.5 standard
    errors (false alarms below 1e-5 each) + 0.01 for the finite size. The twin is the theory of twice the flips."""
    inputs, patterns = 17, 6
    rng = np.random.default_rng(5)
    weights = (2 * ((np.arange(2**inputs)[:, None] >> np.arange(inputs)) & 1) - 1).astype(np.float32)
    found = []
    for _ in range(60):
        x = rng.standard_normal((patterns, inputs)).astype(np.float32)
        every = weights[np.all(weights @ x.T > 0, axis=1)]
        every = every[rng.permutation(len(every))[:400]]
        row = []
        for flips in (1, 3):
            flipped = every.copy()
            order = np.argsort(rng.random(every.shape), axis=1)[:, :flips]
            np.put_along_axis(flipped, order, -np.take_along_axis(every, order, 1), 1)
            row.append(float(np.mean(flipped @ x.T < 0)))
        found.append(row)
    mean, spread = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / math.sqrt(len(found))
    for place, flips in enumerate((1, 3)):
        for factor, right in ((1, True), (2, False)):
            expected = local_energy(patterns / inputs, factor * flips / inputs).local_energy
            assert bool(abs(expected - mean[place]) < 4.5 * spread[place] + 0.01) is right, (flips, expected, mean, spread)
