"""Rules about answers: each finds what it is for, names addresses and no values, and is silent
otherwise.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes import InstrumentUse

NINE = [str(k) for k in range(1, 10)]


def study(values: np.ndarray, **options: object) -> oc.Study:
    columns = {f"phq9_{k}": values[:, int(k) - 1] for k in NINE}
    scores = pd.DataFrame(
        {"patient": [f"p{k}" for k in range(len(values))], "visit": "pre", **columns}
    )
    use = InstrumentUse("phq9", {k: f"phq9_{k}" for k in NINE}, {}, options)
    return oc.Study(scores, visits=("pre",), uses=(use,))


def answers(rows: int = 40) -> np.ndarray:
    rng = np.random.default_rng(1)
    values = np.clip(np.round(rng.normal(1.5, 1, (rows, 1)) + rng.normal(0, 0.5, (rows, 9))), 0, 3)
    values[:, 8] = 0
    return values


def found(s: oc.Study, rule: str) -> pd.DataFrame:
    table = oc.check(s)
    return table[table["rule"] == rule]


def test_a_suspicious_coding_is_said_until_it_is_declared() -> None:
    issues = found(study(answers() + 1), "suspicious_coding")
    assert len(issues) == 1 and "count from 1" in issues["message"].iloc[0]
    assert found(study(answers() + 1, shift=-1), "suspicious_coding").empty
    assert found(study(answers()), "suspicious_coding").empty


def test_safety_flags_have_addresses() -> None:
    values = answers()
    values[[3, 7], 8] = [1, 3]
    values[5, 8] = np.nan
    issues = found(study(values), "safety_flag")
    assert issues["count"].tolist() == [2, 1] and issues["severity"].tolist() == ["warning", "note"]
    assert issues["addresses"].iloc[0] == "row 4, row 8"
    assert found(study(answers()), "safety_flag").empty


def test_answers_that_count_from_another_number_flag_nobody_until_that_is_declared() -> None:
    values = answers()
    values[[3, 7], 8] = [1, 3]
    [issue] = found(study(values + 1), "safety_flag").itertuples()
    assert "it is not known which" in issue.message and not issue.addresses
    assert (issue.count, issue.severity) == (len(values), "warning")
    declared = found(study(values + 1, shift=-1), "safety_flag")
    assert declared["addresses"].tolist() == ["row 4, row 8"]


def test_what_was_declared_is_noted() -> None:
    issues = found(study(answers() + 1, shift=-1), "scoring_note")
    assert issues["message"].tolist() == [
        "PHQ-9: -1 added to every answer before scoring, as declared."
    ]
    assert found(study(answers()), "scoring_note").empty


# --- totals of the file ---------------------------------------------------------------------------


def _phq9(totals):
    rows = {f"phq9_{k}": [float((k + i) % 4) for i in range(4)] for k in range(1, 10)}
    frame = pd.DataFrame({"patient": list("aabb"), "visit": ["pre", "post"] * 2, **rows})
    right = frame[list(rows)].sum(axis=1)
    uses = [oc.InstrumentUse("phq9", {str(k): f"phq9_{k}" for k in range(1, 10)})]
    return oc.Study(
        frame.assign(**{"PHQ9 sum": right + totals}), visits=("pre", "post"), uses=tuple(uses)
    )


def test_a_total_that_is_not_that_of_the_answers_is_said():
    found = oc.check(_phq9([0, 0, 3, 0])).query("rule == 'total_disagrees'")
    assert found["count"].tolist() == [1] and "(PHQ9 sum)" in found["message"].iloc[0]
    assert "total_disagrees" not in set(oc.check(_phq9([0, 0, 0, 0]))["rule"])


@pytest.mark.parametrize("values, said", [([0.7, 0.5, 0.6, 0.3], True), ([70, 50, 60, 30], False)])
def test_fractions_of_a_scale_to_100_are_an_error(values, said):
    frame = pd.DataFrame({"patient": list("aabb"), "visit": ["pre", "post"] * 2, "x": values})
    use = oc.InstrumentUse("odi", totals={"percent": "x"})
    found = oc.check(oc.Study(frame, visits=("pre", "post"), uses=(use,)))
    assert ("fraction_of_scale" in set(found["rule"])) is said
    assert not said or "error" in set(found.query("rule == 'fraction_of_scale'")["severity"])
    assert '"fraction_of_scale"'  # the rule's name
