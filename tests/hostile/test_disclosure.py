"""The attack on shared reports, small; the programme takes any seed and number."""

from __future__ import annotations

import pytest

from tests.hostile.disclosure import (
    Months,
    attack_clinics,
    attack_groups,
    counts_decoded,
    decoded_by_the_old_rule,
    sums_decoded,
)


def test_nothing_is_decoded_from_a_few_small_groups_and_growing_clinics() -> None:
    groups = attack_groups(6, 3)
    assert not groups.found and groups.count["groups with a released mean"] > 1
    rules = attack_clinics(2, 4, months=4)
    assert not rules.found and rules.count["means"] > 10
    whole = attack_clinics(1, 4, months=2, whole=True)
    assert not whole.found and whole.count["counts shown"] > 10


@pytest.mark.slow
def test_nothing_is_decoded_from_many() -> None:
    for tried in (attack_groups(1000, 5), attack_clinics(1000, 6)):
        assert not tried.found, tried.found


def test_the_attack_decodes_what_is_not_protected() -> None:
    assert decoded_by_the_old_rule(24, 3) > 0
    told = Months()
    told.add(0, "all", {"sex f": 32, "sex m": 1}, 33)
    told.add(0, "all", {"kind a": 16, "kind b": 17}, 33)
    told.add(0, "sex f", {"f young": 16, "f old": 16}, 32)
    told.shown = {(0, "all"): 31, (0, "sex f"): 30, (0, "kind a"): 18, (0, "kind b"): 19}
    assert not counts_decoded(told)
    told.shown |= {(0, "f young"): 18, (0, "f old"): 18}
    assert counts_decoded(told) == ["sex m of month 1 is 1"]
    ids = [f"p{i}" for i in range(20)]
    told.means = [{(p, "baseline"): 1 for p in some} for some in (ids, ids[:12])]
    assert not sums_decoded(told)
    told.means.append({(p, "baseline"): 1 for p in ids[:-1]})
    assert sums_decoded(told)
