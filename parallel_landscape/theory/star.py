r"""Which solutions of the spherical negative perceptron see each other, or all others, without a barrier.

Among typical solutions of margin k and the problem's margin kappa < 0, the smallest stability on a geodesic is attained where
both ends are at their margins. That gives two conditions in closed form:

    kernel: typical solutions of margin k see each other iff  k/kappa <= sqrt((1+q(k))/2)
    star:   a solution of margin k sees every typical solution of margin kappa iff  p(k, kappa) >= k/kappa

kappa_kernel and kappa_star are the margins at equality. The conditions were derived for this package (minimum over the support
of the two stabilities) and are checked against path losses on both sides of the threshold; the question is that of B. L. Annesi
et al., Phys. Rev. Lett. 131, 227301 (2023), whose own criterion was not at hand. Replica symmetric: mind the replicons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parallel_landscape.errors import JobError
from parallel_landscape.theory.path import cross_overlap
from parallel_landscape.theory.quadrature import Answer
from parallel_landscape.theory.quantities import check
from parallel_landscape.theory.solve import first_root
from parallel_landscape.theory.spherical import spherical_perceptron

MARGINS = 33  # tried between kappa and 0


@dataclass(frozen=True, kw_only=True)
class StarAnswer(Answer):
    """The two threshold margins, and whether replica symmetry holds there."""

    alpha: float
    kappa: float
    q: float
    kappa_kernel: float
    kernel_replicon: float
    kappa_star: float
    star_overlap: float
    star_replicon: float


def star(alpha: float, kappa: float = -0.5, *, tolerance: float = 1e-8) -> StarAnswer:
    """kappa_kernel and kappa_star, NaN where there is none; raises JobError, NoSolution beyond capacity.

    For kappa >= 0 every set of solutions is geodesically convex, so there is no threshold: JobError.
    """
    check(alpha=alpha, kappa=kappa, tolerance=tolerance)
    if kappa >= 0:
        raise JobError(f"kappa: given {kappa:g}; a margin below 0 is needed, for at 0 and above all solutions see each other.")
    typical = spherical_perceptron(alpha, np.inf, kappa, tolerance=tolerance)
    margins = list(np.linspace(kappa, 0.0, MARGINS))

    def kernel(margin: float) -> float:
        q = spherical_perceptron(alpha, np.inf, margin, tolerance=tolerance).q
        return float(np.sqrt((1 + q) / 2)) - margin / kappa

    def seen(margin: float) -> float:
        return cross_overlap(alpha, margin, kappa, tolerance=tolerance).cross_overlap - margin / kappa

    inner, outer = first_root(kernel, margins), first_root(seen, margins)
    at_star = None if outer is None else cross_overlap(alpha, outer, kappa, tolerance=tolerance)
    replicons = [_replicon(alpha, margin, tolerance) for margin in (inner, outer)]
    unstable = typical.replicon > 1 or any(replicon > 1 for replicon in replicons)
    return StarAnswer(
        alpha=float(alpha),
        kappa=float(kappa),
        q=typical.q,
        kappa_kernel=np.nan if inner is None else inner,
        kernel_replicon=replicons[0],
        kappa_star=np.nan if outer is None else outer,
        star_overlap=np.nan if at_star is None else at_star.cross_overlap,
        star_replicon=replicons[1],
        status="replica symmetry unstable (replicon above 1)" if unstable else typical.status,
        error=max(typical.error, at_star.error if at_star else 0.0),
        order=at_star.order if at_star else typical.order,
        residual=typical.residual,
    )


def _replicon(alpha: float, margin: float | None, tolerance: float) -> float:
    return np.nan if margin is None else spherical_perceptron(alpha, np.inf, margin, tolerance=tolerance).replicon
