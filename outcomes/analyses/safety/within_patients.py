"""Side effects of the same patients under two treatments, or before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import levels_of
from outcomes.analyses.question import Analysis
from outcomes.analyses.safety.adverse_events import (
    Harms,
    checked_way,
    event_name,
    harms,
    of_event,
    way_collected,
)
from outcomes.core.contrast import Contrast
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts
from outcomes.core.language import Phrase, say
from outcomes.core.measure import Measure
from outcomes.core.outcome import Outcome
from outcomes.core.picture import labelled_frame
from outcomes.core.result import Result
from outcomes.core.wording import interval, p_value, plural, points, spoken
from outcomes.stats.proportions.paired import (
    conditional_odds_ratio,
    mcnemar,
    paired_difference,
    paired_table,
)
from outcomes.stats.proportions.single import wilson
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientRows

TESTS = {"mid-p": "McNemar mid-p", "exact": "exact McNemar"}


@dataclass(frozen=True)
class SideEffectsPaired(Analysis):
    """Did the same patients have a side effect more often under one treatment than under another
    (or after than before)?

    Either the infusions have a column `by` with two values (the arm of a crossover, the route, the
    infusion's number): patients with infusions of both are asked whether the side effect occurred
    under each. Or `outcome` names a score of 0 and 1 (a symptom absent or present) with the visits
    `before` and `after`.

    Per side effect: both shares with Wilson's intervals, and the paired difference (treatment −
    reference, after − before) with Tango's score interval (`interval="newcombe"`: method 10) and
    McNemar's mid-p test (`test="exact"`); the discordant patients and their conditional odds ratio
    (exact interval). Tests for independent groups are wrong here: the patients are the same. Order
    effects are not allowed for. Harms are listed without correction.

    `reference` is the value of `by` that the other is compared with; `levels` chooses two where
    there are more.

    References: Fagerland, Lydersen & Laake 2013 (doi 10.1186/1471-2288-13-91); Tango 1998
    (doi 10.1002/(SICI)1097-0258(19980430)17:8<891::AID-SIM780>3.0.CO;2-B); Newcombe 1998.

    >>> import pandas as pd, outcomes as oc
    >>> ids = [f"p{i}" for i in range(10)]
    >>> study = oc.Study(
    ...     pd.DataFrame({"patient": ids}),
    ...     infusions=pd.DataFrame(
    ...         {
    ...             "patient": ids * 2,
    ...             "infusion": [1] * 10 + [2] * 10,
    ...             "arm": ["placebo"] * 10 + ["ketamine"] * 10,
    ...         }
    ...     ),
    ...     events=pd.DataFrame(
    ...         {
    ...             "patient": ["p0", "p0", "p1", "p2", "p3"],
    ...             "infusion": [1, 2, 2, 2, 2],
    ...             "event": "nausea",
    ...         }
    ...     ),
    ... )
    >>> e = oc.SideEffectsPaired().run(study)["nausea, paired difference"]
    >>> round(e.value, 2), round(e.low, 3), round(e.high, 3), round(e.p, 3)
    (0.3, -0.061, 0.603, 0.125)
    """

    outcome: str = ""
    _: KW_ONLY
    before: str = ""
    after: str = ""
    by: str = "arm"
    levels: tuple[str, ...] = ()
    reference: str = ""
    events: tuple[str, ...] = ()
    interval: str = "tango"
    test: str = "mid-p"
    collected: str = ""

    short: ClassVar[str] = "side effects within patients"
    chapter: ClassVar[str] = "Side effects"
    comparative: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (
        (
            "Fagerland MW, Lydersen S, Laake P. The McNemar test for binary matched-pairs data:"
            " mid-p and asymptotic are better than exact conditional. BMC Med Res Methodol"
            " 2013;13:91."
        ),
        (
            "Tango T. Equivalence test and confidence interval for the difference in proportions"
            " for the paired-sample design. Stat Med 1998;17:891-908."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_way(self.collected)
        for name, allowed in {"interval": ("tango", "newcombe"), "test": tuple(TESTS)}.items():
            if getattr(self, name) not in allowed:
                raise AnalysisError(unknown(name, getattr(self, name), allowed))
        if self.outcome and not (self.before and self.after):
            raise AnalysisError(
                f'\'{self.outcome}\' is compared between two visits: add before="…" and after="…".'
            )

    def title(self, outcome: Outcome | None = None) -> str:
        if self.label:
            return self.label
        if not outcome:
            return say("Side effects, within patients")
        return say(
            "{score}, {before} to {after}, within patients",
            score=outcome.said,
            before=spoken(self.before),
            after=spoken(self.after),
        )

    def needs(self, study: Study | PartitionedStudy) -> PatientRows:
        return PatientRows(
            (self.outcome,) if self.outcome else (), ("patients", "infusions", "events")
        )

    def compute(self, study: Study) -> Result:
        if self.outcome:
            pairs = study.pairs(self.outcome, before=self.before, after=self.after)
            if not np.isin([pairs.before, pairs.after], (0, 1)).all():
                raise AnalysisError(
                    f"{pairs.outcome.title} is not a score of 0 and 1 (absent or present)."
                )
            had = {pairs.outcome.title: (pairs.before, pairs.after)}
            return self._answer(had, (self.before, self.after), pairs.counts, pairs.outcome, ())
        h = harms(study)
        reference, other = self._two(study, h)
        both = [set(h.infusions["patient"][self._values(h) == v]) for v in (reference, other)]
        patients = h.patients[h.patients.isin(both[0] & both[1])]
        left = (
            *h.counts.left_out,
            (
                Phrase.of(
                    "not treated with both {one} and {other}",
                    one=spoken(reference),
                    other=spoken(other),
                ),
                len(h.patients) - len(patients),
            ),
        )
        counts = Counts(h.counts.enrolled, len(patients), tuple((why, n) for why, n in left if n))
        had = {
            name: self._had(h, name, patients, (reference, other)) for name in h.listed(self.events)
        }
        notes = (way_collected(self.collected), *h.absent(self.events), *h.notes)
        return self._answer(had, (reference, other), counts, None, notes)

    def _values(self, h: Harms) -> np.ndarray:
        return h.infusions[self.by].astype(str).to_numpy()

    def _two(self, study: Study, h: Harms) -> tuple[str, str]:
        """The reference and the other value of `by`."""
        if self.by not in h.infusions:
            there = [c for c in h.infusions if c != "patient"]
            hint = "It is a column of the infusions table: [data] infusions = …"
            raise AnalysisError(unknown("column of the infusions", self.by, there, hint=hint))
        column = h.infusions[self.by].dropna().astype(str)
        if self.levels:
            absent = [v for v in self.levels if v not in set(column)]
            if absent or len(self.levels) != 2:
                raise AnalysisError(f"levels are two of: {', '.join(sorted(set(column)))}.")
            column = column[column.isin(self.levels)]
        first, *others = levels_of(study, self.by, self.reference, column)
        if len(others) > 1:
            raise AnalysisError(
                f"Infusions have {len(others) + 1} values of {spoken(self.by)}:"
                f' {", ".join((first, *others))}. Choose two: levels=["…", "…"].'
            )
        return first, others[0]

    def _had(
        self, h: Harms, name: str, patients: pd.Index, two: tuple[str, str]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Whether each patient had it under each of the two, as 0 and 1."""

        def under(value: str) -> np.ndarray:
            affected = h.per_infusion(name, keep=self._values(h) == value)["affected"]
            return affected.reindex(patients, fill_value=0).gt(0).to_numpy(float)

        return under(two[0]), under(two[1])

    def _answer(
        self,
        had: dict[str, tuple[np.ndarray, np.ndarray]],
        two: tuple[str, str],
        counts: Counts,
        outcome: Outcome | None,
        notes: tuple[str, ...],
    ) -> Result:
        rows: list[Estimate] = []
        tables = {name: paired_table(*pair) for name, pair in had.items()}
        for name, table in tables.items():
            rows += of_event(name, self._rows(name, table, two))
        dots = labelled_frame(
            [
                {
                    "label": name,
                    "group": v,
                    "share": e.value,
                    "low": e.low,
                    "high": e.high,
                    "count": k,
                    "total": sum(t),
                }
                for name, t in tables.items()
                for v, k in zip(two, (t[0] + t[1], t[0] + t[2]))
                for e in [wilson(k, sum(t), level=self.level)]
            ]
        )
        told = PairedTables(tables, two)
        return Result(
            self, tuple(rows), counts, outcome, notes, {"dots": dots}, ("dots",), detail=told
        )

    def _rows(
        self, name: str, table: tuple[int, int, int, int], two: tuple[str, str]
    ) -> Iterator[Estimate]:
        a, b, c, d = table
        for v, k in zip(two, (a + b, a + c), strict=True):
            e = wilson(
                k,
                a + b + c + d,
                level=self.level,
                name=Phrase.of("{event}, of patients", event=event_name(name)),
            )
            yield replace(e, group=v, how=f"{e.how}; {k} of {a + b + c + d}")
        test = mcnemar(table, method=self.test)
        e = paired_difference(
            table,
            method=self.interval,
            level=self.level,
            name=Phrase.of("{event}, paired difference", event=event_name(name)),
        )
        only = f"{c} only with {spoken(two[1])}, {b} only with {spoken(two[0])}"
        p = test.p if sum(table) else np.nan
        yield replace(e, p=p, how=f"{e.how}; {test.how}; {only}", place=self._place(two))
        ratio = conditional_odds_ratio(
            table,
            level=self.level,
            name=Phrase.of("{event}, conditional odds ratio", event=event_name(name)),
        )
        yield replace(ratio, place=self._place(two))

    def _place(self, two: tuple[str, str]) -> Contrast:
        """The two visits, or the two kinds of infusion, the reference first."""
        if self.before:
            return Contrast(visit=two[1], from_visit=two[0])
        return Contrast(group=two[1], reference=two[0])

    def sentence(self, result: Result, style: str = "ama") -> str:
        told = result.told(PairedTables)
        reference, other = (spoken(v) for v in told.two)
        n = result.counts.analysed
        if n == 0:
            return f"No patient was seen with both {reference} and {other}."
        parts = []
        for name, (a, b, c, _) in told.tables.items():
            if a + b + c == 0:
                continue
            (e,) = result.select(measure=Measure.SHARE_DIFFERENCE, event=name)
            limits = interval(100 * e.low, 100 * e.high, 0, level=e.level)
            parts.append(
                f"{name[:1].upper()}{name[1:]}: {c} with {other} only, {b} with {reference} only,"
                f" {a} with both ({TESTS[self.test]} test, {p_value(e.p, style)}; difference"
                f" {points(e.value)}, {limits})."
            )
        seen = (
            f"{plural(n, 'patient')} of {result.counts.enrolled} had both {reference} and {other}. "
        )
        return seen + " ".join(parts or ["None of them had a side effect with either."])

    def methods_text(self) -> str:
        kind = {"tango": "Tango's score interval", "newcombe": "Newcombe's interval (method 10)"}[
            self.interval
        ]
        return (
            f"Side effects of the same patients are compared by the paired difference with {kind}"
            f" and the {TESTS[self.test]} test; harms are listed without correction for"
            " multiplicity."
        )


@dataclass(frozen=True)
class PairedTables:
    """Of each side effect the patients with it under both, the first only, the second only and
    neither, and the two that are compared.
    """

    tables: Mapping[str, tuple[int, int, int, int]]
    two: tuple[str, str]
