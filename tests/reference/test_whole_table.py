"""The whole reference table through the package's own adapters: every row is compared or is set apart with a reason."""

from __future__ import annotations

from collections import Counter

import pytest

from outcomes.validation.cases import compare, folder, group, methods
from tests.shared import SHARED, oracle_rows

CASES = group(oracle_rows(), folder(SHARED / "oracles/data"))
BY_METHOD = {m: [c for c in CASES if c.method == m] for m in dict.fromkeys(c.method for c in CASES)}
pytestmark = pytest.mark.skipif(not CASES, reason="needs ../shared/oracles")


@pytest.mark.parametrize("method", BY_METHOD)
def test_every_row(method):
    found = [c for case in BY_METHOD[method] for c in compare(case)]
    wrong = [
        f"{c.case.name} | {c.case.options[:50]} | {c.quantity}: {c.ours!r} for {c.expected!r} (rtol {c.rtol})"
        for c in found
        if not c.agrees
    ]
    assert wrong == []


def test_nothing_is_left_out_unseen():
    assert set(BY_METHOD) <= set(methods())
    found = [c for case in CASES for c in compare(case)]
    assert len(found) == len(oracle_rows())
    apart = Counter(c.case.method for c in found if not c.compared)
    assert sum(apart.values()) <= 900  # 657 of them are mmrm's own full Kenward-Roger
    assert all(c.declared.reason for c in found if c.declared)
