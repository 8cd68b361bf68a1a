"""Curves, alignment, minimum-energy paths, the ratchet and curvature, where the answer is known in closed form."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from parallel_landscape.errors import RunError
from parallel_landscape.landscapes.sphere import spherical_constraints
from parallel_landscape.paths.align import aligned
from parallel_landscape.paths.curvature import hessian, largest, near_boundary, spectrum
from parallel_landscape.paths.curves import between, energies_of, mixed, overlap, positions_of, random_shares, rise
from parallel_landscape.paths.minimum import minimum_path
from parallel_landscape.paths.pairs import Item, along, mean_of, pairs_across, pairs_within, simplices
from parallel_landscape.paths.ratchet import Steering, steer
from parallel_landscape.smooth import SmoothLandscape, Units

F = NDArray[np.float64]


def test_a_geodesic_stays_on_the_sphere_and_in_the_plane_of_its_ends() -> None:
    rng = np.random.default_rng(1)
    first, second = (w * math.sqrt(7) / np.linalg.norm(w) for w in rng.standard_normal((2, 7)))
    curve = between(first, second, positions_of(9))
    np.testing.assert_allclose((curve**2).sum(axis=1), 7.0)
    np.testing.assert_allclose(curve[[0, -1]], [second, first])
    q = overlap(first, second)
    np.testing.assert_allclose(curve[4] @ first / 7, math.sqrt((1 + q) / 2))
    np.testing.assert_allclose(between(first, second, positions_of(3), "straight")[1], (first + second) / 2)
    with pytest.raises(RunError, match="opposite"):
        between(first, -first, positions_of(3))


def test_batches_do_not_change_what_belongs_to_which_curve() -> None:
    rng = np.random.default_rng(2)
    curves = [rng.standard_normal((5, 3)) for _ in range(50)]
    for found, curve in zip(energies_of(lambda w: (w**2).sum(axis=1), iter(curves)), curves, strict=True):
        np.testing.assert_array_equal(found, (curve**2).sum(axis=1))


def test_a_rise_is_above_the_higher_end() -> None:
    assert rise(np.array([0.0, 3.0, 1.0])).barrier == 2.0 and not rise(np.array([0.0, 3.0, 1.0])).free
    assert rise(np.array([0.0, 0.5, 1.0])).barrier == 0.0 and rise(np.array([0.0, 0.5, 1.0])).free


def network(weights: F, units: tuple[Units, ...], inputs: F) -> F:
    """sum_k c_k tanh(w_k . x), with the members of unit k: its inputs, then c_k."""
    members = weights[units[0].members]
    return np.asarray(np.tanh(inputs @ members[:, :-1].T) @ members[:, -1])


@pytest.mark.parametrize("odd", [True, False])
def test_alignment_finds_a_known_permutation_exactly(odd: bool) -> None:
    """Six units of four inputs, permuted and, for an odd activation, turned over: the weights come back bit by bit."""
    rng = np.random.default_rng(3)
    members = np.arange(30).reshape(6, 5)
    units = (Units(members, np.zeros(6, int), np.array([-1] * 5, np.int8) if odd else None),)
    weights = rng.standard_normal(30)
    signs = rng.choice([-1.0, 1.0], (6, 1)) if odd else np.ones((6, 1))
    moved = (weights[members] * signs)[rng.permutation(6)].reshape(-1)
    inputs = rng.standard_normal((10, 4))
    np.testing.assert_allclose(network(moved, units, inputs), network(weights, units, inputs))
    assert overlap(moved, weights) < 0.9
    np.testing.assert_array_equal(aligned(moved, weights, units), weights)


def test_alignment_is_the_best_of_all_and_keeps_to_groups() -> None:
    rng = np.random.default_rng(4)
    members = np.arange(12).reshape(4, 3)
    first, second = rng.standard_normal((2, 12))
    units = Units(members, np.array([0, 0, 1, 1]))
    best = max(
        float(first[members[list(order)]].reshape(-1) @ second)
        for order in itertools.permutations(range(4))
        if {order[0], order[1]} == {0, 1}
    )
    assert float(aligned(first, second, (units,)) @ second) == pytest.approx(best, abs=1e-12)


def test_the_error_of_pairs_is_that_of_the_mean_of_chains() -> None:
    """For the kernel x_a + x_b the jackknife over chains is exact: twice the standard error of the mean."""
    x = np.random.default_rng(5).standard_normal(9)
    items = [Item(((0, a), (0, b)), np.array([x[a] + x[b]])) for a, b in itertools.combinations(range(9), 2)]
    found = mean_of(items)
    assert found.value[0] == pytest.approx(2 * x.mean()) and found.items == 36
    assert found.error[0] == pytest.approx(2 * x.std(ddof=1) / 3)
    across = mean_of([Item(((1, a), (0, b)), np.array([x[a] + 10 * x[b]])) for a in range(4) for b in range(4, 9)])
    expected = math.hypot(x[:4].std(ddof=1) / 2, 10 * x[4:].std(ddof=1) / math.sqrt(5))
    assert across.error[0] == pytest.approx(expected)
    assert np.isnan(mean_of(items[:1]).error[0])


def test_solutions_of_positive_margin_are_convex_and_see_each_other() -> None:
    """kappa = 0: no curve between solutions, and no simplex, violates anything; between random points they do."""
    rng = np.random.default_rng(6)
    patterns, target = rng.standard_normal((15, 12)), rng.standard_normal(12)
    labels = np.where(patterns @ target >= 0, 1, -1)
    energies = spherical_constraints(patterns, labels, 0.0).energies
    assert energies is not None
    samples = target + 0.2 * rng.standard_normal((400, 12))
    samples *= math.sqrt(12) / np.linalg.norm(samples, axis=1, keepdims=True)
    solutions = samples[energies(samples) == 0][:8].reshape(4, 2, 12)
    paths = along(pairs_within(solutions), energies, 17)
    assert paths.energy.value.max() == 0 and paths.free.value[0] == 1 and paths.barrier.value[0] == 0
    assert simplices(solutions, energies, 3).value.tolist() == [0, 0]
    random = rng.standard_normal((2, 3, 12))
    assert along(pairs_across(random, random), energies, 17).barrier.value[0] > 0


def test_random_shares_are_uniform_on_the_simplex() -> None:
    shares = random_shares(3, 20_000, np.random.default_rng(7))
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_allclose(shares.var(axis=0), 1 / 18, rtol=0.06)  # 5 standard errors
    assert mixed(np.eye(3), shares, "straight").shape == (20_000, 3)


def bent_pass(w: F) -> tuple[F, F]:
    """A bent pass: E = (x^2 - 1)^2 + 4 (y - x^2 / 2)^2, minima (+-1, 1/2), saddle at the origin with E = 1."""
    x, y = w[:, 0], w[:, 1]
    bend = y - 0.5 * x**2
    energy = (x**2 - 1) ** 2 + 4 * bend**2
    return energy, np.stack([4 * x * (x**2 - 1) - 8 * x * bend, 8 * bend], axis=1)


def test_the_string_finds_a_known_saddle() -> None:
    start = between(np.array([1.0, 0.5]), np.array([-1.0, 0.5]), positions_of(21), "straight")
    assert bent_pass(start)[0].max() == pytest.approx(2)
    found = minimum_path(bent_pass, start, 0.02, tolerance=1e-4)
    assert found.converged and found.barrier == pytest.approx(1, abs=1e-8)
    np.testing.assert_allclose(found.saddle, 0, atol=1e-4)
    along, gradients = found.images[2:] - found.images[:-2], bent_pass(found.images[1:-1])[1]
    across = np.abs(gradients[:, 0] * along[:, 1] - gradients[:, 1] * along[:, 0]) / np.linalg.norm(along, axis=1)
    assert across.max() < 0.05 * np.linalg.norm(gradients, axis=1).max()  # 21 images: the string is a polygon


def test_the_string_keeps_to_the_sphere() -> None:
    """E = z^2 x^2 + y on |w| = 1 from (+-1, 0, 0): through the south, y < 0, wherever the path begins."""

    def energy(w: F) -> tuple[F, F]:
        gradient = np.stack([8 * w[:, 0] * w[:, 2] ** 2, np.ones(len(w)), 8 * w[:, 2] * w[:, 0] ** 2], axis=1)
        return 4 * (w[:, 2] * w[:, 0]) ** 2 + w[:, 1], gradient

    angles = np.linspace(0, np.pi, 15)
    start = np.stack([np.cos(angles), -0.2 * np.sin(angles), 0.98 * np.sin(angles)], axis=1)
    found = minimum_path(energy, start, 0.02, sphere=1.0, tolerance=1e-3)
    np.testing.assert_allclose((found.images**2).sum(axis=1), 1)
    assert found.images[:, 1].min() == pytest.approx(-1, abs=0.02) and found.energies.max() <= 1e-9


def ring(w: F) -> tuple[F, F]:
    """A valley along the unit circle."""
    square = (w**2).sum(axis=1)
    return 25 * (square - 1) ** 2, 100 * (square - 1)[:, None] * w


def wells(w: F) -> tuple[F, F]:
    """Two wells at (+-1, 0) and a barrier of 25 between them."""
    x, y = w[:, 0], w[:, 1]
    return 25 * (x**2 - 1) ** 2 + 25 * y**2, np.stack([100 * x * (x**2 - 1), 50 * y], axis=1)


def smooth(energy_gradient: object) -> SmoothLandscape:
    return SmoothLandscape(2, energy_gradient, lambda rng: rng.standard_normal(2))  # type: ignore[arg-type]


@pytest.mark.parametrize("both", [True, False])
def test_the_ratchet_goes_round_a_ring(both: bool) -> None:
    """Half round, with a barrier of 25 across: the ends meet and stay within what their temperature of 0.05 allows."""
    start, end = np.array([1.0, 0.0]), np.array([math.cos(3), math.sin(3)])
    steering = Steering(stiffness=100.0, temperature=0.05, step=0.03, both=both, moves=20_000)
    found = steer(smooth(ring), start, end, steering, np.random.default_rng(1))
    assert found.barrier[0] > 20 and found.met and found.connected(1.5) and not found.connected(0.0)
    assert found.barrier[-1] < 0.1 and found.overlap[-1] >= 0.999 and np.all(np.diff(found.closest) <= 0)
    assert both != np.array_equal(found.ends[1], end)


def test_the_ratchet_says_that_two_wells_are_not_connected() -> None:
    steering = Steering(stiffness=1.0, temperature=0.05, step=0.03, moves=1000)
    found = steer(smooth(wells), np.array([1.0, 0.0]), np.array([-1.0, 0.0]), steering, np.random.default_rng(1))
    assert not found.met and not found.connected(1e9) and 0.2 < found.accepted <= 1


def test_a_ratchet_that_is_forced_over_a_barrier_is_not_connected_below_it() -> None:
    """Driven hard enough it goes over; that is above any energy below the barrier, and is said so."""
    steering = Steering(stiffness=1e5, temperature=2.0, step=0.005, steps=10, moves=20_000)
    found = steer(smooth(wells), np.array([1.0, 0.0]), np.array([-1.0, 0.05]), steering, np.random.default_rng(1))
    assert not found.connected(10.0) and (not found.met or found.highest > 10)


def test_curvature_of_a_quadratic_and_of_a_sphere() -> None:
    rng = np.random.default_rng(8)
    values = np.array([5.0, 3.0, 2.0, 1.0, 0.5, 0.0, 0.0, 0.0])
    basis = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    matrix = basis @ np.diag(values) @ basis.T

    def energy(w: F) -> tuple[F, F]:
        return 0.5 * np.einsum("ri,ij,rj->r", w, matrix, w), w @ matrix

    found = hessian(energy, rng.standard_normal(8))
    np.testing.assert_allclose(found.times(np.eye(8)), matrix, atol=1e-8)
    np.testing.assert_allclose(largest(found, 3), [5, 3, 2], atol=1e-7)
    density = spectrum(found, probes=400, steps=8)
    trace, error = density.trace()
    assert abs(trace - 11.5) < 4.9 * error < 2.0  # 1e-6
    assert density.weights.sum(axis=1) == pytest.approx(8)
    assert density.dimension(1e-9)[0] == pytest.approx(5, abs=0.3)
    assert density.participation() == pytest.approx(11.5**2 / 39.25, rel=0.1)
    pole = basis[:, 0]  # on the unit sphere, E = w.M.w/2 has the curvatures k_i - k_0 at eigenvector 0
    np.testing.assert_allclose(largest(hessian(energy, pole, sphere=1.0), 3), [0, -2, -3], atol=1e-6)


def test_patterns_near_the_margin_are_counted() -> None:
    assert near_boundary(np.array([[0.1, -0.6, -0.4, 2.0], [1.0, 1.0, 1.0, 1.0]]), -0.5, 0.2).tolist() == [2, 0]
