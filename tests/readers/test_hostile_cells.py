"""Cells and tables that were made, or typed, to be too much: bounded time, and said."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

import outcomes as oc
from outcomes.cli import main
from outcomes.readers import privacy
from tests.bounds import ends

LONG = {
    "at": "a@" * 300_000,
    "ats": "@" * 600_000,
    "mail": "a@" + "b" * 600_000,
    "www": "www.a" + "b" * 600_000,
    "digits": "1" * 600_000,
    "dots": "1." * 300_000,
    "letters": "Ab" * 300_000,
    "slashes": "1/" * 300_000,
    "signs": "=-" * 300_000,
}


def rows(cell: str) -> str:
    lines = [
        f"p{i},{v},{(3 * i + j) % 11}" for i in range(12) for j, v in enumerate(("pre", "post"))
    ]
    lines[4] = f"p2,pre,{cell}"
    return "\n".join(["id,visit,pain", *lines]) + "\n"


def read(path: Path) -> oc.Study:
    pain = {"column": "pain", "better": "lower"}
    return oc.read_table(path, patient="id", visit="visit", outcomes={"pain": pain})


@pytest.mark.parametrize("name", LONG)
def test_a_huge_cell_ends(name: str, tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    for share in (1, 8):
        path.write_text(rows(LONG[name][: len(LONG[name]) // 8 * share]))
        with ends():
            study = read(path)
    assert "row 6, column pain" in study.columns.set_index("column").at["pain", "addresses"]


def test_what_is_long_is_still_searched_for_addresses(tmp_path: Path) -> None:
    long = "x" * 5_000 + " someone@example.org " + "y" * 5_000
    found = privacy.scan("scores", pd.DataFrame({"pain": [long, "7", "6"]}))
    assert "e-mail" in {f.kind for f in found}


def test_a_number_too_large_to_be_a_score_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(rows("1e308"))
    study = read(path)
    row = study.columns.set_index("column").loc["pain"]
    assert row["unparseable"] == 1
    assert row["addresses"] == "row 6, column pain"


def test_a_pipe_is_never_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "scores.csv")
    assert main(["init", str(tmp_path / "scores.csv"), "--to", str(tmp_path / "s.toml")]) == 3
    assert capsys.readouterr().err
