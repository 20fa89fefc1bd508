"""The strategies of an estimand are carried out, counted by arm and said, or refused in words."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.reporting.builder import document
from tests.builders import PAIN

WHEN = {"before": "baseline", "after": "week_4"}
#: Three visits; p1 and p6 needed a rescue opioid on day 10, after week 1; p2 has no last score.
SCORES = {
    "baseline": [8, 7, 9, 6, 8, 7, 9, 8],
    "week_1": [5, 6, 6, 5, 7, 6, 8, 7],
    "week_4": [3, 2, None, 3, 7, 6, 8, 4],
}
RESCUE = ["p1", "p6", "p2"]


def trial(*, events=True, **more):
    rows = [
        (f"p{i}", visit, np.nan if y is None else float(y))
        for visit, column in SCORES.items()
        for i, y in enumerate(column)
    ]
    patients = pd.DataFrame(
        {
            "patient": [f"p{i}" for i in range(8)],
            "arm": ["ketamine"] * 4 + ["placebo"] * 4,
            "tolerates": ["yes", "no", "yes", "yes", "yes", "yes", "no", "yes"],
            "stopped": ["", "week_4", "", "", "", "", "week_1", ""],
            "stop_day": [np.nan, 20.0, np.nan, np.nan, np.nan, np.nan, 3.0, np.nan],
        }
    )
    table = pd.DataFrame({"patient": RESCUE, "event": "Rescue opioid", "day": 10})
    design = more.pop("design", "parallel")
    return oc.Study(
        pd.DataFrame(rows, columns=["patient", "visit", "pain"]),
        visits=tuple(SCORES),
        patients=patients,
        events=table if events else None,
        design=design,
        measures={"pain": PAIN},
        **more,
    )


def ask(question, strategy, study=None, **details):
    said = {"strategy": strategy, **details} if details else strategy
    plan = oc.Plan(question, estimand={"events": {"rescue opioid": said}})
    assert oc.Plan.from_toml(plan.to_toml()) == plan
    return plan.run(trial() if study is None else study)[0]


def changed(*cells):
    """The scores with some cells put otherwise: (patient number, visit, score)."""
    study = trial()
    scores = study.scores.copy()
    for i, visit, value in cells:
        scores.loc[(scores["patient"] == f"p{i}") & (scores["visit"] == visit), "pain"] = value
    return dataclasses.replace(study, scores=scores)


def same(result, plain):
    assert [e.term for e in result.estimates] == [e.term for e in plain.estimates]
    for a, b in zip(result.estimates, plain.estimates, strict=True):
        assert (a.value, a.low, a.p) == pytest.approx((b.value, b.low, b.p), nan_ok=True)


PAIRED = oc.PairedT("pain", **WHEN)


def test_treatment_policy_uses_every_score_and_counts_the_event():
    result = ask(PAIRED, "treatment policy")
    same(result, PAIRED.run(trial()))
    assert "rescue opioid in 3 of 8 patients (treatment policy:" in result.sentence()


def test_composite_makes_non_responders_even_without_a_score():
    question = oc.Responders("pain", **WHEN, rules=("30%",))
    plain, result = question.run(trial()), ask(question, "composite")
    assert _counted(plain, 0) == (4, 7)
    assert _counted(result, 0) == (3, 8)
    assert _counted(result, 1) == (3, 8)
    assert "(composite: counted as non-responders)" in result.sentence()
    assert "composite strategy: counted as non-responders" in result.methods_text()


def test_composite_responders_are_compared_by_arm_and_counted_by_arm():
    question = oc.CompareResponders("pain", **WHEN, rules=("30%",))
    result = ask(question, "composite")
    seen = "of patients with both scores"
    assert result.detail.counts["30%", seen, "ketamine"] == (2, 4)
    assert result.detail.counts["30%", seen, "placebo"] == (1, 4)
    (event,) = result.intercurrent
    assert event.counts == (("ketamine", 2, 4), ("placebo", 1, 4))
    assert "2 of 4 with ketamine and 1 of 4 with placebo" in result.sentence()


def test_composite_gives_the_worst_rank():
    question = oc.MannWhitney("pain", after="week_4")
    same(
        ask(question, "composite"),
        question.run(changed((1, "week_4", 9), (2, "week_4", 9), (6, "week_4", 9))),
    )


@pytest.mark.parametrize("question", [PAIRED, oc.ANCOVA("pain", **WHEN), oc.MMRM("pain")])
def test_a_mean_takes_a_failure_only_with_a_declared_score(question):
    refused = ask(question, "composite")
    assert "a failure has no score that a mean could take in" in refused.failed
    assert "Responders" in refused.failed
    result = ask(question, "composite", score=10)
    assert not result.failed
    cells = [(i, "week_4", 10) for i in (1, 2, 6)]
    same(result, question.run(changed(*cells)))


@pytest.mark.parametrize(
    "question",
    [
        PAIRED,
        oc.ANCOVA("pain", **WHEN),
        oc.WelchT("pain", **WHEN),
        oc.MannWhitney("pain", **WHEN),
        oc.CohortModel("pain", covariance=("cs",)),
        oc.MMRM("pain", covariance=("cs",)),
    ],
)
def test_hypothetical_sets_scores_from_the_event_on_aside(question):
    result = ask(question, "hypothetical")
    assert not result.failed
    same(result, question.run(changed((1, "week_4", np.nan), (6, "week_4", np.nan))))
    assert "scores from the event on set aside" in result.sentence()


def test_a_score_that_was_set_aside_is_no_missing_score_in_the_counts():
    left = dict(ask(PAIRED, "hypothetical").counts.left_out)
    assert left == {"score at week 4 set aside (rescue opioid)": 2, "no score at week 4": 1}
    flow = dict(ask(oc.ANCOVA("pain", **WHEN), "hypothetical").flow)
    assert dict(flow["placebo"].left_out) == {"score at week 4 set aside (rescue opioid)": 1}


def test_hypothetical_responders_are_refused_and_answered_by_imputation():
    question = oc.Responders("pain", **WHEN)
    assert "Imputed(Responders" in ask(question, "hypothetical").failed
    imputed = ask(oc.Imputed(question, draws=5, seed=1), "hypothetical")
    assert not imputed.failed
    assert "set aside, imputed" in imputed.sentence()


def test_while_on_treatment_uses_the_last_score_before_the_event():
    result = ask(PAIRED, "while on treatment")
    cells = [(i, "week_4", SCORES["week_1"][i]) for i in (1, 2, 6)]
    same(result, PAIRED.run(changed(*cells)))
    assert result.counts.analysed == 8
    assert "does not ask for" in ask(oc.MMRM("pain"), "while on treatment").failed


def test_while_on_treatment_leaves_out_who_has_no_score_on_treatment():
    table = pd.DataFrame({"patient": ["p0"], "event": "rescue opioid", "day": 2})
    result = ask(PAIRED, "while on treatment", dataclasses.replace(trial(), events=table))
    assert ("score at week 4 set aside (rescue opioid)", 1) in result.counts.left_out


def test_a_principal_stratum_has_to_be_declared():
    assert "cannot be seen in data" in ask(PAIRED, "principal stratum").failed
    result = ask(PAIRED, "principal stratum", stratum="tolerates")
    same(result, PAIRED.run(trial().where(tolerates="yes")))
    assert "rescue opioid in 2 of 8 patients" in result.sentence()


@pytest.mark.parametrize(
    ("details", "who"),
    [
        ({"column": "stopped"}, (1, 6)),
        ({"column": "stop_day"}, (1, 6)),
        ({"event": "rescue opioid"}, (1, 2, 6)),
    ],
)
def test_events_are_found_in_columns_and_tables(details, who):
    result = ask(PAIRED, "hypothetical", **details)
    same(result, PAIRED.run(changed(*[(i, "week_4", np.nan) for i in who])))


def test_an_event_in_a_column_of_the_scores_counts_from_its_visit_on():
    study = trial(events=False)
    taken = [("p3", "week_1"), ("p4", "week_4"), ("p5", "baseline")]
    yes = [(p, v) in taken for p, v in zip(study.scores["patient"], study.scores["visit"])]
    study = dataclasses.replace(
        study, scores=study.scores.assign(rescue_opioid=np.where(yes, "yes", "no"))
    )
    result = ask(PAIRED, "hypothetical", study)
    assert result.intercurrent[0].counts == (("", 2, 8),), "before treatment it is no such event"
    same(result, PAIRED.run(changed((3, "week_4", np.nan), (4, "week_4", np.nan))))


def test_a_repeat_infusion_is_found_among_the_infusions():
    rows = [(f"p{i}", 1, 0) for i in range(8)] + [("p0", 2, 14), ("p4", 2, 60)]
    infusions = pd.DataFrame(rows, columns=["patient", "infusion", "day"])
    study = dataclasses.replace(trial(events=False), infusions=infusions)
    plan = oc.Plan(PAIRED, estimand={"events": {"repeat infusion": "hypothetical"}})
    result = plan.run(study)[0]
    assert result.intercurrent[0].counts == (("", 1, 8),)
    same(result, PAIRED.run(changed((0, "week_4", np.nan))))


def test_what_nothing_in_the_study_tells_is_refused_except_treatment_policy():
    study = trial(events=False)
    assert (
        "nothing in the study says who had it" in ask(PAIRED, "composite", study, score=10).failed
    )
    assert not ask(PAIRED, "treatment policy", study).failed
    assert "No column 'rescu'" in ask(PAIRED, "hypothetical", column="rescu").failed


def test_an_event_that_nobody_in_the_events_table_had_changes_nothing():
    plan = oc.Plan(PAIRED, estimand={"events": {"death": "hypothetical"}})
    result = plan.run(trial())[0]
    same(result, PAIRED.run(trial()))
    assert "death in 0 of 8 patients (hypothetical: nobody had it)" in result.sentence()
    means = oc.Plan(PAIRED, estimand={"events": {"death": "composite"}}).run(trial())[0]
    same(means, PAIRED.run(trial()))


def test_descriptions_stay_as_they_are_and_other_questions_are_refused():
    for question in (oc.Describe(), oc.Course("pain"), oc.MissingScores("pain")):
        result = ask(question, "hypothetical")
        assert not result.failed and result.intercurrent == ()
    assert "no form for it" in ask(oc.Friedman("pain"), "hypothetical").failed


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"strategy": "composite", "colum": "x"}, "Did you mean 'column'"),
        ({"column": "x"}, "write a strategy"),
        ({"strategy": "composite", "score": "ten"}, "score is a number"),
        ({"strategy": "composite", "column": "a", "event": "b"}, "one of column, event"),
        ({"strategy": "compsite"}, "Did you mean 'composite'"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused(said, message):
    with pytest.raises(AnalysisError, match=message):
        oc.Estimand(events={"rescue": said})


def test_the_report_counts_events_by_arm_and_says_what_was_done():
    study = trial()
    question = oc.ANCOVA("pain", **WHEN, role="primary")
    plan = oc.Plan(question, estimand={"events": {"rescue opioid": "hypothetical"}})
    doc = document(study, plan.run(study))
    counted = next(s for s in doc.sections if s.title == "Who was counted")
    assert re.search(r"rescue opioid +2 of 4 +1 of 4 +hypothetical: scores", str(counted.blocks))
    methods = next(s for s in doc.sections if s.title.startswith("Methods"))
    assert "Intercurrent events were handled as declared: rescue opioid" in str(methods.blocks)


def test_scores_are_scored_once_and_stay_scored():
    study = trial()
    before = study.scores.copy()
    ask(PAIRED, "hypothetical", study)
    pd.testing.assert_frame_equal(study.scores, before)


def _counted(result, row):
    """Responders and patients of a row: 0 those with both scores, 1 missing as non-response."""
    found = result.detail.responses[row]
    assert found.rule == "≥30%" and found.everybody is bool(row)
    return found.count, found.total


def test_events_of_some_patients_are_counted_among_them_alone():
    question = oc.Among(oc.PairedT("pain", **WHEN), where={"tolerates": "yes"})
    result = ask(question, "hypothetical")
    (count,) = result.intercurrent
    assert [c[1:] for c in count.counts] == [(1, 6)]  # p1 and p6 do not tolerate it
    assert result.counts.analysed == 5
    assert "rescue opioid" in result.sentence()
