"""At the edge of what a kernel takes: the last value that is refused, and the first that is answered."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from outcomes.core.errors import AnalysisError
from outcomes.stats import control_chart, multiplicity, power, resampling, survival
from outcomes.stats.diary import summarise
from outcomes.stats.individual import change_index, reliable_change
from outcomes.stats.meta_analysis import effect_measures
from outcomes.stats.meta_analysis.glmm import pooled_logit
from outcomes.stats.missing.imputation import rubin, rubin_wald
from outcomes.stats.mixed import cross_products
from outcomes.stats.paired import bayes_factor, equivalence, location, regression_to_mean
from outcomes.stats.paired.signed_rank import signed_rank
from outcomes.stats.proportions import single

BEFORE, AFTER = [7.0, 6, 8, 5, 9, 7], [5.0, 5, 6, 5, 4, 6]


def cut(sd: float, norm_sd: float) -> Any:
    return change_index.cutoffs(mean=7, sd=sd, norm_mean=2, norm_sd=norm_sd, better="lower")


def regression(sd: float = 2.0, reliability: float = 0.5, baselines: int = 1) -> Any:
    return regression_to_mean.expected(
        cutoff=4, mean=5, sd=sd, reliability=reliability, baselines=baselines
    )


REFUSED: list[Callable[[], Any]] = [
    lambda: power.d_z_from_d_av(0.5, r=1),
    lambda: power.d_z_from_d_av(0.5, r=-1.01),
    lambda: power.two_arm_power(0.5, 20, r=1),
    lambda: power.two_arm_power(0.5, 20, r=-1),
    lambda: power.crossover_power(1, 18, sd_within=0),
    lambda: power.mcnemar_n(0.2, 0.2),
    lambda: power.mcnemar_n(0.7, 0.31),
    lambda: power.mcnemar_n(0.2, -0.01),
    lambda: power.mcnemar_n(0.25, 0.1, power=1),
    lambda: power.mcnemar_n(0.25, 0.1, alpha=0),
    lambda: power.two_share_power(0, 0.5, 50),
    lambda: power.two_share_power(0.5, 1, 50),
    lambda: power.mean_precision_n(0, sd=1),
    lambda: power.mean_precision_n(1, sd=0),
    lambda: power.share_precision_n(0.5, share=0.5),
    lambda: power.share_precision_n(0, share=0.5),
    lambda: power.with_dropout(10, 1),
    lambda: power.with_dropout(10, -0.01),
    lambda: power.paired_n(0.5, power=1),
    lambda: power.paired_power(0.5, 20, alpha=0),
    lambda: power.paired_power(0.5, 20, sides=3),
    lambda: power.paired_n(1e-6),
    lambda: cut(0, 1),
    lambda: cut(1, 0),
    lambda: reliable_change.measurement_error(-0.1, 0.5),
    lambda: reliable_change.measurement_error(1, -0.01),
    lambda: reliable_change.measurement_error(1, 1.01),
    lambda: reliable_change.icc([[1.0], [2.0]]),
    lambda: equivalence.tost(BEFORE, AFTER, margin=0),
    lambda: equivalence.tost(BEFORE, AFTER, margin=(0, 1)),
    lambda: equivalence.tost(BEFORE, AFTER, margin=(-1, 0)),
    lambda: equivalence.tost(BEFORE, AFTER, margin=math.inf),
    lambda: equivalence.tost(BEFORE, AFTER, margin=1, alpha=0),
    lambda: equivalence.tost(BEFORE, AFTER, margin=1, alpha=0.5),
    lambda: equivalence.non_inferiority(BEFORE, AFTER, margin=0, better="lower"),
    lambda: equivalence.non_inferiority(BEFORE, AFTER, margin=math.inf, better="lower"),
    lambda: bayes_factor.jzs_log_bf10(2.0, 20, scale=0),
    lambda: bayes_factor.jzs_log_bf10(2.0, 20, scale=math.inf),
    lambda: location.trimmed_change(BEFORE, AFTER, trim=0.5),
    lambda: location.trimmed_change(BEFORE, AFTER, trim=-0.01),
    lambda: location.mean_change(BEFORE, AFTER, weights=[1, 1, 1, 1, 1, 0]),
    lambda: location.mean_change(BEFORE, AFTER, weights=[1, 1, 1, 1, 1, 1.5]),
    lambda: location.mean_change(BEFORE, AFTER, weights=[1, 1, 1, 1, 1]),
    lambda: regression(sd=0),
    lambda: regression(reliability=-0.01),
    lambda: regression(reliability=1.01),
    lambda: regression(baselines=0),
    lambda: regression_to_mean.change_and_baseline(BEFORE, AFTER, reliability=0),
    lambda: regression_to_mean.change_and_baseline(BEFORE, AFTER, reliability=1.01),
    lambda: control_chart.p_chart([1, 2], [0, 5]),
    lambda: control_chart.p_chart([-1, 2], [5, 5]),
    lambda: control_chart.p_chart([6, 2], [5, 5]),
    lambda: multiplicity.adjust([0.1, -0.01]),
    lambda: multiplicity.adjust([0.1, 1.01]),
    lambda: multiplicity.graphical([0.1, 0.2], weights=[1, 0], transitions=[[0, 1.01], [1, 0]]),
    lambda: multiplicity.graphical([0.1, 0.2], weights=[1, 0], transitions=[[0.1, 0.9], [1, 0]]),
    lambda: survival.kaplan_meier([-1, 2], [1, 1]),
    lambda: survival.kaplan_meier([1, 2], [1, 2]),
    lambda: resampling.bootstrap(
        np.ones((5, 1)), lambda x: x.mean(), rng=np.random.default_rng(1), draws=999
    ),
    lambda: rubin([1.0], [0.1]),
    lambda: effect_measures.sd_of_change(1, 1, r=1.01),
    lambda: effect_measures.proportion([6], [5]),
    lambda: effect_measures.proportion([-1], [5]),
    lambda: effect_measures.proportion([0], [0]),
    lambda: pooled_logit([1, 6], [5, 5]),
    lambda: pooled_logit([1, -1], [5, 5]),
    lambda: pooled_logit([1, 0], [5, 0]),
]


@pytest.mark.parametrize("call", REFUSED)
def test_beyond_the_edge_is_refused(call: Callable[[], Any]) -> None:
    with pytest.raises(AnalysisError):
        call()


ANSWERED: list[tuple[Callable[[], float], float]] = [
    # equal SDs: d_z = d_av/√(2(1 − r))
    (lambda: power.d_z_from_d_av(0.5, r=-1), 0.25),
    # one share 0: s = d = 0.2, s − d² = 0.4²
    (
        lambda: power.mcnemar_n(0.2, 0),
        (1.959963984540054 * math.sqrt(0.2) + 0.8416212335729143 * 0.4) ** 2 / 0.04,
    ),
    (lambda: power.with_dropout(10, 0), 10),
    (lambda: power.with_dropout(34, 0.5), 68),
    # the standard error of measurement is SD·√(1 − reliability)
    (lambda: reliable_change.measurement_error(2, 1).sem, 0),
    (lambda: reliable_change.measurement_error(2, 0).sem, 2),
    (lambda: reliable_change.measurement_error(0, 0.5).sem, 0),
    (lambda: location.trimmed_change(BEFORE, AFTER, trim=0).value, -11 / 6),
    (lambda: effect_measures.sd_of_change(3, 2, r=1), 1),
    (lambda: effect_measures.sd_of_change(3, 2, r=-1), 5),
    (lambda: multiplicity.adjust([0, 1])[0], 0),
    (lambda: multiplicity.adjust([0, 1])[1], 1),
    (lambda: regression(reliability=1).effect, 0),
    (lambda: rubin([1.0, 3.0], [0.1, 0.1]).estimate.value, 2),
    # between variance 1, r = (4/3)/0.5, df = 2(1 + 1/r)²
    (lambda: rubin([1.0, 2.0, 3.0], [0.5] * 3).df_large, 2 * 1.375**2),
    # raw shares: y = x/n and v = y(1 − y)/n
    (lambda: effect_measures.proportion([2], [5], scale="raw")[0][0], 0.4),
    (lambda: effect_measures.proportion([2], [5], scale="raw")[1][0], 0.048),
    # a trapezoid of one day carried on to day 7
    (lambda: summarise([0], [5], baseline=5, until=7, carry_forward=True).auc, 35),
]


@pytest.mark.parametrize(("call", "expected"), ANSWERED)
def test_at_the_edge_is_answered(call: Callable[[], float], expected: float) -> None:
    assert float(call()) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("m", [3, 4, 5])
def test_the_joint_test_of_one_parameter_is_rubins(m: int) -> None:
    # up to k(m − 1) = 4 Li's df of one parameter are Rubin's
    values, variances = np.linspace(1, 2, m), np.full(m, 0.3)
    joint = rubin_wald(values[:, None], variances[:, None, None])
    one = rubin(values, variances)
    assert joint.test.df2 == pytest.approx(one.df_large, rel=1e-12)
    assert joint.test.value == pytest.approx(one.estimate.value**2 / one.total, rel=1e-12)


@pytest.mark.parametrize(("count", "total"), [(1, 1), (1, 10), (3, 10), (10, 10), (17, 40)])
def test_mid_p_limits_solve_their_equation(count: int, total: int) -> None:
    # P(X > count) + ½P(X = count) is α/2 at the lower limit, and the mirror image at the upper one
    e = single.mid_p(count, total)
    above = stats.binom.sf(count, total, e.low) + stats.binom.pmf(count, total, e.low) / 2
    assert above == pytest.approx(0.025, rel=1e-9)
    if count < total:
        below = stats.binom.cdf(count, total, e.high) - stats.binom.pmf(count, total, e.high) / 2
        assert below == pytest.approx(0.025, rel=1e-9)


@pytest.mark.parametrize(
    ("after", "alternative", "smallest"),
    [
        ([7, 6, 8], "two-sided", 1),
        ([7, 6, 9], "two-sided", 1),
        ([7, 6, 9], "less", 0.5),
        ([8, 9, 9], "two-sided", 0.25),
    ],
)
def test_the_smallest_possible_p(after: list[int], alternative: Any, smallest: float) -> None:
    # 2 of the 2^m signs of m changes are the most extreme; no p is above 1
    assert signed_rank([7, 6, 8], after, alternative=alternative).smallest_p == smallest


def test_patients_taken_out_leave_the_others() -> None:
    def of(scores: list[list[float]]) -> Any:
        return cross_products.summarise(
            scores, np.ones((len(scores), 1)), visits=("a", "b"), features=("one",)
        )

    one, other = of([[1, 2], [3, 5]]), of([[4, math.nan], [2, 2]])
    left = one + other - other
    assert left.n_patients == 2 and len(left.counts) == 1  # the pattern that nobody has is gone
    assert left.gram == pytest.approx(one.gram)
    with pytest.raises(AnalysisError, match="taken out"):
        one - other
