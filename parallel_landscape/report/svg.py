"""Figures as SVG inside a page: no outside references, identifiers of their own, and colours that follow the page's scheme."""

from __future__ import annotations

import io
import re

import matplotlib
from matplotlib.figure import Figure

from parallel_landscape.analysis.plots.style import ALARM, GRID, INK, MUTED, PALETTE, RAMP, SURFACE

# a colour of the house style -> the page's variable that stands for it in the light and the dark scheme
VARIABLES = {INK: "ink", MUTED: "muted", GRID: "grid", SURFACE: "surface", ALARM: "alarm"}
VARIABLES |= {color: f"series-{number}" for number, color in enumerate(PALETTE)}
VARIABLES |= {color: f"ramp-{number}" for number, color in enumerate(RAMP)}


def inline(figure: Figure, key: str) -> str:
    """The figure as an <svg> element. key: a word of letters, digits and hyphens, of which there is one in the page."""
    image = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": key, "svg.fonttype": "path"}):
        figure.savefig(image, format="svg", dpi=200, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = image.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{key}-', text)
    text = re.sub(r'href="#', f'href="#{key}-', text)
    text = re.sub(r"url\(#", f"url(#{key}-", text)
    text = re.sub(r"<svg [^>]*>", _bare, text, count=1)
    for color, variable in VARIABLES.items():
        text = re.sub(rf"(fill|stroke): {color}\b", rf"\1: var(--{variable}, {color})", text)
    return text.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1).strip()


def _bare(tag: re.Match[str]) -> str:
    """The opening tag without width and height, which the page sets."""
    return re.sub(r' (width|height)="[^"]*"', "", tag[0])
