"""Every cell with something in it is read, names a column, or is listed: by count, for every example
export, and for whatever further ones lie beside the checkout.
"""

from __future__ import annotations

import csv
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from outcomes.readers.cells import TextTable
from outcomes.readers.draft import guess_study
from outcomes.readers.exports.reshaped_table import OTHER_CELLS, GatheredTable
from outcomes.readers.files import read_file
from outcomes.readers.source import Source
from tests.shared import EXPORTS, INGEST

MORE = {
    "redcap_labels_long.csv": {"dictionary": "redcap_data_dictionary.csv"},
    "redcap_eav.csv": {"dictionary": "redcap_data_dictionary.csv"},
    "omop_measurement.csv": {"concepts": {"44261-6": "nrs_avg"}},
    "omop_observation.csv": {"concepts": {"72514-3": "nrs_avg"}},
}
TEXT = (".csv", ".txt")
FILES = sorted(
    p
    for folder in {EXPORTS, INGEST}
    for p in folder.glob("**/*")
    if p.suffix in (*TEXT, ".xlsx", ".sav", ".dta", ".xpt") and "dictionary" not in p.name
)


def raw_cells(path: Path) -> dict[str, str]:
    """Address → text of every cell with something in it, by a reader that is not ours."""
    if path.suffix == ".xlsx":
        book = openpyxl.load_workbook(path)
        pages = [p for p in book.worksheets if p.sheet_state == "visible"]
        return {
            f"{page.title}!{c.coordinate}": " ".join(str(c.value).split())
            for page in pages
            for row in page.iter_rows()
            for c in row
            if c.value is not None and str(c.value).strip()
        }
    if path.suffix in TEXT:
        data = path.read_bytes()
        coding = "utf-16" if data[:2] == b"\xff\xfe" else "utf-8-sig"
        text = data.decode(coding, errors="replace")
        mark = max(",;\t", key=text.split("\n")[min(4, text.count("\n") - 1)].count)
        rows = csv.reader(text.splitlines(keepends=True), delimiter=mark)
        found = {}
        for number, row in enumerate(rows, 1):
            for j, cell in enumerate(row):
                if cell.strip():
                    found[f"{number}:{j}"] = " ".join(cell.split())
        return found
    import pyreadstat

    read = {".sav": pyreadstat.read_sav, ".dta": pyreadstat.read_dta, ".xpt": pyreadstat.read_xport}
    frame, _ = read[path.suffix](path, **({"user_missing": True} if path.suffix != ".xpt" else {}))
    return {
        f"{i + 1}:{j}": str(v)
        for j, c in enumerate(frame)
        for i, v in enumerate(frame[c])
        if v == v and v is not None and str(v).strip() not in ("", "NaT")
    }


def places(address: str, columns: list[str], sheets: bool) -> set[str]:
    """The cells that an address means, in the form of `raw_cells`; a row is all of its cells."""
    name, _, cell = address.rpartition("!")
    if cell.startswith("rows "):
        return {f"{n.strip()}:*" for n in cell.split("(")[0][5:].split("+")}
    if cell.startswith("row "):
        row, _, column = cell[4:].partition(", ")
        if not column:
            return {f"{name or '*'}!*{row.split(' ')[0]}"} if sheets else {f"{row.split(' ')[0]}:*"}
        kind, _, called = column.partition(" ")
        at = int(called) - 1 if kind == "cell" else columns.index(called)
        return {f"{row}:{at}"}
    return {f"{name or '*'}!{cell}"}


def tables_of(path: Path) -> list[TextTable]:
    """The tables that `outcomes init` proposes to read of a file."""
    if more := MORE.get(path.name):
        said = {k: path.parent / v if k == "dictionary" else v for k, v in more.items()}
        return [read_file(Source(path, **said))]
    data = tomllib.loads(guess_study(path)[0])["data"]
    kinds = ("scores", "patients", "infusions", "events")
    beside = data.get("dictionary")
    return [
        read_file(Source.of(data[k], path.parent, dictionary=beside)) for k in kinds if k in data
    ]


def lost_cells(path: Path) -> dict[str, str]:
    """The cells of a file that are neither kept, nor listed, nor the names of columns."""
    raw, sheets = raw_cells(path), path.suffix == ".xlsx"
    kept: set[str] = set()
    listed: set[str] = set()
    names: set[str] = set()
    counted: dict[str, int] = {}
    for table in tables_of(path):
        base = table.base if isinstance(table, GatheredTable) else table
        columns = list(getattr(base, "headings", ()) or base.columns)
        for column in table.columns:
            for i in (table.frame[column] != "").to_numpy().nonzero()[0]:
                if table.own(column)[i]:
                    kept |= places(table.address(int(i), column), columns, sheets)
        for note in table.notes:
            listed |= {p for a in note.addresses for p in places(a, columns, sheets)}
            if note.rule == OTHER_CELLS:
                by = re.search(r"by column: (.*)\)", note.message)[1].split(", ")
                counted = {c.rpartition(" ")[0]: int(c.rpartition(" ")[2]) for c in by}
                assert sum(counted.values()) == note.count
        names |= {" ".join(h.split()) for h in (*table.columns, *base.columns)}
        names |= set(table.declared.titles.values())

    def there(cell: str) -> bool:
        page, _, at = cell.rpartition("!")
        row = at.split(":")[0] if not sheets else at.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        ways = {cell, f"*!{at}", f"{page}!*{row}", f"*!*{row}", f"{row}:*"}
        return bool(ways & (kept | listed))

    lost = {c: t for c, t in raw.items() if not there(c) and not any(t in n for n in names)}
    for cell in [c for c in lost if not sheets]:
        column = columns[int(cell.split(":")[1])]
        if counted.get(column, 0) > 0:
            counted[column] -= 1
            lost.pop(cell)
    return lost


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_every_cell_is_kept_or_listed(path: Path) -> None:
    assert not lost_cells(path)


def fhir_answers(path: Path, kind: str) -> dict[int, int]:
    """How many answers each resource of a kind holds, by its place in the file, by a look at its
    JSON alone.
    """
    text = path.read_text("utf-8")
    lines = map(json.loads, text.splitlines()) if path.suffix == ".ndjson" else ()
    found = lines or (e["resource"] for e in json.loads(text)["entry"])

    def answers(items: list[dict[str, Any]]) -> int:
        return sum(len(i.get("answer", ())) + answers(i.get("item", [])) for i in items)

    return {
        n: answers(r["item"]) if "item" in r else max(len(r.get("component", ())), 1)
        for n, r in enumerate(found, 1)
        if r["resourceType"] == kind
    }


@pytest.mark.parametrize("folder", sorted({EXPORTS, INGEST}), ids=lambda p: p.name)
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("fhir_bundle.json", "QuestionnaireResponse"),
        ("fhir_bundle.json", "Observation"),
        ("bulk_QuestionnaireResponse.ndjson", "QuestionnaireResponse"),
        ("bulk_Observation.ndjson", "Observation"),
    ],
)
def test_every_answer_of_fhir_is_kept_or_listed(folder: Path, name: str, kind: str) -> None:
    if not (folder / name).exists():
        pytest.skip("the example files do not lie beside the checkout")
    there = fhir_answers(folder / name, kind)
    table = read_file(Source(folder / name, resource=kind))
    answers = [c for c in table.columns if c not in ("patient", "date", "instrument")]
    kept = sum(int(((table.frame[c] != "").to_numpy() & table.own(c)).sum()) for c in answers)
    left = [n for n in table.notes if n.rule == "fhir_status"]
    gone = [int(re.search(r"(?:entry|line) (\d+)", a)[1]) for n in left for a in n.addresses]
    absent = sum(n.count for n in table.notes if n.rule == "fhir_absent")
    assert kept + absent + sum(there[n] for n in gone) == sum(there.values()) > 0
