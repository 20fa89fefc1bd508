"""Rules about completeness, plausibility and agreement: each fires on its fault and is silent
without it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes import InstrumentUse, Outcome
from outcomes.checks.rules import RULES
from tests.builders import PAIN, two_visits

BEFORE, AFTER = [7, 6, 8, 5, 9, 4], [5, 6, 2, 4, 7, 5]


def found(study: oc.Study, rule: str) -> pd.DataFrame:
    """What one rule says of a study."""
    table = oc.check(study)
    return table[table["rule"] == rule].reset_index(drop=True)


def messages(study: oc.Study, rule: str) -> list[str]:
    return list(found(study, rule)["message"])


def test_a_sound_study_has_nothing_to_look_at() -> None:
    assert oc.check(two_visits(BEFORE, AFTER)).empty


def test_every_rule_is_tested_in_this_folder() -> None:
    from pathlib import Path

    oc.check(two_visits(BEFORE, AFTER))  # rules register as their modules load
    told = "".join(p.read_text("utf-8") for p in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in RULES if f'"{name}"' not in told] == []
    assert [name for name, rule in RULES.items() if not rule.__doc__] == []


def test_too_few_patients() -> None:
    assert messages(two_visits([7], [5]), "too_few_patients") == [
        "There is 1 patient: no spread, no interval, no test."
    ]
    assert found(two_visits([7, 6], [5, 6]), "too_few_patients").empty


def test_no_outcome() -> None:
    bare = oc.Study(pd.DataFrame({"patient": ["a", "b"], "visit": "pre"}))
    issues = found(bare, "no_outcome")
    assert list(issues["severity"]) == ["error"]
    assert "[instruments]" in issues["message"][0]
    assert found(two_visits(BEFORE, AFTER), "no_outcome").empty


def test_the_plan_asks_for_what_is_not_there() -> None:
    asked = {"outcome": "pain", "before": "baseline", "after": "week_4"}
    inner = {"method": "Imputed", "analysis": {"method": "PairedT", **asked, "outcome": "pian"}}
    questions = (
        {"method": "PairedT", **asked, "after": "weak_4"},
        inner,
        {"method": "PairedT", **asked},
    )
    study = two_visits(BEFORE, AFTER, questions=questions)
    issues = found(study, "plan_asks")
    assert list(issues["severity"]) == [
        "warning",
        "warning",
    ], "the data are sound: a report is published and says what failed"
    assert (
        issues["message"][0]
        == "[[analysis]] number 1 (PairedT): No visit 'weak_4'. There is: baseline, week_4. Did you"
        " mean 'week_4'?"
    )
    assert (
        issues["message"][1]
        == "[[analysis]] number 2 (Imputed): No outcome 'pian'. There is: pain. Did you mean"
        " 'pain'?"
    )
    assert found(two_visits(BEFORE, AFTER, questions=questions[2:]), "plan_asks").empty


def test_the_plan_asks_for_scores_that_nobody_has() -> None:
    question = {"method": "PairedT", "outcome": "pain", "before": "baseline", "after": "week_4"}
    said = messages(two_visits(BEFORE, [None] * 6, questions=(question,)), "plan_asks")
    assert said == [
        "[[analysis]] number 1 (PairedT): no score of average pain (NRS) was recorded at week 4."
    ]


def test_missing_scores_are_counted_of_all_enrolled() -> None:
    issues = found(two_visits([7, 6, 8, None], [5, None, None, 4]), "missing_scores")
    assert list(issues["message"]) == [
        "At baseline, 1 (25%) of 4 enrolled patients have no score: average pain (NRS).",
        "At week 4, 2 (50%) of 4 enrolled patients have no score: average pain (NRS).",
    ]
    assert list(issues["count"]) == [1, 2]
    assert list(issues["severity"]) == ["warning", "warning"]


def test_few_missing_scores_are_a_note_and_none_at_all_an_error() -> None:
    full = list(range(10)) * 3
    issues = found(two_visits(full, [None, *full[1:]]), "missing_scores")
    assert list(issues["severity"]) == ["note"]
    issues = found(two_visits([None] * 3, [None] * 3), "missing_scores")
    assert list(issues["severity"]) == ["error"]
    assert issues["message"][0] == "average pain (NRS): every score is missing."
    assert messages(two_visits(BEFORE, [None] * 6), "missing_scores") == [
        "Not recorded at week 4: average pain (NRS)."
    ]
    assert found(two_visits(BEFORE, AFTER), "missing_scores").empty


@pytest.mark.parametrize("after, what", [(BEFORE, "zero"), ([x - 2 for x in BEFORE], "the same")])
def test_changes_that_are_all_alike(after: list[float], what: str) -> None:
    said = messages(two_visits(BEFORE, after), "no_change")
    assert said == [f"average pain (NRS): all 6 changes to week 4 are {what}; were columns copied?"]


def test_tenths_that_differ_only_in_binary_are_the_same_change() -> None:
    assert found(two_visits([0.3, 0.7, 1.1], [0.1, 0.5, 0.9]), "no_change")["count"].tolist() == [3]
    assert found(two_visits(BEFORE, AFTER), "no_change").empty
    assert found(two_visits([7], [5]), "no_change").empty, "one change is not 'all the same'"


def test_ends_of_scale() -> None:
    many = [10] * 4 + [5] * 8
    said = messages(two_visits(many, AFTER * 2), "ends_of_scale")
    assert len(said) == 1
    assert said[0].startswith(
        "average pain (NRS): 4 of 12 (33%) have the highest possible score at baseline"
    )
    assert found(two_visits([10] + [5] * 11, AFTER * 2), "ends_of_scale").empty
    assert found(two_visits([10] * 5, [3] * 5), "ends_of_scale").empty, (
        "five patients say nothing of a scale"
    )
    yes = Outcome("pain", "much improved", "higher", "yes/no", 0, 1, 1)
    assert found(two_visits([0, 1] * 6, [1, 1] * 6, outcome=yes), "ends_of_scale").empty


def test_entry_threshold() -> None:
    entry = {"outcome": "pain", "at_least": 5}
    issues = found(two_visits(BEFORE, AFTER, entry=entry), "entry_threshold")
    assert list(issues["severity"]) == ["warning", "note"]
    assert "does not meet the declared entry threshold in 1 patient." in issues["message"][0]
    assert "regression to the mean" in issues["message"][1]
    at_most = found(
        two_visits(BEFORE, AFTER, entry={"outcome": "pain", "at_most": 6}), "entry_threshold"
    )
    assert at_most["count"][0] == 3
    assert found(two_visits(BEFORE, AFTER), "entry_threshold").empty


def test_tables_disagree() -> None:
    ids = [f"p{i:03d}" for i in range(1, 7)]
    events = pd.DataFrame({"patient": [*ids[:2], "stranger"], "event": "nausea"})
    study = two_visits(
        BEFORE, AFTER, patients=pd.DataFrame({"patient": [*ids[1:], "late"]}), events=events
    )
    issues = found(study, "tables_disagree")
    assert list(issues["message"]) == [
        "With scores, but not in the patients table: 1 patient.",
        "In the events table, without a row in the scores table: 1 patient.",
        "In the patients table, without a row in the scores table: 1 patient.",
    ]
    assert not issues["message"].str.contains("stranger|late$").any()
    assert found(
        two_visits(BEFORE, AFTER, patients=pd.DataFrame({"patient": ids})), "tables_disagree"
    ).empty


def test_no_baseline() -> None:
    said = messages(two_visits([None, 6, 7], [5, 4, 3]), "no_baseline")
    assert said == [
        "Patients with later scores but none at baseline (left out of every change): average pain"
        " (NRS) 1."
    ]
    assert found(two_visits(BEFORE, AFTER), "no_baseline").empty
    assert found(two_visits([None] * 3, [1, 2, 3]), "no_baseline").empty, (
        "never asked at baseline: no one's fault"
    )


def questionnaire(second: np.ndarray) -> oc.Study:
    first = np.array([[0, 1, 2, 1, 0, 1, 2, 0, 0], [1, 1, 1, 1, 1, 1, 1, 1, 1]], float)
    values = np.vstack([first, second])
    columns = {f"phq9_{k}": values[:, k - 1] for k in range(1, 10)}
    scores = pd.DataFrame(
        {"patient": ["a", "b", "a", "b"], "visit": ["pre", "pre", "post", "post"], **columns}
    )
    use = InstrumentUse("phq9", {str(k): f"phq9_{k}" for k in range(1, 10)})
    return oc.Study(scores, visits=("pre", "post"), uses=(use,))


def test_copied_forward() -> None:
    first = np.array([[0, 1, 2, 1, 0, 1, 2, 0, 0], [1, 1, 1, 1, 1, 1, 1, 1, 1]], float)
    issues = found(questionnaire(first), "copied_forward")
    assert list(issues["count"]) == [1], "answers that are all one number prove nothing"
    assert issues["message"][0].startswith("PHQ-9: all answers equal")
    assert issues["addresses"][0] == "row 3"
    other = first.copy()
    other[0, 8] = 1
    assert found(questionnaire(other), "copied_forward").empty
    blank = first.copy()
    blank[0, 0] = np.nan
    assert found(questionnaire(blank), "copied_forward").empty


def test_identifiers_say_what_was_allowed_and_that_a_clean_scan_is_no_proof() -> None:
    clean = two_visits(BEFORE, AFTER, settings={"privacy": {"allow": (), "drop": ()}})
    assert "does not make the data anonymous" in messages(clean, "identifiers")[0]
    allowed = found(
        two_visits(BEFORE, AFTER, settings={"privacy": {"allow": ("plz",)}}), "identifiers"
    )
    assert list(allowed["severity"]) == ["warning"]
    assert "plz" in allowed["message"][0]
    assert found(two_visits(BEFORE, AFTER), "identifiers").empty, "nothing was read from a file"


def test_with_several_rows_a_visit_rules_of_wide_scores_stay_silent() -> None:
    scores = pd.DataFrame(
        {
            "patient": list("aabb") * 2,
            "period": [1, 2] * 4,
            "visit": ["pre"] * 4 + ["post"] * 4,
            "pain": [5.0] * 8,
        }
    )
    study = oc.Study(scores, visits=("pre", "post"), measures={"pain": PAIN}, design="crossover")
    assert set(oc.check(study)["rule"]) <= {"identifiers"}


def test_a_study_file_of_an_older_form_is_read_and_said(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text(
        "patient,visit,eq\na,pre,50\na,post,70\nb,pre,40\nb,post,80\n"
    )
    text = """[study]
form = 1
[data]
scores = "scores.csv"
[visits]
order = ["pre", "post"]
[instruments]
eq_vas = { vas = "eq" }
"""
    (tmp_path / "old.toml").write_text(text)
    study = oc.read_study(tmp_path / "old.toml")
    assert study.outcome_names == ["eq_vas_rating"]
    (message,) = messages(study, "older_form")
    assert "'vas' is called 'health' now" in message
    (tmp_path / "bare.toml").write_text(text.replace("form = 1\n", ""))
    assert messages(oc.read_study(tmp_path / "bare.toml"), "older_form") == [message]
    (tmp_path / "new.toml").write_text(text.replace("{ vas", "{ health").replace("1", "2", 1))
    assert found(oc.read_study(tmp_path / "new.toml"), "older_form").empty
    (tmp_path / "later.toml").write_text(text.replace("form = 1", "form = 3"))
    with pytest.raises(oc.OutcomesError, match=r"later.toml, line 2, \[study\]: .*form 3.*1 to 2"):
        oc.read_study(tmp_path / "later.toml")


def test_the_gravest_come_first_and_nothing_twice() -> None:
    table = oc.check(two_visits([7], [None]))
    order = ["error", "warning", "note"]
    assert list(table["severity"]) == sorted(table["severity"], key=order.index)
    assert not table.duplicated().any()


def test_addresses_are_told_apart_and_cut_after_twenty() -> None:
    from outcomes.study.study import Issue

    def addresses(*where: str) -> str:
        study = two_visits(BEFORE, AFTER, issues=(Issue("unparseable", "x", addresses=where),))
        return found(study, "unparseable")["addresses"][0]

    assert (
        addresses("row 2, column nrs", "row 3, column nrs")
        == "row 2, column nrs; row 3, column nrs"
    )
    assert addresses(*[f"A{i}" for i in range(25)]).endswith("A19 and 5 more")
