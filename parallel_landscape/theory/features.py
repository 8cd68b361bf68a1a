r"""Perceptron with weights +-1 on random features of a hidden input, labels of a teacher that sees the hidden input.

Hidden inputs x in R^D, labels sign(w_T . x), features f_i = sigma(F_i . x/sqrt(D)) with random F, students sign(W . f) with W
in {-1,1}^N. alpha = P/N, alpha_T = P/D, alpha_D = D/N = alpha/alpha_T. By Gaussian equivalence only
mu_1 = <z sigma(z)> and mu_*^2 = <sigma^2> - mu_1^2 of the (zero-mean) non-linearity matter. With p, p_d the overlap and norm of
the students mapped to the hidden space, r their overlap with the teacher there, V = 1-q, A = ph_d + ph,
Q = mu_1^2 p + mu_*^2 q, Q_d = mu_1^2 p_d + mu_*^2, R = mu_1 r:

    phi = extr -(qh/2)(1-q) + <ln 2cosh(sqrt(qh) z)>
          + alpha_D [p_d ph_d/2 + p ph/2 - r rh - ln(1+A V)/2 + (V(ph+rh^2) - A q)/(2(1+A V))]
          + alpha <2H(-R z/sqrt(Q-R^2)) ln Z_out(sqrt(Q) z, Q_d-Q)>
    ph = alpha_T mu_1^2 <g^2> ,  A = -alpha_T mu_1^2 <dg> ,  rh = alpha_T mu_1 <g>_teacher
    r = V rh/(1+A V) ,  p = (q + V^2(ph+rh^2))/(1+A V)^2 ,  p_d = p + V/(1+A V)
    qh = alpha mu_*^2 <g^2> + alpha_D (ph + rh^2 + A^2 q)/(1+A V)^2 ,  q = <tanh^2> ,  eps_gen = arccos(R/sqrt(Q_d))/pi

Sources: F. Gerace, B. Loureiro, F. Krzakala, M. Mezard, L. Zdeborova, ICML 2020, arXiv:2002.09339 (equivalence); model of
C. Baldassi et al., Phys. Rev. E 106, 014116 (2022). The equations were derived for this package, checked against
enumerated small systems and, in the tests, by derivatives of phi. Replica symmetric; its stability is not computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import erf

from parallel_landscape.theory.averages import PatternAverages, over_patterns, over_weights
from parallel_landscape.theory.binary import ONE, check_resolved
from parallel_landscape.theory.channel import Channel
from parallel_landscape.theory.quadrature import Answer, Array, gaussian_rule, refine
from parallel_landscape.theory.quantities import check
from parallel_landscape.theory.solve import fixed_point

START = (0.5, 0.7, 1.2, 0.3)
MOMENT_ORDER = 4096


@dataclass(frozen=True, kw_only=True)
class FeaturesAnswer(Answer):
    """Replica-symmetric state of the random-features student; energies and entropies per weight."""

    alpha: float
    alpha_latent: float
    beta: float
    energy_per_pattern: float
    energy: float
    entropy: float
    free_entropy: float
    q: float
    feature_overlap: float
    teacher_overlap: float
    generalisation_error: float


class Overlaps(NamedTuple):
    """Order parameters: students in weight space (q) and in the hidden space (p, p_d, r)."""

    q: float
    p: float
    p_d: float
    r: float


class Hats(NamedTuple):
    """Their conjugates."""

    q: float
    p: float
    p_d: float
    r: float


def moments(nonlinearity: str) -> tuple[float, float]:
    """(mu_1, mu_*^2) of a non-linearity: sign, tanh, erf, relu minus its mean, or linear."""
    if nonlinearity == "linear":
        return 1.0, 0.0
    if nonlinearity == "sign":
        return float(np.sqrt(2 / np.pi)), float(1 - 2 / np.pi)
    if nonlinearity == "relu-centred":
        return 0.5, float(0.25 - 1 / (2 * np.pi))
    z, weights = gaussian_rule(MOMENT_ORDER)
    values = np.tanh(z) if nonlinearity == "tanh" else erf(z)
    first = float(weights @ (z * values))
    return first, float(weights @ values**2) - first**2


def random_features(
    alpha: float, alpha_latent: float, beta: float = np.inf, nonlinearity: str = "sign", *, tolerance: float = 1e-9
) -> FeaturesAnswer:
    """alpha = P/N, alpha_latent = P/D; energy: number of errors. Raises JobError for bad input, NoSolution (a RunError)."""
    check(alpha=alpha, alpha_latent=alpha_latent, beta=beta, nonlinearity=nonlinearity, tolerance=tolerance)
    channel, mu = Channel("errors", beta, 0.0), moments(nonlinearity)
    last = [Overlaps(*START)]

    def solve(order: int, coarse: FeaturesAnswer | None) -> FeaturesAnswer:
        found, residual = _saddle(order, channel, alpha, alpha_latent, mu, last[0] if coarse else Overlaps(*START))
        last[0] = found
        hats, patterns = conjugates(order, channel, alpha, alpha_latent, mu, found)
        phi = free_entropy(order, channel, alpha, alpha_latent, mu, found, hats)
        energy = alpha * patterns.loss
        entropy = phi + (0.0 if np.isinf(beta) else beta * energy)
        cosine = mu[0] * found.r / np.sqrt(mu[0] ** 2 * found.p_d + mu[1])
        return FeaturesAnswer(
            alpha=float(alpha),
            alpha_latent=float(alpha_latent),
            beta=float(beta),
            energy_per_pattern=patterns.loss,
            energy=energy,
            entropy=entropy,
            free_entropy=phi,
            q=found.q,
            feature_overlap=mu[0] ** 2 * found.p + mu[1] * found.q,
            teacher_overlap=mu[0] * found.r,
            generalisation_error=float(np.arccos(cosine) / np.pi),
            residual=residual,
            status="ok" if entropy >= 0 else "entropy below 0: beyond freezing, no such states",
        )

    return refine(solve, tolerance=tolerance)


def fields(mu: tuple[float, float], at: Overlaps) -> tuple[float, float, float]:
    """(Q, Q_d - Q, R): what the patterns see of the students."""
    feature = mu[0] ** 2 * at.p + mu[1] * at.q
    return feature, mu[0] ** 2 * (at.p_d - at.p) + mu[1] * (1 - at.q), mu[0] * at.r


def conjugates(
    order: int, channel: Channel, alpha: float, alpha_latent: float, mu: tuple[float, float], at: Overlaps
) -> tuple[Hats, PatternAverages]:
    """The hats that make phi stationary in the overlaps, and the averages over patterns there."""
    feature, variance, teacher = fields(mu, at)
    patterns = over_patterns(gaussian_rule(order), channel, feature, variance, teacher)
    p_hat = alpha_latent * mu[0] ** 2 * patterns.g2
    total = -alpha_latent * mu[0] ** 2 * patterns.dg
    r_hat = alpha_latent * mu[0] * patterns.teacher
    spread = 1 + total * (1 - at.q)
    back = (p_hat + r_hat**2 + total**2 * at.q) / spread**2
    return Hats(alpha * mu[1] * patterns.g2 + alpha / alpha_latent * back, p_hat, total - p_hat, r_hat), patterns


def free_entropy(
    order: int, channel: Channel, alpha: float, alpha_latent: float, mu: tuple[float, float], at: Overlaps, hats: Hats
) -> float:
    """phi before it is made stationary, for any overlaps and hats; equals ln 2 at alpha = 0."""
    rule, (feature, variance, teacher) = gaussian_rule(order), fields(mu, at)
    weights = over_weights(rule, hats.q)
    patterns = over_patterns(rule, channel, feature, variance, teacher)
    room, total = 1 - at.q, hats.p_d + hats.p
    hidden = at.p_d * hats.p_d / 2 + at.p * hats.p / 2 - at.r * hats.r - np.log1p(total * room) / 2
    hidden += (room * (hats.p + hats.r**2) - total * at.q) / (2 * (1 + total * room))
    return float(-hats.q * room / 2 + weights.ln_2cosh + alpha / alpha_latent * hidden + alpha * patterns.ln_z)


def _saddle(
    order: int, channel: Channel, alpha: float, alpha_latent: float, mu: tuple[float, float], start: Overlaps
) -> tuple[Overlaps, float]:
    rule = gaussian_rule(order)

    def update(point: Array) -> Array:
        hats, _ = conjugates(order, channel, alpha, alpha_latent, mu, _inside(point))
        q, total = over_weights(rule, max(hats.q, 0.0)).q, hats.p_d + hats.p
        room = 1 - _inside(point).q
        spread = 1 + total * room
        p = (_inside(point).q + room**2 * (hats.p + hats.r**2)) / spread**2
        return np.array([q, p, p + room / spread, room * hats.r / spread])

    what = f"random features, alpha={alpha:g}, alpha_latent={alpha_latent:g}, beta={channel.beta:g}"
    point, residual = fixed_point(update, start, what)
    found = Overlaps(*map(float, point))
    check_resolved(rule, found.q, conjugates(order, channel, alpha, alpha_latent, mu, found)[0].q, what)
    return found, residual


def _inside(point: Array) -> Overlaps:
    q, p = float(np.clip(point[0], 0.0, ONE)), max(float(point[1]), 0.0)
    r = float(np.clip(point[3], 0.0, np.sqrt(p)))
    return Overlaps(q, p, max(float(point[2]), p + 1e-15), r)
