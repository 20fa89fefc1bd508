"""Known traps of the Python stack for paired data, each with what a user would get elsewhere and
what we say.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from outcomes.stats.paired.effect_sizes import nct_interval, paired_effects
from outcomes.stats.paired.location import changes, mean_change
from outcomes.stats.paired.rank_effects import superiority
from outcomes.stats.paired.signed_rank import signed_rank
from tests.shared import reference_data


def zero(d: list[float]) -> np.ndarray:
    return np.zeros(len(d))


def test_1_pratt_with_zeros_is_the_permutation_distribution():
    """scipy's exact Pratt gives eight zeros p = .0078, and 15 up, 15 down, 40 unchanged p =
    .016.
    """
    assert signed_rank(zero([0] * 8), [0] * 8, zeros="pratt").test.p == 1.0
    balanced = [k for i in range(1, 16) for k in (i, -i)] + [0] * 40
    assert signed_rank(zero(balanced), balanced, zeros="pratt").test.p == 1.0
    twelve = [1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, -0.5]
    moved = [d for d in twelve if d]
    assert signed_rank(zero(twelve), twelve, zeros="pratt").test.p == pytest.approx(
        4 / 2 ** len(moved)
    )


def test_2_ties_and_zeros_stay_exact_at_every_clinical_n():
    """scipy turns to a normal approximation without continuity; with method="exact" it uses the
    table without ties.
    """
    rng = np.random.default_rng(4)
    d = rng.integers(-6, 3, 30).astype(float)
    ours = signed_rank(zero(d), d)
    assert ours.exact and ours.n_zero > 0
    moved = d[d != 0]
    ranks = stats.rankdata(np.abs(moved))
    plus = (rng.random((200_000, len(moved))) < 0.5) @ ranks
    centre = ranks.sum() / 2
    share = float((np.abs(plus - centre) >= abs(ours.w_plus - centre) - 1e-9).mean())
    assert ours.test.p == pytest.approx(share, abs=5 * math.sqrt(share / 200_000))
    far = np.array([-1.0, -2, -3, -4, -5, -6] * 4)
    assert signed_rank(zero(far), far).test.p == 2.0**-23
    assert stats.wilcoxon(far, method="approx").pvalue > 50 * 2.0**-23


def test_3_decimals_tie_as_decimals():
    """7.0 − 4.9 and 5.1 − 3.0 differ in binary; unrounded, ranks and p change."""
    before, after = (
        np.array([7.0, 5.1, 6.3, 4.4, 8.2, 3.3]),
        np.array([4.9, 3.0, 4.2, 2.3, 6.1, 5.4]),
    )
    assert (
        len(np.unique(np.abs(after - before))) > 1 == len(np.unique(np.abs(changes(before, after))))
    )
    tenths = signed_rank(before * 10, after * 10)
    ours = signed_rank(before, after)
    assert (ours.w_plus, ours.test.p) == (tenths.w_plus, tenths.test.p) == (3.5, 14 / 64)


def test_3_on_the_reference_data():
    rows = reference_data("pp_n012_decimal_ties.csv")
    before, after = (np.array([float(r[c]) for r in rows]) for c in ("pre", "post"))
    raw, ours = after - before, changes(before, after)
    assert len(np.unique(np.abs(ours[ours != 0]))) < len(np.unique(np.abs(raw[raw != 0])))


def test_4_a_constant_change_is_not_infinitely_significant():
    """scipy's ttest_rel gives p = 0 with a warning."""
    e = mean_change([5, 6, 7, 8], [3, 4, 5, 6])
    assert (e.value, e.reason, math.isnan(e.p)) == (-2.0, "zero_variance", True)


def test_5_noncentral_t_has_no_undefined_tails():
    """scipy's nctdtr is nan in far tails, which crashes a root finder; here every limit is a number
    in order.
    """
    for df in (1, 3, 10, 100, 1000):
        for t in (0.0, 5.0, 50.0, 1000.0, 1e6):
            low, high = nct_interval(t, df, 0.999)
            assert math.isfinite(low) and math.isfinite(high) and low < t + 1e-9 and high > t - 1e-9


def test_14_effect_sizes_are_signed_named_and_paired():
    """pingouin's paired d is |d_av|, its Hedges factor uses 2n − 2 df, its CLES compares all n²
    pairs.
    """
    before, after = [8.0, 7, 9, 6, 8], [6.0, 6, 6, 6, 7]
    d = {e.name: e.value for e in paired_effects(before, after)}
    assert d["d_av"] < 0 and d["d_av"] != d["d_z"]
    assert d["g_av"] / d["d_av"] == pytest.approx(
        math.gamma(2) / (math.sqrt(2) * math.gamma(1.5)), rel=1e-12
    )
    ours = superiority(before, after).value
    all_pairs = np.mean([(b > a) + 0.5 * (b == a) for b in before for a in after])
    assert ours == pytest.approx(0.9) and ours != pytest.approx(all_pairs)
