r"""Perceptron with weights +-1: random labels, or labels of a teacher with weights +-1.

    phi = extr -(qh/2)(1-q) - Rh R + <ln 2cosh(sqrt(qh) z + Rh)> + alpha <2H(-R z/sqrt(q-R^2)) ln Z_out(sqrt(q) z, 1-q)>
    qh = alpha <2H g^2> ,  Rh = alpha <2 g n(R z/sqrt(q-R^2))>/sqrt(1-R^2/q) ,  q = <tanh^2> ,  R = <tanh>
    e = alpha <2H <l>> ,   s = phi + beta e ,   replicon = alpha <2H (dg/d omega)^2> <(1-tanh^2)^2>

with averages over a standard normal z, its density n, and R = Rh = 0 for random labels. ln g(E = N e) ~ N s(e).
Sources: W. Krauth, M. Mezard, J. Phys. France 50, 3057 (1989); G. Gyorgyi, Phys. Rev. A 41, 7097 (1990); H. Sompolinsky,
N. Tishby, H. S. Seung, Phys. Rev. Lett. 65, 1683 (1990). Replica symmetric, valid while s >= 0. At kappa = 0 and beta = inf the
capacity that follows is proved up to conditions that were checked numerically (J. Ding, N. Sun, STOC 2019, from below;
B. Huang, FOCS 2024, from above). Re-derived; tests compare derivatives of phi and enumerated small systems.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from parallel_landscape.theory.averages import PatternAverages, WeightAverages, over_patterns, over_weights
from parallel_landscape.theory.channel import Channel
from parallel_landscape.theory.quadrature import Answer, Array, NoSolution, Rule, gaussian_rule, refine
from parallel_landscape.theory.quantities import check
from parallel_landscape.theory.solve import fixed_point

ONE = 1 - 1e-13
START = 0.5


@dataclass(frozen=True, kw_only=True)
class BinaryAnswer(Answer):
    """Replica-symmetric state of a binary perceptron; energies and entropies per weight."""

    alpha: float
    beta: float
    energy_per_pattern: float
    energy: float
    entropy: float
    free_entropy: float
    q: float
    replicon: float


@dataclass(frozen=True, kw_only=True)
class TeacherAnswer(BinaryAnswer):
    """The same with a teacher."""

    teacher_overlap: float
    generalisation_error: float


def binary_perceptron(
    alpha: float, beta: float = np.inf, kappa: float = 0.0, loss: str = "errors", *, tolerance: float = 1e-9
) -> BinaryAnswer:
    """Weights +-1, random patterns and labels; raises JobError for bad input, NoSolution (a RunError) beyond the branch."""
    check(alpha=alpha, beta=beta, kappa=kappa, loss=loss, tolerance=tolerance)
    channel = Channel(loss, beta, kappa)

    def solve(order: int, coarse: BinaryAnswer | None) -> BinaryAnswer:
        start = (coarse.q if coarse else START, 0.0)
        values, residual = _saddle(order, channel, alpha, start, False)
        return BinaryAnswer(**_common(channel, alpha, values), residual=residual)

    return refine(solve, tolerance=tolerance)


def teacher_student(alpha: float, beta: float = np.inf, *, tolerance: float = 1e-9) -> TeacherAnswer:
    """Weights +-1, labels sign(teacher . pattern) of a teacher with weights +-1; energy: number of errors.

    This is the branch of students other than the teacher. The teacher itself, q = R = 1 with s = 0, is always another
    solution; where this branch has a negative free entropy the teacher outweighs it, and the status says so.
    Raises JobError, and NoSolution where the branch has ended.
    """
    check(alpha=alpha, beta=beta, tolerance=tolerance)
    channel = Channel("errors", beta, 0.0)

    def solve(order: int, coarse: TeacherAnswer | None) -> TeacherAnswer:
        start = (coarse.q, coarse.teacher_overlap) if coarse else (START, START)
        values, residual = _saddle(order, channel, alpha, start, True)
        common, overlap = _common(channel, alpha, values), values[1]
        if common["free_entropy"] < 0 and common["status"] == "ok":
            common["status"] = "metastable: the teacher itself has more weight"
        error = float(np.arccos(np.clip(overlap, -1, 1)) / np.pi)
        return TeacherAnswer(**common, teacher_overlap=overlap, generalisation_error=error, residual=residual)

    return refine(solve, tolerance=tolerance)


Saddle = tuple[float, float, float, float, PatternAverages, WeightAverages]  # q, R, qh, Rh and the averages there


def _saddle(order: int, channel: Channel, alpha: float, start: tuple[float, float], teacher: bool) -> tuple[Saddle, float]:
    rule = gaussian_rule(order)

    def hats(point: Array) -> tuple[float, float, PatternAverages]:
        q = float(np.clip(point[0], 0.0, ONE))
        overlap = float(np.clip(point[1], 0.0, np.sqrt(q))) if teacher else 0.0
        patterns = over_patterns(rule, channel, q, 1 - q, overlap)
        return alpha * patterns.g2, alpha * patterns.teacher if teacher else 0.0, patterns

    def update(point: Array) -> Array:
        q_hat, teacher_hat, _ = hats(point)
        weights = over_weights(rule, q_hat, teacher_hat)
        return np.array([weights.q, weights.teacher_overlap if teacher else 0.0])

    what = f"binary perceptron, alpha={alpha:g}, beta={channel.beta:g}, kappa={channel.kappa:g}"
    point, residual = fixed_point(update, start, what)
    q_hat, teacher_hat, patterns = hats(point)
    check_resolved(rule, float(point[0]), q_hat, what)
    weights = over_weights(rule, q_hat, teacher_hat)
    return (float(point[0]), float(point[1]), q_hat, teacher_hat, patterns, weights), residual


def check_resolved(rule: Rule, q: float, q_hat: float, what: str) -> None:
    """Raise NoSolution where q is so near 1 that the rule cannot tell it from 1."""
    if min((1 - q) / max(q, 1e-300), 1 / max(q_hat, 1e-300)) < rule.smallest_variance:
        raise NoSolution(f"{what}: the branch of many states has ended; a single state is left, q = 1")


def free_entropy(
    order: int, channel: Channel, alpha: float, q: float, q_hat: float, overlap: float = 0.0, teacher_hat: float = 0.0
) -> float:
    """phi before it is made stationary, for any overlaps and hats; equals ln 2 at alpha = 0."""
    rule = gaussian_rule(order)
    patterns, weights = over_patterns(rule, channel, q, 1 - q, overlap), over_weights(rule, q_hat, teacher_hat)
    return -q_hat * (1 - q) / 2 - teacher_hat * overlap + weights.ln_2cosh + alpha * patterns.ln_z


def _common(channel: Channel, alpha: float, saddle: Saddle) -> dict[str, Any]:
    q, overlap, q_hat, teacher_hat, patterns, weights = saddle
    phi = -q_hat * (1 - q) / 2 - teacher_hat * overlap + weights.ln_2cosh + alpha * patterns.ln_z
    energy = alpha * patterns.loss
    entropy = phi + (0.0 if np.isinf(channel.beta) else channel.beta * energy)
    replicon = alpha * patterns.dg2 * weights.response2
    return {
        "alpha": float(alpha),
        "beta": float(channel.beta),
        "q": q,
        "free_entropy": phi,
        "energy": energy,
        "energy_per_pattern": patterns.loss,
        "entropy": entropy,
        "replicon": replicon,
        "status": _status(entropy, replicon),
    }


def _status(entropy: float, replicon: float) -> str:
    if entropy < 0:
        return "entropy below 0: beyond freezing, no such states"
    return "ok" if replicon < 1 else "replica symmetry unstable (replicon above 1)"
