"""Side effects in detail: severity, relation, onset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.question import Analysis
from outcomes.analyses.safety.adverse_events import (
    SERIOUS,
    Harms,
    checked_way,
    event_name,
    harms,
    of_event,
    said_yes,
    shares_of_patients,
    way_collected,
)
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.language import Phrase, say
from outcomes.core.outcome import Outcome
from outcomes.core.picture import labelled_frame
from outcomes.core.result import Result
from outcomes.core.wording import number, percent, plural, share_of
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientRows

#: Worst first: the words of a severity scale, as far as they are known; others sort after these by
#: name.
SEVERITIES = (
    "5",
    "4",
    "3",
    "2",
    "1",
    "fatal",
    "death",
    "life-threatening",
    "severe",
    "moderate",
    "mild",
    "slight",
)


@dataclass(frozen=True)
class EventTable(Analysis):
    """How severe, how related, how soon and how serious were the side effects?

    One row a side effect: patients (share of those asked), records, patients by their worst
    severity, patients by the closest judged relation, median time to onset (quartiles) of all
    records, serious ones: what readers of a paper expect. Where severity or relation was not always
    recorded, a column says for how many patients, so that the columns add up to the patients. A
    column the study lacks is left out. Each share of patients by severity has Wilson's interval.

    `severities` gives the order of the severity words, worst first, where they are not mild,
    moderate, severe or grades.

    >>> import pandas as pd, outcomes as oc
    >>> study = oc.Study(
    ...     pd.DataFrame({"patient": ["a", "b", "c"]}),
    ...     events=pd.DataFrame(
    ...         {
    ...             "patient": ["a", "a", "b"],
    ...             "event": "nausea",
    ...             "severity": ["mild", "severe", "mild"],
    ...         }
    ...     ),
    ... )
    >>> table = oc.EventTable().run(study).data["event_table"]
    >>> table.loc[table["side effect"] == "nausea", "severe"].item()
    '1 (33%)'
    """

    _: KW_ONLY
    events: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    collected: str = ""

    short: ClassVar[str] = "side effects in detail"
    chapter: ClassVar[str] = "Side effects"
    comparative: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_way(self.collected)

    def title(self, outcome: Outcome | None = None) -> str:
        return self.label or say("Side effects in detail")

    def needs(self, study: Study | PartitionedStudy) -> PatientRows:
        return PatientRows((), ("patients", "infusions", "events"))

    def compute(self, study: Study) -> Result:
        h = harms(study)
        n, rows, frame, names = len(h.patients), [], [], h.listed(self.events)
        judged = {c: self._judged(h, c, names) for c in ("severity", "relation") if c in h.events}
        for name in names:
            of = h.of(name)
            had = int(of["patient"].nunique())
            found = shares_of_patients(
                Phrase.of("{event}, of patients", event=event_name(name)), had, n, level=self.level
            )
            cells: dict[str, object] = {
                "side effect": name,
                "patients": share_of(had, n),
                "records": len(of),
            }
            for column, (words, counts) in judged.items():
                for word in words:
                    k, head = counts[name][word], _head(column, word)
                    cells[head] = _count(k, n)
                    if k and column == "severity":
                        found += shares_of_patients(
                            Phrase.of(
                                "{event}, {severity}, of patients",
                                event=event_name(name),
                                severity=Phrase.of(head, "name"),
                            ),
                            k,
                            n,
                            level=self.level,
                        )
            rows += of_event(name, found)
            if "onset" in of:
                cells["onset, median (quartiles)"] = _quartiles(of["onset"])
            if "serious" in of and name != SERIOUS:
                cells["serious"] = _count(int(of["patient"][said_yes(of["serious"])].nunique()), n)
            frame.append(cells)
        notes = (
            "Severity is the worst, relation the closest, that each patient had.",
            way_collected(self.collected),
        )
        table, drawn = pd.DataFrame(frame), _severity_frame(judged, names, n)
        told = Recorded(len(h.events), int(h.events["patient"].nunique()))
        return Result(
            self,
            tuple(rows),
            h.counts,
            None,
            (*notes, *h.absent(self.events), *h.notes),
            {"event_table": table} | drawn,
            tuple(drawn),
            detail=told,
        )

    def _judged(
        self, h: Harms, column: str, names: Sequence[str]
    ) -> tuple[list[str], dict[str, Counter[str]]]:
        """The words of a column, worst (or closest) first and "" for none where some patient has
        none, and the counts of each effect.
        """
        given = self.severities if column == "severity" else ()
        order = ranked(_words(h.events[column]).dropna().unique(), given)
        counts = {
            name: _worst((of := h.of(name))["patient"], _words(of[column]), order) for name in names
        }
        return [*order, *([""] if any(c[""] for c in counts.values()) else [])], counts

    def sentence(self, result: Result, style: str = "ama") -> str:
        n = result.counts.analysed
        told = result.told(Recorded)
        return (
            f"{plural(told.records, 'side effect')}"
            f" {'was' if told.records == 1 else 'were'} recorded in {told.patients} of"
            f" {plural(n, 'patient')} asked; the table gives severity, relation and onset as far as"
            " they were recorded."
        )

    def methods_text(self) -> str:
        return (
            "Each side effect is tabulated by patients, records, worst severity, closest judged"
            " relation, time to onset and seriousness."
        )


def _severity_frame(
    judged: Mapping[str, tuple[list[str], dict[str, Counter[str]]]], names: Sequence[str], n: int
) -> dict[str, pd.DataFrame]:
    """The patients by the worst severity that each had, a row a side effect and word; nothing where
    no severity is recorded.
    """
    words, counts = judged.get("severity", ([], {}))
    rows = [
        {"label": name, "severity": word, "patients": counts[name][word], "total": n}
        for name in names
        for word in words
    ]
    return {"severity": labelled_frame(rows)} if n and any(words) else {}


#: Closest first: the words of a relation scale.
RELATIONS = (
    "definite",
    "certain",
    "related",
    "probable",
    "likely",
    "possible",
    "doubtful",
    "unlikely",
    "unrelated",
    "not related",
)


def ranked(words: Iterable[str], given: tuple[str, ...] = ()) -> list[str]:
    """Words of a scale of severity or relation, worst or closest first.

    Raises AnalysisError where `given` leaves out a word that occurs.

    >>> ranked(np.array(["mild", "severe", "moderate"])), ranked(np.array(["1", "3"]))
    (['severe', 'moderate', 'mild'], ['3', '1'])
    """
    if given:
        if extra := [w for w in words if w not in given]:
            raise AnalysisError(unknown("severity", extra[0], given))
        return [w for w in given if w in words]
    words = [str(w) for w in words]
    known = {w: i for i, w in enumerate((*SEVERITIES, *RELATIONS))}
    key = {w: str(w).strip().casefold().removeprefix("grade ").removesuffix(".0") for w in words}
    return sorted(words, key=lambda w: (known.get(key[w], len(known)), key[w]))


def _words(column: pd.Series) -> pd.Series:
    """What was recorded, as text; a blank is a gap, and a grade that became 2.0 beside a gap is 2
    again.
    """
    text = column.astype("string").str.strip().str.replace(r"\.0$", "", regex=True)
    return text.mask(text == "").astype(object)


def _worst(patients: pd.Series, words: pd.Series, order: Sequence[str]) -> Counter[str]:
    """How many patients have each word as their worst (or closest); "" counts those for whom none
    was recorded.
    """
    place = words.map({w: i for i, w in enumerate(order)}).fillna(len(order)).astype(int)
    return Counter((*order, "")[i] for i in place.groupby(patients).min())


def _head(column: str, word: str) -> str:
    """What a column of the table is called."""
    if not word:
        return f"{column} not recorded"
    return (
        f"relation: {word}" if column == "relation" else f"grade {word}" if word.isdigit() else word
    )


def _count(k: int, n: int) -> str:
    return f"{k} ({percent(k / n)})" if n else str(k)


def _quartiles(values: pd.Series) -> str:
    x = pd.to_numeric(values, errors="coerce").dropna().to_numpy(float)
    if not len(x):
        return ""
    low, middle, high = np.percentile(x, [25, 50, 75])
    return f"{number(middle, 0)} ({number(low, 0)} to {number(high, 0)})"


@dataclass(frozen=True)
class Recorded:
    """How many side effects were recorded, in how many patients."""

    records: int
    patients: int
