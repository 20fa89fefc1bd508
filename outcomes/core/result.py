"""The frozen answer to a question: its estimates, who was counted, notes, and the data to draw."""

from __future__ import annotations

import dataclasses
import importlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import REASONS, Estimate, chosen, named
from outcomes.core.flow import Counts, EventCount, Flow
from outcomes.core.language import in_source
from outcomes.core.measure import Measure
from outcomes.core.model import FittedModel
from outcomes.core.outcome import Outcome
from outcomes.core.picture import Frames, ValueAxis
from outcomes.core.style import written_in
from outcomes.core.wording import listed, styled, tidied

if TYPE_CHECKING:
    import pandas as pd

NAN = math.nan
T = TypeVar("T")

#: The columns of every results table, in this order (a public face: CSV, JSON and Parquet have them
#: too).
COLUMNS = (
    "label",
    "method",
    "outcome",
    "term",
    "value",
    "low",
    "high",
    "level",
    "p",
    "p_adjusted",
    "statistic",
    "df",
    "se",
    "unit",
    "enrolled",
    "analysed",
    "role",
    "family",
    "notes",
    "measure",
    "scale",
    "visit",
    "from_visit",
    "group",
    "reference",
    "subgroup",
    "event",
    "n",
)


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """A frozen answer: the question, its estimates, the counts, notes, and the data to draw."""

    analysis: Any
    estimates: tuple[Estimate, ...]
    counts: Counts
    outcome: Outcome | None = None
    notes: tuple[str, ...] = ()
    data: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    pictures: tuple[str, ...] = ()
    failed: str = ""
    #: Who was counted arm by arm, where the question compares arms.
    flow: Flow = ()
    #: What is estimated, in words, where the plan declares an estimand.
    estimand: str = ""
    #: Intercurrent events that a strategy of the estimand was carried out for, counted by arm.
    intercurrent: tuple[EventCount, ...] = ()
    #: What was really fitted, where the answer comes from a model: covariance, degrees of freedom,
    #: what was tried before.
    model: FittedModel | None = None
    #: The visit that the question is about; "" where it has none.
    main_visit: str = ""
    #: Whether the groups that are compared were formed by chance (True where none are).
    randomised: bool = True
    #: Whether the study is the invented sample, which no real patient is in.
    sample: bool = False
    #: The axis that a picture of the estimates has.
    axis: ValueAxis = field(default_factory=ValueAxis)
    #: What the topic says beside its estimates, as a frozen dataclass of that topic.
    detail: Any = None

    def __repr__(self) -> str:
        return f"<Result {self.analysis.title(self.outcome)}: {self.sentence()}>"

    def __post_init__(self) -> None:
        object.__setattr__(self, "estimates", tuple(self.estimates))
        object.__setattr__(self, "notes", tuple(dict.fromkeys(self.notes)))
        if not isinstance(self.data, Frames):  # a copy of an answer shares the frames
            object.__setattr__(self, "data", Frames(self.data))

    def __getitem__(self, name: str) -> Estimate:
        """The estimate with this name or term.

        Raises KeyError that lists what there is.
        """
        for e in self.estimates:
            if name in (e.term, e.name):
                return e
        raise KeyError(
            f"No estimate '{name}'. There is: {', '.join(e.term for e in self.estimates)}"
        )

    def __iter__(self) -> Iterator[Estimate]:
        """Refused: what a loop over an answer means is not clear."""
        raise AnalysisError(
            "A Result is one answer, not a list. Its rows are result.estimates"
            " (for e in result.estimates: …), as a table result.to_frame()."
        )

    def about(self, kind: type[T]) -> T | None:
        """What this answer says of a topic (`HarmCounts`, `ResponseCounts` …), also where a
        question asks another again; None where it says nothing of it.
        """
        found = self.detail
        while found is not None and not isinstance(found, kind):
            found = getattr(found, "inner", None)
        return found

    @property
    def main(self) -> Estimate | None:
        """The estimate that the question is about: a size (no bare test) at its main visit.

        A comparison of groups in the score's units comes first, then a change, then what has a P or
        an interval. A size whose own test stands in another row (a shift beside a rank test)
        carries that test's P.
        """
        sized = [e for e in self.estimates if e.measure is not Measure.OVERALL_TEST]
        here = [e for e in sized if e.visit == self.main_visit] if self.main_visit else []
        pool = here or sized
        in_points = [e for e in pool if e.measure.of_score]
        ranked = [
            [e for e in in_points if e.measure.compares_groups],
            in_points,
            [e for e in pool if not math.isnan(e.p)],
            [e for e in pool if not math.isnan(e.low)],
            pool,
        ]
        chosen = next((e for group in ranked for e in group), None)
        if chosen is None or not math.isnan(chosen.p):
            return chosen
        at = main_test(self)
        if at < 0 or not chosen.measure.of_score:
            return chosen
        tested = self.estimates[at]
        return dataclasses.replace(chosen, p=tested.p, p_adjusted=tested.p_adjusted)

    def told(self, kind: type[T]) -> T:
        """What this answer says of a topic, where it must say something of it.

        Raises AnalysisError where it says nothing of it.
        """
        found = self.about(kind)
        if found is None:
            raise AnalysisError(f"This answer holds no {kind.__name__}.")
        return found

    def select(
        self,
        *,
        measure: Measure | None = None,
        part: Enum | None = None,
        visit: str | None = None,
        group: str | None = None,
        reference: str | None = None,
        subgroup: str | None = None,
        event: str | None = None,
    ) -> tuple[Estimate, ...]:
        """The estimates of this measure, part and place, in the order of the answer; a field that
        is not given is not asked of.

        `group` and `reference` are the arms of a comparison, `part` a member of the enumeration of
        the kernel that made the row.

        >>> import pandas as pd, outcomes as oc
        >>> from outcomes.core.measure import Measure
        >>> study = oc.Study(
        ...     pd.DataFrame(
        ...         {
        ...             "patient": ["a", "a", "b", "b", "c", "c"],
        ...             "visit": ["pre", "post"] * 3,
        ...             "pain": [7, 4, 6, 5, 8, 4],
        ...         }
        ...     ),
        ...     visits=("pre", "post"),
        ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
        ... )
        >>> result = oc.PairedT("pain", before="pre", after="post").run(study)
        >>> [round(e.value, 2) for e in result.select(measure=Measure.CHANGE)]
        [-2.67]
        """
        return chosen(
            self.estimates,
            measure=measure,
            part=part,
            visit=visit,
            group=group,
            reference=reference,
            subgroup=subgroup,
            event=event,
        )

    def named(self, names: Sequence[str]) -> list[Estimate]:
        """The estimates that a user names, by label or by term, in the order of the answer."""
        return list(named(self.estimates, names))

    def sentence(self, style: str = "") -> str:
        """The answer in words, in the style of a journal: "ama", "apa", "bmj" or "lancet" (default:
        the study file's, else the house's own, AMA without spaces around signs).
        """
        with written_in(style) as s, in_source():
            if self.failed:
                return f"Not answered: {self.failed}"
            said = f"{self.analysis.sentence(self, s.name)} {self.events_words()}"
            return styled(tidied(said.strip()))

    def methods_text(self) -> str:
        """What a methods section says of this answer: of what was fitted, where that differs from
        what was asked.
        """
        with in_source():
            return f"{self.analysis.methods_of(self)} {self.events_methods()}".strip()

    def events_words(self) -> str:
        """The intercurrent events with their counts, as a sentence; empty where there are none."""
        if not self.intercurrent:
            return ""
        return f"Intercurrent events: {'; '.join(e.words for e in self.intercurrent)}."

    def events_methods(self) -> str:
        """How intercurrent events were handled, for a methods section."""
        if not self.intercurrent:
            return ""
        handled = [f"{e.event} ({e.strategy} strategy: {e.done})" for e in self.intercurrent]
        return f"Intercurrent events were handled as declared: {'; '.join(handled)}."

    def to_frame(self) -> pd.DataFrame:
        """One row an estimate, the same columns (`COLUMNS`) whatever the method; numbers in full
        precision.
        """
        return _frame((self,))

    def _rows(self) -> Iterator[dict[str, Any]]:
        q = self.analysis
        head = {
            "label": q.title(self.outcome),
            "method": type(q).__name__,
            "outcome": self.outcome.name if self.outcome else str(getattr(q, "outcome", "") or ""),
            "enrolled": self.counts.enrolled,
            "analysed": self.counts.analysed,
            "role": q.role,
            "family": q.family,
        }
        place = (
            "visit",
            "from_visit",
            "group",
            "reference",
            "subgroup",
            "event",
        )
        fields = (
            "term",
            "value",
            "low",
            "high",
            "level",
            "p",
            "p_adjusted",
            "statistic",
            "df",
            "se",
            "unit",
        )
        shared = " ".join(self.notes)
        for e in self.estimates or (Estimate("not answered", NAN),):
            words = [e.how, REASONS.get(e.reason, ""), self.failed or shared]
            n, contrast = self.counts.analysed if e.n is None else e.n, e.contrast
            yield (
                head
                | {f: getattr(e, f) for f in fields}
                | {"notes": "; ".join(w for w in words if w)}
                | {"measure": e.measure.value, "scale": e.scale}
                | {f: getattr(contrast, f) for f in place}
                | {"n": n}
            )

    def _repr_html_(self) -> str:
        return str(_card().result_html(self))


@dataclass(frozen=True, eq=False)
class Results(Sequence[Result]):
    """The answers of a plan, in the plan's order; a failed question is a visible row."""

    results: tuple[Result, ...]
    study: Any = None
    #: What a paper's methods section says of multiplicity; empty where no family is declared.
    multiplicity: str = ""
    #: The plan that was answered; None where the answers were put together by hand.
    plan: Any = None

    def __getitem__(self, key: Any) -> Any:
        return self.results[key]

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    @property
    def failed(self) -> tuple[Result, ...]:
        """The questions that could not be answered."""
        return tuple(r for r in self.results if r.failed)

    def to_frame(self) -> pd.DataFrame:
        """All answers, one row an estimate, in the fixed columns."""
        return _frame(self.results)

    def _repr_html_(self) -> str:
        return str(_card().results_html(self))


def _card() -> Any:
    """The notebook's display, which stands above this room: looked up only when something is
    shown.
    """
    return importlib.import_module("outcomes.notebooks.card")


def _frame(results: Iterable[Result]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([row for r in results for row in r._rows()], columns=list(COLUMNS))


def main_test(result: Result) -> int:
    """The position of a result's main p-value: the first at its main visit, where it has one, else
    its first; −1 without any.
    """
    tested = [i for i, e in enumerate(result.estimates) if not math.isnan(e.p)]
    main = result.main_visit
    return next(
        (i for i in tested if main and result.estimates[i].visit == main),
        tested[0] if tested else -1,
    )


def with_adjusted(
    result: Result, adjusted: Mapping[int, float], how: tuple[str, str] = ("", "")
) -> Result:
    """The result with adjusted p-values put on its estimates, by their position, and by what they
    were adjusted.

    `how` is the procedure and over what, ("Holm", "in the family other scores"), for the sentence
    and a note; ("", "") for none.
    """
    new = [
        dataclasses.replace(e, p_adjusted=adjusted[i], adjusted_by=how) if i in adjusted else e
        for i, e in enumerate(result.estimates)
    ]
    terms = [new[i].term for i in adjusted]
    notes = (
        (f"Adjusted P of {listed([new[i].said for i in adjusted])}: {' '.join(how)}.",)
        if terms and any(how)
        else ()
    )
    return dataclasses.replace(result, estimates=tuple(new), notes=(*result.notes, *notes))
