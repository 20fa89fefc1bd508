"""The data and what their columns mean, said once and never changed in place."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from outcomes.core.errors import AnalysisError, DataError, InstrumentError, StudyError, unknown
from outcomes.core.flow import Counts
from outcomes.core.outcome import Outcome
from outcomes.core.wording import plural, spoken
from outcomes.questionnaires import Instrument
from outcomes.questionnaires import instrument as find_instrument

T = TypeVar("T")

#: Kinds of study. Only the last three have a comparison that can speak of an effect.
DESIGNS = ("before-after", "follow-up", "routes", "parallel", "crossover", "n-of-1")
CONTROLLED = frozenset({"parallel", "crossover", "n-of-1"})

#: Role columns of the scores table, in the order of the key; the first that exist identify a row.
KEYS = ("patient", "period", "episode", "visit")
#: Roles that belong to a patient (or, in a crossover, `arm` to a period).
GROUPS = ("arm", "sequence", "site", "route")


@dataclass(frozen=True)
class InstrumentUse:
    """Which columns of the scores table hold an instrument's items, or its scores when the clinic
    exports only these.
    """

    instrument: str | Instrument
    items: Mapping[str, str] = field(default_factory=dict)
    totals: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> Instrument:
        """The instrument itself: the library's, or a clinic's own."""
        return (
            find_instrument(self.instrument)
            if isinstance(self.instrument, str)
            else self.instrument
        )


@dataclass(frozen=True)
class Issue:
    """One thing a reader, a score or a check found: what, where (addresses), how often; never a
    value.
    """

    rule: str
    message: str
    count: int = 1
    severity: str = "warning"  # error | warning | note
    table: str = "scores"
    column: str = ""
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Pairs:
    """Patients with a score both before and after, in the order of their ids, and who was left
    out.
    """

    patients: pd.Index
    before: np.ndarray
    after: np.ndarray
    counts: Counts
    outcome: Outcome

    @cached_property
    def change(self) -> np.ndarray:
        """After − before, rounded to 9 decimals so that 0.1 steps tie as they should."""
        return np.round(self.after - self.before, 9)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Before, after and change, one row a patient, without ids."""
        return pd.DataFrame({"before": self.before, "after": self.after, "change": self.change})


@dataclass(frozen=True, eq=False)
class Study:
    """Up to four tables (`scores`, `patients`, `infusions`, `events`) and what their columns mean.

    `scores` has one row a patient and visit (and period or episode, where the study has them) under
    the names `patient`, `visit`, `period`, `episode`; the other tables name patients in a column
    `patient`. `arm`, `sequence`, `site` and `route` may stand in `scores` or `patients`. `visits`
    is the declared order, `baseline` one of them. `events` has `patient`, `event` and, where known,
    `infusion`, `day`, `severity`, `relation`, `onset`, `serious`; `infusions` has `patient`,
    `infusion` and, where known, `day`, `route`, `dose`.

    Raises StudyError where roles do not fit the tables, DataError for duplicate patient-visits (by
    address).
    """

    scores: pd.DataFrame
    visits: tuple[str, ...] = ()
    baseline: str = ""
    patients: pd.DataFrame | None = None
    infusions: pd.DataFrame | None = None
    events: pd.DataFrame | None = None
    uses: tuple[InstrumentUse, ...] = ()
    measures: Mapping[str, Outcome] = field(default_factory=dict)
    title: str = ""
    design: str = "before-after"
    entry: Mapping[str, Any] = field(default_factory=dict)
    sample: bool = False
    rows: tuple[str, ...] = ()
    issues: tuple[Issue, ...] = ()
    columns: pd.DataFrame | None = None
    sources: tuple[Mapping[str, Any], ...] = ()
    questions: tuple[Mapping[str, Any], ...] = ()
    families: Mapping[str, Any] = field(default_factory=dict)
    estimand: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    scored: bool = False
    _cache: dict[Any, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        put = lambda name, value: object.__setattr__(self, name, value)  # noqa: E731
        for name in ("scores", "patients", "infusions", "events"):
            frame = getattr(self, name)
            if frame is not None:
                if "patient" not in frame:
                    raise StudyError(
                        f"The {name} table has no 'patient' column. It has:"
                        f" {', '.join(map(str, frame))}."
                    )
                put(name, frame.reset_index(drop=True))
        if self.design not in DESIGNS:
            raise StudyError(unknown("design", self.design, DESIGNS))
        if "visit" not in self.scores:
            put(
                "scores",
                self.scores.assign(
                    visit=self.baseline or (self.visits[0] if self.visits else "visit")
                ),
            )
        put("visits", tuple(self.visits) or tuple(dict.fromkeys(self.scores["visit"])))
        put("baseline", self.baseline or (self.visits[0] if self.visits else ""))
        put("rows", tuple(self.rows) or tuple(f"row {i + 1}" for i in range(len(self.scores))))
        put("measures", MappingProxyType(dict(self.measures)))
        put("_cache", {})
        self._validate()

    def _validate(self) -> None:
        if self.visits and self.baseline not in self.visits:
            raise StudyError(
                unknown(
                    "visit", self.baseline, self.visits, hint="The baseline is one of the visits."
                )
            )
        strange = set(self.scores["visit"]) - set(self.visits)
        if strange:
            there = ", ".join(self.visits)
            raise StudyError(
                f"{len(strange)} visit name(s) in the scores are not in the declared order:"
                f" {', '.join(sorted(map(repr, strange)))}. There is: {there}. Add them to [visits]"
                " order, or map them."
            )
        twice = self.scores.duplicated(self.keys, keep=False).to_numpy()
        if twice.any():
            where = [self.rows[i] for i in np.flatnonzero(twice)]
            more = f" and {len(where) - 20} more" if len(where) > 20 else ""
            raise DataError(
                f"{len(where)} rows share the same {' and '.join(self.keys)}:"
                f" {', '.join(where[:20])}{more}. Each patient has one row a visit: remove or"
                " correct these rows, or declare a period or episode column under [roles]."
            )

    # --- who and when -----------------------------------------------------------------------------

    @property
    def keys(self) -> list[str]:
        """The columns that identify a row of `scores`."""
        return [k for k in KEYS if k in self.scores]

    @property
    def controlled(self) -> bool:
        """Whether the design compares with something: only then may words speak of an effect."""
        return self.design in CONTROLLED

    @property
    def patient_ids(self) -> pd.Index:
        """Everybody enrolled, sorted: those in `patients`, and those in `scores`."""
        if "ids" not in self._cache:
            ids = set(self.scores["patient"])
            if self.patients is not None:
                ids |= set(self.patients["patient"])
            self._cache["ids"] = pd.Index(sorted(ids), name="patient")
        return self._cache["ids"]

    @property
    def enrolled(self) -> int:
        """How many patients there are."""
        return len(self.patient_ids)

    @property
    def patient_frame(self) -> pd.DataFrame:
        """One row an enrolled patient: the patients table, and role columns of `scores` that are
        constant within patient.
        """
        if "patient_frame" not in self._cache:
            frame = pd.DataFrame(index=self.patient_ids)
            if self.patients is not None:
                if self.patients["patient"].duplicated().any():
                    n = int(self.patients["patient"].duplicated().sum())
                    raise DataError(
                        f"The patients table has {n} repeated patient(s); it must have one row"
                        " each."
                    )
                frame = self.patients.set_index("patient").reindex(self.patient_ids)
            for role in (*GROUPS, *[c for c in self.scores if c not in KEYS and c not in GROUPS]):
                if role in self.scores and role not in frame:
                    seen = self.scores[role].notna().to_numpy()
                    if seen.any() and self._constant(role, seen):
                        frame[role] = (
                            self.scores[seen]
                            .groupby("patient")[role]
                            .first()
                            .reindex(self.patient_ids)
                        )
            self._cache["patient_frame"] = frame
        return self._cache["patient_frame"]

    def _constant(self, role: str, seen: np.ndarray) -> bool:
        """Whether a column of `scores` has one value a patient."""
        who, value = self._places[0][seen], pd.factorize(self.scores[role][seen])[0]
        last = np.zeros(self.enrolled, dtype=value.dtype)
        last[who] = value
        return bool((last[who] == value).all())

    def visit(self, name: str) -> str:
        """The visit's name, checked. Raises AnalysisError that lists what there is."""
        if name not in self.visits:
            raise AnalysisError(unknown("visit", name, self.visits))
        return name

    def characteristic(self, name: str) -> pd.Series:
        """A patient-level column (diagnosis, route, arm …) of every enrolled patient; blank and
        "nan" texts are missing.

        Raises AnalysisError that lists what there is.
        """
        if name not in self.patient_frame:
            hint = (
                f'Declare it: [roles] {name} = "its column".'
                if name in GROUPS
                else "It must be constant within patient."
            )
            raise AnalysisError(
                unknown("patient characteristic", name, self.patient_frame.columns, hint=hint)
            )
        column = self.patient_frame[name]
        if not (column.dtype == object or isinstance(column.dtype, pd.StringDtype)):
            return column
        absent = column.astype(object).map(
            lambda v: isinstance(v, str) and v.strip().casefold() in ("", "nan")
        )
        return column.mask(absent.astype(bool)) if absent.any() else column

    # --- scores -----------------------------------------------------------------------------------

    def score(self, *, strict: bool = False) -> Study:
        """A new study with every declared instrument scored: columns `<instrument>_<score>` beside
        the items.

        Answers outside an instrument's range are refused: the score is missing and the address
        stands in `issues`. `strict=True` scores only complete answers. Raises InstrumentError for
        an unknown instrument or option.
        """
        scores, measures, issues = self.scores.copy(), dict(self.measures), list(self.issues)
        for use in self.uses:
            kind = use.kind
            absent = [c for c in (*use.items.values(), *use.totals.values()) if c not in scores]
            if absent:
                raise InstrumentError(
                    f"{kind.title}: {unknown('column', absent[0], map(str, self.scores.columns))}"
                )
            made: dict[str, Any] = {}
            if use.items:
                items = scores[list(use.items.values())].set_axis(list(use.items), axis=1)
                done = kind.score(items, strict=strict, **use.options)
                made |= {f"{kind.id}_{s}": done.values[s].to_numpy() for s in done.values}
                issues += self._refused(kind, use, done) + self._prorated(kind, done)
            made |= {f"{kind.id}_{s}": scores[c].to_numpy() for s, c in use.totals.items()}
            scores = pd.concat(
                [scores.drop(columns=[c for c in made if c in scores]), pd.DataFrame(made)], axis=1
            )
            for name in made:
                short = name[len(kind.id) + 1 :]
                if short in {s.name for s in kind.scores}:
                    measures[name] = kind.outcome(short)
        return dataclasses.replace(
            self, scores=scores, measures=measures, issues=tuple(issues), scored=True
        )

    def _refused(self, kind: Any, use: InstrumentUse, done: Any) -> list[Issue]:
        by_item: dict[tuple[str, str], list[str]] = {}
        for row, item, why in done.problems:
            by_item.setdefault((item, why), []).append(self.rows[row])
        return [
            Issue(
                "refused answer",
                f"{kind.title}: {why}; not scored.",
                len(rows),
                "warning",
                "scores",
                use.items.get(item, item),
                tuple(rows),
            )
            for (item, why), rows in by_item.items()
        ]

    def _prorated(self, kind: Any, done: Any) -> list[Issue]:
        out = []
        for score in done.prorated:
            filled = done.prorated[score].to_numpy()
            if n := int((filled > 0).sum()):
                out.append(
                    Issue(
                        "prorated",
                        f"{kind.title}, {score}: scored with missing items as its manual allows.",
                        n,
                        "note",
                    )
                )
        return out

    @property
    def ready(self) -> Study:
        """This study, scored (once, on first need)."""
        if self.scored or not self.uses:
            return self
        if "ready" not in self._cache:
            self._cache["ready"] = self.score()
        return self._cache["ready"]

    @property
    def outcome_names(self) -> list[str]:
        """The scores questions can ask for."""
        return list(self.ready.measures)

    def instrument(self, id: str) -> Instrument:
        """The instrument that this study scores under an id: a clinic's own before the library's.

        Raises InstrumentError that lists what the library has.
        """
        return next((use.kind for use in self.uses if use.kind.id == id), None) or find_instrument(
            id
        )

    def outcome(self, name: str) -> Outcome:
        """What a score means. A bare instrument id means its default score, or its only one in this
        study.

        Raises AnalysisError that lists what there is.
        """
        measures = self.ready.measures
        if name in measures:
            return measures[name]
        mine = [m for m in measures.values() if m.instrument == name]
        if mine:
            default = f"{name}_{self.instrument(name).default_score}"
            if default in measures:
                return measures[default]
            if len(mine) == 1:
                return mine[0]
            raise AnalysisError(
                f"'{name}' has several scores here: {', '.join(m.name for m in mine)}. Name one."
            )
        raise AnalysisError(unknown("outcome", name, measures))

    def long(self, outcome: str, *, extra: Sequence[str] = ()) -> pd.DataFrame:
        """The rows of one score: the key columns, `value`, and any of arm, sequence, site, route
        (and `extra`) known.

        Rows without a score are kept with value nan, so that everybody can be counted.
        """
        name = self.outcome(outcome).name
        scores = self.ready.scores
        frame = scores[self.keys].assign(value=pd.to_numeric(scores[name]).to_numpy(float))
        for role in dict.fromkeys((*GROUPS, *extra)):
            if role in scores:
                frame[role] = scores[role].to_numpy()
            elif role in self.patient_frame:
                frame[role] = self.patient_frame[role].reindex(frame["patient"]).to_numpy()
            elif role in extra:
                self.characteristic(role)
        return frame

    def wide(self, outcome: str) -> pd.DataFrame:
        """One score as patients × visits: every enrolled patient a row, every declared visit a
        column, nan = missing.

        Raises AnalysisError where a patient has several rows a visit (crossover periods, repeated
        infusions).
        """
        name = self.outcome(outcome).name
        if ("wide", name) not in self._cache:
            several = [k for k in ("period", "episode") if k in self.keys]
            if several and self.scores.duplicated(["patient", "visit"]).any():
                raise AnalysisError(
                    f"Patients have several rows a visit (one for each {several[0]}): ask a"
                    " question made for that (Crossover, RepeatedInfusions), or choose one with"
                    f" study.where({several[0]}=…)."
                )
            row, column = self._places
            values = np.full((self.enrolled, len(self.visits)), np.nan)
            values[row, column] = pd.to_numeric(self.ready.scores[name]).to_numpy(float)
            columns = pd.Index(self.visits, name="visit")
            self._cache["wide", name] = pd.DataFrame(
                values, index=self.patient_ids, columns=columns
            )
        return self._cache["wide", name]

    @property
    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        """Where each row of `scores` stands among patients × visits."""
        patients, visits = pd.Index(self.scores["patient"]), pd.Index(self.scores["visit"])

        def at() -> tuple[np.ndarray, np.ndarray]:
            rows = self.patient_ids.get_indexer(patients)
            return rows, pd.Index(self.visits).get_indexer(visits)

        return self.once("places", at)

    def pairs(self, outcome: str, *, before: str, after: str) -> Pairs:
        """The patients with the score at both visits, matched by patient, and how many are left out
        and why.

        Raises AnalysisError for an unknown outcome or visit, or when before and after are the same
        visit.
        """
        if before == after:
            raise AnalysisError(
                f"before and after are the same visit ('{before}'). Choose two of:"
                f" {', '.join(self.visits)}."
            )
        return self.once(
            ("pairs", outcome, before, after),
            lambda: self._pairs(outcome, self.visit(before), self.visit(after)),
        )

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """What `make` gives, made once for this study and shared by all its questions."""
        if key not in self._cache:
            self._cache[key] = make()
        return self._cache[key]

    def _pairs(self, outcome: str, before: str, after: str) -> Pairs:
        frame = self.wide(outcome)
        pre, post = frame[before].to_numpy(), frame[after].to_numpy()
        has_pre, has_post = ~np.isnan(pre), ~np.isnan(post)
        both = has_pre & has_post
        out = {
            f"no score at {spoken(before)} nor {spoken(after)}": int((~has_pre & ~has_post).sum()),
            f"no score at {spoken(before)}": int((~has_pre & has_post).sum()),
            f"no score at {spoken(after)}": int((has_pre & ~has_post).sum()),
        }
        counts = Counts(len(frame), int(both.sum()), tuple((k, n) for k, n in out.items() if n))
        return Pairs(frame.index[both], pre[both], post[both], counts, self.outcome(outcome))

    def with_score(self, outcome: str, values: np.ndarray) -> Study:
        """This study with other values of one score, one a row of `scores`: its rows, already
        checked, stay as they are.
        """
        name = self.outcome(outcome).name
        new = copy.copy(self.ready)
        object.__setattr__(new, "scores", new.scores.assign(**{name: values}))
        shared = {
            "ids": self.patient_ids,
            "patient_frame": self.patient_frame,
            "places": self._places,
        }
        object.__setattr__(new, "_cache", shared)
        return new

    def where(self, keep: Callable[[pd.DataFrame], Any] | None = None, **chosen: Any) -> Study:
        """A new study of some patients (or periods): `study.where(diagnosis="CRPS")`,
        `where(route=["IV", "oral"])`.

        `keep` takes the one-row-a-patient frame and returns a boolean for each. Raises
        AnalysisError for an unknown characteristic or for a selection that leaves nobody.
        """
        mask = pd.Series(True, index=self.patient_ids)
        rows = np.ones(len(self.scores), dtype=bool)
        for name, value in chosen.items():
            wanted = (
                [value]
                if isinstance(value, str) or not isinstance(value, Sequence)
                else list(value)
            )
            if name in ("visit", "period", "episode") or (
                name == "arm" and "arm" not in self.patient_frame
            ):
                if name not in self.scores:
                    raise AnalysisError(unknown("role", name, self.keys))
                rows &= self.scores[name].isin(wanted).to_numpy()
            else:
                column = self.characteristic(name)
                absent = [w for w in wanted if w not in set(column.dropna())]
                if absent:
                    raise AnalysisError(
                        unknown(name, str(absent[0]), sorted(map(str, column.dropna().unique())))
                    )
                mask &= column.isin(wanted)
        if keep is not None:
            mask &= np.asarray(keep(self.patient_frame), dtype=bool)
        ids = set(mask.index[mask])
        rows &= self.scores["patient"].isin(ids).to_numpy()
        if not rows.any():
            raise AnalysisError("The selection leaves no patient.")
        tables: dict[str, Any] = {
            t: None if (f := getattr(self, t)) is None else f[f["patient"].isin(ids)]
            for t in ("patients", "infusions", "events")
        }
        kept = tuple(r for r, k in zip(self.rows, rows, strict=True) if k)
        return dataclasses.replace(self, scores=self.scores[rows], rows=kept, **tables)

    def __repr__(self) -> str:
        there = [
            f"{len(f)} {n}" for n in ("infusions", "events") if (f := getattr(self, n)) is not None
        ]
        parts = [
            plural(self.enrolled, "patient"),
            plural(len(self.scores), "row"),
            f"visits {', '.join(self.visits)}",
            *there,
        ]
        return f"<Study {self.title or 'untitled'} ({self.design}): {'; '.join(parts)}>"
