"""Text to values: parsed, blank, coded or unparseable, and never a guess."""

from __future__ import annotations

import datetime
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outcomes.core.errors import DataError, StudyError
from outcomes.readers.parse import STATUSES, ColumnType, looks_numeric, parse_column

NRS = ColumnType("score", 0, 10, 1)


def parse(cells, declared, **options):
    done = parse_column(pd.Series(cells, dtype=object), declared, **options)
    return list(done.values), [STATUSES[s] for s in done.status]


@pytest.mark.parametrize(
    "text, value",
    [
        ("7", 7),
        (" 7 ", 7),
        ("7.0", 7),
        ("7/10", 7),
        ("7 / 10", 7),
        ("07", 7),
        ("+7", 7),
        ("0", 0),
        ("10", 10),
        ("7\u00a0", 7),
    ],
)
def test_what_a_clinic_writes_for_a_score(text, value):
    assert parse([text], NRS) == ([value], ["parsed"])


@pytest.mark.parametrize(
    "text",
    [
        "6?",
        "8-9",
        ">8",
        "no pain",
        "½",
        "5.0*",
        "12 (mod)",
        "ten",
        "-",
        "n/a",
        "#N/A",
        "None",
        "7/20",
        "7/",
        "7,5,5",
        "nan",
        "inf",
        "1e999",
        "2024-10-07",
        "7 8",
        "0x7",
        "1_0",
        "7,",
        "--7",
    ],
)
def test_what_cannot_be_read_is_missing_and_said(text):
    values, status = parse([text], NRS)
    assert math.isnan(values[0]) and status == ["unparseable"]


@pytest.mark.parametrize(
    "text, value", [("11", 11), ("-1", -1), ("6.5", 6.5), ("77", 77), ("8.001", 8.001)]
)
def test_outside_the_scale_keeps_its_value_for_the_instrument_to_refuse(text, value):
    values, status = parse([text], NRS)
    assert values == [value] and status == ["outside"]


def test_fractions_only_of_the_scale_itself():
    assert parse(["14/27"], ColumnType("score", 0, 27))[0] == [14]
    assert parse(["3/10"], ColumnType("score", 1, 10))[1] == ["unparseable"]
    assert parse(["6,5/10"], ColumnType("score", 0, 10))[0] == [6.5]


@pytest.mark.parametrize(
    "cells, expected",
    [
        (["7,5", "8"], [7.5, 8]),
        (["0,125", "1"], [0.125, 1]),
        (["-3,25"], [-3.25]),
        (["\u22123.5"], [-3.5]),
        (["1,200", "900"], [None, 900]),  # thousands or decimals: the column does not say
        (["1,200", "7,5"], [1.2, 7.5]),  # another cell says decimals
        (["1,200", "1,200.5"], [1200, 1200.5]),  # another cell says thousands
        (["1,234,567", "7,5"], [1234567, None]),
        (["1.234,5"], [None]),
        (["1e-3", ".5", "5."], [0.001, 0.5, 5]),
    ],
)
def test_commas(cells, expected):
    values, status = parse(cells, ColumnType("number"))
    assert [None if math.isnan(v) else v for v in values] == expected
    assert status == ["unparseable" if v is None else "parsed" for v in expected]


def test_a_score_below_a_thousand_has_no_thousands():
    assert parse(["7,500"], ColumnType("score", 0, 10))[0] == [7.5]


def test_codes_are_counted_apart_from_blanks_however_written():
    values, status = parse(
        ["-99", "-99.0", "unk", " UNK ", "", "  ", "99"],
        ColumnType("number"),
        missing=["-99", "UNK"],
    )
    assert (
        status == ["coded", "coded", "coded", "coded", "blank", "blank", "parsed"]
        and values[-1] == 99
    )


def test_none_is_an_answer_unless_it_is_declared():
    assert parse(["None", "NA", "", "nausea "], ColumnType("category")) == (
        ["None", "NA", None, "nausea"],
        ["parsed", "parsed", "blank", "parsed"],
    )
    assert parse(["None"], ColumnType("category"), missing=["none"])[1] == ["coded"]


def test_integers_and_yes_no():
    assert parse(["3", "3.0", "3.5"], ColumnType("integer"))[1] == [
        "parsed",
        "parsed",
        "unparseable",
    ]
    values, status = parse(["yes", "No", "JA", "1", "0", "oui", "maybe"], ColumnType("yes/no"))
    assert values[:6] == [1, 0, 1, 1, 0, 1] and status[-1] == "unparseable"


@pytest.mark.parametrize(
    "cells, order, days",
    [
        (
            ["2024-03-04", "2024/03/05", "2024-03-06 08:11:52", "2024-03-07T08:11:00Z"],
            "",
            [4, 5, 6, 7],
        ),
        (["18/03/2024", "4/3/2024"], "", [18, 4]),
        (["03/18/2024", "3/4/2024"], "", [18, 4]),
        (["04.03.2024", "05.03.2024"], "", [4, 5]),
        (["03/04/2024"], "mdy", [4]),
        (["04/03/2024"], "dmy", [4]),
        (["03/03/2024"], "", [3]),
        (["4 Mar 2024", "05-MAR-2024", "06MAR2024"], "", [4, 5, 6]),
        (["03/18/2024 08:11:52 AM"], "", [18]),
    ],
)
def test_dates(cells, order, days):
    values, status = parse(cells, ColumnType("date", date_order=order))
    assert values == [np.datetime64(datetime.date(2024, 3, d)) for d in days] and set(status) == {
        "parsed"
    }


@pytest.mark.parametrize(
    "text", ["2024-03", "45376", "31.02.2024", "7/10", "2024-13-01", "soon", "04/03/24"]
)
def test_what_is_no_date(text):
    assert parse([text, "18/03/2024"], ColumnType("date"))[1][0] == "unparseable"


def test_dates_that_the_column_does_not_decide_need_a_word():
    with pytest.raises(
        DataError, match=r"in column 'when' can be read as day/month or as month/day.*date_order"
    ):
        parse(["03/04/2024", "05/04/2024"], ColumnType("date"), where=" in column 'when'")
    with pytest.raises(DataError, match="are mixed"):
        parse(["18/03/2024", "03/18/2024"], ColumnType("date"))
    with pytest.raises(StudyError, match="No date order 'ymd'"):
        parse(["2024-03-04"], ColumnType("date", date_order="ymd"))


def test_an_unknown_type_is_refused():
    with pytest.raises(StudyError, match=r"No column type 'numbr'.*Did you mean 'number'"):
        ColumnType("numbr")


@pytest.mark.parametrize(
    "cells, numeric",
    [
        (["1", "2.5", ""], True),
        (["01", "02"], False),
        (["1", "x"], False),
        (["", ""], False),
        (["1,5"], True),
        (["0", "0.5"], True),
        (["1", "UNK"], True),
    ],
)
def test_undeclared_columns_are_numbers_only_when_plainly_so(cells, numeric):
    assert looks_numeric(pd.Series(cells), ["UNK"]) is numeric


@given(
    st.lists(
        st.one_of(st.just(""), st.text(max_size=6), st.floats(-99, 99).map(str), st.just("-99")),
        min_size=1,
        max_size=20,
    )
)
def test_every_cell_has_one_status_and_a_value_only_when_parsed(cells):
    done = parse_column(pd.Series(cells, dtype=object), ColumnType("score", 0, 10), missing=["-99"])
    assert len(done.status) == len(cells)
    has = ~np.isnan(done.values)
    assert (has == done.where(0, 4)).all()
    blank = np.array([not c.strip() for c in cells])
    assert (blank == done.where(1)).all()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1))
def test_numbers_survive_both_decimal_signs(numbers):
    points = [repr(n) for n in numbers]
    assert parse(points, ColumnType("number"))[0] == numbers


def test_a_date_with_points_is_day_first_whatever_the_column_says():
    for order in ("", "mdy", "dmy"):
        values, _ = parse(["04.03.2024", "18.03.2024"], ColumnType("date", date_order=order))
        assert values == [np.datetime64("2024-03-04"), np.datetime64("2024-03-18")]


def test_a_date_with_points_does_not_decide_how_dates_with_slashes_are_read():
    values, _ = parse(["18.03.2024", "03/18/2024", "03/04/2024"], ColumnType("date"))
    assert values == [np.datetime64(d) for d in ("2024-03-18", "2024-03-18", "2024-03-04")]
