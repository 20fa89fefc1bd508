"""Side effects: how often, in patients and after infusions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import pandas as pd

from outcomes.analyses.question import Analysis
from outcomes.analyses.safety.adverse_events import (
    ANY,
    INTERVALS,
    SERIOUS,
    HarmCounts,
    HarmRow,
    checked_way,
    event_name,
    harms,
    of_event,
    share_words,
    shares_of_patients,
    way_collected,
)
from outcomes.analyses.traits import Trait
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate, chosen
from outcomes.core.language import Phrase, say
from outcomes.core.outcome import Outcome
from outcomes.core.picture import labelled_frame
from outcomes.core.result import Result
from outcomes.core.wording import level_text, listed, number, plural, share_of, spoken
from outcomes.stats.proportions.rates import rate_by_patient, share_of_infusions
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientRows


@dataclass(frozen=True)
class SideEffects(Analysis):
    """Which side effects occurred, in how many patients and after how many infusions?

    For any side effect, serious ones and each one by name: the share of patients asked who had it
    at least once, with Wilson's interval (`interval="clopper-pearson"` on request) and, where
    nobody had it, the one-sided upper limit 1 − 0.05^(1/n), which the rule of three (3/n)
    approximates; the share of infusions after which it occurred, with an interval that allows for
    several infusions of the same patient (ratio estimator over patients); and the number per 100
    infusions. Harms are listed without correction for their number.

    `events` chooses which to list (default: all recorded). `collected` says how they came to be
    known, "elicited" (asked for) or "spontaneous": without it the frequencies cannot be compared
    with others'. Not asked is not absent: infusions with `asked` = no in the infusions table are
    left out and counted.

    References: Wilson 1927 (doi 10.1080/01621459.1927.10502953); Hanley & Lippman-Hand 1983
    (doi 10.1001/jama.1983.03330370053031); Cochran, Sampling Techniques, 1977, section 10.3.

    >>> import pandas as pd, outcomes as oc
    >>> patients = [f"p{i}" for i in range(1, 9)]
    >>> study = oc.Study(
    ...     pd.DataFrame({"patient": patients}),
    ...     infusions=pd.DataFrame({"patient": patients * 2, "infusion": [1] * 8 + [2] * 8}),
    ...     events=pd.DataFrame(
    ...         {"patient": ["p1", "p1", "p2"], "infusion": [1, 2, 1], "event": "nausea"}
    ...     ),
    ... )
    >>> result = oc.SideEffects(collected="elicited").run(study)
    >>> result["nausea, of patients"].value, result["nausea, of infusions"].value
    (0.25, 0.1875)
    """

    _: KW_ONLY
    events: tuple[str, ...] = ()
    collected: str = ""
    interval: str = "wilson"

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.HARMS})
    short: ClassVar[str] = "side effects"
    chapter: ClassVar[str] = "Side effects"
    comparative: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (
        (
            "Hanley JA, Lippman-Hand A. If nothing goes wrong, is everything all right? JAMA"
            " 1983;249:1743-1745."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_way(self.collected)
        if self.interval not in INTERVALS:
            raise AnalysisError(unknown("interval", self.interval, INTERVALS))

    def title(self, outcome: Outcome | None = None) -> str:
        return self.label or say("Side effects")

    def needs(self, study: Study | PartitionedStudy) -> PatientRows:
        return PatientRows((), ("patients", "infusions", "events"))

    def compute(self, study: Study) -> Result:
        h = harms(study)
        names = h.listed(self.events)
        rows: list[Estimate] = []
        counts: dict[str, tuple[int, int, int, int]] = {}
        for name in names:
            had, infused = int(h.by_patient(name).sum()), h.per_infusion(name)
            patients = shares_of_patients(
                Phrase.of("{event}, of patients", event=event_name(name)),
                had,
                len(h.patients),
                level=self.level,
                interval=self.interval,
            )
            rows += of_event(name, (*patients, *self._per_infusion(name, infused)))
            counts[name] = (
                had,
                len(h.patients),
                int(infused["affected"].sum()),
                int(infused["infusions"].sum()),
            )
        dots = labelled_frame(
            [
                {
                    "label": n,
                    "share": e.value,
                    "low": e.low,
                    "high": e.high,
                    "count": counts[n][0],
                    "total": counts[n][1],
                }
                for n in names
                for e in chosen(rows, part=HarmRow.PATIENTS, event=n)
            ]
        )
        pooled = (
            ("All arms together: what each arm brought is another question.",)
            if study.controlled
            else ()
        )
        notes = (way_collected(self.collected), *pooled, *h.absent(self.events), *h.notes)
        return Result(
            self,
            tuple(rows),
            h.counts,
            None,
            notes,
            {"dots": dots},
            ("dots",),
            detail=HarmCounts.of(counts),
        )

    def _per_infusion(self, name: str, by_patient: pd.DataFrame) -> Iterator[Estimate]:
        if not len(by_patient):
            return
        a, k, m = (by_patient[c].to_numpy() for c in ("affected", "events", "infusions"))
        e = share_of_infusions(a, m, level=self.level, name=f"{name}, of infusions")
        yield replace(
            e,
            how=(
                f"{e.how}; {a.sum()} of {plural(int(m.sum()), 'infusion')} in"
                f" {plural(len(m), 'patient')}"
            ),
            part=HarmRow.INFUSIONS,
        )
        yield rate_by_patient(
            k,
            m,
            per=100,
            level=self.level,
            name=f"{name}, per 100 infusions",
            unit="per 100 infusions",
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        n = result.counts.analysed
        if n == 0:
            return "Nobody was asked about side effects."
        counts = result.told(HarmCounts).counts
        parts = [self._one(result, ANY, "At least one side effect was recorded")]
        named = sorted(
            (k for k in counts if k not in (ANY, SERIOUS) and counts[k][0]),
            key=lambda k: -counts[k][0],
        )
        if named:
            parts.append(
                "Most frequent: "
                + listed([f"{spoken(k)}, {share_of(*counts[k][:2])}" for k in named[:3]])
                + "."
            )
        if SERIOUS in counts and counts[SERIOUS][0] == 0:
            upper = result.select(part=HarmRow.AT_MOST, event=SERIOUS)[0].high
            limit = (
                f"upper {level_text(self.level)} limit"
                f" {number(100 * upper, 1 if upper < 0.1 else 0)}%"
            )
            parts.append(f"No serious side effect was seen in {plural(n, 'patient')} ({limit}).")
        elif SERIOUS in counts:
            parts.append(self._one(result, SERIOUS, "A serious side effect was recorded"))
        if self.collected:
            parts.append(way_collected(self.collected))
        return " ".join(parts)

    def _one(self, result: Result, name: str, lead: str) -> str:
        had, n, after, infusions = result.told(HarmCounts).counts[name]
        noun = "patient" if n == 1 else "patients"
        of_patients = result.select(part=HarmRow.PATIENTS, event=name)[0]
        words = f"{lead} in {share_words(had, n, of_patients, noun)}"
        if infusions:
            e = result.select(part=HarmRow.INFUSIONS, event=name)[0]
            noun = "infusion" if infusions == 1 else "infusions"
            words += (
                " and after"
                f" {share_words(after, infusions, e, noun, 'allowing for repeated infusions')}"
            )
        return words + "."

    def methods_text(self) -> str:
        kind = {"wilson": "Wilson", "clopper-pearson": "Clopper-Pearson"}[self.interval]
        return (
            f"Side effects are given as shares of patients with {kind} intervals (at 0 of n the"
            " one-sided upper limit) and of infusions with intervals that allow for repeated"
            " infusions of the same patient; harms are listed without correction for multiplicity."
        )
