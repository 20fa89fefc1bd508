"""The contract of a question: what every answer says of its design."""

from __future__ import annotations

import pandas as pd
import pytest

import outcomes as oc
from outcomes.analyses.question import TOGETHER, UNCONTROLLED
from outcomes.core.errors import AnalysisError
from tests.builders import two_visits

BEFORE, AFTER = [7, 6, 8, 5, 9, 4], [5, 6, 2, 4, 7, 5]
ARMS = pd.DataFrame(
    {"patient": [f"p{i:03d}" for i in range(1, 7)], "arm": ["ketamine", "placebo"] * 3}
)
CHANGE = oc.PairedT("pain", before="baseline", after="week_4")


def test_without_a_control_group_the_answer_says_so() -> None:
    notes = CHANGE.run(two_visits(BEFORE, AFTER)).notes
    assert UNCONTROLLED in notes
    assert TOGETHER not in notes


def test_a_change_over_both_arms_is_not_taken_for_the_effect_of_one() -> None:
    study = two_visits(BEFORE, AFTER, design="parallel", patients=ARMS)
    notes = CHANGE.run(study).notes
    assert TOGETHER in notes
    assert UNCONTROLLED not in notes
    assert TOGETHER not in oc.WelchT("pain", before="baseline", after="week_4").run(study).notes


def test_one_name_stands_for_a_list_of_one():
    one = oc.ANCOVA("pain", before="pre", after="post", covariates="sex")
    assert one == oc.ANCOVA("pain", before="pre", after="post", covariates=("sex",))
    with pytest.raises(AnalysisError, match="covariates is a list, not int"):
        oc.ANCOVA("pain", before="pre", after="post", covariates=3)  # type: ignore[arg-type]
