"""The decision about the mean of a group: release, coarsen or withhold, and the reason in words."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from outcomes.core.language import Phrase, in_language, message
from outcomes.core.wording import round_half_away
from outcomes.reporting.release.audit import Mean, Together

#: Residual degrees of freedom that a released estimate needs (ACRO's default).
LEAST_DF = 10
#: (n, k) dominance: the n largest shares may not make up more than k of a total. p%: the rest must
#: exceed p of the largest.
DOMINANCE_N, DOMINANCE_K, DOMINANCE_P = 2, 0.9, 0.1


def withheld(why: Phrase) -> Phrase:
    """That a number is withheld, and why."""
    return Phrase.of("withheld: {why}", why=why)


def reason_of(text: str) -> str:
    """The reason alone, in the language in force, of a number that is withheld."""
    if isinstance(text, Phrase) and isinstance(why := text.fields.get("why"), str):
        return in_language(why)
    return in_language(text)


def fewer_than(n: int) -> Phrase:
    """The reason that a number rests on too few patients."""
    return Phrase.of("fewer than {n} patients", n=n)


@dataclass(frozen=True, slots=True)
class Decision:
    """What goes out about a mean: how many digits (−1: nothing), whether with its interval, and the
    rule or reason.
    """

    digits: int
    interval: bool
    words: str

    @property
    def released(self) -> bool:
        """Whether anything goes out."""
        return self.digits >= 0


@dataclass(frozen=True, slots=True)
class Passed:
    """One line of the review: what a number is, as it is printed, and the rule that let it pass (or
    withheld it).
    """

    what: str
    text: str
    rule: str


def decide(
    values: np.ndarray,
    *,
    low: float,
    high: float,
    step: float,
    digits: int,
    least: int,
    change: bool = False,
    narrowed_by: Callable[[tuple[float, float] | None], str] | None = None,
) -> Decision:
    """Whether the mean of these scores may go out, and how coarse.

    First with its interval at the usual digits, then with fewer digits, then without the interval,
    else not at all. `low`, `high` and `step` describe the scale of the values (of the change, if
    they are changes); `least` is the fewest patients that a number may rest on. `narrowed_by`
    audits the mean beside all that is out (`Together.narrowed_by`), given the half-widths that
    print alike, or None without an interval; by default the mean is audited alone.

    >>> decide(np.r_[np.full(9, 10.0), 4.0], low=0, high=10, step=1, digits=1, least=8).words
    'withheld: fewer than 10 degrees of freedom'
    >>> decide(np.arange(22) % 11, low=0, high=10, step=1, digits=1, least=8).digits
    1
    """
    if len(values) < least:
        return Decision(-1, False, withheld(fewer_than(least)))
    if len(values) - 1 < LEAST_DF:
        return Decision(
            -1, False, withheld(Phrase.of("fewer than {n} degrees of freedom", n=LEAST_DF))
        )
    if dominated(values, low, high, change=change):
        return Decision(-1, False, withheld(Phrase.of("one or two patients make up most of it")))
    look = narrowed_by or _alone(values, low, high, step, least)
    words = f"at least {LEAST_DF} degrees of freedom, dominance, audit"
    if reason := look(None):  # with an interval it would tell no less
        return Decision(-1, False, withheld(Phrase.of(_TELLS[reason])))
    if not look(half_widths(values, digits)):
        return Decision(digits, True, words)
    if digits and _apart(values, digits - 1) and not look(half_widths(values, digits - 1)):
        return Decision(digits - 1, True, f"{words} after fewer digits")
    return Decision(digits, False, f"{words} without its interval")


_TELLS = {
    "counts": message("it would tell how many patients have some score"),
    "scores": message("it would nearly tell each patient's score"),
}


def _alone(
    values: np.ndarray, low: float, high: float, step: float, least: int
) -> Callable[[tuple[float, float] | None], str]:
    """The audit of a mean of which nothing else is out."""
    scores = pd.DataFrame({"score": values})
    told = Together(low, high, step)
    told.know(scores)

    def look(half: tuple[float, float] | None) -> str:
        return told.narrowed_by(Mean.of({"score": (1, scores["score"])}, half), least - 1)

    return look


def half_widths(values: np.ndarray, digits: int) -> tuple[float, float]:
    """The smallest and largest half-width of an interval about this mean whose limits print as they
    do.
    """
    m, half = float(values.mean()), half_width(values)
    spare = 0.5 * 10.0**-digits
    low, high = round_half_away(m - half, digits), round_half_away(m + half, digits)
    return max(0.0, m - low - spare, high - spare - m), min(m - low + spare, high + spare - m)


def _apart(values: np.ndarray, digits: int) -> bool:
    """Whether the limits of the interval still differ when they are printed so coarsely."""
    m, half = float(values.mean()), half_width(values)
    return round_half_away(m - half, digits) < round_half_away(m + half, digits)


def half_width(values: np.ndarray) -> float:
    """Half the width of the 95% t interval of a mean."""
    from outcomes.stats.wald import critical

    n = len(values)
    if n < 2:
        return math.nan
    return critical(0.95, n - 1) * float(np.std(values, ddof=1)) / math.sqrt(n)


def dominated(values: np.ndarray, low: float, high: float, *, change: bool = False) -> bool:
    """Whether few patients make up a total: of distances from either end of the scale, or of the
    sizes of changes.

    (n, k) rule and p% rule (Hundepool and others, Handbook on Statistical Disclosure Control, 2010,
    section 4.2).
    """
    totals = [np.abs(values)] if change else []
    if math.isfinite(low) and math.isfinite(high):
        totals += [values - low, high - values]
    return any(_dominated(np.sort(x)[::-1]) for x in totals)


def _dominated(x: np.ndarray) -> bool:
    total = float(x.sum())
    if total <= 0:
        return True
    top = float(x[:DOMINANCE_N].sum())
    return top > DOMINANCE_K * total or total - top < DOMINANCE_P * float(x[0])
