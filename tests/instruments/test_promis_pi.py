"""PROMIS Pain Interference tables: expected scores from the published item parameters (graded
response model).

The tables are E(theta | raw sum) under a standard normal prior. They reproduce every printed value
of forms 4a (T and SE) and 8a (T), which is the evidence for 6a, 6b and the standard errors of 8a.
Parameters: PROMIS Pain Interference bank (Amtmann 2010 Pain 150:173-182).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping

import numpy as np
import pytest

from outcomes import instrument
from tests.shared import INSTRUMENTS

PARAMETERS = {
    "painin9": (6.53406, 0.1579, 0.8959, 1.4377, 2.0103),
    "painin22": (5.3971, 0.1709, 0.8366, 1.3266, 1.9589),
    "painin31": (5.90514, 0.473, 1.0094, 1.5063, 2.077),
    "painin34": (4.92619, 0.1771, 0.8447, 1.363, 1.9795),
    "painin12": (5.29892, 0.1808, 0.8281, 1.2865, 1.8824),
    "painin36": (5.69697, 0.3417, 0.959, 1.4786, 2.036),
    "painin3": (4.98134, 0.1293, 0.8809, 1.3825, 1.9123),
    "painin13": (5.03924, 0.4688, 1.0753, 1.6277, 2.1736),
    "painin8": (3.74877, 0.3996, 1.1057, 1.6892, 2.3425),
    "painin10": (5.15317, 0.131, 0.7914, 1.26, 1.8452),
    "painin14": (4.83004, 0.4265, 0.9994, 1.4568, 2.044),
    "painin26": (4.87755, 0.578, 1.085, 1.676, 2.5191),
}


def expected_scores(
    codes: tuple[str, ...], parameters: Mapping[str, tuple[float, ...]] = PARAMETERS
) -> tuple[np.ndarray, np.ndarray]:
    """T and SE of every raw sum (Lord-Wingersky recursion)."""
    theta = np.linspace(-6, 6, 121)
    likelihood = np.ones((1, 121))
    for code in codes:
        slope, *cuts = parameters[code]
        above = np.vstack(
            [np.ones(121), *(1 / (1 + np.exp(-slope * (theta - c))) for c in cuts), np.zeros(121)]
        )
        answer = above[:-1] - above[1:]
        grown = np.zeros((len(likelihood) + 4, 121))
        for k in range(5):
            grown[k : k + len(likelihood)] += likelihood * answer[k]
        likelihood = grown
    posterior = likelihood * np.exp(-(theta**2) / 2)
    posterior /= posterior.sum(axis=1, keepdims=True)
    mean = posterior @ theta
    return 50 + 10 * mean, 10 * np.sqrt(posterior @ theta**2 - mean**2)


@pytest.mark.parametrize("form", ["4a", "6a", "6b", "8a"])
def test_tables_follow_from_the_item_parameters(form: str) -> None:
    rule = instrument("promis_pi").get(f"t_{form}").rule
    t, se = expected_scores(rule.of)
    np.testing.assert_allclose(rule.table.values, np.round(t, 1), atol=1e-9)
    np.testing.assert_allclose(rule.table.se, np.round(se, 1), atol=1e-9)


def test_tables_agree_with_the_printed_ones() -> None:
    lines = (INSTRUMENTS / "promis_pi8a_tscore.csv").read_text(encoding="utf-8").splitlines()
    printed = [float(r["t_score"]) for r in csv.DictReader(lines)]
    np.testing.assert_allclose(instrument("promis_pi").get("t_8a").rule.table.values, printed)
    other = instrument("promis29").get("pain_interference").rule.table
    ours = instrument("promis_pi").get("t_4a").rule.table
    np.testing.assert_allclose(ours.values, other.values)
    np.testing.assert_allclose(ours.se, other.se)
