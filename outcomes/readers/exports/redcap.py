"""REDCap exports: an event's answers, which lie in several rows of the file, in one row a record
and event.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from outcomes.core.errors import DataError, StudyError, unknown
from outcomes.core.wording import listed_addresses
from outcomes.readers.cells import Declared, TextTable
from outcomes.readers.exports.codebook import (
    Codebook,
    Field,
    is_codebook,
    plain,
    status_choices,
    ticked_choices,
)
from outcomes.readers.exports.labels import has_labels
from outcomes.readers.exports.reshaped_table import Answers, gather, units_of
from outcomes.study.study import Issue

EVENT, FORM, INSTANCE = "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance"
#: Columns that REDCap repeats in every row of a record.
_REPEATED = ("redcap_data_access_group", "redcap_survey_identifier")
_EAV = {"record", "field_name", "value"}
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")
_LABELLED = {
    "event name": EVENT,
    "repeat instrument": FORM,
    "repeat instance": INSTANCE,
    "data access group": "redcap_data_access_group",
    "survey identifier": "redcap_survey_identifier",
}


class RepeatingFormsError(DataError):
    """Forms with several answers for one record and event, which one row cannot hold; `forms` names
    them.
    """

    def __init__(self, message: str, forms: Sequence[str]) -> None:
        super().__init__(message)
        self.forms = tuple(forms)


def is_redcap(table: TextTable) -> bool:
    """Whether a table is a REDCap export: by the columns that only REDCap writes, or by its
    labels.
    """
    there = {c.casefold() for c in table.columns}
    return bool({EVENT, FORM, INSTANCE} & there) or there >= _EAV or has_labels(table.columns)


def read_redcap(
    table: TextTable, book: Codebook | None = None, form: str = "", without: Sequence[str] = ()
) -> TextTable:
    """One row a record and event from a REDCap export: raw, in rows of field and value (EAV), or
    with labels and `book`.

    The rows of an event are joined; each cell keeps its address. `form` gives the answers to that
    form alone, one row an instance where it repeats. `without` leaves forms out, with a note.
    `book`, the data dictionary, gives the columns' types and identifiers, the codes behind labels,
    and says which columns a form has.

    Raises RepeatingFormsError where a form has several instances in one event; DataError, with
    addresses, where one field has two answers; StudyError for an unknown form.
    """
    if is_codebook(table):
        raise DataError(
            f"{table.name} is a REDCap data dictionary: it describes columns and holds no answers."
            " Give the export."
        )
    names, values, notes = list(table.columns), table.frame.to_numpy(object), _notes(table, book)
    eav = {c.casefold() for c in names} >= _EAV
    if has_labels(names):
        if book is None:
            raise DataError(
                f"{table.name} is a REDCap export with labels: headings repeat and answers are"
                " words. Export it as 'CSV / raw data', or give the project's data dictionary:"
                ' dictionary = "…", under [data] in a study file.'
            )
        names, values = _raw(table, book, notes)
    declared = book.declared(names) if book else Declared()
    lower = [n.casefold() for n in names]
    keys = {
        k: values[:, lower.index(k)]
        for k in (EVENT, FORM, INSTANCE)
        if k in lower and (values[:, lower.index(k)] != "").any()
    }
    if not (
        eav or FORM in keys or INSTANCE in keys or form or without or has_labels(table.columns)
    ):
        return replace(table, notes=(*table.notes, *notes), declared=declared)
    cells = _Cells(table, book, names, values, keys)
    answers = cells.by_field() if eav else cells.by_column()
    return cells.table(answers, form, tuple(without), notes)


class _Cells:
    """The cells of an export with the record, event, form and instance that each row names."""

    def __init__(
        self,
        table: TextTable,
        book: Codebook | None,
        names: Sequence[str],
        values: np.ndarray,
        keys: dict[str, np.ndarray],
    ) -> None:
        self.file, self.book, self.names, self.values, self.keys = table, book, names, values, keys
        self.lower = [n.casefold() for n in names]
        blank = np.full(len(table), "", dtype=object)
        self.record_at = self.lower.index("record") if set(self.lower) >= _EAV else 0
        self.record = values[:, self.record_at]
        self.event, self.form, self.instance = (keys.get(k, blank) for k in (EVENT, FORM, INSTANCE))

    def by_column(self) -> Answers:
        """The filled cells of a raw export, each under its own heading."""
        structure = {
            self.record_at,
            *(self.lower.index(k) for k in (EVENT, FORM, INSTANCE) if k in self.lower),
        }
        rows, across = np.nonzero(self.values != "")
        mine = ~np.isin(across, list(structure))
        rows, across = rows[mine], across[mine]
        return Answers(
            rows,
            across,
            rows,
            np.array(self.names, dtype=object)[across],
            self.values[rows, across],
        )

    def by_field(self) -> Answers:
        """The cells of rows of field and value; the ticked options of a checkbox are columns of
        their own.
        """
        at, across = self.lower.index("field_name"), self.lower.index("value")
        fields, text = self.values[:, at].copy(), self.values[:, across].copy()
        nameless = (fields == "") & (text != "")
        if nameless.any():
            where = listed_addresses(self.file.addresses(nameless, self.file.columns[across]))
            raise DataError(
                f"{self.file.name}: {int(nameless.sum())} value(s) stand beside no field: {where}."
                " Name the field."
            )
        rows = np.flatnonzero(
            (fields != "") & ~((text == self.record) & (fields == self._record_name()))
        )
        boxes = {f.name: f for f in self.book.fields if f.kind == "checkbox"} if self.book else {}
        for i in rows:
            if box := boxes.get(fields[i]):
                column = {code: c for c, code in box.columns.items()}.get(text[i])
                fields[i], text[i] = (column, "1") if column else (fields[i], text[i])
        return Answers(rows, np.full(len(rows), across), rows, fields[rows], text[rows])

    def _record_name(self) -> str:
        return self.book.fields[0].name if self.book and self.book.fields else "record_id"

    def table(
        self, answers: Answers, form: str, without: tuple[str, ...], notes: list[Issue]
    ) -> TextTable:
        """The table of one form, or of all but some; `answers` are numbered by their rows."""
        for name in (form, *without):
            self._known(name)
        rows, mine = self._chosen(answers, form, without)
        if not mine.any():
            raise DataError(
                f"{self.file.name} holds no answer{f' to the form {form!r}' if form else ''}."
            )
        if without:
            notes.append(self._left_out(answers.pick(~mine), without))
        if not form:
            self._refuse_repeats(rows)
        by = [
            self.record,
            self.event,
            self.instance if form else np.where(self.form == "", self.instance, ""),
        ]
        chosen = np.flatnonzero(rows)
        unit, first = units_of([k[chosen] for k in by])
        numbers = np.full(len(self.file), -1)
        numbers[chosen] = unit
        used = answers.pick(mine)
        used = self._once(replace(used, units=numbers[used.rows]))
        alone = (
            bool(form)
            and not (self.form == form).any()
            and not pd.Series(self.record[chosen[first]]).duplicated().any()
        )
        heads = self._heads(chosen[first], by[2], event=not alone)
        columns = list(
            dict.fromkeys([*(h.columns[0] for h in heads), *self._columns(used, answers, form)])
        )
        hint = "Correct the file."
        if not self.book and set(self.lower) >= _EAV:
            hint = (
                "If the field is a checkbox, give the data dictionary, which says so: dictionary ="
                ' "…", under [data].'
            )
        if len(chosen) > len(first):
            text = (
                f"{len(chosen)} rows of the export were joined to {len(first)}, one a record and"
                " event."
            )
            notes.append(Issue("joined_rows", text, len(chosen), "note"))
        declared = self.book.declared(columns) if self.book else Declared()
        what = "one field of one record and event"
        return gather(
            self.file,
            Answers.join([*heads, used]),
            columns,
            what=what,
            hint=hint,
            notes=notes,
            declared=declared,
        )

    def _chosen(
        self, answers: Answers, form: str, without: tuple[str, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The rows and the answers of one form, or of all but some. Forms that do not repeat share
        rows with others.
        """
        if not form:
            rows, out = ~np.isin(self.form, without), self._belongs(answers, without)
            own = ~np.isin(answers.columns, _REPEATED)
            emptied = np.setdiff1d(answers.rows[out], answers.rows[own & ~out])
            rows[emptied] = False
            return rows, rows[answers.rows] & ~out
        rows = self.form == form
        if rows.any():
            return rows, rows[answers.rows]
        mine = (self.form[answers.rows] == "") & self._belongs(answers, (form,))
        return np.isin(np.arange(len(self.file)), answers.rows[mine]), mine

    def _belongs(self, answers: Answers, forms: Sequence[str]) -> np.ndarray:
        there = [c for c in set(answers.columns) if self.book and self.book.form_of(c) in forms]
        return np.isin(answers.columns, there)

    def _known(self, form: str) -> None:
        there = list(dict.fromkeys(f for f in self.form if f)) + list(
            self.book.forms if self.book else ()
        )
        if form and form not in there:
            hint = (
                ""
                if self.book
                else "Forms that do not repeat are known from the data dictionary only."
            )
            raise StudyError(f"[data] {self.file.name}: {unknown('form', form, there, hint=hint)}")

    def _refuse_repeats(self, rows: np.ndarray) -> None:
        frame = pd.DataFrame({"r": self.record, "e": self.event, "f": self.form})[
            rows & (self.form != "")
        ]
        again = frame[frame.duplicated(keep=False)]
        if again.empty:
            return
        forms = list(dict.fromkeys(again["f"]))
        where = listed_addresses([self.file.row_address(int(i)) for i in again.index])
        raise RepeatingFormsError(
            f"{self.file.name}: {len(forms)} form(s) were answered several times in one event:"
            f" {', '.join(forms)} ({where}). "
            f'Read each as a table of its own: infusions = {{ file = "…", form = "{forms[0]}" }},'
            " say, and leave it out "
            f'of the others: scores = {{ file = "…", without = ["{forms[0]}"] }}.',
            forms,
        )

    def _left_out(self, gone: Answers, without: tuple[str, ...]) -> Issue:
        gone = gone.pick(~np.isin(gone.columns, _REPEATED))
        columns = self.file.columns
        where = tuple(
            self.file.address(int(i), columns[j])
            for i, j in zip(gone.rows, gone.across, strict=True)
        )
        return Issue(
            "left_out_form",
            f"Left out of this table by name: {', '.join(without)}.",
            len(where),
            "note",
            addresses=where,
        )

    def _once(self, answers: Answers) -> Answers:
        """What REDCap repeats in every row of a record, once a unit."""
        frame = pd.DataFrame(
            {"unit": answers.units, "column": answers.columns, "text": answers.text}
        )
        return answers.pick(~(frame.duplicated() & frame["column"].isin(_REPEATED)).to_numpy())

    def _heads(self, first: np.ndarray, instance: np.ndarray, event: bool) -> list[Answers]:
        """Record, event (but for a form that each record has once) and instance: as the first row
        of each unit has them.
        """
        wanted = [self.record_at]
        wanted += [self.lower.index(EVENT)] if EVENT in self.keys and event else []
        wanted += [self.lower.index(INSTANCE)] if (instance[first] != "").any() else []
        n = np.arange(len(first))
        heads = [
            Answers(
                first,
                np.full(len(n), j),
                n,
                np.full(len(n), self.names[j], dtype=object),
                self.values[first, j],
            )
            for j in wanted
        ]
        return [
            h if self.lower[h.across[0]] != INSTANCE else h.pick(instance[first] != "")
            for h in heads
        ]

    def _columns(self, used: Answers, answers: Answers, form: str) -> list[str]:
        """The columns with an answer, those that nobody has answered (but for a form's table), in
        the order of the file.
        """
        there = set(used.columns)
        if set(self.lower) >= _EAV:
            return sorted(
                there,
                key=list(
                    dict.fromkeys([*(self.book.columns if self.book else ()), *answers.columns])
                ).index,
            )
        nobody = (
            set() if form else set(self.names) - set(answers.columns) - {self.names[self.record_at]}
        )
        nobody -= {n for n in nobody if n.casefold() in (EVENT, FORM, INSTANCE)}
        return [n for n in self.names if n in there or n in nobody]


def _notes(table: TextTable, book: Codebook | None) -> list[Issue]:
    """What a reader of the study should know of the export."""
    notes = []
    if book:
        text = (
            f"Types, choices and identifiers are those of the data dictionary {book.name} (SHA-256"
            f" {book.sha256[:12]}…)."
        )
        notes.append(Issue("data_dictionary", text, len(book.fields), "note"))
    ids = [v for v in pd.unique(table.frame.iloc[:, 0]) if v]
    if ids and all(re.fullmatch(r"[0-9a-f]{32,64}", v) for v in ids):
        text = (
            "Records are named by hashes, as in REDCap's de-identified exports. Such an export may"
            " have shifted its dates: days between a patient's dates are kept, calendar dates and"
            " seasons are not real."
        )
        notes.append(Issue("shifted_dates", text, len(ids), "warning"))
    return notes


def _raw(table: TextTable, book: Codebook, notes: list[Issue]) -> tuple[list[str], np.ndarray]:
    """Field names and codes in place of the labels of headings and answers."""
    found = _headings(table, book)
    names = [name for name, _, _ in found]
    values = table.frame.to_numpy(object).copy()
    strange: list[str] = []
    for j, (name, _, codes) in enumerate(found):
        if not codes:
            continue
        if len(set(codes.values())) < len(codes):
            raise DataError(
                f"{table.name}: two choices of the field '{name}' have the same label, so its"
                " answers have no code."
            )
        back = {label: code for code, label in codes.items()}
        place, labels = pd.factorize(values[:, j])
        known = np.array([not label or plain(label) in back for label in labels])[place]
        mixed = ~known & np.isin(
            values[:, j], [label for label in labels if label in codes or _NUMBER.fullmatch(label)]
        )
        if mixed.any():
            where = listed_addresses(table.addresses(mixed, table.columns[j]))
            raise DataError(
                f"{table.name}: {int(mixed.sum())} answer(s) are none of the labels of '{name}' and"
                f" are written like codes: {where}. Which they are cannot be told. Export it from"
                " REDCap as 'CSV / raw data'."
            )
        strange += table.addresses(~known, table.columns[j])
        values[:, j] = np.array([back.get(plain(label), label) for label in labels], dtype=object)[
            place
        ]
    if strange:
        text = (
            f"{len(strange)} answer(s) are none of their field's choices (a code for missing,"
            " perhaps); they stay as they are."
        )
        notes.append(Issue("label", text, len(strange), "warning", addresses=tuple(strange)))
    return names, values


def _headings(table: TextTable, book: Codebook) -> list[tuple[str, Field | None, dict[str, str]]]:
    """For each heading of an export with labels: the raw heading, its field, and its codes and
    labels.
    """
    by_label: dict[str, list[tuple[str, Field, dict[str, str]]]] = {}
    for column, f in book.columns.items():
        box = f.kind == "checkbox"
        label = f"{f.label} (choice={f.choices[f.columns[column]]})" if box else f.label
        by_label.setdefault(label, []).append(
            (column, f, dict(ticked_choices() if box else f.choices))
        )
    plain_heads = [re.sub(r" \(\d+\)$", "", c) if c not in by_label else c for c in table.columns]
    known = [by_label.get(h, []) for h in plain_heads]
    forms = [hits[0][1].form if hits else "" for hits in known]
    made: list[tuple[str, Field | None, dict[str, str]]] = []
    wrong = []
    for j, (head, hits) in enumerate(zip(plain_heads, known, strict=True)):
        before, after = (
            next((f for f in forms[:j][::-1] if f), ""),
            next((f for f in forms[j:] if f), ""),
        )
        if len(hits) == 1:
            made.append(hits[0])
        elif head.casefold() in _LABELLED and not hits:
            made.append((_LABELLED[head.casefold()], None, {}))
        elif head.casefold() == "complete?" and before:
            made.append((f"{before}_complete", None, dict(status_choices())))
        elif head.casefold() == "survey timestamp" and after:
            made.append((f"{after}_timestamp", None, {}))
        else:
            wrong.append(
                f"'{table.columns[j]}'"
                f" ({'two fields have this label' if hits else 'no field has this label'})"
            )
    names = [m[0] for m in made]
    wrong += [
        f"'{n}' (two headings lead to it)" for n in dict.fromkeys(names) if names.count(n) > 1
    ]
    if wrong:
        raise DataError(
            f"{table.name}: {len(wrong)} heading(s) do not lead to one field each of {book.name}:"
            f" {', '.join(wrong)}. Export it from REDCap as 'CSV / raw data'."
        )
    return made
