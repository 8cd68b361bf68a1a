"""Franz-Parisi entropies: Phi = s at the typical overlap, stationary in every order parameter, table values, enumeration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from test_theory_identities import slopes

from parallel_landscape.errors import JobError
from parallel_landscape.theory.averages import over_patterns
from parallel_landscape.theory.binary import binary_perceptron
from parallel_landscape.theory.channel import Channel
from parallel_landscape.theory.franz_parisi import franz_parisi, over_probe, shell
from parallel_landscape.theory.quadrature import gaussian_rule
from parallel_landscape.theory.spherical import spherical_perceptron

INF = math.inf
ORDER = 256

BINARY = {
    0.5: {0.5: 0.29471, 0.7: 0.22320, 0.9: 0.08653, 0.95: 0.03811, 0.98: 0.00620, 0.99: -0.0038},
    0.3: {0.5: 0.41844, 0.7: 0.31584, 0.9: 0.13888, 0.95: 0.07505, 0.98: 0.02964},
    0.7: {0.95: -0.0134, 0.98: -0.0275},
}


@pytest.mark.parametrize("alpha, overlap", [(alpha, overlap) for alpha, table in BINARY.items() for overlap in table])
def test_binary_values(alpha: float, overlap: float) -> None:
    at = franz_parisi(alpha, overlap)
    assert at.local_entropy == pytest.approx(BINARY[alpha][overlap], abs=6e-5 if overlap in (0.99, 0.95, 0.98) else 6e-6)
    assert at.local_entropy < at.all_states_entropy and at.error < 1e-7 and at.residual < 1e-9
    assert (at.status == "ok") == (at.local_entropy >= 0)


@pytest.mark.parametrize(
    "weights, alpha, kappa", [("binary", 0.5, 0.0), ("binary", 0.3, 0.2), ("spherical", 1.0, -0.5), ("spherical", 1.0, 0.0)]
)
@pytest.mark.parametrize("beta", [2.0, INF])
def test_at_the_typical_overlap_it_is_the_entropy(weights: str, alpha: float, kappa: float, beta: float) -> None:
    """And there it has its maximum: the equations are solved at q_r -+ 1e-4, where Phi differs from s by 1e-8 or so."""
    model = binary_perceptron if weights == "binary" else spherical_perceptron
    typical = model(alpha, beta, kappa)
    exactly = franz_parisi(alpha, typical.q, kappa, beta, None, beta, weights)
    assert exactly.local_entropy == pytest.approx(typical.entropy, abs=1e-9)

    def phi(overlap: float) -> float:
        at = franz_parisi(alpha, overlap, kappa, beta, None, beta, weights)
        return at.local_entropy - (0.0 if math.isinf(beta) else beta * at.energy)

    for shift in (-1e-4, 1e-4):
        assert phi(typical.q + shift) == pytest.approx(typical.free_entropy, abs=1e-6)
    assert max(phi(typical.q - 0.05), phi(typical.q + 0.05)) < typical.free_entropy - 1e-4


@pytest.mark.parametrize("beta, overlap", [(INF, 0.6), (INF, 0.1), (2.0, 0.6)])
def test_binary_local_entropy_is_stationary(beta: float, overlap: float) -> None:
    alpha, reference, probe = 0.5, Channel("errors", 3.0, 0.1), Channel("errors", beta, 0.0)
    typical = binary_perceptron(alpha, 3.0, 0.1, tolerance=1e-11)
    qh_r = alpha * over_patterns(gaussian_rule(2 * ORDER), reference, typical.q, 1 - typical.q).g2
    at = franz_parisi(alpha, overlap, 0.0, beta, 0.1, 3.0, tolerance=1e-10)
    energetic = shell(ORDER, typical.q, probe, reference, at.q, at.cross_overlap, overlap)
    qh, sh = alpha * energetic.g2, alpha * energetic.cross
    th = brentq(lambda th: over_probe(ORDER, qh_r, qh, sh, th).t - overlap, -20, 20, xtol=1e-13)

    def phi(q: float, s0: float, qh: float, sh: float, th: float) -> float:
        patterns = alpha * shell(ORDER, typical.q, probe, reference, q, s0, overlap).ln_z
        return -qh * (1 - q) / 2 - th * overlap + sh * s0 + patterns + over_probe(ORDER, qh_r, qh, sh, th).ln_2cosh

    point = (at.q, at.cross_overlap, qh, sh, th)
    assert phi(*point) == pytest.approx(at.local_entropy - (0 if math.isinf(beta) else beta * at.energy), abs=1e-8)
    assert np.abs(slopes(phi, point)).max() < 1e-6
    twin = lambda q, s0, qh, sh, th: phi(q, s0, qh, sh, th) - 2 * sh * s0  # noqa: E731  (the sign of one term)
    assert np.abs(slopes(twin, point)).max() > 0.01


@pytest.mark.parametrize("overlap", [0.1, 0.6, 0.9])
def test_spherical_local_entropy_is_stationary(overlap: float) -> None:
    alpha, reference, probe = 1.0, Channel("hinge", 5.0, 0.0), Channel("hinge", 3.0, -0.2)
    q_r = spherical_perceptron(alpha, 5.0, 0.0, "hinge", tolerance=1e-11).q
    at = franz_parisi(alpha, overlap, -0.2, 3.0, 0.0, 5.0, "spherical", "hinge", tolerance=1e-10)

    def phi(q: float, s0: float, wrong: float = 1.0) -> float:
        v = (overlap**2 - s0**2 - wrong * q_r * (overlap - s0) ** 2 / (1 - q_r)) / (1 - q_r)
        patterns = alpha * shell(ORDER, q_r, probe, reference, q, s0, overlap).ln_z
        return math.log1p(-q) / 2 + (q - v) / (2 * (1 - q)) + patterns

    assert phi(at.q, at.cross_overlap) == pytest.approx(at.local_entropy - 3.0 * at.energy, abs=1e-8)
    assert np.abs(slopes(phi, (at.q, at.cross_overlap))).max() < 1e-6
    assert np.abs(slopes(lambda q, s0: phi(q, s0, 0.0), (at.q, at.cross_overlap))).max() > 1e-3  # one term forgotten


def test_probes_of_another_temperature_obey_thermodynamics() -> None:
    """d Phi/d beta = -e at fixed reference and overlap."""

    def phi(beta: float) -> tuple[float, float]:
        at = franz_parisi(0.5, 0.6, 0.0, beta, 0.0, 3.0, tolerance=1e-10)
        return at.local_entropy - beta * at.energy, at.energy

    assert -(phi(2.001)[0] - phi(1.999)[0]) / 0.002 == pytest.approx(phi(2.0)[1], abs=1e-6)


def solutions(inputs: int, patterns: int, rng: np.random.Generator) -> np.ndarray:
    """All weights +-1 (solutions, inputs) that classify normal patterns with random labels."""
    states = (np.arange(2**inputs)[:, None] >> np.arange(inputs)) & 1
    weights = (2 * states - 1).astype(np.float32)
    satisfied = np.ones(len(weights), dtype=bool)
    for pattern in rng.standard_normal((patterns, inputs)).astype(np.float32):  # labels +-1 change nothing
        satisfied &= weights @ pattern > 0
    return weights[satisfied]


def test_counted_neighbours_of_solutions() -> None:
    """ln of the number of solutions at distance d of a solution against that of all states, N = 17, P = 5, mean over solutions
    and 40 instances: within 4.5 standard errors (false alarms below 1e-5 each) + 0.02 for the finite size. The twin is the same
    theory at twice the patterns."""
    inputs, patterns, distances = 17, 5, (2, 4, 7)
    rng = np.random.default_rng(11)
    found = []
    for _ in range(40):
        every = solutions(inputs, patterns, rng)
        centres = every[rng.permutation(len(every))[:50]]
        apart = (inputs - np.rint(centres @ every.T)).astype(int) // 2
        counts = np.array([[(row == d).sum() for d in distances] for row in apart])
        found.append(np.log(np.maximum(counts, 0.5)).mean(axis=0) / inputs)
    mean, spread = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / math.sqrt(len(found))
    for place, d in enumerate(distances):
        allowed = 4.5 * spread[place] + 0.02
        measured = mean[place] - math.log(math.comb(inputs, d)) / inputs
        for factor, right in ((1, True), (2, False)):
            at = franz_parisi(factor * patterns / inputs, 1 - 2 * d / inputs)
            assert bool(abs(at.local_entropy - at.all_states_entropy - measured) < allowed) is right


def test_bad_input_is_listed() -> None:
    with pytest.raises(JobError) as caught:
        franz_parisi(1.0, 1.5, weights="cubic", beta_reference=0.0)
    assert any("binary, spherical" in mistake for mistake in caught.value.mistakes)
