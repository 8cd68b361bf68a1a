"""The names under which `pland theory` offers the theory; the keyword parameters of a function are its keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parallel_landscape.theory.binary import binary_perceptron, teacher_student
from parallel_landscape.theory.curve import entropy_points
from parallel_landscape.theory.features import random_features
from parallel_landscape.theory.franz_parisi import franz_parisi
from parallel_landscape.theory.local_energy import local_energy
from parallel_landscape.theory.path import barrier, cross_overlap
from parallel_landscape.theory.simplex import barycentre
from parallel_landscape.theory.spherical import spherical_capacity, spherical_perceptron
from parallel_landscape.theory.star import star
from parallel_landscape.theory.thermal import boundary_law, cosh_model, quadratic_basin
from parallel_landscape.theory.thresholds import binary_capacity, features_capacity, freezing, teacher_transition

CURVES: dict[str, tuple[Callable[..., Any], str]] = {
    "binary-perceptron": (binary_perceptron, "weights +-1, random labels: s(e), e(beta), q(beta)"),
    "binary-capacity": (binary_capacity, "where its solutions end, s(e=0) = 0"),
    "freezing": (freezing, "beyond capacity: the temperature at which its entropy vanishes, and the ground state"),
    "teacher-student": (teacher_student, "weights +-1, labels of a teacher of the same kind"),
    "teacher-transition": (teacher_transition, "where only the teacher is left"),
    "random-features": (random_features, "weights +-1 on random features of a hidden input that the teacher sees"),
    "random-features-capacity": (features_capacity, "its interpolation threshold at fixed P/D"),
    "entropy-curve": (entropy_points, "the whole curve s(e) for weights +-1: source=random, teacher or hidden-manifold"),
    "spherical-perceptron": (spherical_perceptron, "real weights on the sphere, any margin, three losses, with the replicon"),
    "spherical-capacity": (spherical_capacity, "where its solutions end, and where replica symmetry does"),
    "cross-overlap": (cross_overlap, "overlap of typical states of two margins or temperatures"),
    "barrier": (barrier, "loss on the geodesic between two typical states"),
    "barycentre": (barycentre, "violated patterns amid several typical solutions"),
    "star": (star, "margins from which solutions see each other, or all others, without a barrier"),
    "franz-parisi": (franz_parisi, "entropy at a given overlap with a typical state: weights=binary or spherical"),
    "local-energy": (local_energy, "errors after a fraction of the weights of a typical state is flipped, random labels"),
    "boundary-law": (boundary_law, "low temperature: the patterns near the boundary, effective dimension"),
    "cosh-model": (cosh_model, "solvable loss 2 e^-a cosh x: mean, variance, curvature and effective dimension"),
    "quadratic-basin": (quadratic_basin, "the same for a quadratic loss"),
}
