"""How figures look: colours that colour-blind readers tell apart, plain axes, curves with error bands and honest gaps."""

from __future__ import annotations

from typing import Any, cast

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray

SIZE = (4.8, 3.2)  # inches; text of 9 points stays readable when a figure is scaled to a telephone
INK, MUTED, GRID, SURFACE = "#1b1f24", "#5b6470", "#dfe3e8", "#fefefe"
# Okabe & Ito, "Color universal design" (2008), in the order in which series are given them
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
ALARM = "#b3261e"
# viridis without its yellow end, which white paper swallows: an order, from the lowest window or energy to the highest
RAMP = ("#46307e", "#3f4889", "#365c8d", "#2e6e8e", "#277f8e", "#21918c", "#1fa187", "#2db27d", "#4ac16d", "#73d056", "#9fc93c")
MAP = "viridis"
MARKED = 70  # points in a curve, up to which each has a dot
DENSE = 3000  # points in a curve, beyond which it is drawn as pixels, also in vector formats
RC: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "axes.labelsize": 9.5,
    "legend.fontsize": 8.5,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "figure.facecolor": SURFACE,
    "axes.facecolor": SURFACE,
    "savefig.facecolor": SURFACE,
    "text.color": INK,
    "axes.labelcolor": INK,
    "pdf.fonttype": 42,
}


def new_axes(ax: Axes | None) -> Axes:
    """The given axes, or those of a new figure, in the house style."""
    if ax is None:
        with matplotlib.rc_context(cast(Any, RC)):
            from matplotlib import pyplot

            ax = pyplot.subplots(figsize=SIZE, layout="constrained")[1]
    ax.grid(True, color=GRID, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(which="both", color=MUTED, labelcolor=MUTED, length=3, width=0.6)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(MUTED)
        spine.set_linewidth(0.7)
    return ax


def curve(
    ax: Axes, x: ArrayLike, y: ArrayLike, error: ArrayLike | None = None, *, color: str = PALETTE[0], **options: Any
) -> NDArray[np.float64]:
    """A line with a band of one standard error. What is nan is a gap; points alone between gaps are marked. Returns y."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    dense = len(x) > DENSE
    drawn = {"color": color, "linewidth": 1.4, "rasterized": dense, **options}
    ax.plot(x, y, **drawn)
    alone = isolated(y)
    marked = ~np.isnan(y) if len(x) <= MARKED else alone
    drawn |= {"linestyle": "none", "marker": "o", "markersize": 2.6, "markeredgewidth": 0.0, "label": "_nolegend_"}
    ax.plot(x[marked], y[marked], **drawn)
    if error is not None and np.isfinite(error).any():
        error = np.asarray(error, dtype=float)
        ax.fill_between(x, y - error, y + error, color=color, alpha=0.25, linewidth=0, rasterized=dense)
        if alone.any():
            ax.errorbar(x[alone], y[alone], error[alone], fmt="none", ecolor=color, elinewidth=1.0, rasterized=dense)
    return y


def isolated(y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Points with a gap on either side, which a line would not show."""
    there = np.pad(np.isfinite(y), 1)
    return there[1:-1] & ~there[:-2] & ~there[2:]


def ramp(count: int) -> list[str]:
    """`count` colours in order, those of the ordered ramp."""
    places = np.linspace(0, len(RAMP) - 1, count) if count > 1 else np.array([4])
    return [RAMP[place] for place in places.round().astype(int)]


def say(ax: Axes, text: str) -> Axes:
    """Write into empty axes why there is nothing to show."""
    ax.grid(False)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=MUTED, wrap=True)
    return ax


def legend(ax: Axes, **options: Any) -> None:
    """A legend without a frame, when there is something to tell apart."""
    if ax.get_legend_handles_labels()[1]:
        ax.legend(frameon=False, handlelength=1.6, labelcolor=INK, **options)


def label(variable: xr.DataArray, symbol: str) -> str:
    """A label for an axis: the symbol, and the unit where there is one."""
    unit = str(variable.attrs.get("units", "1"))
    return symbol if unit in ("1", "") else f"{symbol} ({unit})"


def energy_axis(axis: Axis, data: xr.Dataset) -> None:
    """Whole numbers and a label; `axis_label` among the attributes of `energy` says it better where it is known."""
    axis.set_major_locator(MaxNLocator(integer=True, nbins=7, steps=[1, 2, 5, 10]))
    axis.set_label_text(str(data["energy"].attrs.get("axis_label", "energy E")))


def log_y(ax: Axes, seen: ArrayLike) -> None:
    """A logarithmic y axis for these values, with labels that do not crowd: at powers of ten when there are several of them."""
    ax.set_yscale("log")
    shown = np.asarray(seen, dtype=float)
    shown = shown[np.isfinite(shown) & (shown > 0)]
    if len(shown) and shown.max() > 30 * shown.min():
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.yaxis.set_major_locator(LogLocator(numticks=7))
    elif len(shown) and shown.max() < 3 * shown.min():
        ax.set_ylim(shown.min() / 3, shown.max() * 3)


def values(data: xr.Dataset, name: str) -> NDArray[np.float64]:
    """A variable as floating-point numbers, all nan where the dataset has none of that name."""
    if name in data:
        return np.asarray(data[name].values, dtype=float)
    return np.full(next(iter(data.sizes.values())), np.nan)
