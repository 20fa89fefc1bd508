"""What a user does wrong is answered with what to do, never with an error of Python."""

import pytest

import outcomes as oc
from outcomes.core.errors import AnalysisError, StudyError
from tests.builders import two_visits

STUDY = two_visits([7, 6, 8, 5], [5, 6, 2, 4])
QUESTION = oc.PairedT("pain", before="baseline", after="week_4")


def test_a_report_of_a_list_a_question_or_a_result_is_written(tmp_path):
    result = QUESTION.run(STUDY)
    for i, answers in enumerate(([result], (result,), QUESTION, [QUESTION], result)):
        assert oc.write_report(STUDY, answers, tmp_path / f"{i}.html").stat().st_size > 5000


@pytest.mark.parametrize("answers", ["PairedT", [], 3, [QUESTION, "x"], None])
def test_a_report_of_anything_else_says_what_to_give(tmp_path, answers):
    with pytest.raises(StudyError, match=r"not of .*oc\.write_report\(study, oc\.Plan"):
        oc.write_report(STUDY, answers, tmp_path / "r.html")


def test_a_question_that_was_not_run_is_not_drawn():
    with pytest.raises(AnalysisError, match=r"was not run yet.*oc\.plot\(question\.run"):
        oc.plot(QUESTION)


def test_a_result_is_no_list():
    result = QUESTION.run(STUDY)
    with pytest.raises(AnalysisError, match=r"for e in result\.estimates"):
        list(result)


def test_an_unknown_style_lists_the_styles():
    result = QUESTION.run(STUDY)
    with pytest.raises(AnalysisError, match="No style 'aam'.*ama, apa, bmj, lancet"):
        result.sentence("aam")
    failed = oc.Plan(oc.PairedT("pian", before="baseline", after="week_4")).run(STUDY)[0]
    with pytest.raises(AnalysisError, match="No style"):
        failed.sentence("mla")
