"""Exact answers for small systems, computed in ways that share no code with the package they test."""

from .ising import beale, ln_beale
from .networks import count_errors, count_errors_by_distance, ln_counts
from .potts import enumerate_potts

__all__ = ["beale", "count_errors", "count_errors_by_distance", "enumerate_potts", "ln_beale", "ln_counts"]
