"""An instrument on a page: the same sections as HTML for notebooks and as Markdown for the
documentation.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from outcomes.core.wording import number

if TYPE_CHECKING:
    from outcomes.questionnaires.model import Instrument, Score


@dataclass(frozen=True)
class Part:
    """A heading with a table, a list or a paragraph beneath it."""

    title: str
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    lines: tuple[str, ...] = ()


def parts(kind: Instrument) -> list[Part]:
    """What there is to say about an instrument, in order; empty sections left out."""
    items = [(i.code, i.title, i.answers, i.better and f"{i.better} is better") for i in kind.items]
    scores = [
        (s.name, s.title, _range(s), s.unit, s.better and f"{s.better} is better", how(s), bands(s))
        for s in kind.scores
    ]
    thresholds = [
        (", ".join(names), str(t))
        for t, names in _grouped([(t, s.name) for s in kind.scores for t in s.thresholds])
    ]
    errors = [
        (", ".join(names), str(r))
        for r, names in _grouped([(r, s.name) for s in kind.scores for r in s.reliability])
    ]
    notes = [f"{s.title}: {n}" for s in kind.scores for n in s.notes]
    found = [
        Part("Items", ("code", "about", "answers", "direction"), tuple(items)),
        Part(
            "Scores", ("name", "title", "range", "unit", "direction", "how", "bands"), tuple(scores)
        ),
        Part("Missing items", lines=(kind.missing_rule,) if kind.missing_rule else ()),
        Part(
            "Options",
            ("option", "meaning", "choices"),
            tuple(
                (
                    o.name,
                    o.title,
                    ", ".join(o.listed or o.choices)
                    + (f" (default {o.default})" if o.default else " (must be chosen)"),
                )
                for o in kind.options
            ),
        ),
        Part(
            "Sources of the sets",
            ("set", "published"),
            tuple(pair for o in kind.options for pair in o.sources.items()),
        ),
        Part(
            "Safety flags",
            lines=tuple(
                f"item {f.item} at {f.at_least:g} or above: {f.message}" for f in kind.flags
            ),
        ),
        Part("Changes that matter", ("score", "threshold"), tuple(thresholds)),
        Part("Reliability", ("score", "published"), tuple(errors)),
        Part(
            "Facts",
            lines=tuple(
                f"{k}: {'; '.join(v) if isinstance(v, list) else v}" for k, v in kind.facts.items()
            ),
        ),
        Part("Notes", lines=tuple(dict.fromkeys(notes))),
        Part("Known traps", lines=kind.traps),
        Part(
            "Terms",
            lines=tuple(
                t
                for t in (kind.licence, kind.licence_contact and f"Ask: {kind.licence_contact}")
                if t
            ),
        ),
        Part("References", lines=kind.references),
    ]
    return [p for p in found if p.rows or p.lines]


def how(score: Score) -> str:
    """The rule of a score in words."""
    r = score.rule
    text = {
        "count": f"number of parts at {r.edge:g} or above",
        "criteria": "criteria on answers",
        "function": f"rule {r.function}",
        "max": "highest",
    }.get(r.kind, "weighted sum" if r.weights else r.kind)
    if r.kind not in ("function", "criteria") or len(r.of) < 12:
        text += f" of {', '.join(r.of)}" if len(r.of) <= 12 else f" of {len(r.of)} items"
    if r.reverse:
        text += f", {', '.join(r.reverse)} reversed"
    if r.recode:
        text += ", recoded"
    if r.at_least:
        text += f", at least {r.at_least} answered"
    if not math.isnan(r.blank):
        text += f", a blank counts as {r.blank:g}"
    if r.factor != 1:
        text += f", × {r.factor:.6g}"
    if r.table is not None:
        text += ", looked up" + (" with its standard error" if r.table.se is not None else "")
    if r.cuts:
        text += f", in {len(r.cuts) + 1} classes"
    return text


def bands(score: Score) -> str:
    """The bands of a score in words, with their source."""
    if not score.bands:
        return ""
    text = ", ".join(
        f"{b.label} from {b.low:g}" if b.low > score.low else b.label for b in score.bands
    )
    return f"{text} ({score.bands_source})" if score.bands_source else text


def _range(score: Score) -> str:
    if math.isinf(score.low) or math.isinf(score.high):
        return f"from {score.low:g}" if math.isfinite(score.low) else "any"
    digits = 1 if score.low % 1 or score.high % 1 else 0
    return f"{number(score.low, digits)} to {number(score.high, digits)}"


def _grouped(pairs: Sequence[tuple[object, str]]) -> list[tuple[object, list[str]]]:
    """The same fact once, with all the scores it holds for."""
    out: dict[str, tuple[object, list[str]]] = {}
    for fact, name in pairs:
        out.setdefault(str(fact), (fact, []))[1].append(name)
    return list(out.values())


def as_html(kind: Instrument) -> str:
    """The page as HTML, everything escaped."""
    e = html.escape
    out = [f"<h3>{e(kind.title)} <small>({e(kind.id)})</small></h3>"]
    for part in parts(kind):
        out.append(f"<h4>{e(part.title)}</h4>")
        if part.rows:
            head = "".join(f"<th>{e(h)}</th>" for h in part.head)
            body = "".join(
                "<tr>" + "".join(f"<td>{e(c)}</td>" for c in row) + "</tr>" for row in part.rows
            )
            out.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
        if part.lines:
            out.append("<ul>" + "".join(f"<li>{e(line)}</li>" for line in part.lines) + "</ul>")
    return "".join(out)


def as_markdown(kind: Instrument) -> str:
    """The page as Markdown."""
    cell = lambda text: text.replace("|", "\\|").replace("<", "&lt;")  # noqa: E731
    out = [f"## {kind.title} (`{kind.id}`)", ""]
    for part in parts(kind):
        out += [f"### {part.title}", ""]
        if part.rows:
            out += ["| " + " | ".join(part.head) + " |", "|" + " --- |" * len(part.head)]
            out += ["| " + " | ".join(cell(c) for c in row) + " |" for row in part.rows]
            out.append("")
        if part.lines:
            out += [f"- {cell(line)}" for line in part.lines] + [""]
    return "\n".join(out)
