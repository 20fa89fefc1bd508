"""The marginal model of responders: what it says and refuses."""

from __future__ import annotations

import numpy as np
import pytest

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.stats.mixed.reml import NotConverged
from tests.analyses.test_longitudinal import study


def test_one_follow_up_is_the_two_by_two_table():
    s = study(60, seed=8, dropout=0.0)
    r = oc.ResponderGEE("pain", rule="1 points", visits=("week_4",)).run(s)
    wide = s.wide("pain")
    hit = (wide["baseline"] - wide["week_4"]).round(9) >= 1
    arm = s.characteristic("arm")
    odds = {a: hit[arm == a].mean() / (1 - hit[arm == a].mean()) for a in ("ketamine", "placebo")}
    e = r["odds ratio | ketamine - placebo"]
    assert e.value == pytest.approx(odds["ketamine"] / odds["placebo"], rel=1e-8)
    assert e.low < e.value < e.high and e.df == 58
    assert (
        "odds ratio of an improvement of at least 1 point" in r.sentence()
        and "n=60 of 60" in r.sentence()
    )


def test_the_correction_widens_the_interval():
    s = study(24, seed=9)
    plain, fixed = (
        oc.ResponderGEE("pain", rule="1 points", correction=c).run(s).estimates[0]
        for c in ("none", "mancl-derouen")
    )
    assert fixed.se > plain.se and fixed.value == pytest.approx(plain.value)
    assert np.isnan(plain.df)


def test_separated_arms_and_unknown_words_are_refused():
    s = study(20, seed=1)
    with pytest.raises(NotConverged, match="all answers of a group agree"):
        oc.ResponderGEE("pain", rule="30 points").run(s)
    with pytest.raises(AnalysisError, match="No working correlation"):
        oc.ResponderGEE("pain", rule="1 points", working="us").run(s)
    with pytest.raises(AnalysisError, match="No correction"):
        oc.ResponderGEE("pain", rule="1 points", correction="CR2").run(s)
