"""Each patient has every treatment, one after the other: who responded to which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.crossover.periods import ONE_ORDER, Periods, by_period, one_order
from outcomes.analyses.groups.group_data import adjusted_words, versus
from outcomes.analyses.question import Analysis
from outcomes.analyses.responders.one_group import (
    improvement_sign,
    parse_rule,
    responded,
    rule_name,
    rule_words,
)
from outcomes.analyses.traits import Trait
from outcomes.core.contrast import Versus
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import REASONS, Estimate
from outcomes.core.flow import Counts
from outcomes.core.language import Phrase
from outcomes.core.measure import Measure
from outcomes.core.result import Result
from outcomes.core.wording import interval, listed, p_value, plural, points, share_of, spoken
from outcomes.stats.crossover.binary import mainland_gart, prescott, response_table
from outcomes.stats.multiplicity import adjust
from outcomes.stats.proportions.paired import cochran_q, mcnemar, paired_difference
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientRows


@dataclass(frozen=True)
class CrossoverBinary(Analysis):
    """Do more patients respond to one treatment than to another that the same patients had?

    `rule` says what a response is, in each period: "30%" or "50%" improvement or "2 points" from
    the visit `before` to the visit `after`, or "<= 2" on the score after. Patients with all
    periods. Difference of the shares in the same patients with Tango's interval and McNemar's mid-p
    test; the exact McNemar test; with two treatments in two periods also the tests that allow for
    period: Mainland-Gart (odds ratio of the treatment) and Prescott (which uses patients without a
    preference too). Three or more treatments: Cochran's Q, then all pairs by McNemar with Holm's p.

    Raises AnalysisError where the study has no period, or no treatment of each period.

    References: Tango 1998 (Stat Med 17:891); Fagerland 2013 (doi 10.1186/1471-2288-13-91); Gart
    1969 (Biometrika 56:75); Prescott 1981 (Appl Stat 30:9); Cochran 1950 (Biometrika 37:256).

    >>> import pandas as pd, outcomes as oc
    >>> rows = [
    ...     (f"p{i}", k, arm, y)
    ...     for i, (order, ys) in enumerate(
    ...         [
    ...             ("KP", (1, 7)),
    ...             ("KP", (2, 6)),
    ...             ("KP", (5, 6)),
    ...             ("PK", (8, 2)),
    ...             ("PK", (2, 1)),
    ...             ("PK", (7, 6)),
    ...         ]
    ...     )
    ...     for k, (arm, y) in enumerate(zip(order, ys), 1)
    ... ]
    >>> study = oc.Study(
    ...     pd.DataFrame(rows, columns=["patient", "period", "arm", "pain"]),
    ...     design="crossover",
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> e = oc.CrossoverBinary("pain", rule="<= 2", reference="P").run(study)["response difference"]
    >>> e.value, e.p
    (0.5, 0.125)
    """

    outcome: str
    _: KW_ONLY
    rule: str = "50%"
    after: str = ""
    before: str = ""
    reference: str = ""

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.CROSSOVER, Trait.RATINGS})
    short: ClassVar[str] = "crossover responders"
    comparative: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (
        (
            "Tango T. Equivalence test and confidence interval for the difference in proportions"
            " for the paired-sample design. Stat Med 1998;17:891-908."
        ),
        (
            "Fagerland MW, Lydersen S, Laake P. The McNemar test for binary matched-pairs data. BMC"
            " Med Res Methodol 2013;13:91."
        ),
        (
            "Gart JJ. An exact test for comparing matched proportions in crossover designs."
            " Biometrika 1969;56:75-80."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        parse_rule(self.rule)

    def needs(self, study: Study | PartitionedStudy) -> PatientRows:
        return PatientRows((self.outcome,), ("patients", "infusions", "events"))

    def compute(self, study: Study) -> Result:
        p = by_period(
            study, self.outcome, after=self.after, before=self.before, reference=self.reference
        )
        rows = self._responses(p)
        wide = rows.pivot(index="patient", columns="arm", values="response").reindex(
            columns=list(p.arms)
        )
        wide = wide[wide.notna().all(axis=1)]
        gone = p.counts.analysed - len(wide)
        zero = self._at_zero(p, set(wide.index))
        left = (
            *p.counts.left_out,
            *(
                [(Phrase.of("a score of 0 at {visit} of a period", visit=spoken(p.start)), zero)]
                if zero
                else []
            ),
            *([(Phrase.of("a period missing"), gone - zero)] if gone > zero else []),
        )
        counts = Counts(p.counts.enrolled, len(wide), left)
        estimates = self._two(p, rows, wide) if p.two_by_two else self._more(p, wide)
        notes = (ONE_ORDER,) if one_order(p.rows) else ()
        return Result(
            self,
            tuple(estimates),
            counts,
            p.outcome,
            notes,
            {"cells": p.cells},
            detail=RespondedPerArm({a: int(wide[a].sum()) for a in p.arms}, zero),
        )

    def _at_zero(self, p: Periods, kept: set[Any]) -> int:
        """The patients left out who cannot improve by a percentage in some period."""
        if parse_rule(self.rule)[0] != "percent":
            return 0
        rows = p.rows[p.rows["base"] <= 0]
        return len(set(rows["patient"]) - kept)

    def _responses(self, p: Periods) -> pd.DataFrame:
        """The rows with 0 or 1, nan where the rule is undefined (no score at the start, or 0 for a
        percentage).
        """
        relative = parse_rule(self.rule)[0] in ("percent", "points")
        if relative and not p.start:
            raise AnalysisError(
                f"The rule '{self.rule}' compares with a visit at the start of each period:"
                ' before="…".'
            )
        if p.rows.duplicated(["patient", "arm"]).any():
            raise AnalysisError(
                "Some patients had the same treatment in two periods; this question needs each"
                " treatment once."
            )
        base, value = (p.rows[c].to_numpy(float) for c in ("base", "value"))
        base = base if relative else value
        seen = ~np.isnan(base)
        met, usable = responded(
            np.nan_to_num(base), value, self.rule, improvement_sign(p.outcome) if relative else 1
        )
        return p.rows.assign(response=np.where(seen & usable, met.astype(float), np.nan))

    def _two(self, p: Periods, rows: pd.DataFrame, wide: pd.DataFrame) -> list[Estimate]:
        responses = rows[rows["patient"].isin(wide.index)]
        by = responses.pivot(index="patient", columns="period", values="response").reindex(
            columns=list(p.periods)
        )
        arm = responses.pivot(index="patient", columns="period", values="arm").reindex(
            columns=list(p.periods)
        )
        r1, r2 = by.to_numpy(float).T
        first = (arm[p.periods[0]] == p.arms[1]).to_numpy(bool)
        group = Versus.of(p.arms[1], p.arms[0])
        table = response_table(r1, r2, treated_first=first)
        found = [
            *_compared(table, self.level),
            mainland_gart(r1, r2, treated_first=first, level=self.level),
            prescott(r1, r2, treated_first=first),
        ]
        return [replace(e, group=group) for e in found]

    def _more(self, p: Periods, wide: pd.DataFrame) -> list[Estimate]:
        found = [
            replace(
                cochran_q(wide.to_numpy(float)),
                name="treatments differ (Cochran Q)",
                measure=Measure.OVERALL_TEST,
            )
        ]
        pairs = []
        for i, low in enumerate(p.arms):
            for high in p.arms[i + 1 :]:
                a, b = (wide[v].to_numpy(bool) for v in (low, high))
                table = (
                    int((a & b).sum()),
                    int((a & ~b).sum()),
                    int((~a & b).sum()),
                    int((~a & ~b).sum()),
                )
                pairs.append(replace(_compared(table, self.level)[0], group=Versus.of(high, low)))
        adjusted = adjust([e.p for e in pairs])
        return [*found, *(replace(e, p_adjusted=q) for e, q in zip(pairs, adjusted, strict=True))]

    def sentence(self, result: Result, style: str = "ama") -> str:
        assert result.outcome is not None
        n, responded = result.counts.analysed, result.told(RespondedPerArm).patients
        seen = listed(
            [f"{share_of(k, n)} with {spoken(a)}" for a, k in reversed(list(responded.items()))]
        )
        pairs = result.select(measure=Measure.SHARE_DIFFERENCE)
        start = f"In the same patients, {rule_words(self.rule, result.outcome)} was seen in {seen}"
        parts = [_difference_words(result, e, style, several=len(pairs) > 1) for e in pairs]
        gart = result.select(measure=Measure.ODDS_RATIO)[:1]
        period = "".join(
            f"; allowing for period, Mainland-Gart {p_value(e.p, style)}"
            for e in gart
            if not np.isnan(e.p)
        )
        zero = round(result.told(RespondedPerArm).at_zero)
        left = (
            f" {plural(zero, 'patient')} with a score of 0 at the start of a period cannot improve"
            " by a percentage, and are left out."
            if zero
            else ""
        )
        return (
            f"{start} ({'; '.join(parts)}{period}; n={n} of {result.counts.enrolled} with all"
            f" periods{' and no score of 0 at their start' if zero else ''}).{left}"
        )

    def methods_of(self, result: Result) -> str:
        """Of more than two treatments: Cochran's Q and pairs, without account of the period."""
        told = result.about(RespondedPerArm)
        if told is None or len(told.patients) < 3:
            return self.methods_text()
        return (
            f"Responders ({rule_name(self.rule)}) are compared within patients by Cochran's Q, and"
            " pairs of treatments by the difference with Tango's interval and McNemar's mid-p test"
            " with Holm's adjustment; the period is not allowed for."
        )

    def methods_text(self) -> str:
        return (
            f"Responders ({rule_name(self.rule)}) are compared within patients: difference with"
            " Tango's interval and McNemar's mid-p test; allowing for period, the Mainland-Gart"
            " and Prescott tests."
        )


@dataclass(frozen=True)
class RespondedPerArm:
    """How many patients responded with each treatment, of those with all periods; and how many are
    left out as they cannot improve by a percentage.
    """

    patients: Mapping[str, int]
    at_zero: int = 0


def _compared(table: tuple[int, int, int, int], level: float) -> list[Estimate]:
    """The difference with Tango's interval and McNemar's mid-p, and the exact test beside it."""
    difference, test = paired_difference(table, level=level), mcnemar(table)
    how = f"{difference.how}; {test.how}"
    both = replace(
        difference,
        name="response difference",
        p=test.p,
        how=how,
        reason=difference.reason or test.reason,
        measure=Measure.SHARE_DIFFERENCE,
    )
    return [
        both,
        replace(
            mcnemar(table, method="exact"), name="McNemar, exact", measure=Measure.OVERALL_TEST
        ),
    ]


def _difference_words(result: Result, e: Estimate, style: str, *, several: bool) -> str:
    pair = f"{versus(e)}: " if several else "difference "
    if np.isnan(e.low):
        return f"{pair}undefined, {REASONS.get(e.reason, 'no patient')}"
    limits = interval(100 * e.low, 100 * e.high, 0, level=e.level)
    p = (
        adjusted_words(result, e, style)
        if several
        else f"McNemar mid-p test, {p_value(e.p, style)}"
    )
    return f"{pair}{points(e.value)}, {limits}, Tango; {p}"
