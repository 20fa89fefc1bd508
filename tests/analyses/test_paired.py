import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import outcomes as oc
from tests.builders import MOOD, two_visits
from tests.shared import reference_data, reference_rows

SCORES = st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=3, max_size=30)


def run(before, after, **more):
    return oc.PairedT("pain", before="baseline", after="week_4", **more).run(
        two_visits(before, after)
    )


@pytest.mark.parametrize("case", ["pp_n010_nrs", "pp_n018_medd", "pp_n100_nrs", "pp_n049_cont"])
def test_against_r(case):
    rows = {
        r["quantity"]: r
        for r in reference_rows()
        if r["case_id"] == case and r["method"] == "paired_t"
    }
    assert rows, f"no reference rows for {case}"
    data = reference_data(rows[next(iter(rows))]["data_file"])
    number = lambda x: float(x) if x not in ("", "NA") else None  # noqa: E731
    result = run([number(r["pre"]) for r in data], [number(r["post"]) for r in data])
    e = result["mean change"]
    got = {
        "t": e.statistic,
        "df": e.df,
        "p_two.sided": e.p,
        "se": e.se,
        "ci95_low": e.low,
        "ci95_high": e.high,
    }
    for quantity, value in got.items():
        assert value == pytest.approx(float(rows[quantity]["value"]), rel=1e-9), quantity


def test_reference_values_known_without_the_shared_material():
    # Student's sleep data (Cushny and Peebles 1905), R 4.2.2: t.test(paired = TRUE)
    drug_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    drug_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    e = run(drug_1, drug_2)["mean change"]
    assert e.statistic == pytest.approx(4.0621276833820366, rel=1e-9)
    assert e.p == pytest.approx(0.0028328901973842702, rel=1e-9)
    assert (e.low, e.high) == pytest.approx((0.70011423672301754, 2.4598857632769824), rel=1e-9)


@given(SCORES, st.integers(-3, 3))
def test_shifting_all_scores_leaves_the_change_alone(pairs, shift):
    before, after = (np.array(x, float) for x in zip(*pairs))
    a, b = run(before, after)["mean change"], run(before + shift, after + shift)["mean change"]
    assert a.value == pytest.approx(b.value)
    assert a.p == pytest.approx(b.p, nan_ok=True)


@given(SCORES)
def test_agrees_with_scipy_and_swapping_the_visits_turns_the_sign(pairs):
    before, after = (np.array(x, float) for x in zip(*pairs))
    e, turned = run(before, after)["mean change"], run(after, before)["mean change"]
    assert e.value == pytest.approx(-turned.value)
    if np.ptp(after - before) == 0:
        assert math.isnan(e.p)
        assert e.reason == "zero_variance"
    else:
        assert e.p == pytest.approx(stats.ttest_rel(after, before).pvalue, rel=1e-9)


@given(SCORES)
def test_a_wider_level_widens_every_interval(pairs):
    before, after = zip(*pairs)
    narrow, wide = run(before, after, level=0.9), run(before, after, level=0.99)
    for a, b in zip(narrow.estimates, wide.estimates):
        if not math.isnan(a.low):
            assert b.low <= a.low
            assert b.high >= a.high


def test_sentence_says_what_who_and_which_test():
    text = run([7, 6, 8, 5, 9, None], [5, 6, 2, 4, 7, 5]).sentence()
    assert (
        text == "Mean average pain (NRS) was 7.0 (SD 1.6) at baseline and 4.8 (1.9) at week 4 (mean"
        " change −2.2, 95% CI, −5.0 to 0.6; t(4)=−2.2, P=.10; standardised by the average SD −1.25, 95% CI, −2.67 to 0.17;"
        " n=5 of 6): the direction of the change is not clear."
    )


def test_apa_style():
    assert "t(4) = −2.16, p = .097" in run([7, 6, 8, 5, 9], [5, 6, 2, 4, 7]).sentence("apa")


def test_an_uncontrolled_design_is_said_and_no_causal_verb_is_used():
    result = run([7, 6, 8], [5, 6, 2])
    assert any("No control group" in n for n in result.notes)
    assert not any(
        w in result.sentence() for w in ("reduced", "caused", "effect of", "due to", "effective")
    )


def test_direction_comes_from_the_instrument():
    study = two_visits([50, 60, 40], [70, 75, 60], outcome=MOOD)
    assert (
        "improved on average"
        in oc.PairedT("mood", before="baseline", after="week_4").run(study).sentence()
    )


@pytest.mark.parametrize(
    ("before", "after", "reason", "value"),
    [
        ([7], [5], "too_few", -2.0),
        ([7, 6, 8], [7, 6, 8], "zero_variance", 0.0),
        ([7, 6, 8], [5, 4, 6], "zero_variance", -2.0),
        ([None, None], [5, 4], "too_few", math.nan),
    ],
)
def test_what_is_undefined_is_nan_with_a_reason(before, after, reason, value):
    result = run(before, after)
    e = result["mean change"]
    assert e.value == pytest.approx(value, nan_ok=True)
    assert math.isnan(e.p)
    assert math.isnan(e.low)
    assert e.reason == reason
    assert result.sentence()
