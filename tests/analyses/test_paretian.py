"""The Paretian classes of change: better, worse, mixed and the same, question by question."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.analyses.measurement.paretian import ParetianClass, paretian_classes
from outcomes.core.errors import AnalysisError
from outcomes.stats.proportions.single import wilson
from tests.builders import two_visits

DIMENSIONS = ("mo", "sc", "ua", "pd", "ad")


def states(before: list[str], after: list[str], **options: object) -> oc.Study:
    """EQ-5D-5L states of patients at two visits, as five digits; a dot is no answer."""
    rows = [
        {"patient": f"p{k:02d}", "visit": visit}
        | {d: np.nan if c == "." else float(c) for d, c in zip(DIMENSIONS, state, strict=True)}
        for visit, given in (("pre", before), ("post", after))
        for k, state in enumerate(given)
    ]
    use = oc.InstrumentUse("eq5d5l", {d: d for d in DIMENSIONS}, {}, {"value_set": "UK"} | options)
    return oc.Study(pd.DataFrame(rows), visits=("pre", "post"), uses=(use,))


def asked(study: oc.Study) -> oc.Result:
    return oc.ParetianChange("eq5d5l_index", before="pre", after="post").run(study)


def counts(result: oc.Result) -> dict[str, int]:
    return {e.part.value: round(e.value * e.n) for e in result.estimates}


def test_the_four_classes_by_hand() -> None:
    before = ["21232", "21232", "21232", "21232", "11111", "11111", "55555"]
    after = ["11232", "31232", "11332", "21232", "11111", "11112", "11111"]
    result = asked(states(before, after))
    assert counts(result) == {"better": 2, "worse": 2, "mixed": 1, "same": 2}
    assert result.detail.at_best == 2 and result.detail.questions == 5
    for e in result.estimates:
        one = wilson(round(e.value * 7), 7)
        assert (e.low, e.high) == pytest.approx((one.low, one.high), rel=1e-12)
    said = result.sentence()
    assert "better in 2 of 7 (29%; 95% CI" in said and "mixed in 1 of 7 (14%; 95% CI" in said
    assert "2 had the best answers everywhere before and could not get better" in said
    frame = result.data["bands"]
    assert list(frame["patients"]) == [2, 1, 2, 2]  # worse, mixed, same, better


def test_who_is_left_out_is_counted_by_reason() -> None:
    before = ["21232", ".....", "2123.", "21232"]
    after = ["11232", "11111", "11111", "....."]
    result = asked(states(before, after))
    assert result.counts.analysed == 1 and result.counts.enrolled == 4
    assert dict(result.counts.left_out) == {
        "no answer at pre": 1,
        "no answer at post": 1,
        "a question left out": 1,
    }
    nobody = asked(states(["....."], ["11111"]))
    assert nobody.counts.analysed == 0 and "nobody answered" in nobody.sentence()


def test_no_value_set_and_no_turned_file_changes_the_classes() -> None:
    rng = np.random.default_rng(3)
    draw = lambda: ["".join(map(str, rng.integers(1, 6, 5))) for _ in range(60)]  # noqa: E731
    before, after = draw(), draw()
    first = counts(asked(states(before, after)))
    assert counts(asked(states(before, after, value_set="Germany"))) == first
    assert sum(first.values()) == 60
    turned = [["".join(str(6 - int(c)) for c in s) for s in given] for given in (before, after)]
    assert counts(asked(states(*turned, reverse=list(DIMENSIONS)))) == first


def test_the_other_way_round_better_and_worse_change_places() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.integers(1, 4, (2, 200, 5))
    there, back = paretian_classes(x, y), paretian_classes(y, x)
    turned = {ParetianClass.BETTER: ParetianClass.WORSE, ParetianClass.WORSE: ParetianClass.BETTER}
    assert [turned.get(c, c) for c in there] == list(back)
    order = rng.permutation(5)
    assert list(paretian_classes(x[:, order], y[:, order])) == list(there)
    assert set(paretian_classes(x, x)) == {ParetianClass.SAME}


def test_what_cannot_be_asked_is_said() -> None:
    with pytest.raises(AnalysisError, match="no single answers"):
        oc.ParetianChange("pain", before="baseline", after="week_4").run(two_visits([7, 5], [5, 4]))
    with pytest.raises(AnalysisError, match="the same visit"):
        oc.ParetianChange("eq5d5l_index", before="pre", after="pre").run(
            states(["11111"], ["11111"])
        )
