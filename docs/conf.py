"""How Sphinx builds the site; `python docs/build.py` gathers its pages and calls it."""

from __future__ import annotations

import re
from typing import Any

import outcomes

project = "outcomes"
author = "The outcomes authors"
copyright = "the outcomes authors, MIT licence"
release = version = outcomes.__version__

extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc", "sphinx_design"]
exclude_patterns = ["paper/*"]
default_role = "code"
nitpicky = False

myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]

# The notebooks hold their outputs; the tests run them, the site only shows them.
nb_execution_mode = "off"
nb_ipywidgets_js = {}

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
toc_object_entries = False
numpydoc_show_class_members = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80


def _signatures(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Parameters of a signature, one a line, as blocks: Sphinx makes them descriptions of no term,
    which a screen reader announces as a broken list.
    """
    if "body" in context:
        context["body"] = re.sub(
            r'<dl>\n((?:<dd><em class="sig-param">.*</dd>\n)+)</dl>',
            lambda m: f'<div class="sig-params">\n{_blocks(m[1])}</div>',
            context["body"],
        )


def _blocks(lines: str) -> str:
    return lines.replace("<dd>", "<div>").replace("</dd>", "</div>")


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("html-page-context", _signatures)


html_theme = "pydata_sphinx_theme"
html_title = "outcomes"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_sidebars = {"get-started": [], "which-question": []}  # they have no pages below them
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
