"""The crossover mixed model against R (lmerTest, pbkrtest, emmeans, area 70): treatment, period, Holm pairs, standardised sizes."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from numpy.testing import assert_allclose

from outcomes.stats.crossover import two_period
from outcomes.stats.crossover_mixed import crossover_model
from tests.shared import needs, oracle_data, oracle_rows

METHODS = {"Satterthwaite": "satterthwaite", "Kenward-Roger": "kenward-roger-expected", "KR": "kenward-roger-expected"}
ROWS = [
    r
    for r in oracle_rows()
    if r["case_id"].startswith(("xo22_n", "xo33_")) and r["method"].startswith(("xo_lmm_", "xo_pairs", "xo_standardised"))
]
FIELDS = {"est": "value", "se": "se", "df": "df", "t": "statistic", "p": "p", "padj": "p_adjusted"}
CASES = sorted({r["case_id"] for r in ROWS})


def _fit(case, data_file, method):
    rows = [r for r in oracle_data(data_file) if r["y"] not in ("", "NA")]
    column = lambda name: np.array([r[name] for r in rows])  # noqa: E731
    return crossover_model(
        column("y").astype(float), patient=column("id"), period=column("period"), treatment=column("treat"),
        reference="placebo" if case.startswith("xo22") else "P", carry_over=case == "xo33_carry", method=method,
        covariate=column("base").astype(float) if case == "xo33_baseline" else None,
    )  # fmt: skip


@needs("oracles/expected.csv")
@pytest.mark.parametrize("case", CASES)
def test_against_r(case):
    """Terms that are no contrast of interest here (intercepts, single coefficients) are checked in test_lmm.py."""
    models, checked = {}, defaultdict(int)
    for row in (r for r in ROWS if r["case_id"] == case):
        method = next((m for k, m in METHODS.items() if row["method"].endswith(k)), "satterthwaite")
        if method not in models:
            models[method] = _fit(case, row["data_file"], method)
        value = _value(models[method], row)
        if value is not None:
            assert_allclose(value, float(row["value"]), rtol=float(row["rtol"]), atol=1e-10, err_msg=str(row))
            checked[row["method"]] += 1
    assert checked


def _value(model, row):
    term, _, field = row["quantity"].rpartition("_")
    if row["method"] == "xo_standardised":
        name = row["quantity"].removesuffix("_sd")
        return next(e.value for e in model.sizes if e.name == name)
    if "anova" in row["method"]:
        test = {"treat": model.treatments, "period": model.periods}.get(term)
        return None if test is None else getattr(test, {"DenDF": "df", "F": "statistic", "p": "p"}[field])
    if "pairs" in row["method"]:
        first, second = term.split(" - ")
        for e in model.differences:
            if e.group in (term, f"{second} - {first}"):
                return getattr(e, FIELDS[field]) * (-1 if field == "est" and e.group != term else 1)
    sign = -1 if term == "period2" and field in ("est", "t") else 1  # here: period 1 − period 2
    for e in (*model.differences, model.periods):
        mine = "period2" if e.name == "period difference" else f"treat{e.group.split(' - ')[0]}"
        if term == mine and e.group.endswith((" - placebo", " - P", "")) and e.name != "periods differ":
            return sign * getattr(e, FIELDS[field])
    return None


def test_equals_hills_armitage_where_everybody_is_complete():
    """Senn's trial: 46.607, SE 10.777, t(11) = 4.32 from the mixed model too; so do period and carry-over."""
    first = [310, 310, 370, 410, 250, 380, 330, 370, 310, 380, 290, 260, 90]
    second = [270, 260, 300, 390, 210, 350, 365, 385, 400, 410, 320, 340, 220]
    order = np.array([True] * 7 + [False] * 6)
    model = crossover_model(
        [*first, *second], patient=np.tile(np.arange(13), 2), period=np.repeat([1, 2], 13),
        treatment=np.where(np.concatenate([order, ~order]), "F", "S"), reference="S",
    )  # fmt: skip
    closed = two_period(first, second, treated_first=order)
    for e, c in zip((model.differences[0], model.periods, model.carry_over), closed, strict=True):
        assert_allclose([e.value, e.se, e.df, e.p, e.low], [c.value, c.se, c.df, c.p, c.low], rtol=1e-6)
