"""The rule about the better side of a rating of change."""

import outcomes as oc
from outcomes.checks import find_issues
from tests.analyses.test_ratings_of_change import clinic


def test_a_rating_that_runs_against_the_change_is_asked_about_and_one_that_follows_is_not():
    found = [i for i in find_issues(clinic(turned=True)) if i.rule == "rating_direction"]
    assert [i.severity for i in found] == ["warning"]
    assert 'reverse = ["change"] under [instruments] pgic' in found[0].message
    assert not [i for i in find_issues(clinic()) if i.rule == "rating_direction"]


def test_a_rating_without_a_better_side_is_asked_about():
    study = clinic()
    scores = study.ready.scores.assign(gpe=study.ready.scores["pgic_rating"])
    measures = {
        "peg": oc.Outcome("peg_mean", "PEG", "lower"),
        "gpe": oc.Outcome("gpe", "Global perceived effect"),
    }
    asked = oc.Study(
        scores, visits=study.visits, measures={"peg_mean": measures["peg"], "gpe": measures["gpe"]}
    )
    found = [i for i in find_issues(asked) if i.rule == "rating_direction"]
    assert len(found) == 1
    assert "without a better side" in found[0].message
