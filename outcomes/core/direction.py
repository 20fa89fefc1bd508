"""From a number to words and text: the only place where a sign becomes "improved" or "worsened"."""

from __future__ import annotations

import math
from dataclasses import replace

from outcomes.core.estimate import Estimate, reason_said
from outcomes.core.language import say
from outcomes.core.measure import Measure, Shape
from outcomes.core.outcome import Outcome
from outcomes.core.wording import (
    NONE,
    bounded,
    digits_for,
    interval,
    limits_text,
    number,
    p_figures,
    percent,
    percent_sign,
    points,
    spoken,
)

#: Units that are shares (shown as percentages), and that of a difference of two (shown in
#: percentage points).
SHARES = ("share", "proportion")
DIFFERENCE = "difference of shares"
#: The lowest level of an interval from which a direction is read.
LEAST = 0.8
#: Numbers that cannot be above 1 in size.
BOUNDED = frozenset({Measure.CORRELATION, Measure.RANK_EFFECT, Measure.SUPERIORITY})


def p_text(p: float) -> str:
    """A p-value for a table's column headed P: '.04', '<.001', empty when there is none."""
    sign, figures = p_figures(p)
    return "" if math.isnan(p) else f"{sign if sign != '=' else ''}{figures}"


def value_and_interval(e: Estimate, outcome: Outcome | None) -> tuple[str, str]:
    """Value and interval of an estimate as text: shares as percentages, their differences in
    percentage points, scores to their own digits.
    """
    if e.measure.shape is Shape.TEST:
        return NONE, _why(e)
    if math.isnan(e.value):
        return NONE, _why(e)
    if e.unit in SHARES:
        value, (low, high) = percent(e.value), (100 * e.low, 100 * e.high)
        return value, (_why(e) if math.isnan(low) else interval(low, high, 0, unit=percent_sign()))
    if e.unit == DIFFERENCE:
        ends = _why(e) if math.isnan(e.low) else interval(100 * e.low, 100 * e.high, 0)
        return points(e.value), ends
    if e.unit == "%":
        ends = _why(e) if math.isnan(e.low) else interval(e.low, e.high, 0, unit="%")
        return f"{number(e.value, 0)}%", ends
    if e.measure is Measure.NUMBER_NEEDED:
        return _needed(e)
    if e.measure is Measure.TIME:
        return _time(e.value), _why(e) if math.isnan(e.low) else limits_text(
            _time(e.low), _time(math.inf if math.isnan(e.high) else e.high)
        )
    k = digits_for(outcome.resolution) if outcome and e.unit and e.unit == outcome.unit else 2
    if e.unit == "patients":
        k = 0 if e.value.is_integer() else 1
    if e.measure in BOUNDED:
        ends = limits_text(bounded(e.low), bounded(e.high))
        return bounded(e.value), _why(e) if math.isnan(e.low) else ends
    if math.isnan(e.low) and math.isnan(e.high):
        return number(e.value, k), _why(e)
    return number(e.value, k), interval(e.low, e.high, k)


def _why(e: Estimate) -> str:
    """Why a number or an interval is undefined, in words; empty where nothing is said."""
    return reason_said(e.reason)


def _needed(e: Estimate) -> tuple[str, str]:
    """A number needed to treat, to benefit or to harm (Altman 1998), with its interval."""
    ends = _why(e) if math.isnan(e.low) else _treated(e.low, e.high)
    return _treated(e.value), ends


def _treated(*values: float) -> str:
    """'2.2', '1.4 to 28.8', '3.7 to harm': patients to treat for one more to benefit or, negative,
    to be harmed.
    """
    size = sorted(abs(v) for v in values)
    text = number(size[0], 1) if len(size) == 1 else interval(size[0], size[1], 1)
    return f"{text} (to harm)" if max(values) < 0 else text


def _time(days: float) -> str:
    """A time in days; without end where it was not reached."""
    if math.isinf(days):
        return "not reached"
    return number(days, 0 if days == round(days) else 1)


def is_clear(e: Estimate) -> bool:
    """Whether the interval (or, without one, P) excludes no effect. False where neither is
    known.
    """
    null = e.measure.null
    if e.level < LEAST:  # the widest interval that very few patients allow says nothing
        return False
    if not (math.isnan(e.low) or math.isnan(e.high) or math.isnan(null)):
        return not e.low <= null <= e.high
    return below_level(e.p, e.level)


def below_level(p: float, level: float) -> bool:
    """Whether P is below the threshold of a confidence level: P = .05 is not, at 95%.

    1 − 0.95 is a little more than 0.05 in binary, so the two are compared with a tolerance.

    >>> below_level(0.05, 0.95), below_level(0.0499, 0.95)
    (False, True)
    """
    return p < 1 - level - 1e-12


def direction(e: Estimate, outcome: Outcome | None) -> str:
    """What an estimate says for patients, from its kind, its interval and the direction of the
    score.

    Of a change "improved", "worsened" or "not clear" ("rose" or "fell" where the score has no
    better side); of a comparison of groups "better with X", "worse with X" or "not clear". Empty
    where the kind of number has no direction (a statistic, a share, a variance) or nothing is
    known.

    >>> from outcomes.core.measure import Measure
    >>> pain = Outcome("pain", "Pain", "lower")
    >>> direction(Estimate("mean change", -2, -3, -1, measure=Measure.CHANGE), pain)
    'improved'
    >>> direction(Estimate("F", 31.2, p=0.001, measure=Measure.OVERALL_TEST), pain)
    ''
    """
    if outcome is None or not e.measure.directed or math.isnan(e.value):
        return ""
    if math.isnan(e.low) and math.isnan(e.p):
        return ""
    if not is_clear(e):
        return "not clear"
    word = outcome.direction(e.value - e.measure.null)
    if not e.measure.compares_groups:
        return word
    better = {
        "improved": "better with",
        "worsened": "worse with",
        "rose": "higher with",
        "fell": "lower with",
    }
    where = e.contrast
    return f"{better[word]} {spoken(where.group)}" if where.reference and word in better else ""


def direction_said(word: str, e: Estimate) -> str:
    """A word of `direction` in the language in force."""
    where = {"group": spoken(e.contrast.group)}
    said = {
        "improved": lambda: say("improved"),
        "worsened": lambda: say("worsened"),
        "rose": lambda: say("rose"),
        "fell": lambda: say("fell"),
        "not clear": lambda: say("not clear"),
        f"better with {where['group']}": lambda: say("better with {group}", **where),
        f"worse with {where['group']}": lambda: say("worse with {group}", **where),
        f"higher with {where['group']}": lambda: say("higher with {group}", **where),
        f"lower with {where['group']}": lambda: say("lower with {group}", **where),
    }
    return said[word]() if word in said else word


def oriented(e: Estimate, outcome: Outcome | None) -> Estimate:
    """The estimate turned so that a larger value is better for patients: for a forest of several
    scores.

    Only numbers with a direction are turned, and only where lower is better.
    """
    if outcome is None or outcome.better != "lower" or not e.measure.directed:
        return e
    if e.measure.null == 1:  # of a ratio the reciprocal is the other side
        return replace(e, value=1 / e.value, low=1 / e.high, high=1 / e.low)
    return replace(e, value=-e.value, low=-e.high, high=-e.low)
