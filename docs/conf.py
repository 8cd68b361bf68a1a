"""Sphinx configuration: Markdown pages, no network."""

project = "parallel_landscape"
author = copyright = "the parallel_landscape authors"

extensions = ["myst_parser"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
nitpicky = True

html_theme = "alabaster"
html_static_path = ["_static"]
html_theme_options = {"description": "Maps of the weight space of neural networks", "page_width": "1000px"}
