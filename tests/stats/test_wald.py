"""Estimate ± quantile × SE: the one helper, and that nobody writes it by hand again."""

import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from outcomes.core.errors import AnalysisError
from outcomes.core.measure import Measure
from outcomes.stats.power import t_power
from outcomes.stats.wald import critical, limits, p_of, wald

ROOT = Path(__file__).resolve().parents[2]
DF = st.sampled_from([1.0, 2.5, 10.0, 400.0, math.inf])


@given(st.floats(-50, 50), st.floats(0.01, 20), DF, st.floats(0.6, 0.999))
def test_the_interval_holds_the_null_exactly_where_p_is_above_alpha(value, se, df, level):
    e = wald("x", value, se, df=df, level=level)
    if abs(e.p - (1 - level)) > 1e-9:
        assert (e.low <= 0 <= e.high) == (e.p > 1 - level)
    assert math.isnan(e.df) == math.isinf(df)


@pytest.mark.parametrize("side", ["two-sided", "less", "greater"])
@pytest.mark.parametrize("df", [1.0, 7.0, math.inf])
def test_quantiles_and_p_are_those_of_scipy(df, side):
    law = stats.norm if math.isinf(df) else stats.t(df)
    tail = 0.025 if side == "two-sided" else 0.05
    assert critical(0.95, df, alternative=side) == pytest.approx(law.isf(tail), rel=1e-12)
    p = {"two-sided": 2 * law.sf(1.7), "less": law.cdf(1.7), "greater": law.sf(1.7)}[side]
    assert p_of(1.7, df, alternative=side) == pytest.approx(p, rel=1e-12)
    low, high = limits(1.0, 2.0, df=df, alternative=side)
    assert (low == -math.inf, high == math.inf) == (side == "less", side == "greater")


def test_a_ratio_is_tested_and_limited_on_the_log_scale_where_its_se_is():
    e = wald("OR", math.log(2), 0.4, back=math.exp, measure=Measure.ODDS_RATIO)
    assert (e.value, e.se, e.statistic) == pytest.approx((2, 0.4, math.log(2) / 0.4))
    assert e.low * e.high == pytest.approx(4)
    assert math.isnan(wald("OR", 1, 1, tested=False).p)
    assert wald("slope", 1.0, 0.5, null=1.0).p == 1


def test_a_level_or_a_number_of_sides_that_is_none_is_refused():
    with pytest.raises(ValueError, match="confidence level"):
        critical(95)
    with pytest.raises(AnalysisError, match="sides is 1 or 2"):
        t_power(2, 10, sides=3)


def test_no_other_module_takes_the_quantile_of_t_by_hand():
    by_hand = [
        str(p.relative_to(ROOT))
        for p in (ROOT / "outcomes").rglob("*.py")
        if p.name != "wald.py"
        and re.search(r"stdtrit|ndtri\(\(1 \+|ndtri\(0\.5 \+", p.read_text("utf-8"))
    ]
    assert by_hand == []
