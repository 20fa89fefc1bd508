"""Rates of side effects over infusions or time, one group against another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from enum import Enum, auto
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import (
    chosen_words,
    is_randomised,
    levels_of,
    unrandomised,
)
from outcomes.analyses.question import Analysis
from outcomes.analyses.safety.adverse_events import (
    ANY,
    Harms,
    checked_way,
    harms,
    known_group,
    of_event,
    patient_group,
    way_collected,
)
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import REASONS, Estimate, chosen
from outcomes.core.flow import Counts, not_recorded
from outcomes.core.language import Phrase, say
from outcomes.core.outcome import Outcome
from outcomes.core.picture import ValueAxis, forest_frame
from outcomes.core.result import Result
from outcomes.core.wording import interval, number, p_value, plural, spoken
from outcomes.stats.proportions.rates import rate_by_patient, rate_ratio, rate_ratio_by_patient
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientRows


@dataclass(frozen=True)
class RateRatio(Analysis):
    """How many times as often did a side effect occur, per infusion or per day, in one group as in
    another?

    Events over exposure in each group (per 100 infusions, or per 100 units of `exposure`, a patient
    column such as days of follow-up), and the ratio against the reference. The first interval
    allows for patients who have the event again and again (ratio estimator over patients, t on the
    log scale); beside it the exact conditional interval and test of two Poisson rates, which takes
    events to be independent and is too narrow where they are not.

    `event` is a side effect's name (default: any). `by` is constant within patient.

    References: Przyborowski & Wilenski 1940 (doi 10.1093/biomet/31.3-4.313); Cochran 1977, section
    6.3.

    >>> import pandas as pd, outcomes as oc
    >>> ids = [f"p{i}" for i in range(8)]
    >>> study = oc.Study(
    ...     pd.DataFrame({"patient": ids, "route": ["IV"] * 4 + ["oral"] * 4}),
    ...     infusions=pd.DataFrame({"patient": ids * 3, "infusion": [1] * 8 + [2] * 8 + [3] * 8}),
    ...     events=pd.DataFrame(
    ...         {
    ...             "patient": ["p0", "p0", "p1", "p2", "p5", "p6"],
    ...             "infusion": [1, 2, 1, 3, 1, 1],
    ...             "event": "nausea",
    ...         }
    ...     ),
    ... )
    >>> oc.RateRatio(reference="oral").run(study)["rate ratio"].value
    2.0
    """

    event: str = ANY
    _: KW_ONLY
    by: str = "route"
    reference: str = ""
    exposure: str = ""
    collected: str = ""

    short: ClassVar[str] = "rate ratio of side effects"
    chapter: ClassVar[str] = "Side effects"
    comparative: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (
        (
            "Przyborowski J, Wilenski H. Homogeneity of results in testing samples from Poisson"
            " series. Biometrika 1940;31:313-323."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_way(self.collected)

    def title(self, outcome: Outcome | None = None) -> str:
        return self.label or say(
            "Rate of {event} by {group}", event=spoken(self.event), group=spoken(self.by)
        )

    def needs(self, study: Study | PartitionedStudy) -> PatientRows:
        return PatientRows((), ("patients", "infusions", "events"))

    def compute(self, study: Study) -> Result:
        h = harms(study)
        if self.event not in (ANY, *h.names):
            raise AnalysisError(unknown("side effect", self.event, (ANY, *h.names)))
        group, counts = known_group(h, patient_group(study, h, self.by), self.by)
        events, exposure = self._exposed(study, h)
        has = exposure.reindex(group.index) > 0
        if not has.all():
            left = (*counts.left_out, (not_recorded(self._unit), int((~has).sum())))
            counts, group = Counts(counts.enrolled, int(has.sum()), left), group[has]
        levels = levels_of(study, self.by, self.reference, group)
        sides = {
            v: tuple(s.reindex(group.index[group == v]).to_numpy(float) for s in (events, exposure))
            for v in levels
        }
        rows = of_event(self.event, self._rows(sides))
        randomised = is_randomised(study, self.by)
        notes = (
            way_collected(self.collected),
            *([] if randomised else [unrandomised(self.by)]),
            *h.notes,
        )
        totals = {v: (int(a.sum()), float(m.sum()), len(m)) for v, (a, m) in sides.items()}
        ratios = chosen(rows, part=Ratio.CLUSTERED)
        forest = forest_frame((e.group or levels[1], e) for e in ratios)
        return Result(
            self,
            tuple(rows),
            counts,
            None,
            notes,
            {"forest": forest},
            ("forest",),
            detail=Totals(totals),
            axis=ValueAxis(
                Phrase.of("rate ratio, with interval"), null=1, log=True, better="lower"
            ),
            randomised=randomised,
        )

    @property
    def _unit(self) -> str:
        return spoken(self.exposure) or "infusions"

    def _exposed(self, study: Study, h: Harms) -> tuple[pd.Series, pd.Series]:
        """Events and exposure of each patient asked."""
        if self.exposure:
            exposure = (
                pd.to_numeric(study.characteristic(self.exposure)).reindex(h.patients).astype(float)
            )
            return (
                h.of(self.event)["patient"].value_counts().reindex(h.patients, fill_value=0),
                exposure,
            )
        if not len(h.infusions):
            raise AnalysisError(
                "A rate per infusion needs the table of infusions ([data] infusions = …), or name a"
                ' patient column of exposure time: exposure="follow_up_days".'
            )
        table = h.per_infusion(self.event).reindex(h.patients, fill_value=0)
        return table["events"], table["infusions"].astype(float)

    def _rows(self, sides: dict[str, tuple[np.ndarray, ...]]) -> Iterator[Estimate]:
        reference, *others = sides
        for v in others:
            first, second = sides[v], sides[reference]
            clustered = rate_ratio_by_patient(
                (first[0], first[1]), (second[0], second[1]), level=self.level
            )
            totals = [(float(a.sum()), float(m.sum())) for a, m in (first, second)]
            exact = rate_ratio(*totals, level=self.level, name="rate ratio, events independent")
            for e, part in ((clustered, Ratio.CLUSTERED), (exact, Ratio.INDEPENDENT)):
                yield replace(e, part=part).comparing(v, reference, said=len(others) > 1)
        for v, (a, m) in sides.items():
            unit = f"per 100 {self._unit}"
            yield replace(
                rate_by_patient(a, m, per=100, level=self.level, name=f"rate {unit}", unit=unit),
                group=v,
            )

    def sentence(self, result: Result, style: str = "ama") -> str:
        totals = result.told(Totals).by_group
        reference, *others = totals
        parts = []
        for v in others:
            e, exact = (
                result.select(part=part, group=v)[0]
                for part in (Ratio.CLUSTERED, Ratio.INDEPENDENT)
            )
            (a, m, k), (b, o, j) = (totals[x] for x in (v, reference))
            parts.append(
                f"{plural(a, 'record')} of {self.event} in {self._exposed_words(m)}"
                f" ({plural(k, 'patient')}) with {spoken(v)} and {b} in {number(o, 0)}"
                f" ({plural(j, 'patient')}) with {spoken(reference)}:"
                f" {_ratio_words(e, exact, style)}."
            )
        return " ".join(parts) + chosen_words(result.randomised, self.by)

    def _exposed_words(self, amount: float) -> str:
        return (
            f"{number(amount, 0)} {self._unit}"
            if self.exposure
            else plural(int(amount), "infusion")
        )

    def methods_text(self) -> str:
        return (
            f"Rates per 100 {self._unit} are compared by their ratio with an interval that allows"
            " for repeated events of the same patient, beside the exact conditional interval for"
            " independent events."
        )


def _ratio_words(e: Estimate, exact: Estimate, style: str) -> str:
    """The ratio that allows for repeated events; where it has no interval, why, and the exact one
    of independent events.
    """
    if np.isnan(e.value):
        return f"no rate ratio, {REASONS[e.reason]}"
    ratio = f"rate ratio {number(e.value, 2)}"
    if not e.reason:
        tested = f"{interval(e.low, e.high, 2, level=e.level)}; {p_value(e.p, style)}"
        return f"{ratio} ({tested}, allowing for repeated events of a patient)"
    why = "no event in one of the groups" if e.reason == "no_events" else REASONS[e.reason]
    limits = (
        f"; {interval(exact.low, exact.high, 2, level=exact.level)}, {p_value(exact.p, style)},"
        " taking events as independent"
    )
    return (
        f"{ratio} (no interval that allows for repeated events:"
        f" {why}{'' if np.isnan(exact.low) else limits})"
    )


@dataclass(frozen=True)
class Totals:
    """Events, exposure and patients of each group, the reference first."""

    by_group: Mapping[str, tuple[int, float, int]]


class Ratio(Enum):
    """A rate ratio with the variance between patients, or with every event by itself."""

    CLUSTERED = auto()
    INDEPENDENT = auto()
