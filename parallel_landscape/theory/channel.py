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
$p(\Delta|\omega) = N(\Delta;\omega,V) e^{-\beta l(\Delta)}/Z$. At beta = inf nothing is left below the margin, for all three.
Source: E. Gardner, B. Derrida, J. Phys. A 21, 271 (1988), re-derived in this form; tests compare with numerical integration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import log_ndtr

from parallel_landscape.theory.quadrature import Array

HALF_LN_2PI = 0.5 * float(np.log(2 * np.pi))
POWERS = {"errors": 0, "hinge": 1, "quadratic": 2}  # the loss is (kappa - Delta)_+ to this power
SMALLEST_VARIANCE = 1e-30


@dataclass(frozen=True)
class Channel:
    """A loss at an inverse temperature; beta may be inf, and negative for the loss "errors"."""

    loss: str = "errors"
    beta: float = np.inf
    kappa: float = 0.0


class Below(NamedTuple):
    """The Gaussian below the margin: ln A, mean, standard deviation; and its density at the margin over that above."""

    ln_a: Array
    mean: Array
    deviation: float
    step: float


class Local(NamedTuple):
    """What the channel gives at each omega: ln Z, its first two derivatives with respect to omega, the mean loss, the
    probability to be below the margin, and the density just above it."""

    ln_z: Array
    g: Array
    dg: Array
    loss: Array
    below: Array
    density: Array


def below_margin(channel: Channel, omega: Array, variance: float) -> Below:
    """The table in the module's docstring."""
    beta, deviation = channel.beta, np.sqrt(variance)
    if np.isposinf(beta):
        return Below(np.full_like(omega, -np.inf), omega, deviation, 0.0)
    if channel.loss == "errors":
        return Below(np.full_like(omega, -beta), omega, deviation, float(np.exp(-beta)))
    short = channel.kappa - omega
    if channel.loss == "hinge":
        return Below(-beta * short + beta**2 * variance / 2, omega + beta * variance, deviation, 1.0)
    scale = 1 + 2 * beta * variance
    mean = (omega + 2 * beta * variance * channel.kappa) / scale
    return Below(-beta * short**2 / scale - np.log(scale) / 2, mean, float(np.sqrt(variance / scale)), 1.0)


def ln_z(channel: Channel, omega: Array, variance: float) -> Array:
    """ln Z(omega, V) alone; shape of omega."""
    variance = max(variance, SMALLEST_VARIANCE)
    ln_a, mean, deviation, _ = below_margin(channel, omega, variance)
    above = log_ndtr((omega - channel.kappa) / np.sqrt(variance))
    return np.logaddexp(ln_a + log_ndtr((channel.kappa - mean) / deviation), above)


def local(channel: Channel, omega: Array, variance: float) -> Local:
    """Everything at once; omega: any shape, variance: V > 0."""
    kappa = channel.kappa
    ln_a, mean, deviation, step = below_margin(channel, omega, variance)
    height = (kappa - omega) / np.sqrt(variance)
    ln_below = ln_a + log_ndtr((kappa - mean) / deviation)
    ln_total = np.logaddexp(ln_below, log_ndtr(-height))
    below = np.exp(ln_below - ln_total)
    density = np.exp(-(height**2) / 2 - HALF_LN_2PI - ln_total) / np.sqrt(variance)
    shift, edge = mean - omega, deviation**2 * step * density  # edge: what the cut at the margin takes from below
    first = variance * density + shift * below - edge
    second = variance * (1 - below) + variance * (kappa - omega) * density
    second = second + (deviation**2 + shift**2) * below - (kappa - mean + 2 * shift) * edge
    dg = ((second - first**2) / variance - 1) / variance
    return Local(ln_total, first / variance, dg, _mean_loss(channel, below, kappa - mean, deviation, edge), below, density)


def _mean_loss(channel: Channel, below: Array, short: Array, deviation: float, edge: Array) -> Array:
    if channel.loss == "errors":
        return below
    if channel.loss == "hinge":
        return np.maximum(short * below + edge, 0.0)
    return np.maximum((short**2 + deviation**2) * below + short * edge, 0.0)


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

    Power 0 is the distribution function of Delta at `level`. Tails are taken from the side where they are small.
    """
    ln_a, mean, deviation, _ = below_margin(channel, omega, variance)
    total, root = ln_z(channel, omega, variance), np.sqrt(variance)
    cut = (np.minimum(level, channel.kappa) - mean) / deviation
    mass, edge = np.exp(ln_a + log_ndtr(cut) - total), np.exp(ln_a - cut**2 / 2 - HALF_LN_2PI - total)
    under = _moment(level - mean, deviation, mass, edge, cut * edge, power)
    low, high = (channel.kappa - omega) / root, (np.maximum(level, channel.kappa) - omega) / root
    mass = np.exp(log_ndtr(-low) - total) - np.exp(log_ndtr(-high) - total)
    edge_low, edge_high = (np.exp(-x * x / 2 - HALF_LN_2PI - total) for x in (low, high))
    over = _moment(level - omega, root, mass, edge_high - edge_low, high * edge_high - low * edge_low, power)
    return np.maximum(under + np.where(level > channel.kappa, over, 0.0), 0.0)


def _moment(gap: Array, deviation: float, mass: Array, edge: Array, bent: Array, power: int) -> Array:
    """The part of (level - Delta)^power of a cut Gaussian: `mass` of it is left, its density at the cut, and cut times that."""
    if power == 0:
        return mass
    if power == 1:
        return gap * mass + deviation * edge
    return (gap**2 + deviation**2) * mass + 2 * gap * deviation * edge - deviation**2 * bent
