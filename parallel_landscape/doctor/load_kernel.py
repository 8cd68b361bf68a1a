"""Load the doctor's kernel in a process of its own, and print how many kernels came from the disk."""

from __future__ import annotations

from parallel_landscape.doctor.software import EXPECTED, sample
from parallel_landscape.specialise import compile_function


def main() -> None:
    """Print the number, or fail when the kernel gives a wrong one."""
    kernel = compile_function(sample)
    if kernel.compiled(10) != EXPECTED:
        raise SystemExit("the kernel gives a wrong number")
    print(sum(kernel.compiled.stats.cache_hits.values()))  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
