"""What an answer is: an estimate, who was counted, and the result that holds both."""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from outcomes.core.wording import (
    MINUS,
    NONE,
    digits_for,
    interval,
    listed,
    number,
    p_value,
    points,
    spaced,
    spoken,
    tidied,
)

if TYPE_CHECKING:
    import pandas as pd

NAN = math.nan

#: The columns of every results table, in this order (a public face: CSV, JSON and Parquet have them too).
COLUMNS = (
    "label", "method", "outcome", "term", "value", "low", "high", "level", "p", "p_adjusted",
    "statistic", "df", "se", "unit", "enrolled", "analysed", "role", "family", "notes",
)  # fmt: skip

#: Why a number is undefined (`Estimate.reason`): a code for machines, words for people.
REASONS = MappingProxyType(
    {
        "too_few": "too few patients",
        "zero_variance": "all changes are equal, so there is no spread to judge them by",
        "all_zero": "every difference is zero",
        "no_discordant": "no patient changed",
        "no_events": "no event",
        "not_estimable": "the data do not determine it",
        "not_converged": "the model did not converge",
        "separation": "the groups are perfectly separated",
        "needs_input": "it needs a value that was not supplied",
    }
)


class _Alike:
    """Equal when all fields are; an undefined number is the same as another undefined one."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self._all() == other._all() if isinstance(other, type(self)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._all())

    def _all(self) -> tuple[object, ...]:
        values = (getattr(self, f.name) for f in dataclasses.fields(self))  # type: ignore[arg-type]
        return tuple(None if v != v else v for v in values)


@dataclass(frozen=True, slots=True, eq=False)
class Estimate(_Alike):
    """One number with its uncertainty: one row of every table.

    `name` says what is estimated ("mean change", "d_av"), `how` the test or interval with its options
    ("exact signed-rank, mid-ranks, zeros dropped"), `reason` a code of `REASONS` when the value, the interval
    or p is undefined (nan). Numbers are plain floats in full precision; rounding happens in `wording`.
    `visit` and `group` say which visit and which arm, route or stratum a row belongs to, where there are several.
    """

    name: str
    value: float
    low: float = NAN
    high: float = NAN
    level: float = 0.95
    p: float = NAN
    statistic: float = NAN
    df: float = NAN
    se: float = NAN
    unit: str = ""
    how: str = ""
    reason: str = ""
    visit: str = ""
    group: str = ""
    p_adjusted: float = NAN

    def __post_init__(self) -> None:
        for name in ("value", "low", "high", "level", "p", "statistic", "df", "se", "p_adjusted"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if self.reason and self.reason not in REASONS:
            raise ValueError(f"Estimate.reason is one of {', '.join(REASONS)}, not {self.reason!r}")

    @property
    def term(self) -> str:
        """The name with its group and visit: what the `term` column of a results table says."""
        return " | ".join(part for part in (self.name, self.group, self.visit) if part)

    @property
    def said(self) -> str:
        """The term as tables for people have it: 'adjusted difference · ketamine − placebo · week 4'."""
        parts = (self.name, self.group, spoken(self.visit))
        return " · ".join(part for part in parts if part).replace(" - ", f" {MINUS} ")


@dataclass(frozen=True, slots=True)
class Counts:
    """Who was counted: enrolled = analysed + left out, with a reason for each patient left out.

    >>> Counts(41, 35, (("no score at week_4", 6),)).left_out
    (('no score at week_4', 6),)
    """

    enrolled: int
    analysed: int
    left_out: tuple[tuple[str, int], ...] = ()
    noun: str = "patient"

    def __post_init__(self) -> None:
        out = sum(n for _, n in self.left_out)
        if self.enrolled != self.analysed + out:
            raise ValueError(
                f"counts do not add up: {self.enrolled} enrolled, {self.analysed} analysed, {out} left out"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Outcome(_Alike):
    """What a score means: the words and the direction every table and sentence needs.

    `better` is "lower", "higher" or "" (no direction); `resolution` is the smallest step of the score.
    """

    name: str
    title: str
    better: str = ""
    unit: str = "points"
    low: float = NAN
    high: float = NAN
    resolution: float = NAN
    instrument: str = ""
    thresholds: tuple[Any, ...] = ()
    mdc95: float = NAN
    notes: tuple[str, ...] = ()

    def direction(self, change: float) -> str:
        """ "improved", "worsened", "unchanged", or "rose"/"fell" where the score has no better side."""
        if math.isnan(change):
            return "undefined"
        if change == 0:
            return "unchanged"
        if not self.better:
            return "rose" if change > 0 else "fell"
        return "improved" if (change < 0) == (self.better == "lower") else "worsened"


#: Units that are shares (shown as percentages), and that of a difference of two (shown in percentage points).
SHARES = ("share", "proportion")
DIFFERENCE = "difference of shares"


def p_text(p: float) -> str:
    """A p-value for a table's column headed P: '.04', '<.001', empty when there is none."""
    return "" if math.isnan(p) else p_value(p).removeprefix("P").removeprefix("=")


def value_and_interval(e: Estimate, outcome: Outcome | None) -> tuple[str, str]:
    """Value and interval of an estimate as text: shares as percentages, their differences in percentage points, scores to their own digits."""
    if math.isnan(e.value):
        return NONE, REASONS.get(e.reason, "")
    if e.unit in SHARES:
        value, (low, high) = f"{number(100 * e.value, 0)}%", (100 * e.low, 100 * e.high)
        return value, NONE if math.isnan(low) else f"{interval(low, high, 0)}%"
    if e.unit == DIFFERENCE:
        return points(e.value), NONE if math.isnan(e.low) else interval(100 * e.low, 100 * e.high, 0)
    k = digits_for(outcome.resolution) if outcome and e.unit and e.unit == outcome.unit else 2
    if e.unit == "patients":  # a count is whole; a number needed to treat has one digit
        k = 0 if e.value.is_integer() else 1
    if math.isnan(e.low) and math.isnan(e.high):
        return number(e.value, k), REASONS.get(e.reason, "")
    return number(e.value, k), interval(e.low, e.high, k)


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
    facts: Mapping[str, Any] = field(default_factory=dict)
    failed: str = ""
    #: What is estimated, in words, where the plan declares an estimand.
    estimand: str = ""

    def __repr__(self) -> str:
        return f"<Result {self.analysis.title(self.outcome)}: {self.sentence()}>"

    def __post_init__(self) -> None:
        object.__setattr__(self, "estimates", tuple(self.estimates))
        object.__setattr__(self, "notes", tuple(dict.fromkeys(self.notes)))
        object.__setattr__(self, "data", MappingProxyType(dict(self.data)))
        object.__setattr__(self, "facts", MappingProxyType(dict(self.facts)))

    def __getitem__(self, name: str) -> Estimate:
        """The estimate with this name or term.

        Raises KeyError that lists what there is.
        """
        for e in self.estimates:
            if name in (e.term, e.name):
                return e
        raise KeyError(f"No estimate '{name}'. There is: {', '.join(e.term for e in self.estimates)}")

    def sentence(self, style: str = "ama") -> str:
        """The answer in words, in AMA (default) or APA form."""
        if self.failed:
            return f"Not answered: {self.failed}"
        said = tidied(self.analysis.sentence(self, style))
        return spaced(said) if style == "apa" else said

    def to_frame(self) -> pd.DataFrame:
        """One row an estimate, the same columns (`COLUMNS`) whatever the method; numbers in full precision."""
        return _frame((self,))

    def _rows(self) -> Iterator[dict[str, Any]]:
        q = self.analysis
        head = {
            "label": q.title(self.outcome), "method": type(q).__name__,
            "outcome": self.outcome.name if self.outcome else str(getattr(q, "outcome", "") or ""),
            "enrolled": self.counts.enrolled, "analysed": self.counts.analysed, "role": q.role, "family": q.family,
        }  # fmt: skip
        fields = ("term", "value", "low", "high", "level", "p", "p_adjusted", "statistic", "df", "se", "unit")
        shared = " ".join(self.notes)
        for e in self.estimates or (Estimate("not answered", NAN),):
            words = [e.how, REASONS.get(e.reason, ""), self.failed or shared]
            yield head | {f: getattr(e, f) for f in fields} | {"notes": "; ".join(w for w in words if w)}

    def _repr_html_(self) -> str:
        rows = [(e.said, *value_and_interval(e, self.outcome), p_text(e.p)) for e in self.estimates]
        cells = ["".join(f"<td>{html.escape(c)}</td>" for c in row) for row in rows]
        body = "".join(f"<tr>{c}</tr>" for c in cells)
        head = "<tr><th>estimate</th><th>value</th><th>interval</th><th>P</th></tr>"
        notes = "".join(f"<li>{html.escape(n)}</li>" for n in (*self.notes, self.estimand) if n)
        title, words = html.escape(self.analysis.title(self.outcome)), html.escape(self.sentence())
        return f"<p><b>{title}</b></p><p>{words}</p><table>{head}{body}</table><ul>{notes}</ul>"


@dataclass(frozen=True, eq=False)
class Results(Sequence[Result]):
    """The answers of a plan, in the plan's order; a failed question is a visible row."""

    results: tuple[Result, ...]
    study: Any = None
    #: What a paper's methods section says of multiplicity; empty where no family is declared.
    multiplicity: str = ""

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
        return "<hr>".join(r._repr_html_() for r in self.results)


def _frame(results: Iterable[Result]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([row for r in results for row in r._rows()], columns=list(COLUMNS))


def main_test(result: Result) -> int:
    """The position of a result's main p-value: the first at its main visit, where it has one, else its first; −1 without any."""
    tested = [i for i, e in enumerate(result.estimates) if not math.isnan(e.p)]
    main = result.facts.get("main")
    return next((i for i in tested if main and result.estimates[i].visit == main), tested[0] if tested else -1)


def with_adjusted(result: Result, adjusted: Mapping[int, float], how: tuple[str, str] = ("", "")) -> Result:
    """The result with adjusted p-values put on its estimates, by their position, and by what they were adjusted.

    `how` is the procedure and over what, ("Holm", "in the family other scores"), for the sentence and a note; ("", "") for none.
    """
    new = [dataclasses.replace(e, p_adjusted=adjusted.get(i, e.p_adjusted)) for i, e in enumerate(result.estimates)]
    terms = [new[i].term for i in adjusted]
    notes = (
        (f"Adjusted P of {listed([new[i].said for i in adjusted])}: {' '.join(how)}.",) if terms and any(how) else ()
    )
    facts = {**result.facts, "adjusted": dict.fromkeys(terms, how)}
    return dataclasses.replace(result, estimates=tuple(new), notes=(*result.notes, *notes), facts=facts)
