"""Side effects of different patients side by side: by route or arm, and by dose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import (
    chosen_words,
    is_randomised,
    levels_of,
    unrandomised,
    versus,
)
from outcomes.analyses.question import Analysis
from outcomes.analyses.safety.adverse_events import (
    Harms,
    checked_way,
    event_name,
    harms,
    known_group,
    of_event,
    patient_group,
    way_collected,
)
from outcomes.analyses.traits import Trait
from outcomes.core.contrast import Versus
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.language import Phrase, named, say
from outcomes.core.measure import Measure
from outcomes.core.outcome import Outcome
from outcomes.core.picture import labelled_frame
from outcomes.core.result import Result
from outcomes.core.wording import interval, listed, p_value, points, spoken
from outcomes.stats.proportions.contingency import cochran_armitage, cramers_v, freeman_halton
from outcomes.stats.proportions.single import wilson
from outcomes.stats.proportions.two_groups import risk_difference
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientRows


@dataclass(frozen=True)
class SideEffectsByRoute(Analysis):
    """Did side effects occur in more patients with one route (or arm) than with another?

    For any side effect, serious ones and each by name: the share of patients of each group with
    Wilson's interval, the risk difference of each group against the reference with the
    Miettinen-Nurminen interval, and one exact test over all groups (Freeman-Halton) with Cramér's
    V. `dose` names a column of doses (of the infusions, or of patients): then also the
    Cochran-Armitage trend of the share over each patient's mean dose. Doses of different routes are
    not comparable: ask within a route (`study.where(route="IV")`).

    `by` is constant within patient (side effects of the same patients under two treatments:
    `SideEffectsPaired`). Harms are listed without correction for their number, and a route that was
    chosen is not thereby better or worse. `draws` and `seed` ask for random tables where the exact
    test would take too long.

    References: Miettinen & Nurminen 1985 (doi 10.1002/sim.4780040211); Freeman & Halton 1951 (doi
    10.2307/2332323); Armitage 1955 (doi 10.2307/3001775).

    >>> import pandas as pd, outcomes as oc
    >>> patients = pd.DataFrame(
    ...     {"patient": [f"p{i}" for i in range(12)], "route": ["IV"] * 6 + ["oral"] * 6}
    ... )
    >>> study = oc.Study(
    ...     pd.DataFrame({"patient": patients["patient"]}),
    ...     patients=patients,
    ...     events=pd.DataFrame({"patient": ["p0", "p1", "p2", "p3", "p7"], "event": "nausea"}),
    ... )
    >>> e = oc.SideEffectsByRoute(reference="oral").run(study)[
    ...     "nausea, risk difference | IV - oral"
    ... ]
    >>> round(e.value, 3), round(e.low, 3), round(e.high, 3)
    (0.5, -0.082, 0.829)
    """

    _: KW_ONLY
    by: str = "route"
    reference: str = ""
    events: tuple[str, ...] = ()
    dose: str = ""
    collected: str = ""
    draws: int = 0
    seed: int = 0

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.SEPARATE_GROUPS})
    short: ClassVar[str] = "side effects by group"
    chapter: ClassVar[str] = "Side effects"
    comparative: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (
        (
            "Freeman GH, Halton JH. Note on an exact treatment of contingency, goodness of fit and"
            " other problems of significance. Biometrika 1951;38:141-149."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_way(self.collected)

    def title(self, outcome: Outcome | None = None) -> str:
        return self.label or say("Side effects by {group}", group=named(spoken(self.by)))

    def needs(self, study: Study | PartitionedStudy) -> PatientRows:
        return PatientRows((), ("patients", "infusions", "events"))

    def compute(self, study: Study) -> Result:
        h = harms(study)
        group, counts = known_group(h, patient_group(study, h, self.by), self.by)
        levels = levels_of(study, self.by, self.reference, group)
        dose = self._doses(study, h).reindex(group.index) if self.dose else None
        rows: list[Estimate] = []
        shares: dict[tuple[str, str], tuple[int, int]] = {}
        for name in h.listed(self.events):
            had = h.by_patient(name).reindex(group.index)
            of = {v: (int(had[group == v].sum()), int((group == v).sum())) for v in levels}
            shares |= {(name, v): s for v, s in of.items()}
            trend = [self._trend(name, had, dose)] if dose is not None else []
            rows += of_event(name, (*self._compared(name, of), *trend))
        frame = labelled_frame(
            [
                {
                    "label": n,
                    "group": v,
                    "share": e.value,
                    "low": e.low,
                    "high": e.high,
                    "count": s[0],
                    "total": s[1],
                }
                for (n, v), s in shares.items()
                for e in [wilson(*s, level=self.level)]
            ]
        )
        randomised = is_randomised(study, self.by)
        notes = (
            way_collected(self.collected),
            *([] if randomised else [unrandomised(self.by)]),
            *h.absent(self.events),
            *h.notes,
        )
        return Result(
            self,
            tuple(rows),
            counts,
            None,
            notes,
            {"dots": frame},
            ("dots",),
            detail=SharesOfGroups(levels, shares),
            randomised=randomised,
        )

    def _compared(self, name: str, of: dict[str, tuple[int, int]]) -> Iterator[Estimate]:
        reference, *others = of
        for v, (k, n) in of.items():
            e = wilson(
                k,
                n,
                level=self.level,
                name=Phrase.of("{event}, of patients", event=event_name(name)),
            )
            yield replace(e, group=v, how=f"{e.how}; {k} of {n}")
        for v in others:
            e = risk_difference(
                of[v],
                of[reference],
                level=self.level,
                name=Phrase.of("{event}, risk difference", event=event_name(name)),
            )
            yield replace(e, group=Versus.of(v, reference))
        yield self._overall(name, [[k, n - k] for k, n in of.values()])

    def _overall(self, name: str, table: list[list[int]]) -> Estimate:
        """Cramér's V with the exact p; p is undefined where the exact test would take too long and
        no draws were asked for.
        """
        rng = np.random.default_rng(self.seed) if self.draws else None
        strength = replace(
            cramers_v(table),
            name=Phrase.of("{event}, groups differ", event=event_name(name)),
            measure=Measure.OVERALL_TEST,
        )
        try:
            test = freeman_halton(table, draws=self.draws, rng=rng)
        except AnalysisError as e:
            return replace(strength, reason="needs_input", how=f"Cramér's V; {e}")
        return replace(strength, p=test.p, how=f"Cramér's V; p by {test.how}")

    def _doses(self, study: Study, h: Harms) -> pd.Series:
        if self.dose in h.infusions:
            return pd.to_numeric(h.infusions[self.dose]).groupby(h.infusions["patient"]).mean()
        if self.dose in study.patient_frame:
            return pd.to_numeric(study.patient_frame[self.dose])
        there = [
            *(c for c in h.infusions if c not in ("patient", "infusion")),
            *study.patient_frame.columns,
        ]
        raise AnalysisError(unknown("dose", self.dose, there))

    def _trend(self, name: str, had: pd.Series, dose: pd.Series) -> Estimate:
        seen = dose.notna()
        by = had[seen].groupby(dose[seen].round(9))
        e = cochran_armitage(
            by.sum().to_numpy(), by.size().to_numpy(), scores=by.size().index.to_numpy()
        )
        return replace(
            e,
            name=f"{name}, dose trend",
            unit=f"share per unit of {spoken(self.dose)}",
            how=f"{e.how}; n={int(seen.sum())}",
            measure=Measure.OVERALL_TEST,
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        told = result.told(SharesOfGroups)
        reference, *others = told.groups
        names = dict.fromkeys(n for n, _ in told.counts)
        parts = []
        for name in names:
            seen = {v: told.counts[name, v] for v in (reference, *others)}
            if not any(k for k, _ in seen.values()):
                continue
            shares = listed([f"{k} of {n} with {spoken(v)}" for v, (k, n) in seen.items()])
            differences = []
            for v in others:
                (e,) = result.select(measure=Measure.SHARE_DIFFERENCE, event=name, group=v)
                limits = interval(100 * e.low, 100 * e.high, 0, level=e.level)
                differences.append(f"{versus(e)} {points(e.value)}, {limits}")
            overall = result.select(measure=Measure.OVERALL_TEST, event=name)[0]
            test = (
                "exact test not done, it needs draws"
                if overall.reason == "needs_input"
                else f"exact test, {p_value(overall.p, style)}"
            )
            parts.append(
                f"{name[:1].upper()}{name[1:]}: {shares} ({'; '.join(differences)}; {test})."
            )
        return " ".join(parts or ["No side effect was recorded in any group."]) + chosen_words(
            result.randomised, self.by
        )

    def methods_text(self) -> str:
        trend = " and the Cochran-Armitage test for trend over dose" if self.dose else ""
        return (
            f"Side effects by {spoken(self.by)} are compared by risk differences against the"
            f" reference (Miettinen-Nurminen intervals), the exact Freeman-Halton test{trend};"
            " harms are listed without correction for multiplicity."
        )


@dataclass(frozen=True)
class SharesOfGroups:
    """The groups, the reference first, and of each side effect and group how many patients had it,
    and how many there are.
    """

    groups: tuple[str, ...]
    counts: Mapping[tuple[str, str], tuple[int, int]]
