"""What kind of number an estimate is: a small closed set, from which direction, printing and words
follow.
"""

from __future__ import annotations

import math
from enum import Enum


class Shape(Enum):
    """How a number is printed, and what "no effect" is for it."""

    SCORE = "score"  # in the units and with the digits of the score itself
    PLAIN = "plain"  # two digits
    SHARE = "share"  # a percentage
    SHARE_DIFFERENCE = "percentage points"
    RATIO = "ratio"
    COUNT = "count"
    TEST = "test"  # a statistic: never shown as a value


class Measure(Enum):
    """What is measured. The value of a member is its name in results tables.

    >>> Measure.CHANGE.directed, Measure.OVERALL_TEST.directed, Measure.ODDS_RATIO.null
    (True, False, 1.0)
    """

    LEVEL = "level"
    CHANGE = "change"
    DIFFERENCE = "difference"
    DIFFERENCE_IN_CHANGE = "difference in change"
    SLOPE = "slope"
    SLOPE_DIFFERENCE = "difference in slope"
    STANDARDISED_CHANGE = "standardised change"
    STANDARDISED_DIFFERENCE = "standardised difference"
    PERCENT_CHANGE = "percent change"
    SHARE = "share"
    SHARE_DIFFERENCE = "difference of shares"
    RESPONSE_DIFFERENCE = "difference in response"
    RATIO_OF_MEANS = "ratio of means"
    RATE = "rate"
    RATE_RATIO = "rate ratio"
    RISK_RATIO = "risk ratio"
    ODDS_RATIO = "odds ratio"
    HAZARD_RATIO = "hazard ratio"
    NUMBER_NEEDED = "number needed to treat"
    COUNT = "count"
    CORRELATION = "correlation"
    RANK_EFFECT = "rank effect"
    SUPERIORITY = "probability of superiority"
    VARIANCE = "variance component"
    HETEROGENEITY = "heterogeneity"
    TIME = "time"
    TIME_DIFFERENCE = "difference in time"
    THRESHOLD = "threshold"
    EXPECTED_CHANGE = "expected change"
    INDEX = "index"
    EVIDENCE = "weight of evidence"
    OVERALL_TEST = "test"
    PREDICTION = "prediction"
    DIAGNOSTIC = "diagnostic"
    #: Not said. No answer of the library's own questions has it; a user's own question may.
    UNSTATED = ""

    @property
    def directed(self) -> bool:
        """Whether its sign says better or worse for patients, by the direction of the score."""
        return self in _DIRECTED

    @property
    def compares_groups(self) -> bool:
        """Whether it sets one group (or treatment) against another."""
        return self in _COMPARISONS

    @property
    def of_score(self) -> bool:
        """Whether it is a change or a difference in the score's own units."""
        return self in _IN_POINTS

    @property
    def null(self) -> float:
        """The value that means no effect; nan where there is none."""
        if self in _RATIOS:
            return 1.0
        if self is Measure.SUPERIORITY:
            return 0.5
        return 0.0 if self in _ZERO else math.nan

    @property
    def shape(self) -> Shape | None:
        """How it is printed; None where the scale of the estimate decides."""
        return _SHAPES.get(self)


_IN_POINTS = frozenset(
    {
        Measure.CHANGE,
        Measure.DIFFERENCE,
        Measure.DIFFERENCE_IN_CHANGE,
        Measure.SLOPE,
        Measure.SLOPE_DIFFERENCE,
    }
)
_STANDARDISED = frozenset({Measure.STANDARDISED_CHANGE, Measure.STANDARDISED_DIFFERENCE})
_SIGNED = _IN_POINTS | _STANDARDISED | {Measure.PERCENT_CHANGE}
#: A score after as a multiple of the score before: below 1 it fell.
_DIRECTED = _SIGNED | {Measure.RATIO_OF_MEANS}
_OF_GROUPS = frozenset(
    {Measure.RATE_RATIO, Measure.RISK_RATIO, Measure.ODDS_RATIO, Measure.HAZARD_RATIO}
)
_RATIOS = _OF_GROUPS | {Measure.RATIO_OF_MEANS}
_COMPARISONS = _OF_GROUPS | {
    Measure.DIFFERENCE,
    Measure.DIFFERENCE_IN_CHANGE,
    Measure.SLOPE_DIFFERENCE,
    Measure.STANDARDISED_DIFFERENCE,
    Measure.SHARE_DIFFERENCE,
    Measure.RESPONSE_DIFFERENCE,
    Measure.NUMBER_NEEDED,
    Measure.TIME_DIFFERENCE,
}
_ZERO = _SIGNED | {
    Measure.SHARE_DIFFERENCE,
    Measure.RESPONSE_DIFFERENCE,
    Measure.CORRELATION,
    Measure.RANK_EFFECT,
    Measure.TIME_DIFFERENCE,
    Measure.INDEX,
}
_SHAPES = {
    Measure.SHARE: Shape.SHARE,
    Measure.SHARE_DIFFERENCE: Shape.SHARE_DIFFERENCE,
    Measure.RESPONSE_DIFFERENCE: Shape.SHARE_DIFFERENCE,
    Measure.OVERALL_TEST: Shape.TEST,
    Measure.COUNT: Shape.COUNT,
}
