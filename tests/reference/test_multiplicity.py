"""Adjusted p-values against R's p.adjust (stats 4.2.2): every `padjust` row."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose

from outcomes.stats.multiplicity import adjust
from tests.shared import needs, oracle_rows

ROWS = [r for r in oracle_rows() if r["method"] == "p_adjust"]


def _number(text: str) -> float:
    return float("nan") if text == "NA" else float(text)


@needs("oracles/expected.csv")
@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r['case_id']}-{r['options']}-{r['quantity']}")
def test_against_r(row):
    inline = re.search(r"inline p: (.*)\)", row["data_file"])
    p = [_number(v) for v in inline.group(1).split()]
    i = int(re.search(r"\[(\d+)\]", row["quantity"]).group(1)) - 1
    assert_allclose(adjust(p, row["options"])[i], _number(row["value"]), rtol=float(row["rtol"]), atol=1e-12)


def test_without_the_shared_folder():
    """R 4.2.2: p.adjust(c(.0005,.011,.03,.049,NA), m)."""
    p = [0.0005, 0.011, 0.03, 0.049, np.nan]
    expected = {
        "bonferroni": [0.002, 0.044, 0.12, 0.196, np.nan],
        "holm": [0.002, 0.033, 0.06, 0.06, np.nan],
        "hochberg": [0.002, 0.033, 0.049, 0.049, np.nan],
        "hommel": [0.002, 0.033, 0.049, 0.049, np.nan],
        "BH": [0.002, 0.022, 0.04, 0.049, np.nan],
        "BY": [0.002 * 25 / 12, 0.022 * 25 / 12, 0.04 * 25 / 12, 0.049 * 25 / 12, np.nan],
    }
    for method, values in expected.items():
        assert_allclose(adjust(p, method), values, rtol=1e-12)
