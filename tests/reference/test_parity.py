"""docs/parity.md says what the tests find (the worst disagreement within a power of ten: machines differ there)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.reference.make_parity import TARGET, TRAPS, page
from tests.shared import needs

STATS = Path(__file__).resolve().parents[1] / "stats"
WORST = re.compile(r"<1e(-\d+)")


@needs("oracles/expected.csv")
def test_the_page_is_up_to_date():
    now, then = page(), TARGET.read_text("utf-8")
    assert WORST.sub("<", now) == WORST.sub("<", then), "run: python -m tests.reference.make_parity"
    for a, b in zip(WORST.findall(now), WORST.findall(then), strict=True):
        assert abs(int(a) - int(b)) <= 1


@pytest.mark.parametrize("trap", TRAPS)
def test_every_trap_has_its_test(trap):
    for file, name in TRAPS[trap][1]:
        assert f"\ndef {name}(" in (STATS / f"test_{file}.py").read_text("utf-8")


def test_no_trap_is_forgotten():
    assert list(TRAPS) == list(range(1, 17))
