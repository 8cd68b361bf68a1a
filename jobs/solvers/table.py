"""The table of solvers: for each folder of `pland solve` given, algorithm, N, alpha, solved instances and median iterations.

python jobs/solvers/table.py runs/*/*-solve
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import numpy as np
import xarray


def row(folder: Path) -> tuple[str, int, float, int, int, float]:
    """Algorithm, N, alpha, instances solved, instances, median iterations of the successful attempts."""
    with xarray.open_dataset(folder / "solve.nc") as table:
        job = tomllib.loads(table.attrs["job"])
        success = table.success.values.astype(bool)
        taken = table.iterations.values[success]
        landscape = job["landscape"]
        median = float(np.median(taken)) if taken.size else np.nan
        solved = int(success.any(axis=1).sum())
        return table.attrs["algorithm"], landscape["inputs"], landscape["data"]["alpha"], solved, len(success), median


def main(folders: list[str]) -> None:
    """Print the rows in Markdown, sorted; folders whose attempts are not all over are named."""
    done = [Path(folder) for folder in folders if (Path(folder) / "solve.nc").exists()]
    print("| algorithm | N | alpha | solved | median iterations |\n|---|---|---|---|---|")
    for name, size, alpha, solved, count, median in sorted(map(row, done)):
        print(f"| `{name}` | {size:,} | {alpha:g} | {solved} of {count} | {median:.0f} |")
    for folder in folders:
        if Path(folder) not in done:
            print(f"{folder}: not finished; `pland solve` with its job goes on", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
