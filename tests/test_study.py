import numpy as np
import pandas as pd
import pytest

from outcomes.core.errors import AnalysisError, DataError, StudyError
from outcomes.study.study import Study
from tests.builders import PAIN, two_visits


def test_pairs_are_matched_by_patient_never_by_row_order():
    study = two_visits([7, 6, 8, 5], [5, 6, 2, 4])
    shuffled = Study(
        study.scores.sample(frac=1, random_state=3), visits=study.visits, measures=study.measures
    )
    a, b = (s.pairs("pain", before="baseline", after="week_4") for s in (study, shuffled))
    assert (a.before == b.before).all()
    assert (a.after == b.after).all()
    assert list(a.patients) == list(b.patients)


def test_everybody_is_counted_with_a_reason():
    pairs = two_visits([7, None, 8, None], [5, 6, None, None]).pairs(
        "pain", before="baseline", after="week_4"
    )
    assert (pairs.counts.enrolled, pairs.counts.analysed) == (4, 1)
    assert dict(pairs.counts.left_out) == {
        "no score at baseline nor week 4": 1,
        "no score at baseline": 1,
        "no score at week 4": 1,
    }


def test_change_is_rounded_so_that_decimal_steps_tie():
    pairs = two_visits([7.0, 5.1], [4.9, 3.0]).pairs("pain", before="baseline", after="week_4")
    assert pairs.change[0] == pairs.change[1] == -2.1


def test_duplicate_patient_visits_are_listed_by_address_without_the_id():
    scores = pd.DataFrame(
        {
            "patient": ["SECRET1", "SECRET1", "b"],
            "visit": ["pre", "pre", "pre"],
            "pain": [1.0, 2, 3],
        }
    )
    with pytest.raises(DataError, match="row 1, row 2") as caught:
        Study(scores, visits=("pre",))
    assert "SECRET" not in str(caught.value)


def test_an_undeclared_visit_says_what_there_is():
    scores = pd.DataFrame({"patient": ["a"], "visit": ["wek_4"]})
    with pytest.raises(StudyError, match="'wek_4'.*baseline, week_4"):
        Study(scores, visits=("baseline", "week_4"))


def test_unknown_names_are_answered_with_what_exists():
    study = two_visits([7, 6], [5, 6])
    with pytest.raises(AnalysisError, match="No visit 'basline'.*Did you mean 'baseline'"):
        study.pairs("pain", before="basline", after="week_4")
    with pytest.raises(AnalysisError, match="No outcome 'pian'"):
        study.outcome("pian")
    with pytest.raises(AnalysisError, match="No patient characteristic 'arm'"):
        study.characteristic("arm")
    with pytest.raises(AnalysisError, match="same visit"):
        study.pairs("pain", before="baseline", after="baseline")


def test_where_returns_a_new_study_and_leaves_the_old_alone():
    patients = pd.DataFrame({"patient": ["p001", "p002", "p003"], "route": ["IV", "oral", "IV"]})
    study = two_visits([7, 6, 8], [5, 6, 2], patients=patients)
    part = study.where(route="IV")
    assert (study.enrolled, part.enrolled) == (3, 2)
    assert len(part.scores) == 4
    with pytest.raises(AnalysisError, match="No route 'nasal'"):
        study.where(route="nasal")


def test_patients_without_scores_are_enrolled():
    patients = pd.DataFrame({"patient": ["p001", "p002", "p003"]})
    assert two_visits([7, 6], [5, 6], patients=patients).enrolled == 3


def test_several_rows_a_visit_are_refused_by_the_wide_view():
    scores = pd.DataFrame(
        {"patient": ["a", "a"], "period": ["1", "2"], "visit": ["post", "post"], "pain": [4.0, 5.0]}
    )
    study = Study(scores, visits=("post",), measures={"pain": PAIN})
    with pytest.raises(AnalysisError, match="study.where\\(period"):
        study.wide("pain")
    assert study.where(period="2").wide("pain").to_numpy().item() == 5.0


def test_the_wide_view_has_every_patient_and_every_visit():
    wide = two_visits([7, None], [None, 6]).wide("pain")
    assert wide.shape == (2, 2)
    assert np.isnan(wide.to_numpy()).sum() == 2
