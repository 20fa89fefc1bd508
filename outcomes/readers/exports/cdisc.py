"""CDISC tables (SDTM QS, ADaM ADQS), where each row is one answer, as one row a subject and
visit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from outcomes.core.errors import DataError
from outcomes.core.wording import listed_addresses
from outcomes.readers.cells import Declared, TextTable
from outcomes.readers.exports.reshaped_table import Answers, gather, units_of
from outcomes.readers.parse import DECLARED_MISSING
from outcomes.study.study import Issue


@dataclass(frozen=True)
class _Layout:
    """What the columns of a kind of table are called.

    `values` are the columns that may hold the answer, the first filled one counts; `own` are
    columns that describe one answer and say nothing of the visit.
    """

    title: str
    test: str
    label: str
    values: tuple[str, ...]
    visit: str
    number: str
    flags: tuple[str, ...]
    own: re.Pattern[str]


_SDTM = _Layout(
    "CDISC SDTM questionnaires (QS)",
    "QSTESTCD",
    "QSTEST",
    ("QSSTRESN", "QSSTRESC", "QSORRES"),
    "VISIT",
    "VISITNUM",
    ("QSLOBXFL", "QSBLFL"),
    re.compile(r"(?!QSDTC$|QSDY$)QS.*|DOMAIN|VISITNUM"),
)
_ADAM = _Layout(
    "CDISC ADaM questionnaires (ADQS)",
    "PARAMCD",
    "PARAM",
    ("AVAL", "AVALC"),
    "AVISIT",
    "AVISITN",
    ("ABLFL",),
    re.compile(
        r"PARAM.*|PARCAT.*|AVAL.*|R?\d?BASE.*|P?CHG.*|ABLFL|ANL\d\dFL|DTYPE|.*SEQ|CRIT.*|MCRIT.*|SRC.*|SHIFT.*|AVISITN|"
        r"VISIT|VISITNUM|A.LO|A.HI|ANRIND|BNRIND|QS.*"
    ),
)


def _layout(table: TextTable) -> _Layout | None:
    there = {c.upper() for c in table.columns}
    for layout in (_SDTM, _ADAM):
        if {"USUBJID", layout.test} <= there and there & set(layout.values):
            return layout
    return None


def is_cdisc(table: TextTable) -> bool:
    """Whether a table is SDTM QS or ADaM ADQS: by the columns that only these have together."""
    return _layout(table) is not None


def read_cdisc(table: TextTable) -> TextTable:
    """One row a subject and visit, a column for each test (QSTESTCD, PARAMCD), each cell with its
    address in the file.

    A value is QSSTRESN, else QSSTRESC, else QSORRES (AVAL, else AVALC). Left out, counted and
    listed: records that were not done, records that were made up (DTYPE), unscheduled visits, and
    in a window with several records those that ANL01FL does not choose. Other columns stay where
    they say one thing a visit; a crossover's APERIOD parts its visits.

    Raises DataError, with addresses, where a subject has two values of one test at one visit.
    """
    layout = _layout(table)
    if layout is None:
        raise DataError(f"{table.name} is neither SDTM QS nor ADaM ADQS.")
    return _Records(table, layout).table()


class _Records:
    """The records of a table: which are answers, which are left out and why."""

    def __init__(self, table: TextTable, layout: _Layout) -> None:
        self.file, self.layout = table, layout
        self.names = {c.upper(): c for c in table.columns}
        self.notes: list[Issue] = []
        self.test, self.subject = self.column(layout.test).str.strip(), self.column("USUBJID")
        self.visit, self.period = self._visit(), self.column("APERIOD")
        self.across, self.text = self._values()

    def column(self, name: str) -> pd.Series:
        """A column by its standard name; blank where the table has none."""
        there = self.names.get(name)
        return self.file[there] if there else pd.Series("", index=self.file.frame.index, dtype=str)

    def table(self) -> TextTable:
        """The table of one row a subject and visit."""
        kept = self._scheduled() & self._observed()
        answered = kept & self._answered()
        lost = self._lost(answered)
        kept, answered = kept & ~lost, answered & ~lost
        if not answered.any():
            raise DataError(
                f"{self.file.name} ({self.layout.title}) holds no observed answer at a visit."
            )
        visits = self._order(kept)
        chosen = np.flatnonzero(kept)
        rank = pd.Index(visits).get_indexer(pd.Index(self.visit.iloc[chosen]))
        people, periods = (
            k.iloc[chosen].factorize(sort=True)[0] for k in (self.subject, self.period)
        )
        order = chosen[np.lexsort((chosen, people, rank, periods))]
        unit, first = units_of([k.iloc[order] for k in (self.subject, self.visit, self.period)])
        numbers = np.full(len(self.file), -1)
        numbers[order] = unit
        rows = np.flatnonzero(answered)
        answers = Answers(
            rows,
            self.across[rows],
            numbers[rows],
            self.test.to_numpy(object)[rows],
            self.text[rows],
        )
        heads = self._heads(order[first], numbers, chosen)
        tests = set(answers.columns)
        columns = [h.columns[0] for h in heads] + sorted(tests)
        clash = tests & {h.columns[0] for h in heads}
        if clash:
            raise DataError(
                f"{self.file.name}: a test has the name of a column: {', '.join(sorted(clash))}."
                " Rename the column."
            )
        called = dict(
            zip(self.test.iloc[rows], self.column(self.layout.label).iloc[rows], strict=True)
        )
        said = "; ".join(f"{t} ({called[t]})" if called[t] else t for t in sorted(called))
        text = (
            f"Read as {self.layout.title}: {len(rows)} answers, one row a subject and visit. Tests:"
            f" {said}."
        )
        self.notes.insert(0, Issue("long_table", text, len(rows), "note"))
        declared = Declared(visits=visits, baseline=self._flagged(answered))
        what = "one test of one subject and visit"
        return gather(
            self.file,
            Answers.join([*heads, answers]),
            columns,
            what=what,
            notes=self.notes,
            declared=declared,
        )

    def _say(self, rule: str, mask: np.ndarray, text: str, severity: str = "note") -> None:
        if n := int(mask.sum()):
            where = tuple(self.file.row_address(int(i)) for i in np.flatnonzero(mask))
            self.notes.append(Issue(rule, f"{n} {text}", n, severity, addresses=where))

    def _visit(self) -> pd.Series:
        visit, number = (
            self.column(self.layout.visit).str.strip(),
            self.column(self.layout.number).str.strip(),
        )
        return visit.where(visit != "", number) if self.layout is _SDTM else visit

    def _values(self) -> tuple[np.ndarray, np.ndarray]:
        """For each record the column that holds its value, the first filled one, and the value."""
        at = [self.file.columns.index(self.names[v]) for v in self.layout.values if v in self.names]
        grid = self.file.frame.iloc[:, at].to_numpy(object)
        filled = grid != ""
        pick = filled.argmax(axis=1)
        if self.layout is _SDTM and "QSORRES" in self.names and len(at) > 1:
            raw = filled[:, -1] & ~filled[:, :-1].any(axis=1)
            self._say(
                "unstandardised",
                raw,
                "record(s) have no standardised result (QSSTRESC); QSORRES was read as it stands.",
                "warning",
            )
        return np.array(at)[pick], grid[np.arange(len(grid)), pick]

    def _scheduled(self) -> np.ndarray:
        blank = (self.visit == "").to_numpy()
        odd = self.visit.str.casefold().str.startswith("unsch").to_numpy()
        number = " and ".join(v for v in (self.layout.visit, self.layout.number) if v in self.names)
        self._say(
            "no_visit",
            blank,
            f"record(s) belong to no visit ({number} blank): left out.",
            "warning",
        )
        self._say(
            "unscheduled",
            odd,
            "record(s) are of unscheduled visits, which differ from patient to patient: left out.",
            "warning",
        )
        return ~blank & ~odd

    def _observed(self) -> np.ndarray:
        derived = (self.column("DTYPE").str.strip() != "").to_numpy()
        kinds = ", ".join(sorted(set(self.column("DTYPE")[derived].str.strip())))
        self._say(
            "derived_record",
            derived,
            f"record(s) were derived (DTYPE: {kinds}), not observed: left out.",
            "warning",
        )
        self._say(
            "derived_score",
            (self.column("QSDRVFL") == "Y").to_numpy(),
            "record(s) are totals derived from others (QSDRVFL).",
        )
        return ~derived

    def _answered(self) -> np.ndarray:
        """Which records are of one test. One that was not done is a declared missing; QSALL is no
        test but all of them.
        """
        if "QSSTAT" not in self.names:
            return np.ones(len(self.file), dtype=bool)
        not_done = self.column("QSSTAT").str.strip().str.upper().eq("NOT DONE").to_numpy()
        both = not_done & (self.text != "")
        if both.any():
            where = listed_addresses([self.file.row_address(int(i)) for i in np.flatnonzero(both)])
            raise DataError(
                f"{self.file.name}: {int(both.sum())} record(s) are NOT DONE and have a result:"
                f" {where}. Correct them."
            )
        self._say("not_done", not_done, "record(s) are marked NOT DONE (QSSTAT): missing.")
        self.text[not_done] = f"{DECLARED_MISSING}NOT DONE"
        self.across[not_done] = self.file.columns.index(self.names["QSSTAT"])
        return (self.test != "QSALL").to_numpy()

    def _lost(self, answered: np.ndarray) -> np.ndarray:
        """In a visit with several observed records of a test, those that are not the one flagged
        for analysis (ANL01FL).
        """
        lost, alone = np.zeros(len(answered), dtype=bool), np.zeros(len(answered), dtype=bool)
        if "ANL01FL" in self.names:
            flag = (self.column("ANL01FL").str.strip() == "Y").to_numpy()
            frame = pd.DataFrame(
                {"s": self.subject, "p": self.period, "v": self.visit, "t": self.test, "flag": flag}
            )[answered]
            by = frame.groupby(["s", "p", "v", "t"], sort=False)["flag"]
            n, flagged = by.transform("size"), by.transform("sum")
            lost[answered] = ((n > 1) & (flagged == 1) & ~frame["flag"]).to_numpy()
            alone[answered] = ((n == 1) & (flagged == 0)).to_numpy()
        self._say(
            "not_for_analysis",
            lost,
            "record(s) share a visit with the one flagged for analysis (ANL01FL): left out.",
        )
        self._say(
            "unflagged",
            alone,
            "record(s) are a visit's only observed one, yet not flagged for analysis (ANL01FL):"
            " read.",
            "warning",
        )
        return lost

    def _order(self, there: np.ndarray) -> tuple[str, ...]:
        """The visits by their number, where each has one; else as they come."""
        number = pd.to_numeric(self.column(self.layout.number), errors="coerce")
        frame = pd.DataFrame({"visit": self.visit, "n": number})[there]
        least = frame.groupby("visit", sort=False)["n"].min()
        return tuple(least.sort_values(kind="stable").index if least.notna().all() else least.index)

    def _flagged(self, live: np.ndarray) -> dict[str, tuple[str, ...]]:
        flagged = live & np.any(
            [(self.column(f).str.strip() == "Y").to_numpy() for f in self.layout.flags], axis=0
        )
        found: dict[str, list[str]] = {}
        for i in np.flatnonzero(flagged):
            found.setdefault(self.visit[i], []).append(self.file.row_address(int(i)))
        return {visit: tuple(where) for visit, where in found.items()}

    def _heads(self, first: np.ndarray, numbers: np.ndarray, chosen: np.ndarray) -> list[Answers]:
        """Subject, visit, and the columns that say one thing a visit, each from the first row that
        says it.
        """
        n, heads, left = np.arange(len(first)), [], []
        visit = self.names.get(self.layout.visit) or self.names[self.layout.number]
        for j, name in enumerate(self.file.columns):
            text = self.file[name].to_numpy(object)
            if name in (self.names["USUBJID"], visit):
                told = self.visit.to_numpy(object)[first] if name == visit else text[first]
                heads.append(
                    Answers(first, np.full(len(n), j), n, np.full(len(n), name, dtype=object), told)
                )
                continue
            if self.layout.own.fullmatch(name.upper()):
                continue
            rows = chosen[text[chosen] != ""]
            frame = pd.DataFrame({"unit": numbers[rows], "text": text[rows]}).drop_duplicates()
            if frame["unit"].duplicated().any():
                left.append(name)
            elif len(frame):
                rows = rows[frame.index]
                heads.append(
                    Answers(
                        rows,
                        np.full(len(rows), j),
                        numbers[rows],
                        np.full(len(rows), name, dtype=object),
                        text[rows],
                    )
                )
        if left:
            text = (
                f"Column(s) that say several things of one visit were not read: {', '.join(left)}."
            )
            self.notes.append(Issue("record_column", text, len(left), "note"))
        heads.sort(key=lambda h: (h.columns[0] != self.names["USUBJID"], h.columns[0] != visit))
        return heads


def baseline_elsewhere(declared: Declared, baseline: str, names: Mapping[str, str]) -> Issue | None:
    """An issue where a file flags records of other visits than the study's baseline as baseline;
    `names` renames its visits.

    >>> said = Declared(baseline={"DAY 1": ("row 2",), "WEEK 1": ("row 9",)})
    >>> baseline_elsewhere(said, "baseline", {"DAY 1": "baseline"}).addresses
    ('row 9',)
    """
    where = tuple(
        a
        for visit, rows in declared.baseline.items()
        if names.get(visit, visit) != baseline
        for a in rows
    )
    if not where:
        return None
    text = (
        f"{len(where)} record(s) are flagged as baseline in the file at another visit than the"
        f" study's baseline, {baseline}."
    )
    return Issue("baseline_flag", text, len(where), "warning", addresses=where)
