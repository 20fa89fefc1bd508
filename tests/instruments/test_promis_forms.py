"""Short forms of PROMIS fatigue, sleep disturbance and social roles: tables beside item parameters.

The 4a tables are the printed ones. Expected scores under the published item parameters reproduce
each of their values exactly, which is the evidence for the longer forms. Parameters: graded
response models of the PROMIS item banks, as the adaptive tests of public scoring code hold them.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from outcomes import instrument
from tests.instruments.test_promis_pi import expected_scores

HERE = Path(__file__).parent
ROWS = csv.reader((HERE / "reference/promis_parameters.csv").read_text("utf-8").splitlines()[1:])
PARAMETERS = {row[0]: tuple(map(float, row[1:])) for row in ROWS}
FORMS = [
    (id, s.name)
    for id in ("promis_fatigue", "promis_sleep", "promis_social")
    for s in instrument(id).scores
]
PRINTED = {
    "promis_fatigue": "fatigue",
    "promis_sleep": "sleep_disturbance",
    "promis_social": "ability_to_participate",
    "promis_depression": "depression",
    "promis_anxiety": "anxiety",
    "promis_pf": "physical_function",
}


@pytest.mark.parametrize(("id", "name"), FORMS)
def test_tables_follow_from_the_item_parameters(id: str, name: str) -> None:
    rule = instrument(id).get(name).rule
    t, se = expected_scores(rule.of, PARAMETERS)
    np.testing.assert_allclose(rule.table.values, np.round(t, 1), atol=1e-9)
    np.testing.assert_allclose(rule.table.se, np.round(se, 1), atol=1e-9)
    assert rule.table.first == len(rule.of)


@pytest.mark.parametrize(("id", "domain"), PRINTED.items())
def test_the_short_form_of_four_is_the_domain_of_promis_29(id: str, domain: str) -> None:
    ours, theirs = instrument(id).get("t_4a").rule.table, instrument("promis29").get(domain).rule
    np.testing.assert_array_equal(ours.values, theirs.table.values)
    np.testing.assert_array_equal(ours.se, theirs.table.se)
    names = {n for i in instrument("promis29").items for n in i.names}
    assert {c.upper() for c in instrument(id).get("t_4a").rule.of} <= {n.upper() for n in names}


@pytest.mark.parametrize("id", ["promis_depression", "promis_anxiety", "promis_pf"])
def test_forms_without_a_printed_table_give_raw_sums_only(id: str) -> None:
    kind = instrument(id)
    longer = [s for s in kind.scores if s.name != "t_4a"]
    assert longer and all(s.rule.table is None and s.unit == "points" for s in longer)
    answers = pd.DataFrame({i.code: [3.0] for i in kind.items})
    made = kind.score(answers).values.iloc[0]
    assert {made[s.name] for s in longer} == {18, 24}


def test_the_higher_raw_sum_is_never_the_lower_t() -> None:
    for id, name in FORMS:
        assert (np.diff(instrument(id).get(name).rule.table.values) > 0).all()
