"""docs/parity.md says what the tests find; only how small the worst disagreement is differs between versions of numpy and scipy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.reference.make_parity import TARGET, TRAPS, page
from tests.shared import needs

STATS = Path(__file__).resolve().parents[1] / "stats"
WORST = re.compile(r"<1e-\d+")  # below what is allowed: tests/reference/test_whole_table.py


@needs("oracles/expected.csv")
def test_the_page_is_up_to_date():
    now, then = page(), TARGET.read_text("utf-8")
    assert WORST.sub("<", now) == WORST.sub("<", then), "run: python -m tests.reference.make_parity"


@pytest.mark.parametrize("trap", TRAPS)
def test_every_trap_has_its_test(trap):
    for file, name in TRAPS[trap][1]:
        assert f"\ndef {name}(" in (STATS / f"test_{file}.py").read_text("utf-8")


def test_no_trap_is_forgotten():
    assert list(TRAPS) == list(range(1, 17))
