"""What an answer says in one line, in the language of a report.

In English that is the answer's own sentence, with its test and options. In another language the
line is made of typed parts (what is estimated, value, interval, P, direction, how many); the
English sentence stands in the appendix.
"""

from __future__ import annotations

import math

from outcomes.core.direction import direction, direction_said, p_text, value_and_interval
from outcomes.core.estimate import Estimate
from outcomes.core.language import language_of, message, named, say
from outcomes.core.result import Result
from outcomes.core.style import style_of
from outcomes.core.wording import NONE, level_text, spoken, whole
from outcomes.reporting.plain_language import comparisons, counted_nouns


def told_of(r: Result) -> str:
    """The answer in one line, in the language in force."""
    if language_of().source:
        return r.sentence()
    main = r.main
    if main is None:
        return say("{question}: see the appendix.", question=r.analysis.title(r.outcome))
    shown = comparisons(r, main)[:3] if main.contrast.reference else [main]
    parts = "; ".join(estimate_line(r, e) for e in shown)
    return say(
        "{question}: {estimates}. {n} of {everybody} analysed.",
        question=r.analysis.title(r.outcome),
        estimates=parts,
        n=whole(r.counts.analysed),
        everybody=counted_nouns(r.counts.enrolled, r.counts.noun),
    )


def estimate_line(r: Result, e: Estimate) -> str:
    """What is estimated, its value and interval, P and direction: "difference, ketamine minus
    placebo, at week 4: −1.0 (95% CI, −1.6 to −0.4), P=.002, better with ketamine".
    """
    value, limits = value_and_interval(e, r.outcome)
    if limits not in (NONE, ""):
        value = say("{value} ({interval})", value=value, interval=announced(e, limits))
    parts = [say("{what}: {value}", what=what_is_estimated(e), value=value)]
    if p := p_text(e.p):
        parts.append(p_words(p))
    word = direction(e, r.outcome)
    if word:
        parts.append(direction_said(word, e))
    return ", ".join(parts)


def announced(e: Estimate, limits: str) -> str:
    """An interval that is written already, with what it is; a reason instead of one as it is."""
    if math.isnan(e.low):
        return limits
    spelled = f"{{level}} {style_of().confidence}{{interval}}"
    return say(spelled, level=level_text(e.level), interval=limits)


def p_words(p: str) -> str:
    """P as a table has it, with its letter: "P=.03", "P<.001"."""
    style = style_of()
    sign, figures = (p[0], p[1:]) if p[:1] in "<>" else ("=", p)
    return f"{style.letter}{style.gap}{sign}{style.gap}{figures}"


def what_is_estimated(e: Estimate) -> str:
    """The kind of a number and its place."""
    where, kind = e.contrast, named(e.measure.value or e.label)
    fields = {
        "what": kind,
        "one": spoken(where.group),
        "other": spoken(where.reference),
        "visit": spoken(where.visit),
    }
    if where.reference and where.visit:
        return say("{what}, {one} minus {other}, {visit}", **fields)
    if where.reference:
        return say("{what}, {one} minus {other}", **fields)
    if where.group and where.visit:
        return say("{what}, {one}, {visit}", **fields)
    if where.group:
        return say("{what}, {one}", **fields)
    return say("{what}, {visit}", **fields) if where.visit else kind


def ci_head(level: float) -> str:
    """The head of a column of intervals: "95% CI"."""
    return say("{level} CI", level=level_text(level))


def p_head(*, adjusted: bool = False) -> str:
    """The head of a column of P, with the letter of the style in force."""
    letter = style_of().letter
    return say("adjusted {p}", p=letter) if adjusted else letter


#: Names that results carry as plain words: roles, strategies, families, units, common side effects.
NAMES = (
    message("primary", "name"),
    message("secondary", "name"),
    message("sensitivity", "name"),
    message("treatment policy", "name"),
    message("hypothetical", "name"),
    message("composite", "name"),
    message("while on treatment", "name"),
    message("principal stratum", "name"),
    message("other scores", "name"),
    message("points", "name"),
    message("serious side effect", "name"),
    message("blurred vision", "name"),
    message("dissociation", "name"),
    message("dizziness", "name"),
    message("hallucination", "name"),
    message("headache", "name"),
    message("hypertension", "name"),
    message("nausea", "name"),
    message("sedation", "name"),
    message("vomiting", "name"),
    message("infusions", "name"),
    message("periods", "name"),
)
