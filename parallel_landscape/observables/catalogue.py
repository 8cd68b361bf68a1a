"""All kinds of observables that come with the program, by their names in a job."""

from __future__ import annotations

from parallel_landscape.observables import hidden, local_energy, overlap, patterns
from parallel_landscape.observables.observable import Kind

KINDS: dict[str, Kind] = {
    "overlap-teacher": overlap.TEACHER,
    "overlap-reference": overlap.REFERENCE,
    "magnetisation": overlap.MAGNETISATION,
    "test-error": patterns.TEST_ERROR,
    "margins": patterns.MARGINS,
    "local-energy": local_energy.LOCAL_ENERGY,
    "hidden-balance": hidden.BALANCE,
    "hidden-overlap": hidden.OVERLAP,
}
