"""One rank that says which world it sees; started by the doctor under mpiexec."""

from __future__ import annotations

import json

from mpi4py import MPI


def main() -> None:
    """Print rank, size and library as one JSON line."""
    world = MPI.COMM_WORLD
    library = " ".join(MPI.Get_library_version().splitlines()[0].strip("\0").split())
    print(json.dumps({"rank": world.Get_rank(), "size": world.Get_size(), "library": library}), flush=True)


if __name__ == "__main__":
    main()
