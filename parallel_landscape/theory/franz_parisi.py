r"""Franz-Parisi entropy: how many states lie at overlap t with a typical one.

Reference: a typical state of (kappa_r, beta_r), overlap q_r (binary: field qh_r). Probe: states of (kappa, beta) at overlap t
with it, overlap q among each other, s0 with other references; V_r = 1-q_r, b = (t-s0)/sqrt(V_r), d^2 = q - s0^2/q_r:

    G = <Zr(sqrt(q_r) z + sqrt(V_r)(b/d) x, V_r(1-b^2/d^2)) / Zr(sqrt(q_r) z, V_r) ln Z((s0/sqrt(q_r)) z + d x, 1-q)>_(z,x)
    dG/dq = -<<g^2>>/2 ,   dG/ds0 = -<<g g_r>>         (<<.>> the same average; by Gaussian integration by parts)

    binary:     Phi(t) = extr -(qh/2)(1-q) - th t + sh s0 + alpha G + <sum_s e^(s f_r)/(2 cosh f_r) <ln 2cosh(f)>_x>_z ,
                f_r = sqrt(qh_r) z,  f = (sh/sqrt(qh_r)) z + sqrt(qh - sh^2/qh_r) x + (th-sh) s
                qh = alpha <<g^2>>, sh = alpha <<g g_r>>, q = <tanh^2 f>, s0 = <tanh f tanh f_r>, th from <s tanh f> = t
    spherical:  Phi(t) = extr (1/2) ln(1-q) + (q-v)/(2(1-q)) + alpha G ,  v = [t^2 - s0^2 - q_r (t-s0)^2/V_r]/V_r
                q = v + (1-q)^2 alpha <<g^2>> ,  s0 = q_r t + (1-q) V_r^2 alpha <<g g_r>>

Source: S. Franz, G. Parisi, Phys. Rev. Lett. 79, 2486 (1997); for the binary perceptron H. Huang, Y. Kabashima, Phys. Rev. E
90, 052813 (2014). Re-derived in this form; checks: Phi = s at t = q_r, derivatives in the tests, enumeration at N = 21.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from parallel_landscape.theory.binary import BinaryAnswer, binary_perceptron
from parallel_landscape.theory.channel import Channel, ln_z, local
from parallel_landscape.theory.quadrature import PATIENCE, PLANE_FIRST, PLANE_LIMIT, Answer, Array, gaussian_rule, refine
from parallel_landscape.theory.quantities import check
from parallel_landscape.theory.solve import fixed_point
from parallel_landscape.theory.spherical import SphericalAnswer, spherical_perceptron

TYPICAL = 1e-5  # so close to t = q_r the equations degenerate (d -> 0), and Phi = s to 1e-9, for it has its maximum there
SMALLEST, INSIDE = 1e-24, 1 - 1e-12
NEWTON, SMALLEST_STEP, LARGEST_STEP = 40, 1e-13, 3.0
ITERATIONS, FEWEST = 400, 30  # on the coarsest rule; each is a plane of averages, dearer on finer ones


@dataclass(frozen=True, kw_only=True)
class LocalEntropy(Answer):
    """Entropy of the probe at overlap t with the reference, per weight."""

    alpha: float
    overlap: float
    distance: float
    local_entropy: float
    all_states_entropy: float
    energy: float
    q: float
    q_1: float
    cross_overlap: float


class Shell(NamedTuple):
    """Averages over patterns: G, <<g^2>>, <<g g_r>> and the mean loss of the probe."""

    ln_z: float
    g2: float
    cross: float
    loss: float


def franz_parisi(
    alpha: float,
    overlap: float,
    kappa: float = 0.0,
    beta: float = np.inf,
    kappa_reference: float | None = None,
    beta_reference: float = np.inf,
    weights: str = "binary",
    loss: str = "errors",
    *,
    tolerance: float = 1e-7,
) -> LocalEntropy:
    """Local entropy at `overlap` around a typical state of (kappa_reference, beta_reference).

    kappa_reference defaults to kappa. weights: "binary" or "spherical". In the answer q is the overlap among the probes,
    q_1 that among the references, cross_overlap that of a probe with other references.
    Raises JobError, and NoSolution (a RunError) beyond capacity or where no states are left at that overlap.
    """
    kappa_reference = kappa if kappa_reference is None else kappa_reference
    check(
        alpha=alpha,
        overlap=overlap,
        kappa=kappa,
        beta=beta,
        kappa_reference=kappa_reference,
        beta_reference=beta_reference,
        weights=weights,
        loss=loss,
        tolerance=tolerance,
    )
    probe, reference = Channel(loss, beta, kappa), Channel(loss, beta_reference, kappa_reference)
    binary = weights == "binary"
    model = binary_perceptron if binary else spherical_perceptron
    typical = model(alpha, beta_reference, kappa_reference, loss, tolerance=tolerance / 100)
    solve_one = _binary if binary else _spherical
    start = [_first_guess(overlap, typical.q)]

    def solve(order: int, coarse: LocalEntropy | None) -> LocalEntropy:
        if probe == reference and abs(overlap - typical.q) < TYPICAL:
            found = Found(typical.free_entropy, typical.q, typical.q, 0.0, typical.energy, typical.residual)
        else:
            found = solve_one(order, alpha, overlap, probe, reference, typical, start[0])
            start[0] = (found.q, found.s0, found.th)
        entropy = found.phi + (0.0 if np.isinf(beta) else beta * found.energy)
        return LocalEntropy(
            alpha=float(alpha),
            overlap=float(overlap),
            distance=(1 - overlap) / 2,
            local_entropy=entropy,
            all_states_entropy=all_states_entropy(overlap, binary),
            energy=found.energy,
            q=found.q,
            q_1=typical.q,
            cross_overlap=found.s0,
            residual=found.residual,
            status=_status(typical.status, entropy, binary),
        )

    return refine(solve, tolerance=tolerance, first=PLANE_FIRST, limit=PLANE_LIMIT, patience=PATIENCE)


def _status(of_reference: str, entropy: float, binary: bool) -> str:
    if of_reference != "ok":
        return f"reference: {of_reference}"
    return "entropy below 0: no states there, typical ones are isolated" if binary and entropy < 0 else "ok"


def all_states_entropy(overlap: float, binary: bool) -> float:
    """What Phi would be without patterns: the entropy of mixing, or ln of the fraction of the sphere."""
    if not binary:
        return float(np.log1p(-(overlap**2))) / 2
    parts = np.array([(1 - overlap) / 2, (1 + overlap) / 2])
    return float(-(parts * np.log(parts)).sum())


def shell(order: int, q_r: float, probe: Channel, reference: Channel, q: float, s0: float, t: float) -> Shell:
    """Averages over patterns at given overlaps; any values with d^2 >= b^2 will do."""
    rule, room = gaussian_rule(order), 1 - q_r
    b = (t - s0) / np.sqrt(room)
    d = np.sqrt(max(q - s0**2 / q_r, b**2, SMALLEST))
    z, x = rule.nodes[:, None], rule.nodes
    before = local(reference, np.sqrt(q_r) * z, room)
    tilt = ln_z(reference, np.sqrt(q_r) * z + np.sqrt(room) * (b / d) * x, room * max(1 - (b / d) ** 2, 0.0)) - before.ln_z
    at = local(probe, s0 / np.sqrt(q_r) * z + d * x, 1 - q)
    weights = rule.weights[:, None] * rule.weights * np.exp(tilt)
    return Shell(*(float((weights * values).sum()) for values in (at.ln_z, at.g**2, at.g * before.g, at.loss)))


class Found(NamedTuple):
    """Phi (without beta e), the overlaps, the field th that holds the probe at t (spherical: unused), energy and residual."""

    phi: float
    q: float
    s0: float
    th: float
    energy: float
    residual: float


Typical = BinaryAnswer | SphericalAnswer
Overlaps = tuple[float, float, float]  # q, s0, th


def _first_guess(t: float, q_r: float) -> Overlaps:
    """Exact at t = q_r and at t = 1, and consistent (d^2 > b^2) in between."""
    near = (t - q_r) ** 2 / (1 - q_r)
    return q_r + near + 0.02 * max(1 - q_r - near, 0.0), q_r, float(np.arctanh(t))


def _spherical(
    order: int, alpha: float, t: float, probe: Channel, reference: Channel, typical: Typical, start: Overlaps
) -> Found:
    q_r = typical.q
    room = 1 - q_r

    def norm(s0: float) -> float:
        return (t**2 - s0**2 - q_r * (t - s0) ** 2 / room) / room

    def update(point: Array) -> Array:
        q, s0 = _below_one(point[0]), float(point[1])
        at = shell(order, q_r, probe, reference, q, s0, t)
        return np.array([norm(s0) + (1 - q) ** 2 * alpha * at.g2, q_r * t + (1 - q) * room**2 * alpha * at.cross])

    what = f"Franz-Parisi entropy, spherical weights, alpha={alpha:g}, overlap={t:g}"
    (q, s0), residual = fixed_point(update, start[:2], what, _iterations(order))
    at = shell(order, q_r, probe, reference, q, s0, t)
    phi = np.log1p(-q) / 2 + (q - norm(s0)) / (2 * (1 - q)) + alpha * at.ln_z
    return Found(float(phi), float(q), float(s0), 0.0, alpha * at.loss, residual)


class Probe(NamedTuple):
    """Averages over weights of the probe: <ln 2cosh>, <s tanh>, <tanh^2>, <tanh f tanh f_r>."""

    ln_2cosh: float
    t: float
    q: float
    s0: float


def over_probe(order: int, qh_r: float, qh: float, sh: float, th: float) -> Probe:
    """Averages over weights +-1 of the probe at given fields.

    Both signs s contribute the same, as (z, x, s) -> (-z, -x, -s) turns f and f_r, so s = 1 counts twice.
    """
    rule = gaussian_rule(order)
    z, x = rule.nodes[:, None], rule.nodes
    f_r = np.sqrt(qh_r) * z
    f = sh / np.sqrt(qh_r) * z + np.sqrt(max(qh - sh**2 / qh_r, 0.0)) * x + (th - sh)
    weights = 2 * rule.weights / (1 + np.exp(-2 * f_r[:, 0]))
    size, tanh = np.abs(f), np.tanh(f)
    values = (size + np.log1p(np.exp(-2 * size)), tanh, tanh**2, tanh * np.tanh(f_r))
    return Probe(*(float(weights @ value @ rule.weights) for value in values))


def _binary(order: int, alpha: float, t: float, probe: Channel, reference: Channel, typical: Typical, start: Overlaps) -> Found:
    q_r = typical.q
    rule = gaussian_rule(4 * order)
    qh_r = alpha * float(rule.weights @ local(reference, np.sqrt(q_r) * rule.nodes, 1 - q_r).g ** 2)

    th = [start[2]]

    def averages(point: Array) -> tuple[Shell, Probe]:
        at = shell(order, q_r, probe, reference, _below_one(point[0]), float(point[1]), t)
        qh, sh = alpha * at.g2, alpha * at.cross
        for _ in range(NEWTON):  # for arctanh <s tanh f> = arctanh t, which is all but linear in th
            found = over_probe(order, qh_r, qh, sh, th[0])
            reached = float(np.clip(found.t, -INSIDE, INSIDE))
            step = (np.arctanh(t) - np.arctanh(reached)) * (1 - reached**2) / max(1 - found.q, 1 - INSIDE)
            th[0] += float(np.clip(step, -LARGEST_STEP, LARGEST_STEP))
            if abs(step) < SMALLEST_STEP:
                break
        return at, found

    def update(point: Array) -> Array:
        _, found = averages(point)
        return np.array([found.q, found.s0])

    what = f"Franz-Parisi entropy, binary weights, alpha={alpha:g}, overlap={t:g}"
    point, residual = fixed_point(update, start[:2], what, _iterations(order))
    at, found = averages(point)
    q, s0 = map(float, point)
    phi = -alpha * at.g2 * (1 - q) / 2 - th[0] * t + alpha * at.cross * s0 + alpha * at.ln_z + found.ln_2cosh
    return Found(phi, q, s0, th[0], alpha * at.loss, residual)


def _iterations(order: int) -> int:
    return max(FEWEST, ITERATIONS * PLANE_FIRST // order)


def _below_one(q: float) -> float:
    return min(max(float(q), 0.0), INSIDE)
