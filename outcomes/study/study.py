"""The data and what their columns mean, said once and never changed in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.outcome import Outcome
from outcomes.core.wording import plural
from outcomes.questionnaires import Instrument
from outcomes.questionnaires import instrument as find_instrument
from outcomes.study.characteristics import patient_frame, without_blanks
from outcomes.study.codes import GROUPS, KEYS, Codes
from outcomes.study.pairs import Pairs, paired
from outcomes.study.protocol import CONTROLLED, DESIGNS
from outcomes.study.record import Issue, RowNumbers
from outcomes.study.scored import InstrumentUse, score_all
from outcomes.study.tables import Tables

__all__ = ["CONTROLLED", "DESIGNS", "GROUPS", "KEYS", "InstrumentUse", "Issue", "Pairs", "Study"]


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Study(Tables):
    """Up to four tables (`scores`, `patients`, `infusions`, `events`) and what their columns mean.

    `scores` has one row a patient and visit (and period or episode, where the study has them) under
    the names `patient`, `visit`, `period`, `episode`; the other tables name patients in a column
    `patient`. `arm`, `sequence`, `site` and `route` may stand in `scores` or `patients`. `visits`
    is the declared order, `baseline` one of them. `events` has `patient`, `event` and, where known,
    `infusion`, `day`, `severity`, `relation`, `onset`, `serious`; `infusions` has `patient`,
    `infusion` and, where known, `day`, `route`, `dose`.

    `protocol` is what was planned (see `Protocol`): its fields (`design`, `arms`, `reference`,
    `entry`, `estimand`, `questions`, `families`) may be given here by name. `record` is how the
    data were read (see `ReadingRecord`): likewise `rows`, `issues`, `columns`, `sources` and
    `settings`.

    Raises StudyError where roles do not fit the tables, DataError for duplicate patient-visits (by
    address).
    """

    @property
    def patient_frame(self) -> pd.DataFrame:
        """One row an enrolled patient: the patients table, and role columns of `scores` that are
        constant within patient.
        """
        return self.once(
            "patient_frame", lambda: patient_frame(self.scores, self.patients, self.codes)
        )

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
        made = self.once(("characteristic", name), lambda: without_blanks(self.patient_frame[name]))
        return made.copy(deep=False)

    # --- scores -----------------------------------------------------------------------------------

    def score(self, *, strict: bool = False) -> Study:
        """A new study with every declared instrument scored: columns `<instrument>_<score>` beside
        the items.

        Answers outside an instrument's range are refused: the score is missing and the address
        stands in `issues`. `strict=True` scores only complete answers. Raises InstrumentError for
        an unknown instrument or option.
        """
        done = score_all(self.scores, self.uses, self.measures, self.record.rows, strict=strict)
        record = replace(self.record, issues=(*self.record.issues, *done.issues))
        new = self._with(
            self.codes, scores=done.scores, measures=done.measures, record=record, scored=True
        )
        new.once("scoring_notes", lambda: done.notes)
        return new

    @property
    def scoring_notes(self) -> tuple[tuple[Instrument, tuple[str, ...]], ...]:
        """What scoring was told (recodings, value set and its source) of each instrument whose
        answers are here.
        """

        def scored() -> tuple[tuple[Instrument, tuple[str, ...]], ...]:
            return score_all(self.scores, self.uses, {}, self.record.rows).notes

        return self.ready.once("scoring_notes", scored)

    @property
    def ready(self) -> Study:
        """This study, scored (once, on first need)."""
        if self.scored or not self.uses:
            return self
        done = self.once("ready", self._scored)
        if (done.title, done.sample) != (self.title, self.sample):
            return replace(done, title=self.title, sample=self.sample)
        return done

    def _scored(self) -> Study:
        done = self.score()
        object.__setattr__(done, "_shared", replace(done._shared, either=self._shared.either))
        return done

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
        frame = scores[self.keys].assign(value=_numbers(scores[name]))
        for role in dict.fromkeys((*GROUPS, *extra)):
            if role in scores:
                frame[role] = scores[role].to_numpy()
            elif role in self.patient_frame:
                frame[role] = self.patient_frame[role].to_numpy()[self.codes.patient]
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
        return self.once(("wide", name), lambda: self._wide(name))

    def _wide(self, name: str) -> pd.DataFrame:
        several = [k for k in ("period", "episode") if k in self.keys]
        if several and self.codes.several:
            raise AnalysisError(
                f"Patients have several rows a visit (one for each {several[0]}): ask a"
                " question made for that (Crossover, InfusionModel, RepeatedInfusions), or choose"
                f" one with study.where({several[0]}=…)."
            )
        values = np.full((self.enrolled, len(self.visits)), np.nan)
        values.reshape(-1)[self.codes.cell] = _numbers(self.ready.scores[name])
        columns = pd.Index(self.visits, name="visit")
        return pd.DataFrame(values, index=self.patient_ids, columns=columns)

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
            lambda: paired(
                self.wide(outcome),
                self.outcome(outcome),
                self.visit(before),
                self.visit(after),
                settings=self.settings,
            ),
        )

    # --- other studies ----------------------------------------------------------------------------

    def with_settings(self, settings: Mapping[str, Any]) -> Study:
        """This study with more on its record of what the study file says."""
        record = replace(self.record, settings={**self.record.settings, **settings})
        return replace(self, record=record)

    def with_rows(self, scores: pd.DataFrame, codes: Codes) -> Study:
        """This study with other rows of scores, already encoded; they are numbered anew."""
        record = replace(self.record, rows=RowNumbers.first(len(scores)))
        new = self._with(codes, scores=scores, record=record)
        new.once("patient_frame", lambda: self.patient_frame)
        return new

    def with_score(self, outcome: str, values: np.ndarray) -> Study:
        """This study with other values of one score, one a row of `scores`: its rows, already
        checked, stay as they are.
        """
        ready, name = self.ready, self.outcome(outcome).name
        new = ready._with(ready.codes, scores=ready.scores.assign(**{name: values}))
        new.once("patient_frame", lambda: self.patient_frame)
        return new

    def where(self, keep: Callable[[pd.DataFrame], Any] | None = None, **chosen: Any) -> Study:
        """A new study of some patients (or periods): `study.where(diagnosis="CRPS")`,
        `where(route=["IV", "oral"])`.

        `keep` takes the one-row-a-patient frame and returns a boolean for each. Raises
        AnalysisError for an unknown characteristic or for a selection that leaves nobody.
        """
        patients = np.ones(self.enrolled, dtype=bool)
        rows = np.ones(len(self.scores), dtype=bool)
        for name, value in chosen.items():
            single = isinstance(value, str) or not isinstance(value, Sequence)
            wanted = [value] if single else list(value)
            of_row = name == "arm" and "arm" not in self.patient_frame
            if of_row or name in ("visit", "period", "episode"):
                if name not in self.scores:
                    raise AnalysisError(unknown("role", name, self.keys))
                rows &= self.scores[name].isin(wanted).to_numpy()
                continue
            column = self.characteristic(name)
            there = column.dropna().unique()
            absent = [w for w in wanted if w not in there]
            if absent:
                raise AnalysisError(unknown(name, str(absent[0]), sorted(map(str, there))))
            patients &= column.isin(wanted).to_numpy()
        if keep is not None:
            patients &= np.asarray(keep(self.patient_frame), dtype=bool)
        rows &= patients[self.codes.patient]
        if not rows.any():
            raise AnalysisError("The selection leaves no patient.")
        return self._of(rows, patients)

    def _of(self, rows: np.ndarray, patients: np.ndarray) -> Study:
        """The study of some rows of scores, and the other tables of some patients."""
        known = np.append(patients, False)  # at -1, whoever is not enrolled
        kept = {t: known[code] for t, code in self.codes.rows.items()} | {"scores": rows}
        frames = {t: getattr(self, t)[mask].reset_index(drop=True) for t, mask in kept.items()}
        left = {
            "record": self.record.keep(rows),
            "protocol": self.protocol.among(frames.values()),
        }
        return self._with(self.codes.keep(kept), **left, **frames)

    @property
    def style(self) -> str:
        """The journal whose style its reports have; "" for the house's own."""
        return str(self.record.settings.get("style", ""))

    @property
    def language(self) -> str:
        """The language of its reports; "" for English."""
        return str(self.record.settings.get("language", ""))

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


def _numbers(column: pd.Series) -> np.ndarray:
    return pd.to_numeric(column).to_numpy(float)
