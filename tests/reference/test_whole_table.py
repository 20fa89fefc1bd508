"""The whole reference table through the package's own adapters: every row is compared or is set
apart with a reason.
"""

from __future__ import annotations

from collections import Counter

import pytest

from outcomes.validation.cases import compare, methods
from tests.shared import (
    absent,
    manifest,
    present_cases,
    reference_cases,
    reference_file,
    reference_rows,
)

CASES = present_cases()
USED = sorted({c.data for c in reference_cases() if c.data in manifest()})
BY_METHOD = {m: [c for c in CASES if c.method == m] for m in dict.fromkeys(c.method for c in CASES)}


@pytest.mark.parametrize("method", BY_METHOD)
def test_every_row(method):
    found = [c for case in BY_METHOD[method] for c in compare(case)]
    wrong = [
        f"{c.case.name} | {c.case.options[:50]} | {c.quantity}: {c.ours!r} for {c.expected!r} (rtol"
        f" {c.rtol})"
        for c in found
        if not c.agrees
    ]
    assert wrong == []


def test_nothing_is_left_out_unseen():
    everything = {c.method for c in reference_cases()}
    assert everything <= set(methods())
    found = [c for case in CASES for c in compare(case)]
    assert len(found) + sum(len(c.expected) for c in reference_cases() if absent(c)) == len(
        reference_rows()
    )
    apart = Counter(c.case.method for c in found if not c.compared)
    assert sum(apart.values()) <= 250
    assert all(c.declared.reason for c in found if c.declared)


def test_every_data_set_that_may_be_shipped_is_here():
    kept_out = {c.data for c in reference_cases() if absent(c)}
    assert all("GPL" in manifest()[name]["carrier_licence"] for name in kept_out)


@pytest.mark.parametrize("name", [n for n in USED if "GPL" in manifest()[n]["carrier_licence"]])
def test_a_data_set_of_an_r_package_is_used_where_it_is(name):
    if not reference_file(name).exists():
        pytest.skip(f"{name} is under the GPL and not shipped: see tests/reference/README.md")
