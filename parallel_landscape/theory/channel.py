r"""What one pattern does to the weights: channels of the three losses, all of one form.

A pattern has the stability $\Delta$, the loss $l(\Delta)$ and, seen from outside, the Gaussian prior
$\Delta \sim N(\omega, V)$. With the margin $\kappa$ the losses are $[\Delta < \kappa]$ ("errors"), $(\kappa-\Delta)_+$
("hinge") and $(\kappa-\Delta)_+^2$ ("quadratic"). Each vanishes above the margin, and below it
$e^{-\beta l}$ times the prior is again a Gaussian, $A\,N(\Delta; \mu, \sigma^2)$:

| loss | A | mu | sigma^2 |
|---|---|---|---|
| errors | exp(-beta) | omega | V |
| hinge | exp(-beta m + beta^2 V/2) | omega + beta V | V |
| quadratic | D^(-1/2) exp(-beta m^2/D) | (omega + 2 beta V kappa)/D | V/D |

with $m = \kappa-\omega$, $D = 1 + 2\beta V$. Everything follows from these three numbers:
$Z = A\,\Phi((\kappa-\mu)/\sigma) + H((\kappa-\omega)/\sqrt V)$, $g = \partial_\omega \ln Z = (\langle\Delta\rangle-\omega)/V$,
$\partial_\omega g = \mathrm{Var}(\Delta)/V^2 - 1/V$, and the mean loss, where averages are over the tilted density
$p(\Delta|\omega) = N(\Delta;\omega,V) e^{-\beta l(\Delta)}/Z$. Moments are taken from the margin outwards, so that nothing
large cancels when beta is. At beta = inf nothing is left below the margin, for all three.
Source: E. Gardner, B. Derrida, J. Phys. A 21, 271 (1988), re-derived in this form; tests compare with numerical integration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import erfcx, log_ndtr

from parallel_landscape.theory.quadrature import Array

FAR = -30.0  # beyond it the moments of a tail come from their asymptotic series
HALF_LN_2PI = 0.5 * float(np.log(2 * np.pi))
POWERS = {"errors": 0, "hinge": 1, "quadratic": 2}  # the loss is (kappa - Delta)_+ to this power
HALF_ROOT = float(np.sqrt(np.pi / 2))
SMALLEST_VARIANCE = 1e-30


@dataclass(frozen=True)
class Channel:
    """A loss at an inverse temperature; beta may be inf, and negative for the loss "errors" (which the models do not use)."""

    loss: str = "errors"
    beta: float = np.inf
    kappa: float = 0.0


class Local(NamedTuple):
    """What the channel gives at each omega: ln Z, its first two derivatives with respect to omega, the mean loss, the
    probability to be below the margin, and the density just above it."""

    ln_z: Array
    g: Array
    dg: Array
    loss: Array
    below: Array
    density: Array


class Tail(NamedTuple):
    """Part of N(Delta; omega, V) e^(-beta l) below a level that is at most the margin: ln of its mass, and what is left of
    the level at Delta there, level - Delta: mean and mean square."""

    ln_mass: Array
    first: Array
    second: Array


def tail(channel: Channel, level: Array, omega: Array, variance: float) -> Tail:
    """The table in the module's docstring, cut at `level` <= kappa; level and omega broadcast."""
    beta, root = channel.beta, np.sqrt(variance)
    shape = np.broadcast(level, omega).shape
    if np.isposinf(beta):
        return Tail(np.full(shape, -np.inf), np.zeros(shape), np.zeros(shape))
    short, scale, mean = channel.kappa - omega, 1.0, omega
    ln_a = np.full_like(omega, -beta)
    if channel.loss == "hinge":
        ln_a, mean = -beta * short + beta**2 * variance / 2, omega + beta * variance
    elif channel.loss == "quadratic":
        scale = 1 + 2 * beta * variance
        ln_a, mean = -beta * short**2 / scale - np.log(scale) / 2, (omega + 2 * beta * variance * channel.kappa) / scale
    deviation = root / np.sqrt(scale)
    cut = np.asarray((level - mean) / deviation)
    loss = (channel.kappa - level) ** POWERS[channel.loss] if channel.loss != "errors" else 1.0
    ln_edge = -((level - omega) ** 2) / (2 * variance) - HALF_LN_2PI - beta * loss - np.log(scale) / 2  # A n(cut), no big terms
    negative = np.minimum(cut, 0.0)
    ln_mass = np.where(cut < 0, ln_edge + np.log(HALF_ROOT * erfcx(-negative / np.sqrt(2))), ln_a + log_ndtr(cut))
    first, second = cut_moments(cut)
    return Tail(ln_mass, deviation * first, deviation**2 * second)


def cut_moments(cut: Array) -> tuple[Array, Array]:
    """Means of cut - x and (cut - x)^2 for a standard normal x < cut, to full precision for cut -> -inf as well.

    They are t = cut + n(cut)/Phi(cut) and 1 + cut t; far out the series of the inverse Mills ratio takes over.
    """
    near, far = np.maximum(cut, FAR), 1 / np.minimum(cut, FAR) ** 2
    negative = np.minimum(near, 0.0)
    mills = HALF_ROOT * erfcx(-negative / np.sqrt(2))  # Phi(cut)/n(cut)
    first = near + np.where(near < 0, 1 / mills, np.exp(-(near**2) / 2 - HALF_LN_2PI - log_ndtr(near)))
    rest = far * (2 - far * (10 - far * (74 - far * (706 - far * 8162))))
    out = cut < FAR
    return np.where(out, np.sqrt(far) * (1 - rest), first), np.where(out, rest, 1 + near * first)


def ln_z(channel: Channel, omega: Array, variance: float) -> Array:
    """ln Z(omega, V) alone; shape of omega."""
    variance = max(variance, SMALLEST_VARIANCE)
    below = tail(channel, np.asarray(channel.kappa), omega, variance).ln_mass
    return np.logaddexp(below, log_ndtr((omega - channel.kappa) / np.sqrt(variance)))


def local(channel: Channel, omega: Array, variance: float) -> Local:
    """Everything at once; omega: any shape, variance: V > 0."""
    root, kappa = np.sqrt(variance), np.asarray(channel.kappa)
    under = tail(channel, kappa, omega, variance)
    height = (kappa - omega) / root
    total = np.logaddexp(under.ln_mass, log_ndtr(-height))
    below, above = np.exp(under.ln_mass - total), np.exp(log_ndtr(-height) - total)
    over_1, over_2 = (root ** (power + 1) * moment for power, moment in enumerate(cut_moments(-height)))
    mean = above * over_1 - below * under.first  # of Delta - kappa
    spread = above * (over_2 - over_1**2) + below * (under.second - under.first**2)
    spread = spread + below * above * (over_1 + under.first) ** 2
    density = np.exp(-(height**2) / 2 - HALF_LN_2PI - total) / root
    loss = below * (np.ones_like(below), under.first, under.second)[POWERS[channel.loss]]
    return Local(total, (mean + kappa - omega) / variance, (spread / variance - 1) / variance, loss, below, density)


def stability_density(channel: Channel, delta: Array, omega: Array, variance: float) -> Array:
    """p(Delta | omega), the tilted density; delta and omega broadcast."""
    short = np.maximum(channel.kappa - delta, 0.0)
    if np.isposinf(channel.beta):
        ln_weight = np.where(delta < channel.kappa, -np.inf, 0.0)
    else:
        ln_weight = -channel.beta * ((delta < channel.kappa) if channel.loss == "errors" else short ** POWERS[channel.loss])
    ln_prior = -((delta - omega) ** 2) / (2 * variance) - HALF_LN_2PI - np.log(variance) / 2
    return np.exp(ln_prior + ln_weight - ln_z(channel, omega, variance))


def mean_shortfall(channel: Channel, level: Array, omega: Array, variance: float, power: int) -> Array:
    """The tilted average of (level - Delta)_+^power, power 0, 1 or 2; level and omega broadcast.

    Power 0 is the distribution function of Delta at `level`. The part below the margin and that between margin and level add.
    """
    total, root = ln_z(channel, omega, variance), np.sqrt(variance)
    under = tail(channel, np.minimum(level, channel.kappa), omega, variance)
    gap = np.maximum(level - channel.kappa, 0.0)
    of_under = (1.0, gap + under.first, gap**2 + 2 * gap * under.first + under.second)[power]
    low, high = (channel.kappa - omega) / root, (channel.kappa + gap - omega) / root
    mass = np.exp(log_ndtr(-low) - total) - np.exp(log_ndtr(-high) - total)  # from the side where the tails are small
    edge_low, edge_high = (np.exp(-x * x / 2 - HALF_LN_2PI - total) for x in (low, high))
    of_over = mass
    if power == 1:
        of_over = root * (high * mass + edge_high - edge_low)
    elif power == 2:
        of_over = variance * ((high**2 + 1) * mass + high * edge_high + (low - 2 * high) * edge_low)
    return np.exp(under.ln_mass - total) * of_under + np.maximum(of_over, 0.0)
