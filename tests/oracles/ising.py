"""Exact density of states of the square Ising model, E = -sum_<ij> s_i s_j, on a periodic L x L lattice, L even.

Kaufman's partition function is half the sum of four products, one for each choice (a, b) of periodic or antiperiodic
momenta along the two directions. With u = exp(-4 beta), N = L^2 and the adjacency eigenvalues
lambda = 2 cos(theta) + 2 cos(phi), theta in a, phi in b,

    exp(-2 beta N) Z(beta) = sum_l g(-2N + 4l) u^l = 1/2 sum_{a, b} Z_ab(u),
    Z_ab(u)^2 = prod_{theta, phi} (A - x(1 - u) lambda),        A = (1 + u)^2,   x^2 = u .

All eigenvalues are paired by (theta, phi) -> -(theta, phi), so Z_ab takes one of each pair. Only lambda = +-4, both
momenta periodic, stand alone: they are perfect squares, whose roots multiply to 1 - 6u + u^2 (negative above the critical
temperature: this is the sign of Kaufman's fourth term). Beale expands the products in powers of u. Here the elementary
symmetric functions of the paired lambda follow from their power sums, all exact integers, without any cosine.

B. Kaufman, Phys. Rev. 76, 1232 (1949); P. D. Beale, Phys. Rev. Lett. 76, 78 (1996).
"""

from __future__ import annotations

from math import comb, log

import numpy as np
from numpy.typing import NDArray


def beale(length: int) -> tuple[list[int], list[int]]:
    """Energies that occur, ascending, and their numbers of states, as exact integers."""
    if length < 4 or length % 2:
        raise ValueError(f"length = {length}: an even length of at least 4 is needed")
    sites = length * length
    # One value at a large enough u = 2^bits holds every coefficient: 0 <= g <= 2^sites < u, so they are its digits.
    bits = 8 * (sites // 8 + 1)
    value = sum(_product(length, first, second, 1 << bits) for first in (1, -1) for second in (1, -1)) // 2
    size = bits // 8
    digits = value.to_bytes((sites + 1) * size, "little")
    counts = [int.from_bytes(digits[size * level : size * (level + 1)], "little") for level in range(sites + 1)]
    levels = [level for level, count in enumerate(counts) if count]
    return [4 * level - 2 * sites for level in levels], [counts[level] for level in levels]


def ln_beale(length: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Energies that occur, ascending, and ln g of each."""
    energies, counts = beale(length)
    return np.array(energies, dtype=np.int64), np.array([log(count) for count in counts])


def _product(length: int, first: int, second: int, u: int) -> int:
    """Z_ab(u) for boundary signs a, b: +1 periodic, -1 antiperiodic.

    The spectrum is even in lambda, hence with e_j the symmetric functions of the d paired eigenvalues
    Z_ab = sum_i e_2i A^(d - 2i) B^i,   B = u (1 - u)^2,   by Horner's rule in A^2.
    """
    periodic = first == second == 1
    paired = length * length // 2 - periodic
    symmetric = _even_symmetric(_even_power_sums(length, first, second, paired // 2))
    a, b = (1 + u) ** 2, u * (1 - u) ** 2
    square, power, total = a * a, 1, 0
    for coefficient in symmetric:
        total = total * square + coefficient * power
        power *= b
    if paired % 2:
        total *= a
    return total * (1 - 6 * u + u * u) if periodic else total


def _even_power_sums(length: int, first: int, second: int, highest: int) -> list[int]:
    """p_2n = sum lambda^2n over one of each pair of eigenvalues, n = 0 .. highest."""
    moments = {sign: [_cosine_moment(length, sign, 2 * n) for n in range(highest + 1)] for sign in (first, second)}
    sums = []
    for n in range(highest + 1):
        full = sum(comb(2 * n, 2 * i) * moments[first][i] * moments[second][n - i] for i in range(n + 1))
        alone = 2 * 4 ** (2 * n) if first == second == 1 else 0
        sums.append((full - alone) // 2)
    return sums


def _cosine_moment(length: int, sign: int, power: int) -> int:
    """sum_theta (2 cos theta)^power over the L momenta: closed walks on a ring, with a factor `sign` per turn around it."""
    turns = power // length
    return length * sum(sign ** abs(turn) * comb(power, (power + turn * length) // 2) for turn in range(-turns, turns + 1))


def _even_symmetric(sums: list[int]) -> list[int]:
    """Elementary symmetric e_2n from the even power sums, the odd ones being zero: 2n e_2n = -sum_i p_2i e_2(n-i)."""
    symmetric = [1]
    for n in range(1, len(sums)):
        symmetric.append(-sum(sums[i] * symmetric[n - i] for i in range(1, n + 1)) // (2 * n))
    return symmetric
