"""Exports of survey systems: which of their first rows are headings, and which answers are nobody's
or were not submitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from outcomes.core.errors import DataError
from outcomes.readers.cells import Declared, TextTable, tidy
from outcomes.study.study import Issue

#: How Qualtrics marks answers of the survey's authors: in Status (in words or as a number) and in
#: DistributionChannel.
_TRIALS = frozenset(
    (
        "survey preview",
        "survey test",
        "survey preview spam",
        "offline survey preview",
        "1",
        "2",
        "9",
        "17",
    )
)
_TRIAL_CHANNELS = frozenset(("preview", "test"))
_QUALTRICS = frozenset(("responseid", "status", "finished", "recordeddate"))
_NO = frozenset(("false", "0"))
#: What SurveyMonkey writes under a question that has one field.
_ONE_FIELD = frozenset(("", "response", "open-ended response"))


@dataclass(frozen=True)
class Survey:
    """A survey export: whose it is, its headings on one row, how many rows they take in the file,
    what was asked in words.
    """

    maker: str
    headings: tuple[str, ...]
    rows: int
    titles: tuple[str, ...] = ()

    def note(self, first: int) -> Issue:
        """What was made of the heading rows above the `first` row of answers."""
        how = {
            "Qualtrics": (
                "the first names the columns, the others (question texts, import ids) were left out"
            ),
            "SurveyMonkey": "a question and its part make one heading",
        }[self.maker]
        return Issue(
            "survey_headings",
            f"A {self.maker} export with {self.rows} heading rows: {how}.",
            self.rows,
            "note",
            addresses=tuple(f"row {first - k}" for k in range(self.rows - 1, 0, -1)),
        )


def survey(rows: Sequence[Sequence[str]]) -> Survey | None:
    """The survey export that a table's first rows are of, or None for a plain table.

    Qualtrics has names, question texts and import ids (the last not in a workbook); SurveyMonkey
    has questions and, under them, their parts.

    >>> survey(
    ...     [
    ...         ["ResponseId", "Q1"],
    ...         ["Response ID", "Pain?"],
    ...         ['{"ImportId":"_recordId"}', '{"ImportId":"QID1"}'],
    ...     ]
    ... ).rows
    3
    >>> survey(
    ...     [
    ...         ["Respondent ID", "Collector ID", "Pain", ""],
    ...         ["", "", "now", "worst"],
    ...         ["1", "2", "7", "9"],
    ...     ]
    ... ).headings
    ('Respondent ID', 'Collector ID', 'Pain: now', 'Pain: worst')
    >>> survey([["id", "visit", "nrs"], ["001", "pre", "7"]])
    """
    head = [tidy(c) for c in rows[0]]
    names = {c.casefold() for c in head}
    below = [tidy(c) for c in rows[1]] if len(rows) > 1 else []
    if len(rows) > 2 and any('"importid"' in c.casefold() for c in rows[2]):
        return Survey("Qualtrics", tuple(head), 3, tuple(below))
    if "responseid" in names and "response id" in {c.casefold() for c in below}:
        return Survey("Qualtrics", tuple(head), 2, tuple(below))
    if names >= _QUALTRICS:  # somebody has deleted the other heading rows
        return Survey("Qualtrics", tuple(head), 1)
    if (
        {"respondent id", "collector id"} <= names
        and below
        and not below[head.index(_named(head, "respondent id"))]
    ):
        return Survey("SurveyMonkey", _joined(head, below), 2)
    return None


def _named(head: Sequence[str], name: str) -> str:
    return next(h for h in head if h.casefold() == name)


def _joined(head: Sequence[str], below: Sequence[str]) -> tuple[str, ...]:
    """A question over several parts is part of each of their headings; one with a single field is a
    heading by itself.
    """
    made, question = [], ""
    for j, (text, part) in enumerate(zip(head, below, strict=True)):
        question = text or (question if part else "")
        alone = bool(text) and (j + 1 == len(head) or bool(head[j + 1]) or not below[j + 1])
        made.append(
            question
            if not part or (alone and part.casefold() in _ONE_FIELD)
            else f"{question.rstrip(':')}: {part}"
        )
    return tuple(made)


def submitted(table: TextTable, found: Survey | None, unfinished: bool = False) -> TextTable:
    """A survey's table with a note on its headings, without its previews and tests and, unless
    `unfinished`, without answers that nobody submitted. What falls is counted and listed by the
    cells that held something. A plain table stays as it is.

    Raises DataError where nothing is left.
    """
    if found is None:
        return table
    trial = _is_in(table, "Status", _TRIALS) | _is_in(table, "DistributionChannel", _TRIAL_CHANNELS)
    partial = _is_in(table, "Finished", _NO) & ~trial
    gone = trial if unfinished else trial | partial
    notes = [found.note(int(table.rows[0]))] if found.rows > 1 else []
    if n := int(trial.sum()):
        text = f"{n} row(s) are previews or tests of the survey, not patients; they were left out."
        notes.append(Issue("survey_preview", text, n, addresses=table.filled_addresses(trial)))
    if n := int(partial.sum()):
        kept = (
            "kept, as declared."
            if unfinished
            else "left out. To keep them: unfinished = true beside the file's name."
        )
        where = _rows(table, partial) if unfinished else table.filled_addresses(partial)
        text = f"{n} row(s) are unfinished answers, which nobody submitted; they were {kept}"
        notes.append(Issue("unfinished_answer", text, n, addresses=where))
    if gone.all():
        raise DataError(
            f"{table.name} has no submitted answer: all {len(table)} row(s) are previews or"
            " unfinished."
        )
    titles = dict(zip(found.headings, found.titles)) if found.titles else {}
    return replace(table.keep(~gone, *notes), declared=Declared(titles=titles))


def _rows(table: TextTable, mask: np.ndarray) -> tuple[str, ...]:
    return tuple(table.row_address(int(i)) for i in np.flatnonzero(mask))


def _is_in(table: TextTable, column: str, words: frozenset[str]) -> np.ndarray:
    """Which rows have one of these words in a column of Qualtrics; none where there is no such
    column.
    """
    if column not in table.columns:
        return np.zeros(len(table), dtype=bool)
    return table[column].str.strip().str.casefold().isin(words).to_numpy(bool)
