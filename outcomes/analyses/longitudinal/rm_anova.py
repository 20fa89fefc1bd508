"""Several visits of the same patients, as the older literature compares them: complete cases
only.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from enum import Enum, auto
from itertools import combinations
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import codes_of, level_order, levels_of, nobody
from outcomes.analyses.longitudinal.longitudinal_data import asked_visits
from outcomes.analyses.question import Analysis
from outcomes.core.contrast import Contrast
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import REASONS, Estimate
from outcomes.core.flow import Counts, not_recorded
from outcomes.core.language import Phrase
from outcomes.core.measure import Measure
from outcomes.core.result import Result
from outcomes.core.wording import listed, number, p_value, plural, spoken
from outcomes.stats.paired.repeated_measures import (
    Effect,
    Sphericity,
    friedman,
    friedman_pairs,
    hotelling,
    mixed_anova,
    pairwise_paired_t,
    rm_anova,
)
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues

LISTWISE = (
    "A patient with any visit missing is dropped whole (listwise deletion); a mixed model (MMRM,"
    " CohortModel) keeps that patient's other visits."
)


@dataclass(frozen=True)
class Friedman(Analysis):
    """Do the scores differ between several visits, by ranks within each patient?

    Friedman's χ² corrected for ties, Kendall's W (0: no common order, 1: all patients order the
    visits alike), and all pairs of visits by Conover's test with Holm's adjustment, or Nemenyi's.
    Only patients with every visit take part, and the count that this removed is said. A rank test
    of "any difference": it does not say by how much.

    `visits` defaults to all at which anybody has the score. Raises AnalysisError for unknown visits
    or fewer than three.

    References: Friedman 1937 (J Am Stat Assoc 32:675); Conover 1999, Practical Nonparametric
    Statistics, section 5.8.

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": [p for p in "abcd" for _ in range(3)],
    ...         "visit": ["pre", "w1", "w4"] * 4,
    ...         "pain": [7, 5, 4, 6, 6, 5, 8, 5, 5, 7, 4, 3],
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores,
    ...     visits=("pre", "w1", "w4"),
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> round(oc.Friedman("pain").run(study)["chi2"].p, 4)
    0.0302
    """

    outcome: str
    _: KW_ONLY
    visits: tuple[str, ...] = ()
    posthoc: str = "conover"

    short: ClassVar[str] = "Friedman test"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Friedman M. The use of ranks to avoid the assumption of normality implicit in the"
            " analysis of variance. J Am Stat Assoc 1937;32:675-701."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.posthoc not in ("conover", "nemenyi"):
            raise AnalysisError(unknown("posthoc", self.posthoc, ("conover", "nemenyi")))

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome)

    def compute(self, study: Study) -> Result:
        wide, visits, counts = complete_cases(study, self.outcome, self.visits)
        y = wide.to_numpy()
        test = friedman(y)
        pairs = friedman_pairs(y, visits=visits, test=self.posthoc) if len(y) > 1 else ()
        rows = (
            test.chi2,
            Estimate(
                "Kendall's W",
                test.kendall_w,
                how="Friedman",
                reason=test.chi2.reason,
                measure=Measure.RANK_EFFECT,
            ),
            test.iman_davenport.estimate("Iman-Davenport F"),
            *(
                replace(
                    e,
                    name=f"mean rank difference, {e.group}",
                    group="",
                    measure=Measure.RANK_EFFECT,
                )
                for e in pairs
            ),
        )
        return Result(
            self,
            rows,
            counts,
            study.outcome(self.outcome),
            (LISTWISE,),
            {"repeated": wide.reset_index(drop=True)},
            ("raincloud",),
            detail=VisitsCompared(visits),
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        test, outcome = result.estimates[0], result.outcome
        assert outcome is not None
        title = outcome.title[:1].upper() + outcome.title[1:]
        lead = f"{title} at {listed([spoken(v) for v in result.told(VisitsCompared).visits])}"
        gone = removed(result.counts)
        if test.reason:
            return f"{lead}: no Friedman test, {REASONS[test.reason]}; {gone}."
        w = number(result.select(measure=Measure.RANK_EFFECT)[0].value, 2)
        return (
            f"{lead}: Friedman χ²({number(test.df, 0)})={number(test.value, 1)},"
            f" {p_value(test.p, style)}, Kendall W={w}; {gone}."
        )

    def methods_text(self) -> str:
        return (
            "Visits were compared by the Friedman test with Kendall's W, all pairs by"
            f" {self.posthoc.capitalize()}'s"
            f" test{' with Holm adjustment' if self.posthoc == 'conover' else ''}, in patients with"
            " every visit."
        )


@dataclass(frozen=True)
class RMANOVA(Analysis):
    """Does the mean score differ between several visits of the same patients (and its course
    between groups)?

    Repeated-measures analysis of variance, p with the Greenhouse-Geisser correction (Huynh-Feldt,
    capped at 1, and the uncorrected F beside it), all pairs of visits by paired t with Holm's
    adjustment; and Hotelling's T², the multivariate test, which asks nothing of the covariance.
    With `by`, the mixed (split-plot) analysis of variance, type III: "arm × visit" asks whether the
    courses differ. Only patients with every visit take part, and the count that this
    removed is said; a mixed model keeps them and is to be preferred.

    `visits` defaults to all at which anybody has the score. Raises AnalysisError for unknown names
    or fewer than two visits.

    References: Greenhouse & Geisser 1959 (Psychometrika 24:95); Huynh & Feldt 1976 (J Educ Stat
    1:69).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": [p for p in "abcd" for _ in range(3)],
    ...         "visit": ["pre", "w1", "w4"] * 4,
    ...         "pain": [7, 5, 4, 6, 6, 5, 8, 5, 5, 7, 4, 3],
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores,
    ...     visits=("pre", "w1", "w4"),
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> e = oc.RMANOVA("pain").run(study)["visit"]
    >>> round(e.value, 2), round(e.p, 4)
    (12.65, 0.0274)
    """

    outcome: str
    _: KW_ONLY
    visits: tuple[str, ...] = ()
    by: str = ""

    short: ClassVar[str] = "repeated-measures ANOVA"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Greenhouse SW, Geisser S. On methods in the analysis of profile data. Psychometrika"
            " 1959;24:95-112."
        ),
    )

    @property
    def comparative(self) -> bool:  # type: ignore[override]
        """Where groups are compared."""
        return bool(self.by)

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, characteristics=(self.by,))

    def compute(self, study: Study) -> Result:
        wide, visits, counts = complete_cases(study, self.outcome, self.visits, by=self.by)
        if self.by and wide.empty:
            raise AnalysisError(
                f"No patient of {study.enrolled} has {study.outcome(self.outcome).title} at every"
                f" one of {listed([spoken(v) for v in visits])}."
            )
        y, outcome = wide.to_numpy(), study.outcome(self.outcome)
        notes: tuple[str, ...] = (LISTWISE,)
        if self.by:
            everybody = levels_of(study, self.by)
            place = study.patient_ids.get_indexer(wide.index)
            code = codes_of(study, self.by, everybody)[place]
            there = np.bincount(code, minlength=len(everybody)) > 0
            level_order(pd.Series(everybody)[there], self.by)
            if not there.all():
                notes = (*notes, nobody([v for v, seen in zip(everybody, there) if not seen]))
            answer, names, joint = (
                mixed_anova(y, code),
                {"group:visit": f"{self.by} × visit", "visit": "visit", "group": self.by},
                [],
            )
        else:
            answer, names, joint = rm_anova(y), {"visit": "visit"}, [hotelling(y)]
        rows = [
            corrected(answer.effects[key], name, answer.sphericity.gg)
            for key, name in names.items()
        ]
        rows += [
            uncorrected(answer.effects[key], name) for key, name in names.items() if key != "group"
        ]
        rows += _epsilons(answer.sphericity)
        rows += [h.test.estimate("visit, multivariate", how=h.words) for h in joint]
        if len(y) > 1:
            pairs = pairwise_paired_t(y, visits=visits, level=self.level, unit=outcome.unit)
            rows += [
                replace(
                    e,
                    name=f"mean change, {e.group}",
                    group="",
                    measure=Measure.CHANGE,
                    place=Contrast(visit=visits[j], from_visit=visits[i]),
                )
                for e, (i, j) in zip(pairs, combinations(range(len(visits)), 2), strict=True)
            ]
        data = {"repeated": wide.reset_index(drop=True)}
        told = VisitsCompared(visits)
        return Result(self, tuple(rows), counts, outcome, notes, data, ("raincloud",), detail=told)

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome = result.outcome
        assert outcome is not None
        visits = result.told(VisitsCompared).visits
        lead = f"Mean {outcome.title} at {listed([spoken(v) for v in visits])}"
        gone = removed(result.counts)
        words = []
        for e in (e for e in result.estimates if isinstance(e.part, Effects)):
            name = e.name
            how = "" if e.part is Effects.BETWEEN else ", Greenhouse-Geisser"
            words.append(
                f"{name}: no test, {REASONS[e.reason]}"
                if e.reason
                else f"{name} {_f(e, style)}, {p_value(e.p, style)}{how}"
            )
        return f"{lead}: {'; '.join(words)}; {gone}."

    def methods_text(self) -> str:
        what = "mixed (split-plot, type III)" if self.by else "repeated-measures"
        return (
            f"Visits were compared by {what} analysis of variance with Greenhouse-Geisser"
            " correction, in patients with every visit."
        )


def complete_cases(
    study: Study, outcome: str, visits: tuple[str, ...], *, by: str = ""
) -> tuple[pd.DataFrame, tuple[str, ...], Counts]:
    """The patients with every one of these visits (and a group), and how many listwise deletion
    removed.

    Raises AnalysisError for an unknown visit or fewer than two visits.
    """
    chosen = tuple(study.visit(v) for v in visits) or asked_visits(study, outcome)
    if len(chosen) < 2:
        raise AnalysisError(
            "Repeated measures need at least two visits with a score; there is"
            f" {listed(list(chosen))}."
        )
    wide = study.wide(outcome)[list(chosen)]
    seen = (~np.isnan(wide.to_numpy())).sum(axis=1)
    whole = seen == len(chosen)
    left = [
        (Phrase.of("no score at any of the visits"), int((seen == 0).sum())),
        ("some visits missing", int(((seen > 0) & ~whole).sum())),
    ]
    if by:
        known = study.characteristic(by).reindex(wide.index).notna().to_numpy()
        left.append((not_recorded(by), int((whole & ~known).sum())))
        whole = whole & known
    counts = Counts(study.enrolled, int(whole.sum()), tuple((why, n) for why, n in left if n))
    return wide[whole], chosen, counts


def removed(counts: Counts) -> str:
    """'12 of 60 patients with incomplete data were excluded'."""
    gone = counts.enrolled - counts.analysed
    if not gone:
        return (
            "the only patient had every visit"
            if counts.enrolled == 1
            else f"all {counts.enrolled} patients had every visit"
        )
    return (
        f"{gone} of {plural(counts.enrolled, 'patient')} with incomplete data"
        f" {'was' if gone == 1 else 'were'} excluded"
    )


class Effects(Enum):
    """The test of an effect between patients, or within them."""

    BETWEEN = auto()
    WITHIN = auto()


@dataclass(frozen=True)
class VisitsCompared:
    """The visits that are compared."""

    visits: tuple[str, ...]


def corrected(effect: Effect, name: str, epsilon: float) -> Estimate:
    """An effect with its Greenhouse–Geisser p (between groups: the plain p)."""
    within = not np.isnan(effect.p_gg)
    e = effect.test.estimate(
        name, how=f"Greenhouse-Geisser epsilon {number(epsilon, 3)}" if within else ""
    )
    if not within:
        return replace(e, part=Effects.BETWEEN)
    return replace(e, p=effect.p_gg, part=Effects.WITHIN)


def uncorrected(effect: Effect, name: str) -> Estimate:
    """The same F with Huynh–Feldt's p; the uncorrected one stands in `how`."""
    plain = "" if np.isnan(effect.test.p) else f"uncorrected {p_value(effect.test.p)}"
    e = effect.test.estimate(f"{name}, Huynh-Feldt", how=plain)
    return replace(e, p=effect.p_hf)


def _epsilons(s: Sphericity) -> list[Estimate]:
    return [
        Estimate(
            "Greenhouse-Geisser epsilon",
            s.gg,
            reason="" if not np.isnan(s.gg) else "zero_variance",
            measure=Measure.DIAGNOSTIC,
        ),
        Estimate(
            "Huynh-Feldt epsilon",
            s.hf,
            how="not capped at 1 here; p uses min(1, epsilon)",
            reason="" if not np.isnan(s.hf) else "zero_variance",
            measure=Measure.DIAGNOSTIC,
        ),
    ]


def _f(e: Estimate, style: str) -> str:
    equals = " = " if style == "apa" else "="
    return f"F({e.df:.4g}, {e.df2:.4g}){equals}{number(e.value, 2 if style == 'apa' else 1)}"
