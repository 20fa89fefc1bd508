"""Whatever stands in an export, reading it gives a table whose cells are the file's, or an error
without a patient's value.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outcomes.core.errors import OutcomesError
from outcomes.readers.cells import TextTable
from outcomes.readers.exports.reshaped_table import GatheredTable
from outcomes.readers.files import Source, read_file
from tests.readers.books import plain

BOOK = (
    'Variable / Field Name,Form Name,Field Type,Field Label,"Choices, Calculations, OR Slider'
    ' Labels"\nrecord_id,base,text,Record ID,\na,base,radio,A,"1, Yes | 2,'
    ' No"\nb,other,checkbox,B,"1, Yes | 2, No"\nc,other,text,C,\n'
)
REDCAP = [
    "record_id",
    "redcap_event_name",
    "redcap_repeat_instrument",
    "redcap_repeat_instance",
    "redcap_data_access_group",
]
HEADINGS = (
    [*REDCAP, "a", "b___1", "b___unk", "c"],
    ["record", *REDCAP[1:4], "field_name", "value"],
    ["record_id", REDCAP[1], "a", "c"],
    [
        "Record ID",
        "Event Name",
        "Repeat Instrument",
        "Repeat Instance",
        "A",
        "Complete?",
        "B (choice=Yes)",
        "B (choice=No)",
        "C",
        "Complete?",
    ],
    [
        "USUBJID",
        "QSTESTCD",
        "QSORRES",
        "QSSTRESC",
        "QSSTRESN",
        "QSSTAT",
        "QSBLFL",
        "VISITNUM",
        "VISIT",
        "QSDTC",
    ],
    [
        "USUBJID",
        "PARAMCD",
        "AVISIT",
        "AVISITN",
        "AVAL",
        "AVALC",
        "ANL01FL",
        "DTYPE",
        "APERIOD",
        "SEX",
    ],
    [
        "person_id",
        "observation_concept_id",
        "observation_date",
        "observation_source_value",
        "value_as_number",
        "value_as_concept_id",
    ],
)
CELLS = st.sampled_from(
    [
        "",
        "",
        "1",
        "2",
        "a",
        "b",
        "c",
        "base",
        "other",
        "Yes",
        "No",
        "NOT DONE",
        "QSALL",
        "Y",
        "UNSCHEDULED",
        "0",
        "44",
    ]
)
CANARY = "Zyx987"
#: Columns that name forms, fields, tests, visits and concepts: the codebook's words, not a
#: patient's.
NAMES = {
    "redcap_repeat_instrument",
    "Repeat Instrument",
    "field_name",
    "QSTESTCD",
    "VISIT",
    "VISITNUM",
    "PARAMCD",
    "AVISIT",
    "AVISITN",
    "DTYPE",
    "observation_concept_id",
    "observation_source_value",
}


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    heads = draw(st.sampled_from(HEADINGS))
    row = st.tuples(*(CELLS if h in NAMES else st.one_of(CELLS, st.just(CANARY)) for h in heads))
    return heads, draw(st.lists(row.map(list), min_size=1, max_size=6))


def said(folder: Path, heads: Sequence[str]) -> list[dict[str, object]]:
    (folder / "book.csv").write_text(BOOK, encoding="utf-8")
    book = {"dictionary": folder / "book.csv"}
    if heads[0] == "person_id":
        return [{}, {"concepts": {"44": "nrs", "a": "nrs"}}]
    if heads[0] == "USUBJID":
        return [{}]
    return [{}, book, {**book, "form": "base"}, {"form": "other"}, {**book, "without": ("other",)}]


@settings(max_examples=150, deadline=None)
@given(drawn=tables())
def test_every_cell_of_a_gathered_table_is_the_files_and_no_error_shows_a_value(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[list[str], list[list[str]]]
) -> None:
    heads, rows = drawn
    folder = tmp_path_factory.mktemp("any")
    path = folder / "export.csv"
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([heads, *rows])
    for how in said(folder, heads):
        table, words = attempt(Source(path, **how))  # type: ignore[arg-type]
        assert CANARY not in words
        if isinstance(table, GatheredTable):
            as_in_file(table, recoded=bool(how.get("dictionary")))


def attempt(source: Source) -> tuple[TextTable | None, str]:
    """The table and the words of its notes, or the words of the error."""
    try:
        table = read_file(source)
    except OutcomesError as wrong:
        return None, str(wrong)
    return table, " ".join(n.message for n in table.notes)


def as_in_file(table: GatheredTable, recoded: bool) -> None:
    assert ((table.at >= 0) >= (table.frame != "").to_numpy()).all()
    for i, j in np.argwhere(table.at >= 0):
        there = table.base.frame.iat[table.at[i, j], table.across[i, j]]
        cell = table.frame.iat[i, j]
        assert (
            cell
            in (
                there,
                f"declared missing: {there}",
                table.base.frame.iloc[table.at[i, j]].get("VISITNUM"),
            )
            or recoded
        )
        assert table.address(int(i), table.columns[j]).startswith(
            f"row {table.base.rows[table.at[i, j]]}, column "
        )


def test_in_a_workbook_an_address_is_the_cell_that_a_spreadsheet_shows(tmp_path: Path) -> None:
    grid = [
        [*REDCAP[:4], "age", "nrs"],
        ["1", "a", "", "", 50, ""],
        ["1", "a", "pain", 1, "", 7],
        ["2", "a", "pain", 1, "", 4],
    ]
    table = read_file(Source(plain(tmp_path / "export.xlsx", grid)))
    assert (table.address(0, "age"), table.address(0, "nrs"), table.row_address(0)) == (
        "E2",
        "F3",
        "rows 2 + 3",
    )
    later = table.keep(np.array([False, True]))
    assert (
        later.address(0, "nrs") == "F4" == later.without(["age"], "gone", "Gone.").address(0, "nrs")
    )
    assert later.address(0, "age") == "row 4 (no cell for age)"
