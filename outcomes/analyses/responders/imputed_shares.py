"""Responders over imputed scores: nobody is missing any more, so there is one share, pooled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from outcomes.core.contrast import Versus
from outcomes.core.estimate import REASONS, Estimate
from outcomes.core.measure import Measure
from outcomes.core.wording import (
    interval,
    level_text,
    listed,
    p_value,
    percent,
    points,
    spoken,
)
from outcomes.stats.missing.imputation import rubin
from outcomes.stats.missing.pooled_shares import pooled_share

#: What stands in the name of a share over imputed scores instead of its denominator.
IMPUTED = "missing scores imputed"
#: How its interval is made, as a methods text has it.
POOLED = (
    "Intervals of shares are Wilson's, widened for how much the imputations disagree (Lott and"
    " Reiter)."
)
Count = tuple[int, int]


def share_row(name: str, counts: Sequence[Count], level: float, group: str = "") -> Estimate:
    """A share pooled over the imputations, as a row; its n is that of a completed data set."""
    k, n = zip(*counts, strict=True)
    return replace(pooled_share(k, n, level=level, name=f"{name}, {IMPUTED}"), group=group)


def difference_row(
    name: str, one: Sequence[Count], other: Sequence[Count], level: float, group: str
) -> Estimate:
    """The difference of two shares by Rubin's rules on the difference, with its Wald variance."""
    values, variances = [], []
    for (k1, n1), (k2, n2) in zip(one, other, strict=True):
        if not (n1 and n2):
            return Estimate(name, math.nan, reason="too_few", measure=Measure.SHARE_DIFFERENCE)
        p, q = k1 / n1, k2 / n2
        values.append(p - q)
        variances.append(p * (1 - p) / n1 + q * (1 - q) / n2)
    if len(values) < 2:
        values, variances = values * 2, variances * 2  # one completed data set: no disagreement
    pooled = rubin(values, np.array(variances), level=level, name=f"{name}, {IMPUTED}").estimate
    how = "Rubin's rules on the difference of shares, Wald variance"
    return replace(
        pooled,
        how=how,
        unit="difference of shares",
        group=group,
        measure=Measure.SHARE_DIFFERENCE,
    )


def share_words(e: Estimate, who: str) -> str:
    """'52% of 41 patients (95% Lott-Reiter CI, 36% to 68%)'."""
    if math.isnan(e.value):
        return f"no {who} ({REASONS[e.reason]})"
    ends = f"{level_text(e.level)} Lott-Reiter CI, {percent(e.low)} to {percent(e.high)}"
    return f"{percent(e.value)} of {e.n} {who} ({ends})"


def compared_words(rows: Sequence[Estimate], differences: Sequence[Estimate], style: str) -> str:
    """The shares of the groups and their differences: '45% of 20 (…) with ketamine and …'."""
    seen = listed([f"{share_words(e, f'with {spoken(e.group)}')}" for e in rows])
    parts = []
    for e in differences:
        pair: Any = e.group
        head = (
            f"{spoken(pair.group)} against {spoken(pair.reference)}: "
            if isinstance(pair, Versus) and len(differences) > 1
            else ""
        )
        if e.reason:
            parts.append(f"{head}no interval: {REASONS[e.reason]}")
            continue
        limits = interval(100 * e.low, 100 * e.high, 0, level=e.level)
        parts.append(
            f"{head}risk difference {points(e.value)}; {limits}; {p_value(e.p, style)}, Wald test"
        )
    return f"{seen} ({'; '.join(parts)})"
