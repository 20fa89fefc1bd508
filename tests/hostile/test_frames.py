"""Data frames with anything in them: a study with every cell kept or listed, or a clear error without
a value.
"""

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import uuid
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import OutcomesError
from tests.bounds import ends

SECRET = "maria-canary"


class _Rude:
    """An object that fails whatever is asked of it."""

    def __repr__(self) -> str:
        raise RuntimeError(SECRET)

    __str__ = __repr__
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        raise RuntimeError(SECRET)


class _Says:
    """An object that is a text of its own."""

    def __str__(self) -> str:
        return SECRET


#: One cell each that a clinic's notebook may hold by accident.
CELLS: dict[str, Any] = {
    "list": [SECRET],
    "nested": {"a": {"b": [SECRET] * 9}},
    "bytes": SECRET.encode(),
    "set": {SECRET},
    "frame": pd.DataFrame({"a": [SECRET]}),
    "series": pd.Series([SECRET]),
    "array": np.array([SECRET, "b"]),
    "object": _Rude(),
    "text of its own": _Says(),
    "function": len,
    "type": int,
    "error": ValueError(SECRET),
    "megabyte": "Aa1@." * 200_000,
    "digits": "9" * 5000,
    "whole number of 5,000 digits": 10**5000,
    "surrogate": "\ud800",
    "null": "\0",
    "lines": "1\r\n2",
    "formula": "=cmd|' /C calc'!A0",
    "infinity": float("inf"),
    "huge": 1e308,
    "decimal": decimal.Decimal("7.10"),
    "signalling": decimal.Decimal("sNaN"),
    "fraction": fractions.Fraction(1, 3),
    "complex": 1j,
    "boolean": True,
    "numpy boolean": np.True_,
    "0-d": np.array(5),
    "NaT": pd.NaT,
    "NA": pd.NA,
    "date": dt.date(9999, 12, 31),
    "time": dt.time(1, 2, 3),
    "duration": dt.timedelta(days=1),
    "zone": dt.datetime(2026, 3, 1, tzinfo=dt.timezone(dt.timedelta(hours=14))),
    "stamp": pd.Timestamp.max.tz_localize("UTC"),
    "period": pd.Period("2026-03"),
    "interval": pd.Interval(0, 5),
    "uuid": uuid.UUID(int=7),
    "numpy date": np.datetime64("2026-03-01T00:00:00.000000001"),
    "no numpy date": np.datetime64("NaT"),
    "half": np.float16(7),
    "long double": np.longdouble(7),
}


def table() -> pd.DataFrame:
    """Eight patients at two visits."""
    return pd.DataFrame(
        {
            "id": [f"q{i}" for i in range(8) for _ in range(2)],
            "visit": ["pre", "post"] * 8,
            "nrs": [*range(3, 11)] * 2,
            "remark": ["fine"] * 16,
        }
    )


def read(frame: pd.DataFrame, **more: Any) -> str:
    """The error that reading ends with, "" where it is read; every filled score is kept or listed."""
    said = {"outcomes": {"pain": {"column": "nrs", "better": "lower", "low": 0, "high": 10}}} | more
    with warnings.catch_warnings(), ends():
        warnings.simplefilter("ignore")
        study, wrong = None, ""
        try:
            study = oc.read_table(
                frame, patient="id", visit="visit", visits=["pre", "post"], **said
            )
        except OutcomesError as e:
            wrong = str(e)
    assert not {x for x in (SECRET, "Aa1@.", "99999999") if x in wrong} and len(wrong) < 2000
    if study is None:
        return wrong
    assert study.enrolled >= 7
    assert SECRET not in " ".join(i.message for i in study.issues)
    row = study.columns.set_index("column").loc["nrs"]
    told = int(row[["parsed", "coded", "unparseable", "outside"]].sum())
    if not any(i.rule in ("empty_rows", "summary_row") for i in study.issues):
        filled = [str(v).strip() not in ("", "nan", "NaT", "<NA>", "None") for v in frame["nrs"]]
        assert told == sum(filled)
    return ""


@pytest.mark.parametrize("column", ["id", "visit", "nrs", "remark"])
@pytest.mark.parametrize("cell", CELLS)
def test_any_cell_in_any_column(cell: str, column: str) -> None:
    frame = table().astype({column: object})
    frame.at[3, column] = CELLS[cell]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read(frame)


FRAMES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "twice": lambda f: pd.concat([f, f[["nrs"]]], axis=1),
    "many": lambda f: pd.concat(
        [f, pd.DataFrame(np.zeros((16, 500)), columns=[f"x{i}" for i in range(500)])], axis=1
    ),
    "levels": lambda f: f.set_axis(pd.MultiIndex.from_product([["a"], f.columns]), axis=1),
    "numbers as headings": lambda f: f.set_axis([0, 1.5, None, pd.NaT], axis=1),
    "tuples as headings": lambda f: f.set_axis([("a", 1), "visit", "nrs", "remark"], axis=1),
    "long heading": lambda f: f.rename(columns={"remark": "x" * 1_000_000}),
    "heading of lines": lambda f: f.rename(columns={"remark": "a\r\nb\0"}),
    "values as headings": lambda f: f.set_axis(["q0", "q1", "7", "2026-03-01"], axis=1),
    "category": lambda f: f.astype({"nrs": pd.CategoricalDtype(range(99)), "id": "category"}),
    "category of lists": lambda f: f.assign(
        remark=pd.Categorical([(SECRET,)] * 16, categories=[(SECRET,), (1, 2)])
    ),
    "intervals": lambda f: f.assign(remark=pd.cut(f["nrs"], 3)),
    "zones": lambda f: f.assign(remark=pd.date_range("2026-03-01", periods=16, tz="Pacific/Apia")),
    "zones of all kinds": lambda f: f.assign(
        remark=pd.Series(
            [pd.Timestamp("2026-03-01", tz=z) for z in ("UTC", "Asia/Tokyo")] * 8, dtype=object
        )
    ),
    "sparse": lambda f: f.astype({"nrs": pd.SparseDtype("int64", 0)}),
    "nullable": lambda f: f.astype({"nrs": "Int8", "remark": "string"}),
    "index twice": lambda f: f.set_index(["id", "visit"]).rename_axis(["id", "nrs"]),
    "index of one name": lambda f: f.set_index(np.zeros(16)),
    "no rows": lambda f: f.iloc[:0],
    "no columns": lambda f: f[[]],
    "transposed": lambda f: f.T,
    "attributes": lambda f: f.assign(__class__=1, patient=SECRET),
}


@pytest.mark.parametrize("how", FRAMES)
def test_any_shape_of_a_frame(how: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read(FRAMES[how](table()))


@pytest.mark.parametrize(
    "kind",
    [42, None, object(), _Rude(), [SECRET], {1}, b"x", lambda: 1, iter(()), np.zeros((2, 2))],
)
def test_what_is_no_frame_is_refused(kind: Any) -> None:
    assert read(kind)
