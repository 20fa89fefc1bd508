"""Power and sample size against R (pwr 1.3, stats): every planning row of area 95."""

from __future__ import annotations

import math
import re

import pytest
from numpy.testing import assert_allclose

from outcomes.stats import power
from tests.shared import needs, oracle_rows

METHODS = ("power_paired_t", "sample_size_paired_t", "sample_size_two_sample_t", "min_detectable", "two_proportions",
           "mcnemar_n_connor", "crossover_n_total")  # fmt: skip
ROWS = [r for r in oracle_rows() if r["method"] in METHODS]


def _given(text: str, key: str) -> float:
    return float(re.search(rf"{key}(-?\d*\.?\d+)", text).group(1))


def _value(row) -> float:
    case, quantity, upper = row["case_id"], row["quantity"], "upper tail" in row["options"]
    if row["method"] == "power_paired_t":
        sides = 1 if "one.sided" in quantity else 2
        return power.paired_power(_given(case, "_d"), _given(case, "_n"), sides=sides)
    if row["method"] == "sample_size_paired_t":
        n = power.paired_n(_given(case, "_d"), power=_given(case, "_pw"), both_tails=not upper)
        return n if quantity == "n_real" else math.ceil(n)
    if row["method"] == "sample_size_two_sample_t":
        return math.ceil(power.two_arm_n(_given(case, "_d"), power=_given(case, "_pw")))
    if row["method"] == "min_detectable":
        n = _given(quantity, "dz_n")
        return power.detectable(lambda d: power.paired_power(d, n, both_tails=False))
    if row["method"] == "two_proportions":
        shares = [float(x) for x in case.split("_")[2:]]
        return (
            power.two_share_n(*shares)
            if quantity.startswith("n_")
            else power.two_share_power(*shares, _given(quantity, "_n"))
        )
    if row["method"] == "mcnemar_n_connor":
        return power.mcnemar_n(_given(quantity, "b"), _given(quantity, "_c"))
    return power.crossover_n(_given(quantity, "delta"), sd_within=_given(quantity, "sdw"))


@needs("oracles/expected.csv")
@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r['case_id']}-{r['quantity']}-{r['options'][:10]}")
def test_against_r(row):
    assert_allclose(_value(row), float(row["value"]), rtol=float(row["rtol"]), atol=1e-12)


def test_without_the_shared_folder():
    """pwr 1.3: pwr.t.test(n=20, d=.5, type='paired'); power.t.test(strict=TRUE) sample size."""
    assert_allclose(power.paired_power(0.5, 20), 0.56450441843908394, rtol=1e-12)
    assert_allclose(power.paired_power(0.5, 20, sides=1), 0.69514933824465752, rtol=1e-12)
    assert_allclose(power.paired_n(0.5), 33.367128953319707, rtol=1e-9)
