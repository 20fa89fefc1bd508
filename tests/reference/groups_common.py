"""What the reference tests of groups and repeated measures share: rows by method, columns, the comparison."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.shared import oracle_data, oracle_rows


def rows_of(*methods: str) -> list[dict[str, str]]:
    """The reference rows of these methods."""
    return [r for r in oracle_rows() if r["method"] in methods]


def params(*methods: str) -> list[object]:
    """The rows as pytest parameters with readable ids; one skipped parameter where the rows are absent."""
    rows = rows_of(*methods)
    if not rows:
        return [pytest.param(None, marks=pytest.mark.skip(reason="needs ../shared/oracles, which is not here"))]
    return [pytest.param(r, id="|".join((r["case_id"], r["method"], r["options"][:40], r["quantity"]))) for r in rows]


def cases(*methods: str) -> list[object]:
    """(case_id, rows of that case) as pytest parameters."""
    found: dict[str, list[dict[str, str]]] = {}
    for r in rows_of(*methods):
        found.setdefault(r["case_id"], []).append(r)
    if not found:
        return [pytest.param("", [], marks=pytest.mark.skip(reason="needs ../shared/oracles, which is not here"))]
    return [pytest.param(case, rows, id=case) for case, rows in found.items()]


def column(rows: list[dict[str, str]], name: str) -> np.ndarray:
    """A column of numbers, empty = nan."""
    return np.array([float(r[name]) if r[name] not in ("", "NA") else math.nan for r in rows])


def matches(actual: float, row: dict[str, str]) -> bool:
    """Whether a number agrees with a reference row at its relative tolerance (absolute floor 1e-12)."""
    if row["value"] == "NA":
        return math.isnan(actual)
    expected = float(row["value"])
    return math.isclose(actual, expected, rel_tol=float(row["rtol"]), abs_tol=1e-12)


def compare(got: dict[str, float], rows: list[dict[str, str]]) -> None:
    """Every row has its number in `got` (keyed by quantity) and agrees."""
    wrong = [
        f"{r['quantity']}: {got.get(r['quantity'])!r} for {r['value']} (rtol {r['rtol']})"
        for r in rows
        if r["quantity"] not in got or not matches(float(got[r["quantity"]]), r)
    ]
    assert not wrong, f"{len(wrong)} of {len(rows)}:\n" + "\n".join(wrong)


__all__ = ["cases", "column", "compare", "matches", "oracle_data", "params", "rows_of"]
