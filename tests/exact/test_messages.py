"""Belief propagation against enumeration: exact where the graph is a tree, near where it is dense; wrong twins are far."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import erfcx, log_ndtr, ndtr

from parallel_landscape.network import Network
from parallel_landscape.solvers.factor import exact_messages, exact_unit, gaussian_message, gaussian_messages, gaussian_unit
from parallel_landscape.solvers.messages import Messages, cavity, make_kernel, sweep_template
from parallel_landscape.solvers.normal import density_and_tail, exp_minus, tanh_and_rest
from parallel_landscape.specialise import Kernel, compile_function, specialise

INPUTS, SEEDS = 21, range(4)


@functools.cache
def every_weight(count: int) -> NDArray[np.float32]:
    """All vectors of so many signs, (2^count, count)."""
    weights = np.ones((2**count, count), np.float32)
    for i in range(count):
        weights.reshape(-1, 2, 2**i, count)[:, 1, :, i] = -1.0
    return weights


def enumerated(x: NDArray[Any], units: int = 1, tree: bool = False) -> tuple[float, NDArray[np.float64]]:
    """ln of the number of weights without an error, and the mean of each, over all 2^V weights."""
    network = Network((x.shape[1], units, 1), majority=True, tree=tree)
    count = network.weights
    weights, inputs = every_weight(count), count // units
    votes = np.zeros((len(weights), len(x)), np.int8)
    for k in range(units):
        own = x[:, k * inputs : (k + 1) * inputs] if tree else x
        votes += np.where(weights[:, k * inputs : (k + 1) * inputs] @ own.T.astype(np.float32) > 0, 1, -1).astype(np.int8)
    good = (votes > 0).all(axis=1)
    return math.log(good.sum()), weights[good].mean(axis=0)


def converged(x: NDArray[Any], kernel: Kernel, units: int = 1, tree: bool = False, exact: bool = False) -> Messages:
    rng = np.random.default_rng(5)
    variables = x.shape[1] * (1 if tree else units)
    messages = Messages(kernel, x.astype(float), 0.01 * rng.standard_normal((len(x), variables)), units, tree, exact)
    messages.converge(rng, 100, 1e-9)
    return messages


def signs(seed: int, *shape: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).choice([-1, 1], shape)


def chain() -> NDArray[np.int64]:
    """Two patterns that share one input, so that the graph is a tree; the other inputs are 0."""
    x = np.zeros((2, 13), int)
    x[0, :7], x[1, 6:] = signs(1, 7), signs(2, 7)
    return x


TREES: dict[str, tuple[NDArray[np.int64], int, bool]] = {
    "one pattern": (signs(0, 1, 13), 1, False),
    "two patterns": (chain(), 1, False),
    "tree committee": (signs(3, 1, 15), 3, True),
    "full committee": (signs(4, 1, 5), 3, False),
}


@pytest.mark.parametrize("name", TREES)
def test_exact_on_a_tree(name: str) -> None:
    x, units, tree = TREES[name]
    entropy, mean = enumerated(x, units, tree)
    messages = converged(x, make_kernel("exact"), units, tree, exact=True)
    assert messages.free_entropy() == pytest.approx(entropy, abs=1e-10)
    np.testing.assert_allclose(messages.magnetisations, mean, atol=1e-10)
    assert np.abs(mean).max() > 0.1


@functools.cache
def dense(seed: int, patterns: int = 5) -> tuple[NDArray[np.int64], float, NDArray[np.float64]]:
    """Random patterns of 21 inputs, ln of the number of solutions, and their mean."""
    x = signs(100 + seed, patterns, INPUTS)
    return x, *enumerated(x)


def mean_errors(kernel: Kernel) -> tuple[float, float]:
    """Largest relative error of the free entropy, and mean error of a marginal, over several dense instances."""
    worst, marginal = 0.0, 0.0
    for seed in SEEDS:
        x, entropy, mean = dense(seed)
        messages = converged(x, kernel)
        worst = max(worst, abs(messages.free_entropy() / entropy - 1.0))
        marginal += float(np.abs(messages.magnetisations - mean).mean()) / len(SEEDS)
    return worst, marginal


def wrong_sign(total: float, message: float) -> float:
    return total + message


def reaction_of_wrong_sign(
    x: Any, mean: Any, spread: Any, work: Any, center: float, variance: float, rho: float, out: Any
) -> None:
    for i in range(len(x)):
        out[i] = gaussian_message(x[i], -mean[i], spread[i], center, variance, rho)


def test_near_enumeration_on_dense_instances() -> None:
    """The Gaussian factor within 5 % on every instance, N = 21 and P = 5."""
    worst, marginal = mean_errors(make_kernel())
    assert worst < 0.05 and marginal < 0.05, (worst, marginal)


def test_a_wrong_twin_is_not_near() -> None:
    worst, marginal = mean_errors(specialise(sweep_template, wrong_sign, gaussian_unit, gaussian_messages))
    assert worst > 0.05 or marginal > 0.05, (worst, marginal)


def without_reaction(x: Any, mean: Any, spread: Any, work: Any, center: float, variance: float, rho: float, out: Any) -> None:
    """M and S of the whole unit, the receiving weight included."""
    for i in range(len(x)):
        out[i] = gaussian_message(x[i], 0.0, 0.0, center, variance, rho)


@pytest.mark.parametrize("messages", [gaussian_messages, without_reaction, reaction_of_wrong_sign])
def test_the_gaussian_factor_gives_the_marginals_of_the_exact_one(messages: Any) -> None:
    """Mean difference of a marginal at N = 21: 0.0015 at most, and 0.015 at least for the wrong twins."""
    right, exact = specialise(sweep_template, cavity, gaussian_unit, messages), make_kernel("exact")
    for seed in SEEDS:
        x = signs(100 + seed, 5, INPUTS)
        difference = converged(x, right).magnetisations - converged(x, exact, exact=True).magnetisations
        assert (np.abs(difference).mean() < 0.005) == (messages is gaussian_messages)


def test_a_wrong_twin_is_not_exact_on_a_tree() -> None:
    x, _, _ = TREES["two patterns"]
    entropy, _ = enumerated(x)
    kernel = specialise(sweep_template, wrong_sign, exact_unit, exact_messages)
    assert abs(converged(x, kernel, exact=True).free_entropy() - entropy) > 1e-3


def test_compiled_and_plain_give_the_same_messages() -> None:
    x = signs(7, 3, 9)
    kernel = make_kernel()
    compiled = converged(x, kernel, 3, True)
    plain = converged(x, Kernel(kernel.plain, kernel.plain, ""), 3, True)
    np.testing.assert_allclose(compiled.u, plain.u, rtol=1e-12, atol=1e-14)


def test_the_gaussian_message_is_the_ratio_of_normal_tails() -> None:
    """u = (1/2) ln [Phi(z+) / Phi(z-)], z+- = (M +- x) / sqrt(S), up to terms of fifth order in x / sqrt(S)."""
    for center in (-20.0, -3.0, -0.4, 0.0, 1.5, 8.0):
        for variance in (10.0, 40.0):
            for rho in (0.0, 0.3):
                high, low = ((center + s) / math.sqrt(variance) for s in (1.0, -1.0))
                if rho:
                    wanted = 0.5 * math.log((rho + ndtr(high)) / (rho + ndtr(low)))
                else:
                    wanted = 0.5 * float(log_ndtr(high) - log_ndtr(low))
                assert gaussian_message(1.0, 0.0, 0.0, center, variance, rho) == pytest.approx(
                    wanted, abs=0.05 * variance**-2.5
                )


def test_functions_of_the_normal_law() -> None:
    z = np.linspace(-34, 34, 2001)
    found = np.array([density_and_tail(value) for value in z])
    np.testing.assert_allclose(found[:, 1], np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi), rtol=1e-9)
    np.testing.assert_allclose(found[:, 2], ndtr(z), rtol=1e-8)
    assert found[0, 2] == pytest.approx(0.5 * erfcx(34 / math.sqrt(2)) * math.exp(-(34**2) / 2), rel=1e-8)
    magnetisations = np.array([tanh_and_rest(value) for value in z])
    np.testing.assert_allclose(magnetisations[:, 0], np.tanh(z), atol=1e-11)
    np.testing.assert_allclose(magnetisations[:, 1], 1 / np.cosh(z) ** 2, rtol=1e-9)
    assert exp_minus(1e6) == pytest.approx(math.exp(-690.0), rel=1e-9)
    assert compile_function(exp_minus)(0.7) == pytest.approx(math.exp(-0.7), rel=1e-10)
