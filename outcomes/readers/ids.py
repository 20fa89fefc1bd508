"""Patients' codes: kept exactly as text; two that differ only by case, space or leading zeros are
one person twice, or a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from outcomes.core.errors import DataError, StudyError, unknown
from outcomes.core.wording import listed_addresses
from outcomes.readers.cells import TextTable, patterns
from outcomes.readers.parse import DECLARED_MISSING, is_error
from outcomes.readers.shape.derived import with_column
from outcomes.study.study import Issue

CHOICES = ("exact", "trim", "casefold", "numbers", "distinct")


def join_codes(table: TextTable, parts: Sequence[str], keep: Iterable[str]) -> TextTable:
    """The table with one column for a patient's code that is made of several (site and code); the
    parts stay only where they have a role of their own.

    Raises StudyError for a column that the table has not.
    """
    for part in parts:
        if part not in table.columns:
            raise StudyError(
                f"[roles] patient: {unknown('column', part, table.columns)} It is part of the"
                " patient's code."
            )
    grid = [table[p].astype(str).str.strip() for p in parts]
    whole = np.all([(g != "").to_numpy() for g in grid], axis=0)
    code = grid[0].str.cat(grid[1:], sep="/").where(whole, "")
    made = with_column(table, joined(parts), code, parts[-1])
    gone = [p for p in parts if p not in set(keep)]
    return made.without(gone, "part_of_code", "Part of the patient's code.")


def joined(parts: Sequence[str]) -> str:
    """What the column of a code made of several columns is called."""
    return " + ".join(parts)


def patient_ids(
    tables: Mapping[str, tuple[TextTable, str]], *, how: str = "exact", missing: Iterable[str] = ()
) -> tuple[dict[str, pd.Series], list[Issue]]:
    """The patient of every row of every table, and what is worth a look.

    `tables` gives each table with its patient column. `how`: "exact" keeps the text; "trim" takes
    surrounding spaces off; "casefold" also makes capitals equal; "numbers" also takes 001, 1 and
    1.0, or K-01 and K1, for one patient (the first way a code is written stands for all);
    "distinct" takes every way for another patient.

    Raises DataError, with addresses, for rows without a patient and for codes that differ only by
    case, space, leading zeros or ".0".
    """
    if how not in CHOICES:
        raise StudyError(unknown("way of comparing ids", how, CHOICES))
    codes = {str(m).strip().casefold() for m in missing} | {""}
    found: dict[str, pd.Series] = {}
    written: dict[str, dict[str, tuple[str, int]]] = {}
    ways: dict[str, tuple[list[str], list[str]]] = {}
    issues = []
    for name, (table, column) in tables.items():
        known = table.distinct(column)
        place, uniques = known.codes, known.texts
        texts = uniques if how in ("exact", "distinct") else [u.strip() for u in uniques]
        shapes = known.folded
        absent = [s in codes or (s[0] in "d#E" and _stands_for_none(s)) for s in shapes]
        _refuse_nobody(table, column, np.array(absent, dtype=bool)[place])
        ways[name] = texts, shapes
        if how in ("casefold", "numbers"):
            same = list(map(as_number, shapes)) if how == "numbers" else shapes
            _write(written, name, texts, same)
            texts = [next(iter(written[s])) for s in same]
        _refuse_shortened(table, column, shapes, place)
        found[name] = pd.Series(np.array(texts, dtype=object)[place])
        issues += _dates(name, table, column, uniques, place)
    if how in ("exact", "trim") and _differ_in_little(ways.values()):
        for name, (texts, shapes) in ways.items():
            _write(written, name, texts, shapes)
        _refuse(written, tables, *_SPELT[how])
    if how not in ("numbers", "distinct"):
        loosely: dict[str, dict[str, tuple[str, int]]] = {}
        for shape, texts_of in written.items():
            loosely.setdefault(as_number(shape), {})[shape] = next(iter(texts_of.values()))
        _refuse(loosely, tables, *_ZEROS)
    return found, issues


def _write(
    written: dict[str, dict[str, tuple[str, int]]],
    name: str,
    texts: Sequence[str],
    same: Sequence[str],
) -> None:
    """Note of each code how it is written, and where first."""
    for number, (text, one) in enumerate(zip(texts, same, strict=True)):
        written.setdefault(one, {}).setdefault(text, (name, number))


def _differ_in_little(ways: Iterable[tuple[Sequence[str], Sequence[str]]]) -> bool:
    """Whether any two codes may differ only by capitals, spaces, leading zeros, a dash or ".0".

    Codes with digits in the same places, and the same signs between, do not.
    """
    texts, shapes = set[str](), set[str]()
    for own, shaped in ways:
        texts |= {*own}
        shapes |= {*shaped}
    return len(texts) > len(shapes) or len(set(patterns(list(shapes)))) > 1


def as_number(code: str) -> str:
    """A code without what a spreadsheet program takes from it or adds to it: leading zeros, ".0", a
    dash between letters and a number.

    >>> as_number("001"), as_number("1001.0"), as_number("k-012"), as_number("1-10")
    ('1', '1001', 'k12', '1-10')
    """
    return _DASH.sub("", _ZEROS_BEFORE.sub("", _ZEROS_AFTER.sub("", code)))


_ZEROS_AFTER, _ZEROS_BEFORE = (
    re.compile(r"(?<=[0-9])[.,]0+$"),
    re.compile(r"(?<![0-9.,])0+(?=[0-9])"),
)
_DASH, _DAY = re.compile(r"(?<=[a-z])[ _./-]+(?=[0-9])"), re.compile(r"\d{4}-\d{2}-\d{2}")


def _stands_for_none(code: str) -> bool:
    return code.startswith(DECLARED_MISSING) or is_error(code)


def _refuse_nobody(table: TextTable, column: str, nobody: np.ndarray) -> None:
    if nobody.any():
        where = list(dict.fromkeys(f"row {int(n)}" for n in table.rows[nobody]))
        last = int(table.rows[~nobody][-1]) if (~nobody).any() else 0
        below = last and int(table.rows[nobody][0]) > last
        raise DataError(
            f"{table.name}: {len(where)} row(s) have cells but no patient in column '{column}': "
            f"{listed_addresses(where)}. Fill in the patient, or delete the rows."
            + (
                f" If they are no patients (a mean, a total, a note below the table), say last ="
                f" {last} beside the file's name: they are left out and listed."
                if below
                else ""
            )
        )


def _refuse_shortened(
    table: TextTable, column: str, shapes: Sequence[str], place: np.ndarray
) -> None:
    """Codes that a spreadsheet program has shortened to 1.23E+11: several may have become one."""
    short = np.array(["e+" in s and bool(_SHORTENED.fullmatch(s)) for s in shapes])[place]
    if short.any():
        where = listed_addresses(table.addresses(short, column))
        raise DataError(
            f"{table.name}: {int(short.sum())} patient code(s) in column '{column}' are in"
            f" scientific notation, as spreadsheet programs write long numbers: {where}. Digits are"
            " lost, and two patients may have one code. Set the column's format to text (or 0) in"
            " the original file and export it again."
        )


_SHORTENED = re.compile(r"[0-9][.,][0-9]+e\+[0-9]+")
#: What is wrong with codes that differ in little, and what to say of them.
_SPELT = {
    "exact": (
        "are written in several ways that differ only by capitals or spaces",
        'ids = "trim" (spaces) or ids = "casefold" (capitals too)',
    ),
    "trim": (
        "are written in several ways that differ only by capitals or spaces",
        'ids = "casefold"',
    ),
}
_ZEROS = (
    "differ from another only by leading zeros, a dash or '.0', which spreadsheet programs change"
    " unasked: they may be one person or two, and were not joined",
    'ids = "numbers" (they are different people: ids = "distinct")',
)


def _refuse(
    written: Mapping[str, Mapping[str, tuple[str, int]]],
    tables: Mapping[str, tuple[TextTable, str]],
    what: str,
    choice: str,
) -> None:
    twins = [list(variants.values()) for variants in written.values() if len(variants) > 1]
    if not twins:
        return

    def place(name: str, number: int) -> str:
        table, column = tables[name]
        return (
            f"{name}"
            f" {table.address(int((pd.factorize(table[column])[0] == number).argmax()), column)}"
        )

    where = "; ".join(" and ".join(place(*one) for one in group) for group in twins[:10])
    more = f"; and {len(twins) - 10} more" if len(twins) > 10 else ""
    raise DataError(
        f"{len(twins)} patient code(s) {what}: {where}{more}. Correct them, or say that they are"
        f" the same person: {choice}, under [data] in a study file."
    )


def _dates(
    name: str, table: TextTable, column: str, distinct: Sequence[str], place: np.ndarray
) -> list[Issue]:
    like_dates = np.array(
        [v.count("-") == 2 and bool(_DAY.fullmatch(v.strip())) for v in distinct], dtype=bool
    )
    dated = like_dates[place] & table.own(column)
    if not dated.any() or dated.mean() > 0.5:
        return []
    text = (
        f"{int(dated.sum())} patient code(s) are dates: a spreadsheet program turns '7/10' into"
        " one."
    )
    return [
        Issue(
            "date_as_patient",
            text,
            int(dated.sum()),
            "warning",
            name,
            column,
            table.addresses(dated, column),
        )
    ]
