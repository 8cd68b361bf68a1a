"""The exact answers agree with brute force, with closed forms and with one another."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import oracles
import pytest
from numpy.typing import NDArray
from oracles import count_errors, count_errors_by_distance, enumerate_potts, ln_beale, ln_counts

from parallel_landscape.network import Network

beale = cache(oracles.beale)  # two seconds for the largest lattice, asked for by several tests

NETWORKS = {
    "perceptron": Network((9, 1)),
    "perceptron with ties": Network((8, 1)),
    "committee": Network((3, 3, 1), majority=True),
    "committee with ties": Network((4, 2, 1), majority=True),
    "tree committee": Network((9, 3, 1), majority=True, tree=True),
    "tree": Network((6, 3, 1), tree=True),
    "mlp": Network((3, 3, 1)),
    "deep mlp": Network((2, 2, 2, 1)),
    "deep committee": Network((2, 2, 3, 1), majority=True),
    "several outputs": Network((2, 2, 3)),
    "perceptrons side by side": Network((3, 3)),
}


def square_lattice(length: int, states: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All configurations (states^N, L, L), and for each the number of satisfied bonds."""
    grids = np.indices((states,) * length**2, dtype=np.int8).reshape(length**2, -1).T.reshape(-1, length, length)
    return grids, sum((grids == np.roll(grids, 1, axis=axis)).sum(axis=(1, 2)) for axis in (1, 2))


def instance(network: Network, size: int, real: bool, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Random patterns, real or +-1, and random labels, (P,) when there is one output."""
    rng = np.random.default_rng(seed)
    shape = (size, network.inputs)
    labels = rng.choice([-1, 1], (size, network.outputs))
    patterns = rng.normal(size=shape) if real else rng.choice([-1.0, 1.0], shape)
    return patterns, labels[:, 0] if network.outputs == 1 else labels


class TestIsing:
    def test_brute_force(self) -> None:
        bonds = square_lattice(4, 2)[1]
        energies, counts = np.unique(32 - 2 * bonds, return_counts=True)
        assert beale(4) == (energies.tolist(), counts.tolist())

    @pytest.mark.parametrize("length", [4, 6, 8, 16, 32])
    def test_ends_sum_and_symmetry(self, length: int) -> None:
        energies, counts = beale(length)
        sites = length**2
        assert sum(counts) == 2**sites
        assert counts == counts[::-1] and energies == [-energy for energy in reversed(energies)]
        assert energies[:4] == [-2 * sites, -2 * sites + 8, -2 * sites + 12, -2 * sites + 16]
        assert counts[:3] == [2, 2 * sites, 4 * sites]
        assert energies[counts.index(max(counts))] == 0

    @pytest.mark.parametrize("length", [6, 8, 16, 32])
    def test_moments_count_closed_graphs(self, length: int) -> None:
        """<E^2> = B and <E^4> = 3 B^2 - 2 B + 4! N for B = 2 N bonds and N unit squares, exactly, when no 4 bonds wrap."""
        energies, counts = beale(length)
        sites, bonds = length**2, 2 * length**2
        second, fourth = (sum(c * e**power for e, c in zip(energies, counts, strict=True)) for power in (2, 4))
        assert second == bonds * 2**sites
        assert fourth == (3 * bonds**2 - 2 * bonds + 24 * sites) * 2**sites

    def test_published_32(self) -> None:
        """The first levels of the 32 x 32 lattice in Beale's table."""
        assert beale(32)[1][:6] == [2, 2048, 4096, 1057792, 4218880, 371621888]

    def test_logarithms(self) -> None:
        energies, ln_g = ln_beale(16)
        assert energies[0] == -512 and len(energies) == len(ln_g) == 255
        assert np.logaddexp.reduce(ln_g) == pytest.approx(256 * np.log(2), rel=1e-14)

    @pytest.mark.parametrize("length", [2, 5])
    def test_refuses_other_lengths(self, length: int) -> None:
        with pytest.raises(ValueError, match="even length"):
            beale(length)


class TestPotts:
    @pytest.mark.parametrize(("length", "states"), [(2, 2), (2, 3), (2, 7), (3, 2), (3, 3), (3, 4), (4, 2)])
    def test_brute_force(self, length: int, states: int) -> None:
        energies, counts = np.unique(-square_lattice(length, states)[1], return_counts=True)
        found = enumerate_potts(length, states)
        assert np.array_equal(found[0], energies) and np.array_equal(found[1], counts)

    @pytest.mark.parametrize("length", [4, 6])
    def test_two_states_are_ising(self, length: int) -> None:
        """E_potts = (E_ising - 2N) / 2: two methods that share nothing."""
        energies, counts = beale(length)
        potts, found = enumerate_potts(length, 2)
        assert potts.tolist() == [(energy - 2 * length**2) // 2 for energy in energies]
        assert found.tolist() == counts

    @pytest.mark.parametrize(("length", "states"), [(4, 3), (4, 4), (5, 3), (4, 10)])
    def test_ground_first_excited_and_sum(self, length: int, states: int) -> None:
        energies, counts = enumerate_potts(length, states)
        sites = length**2
        assert counts.sum() == states**sites
        assert energies[:2].tolist() == [-2 * sites, -2 * sites + 4]
        assert counts[:2].tolist() == [states, states * (states - 1) * sites]
        assert (counts * energies).sum() * states == -2 * sites * states**sites

    def test_refuses_what_overflows(self) -> None:
        with pytest.raises(ValueError, match="63-bit"):
            enumerate_potts(8, 2)


class TestNetworks:
    @pytest.mark.parametrize("real", [False, True], ids=["binary", "real"])
    @pytest.mark.parametrize("name", NETWORKS)
    def test_every_state_one_by_one(self, name: str, real: bool) -> None:
        network = NETWORKS[name]
        patterns, labels = instance(network, 7, real, seed=len(name))
        reference = np.random.default_rng(3).choice([-1, 1], network.weights)
        expected = np.zeros((8, network.weights + 1), dtype=np.int64)
        for weights in product([-1, 1], repeat=network.weights):
            energy = network.errors(np.array(weights), patterns, labels)
            expected[energy, np.sum(weights != reference)] += 1
        arguments = network.layers, patterns, labels
        found = count_errors_by_distance(*arguments, reference, network.majority, network.tree)
        assert np.array_equal(found, expected)
        assert np.array_equal(count_errors(*arguments, network.majority, network.tree), expected.sum(axis=1))

    @pytest.mark.parametrize(
        "network",
        [
            Network((15, 1)),
            Network((5, 3, 1)),
            Network((5, 3, 1), majority=True),
            Network((15, 3, 1), majority=True, tree=True),
        ],
    )
    def test_odd_networks_are_symmetric(self, network: Network) -> None:
        """w -> -w (or the last layer alone) turns the only output over: g(E) = g(P - E)."""
        counts = count_errors(network.layers, *instance(network, 12, False, seed=1), network.majority, network.tree)
        assert counts.sum() == 2**network.weights
        assert np.array_equal(counts, counts[::-1])

    def test_distances_are_binomial(self) -> None:
        network = Network((5, 3, 1))
        by_distance = count_errors_by_distance(network.layers, *instance(network, 9, True, seed=2), np.ones(18))
        assert np.array_equal(by_distance.sum(axis=0), np.round(np.poly(-np.ones(18))))

    def test_teacher_has_no_errors(self) -> None:
        network = Network((5, 3, 1))
        patterns, _ = instance(network, 30, True, seed=4)
        teacher = np.random.default_rng(5).choice([-1, 1], network.weights)
        labels = network.forward(teacher, patterns)[:, 0]
        by_distance = count_errors_by_distance(network.layers, patterns, labels, teacher)
        assert by_distance[0, 0] == 1 and by_distance[1:, 0].sum() == 0

    def test_logarithms(self) -> None:
        assert ln_counts([0, 1, 2**2000]) == pytest.approx([-np.inf, 0.0, 2000 * np.log(2)], rel=1e-15)

    @pytest.mark.parametrize(("layers", "flags"), [((26, 1), {}), ((5, 1), {"majority": True}), ((7, 3, 1), {"tree": True})])
    def test_refuses_what_it_cannot_count(self, layers: tuple[int, ...], flags: dict[str, bool]) -> None:
        with pytest.raises(ValueError):
            count_errors(layers, np.ones((2, layers[0])), np.ones(2), **flags)
