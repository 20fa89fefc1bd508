"""What a question must know of the patients, as sums: made of a study or of any part of its
patients, and added up.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
import pandas as pd

from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.wording import plural
from outcomes.stats.tally import Tally
from outcomes.study.codes import GROUPS, KEYS, Codes
from outcomes.study.record import Issue, RowNumbers
from outcomes.study.study import Study


class Need(Protocol):
    """Something that a question must know: `of` makes it of a study or of a part of its patients;
    what it makes adds up with `+`, in any order.
    """

    def of(self, study: Study) -> Any:
        """The sum over the patients of this study."""


@dataclass(frozen=True)
class PatientValues:
    """The scores at some visits and the characteristics of each patient: how many have which.

    `scores` names scores and visits, `characteristics` columns known of a patient; `rows` is
    whether the question lays out rows anew (among some patients, or with scores filled in).

    >>> one = PatientValues((("pain", ("pre", "post")),), ("arm",))
    >>> one | PatientValues((("pain", ("week_4",)), ("sleep", ("post",))))
    PatientValues(scores=(('pain', ('pre', 'post', 'week_4')), ('sleep', ('post',))), \
characteristics=('arm',), rows=False)
    """

    scores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    characteristics: tuple[str, ...] = ()
    rows: bool = False

    @classmethod
    def at(
        cls,
        study: Any,
        outcomes: str | Sequence[str],
        visits: Sequence[str] = (),
        characteristics: Sequence[str] = (),
        *,
        rows: bool = False,
    ) -> PatientValues:
        """The scores at those of the visits that there are (none named: at all)."""
        names = (outcomes,) if isinstance(outcomes, str) else outcomes
        named = tuple(v for v in study.visits if v in visits or not any(visits))
        known = tuple(dict.fromkeys(c for c in characteristics if c))
        return cls(tuple((name, named) for name in dict.fromkeys(names)), known, rows)

    def __or__(self, other: PatientValues) -> PatientValues:
        """What both need."""
        scores = {name: dict.fromkeys(visits) for name, visits in self.scores}
        for name, visits in other.scores:
            scores.setdefault(name, {}).update(dict.fromkeys(visits))
        return PatientValues(
            tuple((name, tuple(visits)) for name, visits in scores.items()),
            tuple(dict.fromkeys((*self.characteristics, *other.characteristics))),
            self.rows or other.rows,
        )

    def of(self, study: Study) -> PatientSums:
        """The tally of the patients of a study. Raises AnalysisError for unknown names, and where a
        patient has several rows a visit.
        """
        _refuse_several(study)
        labels, codes, kinds = list[tuple[Hashable, ...]](), list[np.ndarray](), list[Any]()
        for name in self.characteristics:
            levels, code, kind = _coded(_known(study, name))
            labels.append(levels)
            codes.append(code)
            kinds.append(kind)
        values = [
            study.wide(name)[visit].to_numpy(float)
            for name, visits in self.scores
            for visit in visits
        ]
        n = study.enrolled
        tally = Tally.coded(
            labels,
            np.column_stack(codes) if codes else np.empty((n, 0), dtype=np.int64),
            np.column_stack(values) if values else np.empty((n, 0)),
        )
        return PatientSums(self, tally, tuple(kinds))


@dataclass(frozen=True, eq=False)
class PatientSums:
    """How many patients have which values; `kinds` has the type of each characteristic (for one
    with declared levels, these in their order).
    """

    need: PatientValues
    tally: Tally
    kinds: tuple[Any, ...]

    @property
    def levels(self) -> tuple[Hashable, ...]:
        """The levels of the first characteristic, in the order of the tally."""
        return self.tally.labels[0] if self.tally.labels else ()

    def column(self, j: int) -> pd.Series:
        """A characteristic in its type, one row a row of the tally."""
        code = self.tally.codes[:, j]
        return _column(self.tally.labels[j], code, self.kinds[j], pd.RangeIndex(len(code)))

    def __add__(self, other: PatientSums) -> PatientSums:
        if not isinstance(other, PatientSums):
            return NotImplemented
        kinds = tuple(map(_common, self.kinds, other.kinds))
        return replace(self, tally=self.tally + other.tally, kinds=kinds)

    def study(self, like: Study) -> Study:
        """The patients with the values that were counted, numbered in the order of the tally, as a
        study with the visits, scores and protocol of another one.
        """
        n, tally = self.tally.n, self.tally
        study = bare(like, n)
        frame = pd.DataFrame(index=study.patient_ids)
        for j, name in enumerate(self.need.characteristics):
            code = np.repeat(tally.codes[:, j], tally.weights)
            frame[name] = _column(tally.labels[j], code, self.kinds[j], frame.index)
        grids, at = dict[str, np.ndarray](), 0
        for name, visits in self.need.scores:
            grid = np.full((n, len(study.visits)), np.nan)
            for visit in visits:
                grid[:, study.visits.index(visit)] = tally.column(at)
                at += 1
            grids[study.outcome(name).name] = grid
        if self.need.rows:
            study = _laid_out(study, grids)
        columns = pd.Index(study.visits, name="visit")
        for name, grid in grids.items():
            wide = pd.DataFrame(grid, index=study.patient_ids, columns=columns)
            study.once(("wide", name), partial(_itself, wide))
        study.once("patient_frame", partial(_itself, frame))
        return study


def _itself(made: pd.DataFrame) -> pd.DataFrame:
    return made


def _laid_out(study: Study, grids: Mapping[str, np.ndarray]) -> Study:
    """The study with a row for each patient at each visit, patient by patient."""
    n, m = study.enrolled, len(study.visits)
    patient, visit = np.repeat(np.arange(n), m), np.tile(np.arange(m), n)
    named = np.array(study.visits, dtype=object)[visit]
    scores = pd.DataFrame({"patient": patient, "visit": named})
    scores = scores.assign(**{name: grid.ravel() for name, grid in grids.items()})
    codes = replace(study.codes, rows={"scores": patient}, visit=visit, key=patient * m + visit)
    record = replace(study.record, rows=RowNumbers.first(n * m))
    return study._with(codes, scores=scores, record=record)


@dataclass(frozen=True)
class PatientRows:
    """The rows themselves, for questions about events, periods or courses, which no tally of
    patients answers: of the scores these (none named: only who was seen when), and these other
    tables.

    They add up as rows do: memory grows with their number, but only with the columns that are
    needed.
    """

    scores: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    items: bool = False

    def of(self, study: Study) -> RowSums:
        """The rows of a study, its patients by a hash of their codes."""
        ready = study.ready
        known = [*KEYS, *GROUPS, *(study.outcome(name).name for name in self.scores)]
        own = [c for c in ready.scores if self.items or c in known]
        frames = {"scores": ready.scores[own]}
        frames |= {t: f for t in self.tables if (f := getattr(ready, t)) is not None}
        return RowSums(self, ({t: _by_hash(f) for t, f in frames.items()},))


@dataclass(frozen=True, eq=False)
class RowSums:
    """The rows of one or several parts."""

    need: PatientRows
    parts: tuple[dict[str, pd.DataFrame], ...]

    def __add__(self, other: RowSums) -> RowSums:
        return replace(self, parts=(*self.parts, *other.parts))

    def study(self, like: Study) -> Study:
        """The study of all rows, patients in the order of their hashes, with the visits, scores and
        protocol of another one.
        """
        frames = {}
        for table in dict.fromkeys(t for part in self.parts for t in part):
            there = [part[table] for part in self.parts if table in part]
            filled = [f for f in there if len(f)] or there[:1]
            rows = pd.concat(filled, ignore_index=True)
            frames[table] = rows.sort_values("patient", kind="stable", ignore_index=True)
        record = replace(like.record, rows=(), issues=(), columns=None)
        return Study(
            frames.pop("scores"),
            visits=like.visits,
            baseline=like.baseline,
            uses=like.uses,
            measures=like.measures,
            title=like.title,
            sample=like.sample,
            scored=True,
            protocol=like.protocol,
            record=record,
            **frames,
        )


def _by_hash(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with a hash of the patient's code in its place."""
    place, codes = pd.factorize(frame["patient"])
    hashed = np.array([hash_of(str(c)) for c in codes], dtype=np.uint64)
    return frame.assign(patient=hashed[place])


def hash_of(code: str) -> int:
    """A hash of a patient's code: the same on every machine.

    >>> hash_of("K001") % 64, hash_of("K002") % 64
    (32, 41)
    """
    return int.from_bytes(hashlib.blake2b(code.encode(), digest_size=8).digest(), "big")


@dataclass(frozen=True)
class Facts:
    """What a part alone could not tell: how many patients and rows there are, who was scored when,
    and what is known of every patient.
    """

    def of(self, study: Study) -> StudyFacts:
        """The facts of the patients of this study."""
        ready = study.ready
        frame, at = ready.patient_frame, ready.codes.visit
        seen = {
            name: np.bincount(at[ready.scores[name].notna()], minlength=len(study.visits))
            for name in ready.measures
        }
        own = () if ready.patients is None else tuple(ready.patients.columns.drop("patient"))
        others = [c for c in ready.scores if c not in KEYS]
        candidates = dict.fromkeys((*own, *(c for c in GROUPS if c in others), *others))
        varying = {c for c in candidates if c not in frame and ready.scores[c].notna().any()}
        return StudyFacts(
            enrolled=study.enrolled,
            rows=len(study.scores),
            visits=study.visits,
            seen={name: tuple(map(int, counts)) for name, counts in seen.items()},
            candidates=tuple(candidates),
            known=frozenset(map(str, frame.columns)),
            varying=frozenset(varying),
        )


@dataclass(frozen=True)
class StudyFacts:
    """The facts of a study: `seen` has the number of patients with each score at each visit."""

    enrolled: int
    rows: int
    visits: tuple[str, ...]
    seen: dict[str, tuple[int, ...]]
    candidates: tuple[str, ...]
    known: frozenset[str] = field(default=frozenset())
    varying: frozenset[str] = field(default=frozenset())

    def __add__(self, other: StudyFacts) -> StudyFacts:
        if not isinstance(other, StudyFacts):
            return NotImplemented
        for what in ("visits", "candidates"):
            if getattr(self, what) != getattr(other, what):
                raise AnalysisError(
                    f"The parts of this study have different {what}. Declare the visits under"
                    " [visits] order, and let every file have the same columns."
                )
        both = {n: tuple(a + b for a, b in zip(self.seen[n], other.seen[n])) for n in self.seen}
        return replace(
            self,
            enrolled=self.enrolled + other.enrolled,
            rows=self.rows + other.rows,
            seen=both,
            known=self.known | other.known,
            varying=self.varying | other.varying,
        )

    @property
    def characteristics(self) -> tuple[str, ...]:
        """What is known of each patient, in the order of the tables."""
        return tuple(c for c in self.candidates if c in self.known and c not in self.varying)

    def refuse_unknown(self, names: tuple[str, ...]) -> None:
        """Raise AnalysisError where one of these is no patient characteristic."""
        for name in names:
            if name not in self.characteristics:
                hint = (
                    f'Declare it: [roles] {name} = "its column".'
                    if name in GROUPS
                    else "It must be constant within patient."
                )
                raise AnalysisError(
                    unknown("patient characteristic", name, self.characteristics, hint=hint)
                )


@dataclass(frozen=True)
class IssuesOf:
    """What reading and scoring found."""

    def of(self, study: Study) -> FoundIssues:
        """The issues of these patients."""
        return FoundIssues(study.ready.issues)


@dataclass(frozen=True)
class FoundIssues:
    """Issues of one or several parts; those of one rule and column are one, with all addresses in
    order.
    """

    issues: tuple[Issue, ...]

    def __add__(self, other: FoundIssues) -> FoundIssues:
        found = {_kind(i): i for i in self.issues}
        for issue in other.issues:
            kind = _kind(issue)
            found[kind] = _together(found[kind], issue) if kind in found else issue
        return FoundIssues(tuple(found[kind] for kind in sorted(found)))


#: Findings about columns or the file, which every part has alike.
_OF_COLUMNS = frozenset(
    {
        "wide_table",
        "visit_order",
        "visit_spelling",
        "baseline_elsewhere",
        "column_absent",
        "encoding",
        "delimiter",
    }
)


def _kind(issue: Issue) -> tuple[str, ...]:
    return issue.rule, issue.severity, issue.table, issue.column, _counted("#", issue)


def _counted(n: int | str, issue: Issue) -> str:
    """The message with another count of cells or rows in place of its own."""
    mine, rows = rf"(?<![\w-]){issue.count}", plural(n, "row") if isinstance(n, int) else "# rows"
    text = re.sub(rf"{mine}(?= [a-z ]+\(s\))", str(n), issue.message, count=1)
    return re.sub(rf"{mine} rows?\b(?!\()", rows, text, count=1)


def _together(one: Issue, other: Issue) -> Issue:
    """One issue of two of a kind: their counts and addresses together."""
    if one.rule in _OF_COLUMNS:
        return one
    n = one.count + other.count
    where = sorted({*one.addresses, *other.addresses}, key=_natural)
    return replace(one, message=_counted(n, one), count=n, addresses=tuple(where))


def _natural(address: str) -> tuple[tuple[int, int, str], ...]:
    """B7 before B12, row 9 before row 10."""
    pieces = re.findall(r"[0-9]+|[^0-9]+", address)
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in pieces)


def bare(like: Study, n: int) -> Study:
    """A study of n numbered patients of whom nothing is known yet, with the visits, the scores and
    the protocol of another study.
    """
    ready = like.ready
    patients = pd.RangeIndex(n, name="patient")
    place = ready.visits.index(ready.baseline) if ready.baseline else 0
    scores = pd.DataFrame({"patient": patients, "visit": np.full(n, ready.baseline, dtype=object)})
    codes = Codes(
        patients,
        ready.codes.visits,
        {"scores": np.arange(n)},
        np.full(n, place),
        np.arange(n),
    )
    record = replace(ready.record, rows=RowNumbers.first(n), issues=(), columns=None)
    return ready._with(
        codes, scores=scores, patients=None, infusions=None, events=None, record=record
    )


def _refuse_several(study: Study) -> None:
    if len(study.keys) > 2:
        raise AnalysisError(
            "Patients have periods or episodes: such a study is not counted in parts. Read it"
            " whole, without [engine]."
        )


def _known(study: Study, name: str) -> pd.Series:
    """A characteristic of every patient; one that nobody in this part has is not known."""
    if name not in study.patient_frame and name in study.ready.scores:
        column = study.ready.scores[name]
        if column.isna().all():
            return pd.Series(None, index=study.patient_ids, dtype=object)
    return study.characteristic(name)


def _coded(column: pd.Series) -> tuple[tuple[Hashable, ...], np.ndarray, Any]:
    """The levels of a column, the place of each patient's, and its type."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        levels = tuple(column.cat.categories)
        return levels, column.cat.codes.to_numpy(np.int64), levels
    codes, found = pd.factorize(column)
    kind = column.dtype if len(found) else None
    return tuple(found.tolist()), codes.astype(np.int64), kind


def _common(one: Any, other: Any) -> Any:
    """The type that holds the values of both parts."""
    if one is None or other is None:
        return other if one is None else one
    if one == other:
        return one
    if isinstance(one, tuple) or isinstance(other, tuple):
        raise AnalysisError("The parts of this study have different arms. Declare them: arms.")
    plain = isinstance(one, np.dtype) and isinstance(other, np.dtype)
    return np.result_type(one, other) if plain else np.dtype(object)


def _column(
    levels: tuple[Hashable, ...], code: np.ndarray, kind: Any, index: pd.Index
) -> pd.Series:
    """The column of these levels in its type."""
    if isinstance(kind, tuple):
        to = np.array([*(kind.index(v) for v in levels), -1])
        return pd.Series(pd.Categorical.from_codes(to[code], list(kind)), index=index)
    values = pd.Series(np.array([*levels, None], dtype=object)[code], index=index)
    if kind is None or kind == np.dtype(object):
        return values
    if isinstance(kind, np.dtype) and kind.kind in "iub" and (code < 0).any():
        return values if kind.kind == "b" else values.astype(float)
    return values.astype(kind)
