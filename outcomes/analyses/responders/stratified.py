"""Responders in one arm against another, like compared with like: within sites or other strata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.groups.comparison import _GroupComparison
from outcomes.analyses.groups.group_data import Groups, chosen_words, two_levels
from outcomes.analyses.responders.one_group import (
    at_zero_by_group,
    at_zero_words,
    improvement_sign,
    parse_rule,
    responded,
    rule_name,
    rule_words,
)
from outcomes.analyses.traits import Trait
from outcomes.core.contrast import Contrast, Versus
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import REASONS, Estimate
from outcomes.core.language import Phrase
from outcomes.core.measure import Measure
from outcomes.core.picture import ValueAxis, forest_frame
from outcomes.core.result import Result
from outcomes.core.wording import interval, number, p_value, plural, points, share_of, spoken
from outcomes.stats.proportions.single import wilson
from outcomes.stats.proportions.stratified import Stratified, cmh, mantel_haenszel
from outcomes.stats.proportions.two_groups import risk_difference
from outcomes.study.study import Study


@dataclass(frozen=True, kw_only=True)
class StratifiedResponders(_GroupComparison):
    """Did more patients respond in one arm than in another, within sites or other strata?

    Patients are compared only with patients of their own stratum (`strata`: a characteristic such
    as the site, the sex or the route that was stratified by). The common risk difference is that of
    Mantel and Haenszel (variance of Sato, Greenland and Robins), the common risk and odds ratio
    likewise (Greenland-Robins, Robins-Breslow-Greenland); the test is Cochran-Mantel-Haenszel's,
    χ² = (|Σ(x − E)| − c)²/ΣV with the hypergeometric mean and variance of each stratum, c = ½ with
    `correction`. Q tests whether the strata share one risk difference. Below it each stratum's own
    difference has a Miettinen-Nurminen interval.

    `rule` says who responds, as in `Responders`. A stratum with patients of one arm only says
    nothing of the difference and is counted in a note. Patients with both scores are analysed.

    Raises AnalysisError for unknown names, a rule that needs a score before, or more than two
    groups.

    References: Mantel & Haenszel 1959 (J Natl Cancer Inst 22:719); Sato, Greenland & Robins 1989
    (Biometrics 45:1323); Robins, Breslow & Greenland 1986 (Biometrics 42:311).

    >>> import pandas as pd, outcomes as oc
    >>> after = [3, 4, 6, 2, 6, 7, 3, 8, 2, 3, 7, 8]
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": [p for p in "abcdefghijkl" for _ in "12"],
    ...         "visit": ["pre", "post"] * 12,
    ...         "pain": [x for y in after for x in (8, y)],
    ...     }
    ... )
    >>> patients = pd.DataFrame(
    ...     {
    ...         "patient": list("abcdefghijkl"),
    ...         "arm": ["K", "K", "K", "P", "P", "P"] * 2,
    ...         "site": ["north"] * 6 + ["south"] * 6,
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores,
    ...     visits=("pre", "post"),
    ...     patients=patients,
    ...     design="parallel",
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> result = oc.StratifiedResponders("pain", before="pre", after="post", reference="P").run(
    ...     study
    ... )
    >>> round(result.main.value, 3), round(result["CMH"].p, 3)
    (0.333, 0.598)
    """

    before: str = ""
    rule: str = "30%"
    strata: str = "site"
    correction: bool = True

    short: ClassVar[str] = "responders between groups, within strata (Cochran-Mantel-Haenszel)"
    chapter: ClassVar[str] = "Responders"
    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.RESPONDERS})
    references: ClassVar[tuple[str, ...]] = (
        (
            "Mantel N, Haenszel W. Statistical aspects of the analysis of data from retrospective"
            " studies of disease. J Natl Cancer Inst 1959;22:719-748."
        ),
        (
            "Sato T, Greenland S, Robins JM. On the variance estimator for the Mantel-Haenszel risk"
            " difference. Biometrics 1989;45:1323-1324."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if parse_rule(self.rule)[0] in ("percent", "points") and not self.before:
            raise AnalysisError(
                f"The rule '{self.rule}' compares with a visit before: add before=\"…\"."
            )

    @property
    def _known(self) -> tuple[str, ...]:
        return (self.strata,)

    def compute(self, study: Study) -> Result:
        g = self._groups(study)
        arm, reference = two_levels(g, instead="it of two groups at a time")
        stratum = study.characteristic(self.strata).reindex(g.patients)
        sign = improvement_sign(g.outcome) if self.before else 1
        met, usable = responded(g.before if self.before else g.after, g.after, self.rule, sign)
        known = stratum.notna().to_numpy()
        tables = _tables(stratum.astype(str).to_numpy(), g, met, usable & known, (arm, reference))
        rows, pair = self._common(list(tables.values())), Versus.of(arm, reference)
        rows = [replace(e, group=pair) for e in rows]
        within = [
            self._of_stratum(name, table, Contrast(group=arm, reference=reference, subgroup=name))
            for name, table in tables.items()
        ]
        shares = [
            self._share(name, v, seen)
            for name, table in tables.items()
            for v, seen in ((arm, table[:2]), (reference, table[2:]))
        ]
        notes = [*g.notes, *g.imbalance(self.before), *_left(known, self.strata)]
        two = {v: g.members[v] for v in (arm, reference)}
        zero = at_zero_by_group(two, usable | ~known, g.after - g.before, sign)
        if said := at_zero_words(zero, "They are left out."):
            notes.append(said)
        one_arm = sum(not (t[1] and t[3]) for t in tables.values())
        if one_arm:
            notes.append(
                f"{plural(one_arm, 'stratum', 'strata')} with patients of one group only: of no use"
                " for the difference."
            )
        lines = [(f"{e.contrast.subgroup} (n={e.n})", e) for e in within]
        forest = forest_frame([*lines, ("all strata", rows[0])], lambda e: e is rows[0])
        labbe = pd.DataFrame(
            [
                {"label": name, "group": t[0] / t[1], "reference": t[2] / t[3], "n": t[1] + t[3]}
                for name, t in tables.items()
                if t[1] and t[3]
            ],
            columns=["label", "group", "reference", "n"],
        )
        return Result(
            self,
            (*rows, *within, *shares),
            g.counts,
            g.outcome,
            tuple(notes),
            {"forest": forest, "labbe": labbe},
            ("forest",),
            detail=StratifiedCounts(
                {
                    v: tuple(sum(t[2 * i + j] for t in tables.values()) for j in (0, 1))
                    for i, v in enumerate((arm, reference))
                },
                said,
            ),
            flow=g.flow,
            axis=ValueAxis(
                Phrase.of("difference in the share of responders"), percent=True, better="higher"
            ),
            randomised=g.randomised,
        )

    def _common(self, tables: list[tuple[int, int, int, int]]) -> list[Estimate]:
        n = sum(t[1] + t[3] for t in tables)
        both = [t for t in tables if t[1] and t[3]]
        if not both:
            empty = Estimate(
                "common risk difference",
                np.nan,
                level=self.level,
                reason="too_few",
                n=n,
                measure=Measure.SHARE_DIFFERENCE,
            )
            return [empty]
        pooled: dict[str, Stratified] = {
            name: mantel_haenszel(both, measure=kind, level=self.level)
            for name, kind in (
                ("common risk difference", "RD"),
                ("common risk ratio", "RR"),
                ("common odds ratio", "OR"),
            )
        }
        test = cmh(both, correction=self.correction)
        rows = [replace(s.estimate, name=name, n=n) for name, s in pooled.items()]
        main = replace(rows[0], p=test.p, how=f"{rows[0].how}; P by the {test.how}")
        return [main, *rows[1:], test, pooled["common risk difference"].heterogeneity]

    def _of_stratum(self, name: str, table: tuple[int, int, int, int], at: Contrast) -> Estimate:
        e = risk_difference(table[:2], table[2:], level=self.level, name=f"risk difference, {name}")
        return replace(e, place=at, n=table[1] + table[3])

    def _share(self, stratum: str, group: str, seen: tuple[int, int]) -> Estimate:
        e = wilson(*seen, level=self.level, name=f"share, {stratum}, {spoken(group)}")
        k, n = seen
        return replace(
            e, place=Contrast(group=group, subgroup=stratum), n=n, how=f"{e.how}; {k} of {n}"
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, main = result.outcome, result.estimates[0]
        assert outcome is not None
        counts = result.told(StratifiedCounts).by_group
        compared = sum(n for _, n in counts.values())
        who = f"n={compared} of {result.counts.enrolled} enrolled"
        seen = " and ".join(f"{share_of(*counts[v])} with {spoken(v)}" for v in counts)
        lead = f"{rule_words(self.rule, outcome)} was seen in {seen}"
        told = result.told(StratifiedCounts)
        zero = f" {told.at_zero}" if told.at_zero else ""
        lead = f"{lead[:1].upper()}{lead[1:]}.{zero} Compared within {spoken(self.strata)}, "
        chosen = chosen_words(result.randomised, self.by)
        if np.isnan(main.value):
            return f"{lead}no difference is estimated: {REASONS[main.reason]}; {who}.{chosen}"
        ratio = next(e for e in result.estimates if e.measure is Measure.ODDS_RATIO)
        same = [e for e in result.estimates if e.measure is Measure.OVERALL_TEST][-1]
        ends = interval(100 * main.low, 100 * main.high, 0, level=main.level)
        parts = [REASONS[main.reason] if main.reason else ends]
        if not np.isnan(main.p):
            parts.append(f"{p_value(main.p, style)}, Cochran-Mantel-Haenszel")
        if not ratio.reason:
            limits = interval(ratio.low, ratio.high, 2, level=ratio.level)
            parts.append(f"odds ratio {number(ratio.value, 2)}, {limits}")
        if not same.reason:
            parts.append(f"test that strata differ {p_value(same.p, style)}")
        return (
            f"{lead}the risk difference was {points(main.value)} ({'; '.join(parts)}; {who})."
            f"{chosen}"
        )

    def methods_text(self) -> str:
        corrected = " with continuity correction" if self.correction else ""
        return (
            f"Responders ({rule_name(self.rule)}) were compared within {spoken(self.strata)} by the"
            f" Cochran-Mantel-Haenszel test{corrected}; common risk difference, risk ratio and odds"
            " ratio are those of Mantel and Haenszel, and Q tests whether the strata share one risk"
            " difference."
        )


def _tables(
    stratum: np.ndarray,
    g: Groups,
    met: np.ndarray,
    usable: np.ndarray,
    arms: tuple[str, str],
) -> dict[str, tuple[int, int, int, int]]:
    """(responders, patients) of both groups in each stratum."""
    tables = {}
    for name in sorted(set(stratum[usable])):
        here = usable & (stratum == name)
        (a, n), (b, m) = (
            (int((met & here & g.members[v]).sum()), int((here & g.members[v]).sum())) for v in arms
        )
        tables[str(name)] = (a, n, b, m)
    return tables


def _left(known: np.ndarray, strata: str) -> list[str]:
    """A note on patients with the scores who are in no stratum's table."""
    if unknown := int((~known).sum()):
        return [f"{plural(unknown, 'patient')} without a recorded {spoken(strata)}: left out."]
    return []


@dataclass(frozen=True)
class StratifiedCounts:
    """Responders and patients of each group over all strata; `at_zero` says who cannot improve by a
    percentage.
    """

    by_group: Mapping[str, tuple[int, ...]]
    at_zero: str = ""
