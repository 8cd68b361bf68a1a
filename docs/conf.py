"""Sphinx configuration: Markdown pages, no network; the reference pages are made from the code, see `made`."""

import sys
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

project = "parallel_landscape"
author = copyright = "the parallel_landscape authors"

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]  # types of other packages, whose pages are not on this disk

autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
add_module_names = False
maximum_signature_line_length = 100

html_theme = "alabaster"
html_static_path = ["_static"]
html_theme_options = {"description": "Maps of the weight space of neural networks", "page_width": "1000px"}


def fill(app: Any, page: str, source: list[str]) -> None:
    """The parts of the reference that are made."""
    from made import filled

    source[0] = filled(source[0])


def setup(app: Any) -> None:
    """The hooks."""
    from made.docstrings import as_text, is_plain, short

    app.connect("source-read", fill)
    app.connect("autodoc-process-docstring", as_text)
    app.connect("autodoc-process-signature", short)
    app.connect("autodoc-skip-member", is_plain)
