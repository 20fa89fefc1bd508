"""Traps in the Python statistics stack that comparisons of groups must not fall into (each shown,
then avoided).
"""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats.anova import AnovaRM

import outcomes as oc
from outcomes.stats.groups.ranks import mann_whitney
from outcomes.stats.paired.repeated_measures import mixed_anova, rm_anova
from outcomes.stats.regression.linear import Design, factor, interaction, ols
from outcomes.stats.survival import kaplan_meier
from tests.builders import PAIN
from tests.shared import reference_data

NRS_A, NRS_B = [2, 2, 3, 3, 4, 1], [5, 4, 4, 6, 3, 5]

#: five and three patients, three visits: groups of unequal size, courses that differ
UNEQUAL = np.array(
    [[7, 5, 3], [6, 6, 4], [8, 5, 2], [7, 4, 3], [9, 6, 3], [5, 5, 6], [6, 6, 6], [8, 7, 8.0]]
)
GROUP = ["K"] * 5 + ["P"] * 3


def long(y: np.ndarray, group: list[str]) -> pd.DataFrame:
    n, k = y.shape
    return pd.DataFrame(
        [(i, group[i], f"v{j}", y[i, j]) for i, j in itertools.product(range(n), range(k))],
        columns=["patient", "arm", "visit", "y"],
    )


def test_6_mann_whitney_is_exact_although_nrs_scores_tie():
    ranks = stats.rankdata(NRS_A + NRS_B)
    w, mean = ranks[:6].sum(), 6 * 13 / 2
    sums = [sum(c) for c in itertools.combinations(ranks, 6)]
    exact = np.mean([abs(s - mean) >= abs(w - mean) - 1e-9 for s in sums])
    assert mann_whitney(NRS_A, NRS_B).p == pytest.approx(exact, rel=1e-12)
    auto = stats.mannwhitneyu(NRS_A, NRS_B).pvalue
    untied = stats.mannwhitneyu(NRS_A, NRS_B, method="exact").pvalue
    assert abs(auto / exact - 1) > 0.02  # the normal approximation, silently
    assert abs(untied / exact - 1) > 0.02  # the table for data without ties, silently


def test_12_the_p_of_rm_anova_is_corrected_for_sphericity():
    y = UNEQUAL[:5]
    e = rm_anova(y).effects["visit"]
    table = AnovaRM(long(y, GROUP[:5]), "y", "patient", within=["visit"]).fit().anova_table
    assert e.test.statistic == pytest.approx(table["F Value"].iloc[0])
    assert e.p_gg > table["Pr > F"].iloc[0]
    assert list(table.columns) == [
        "F Value",
        "Num DF",
        "Den DF",
        "Pr > F",
    ]  # no epsilon to be had there


def test_12_type_three_asks_about_the_unweighted_mean():
    """`anova_lm(typ=3)` with treatment coding tests the first level's effect; ours is the one of
    sum-to-zero coding.
    """
    arm = np.array(GROUP)
    frame = pd.DataFrame(
        {"y": UNEQUAL[:, 2], "arm": arm, "old": np.array(["o", "y", "o", "y", "o", "y", "y", "o"])}
    )
    treatment = sm.stats.anova_lm(smf.ols("y ~ C(arm) * C(old)", frame).fit(), typ=3).loc[
        "C(arm)", "F"
    ]
    sums = sm.stats.anova_lm(smf.ols("y ~ C(arm, Sum) * C(old, Sum)", frame).fit(), typ=3).loc[
        "C(arm, Sum)", "F"
    ]
    assert treatment != pytest.approx(sums, rel=0.05)
    a, o = factor("arm", arm), factor("old", frame["old"])
    design = Design((a, o, interaction(a, o)))
    ours = ols(design, frame["y"]).contrast(design.row(arm="K") - design.row(arm="P"))
    assert ours.statistic**2 == pytest.approx(sums)


def test_14_mixed_anova_is_type_three_with_unequal_groups():
    """The visit effect, written down as a contrast of unweighted group means; pingouin weights them
    by size.
    """
    ours = mixed_anova(UNEQUAL, GROUP).effects
    k = 3
    c = np.linalg.qr(np.column_stack([np.ones(k), np.eye(k)[:, 1:]]))[0][:, 1:]
    z, is_k = UNEQUAL @ c, np.array(GROUP) == "K"
    means = np.array([z[is_k].mean(0), z[~is_k].mean(0)])
    ss = (means.mean(0) ** 2).sum() / ((1 / 5 + 1 / 3) / 4)
    error = sum(((z[g] - z[g].mean(0)) ** 2).sum() for g in (is_k, ~is_k))
    assert ours["visit"].test.statistic == pytest.approx(ss / 2 / (error / 12))
    pingouin = pytest.importorskip("pingouin")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = pingouin.mixed_anova(
            long(UNEQUAL, GROUP), dv="y", within="visit", subject="patient", between="arm"
        )
    theirs = table.set_index("Source")["F"]
    assert theirs["visit"] != pytest.approx(ours["visit"].test.statistic, rel=0.02)
    assert theirs["Interaction"] == pytest.approx(ours["group:visit"].test.statistic)


def test_14_listwise_deletion_is_counted_out_loud():
    rows = reference_data("long_rct_n024.csv")
    scores = pd.DataFrame(
        {
            "patient": [r["id"] for r in rows],
            "visit": [r["visit"] for r in rows],
            "pain": [float(r["y"]) if r["y"] else np.nan for r in rows],
        }
    )
    study = oc.Study(scores, visits=tuple(dict.fromkeys(scores["visit"])), measures={"pain": PAIN})
    for question in (oc.RMANOVA("pain"), oc.Friedman("pain")):
        result = question.run(study)
        assert (result.counts.enrolled, result.counts.analysed) == (24, 18)
        assert "6 of 24 patients with incomplete data were excluded" in result.sentence()
        assert any("listwise deletion" in n for n in result.notes)


def test_15_a_median_on_a_flat_step_is_the_middle_of_the_step():
    from statsmodels.duration.survfunc import SurvfuncRight

    time, event = [3, 5, 9, 12], [1, 1, 1, 1]
    assert kaplan_meier(time, event).quantile().value == 7  # as R's survival::survfit
    assert SurvfuncRight(np.array(time, float), np.array(event)).quantile(0.5) in (5, 9)
