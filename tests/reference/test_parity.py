"""docs/parity.md says what the tests find; only how small the worst disagreement is differs between
versions of numpy and scipy.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from outcomes.validation.verdict import lines
from tests.reference.make_parity import TARGET, TRAPS, page, table
from tests.shared import absent, reference_cases

STATS = Path(__file__).resolve().parents[1] / "stats"
WORST = re.compile(r"<1e-\d+")  # below what is allowed: tests/reference/test_whole_table.py


def without_worst(text: str) -> str:
    return WORST.sub("<", text)


@pytest.mark.skipif(
    any(map(absent, reference_cases())), reason="needs the data sets of R packages too"
)
def test_the_page_is_up_to_date():
    assert without_worst(page()) == without_worst(TARGET.read_text("utf-8")), (
        "run: python -m tests.reference.make_parity"
    )


def test_the_page_says_what_is_found_of_every_method_whose_data_are_here():
    incomplete = {c.method for c in reference_cases() if absent(c)}
    found = lines(c for c in reference_cases() if c.method not in incomplete)
    then = without_worst(TARGET.read_text("utf-8")).splitlines()
    now = [row for x in found for row in table([x])[3:]]
    assert len(now) > 90  # fewer than on the page: some data are not shipped
    assert [row for row in now if without_worst(row) not in then] == []


@pytest.mark.parametrize("trap", TRAPS)
def test_every_trap_has_its_test(trap):
    for file, name in TRAPS[trap][1]:
        assert f"\ndef {name}(" in (STATS / f"test_{file}.py").read_text("utf-8")


def test_no_trap_is_forgotten():
    assert list(TRAPS) == list(range(1, 17))
