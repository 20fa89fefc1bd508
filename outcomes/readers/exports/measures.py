"""Tables of names and values, one answer a row, as one row a patient and visit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from outcomes.core.errors import DataError, StudyError, unknown
from outcomes.readers.cells import Declared, TextTable, key
from outcomes.readers.exports.reshaped_table import Answers, gather, units_of
from outcomes.study.record import Issue

#: What columns are called that name what was measured, and those that hold its value.
_MEASURE = re.compile(
    r"measure|instrument|inst|questionnaire|test|scale|score_name|item|question|variable|parameter"
    r"|field|name|flo_meas_name|quest_name|question_name|item_id|itemid|outcome|assessment"
    r"|mass|skala|fragebogen|mesure|medida|misura|merkmal|variavel|variabele|parametro|parametre"
    r"|instrumento|questionario|cuestionario|vragenlijst|escala|echelle|schaal|indicator|indicador"
    r"|messgrosse|domain|scale_name|test_name|testcd|param|item_name|observation"
)
_VALUE = re.compile(
    r"value|score|result|answer|response|t_?score|meas_value|quest_answer|wert|valeur|valor|valore|waarde|ergebnis|resultat|resultado|risultato"
    r"|uitslag|punktwert|punkte|puntos|punteggio|pontuacao|messwert|numeric_value|value_num"
)
_WHEN = re.compile(
    r"visit|timepoint|time_point|session|event|event_name|assmnt|assessment|encounter|contact"
    r"|week|month|day|.*_?(date|datum|fecha|time)|recorded_time|contact_date|besuch|visite|visita|zeitpunkt"
    r"|messzeitpunkt|termin|woche|monat|bezoek|meetmoment|moment|tijdstip|consulta|momento|avaliacao"
    r"|semana|semaine|mes|mois|visit_name|folder|folder_name|phase"
)


def read_measures(table: TextTable, measure: str, value: str, by: Sequence[str]) -> TextTable:
    """One row for each different `by` (patient and visit), a column for each measure, each cell
    with its address. Other columns stay where they say one thing a row; else they are
    left out, listed.

    Raises StudyError for a column that is not there, DataError, with addresses, where a measure has
    two values in one row.
    """
    for column in (measure, value, *by):
        if column not in table.columns:
            raise StudyError(f"[data] {table.name}: {unknown('column', column, table.columns)}")
    names = table[measure].str.strip().to_numpy(object)
    text = table[value].to_numpy(object)
    nameless = (names == "") & (text != "")
    if nameless.any():
        where = ", ".join(table.addresses(nameless, value)[:20])
        raise DataError(
            f"{table.name}: {int(nameless.sum())} value(s) belong to no measure: {where}."
        )
    unit, first = units_of([table[c].to_numpy(object) for c in by])
    rows = np.flatnonzero(text != "")
    answers = Answers(
        rows, np.full(len(rows), table.columns.index(value)), unit[rows], names[rows], text[rows]
    )
    heads, left = _heads(table, measure, value, by, unit, first)
    tests = sorted(set(answers.columns))
    columns = [h.columns[0] for h in heads] + tests
    clash = set(tests) & {h.columns[0] for h in heads}
    if clash:
        raise DataError(f"{table.name}: a measure has the name of a column: {min(clash)}.")
    said = f"Read as one answer a row: {len(rows)} values of {len(tests)} measures, {measure}."
    notes = [Issue("long_table", said, len(rows), "note")]
    for column in left:
        filled = (table[column] != "").to_numpy()
        words = f"'{column}' says several things of one row; it was not read."
        cells = table.addresses(filled, column)
        notes.append(Issue("record_column", words, int(filled.sum()), "note", addresses=cells))
    return gather(
        table,
        Answers.join([*heads, answers]),
        columns,
        what=f"one measure of one {' and '.join(by)}",
        notes=notes,
        declared=Declared(identifiers=table.declared.identifiers),
    )


def _heads(
    table: TextTable,
    measure: str,
    value: str,
    by: Sequence[str],
    unit: np.ndarray,
    first: np.ndarray,
) -> tuple[list[Answers], list[str]]:
    n, heads, left = np.arange(len(first)), [], []
    for j, name in enumerate(table.columns):
        text = table[name].to_numpy(object)
        if name in (measure, value):
            continue
        rows = first if name in by else np.flatnonzero(text != "")
        frame = pd.DataFrame({"unit": unit[rows], "text": text[rows]}).drop_duplicates()
        if frame["unit"].duplicated().any():
            left.append(name)
        elif len(frame):
            rows = rows[frame.index]
            label = np.full(len(rows), name, dtype=object)
            at = n if name in by else unit[rows]
            heads.append(Answers(rows, np.full(len(rows), j), at, label, text[rows]))
    return heads, left


def measures_of(table: TextTable, patient: str) -> dict[str, Any]:
    """What [data] says of a table of names and values; empty for any other table.

    A column names what was measured, another holds the value, and together with the patient and a
    visit or date each row is one answer.
    """
    if not patient:
        return {}
    named = [c for c in table.columns if c != patient]
    measures = [c for c in named if _MEASURE.fullmatch(key(c)) and _few_words(table[c])]
    values = [c for c in named if _VALUE.fullmatch(key(c)) and not _few_words(table[c])]
    values.sort(key=lambda c: (key(c) != "t_score", (table[c] == "").mean()))
    times = [c for c in named if _WHEN.fullmatch(key(c))]
    for measure in measures:
        for value in values:
            for when in [t for t in times if t not in (measure, value)]:
                by = [patient, when]
                frame = table.frame
                several = frame.duplicated(by).mean() > 0.3
                if several and not frame.duplicated([*by, measure]).any():
                    return {"measure": measure, "value": value, "each": tuple(by)}
    return {}


def _few_words(text: pd.Series) -> bool:
    """Whether a column repeats a few names."""
    live = text.str.strip()
    live = live[live != ""]
    named = live.str.contains(r"[^\W\d_]", regex=True)
    return len(live) > 0 and bool(named.all()) and 2 <= live.nunique() <= min(60, len(live) / 2)
