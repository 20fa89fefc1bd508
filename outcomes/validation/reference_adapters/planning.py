"""Power, sample size, and p-values adjusted for a family of questions."""

from __future__ import annotations

import math
import re

from outcomes.stats import power
from outcomes.stats.multiplicity import adjust
from outcomes.validation.cases import Case, answers, number


def given(text: str, key: str) -> float:
    """The number that follows a key in the name of a quantity."""
    found = re.search(rf"{key}(-?\d*\.?\d+)", text)
    assert found is not None
    return float(found[1])


@answers(
    "planning",
    {
        "power_paired_t": ("Power of the paired t-test", "pwr::pwr.t.test, own (both tails)"),
        "sample_size_paired_t": ("Size for the paired t-test", "pwr::pwr.t.test, own (both tails)"),
        "sample_size_two_sample_t": ("Size for two arms", "pwr::pwr.t.test"),
    },
)
def _of_t(case: Case) -> dict[str, float]:
    d = float(case.given("d"))
    if case.method == "power_paired_t":
        n = float(case.given("n"))
        return case.each(lambda q: power.paired_power(d, n, sides=1 if "one.sided" in q else 2))
    wanted = float(case.given("power"))
    if case.method == "sample_size_two_sample_t":
        return case.each(lambda q: math.ceil(power.two_arm_n(d, power=wanted)))
    n = power.paired_n(d, power=wanted, both_tails="upper tail" not in case.options)
    return case.each(lambda q: n if q == "n_real" else math.ceil(n))


@answers("planning", {"min_detectable": ("Smallest detectable change", "own")})
def _detectable(case: Case) -> dict[str, float]:
    def found(quantity: str) -> float:
        n = given(quantity, "dz_n")
        return power.detectable(lambda d: power.paired_power(d, n, both_tails=False))

    return case.each(found)


@answers(
    "planning",
    {
        "two_proportions": ("Size and power for responders", "pwr::pwr.2p.test"),
        "mcnemar_n_connor": ("Size for McNemar (Connor)", "own"),
        "crossover_n_total": ("Size for a crossover", "own"),
    },
)
def _of_others(case: Case) -> dict[str, float]:
    def found(quantity: str) -> float:
        if case.method == "mcnemar_n_connor":
            return power.mcnemar_n(given(quantity, "b"), given(quantity, "_c"))
        if case.method == "crossover_n_total":
            return power.crossover_n(given(quantity, "delta"), sd_within=given(quantity, "sdw"))
        first, second = float(case.given("p1")), float(case.given("p2"))
        if quantity.startswith("n_"):
            return power.two_share_n(first, second)
        return power.two_share_power(first, second, given(quantity, "_n"))

    return case.each(found)


@answers(
    "planning",
    {"p_adjust": ("Adjusted p-values (Bonferroni, Holm, Hochberg, Hommel, BH, BY)", "p.adjust")},
)
def _adjusted(case: Case) -> dict[str, float]:
    inline = re.search(r"inline p: (.*)\)", case.data)
    assert inline is not None
    p = adjust([number(v) for v in inline[1].split()], case.options)
    return case.each(lambda q: float(p[int(q[q.index("[") + 1 : q.index("]")]) - 1]))
