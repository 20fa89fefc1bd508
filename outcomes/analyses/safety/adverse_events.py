"""What every question about side effects shares: who was asked, and who had what."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

import numpy as np
import pandas as pd

from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts, not_recorded
from outcomes.core.language import Phrase
from outcomes.core.wording import (
    limits_text,
    listed,
    percent,
    plural,
    spoken,
)
from outcomes.stats.proportions.single import clopper_pearson, rule_of_three, wilson
from outcomes.study.study import Study

ANY, SERIOUS = "any side effect", "serious side effect"
COLLECTED = {"elicited": "asked for (elicited)", "spontaneous": "reported spontaneously"}
INTERVALS = {"wilson": wilson, "clopper-pearson": clopper_pearson}

#: What a row says that records the absence of a side effect.
NOTHING = frozenset({"none", "no", "nil", "no side effect", "no side effects", "no adverse event"})
YES = frozenset({"yes", "y", "true", "1", "1.0"})


@dataclass(frozen=True, eq=False)
class Harms:
    """The patients who were asked, their infusions, and the side effects recorded for them.

    `infusions` has one row an infusion that was asked about (empty where the study has no such
    table), `events` one row a side effect of the patients asked, with `treatment` = the position of
    its infusion in `infusions` or −1.
    """

    patients: pd.Index
    infusions: pd.DataFrame
    events: pd.DataFrame
    counts: Counts
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The side effects seen, the most frequent (by patients) first."""
        many = self.events.groupby("event")["patient"].nunique()
        return tuple(sorted(many.index, key=lambda e: (-many[e], e)))

    def of(self, event: str) -> pd.DataFrame:
        """The rows of one side effect, of `ANY` or of `SERIOUS`."""
        if event == ANY:
            return self.events
        if event == SERIOUS:
            return self.events[said_yes(self.events["serious"])]
        return self.events[self.events["event"] == event]

    def listed(self, chosen: Sequence[str]) -> tuple[str, ...]:
        """The side effects to show: those asked for, else all seen; first any, and serious where
        that is recorded.
        """
        head = (ANY, SERIOUS) if "serious" in self.events else (ANY,)
        for name in chosen:
            if name not in self.names and difflib.get_close_matches(name, self.names, n=1):
                raise AnalysisError(unknown("side effect", name, self.names))
        return (*head, *(chosen or self.names))

    def absent(self, chosen: Sequence[str]) -> tuple[str, ...]:
        """A note for side effects that were asked for and never recorded."""
        none = [name for name in chosen if name not in self.names]
        return (
            (f"No record of {listed(none)}: counted as absent in everybody asked.",) if none else ()
        )

    def by_patient(self, event: str) -> pd.Series:
        """Whether each asked patient had it."""
        return pd.Series(self.patients.isin(self.of(event)["patient"]), index=self.patients)

    def per_infusion(self, event: str, *, keep: np.ndarray | None = None) -> pd.DataFrame:
        """For each patient: `infusions`, `affected` infusions and `events` there (of the kept
        infusions).
        """
        frame = self.infusions
        rows = self.of(event)["treatment"].to_numpy()
        many = np.bincount(rows[rows >= 0], minlength=len(frame))
        table = pd.DataFrame(
            {
                "patient": frame["patient"],
                "infusions": 1,
                "affected": (many > 0).astype(int),
                "events": many,
            }
        )
        return (table if keep is None else table[keep]).groupby("patient").sum()


def harms(study: Study) -> Harms:
    """The side effects of a study, and who was asked about them.

    Asked are patients with an infusion (without a table of infusions: everybody enrolled). Where
    the infusions have a yes/no column `asked`, those not asked about are left out and counted: not
    asked is not absent.

    Raises AnalysisError where the study has no table of side effects.
    """
    if study.events is None or "event" not in study.events:
        raise AnalysisError(
            "The study has no table of side effects with a column 'event'. Declare it: [data]"
            ' events = "side_effects.csv", and [roles] event = "its column".'
        )
    infusions = (
        study.infusions
        if study.infusions is not None
        else pd.DataFrame({"patient": [], "infusion": []})
    )
    infusions = infusions[infusions["patient"].isin(study.patient_ids)].reset_index(drop=True)
    notes: list[str] = []
    events = _named(study.events[study.events["patient"].isin(study.patient_ids)])
    if study.infusions is None:
        patients, left = study.patient_ids, tuple[tuple[str, int], ...]()
        notes.append(
            "Everybody enrolled is taken as asked about side effects: the study has no table of"
            " infusions."
        )
    else:
        infusions, not_asked = _asked(infusions)
        patients = study.patient_ids[
            study.patient_ids.isin(infusions["patient"]) | study.patient_ids.isin(events["patient"])
        ]
        silent = int((study.patient_ids.isin(not_asked) & ~study.patient_ids.isin(patients)).sum())
        rest = study.enrolled - len(patients) - silent
        reasons = (
            (Phrase.of("not asked about side effects"), silent),
            (Phrase.of("no infusion recorded"), rest),
        )
        left = tuple((why, n) for why, n in reasons if n)
        if "asked" not in infusions:
            notes.append(
                "An infusion without a recorded side effect is taken as asked about and free of it."
            )
    events = events.assign(treatment=_positions(infusions, events))
    events = events[events["event"] != ""]
    if len(infusions) and (lost := int((events["treatment"] < 0).sum())):
        notes.append(
            f"{plural(lost, 'side effect')} cannot be placed at a recorded infusion: counted per"
            " patient, not per infusion."
        )
    return Harms(
        patients, infusions, events, Counts(study.enrolled, len(patients), left), tuple(notes)
    )


def said_yes(column: pd.Series) -> np.ndarray:
    """Which answers of a yes/no column are yes (a blank is no)."""
    return column.astype(str).str.strip().str.casefold().isin(YES).to_numpy()


def _named(events: pd.DataFrame) -> pd.DataFrame:
    """Events with tidy names; a row that says "none" keeps its patient and has the name "".

    Names that differ by capitals or spaces only are one side effect, under its most frequent
    spelling.
    """
    text = events["event"].astype("string").str.strip().str.replace(r"\s+", " ", regex=True)
    alike = text.str.casefold()
    blank = text.isna() | (text == "") | alike.isin(NOTHING).fillna(True)
    usual = {
        key: min(v.unique(), key=lambda w: (-int((v == w).sum()), w))
        for key, v in text[~blank].groupby(alike[~blank])
    }
    names = np.array([usual.get(key, "") for key in alike.fillna("")], dtype=object)
    return events.assign(event=names).reset_index(drop=True)


def _asked(infusions: pd.DataFrame) -> tuple[pd.DataFrame, pd.Index]:
    if "asked" not in infusions:
        return infusions, pd.Index([])
    yes = said_yes(infusions["asked"])
    return infusions[yes].reset_index(drop=True), pd.Index(infusions["patient"][~yes].unique())


def _positions(infusions: pd.DataFrame, events: pd.DataFrame) -> np.ndarray:
    """The row of each event's infusion, −1 where it names none; a patient's only infusion needs no
    number.
    """
    at = np.full(len(events), -1)
    if not len(infusions):
        return at
    key = next((k for k in ("infusion", "day") if k in events and k in infusions), "")
    if key:
        both = pd.concat([t[["patient", key]] for t in (infusions, events)], ignore_index=True)
        pair = both.groupby(["patient", key], sort=False, dropna=False).ngroup().to_numpy()
        row = np.full(len(both), -1)
        row[pair[: len(infusions)]] = np.arange(len(infusions))
        at = row[pair[len(infusions) :]]
    alone = infusions["patient"].drop_duplicates(keep=False)
    only = np.append(alone.index, -1)[pd.Index(alone).get_indexer(pd.Index(events["patient"]))]
    unnamed = events[key].isna().to_numpy() if key else np.ones(len(events), dtype=bool)
    return np.where(unnamed, only, at)


@dataclass(frozen=True)
class HarmCounts:
    """How many patients had a side effect: `any_event`, `serious` (None: not recorded) and each by
    name, most frequent first.
    """

    patients: int
    any_event: int | None
    serious: int | None
    by_name: tuple[tuple[str, int], ...]
    #: By name: patients with it, patients, infusions with it, infusions.
    counts: Mapping[str, tuple[int, int, int, int]]

    @classmethod
    def of(cls, counts: Mapping[str, tuple[int, int, int, int]]) -> HarmCounts:
        """From the counts by name (patients with it, patients, infusions with it, infusions)."""
        had = {name: c[0] for name, c in counts.items()}
        named = sorted(
            ((k, n) for k, n in had.items() if k not in (ANY, SERIOUS) and n), key=lambda x: -x[1]
        )
        patients = next((c[1] for c in counts.values()), 0)
        return cls(patients, had.get(ANY), had.get(SERIOUS), tuple(named), dict(counts))


class HarmRow(Enum):
    """Rows about one side effect that are shares: of patients, at most, and of infusions."""

    PATIENTS = auto()
    AT_MOST = auto()
    INFUSIONS = auto()


def event_name(name: str) -> Phrase:
    """The name of a side effect, which a report writes in its language."""
    return Phrase.of(name, "name")


def of_event(name: str, rows: Iterable[Estimate]) -> list[Estimate]:
    """Estimates that say which side effect they are about."""
    return [replace(e, place=replace(e.contrast, event=name)) for e in rows]


def shares_of_patients(
    name: str, count: int, total: int, *, level: float, interval: str = "wilson"
) -> list[Estimate]:
    """A share of patients with its counts; at 0 of n also the one-sided upper limit (rule of
    three).
    """
    e = INTERVALS[interval](count, total, level=level, name=name)
    rows = [replace(e, how=f"{e.how}; {count} of {total}", part=HarmRow.PATIENTS)]
    if count == 0 and total:
        most = rule_of_three(total, level=level, name=Phrase.of("{row}, at most", row=name))
        rows.append(replace(most, part=HarmRow.AT_MOST))
    return rows


def share_words(count: int, total: int, e: Estimate, noun: str, also: str = "") -> str:
    """'18 of 48 patients (38%; 95% CI, 25% to 52%)'."""
    limits = "" if e.reason else f"; {limits_text(percent(e.low), percent(e.high), level=e.level)}"
    return (
        f"{count} of {total} {noun}"
        f" ({percent(count / total)}{limits}{f', {also}' if also and limits else ''})"
    )


def way_collected(collected: str) -> str:
    """A note on how side effects came to be known."""
    if not collected:
        return (
            "Whether patients were asked about side effects or brought them up themselves was not"
            ' declared (in the plan: collected = "elicited" or "spontaneous"); asked for, side'
            " effects are seen more often."
        )
    return f"Side effects were {COLLECTED[collected]}."


def checked_way(collected: str) -> None:
    """Raises AnalysisError for another word than elicited or spontaneous."""
    if collected and collected not in COLLECTED:
        raise AnalysisError(unknown("way of collecting", collected, COLLECTED))


def patient_group(study: Study, h: Harms, by: str) -> pd.Series:
    """The group of each asked patient: a patient characteristic, or a column of the infusions
    constant within patient.

    Raises AnalysisError where patients had infusions of several groups, or nothing is so called.
    """
    if by in study.patient_frame:
        return study.patient_frame[by].reindex(h.patients)
    if by not in h.infusions:
        study.characteristic(by)
    of = h.infusions.dropna(subset=[by]).groupby("patient")[by]
    several = int((of.nunique() > 1).sum())
    if several:
        raise AnalysisError(
            f"{plural(several, 'patient')} had infusions of more than one {spoken(by)}: these are"
            " not separate groups. "
            f'Compare within patients: SideEffectsPaired(by="{by}").'
        )
    return of.first().reindex(h.patients)


def known_group(h: Harms, group: pd.Series, by: str) -> tuple[pd.Series, Counts]:
    """The patients whose group is known, and the counts with the others left out."""
    missing = int(group.isna().sum())
    left = (
        *h.counts.left_out,
        *([(not_recorded(by), missing)] if missing else []),
    )
    group = group.dropna()
    if not isinstance(group.dtype, pd.CategoricalDtype):
        group = group.astype(str)
    return group, Counts(h.counts.enrolled, len(group), left)
