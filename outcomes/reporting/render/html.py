"""One self-contained HTML file: no script, no request, everything escaped."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any

from outcomes.core.language import say
from outcomes.reporting.document import SAMPLE_WORDS, Document, appendix_words, blocks_of, elsewhere
from outcomes.reporting.render.figures import render as draw


def render(doc: Document) -> str:
    """The document as HTML under a Content-Security-Policy that allows its own style sheet and
    inline images only.
    """
    style = _file("report.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none';"
        " form-action 'none'"
    )
    with doc.written():
        return str(
            _template().render(
                doc=doc,
                style=style,
                policy=policy,
                image=_image,
                blocks=lambda s: blocks_of(doc, s),
                sample_words=say(SAMPLE_WORDS),
                appendix_words=appendix_words(doc),
                elsewhere=elsewhere,
            )
        )


def _image(figure: Any) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(draw(figure)).decode()


def _file(name: str) -> str:
    return resources.files("outcomes.reporting.render").joinpath(name).read_text("utf-8")


@cache
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    env = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    env.filters["style"] = Markup  # our own file, whose hash is in the policy
    env.filters["kind"] = lambda block: type(block).__name__
    env.globals["say"] = say
    return env.from_string(_file("report.html.j2"))
