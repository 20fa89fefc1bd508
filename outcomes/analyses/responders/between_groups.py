"""Responders in one arm (or route) against another."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.groups.comparison import _GroupComparison
from outcomes.analyses.groups.group_data import (
    Groups,
    chosen_words,
    codes_of,
    covariate_terms,
)
from outcomes.analyses.question import OverImputations
from outcomes.analyses.responders.imputed_shares import (
    POOLED,
    compared_words,
    difference_row,
    share_row,
)
from outcomes.analyses.responders.one_group import (
    BOTH,
    BOTH_ABOVE,
    Test,
    at_zero_by_group,
    at_zero_words,
    improvement_curve,
    improvement_sign,
    parse_rule,
    responded,
    rule_name,
    rule_tests,
    rule_words,
)
from outcomes.analyses.traits import Trait
from outcomes.core.contrast import Versus
from outcomes.core.direction import below_level, is_clear
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import REASONS, Estimate
from outcomes.core.language import Phrase
from outcomes.core.measure import Measure
from outcomes.core.outcome import Outcome
from outcomes.core.picture import ValueAxis, labelled_frame
from outcomes.core.result import Result
from outcomes.core.wording import (
    capital,
    interval,
    listed,
    p_value,
    points,
    share_of,
    spoken,
)
from outcomes.stats.proportions.contingency import chi_squared
from outcomes.stats.proportions.ratios import (
    fisher,
    odds_ratio,
    risk_ratio,
    unconditional_exact,
)
from outcomes.stats.proportions.single import wilson
from outcomes.stats.proportions.two_groups import Share, number_needed, risk_difference
from outcomes.stats.regression.linear import Design, numeric
from outcomes.stats.regression.logistic import logistic, standardised_risks
from outcomes.stats.tally import Tally
from outcomes.study.set_aside import failed_among
from outcomes.study.study import Study

EVERYBODY = Phrase.of("missing as non-response")
#: How patients without a percentage are counted.
AT_ZERO = (
    "They are left out of the shares of patients with both scores, and count as non-responders"
    " where missing scores do."
)
TESTS = {
    "fisher": "Fisher's exact test",
    "boschloo": "Boschloo's exact test",
    "barnard": "Barnard's exact test",
    "chi-squared": "chi-squared test (N−1)",
}
#: Odds ratios: given the number of responders in all, or of the sample.
ODDS: dict[str, Callable[..., Estimate]] = {"conditional": fisher, "sample": odds_ratio}


def _of_rule(measure: str, rule: str, who: str) -> Phrase:
    """How a comparison is called: of which rule, and of whom."""
    said = Phrase.of(measure, "name")
    return Phrase.of("{measure} {rule}, {who}", measure=said, rule=rule, who=who)


@dataclass(frozen=True, kw_only=True)
class CompareResponders(_GroupComparison):
    """Did more patients respond in one arm than in another?

    A responder is as in `Responders` (rules "30%", "50%", "2 points", "<= 2"). For each rule, with
    two denominators side by side (patients with both scores; all with a score before, missing
    counted as non-response): the share of each arm with Wilson's interval and the risk difference,
    first arm − reference, with the Miettinen-Nurminen score interval (`interval="newcombe"`: from
    two Wilson intervals) and an exact test (`test`: "fisher", "boschloo", "barnard" or
    "chi-squared"). Among patients with both scores also the risk ratio (score interval), the
    odds ratio (`odds`: "conditional" with its exact interval, or "sample", ad/bc with Woolf's
    interval) and the number needed to treat, said in full where it runs through infinity.

    `adjust` names covariates ("before" is the score before): the difference standardised over all
    analysed patients by g-computation from logistic regression, with the adjusted odds ratio
    (profile-likelihood interval). Where the groups are perfectly separated these are undefined;
    `penalised=True` asks for Firth's fit.

    `by` names the groups (default the arm), `reference` the one that others are compared with.
    Dichotomising a score costs power; compare the scores themselves first.

    References: Miettinen & Nurminen 1985 (doi 10.1002/sim.4780040211); Newcombe 1998; Altman 1998
    (doi 10.1136/bmj.317.7168.1309); Firth 1993 (doi 10.1093/biomet/80.1.27).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": list("aabbccddee") + ["f"],
    ...         "visit": (["pre", "post"] * 6)[:11],
    ...         "pain": [8, 3, 7, 4, 9, 2, 6, 6, 7, 6, 8],
    ...         "arm": ["K"] * 6 + ["P"] * 5,
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores,
    ...     visits=("pre", "post"),
    ...     design="parallel",
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> result = oc.CompareResponders("pain", before="pre", after="post", reference="P").run(study)
    >>> result["risk difference ≥30%, of patients with both scores"].value
    1.0
    >>> result["share ≥30%, missing as non-response | P"].how
    'Wilson score interval; 0 of 3'
    """

    before: str = ""
    rules: tuple[str, ...] = ("30%", "50%")
    adjust: tuple[str, ...] = ()
    interval: str = "miettinen-nurminen"
    test: str = "fisher"
    penalised: bool = False
    odds: str = "conditional"

    traits: ClassVar[frozenset[Trait]] = frozenset(
        {Trait.RATINGS, Trait.COUNTS_FAILURES, Trait.SEPARATE_GROUPS}
    )
    short: ClassVar[str] = "responders between groups"
    chapter: ClassVar[str] = "Responders"
    references: ClassVar[tuple[str, ...]] = (
        "Miettinen O, Nurminen M. Comparative analysis of two rates. Stat Med 1985;4:213-226.",
        "Altman DG. Confidence intervals for the number needed to treat. BMJ 1998;317:1309-1312.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, allowed in {
            "interval": ("miettinen-nurminen", "newcombe"),
            "test": TESTS,
            "odds": ODDS,
        }.items():
            if getattr(self, name) not in allowed:
                raise AnalysisError(unknown(name, str(getattr(self, name)), allowed))
        if not self.rules:
            raise AnalysisError('CompareResponders needs a rule, such as rules=["30%"].')
        relative = [r for r in self.rules if parse_rule(r)[0] in ("percent", "points")]
        if not self.before and (relative or "before" in self.adjust):
            raise AnalysisError(
                f"The rule '{(relative or ['adjust'])[0]}' needs the score before: add"
                ' before="…".'
            )

    @property
    def _seen(self) -> str:
        if self.before:
            return BOTH
        return Phrase.of("of patients with the score")

    def _among(self, rule: str, zero: Mapping[str, tuple[int, int]]) -> str:
        """Whose share it is, where a percentage leaves out those with a score of 0 before."""
        return BOTH_ABOVE if zero and parse_rule(rule)[0] == "percent" else self._seen

    def tests(self, outcome: Outcome) -> Iterator[Test]:
        """What a patient's scores may meet: each rule."""
        sign = improvement_sign(outcome) if self.before else 1
        return rule_tests(self.rules, self.before, sign)

    @property
    def _known(self) -> tuple[str, ...]:
        return self.adjust

    def compute(self, study: Study) -> Result:
        g = self._groups(study)
        # who has no score is a non-responder all the same, so that no arm is left out
        g = replace(g, levels=(*g.levels, *g.empty), empty=())
        sign = improvement_sign(g.outcome) if self.before else 1
        totals = self._totals(study, g)
        rows: list[Estimate] = []
        counts: dict[tuple[str, str, str], tuple[int, int]] = {}
        zero: dict[str, tuple[int, int]] = {}
        asked: list[tuple[str, str, str]] = []
        for rule in self.rules:
            met, usable = responded(g.before if self.before else g.after, g.after, rule, sign)
            met = met & ~failed_among(study.settings, self.after, g.patients)
            if self.before and not usable.all():
                zero = at_zero_by_group(g.members, usable, g.after - g.before, sign)
            seen = self._among(rule, zero)
            for who in (self._seen, EVERYBODY):
                shares = {
                    v: (
                        int(met[mine].sum()),
                        int(usable[mine].sum()) if who == self._seen else totals[v],
                    )
                    for v, mine in g.members.items()
                }
                counts |= {(rule, who, v): s for v, s in shares.items()}
                said = seen if who == self._seen else who
                rows += self._compared(rule_name(rule), said, shares)
                asked.append((rule, who, said))
            if self.adjust:
                rows += self._adjusted(study, g, rule, met, usable, seen)
        dots = labelled_frame(
            [
                {
                    "label": Phrase.of("{rule}, {who}", rule=rule_name(r), who=said),
                    "group": v,
                    "share": k / n if n else np.nan,
                    "low": e.low,
                    "high": e.high,
                    "count": k,
                    "total": n,
                }
                for r, who, said in asked
                for v in g.members
                for k, n in [counts[r, who, v]]
                for e in [wilson(k, n, level=self.level)]
            ]
        )
        said = at_zero_words(zero, AT_ZERO)
        return Result(
            self,
            tuple(rows),
            g.counts,
            g.outcome,
            (*self._notes(g, rows), *([said] if said else [])),
            {"dots": dots} | self._curves(g),
            ("dots",),
            detail=GroupCounts(g.levels, counts, zero),
            flow=g.flow,
            axis=ValueAxis(Phrase.of("share of patients, with interval")),
            randomised=g.randomised,
        )

    def _curves(self, g: Groups) -> dict[str, pd.DataFrame]:
        """The curve of responders of each group, where there is a score before."""
        if not self.before or not g.outcome.better:
            return {}
        sign, curves = improvement_sign(g.outcome), []
        for v, mine in g.members.items():
            x, y = g.before[mine], g.after[mine]
            if len(x):
                n = int((x > 0).sum())
                curves.append(improvement_curve(Tally.of(np.column_stack([x, y])), sign))
                curves[-1] = curves[-1].assign(group=v, n=n)
        return {"ecdf": pd.concat(curves, ignore_index=True)} if curves else {}

    def _totals(self, study: Study, g: Groups) -> dict[str, int]:
        """Patients of each group with a score before (or, without a visit before, all enrolled)."""
        code = codes_of(study, self.by, g.levels)
        if self.before:
            code = code[study.wide(self.outcome)[self.before].notna()]
        return {v: int((code == i).sum()) for i, v in enumerate(g.levels)}

    def _compared(
        self, rule: str, who: str, shares: dict[str, tuple[int, int]]
    ) -> Iterator[Estimate]:
        reference, *others = shares
        for v, (k, n) in shares.items():
            e = wilson(
                k, n, level=self.level, name=Phrase.of("share {rule}, {who}", rule=rule, who=who)
            )
            yield replace(e, group=v, how=f"{e.how}; {k} of {n}")
        for v in others:
            rows = self._pair(rule, who, shares[v], shares[reference])
            yield from (e.comparing(v, reference, said=len(others) > 1) for e in rows)

    def _pair(self, rule: str, who: str, first: Share, second: Share) -> Iterator[Estimate]:
        difference = risk_difference(
            first,
            second,
            method=self.interval,
            level=self.level,
            name=_of_rule("risk difference", rule, who),
        )
        p = self._p(first, second)
        how = f"{difference.how}; p by {TESTS[self.test]}"
        yield replace(difference, p=p, how=how, part=Row.DIFFERENCE)
        if who != EVERYBODY:
            rest = (
                risk_ratio(first, second, level=self.level),
                ODDS[self.odds](first, second, level=self.level),
                number_needed(difference),
            )
            yield from (replace(e, name=_of_rule(e.name, rule, who)) for e in rest)

    def _p(self, first: Share, second: Share) -> float:
        if not first[1] or not second[1]:
            return math.nan
        if self.test == "fisher":
            return fisher(first, second).p
        if self.test == "chi-squared":
            return chi_squared([[x, n - x] for x, n in (first, second)], variant="n-1").p
        return unconditional_exact(first, second, test=self.test).p

    def _adjusted(
        self,
        study: Study,
        g: Groups,
        rule: str,
        met: np.ndarray,
        usable: np.ndarray,
        seen: str,
    ) -> Iterator[Estimate]:
        """Standardised difference and odds ratio of each group against the reference, of patients
        with all covariates.
        """
        response = pd.Series(met, index=g.patients)
        chosen = g.only(usable)
        chosen, terms = covariate_terms(study, chosen, [a for a in self.adjust if a != "before"])
        if "before" in self.adjust:
            terms = [numeric("before", chosen.before), *terms]
        arm = chosen.term
        design = Design((arm, *terms))
        y = response.reindex(chosen.patients).to_numpy(float)
        fit = logistic(design, y, penalised=self.penalised)
        also = listed(
            [f"score at {spoken(self.before)}" if a == "before" else spoken(a) for a in self.adjust]
        )
        reference, *others = g.levels
        for v in others:
            matrices = []
            for to in (v, reference):
                x = design.matrix
                x[:, design.columns_of(self.by)] = arm.row({self.by: to})
                matrices.append(x)
            end = f"{rule_name(rule)}, {seen}"
            s = standardised_risks(fit, *matrices, level=self.level).difference
            difference = replace(
                s,
                name=f"adjusted risk difference {end}",
                part=Row.ADJUSTED,
                how=f"{s.how}; adjusted for {also}; n={len(y)}",
                measure=Measure.SHARE_DIFFERENCE,
            )
            e = fit.odds_ratio(f"{self.by}[{v}]", level=self.level)
            ratio = replace(
                e,
                name=f"adjusted odds ratio {end}",
                how=f"{e.how}; adjusted for {also}; n={len(y)}",
                measure=Measure.ODDS_RATIO,
            )
            said = len(others) > 1
            yield from (e.comparing(v, reference, said=said) for e in (difference, ratio))

    def _notes(self, g: Groups, rows: list[Estimate]) -> tuple[str, ...]:
        notes = [*g.notes, *g.imbalance(self.before)]
        if any(e.reason == "separation" for e in rows):
            notes.append(
                "The adjusted model separates responders from the others perfectly, so it has no"
                " finite estimate: ask for Firth's fit with penalised=True, or adjust for less."
            )
        return (*notes, *self._disagreement(rows), *self._needed(rows))

    def _disagreement(self, rows: Sequence[Estimate]) -> tuple[str, ...]:
        """What is said where an interval shows a difference and P none, or the other way round."""
        tested = [e for e in rows if e.part is Row.DIFFERENCE and not math.isnan(e.p)]
        if all(is_clear(e) == below_level(e.p, e.level) for e in tested):
            return ()
        return (
            f"The interval of a difference and P ({TESTS[self.test]}) come from two methods, and"
            " here only one of the two shows a difference: read it as not clear.",
        )

    @staticmethod
    def _needed(rows: Sequence[Estimate]) -> tuple[str, ...]:
        """What is said of numbers needed to treat whose difference may be 0."""
        return tuple(
            f"{capital(e.said)}: {e.how}."
            for e in rows
            if e.measure is Measure.NUMBER_NEEDED and e.reason == "may_be_zero"
        )

    def over_imputations(self, results: Sequence[Result], level: float) -> OverImputations:
        """Shares and their differences of each rule: nobody is missing any more."""
        if self.adjust:
            raise AnalysisError(
                "Responders adjusted for covariates cannot be imputed. Leave out adjust=, or impute"
                " ANCOVA of the score."
            )
        each_told = [r.told(GroupCounts) for r in results]
        reference, *others = each_told[0].groups
        rows: list[Estimate] = []
        parts: list[tuple[str, str]] = []
        for rule in self.rules:
            each = {
                v: [t.counts[rule, self._seen, v] for t in each_told] for v in (*others, reference)
            }
            shares = [share_row(f"share {rule_name(rule)}", each[v], level, v) for v in each]
            differences = [
                difference_row(
                    f"risk difference {rule_name(rule)}",
                    each[v],
                    each[reference],
                    level,
                    Versus.of(v, reference),
                )
                for v in others
            ]
            rows += [*shares, *differences]
            what = (
                f"With missing scores imputed, {rule_words(rule, results[0].outcome)} was seen in"
            )
            ama, apa = (compared_words(shares, differences, s) for s in ("", "apa"))
            parts.append((f"{what} {ama}.", f"{what} {apa}."))
        zero = at_zero_words(each_told[0].at_zero, "They are left out.")
        end = (f" {zero}" if zero else "") + chosen_words(results[0].randomised, self.by)
        ama, apa = (" ".join(said) + end for said in zip(*parts, strict=True))
        methods = (
            f"Responders ({listed([rule_name(r) for r in self.rules])}) are compared by the risk"
            " difference, pooled by Rubin's rules with its Wald variance, interval and test."
            f" {POOLED}"
        )
        first = results[0]
        own = (*self._needed(first.estimates), *self._disagreement(first.estimates))
        gone = {*own, at_zero_words(each_told[0].at_zero, AT_ZERO)}
        notes = (*(n for n in first.notes if n not in gone), *([zero] if zero else []))
        return OverImputations(tuple(rows), (ama, apa), methods, notes)

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, told = result.outcome, result.told(GroupCounts)
        reference, *others = told.groups
        assert outcome is not None
        parts = []
        for rule in self.rules:
            among = self._among(rule, told.at_zero).capitalize()
            for i, who in enumerate((self._seen, EVERYBODY)):
                counts = {v: told.counts[rule, who, v] for v in (*others, reference)}
                seen = listed([f"{share_of(*counts[v])} with {spoken(v)}" for v in counts])
                pairs = "; ".join(
                    self._pair_words(result, rule, who, v, len(others) > 1, style) for v in others
                )
                lead = (
                    f"{among}, {rule_words(rule, outcome)} was seen in {seen}"
                    if i == 0
                    else f"With missing scores as non-response: {seen}"
                )
                parts.append(f"{lead} ({pairs})")
        chosen = chosen_words(result.randomised, self.by)
        what = f"Scores and {spoken(self.by)}"
        who_counted = (
            f" {what} were known in {result.counts.analysed} of {result.counts.enrolled} enrolled."
        )
        said = at_zero_words(told.at_zero, AT_ZERO)
        zero = f" {said}" if said else ""
        return ". ".join(p[:1].upper() + p[1:] for p in parts) + "." + zero + who_counted + chosen

    def _pair_words(
        self, result: Result, rule: str, who: str, v: str, several: bool, style: str
    ) -> str:
        reference, at = result.told(GroupCounts).groups[0], self.rules.index(rule)
        head = f"{spoken(v)} against {spoken(reference)}: " if several else ""
        rows = result.select(part=Row.DIFFERENCE, group=v)
        e = rows[2 * at + (who == EVERYBODY)]
        if e.reason:
            return f"{head}no difference estimated: {REASONS[e.reason]}"
        words = (
            f"{head}risk difference {points(e.value)};"
            f" {interval(100 * e.low, 100 * e.high, 0, level=e.level)}; {p_value(e.p, style)},"
            f" {TESTS[self.test]}"
        )
        if who == self._seen and self.adjust:
            a = result.select(part=Row.ADJUSTED, group=v)[at]
            limits = interval(100 * a.low, 100 * a.high, 0, level=a.level)
            words += (
                f"; not adjusted: {REASONS[a.reason]}"
                if a.reason
                else f"; adjusted {points(a.value)}, {limits}"
            )
        return words

    def methods_text(self) -> str:
        rules = listed([rule_name(r) for r in self.rules])
        method = {"miettinen-nurminen": "Miettinen-Nurminen score", "newcombe": "Newcombe"}[
            self.interval
        ]
        odds = (
            "; odds ratios are those of the sample, with Woolf's interval"
            if self.odds == "sample"
            else ""
        )
        adjusted = (
            f" Differences adjusted for {listed([spoken(a) for a in self.adjust])} are standardised"
            " over all analysed patients by g-computation from logistic regression."
            if self.adjust
            else ""
        )
        who = "both scores" if self.before else "the score"
        return (
            f"Responders ({rules}) are compared by the risk difference with its {method} interval"
            f" and {TESTS[self.test]}, among patients with {who} and with missing scores"
            f" counted as non-response{odds}.{adjusted}"
        )


@dataclass(frozen=True)
class GroupCounts:
    """The groups, the reference first, and by rule, who is counted and group how many responded,
    and of how many; `at_zero` counts those who cannot improve by a percentage: who got
    worse, and all.
    """

    groups: tuple[str, ...]
    counts: Mapping[tuple[str, str, str], tuple[int, int]]
    at_zero: Mapping[str, tuple[int, int]] = field(default_factory=dict)


class Row(Enum):
    """A difference in response as it was seen, or adjusted for covariates."""

    DIFFERENCE = auto()
    ADJUSTED = auto()
