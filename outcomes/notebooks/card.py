"""A result as a notebook shows it: sentence, main estimate, picture, and the rest folded; for light
and dark pages.
"""

from __future__ import annotations

import base64
import html

from outcomes.core.direction import value_and_interval
from outcomes.core.result import Result, Results
from outcomes.tables import table

#: Text has the page's own colour; the picture keeps its white paper, so that its colours are those
#: of a print.
STYLE = (
    "<style>.oc-card{border:1px solid rgba(128,128,128,.4);border-radius:6px;padding:.6em"
    " 1em;margin:.4em 0;max-width:54em}.oc-card"
    " .oc-main{font-size:1.25em;font-weight:600;margin:.2em 0}.oc-card"
    " img{background:#fff;border-radius:4px;max-width:100%;height:auto;margin:.4em 0}.oc-card"
    " summary{cursor:pointer}</style>"
)


def result_html(result: Result, *, drawn: bool = True) -> str:
    """The card of one answer; without its picture where `drawn` is False."""
    title = html.escape(result.analysis.title(result.outcome))
    words = html.escape(result.sentence())
    if result.failed:
        return f'{STYLE}<div class="oc-card" role="group"><b>{title}</b><p>{words}</p></div>'
    image = _image(result) if drawn and result.pictures else ""
    numbers = table(result)._repr_html_()
    wanted = f"<p>{html.escape(result.estimand)}</p>" if result.estimand else ""
    folded = (
        "<details><summary>All estimates, who was counted and"
        f" notes</summary>{numbers}{_counted(result)}{wanted}</details>"
    )
    return (
        f'{STYLE}<div class="oc-card"'
        f' role="group"><b>{title}</b>{_main(result)}<p>{words}</p>{image}{folded}</div>'
    )


def results_html(results: Results) -> str:
    """The cards of a plan's answers, each without its picture; what was adjusted stands under
    them.
    """
    cards = "".join(result_html(r, drawn=False) for r in results)
    return cards + (f"<p>{html.escape(results.multiplicity)}</p>" if results.multiplicity else "")


def _main(result: Result) -> str:
    e = result.main
    if e is None:
        return ""
    value, interval = value_and_interval(e, result.outcome)
    more = f" ({html.escape(interval)})" if interval else ""
    return f'<div class="oc-main">{html.escape(e.said)}: {html.escape(value)}{more}</div>'


def _counted(result: Result) -> str:
    return table(result.counts)._repr_html_()


def _image(result: Result) -> str:
    from outcomes.reporting.document import Figure
    from outcomes.reporting.render.figures import render

    drawn = render(Figure(result, result.pictures[0], "", ""), kind="svg")
    data = base64.b64encode(drawn).decode()
    return (
        f'<img alt="{html.escape(result.sentence(), quote=True)}"'
        f' src="data:image/svg+xml;base64,{data}">'
    )
