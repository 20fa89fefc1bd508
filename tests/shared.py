"""Where the reference material of the tests is: all of it beside the tests, except data whose
licence keeps them out.

The reference table (`tests/reference`) also holds values computed from data sets that come inside R
packages under the GPL. The values are here, those data sets are not: `tests/reference/README.md`
says how to write them with R. The folder they are looked for in is `OUTCOMES_REFERENCE_DATA`, or
`../shared/oracles/data` beside the checkout.
"""

from __future__ import annotations

import csv
import gzip
import os
from functools import cache
from pathlib import Path

import pytest

from outcomes.validation.cases import Case, Rows, group, parse

TESTS = Path(__file__).parent
REFERENCE = TESTS / "reference"
#: Reference data sets: invented, hand-made, or printed in a paper.
DATA = REFERENCE / "data"
#: Real patients' open data; the README there gives credit, licence and DOI.
PUBLISHED = TESTS / "published/data"
#: Invented exports as other programs write them.
EXPORTS = TESTS / "readers/exports"
#: Further exports, where they lie beside the checkout.
INGEST = Path(os.environ.get("OUTCOMES_INGEST", TESTS.parents[1] / "shared/ingest"))
#: Published look-up tables and worked examples of instruments.
INSTRUMENTS = TESTS / "instruments/reference"
#: Data sets under the GPL, which are not part of this project.
GPL_DATA = Path(os.environ.get("OUTCOMES_REFERENCE_DATA", TESTS.parents[1] / "shared/oracles/data"))


def reference_file(name: str) -> Path:
    """One data set of the reference table, here or among the optional ones."""
    return DATA / name if (DATA / name).exists() else GPL_DATA / name


@cache
def reference_data(name: str) -> Rows:
    """One data set of the reference table as rows of text."""
    return parse(reference_file(name).read_text(encoding="utf-8"))


@cache
def reference_rows() -> tuple[dict[str, str], ...]:
    """All reference rows: case_id, data_file, method, options, quantity, value, rtol, r_package,
    r_version, note.
    """
    with gzip.open(REFERENCE / "expected.csv.gz", "rt", encoding="utf-8", newline="") as handle:
        return tuple(csv.DictReader(handle))


@cache
def manifest() -> dict[str, dict[str, str]]:
    """What the manifest says of each data set."""
    return {r["data_file"]: r for r in parse((DATA / "manifest.csv").read_text(encoding="utf-8"))}


@cache
def reference_cases() -> tuple[Case, ...]:
    """Every case of the reference table."""
    return tuple(group(reference_rows(), reference_data))


def absent(case: Case) -> bool:
    """Whether the data of a case are not on this machine; every other case is compared."""
    return case.data in manifest() and not reference_file(case.data).exists()


def present_cases() -> tuple[Case, ...]:
    """The cases that can be compared on this machine."""
    return tuple(c for c in reference_cases() if not absent(c))


def needs_r_data(name: str) -> pytest.MarkDecorator:
    """A mark that skips a test where this data set of an R package is absent."""
    reason = f"{name} is under the GPL and not shipped: see tests/reference/README.md"
    return pytest.mark.skipif(not reference_file(name).exists(), reason=reason)
