"""`python -m parallel_landscape.slurm.collect STUDY`: the last line of the batch script that ends a study.

Points whose links follow each other as separate jobs may go on beyond the array; then this job submits itself once more,
to wait for them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from parallel_landscape.commands.collect import collect
from parallel_landscape.commands.sweep import read_study
from parallel_landscape.errors import PlandError
from parallel_landscape.slurm import chain, controller
from parallel_landscape.store.run_folder import RunFolder


def main(arguments: Sequence[str] | None = None) -> int:
    """Collect; returns 0 when every point is done, 1 when some are missing or there is nothing to collect."""
    (given,) = sys.argv[1:] if arguments is None else arguments
    folder = Path(given)
    try:
        points = [RunFolder(folder / point["folder"]) for point in read_study(folder)["points"]]
        waiting = [job for point in points if not chain.is_done(point) for job in _waiting(point)]
        script = folder / "slurm" / "collect.sh"
        if waiting and "SLURM_JOB_ID" in os.environ and script.exists():
            again = controller.submit(script, f"--dependency=afterany:{':'.join(waiting)}")
            print(f"pland: {len(waiting)} points go on in other jobs; job {again} collects after them")
            return 0
        made = collect(folder)
    except PlandError as error:
        print(f"pland: {error}", file=sys.stderr)
        return error.exit_code
    missing = [point.path.name for point in points if not chain.is_done(point)]
    print(f"{folder / 'study.nc'}: {dict(made.sizes)}")
    if missing:
        print(f"pland: not done: {', '.join(missing)}; submit the same job file again to go on with these", file=sys.stderr)
    return int(bool(missing))


def _waiting(point: RunFolder) -> list[str]:
    """Jobs of this point that wait or run."""
    told = chain.summary(point)
    if told is None:
        return []
    following = [str(event["next"]) for event in chain.events(point) if event.get("next")]
    return controller.in_queue([*told["jobs"], *following][-2:])


if __name__ == "__main__":
    sys.exit(main())
