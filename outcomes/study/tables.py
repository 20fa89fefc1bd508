"""The tables of a study, with what was planned and how they were read: checked and encoded once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Self, TypeVar

import numpy as np
import pandas as pd

from outcomes.core.errors import DataError, StudyError, unknown
from outcomes.core.outcome import Outcome
from outcomes.study.codes import KEYS, TABLES, Codes, encode
from outcomes.study.protocol import Protocol
from outcomes.study.record import Issue, ReadingRecord
from outcomes.study.scored import InstrumentUse

T = TypeVar("T")
#: Fields of the protocol and the record that hold several things in order.
_TUPLES = frozenset({"questions", "issues", "sources"})


@dataclass(frozen=True, eq=False)
class _Shared:
    """What was made once of these very tables, for every copy of a study that has the same."""

    tables: tuple[Any, ...]
    others: tuple[Any, ...]
    codes: Codes
    made: dict[Any, Any]
    #: What is the same whether or not the instruments are scored already.
    either: dict[Any, Any]


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Tables:
    """The tables of a study with its protocol and the record of reading, brought into form, checked
    and encoded; what is worked out of them is kept for every copy with the same contents.
    """

    scores: pd.DataFrame
    visits: tuple[str, ...]
    baseline: str
    patients: pd.DataFrame | None
    infusions: pd.DataFrame | None
    events: pd.DataFrame | None
    uses: tuple[InstrumentUse, ...]
    measures: Mapping[str, Outcome]
    title: str
    sample: bool
    scored: bool
    protocol: Protocol
    record: ReadingRecord
    _shared: _Shared

    def __init__(
        self,
        scores: pd.DataFrame,
        *,
        visits: Sequence[str] = (),
        baseline: str = "",
        patients: pd.DataFrame | None = None,
        infusions: pd.DataFrame | None = None,
        events: pd.DataFrame | None = None,
        uses: Sequence[InstrumentUse] = (),
        measures: Mapping[str, Outcome] = MappingProxyType({}),
        title: str = "",
        sample: bool = False,
        scored: bool = False,
        protocol: Protocol | None = None,
        design: str | None = None,
        arms: Mapping[str, str] | Sequence[str] | None = None,
        reference: str | None = None,
        entry: Mapping[str, Any] | None = None,
        estimand: Mapping[str, Any] | None = None,
        questions: Sequence[Mapping[str, Any]] | None = None,
        families: Mapping[str, Any] | None = None,
        record: ReadingRecord | None = None,
        rows: Sequence[str] | None = None,
        issues: Sequence[Issue] | None = None,
        columns: pd.DataFrame | None = None,
        sources: Sequence[Mapping[str, Any]] | None = None,
        settings: Mapping[str, Any] | None = None,
        _shared: _Shared | None = None,
    ) -> None:
        protocol = _said(
            protocol or Protocol(),
            design=design,
            arms=arms,
            reference=reference,
            entry=entry,
            estimand=estimand,
            questions=questions,
            families=families,
        )
        record = record or ReadingRecord()
        if rows is None and len(record.rows) != len(scores):
            rows = ()  # those of another table
        record = _said(
            record, rows=rows, issues=issues, columns=columns, sources=sources, settings=settings
        )
        own = {
            "scores": scores,
            "patients": patients,
            "infusions": infusions,
            "events": events,
            "visits": tuple(visits),
            "baseline": baseline,
            "uses": tuple(uses),
            "measures": _frozen(measures),
            "title": title,
            "sample": sample,
            "scored": scored,
            "protocol": protocol,
            "record": record.of(len(scores)),
        }
        for name, value in own.items():
            object.__setattr__(self, name, value)
        self._share(_shared)

    def _share(self, old: _Shared | None) -> None:
        """Take over what a study with the same tables has worked out; else check the tables and
        encode them.
        """
        if old is None or not _same(old.tables, self._made_of):
            codes = self._encoded()
            old = _Shared(self._made_of, (), codes, {}, {})
        others = self.uses, self.measures, self.record, self.scored
        if not _same(old.others, others):
            old = _Shared(old.tables, others, old.codes, {}, {})
        object.__setattr__(self, "_shared", old)

    @property
    def _made_of(self) -> tuple[Any, ...]:
        frames = self.scores, self.patients, self.infusions, self.events
        return (*frames, self.visits, self.baseline, self.protocol)

    def _encoded(self) -> Codes:
        """The codes of the tables, which are brought into their form and checked."""
        if "visit" not in self.scores:
            first = self.baseline or (self.visits[0] if self.visits else "visit")
            object.__setattr__(self, "scores", self.scores.assign(visit=first))
        frames = {t: f for t in TABLES if (f := getattr(self, t)) is not None}
        for name, frame in frames.items():
            if "patient" not in frame:
                raise StudyError(
                    f"The {name} table has no 'patient' column. It has:"
                    f" {', '.join(map(str, frame))}."
                )
        frames = {t: f.reset_index(drop=True) for t, f in frames.items()}
        frames = self.protocol.applied(frames)
        codes = encode(frames, self.visits)
        visits = codes.visits
        start = self.baseline or (visits[0] if visits else "")
        for name, value in {**frames, "visits": visits, "baseline": start}.items():
            object.__setattr__(self, name, value)
        self._validate(codes)
        return codes

    def _validate(self, codes: Codes) -> None:
        if self.visits and self.baseline not in self.visits:
            raise StudyError(
                unknown(
                    "visit", self.baseline, self.visits, hint="The baseline is one of the visits."
                )
            )
        strange = set(self.scores["visit"][codes.visit < 0])
        if strange:
            there = ", ".join(self.visits)
            raise StudyError(
                f"{len(strange)} visit name(s) in the scores are not in the declared order:"
                f" {', '.join(sorted(map(repr, strange)))}. There is: {there}. Add them to [visits]"
                " order, or map them."
            )
        if codes.twice.any():
            where = self.record.at(np.flatnonzero(codes.twice))
            more = f" and {len(where) - 20} more" if len(where) > 20 else ""
            raise DataError(
                f"{len(where)} rows share the same {' and '.join(self.keys)}:"
                f" {', '.join(where[:20])}{more}. Each patient has one row a visit. If"
                " something else tells these rows apart, say so: a period or episode under [roles],"
                ' the site (patient = ["site", "id"]), a date ([visits] days); where each row is'
                " one answer, measure, value and each beside the file's name; where a visit has"
                ' several rows by date, which of them counts ([visits] several = "last"). Else'
                " correct them."
            )

    # --- what was planned, and how the data were read ---------------------------------------------

    @property
    def design(self) -> str:
        """The design: `protocol.design`."""
        return self.protocol.design

    @property
    def controlled(self) -> bool:
        """Whether the design compares with something: only then may words speak of an effect."""
        return self.protocol.controlled

    @property
    def entry(self) -> Mapping[str, Any]:
        """Who was admitted: `protocol.entry`."""
        return self.protocol.entry

    @property
    def questions(self) -> tuple[Mapping[str, Any], ...]:
        """The plan as plain data: `protocol.questions`."""
        return self.protocol.questions

    @property
    def families(self) -> Mapping[str, Any]:
        """How families of questions are adjusted: `protocol.families`."""
        return self.protocol.families

    @property
    def estimand(self) -> Mapping[str, Any]:
        """What is estimated: `protocol.estimand`."""
        return self.protocol.estimand

    @property
    def rows(self) -> tuple[str, ...]:
        """The address of each row of scores: `record.rows`."""
        return tuple(self.record.rows)

    @property
    def issues(self) -> tuple[Issue, ...]:
        """What reading and scoring found: `record.issues`."""
        return self.record.issues

    @property
    def columns(self) -> pd.DataFrame | None:
        """How each column was read: `record.columns`."""
        return self.record.columns

    @property
    def sources(self) -> tuple[Mapping[str, Any], ...]:
        """The files that were read: `record.sources`."""
        return self.record.sources

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the study file says of reading and of the paper: `record.settings`."""
        return self.record.settings

    # --- who and when -----------------------------------------------------------------------------

    @property
    def codes(self) -> Codes:
        """Which patient and visit each row belongs to, as whole numbers."""
        return self._shared.codes

    @property
    def keys(self) -> list[str]:
        """The columns that identify a row of `scores`."""
        return [k for k in KEYS if k in self.scores]

    @property
    def patient_ids(self) -> pd.Index:
        """Everybody enrolled, sorted: those in `patients`, and those in `scores`."""
        return self.codes.patients

    @property
    def enrolled(self) -> int:
        """How many patients there are."""
        return len(self.codes.patients)

    def once(self, key: Any, make: Callable[[], T], *, either: bool = False) -> T:
        """What `make` gives, made once for this study and shared by all its questions, and by
        copies with the same data and protocol (another title, say).

        With `either` it is the same before and after scoring, so it is shared by `ready` too.
        """
        made = self._shared.either if either else self._shared.made
        if key not in made:
            made[key] = make()
        return made[key]

    def _with(self, codes: Codes, **changes: Any) -> Self:
        """A copy with other contents whose rows need no check, under these codes."""
        new = copy.copy(self)
        for name, value in changes.items():
            object.__setattr__(new, name, _frozen(value) if name == "measures" else value)
        new._share(_Shared(new._made_of, (), codes, {}, {}))
        return new


def _said(part: Any, **fields: Any) -> Any:
    """A protocol or record with the fields that were given."""
    said = {
        name: tuple(value) if name in _TUPLES else value
        for name, value in fields.items()
        if value is not None
    }
    return replace(part, **said) if said else part


def _same(old: tuple[Any, ...], new: tuple[Any, ...]) -> bool:
    """Whether these are the very same objects."""
    return len(old) == len(new) and all(a is b for a, b in zip(old, new, strict=True))


def _frozen(measures: Mapping[str, Outcome]) -> Mapping[str, Outcome]:
    return measures if isinstance(measures, MappingProxyType) else MappingProxyType(dict(measures))
