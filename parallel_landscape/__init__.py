"""Maps the weight space of neural networks: parallel Wang-Landau sampling over MPI ranks.

In Python:

    import parallel_landscape as pl

    run = pl.run("job.toml", ranks=4)       # or pl.open_run("runs/digits-3-vs-5")
    run.result.ln_g                         # an xarray.Dataset

Everything below is imported when it is first asked for: what is not used costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parallel_landscape.check import LandscapeError, check_landscape
    from parallel_landscape.check_gradient import check_smooth
    from parallel_landscape.errors import JobError, PlandError, RunError, Stopped
    from parallel_landscape.handle import RunHandle, open_run, run
    from parallel_landscape.landscape import Landscape
    from parallel_landscape.smooth import SmoothLandscape

__all__ = [
    "JobError",
    "Landscape",
    "LandscapeError",
    "PlandError",
    "RunError",
    "RunHandle",
    "SmoothLandscape",
    "Stopped",
    "check_landscape",
    "check_smooth",
    "open_run",
    "run",
]

_HOMES = {
    "check": ("LandscapeError", "check_landscape"),
    "check_gradient": ("check_smooth",),
    "errors": ("JobError", "PlandError", "RunError", "Stopped"),
    "handle": ("RunHandle", "open_run", "run"),
    "landscape": ("Landscape",),
    "smooth": ("SmoothLandscape",),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
