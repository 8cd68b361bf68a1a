r"""The two kinds of averages that every replica-symmetric equation here is made of: over patterns and over weights.

Patterns: the fields of typical states are $\omega = \sqrt q z$ with cavity variance V; where labels come from a teacher with
overlap R, the states see $z$ with the weight $2 H(-R z/\sqrt{q-R^2})$, which is 1 at R = 0 (random labels).
Weights +-1: the local field is $\sqrt{\hat q} z + \hat R$, the magnetisation its tanh.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import log_ndtr

from parallel_landscape.theory.channel import HALF_LN_2PI, Channel, local
from parallel_landscape.theory.quadrature import Rule

LARGEST_COSINE = 1 - 1e-14
LN_2 = float(np.log(2.0))


class PatternAverages(NamedTuple):
    """Averages per pattern of ln Z, g^2, its partner for the teacher, d g/d omega, its square, the loss, and the density
    of stabilities just above the margin."""

    ln_z: float
    g2: float
    teacher: float
    dg: float
    dg2: float
    loss: float
    density: float


class WeightAverages(NamedTuple):
    """Averages per weight of ln 2cosh, tanh^2, tanh and (1 - tanh^2)^2 of the local field."""

    ln_2cosh: float
    q: float
    teacher_overlap: float
    response2: float


def over_patterns(rule: Rule, channel: Channel, q: float, variance: float, teacher_overlap: float = 0.0) -> PatternAverages:
    """Averages at overlap q and cavity variance V; teacher_overlap: R, 0 for random labels."""
    z, weights = rule
    q = max(q, 0.0)
    cosine = min(teacher_overlap / np.sqrt(q), LARGEST_COSINE) if q > 0 else 0.0
    sine = np.sqrt(1 - cosine**2)
    at = local(channel, np.sqrt(q) * z, variance)
    seen = weights * 2 * np.exp(log_ndtr(cosine * z / sine))
    edge = weights * 2 * np.exp(-((cosine * z / sine) ** 2) / 2 - HALF_LN_2PI) / sine
    return PatternAverages(
        float(seen @ at.ln_z),
        float(seen @ at.g**2),
        float(edge @ at.g),
        float(seen @ at.dg),
        float(seen @ at.dg**2),
        float(seen @ at.loss),
        float(seen @ at.density),
    )


def over_weights(rule: Rule, q_hat: float, teacher_hat: float = 0.0) -> WeightAverages:
    """Averages over weights +-1 in the field sqrt(q_hat) z + teacher_hat."""
    field = np.sqrt(q_hat) * rule.nodes + teacher_hat
    size, tanh = np.abs(field), np.tanh(field)
    return WeightAverages(
        float(rule.weights @ (size + np.log1p(np.exp(-2 * size)))),
        float(rule.weights @ tanh**2),
        float(rule.weights @ tanh),
        float(rule.weights @ (1 - tanh**2) ** 2),
    )
