"""Approximate message passing against belief propagation, and both against the theory; wrong twins are far."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from parallel_landscape.network import Network
from parallel_landscape.solvers.amp import Nodes
from parallel_landscape.solvers.messages import Messages, make_kernel
from parallel_landscape.solvers.problem import count_errors
from parallel_landscape.solvers.sums import PARTS, plain_sum, product_sum
from parallel_landscape.specialise import Kernel, compile_function
from parallel_landscape.theory.binary import binary_perceptron

CASES: dict[str, tuple[int, int, int, bool, bool]] = {  # inputs, patterns, units, tree, real inputs
    "perceptron": (1001, 300, 1, False, False),
    "real inputs": (1001, 300, 1, False, True),
    "full committee": (501, 300, 3, False, False),
    "tree committee": (1503, 450, 3, True, False),
    "real tree": (1503, 450, 3, True, True),
}


def patterns(name: str, seed: int = 1) -> NDArray[np.float64]:
    inputs, count, _, _, real = CASES[name]
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, inputs)) if real else rng.choice([-1.0, 1.0], (count, inputs))


def by_nodes(name: str, reaction: bool = True, sweeps: int = 60, plain: bool = False) -> Nodes:
    inputs, _, units, tree, _ = CASES[name]
    first = 0.01 * np.random.default_rng(2).standard_normal(inputs * (1 if tree else units))
    nodes = Nodes(patterns(name), first, units, tree)
    if plain:
        nodes._kernel = Kernel(nodes._kernel.plain, nodes._kernel.plain, "")
    for _ in range(sweeps):
        if not reaction:
            nodes._response[:] = 0.0
        nodes.sweep()
    return nodes


def by_edges(name: str) -> Messages:
    _, _, units, tree, _ = CASES[name]
    x, rng = patterns(name), np.random.default_rng(3)
    edges = Messages(make_kernel(), x, 0.01 * rng.standard_normal((len(x), x.shape[1] * (1 if tree else units))), units, tree)
    assert edges.converge(rng, 100, 1e-9)
    return edges


@pytest.mark.parametrize("name", CASES)
def test_nodes_give_the_marginals_of_edges(name: str) -> None:
    """Both fixed points differ by terms of order 1/N; without the reaction by terms of order 1. Nothing here is drawn at random
    but the patterns of a fixed seed."""
    edges = by_edges(name).magnetisations
    right, wrong = (by_nodes(name, reaction).magnetisations for reaction in (True, False))
    assert np.abs(right - edges).mean() < 0.002 < 0.02 < np.abs(wrong - edges).mean()


def test_the_fixed_point_is_reached() -> None:
    nodes = by_nodes("perceptron", sweeps=60)
    assert nodes.sweep() < 1e-10


def test_the_overlap_is_that_of_the_theory() -> None:
    """Mean of m^2 over eight instances within 4 of its errors of the replica-symmetric q (false alarms: 1 in 160, fixed
    seeds), N = 1001 and alpha = 0.3."""
    found = []
    for seed in range(8):
        nodes = Nodes(patterns("perceptron", seed), 0.01 * np.random.default_rng(seed).standard_normal(1001))
        for _ in range(40):
            nodes.sweep()
        found.append(float(np.mean(nodes.magnetisations**2)))
    wanted = binary_perceptron(300 / 1001, math.inf).q
    assert abs(np.mean(found) - wanted) < 4.0 * np.std(found, ddof=1) / math.sqrt(8), (found, wanted)


@pytest.mark.parametrize("name", ["real tree", "full committee"])
def test_compiled_and_plain_are_alike(name: str) -> None:
    compiled, plain = by_nodes(name, sweeps=2), by_nodes(name, sweeps=2, plain=True)
    np.testing.assert_allclose(compiled.total, plain.total, rtol=1e-9)


@pytest.mark.parametrize("size", [1, 63, 64, 65, 200, 1001])
@pytest.mark.parametrize("kind", [np.int8, np.float64])
def test_sums(size: int, kind: Any) -> None:
    """Against the correctly rounded sum; compiled and plain to the last bit, which no reordering would keep."""
    rng = np.random.default_rng(size)
    a, b, parts = (10 * rng.standard_normal(size)).astype(kind), rng.standard_normal(size), np.zeros(PARTS)
    product = compile_function(product_sum)(a, b, parts)
    assert product == product_sum(a, b, parts)
    assert product == pytest.approx(math.fsum(a * b), rel=1e-12, abs=1e-12)
    assert compile_function(plain_sum)(b, parts) == plain_sum(b, parts) == pytest.approx(math.fsum(b), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(("inputs", "units", "tree"), [(8, 1, False), (9, 1, False), (6, 3, False), (12, 3, True)])
def test_errors_are_those_of_the_network(inputs: int, units: int, tree: bool) -> None:
    """Even numbers of inputs, so that there are ties: these count as +1 whatever the label."""
    rng, network = np.random.default_rng(4), Network((inputs, units, 1), majority=True, tree=tree)
    if units == 1:
        network = Network((inputs, 1))
    count = compile_function(count_errors)
    for _ in range(50):
        x, labels = rng.choice([-1, 1], (20, inputs)).astype(np.int8), rng.choice([-1, 1], 20).astype(np.int8)
        weights = rng.choice([-1, 1], network.weights).astype(np.int8)
        stride = inputs // units if tree else 0
        found = count(x, labels, weights, stride, np.zeros(units, np.int64))
        assert found == network.errors(weights, x, labels)
