"""A figure of a report before it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.axes import Axes


@dataclass(frozen=True)
class Drawing:
    """One figure. key: its file name; draw: draws on given axes; size: inches, the usual when None."""

    key: str
    section: str
    title: str
    caption: str
    alt: str
    draw: Callable[[Axes], Axes]
    size: tuple[float, float] | None = None
