"""Journal styles: P, intervals and decimal marks in sentences and tables, from one place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.core.style import STYLE_NAMES, written_in
from outcomes.core.wording import bounded, interval, number, p_value
from tests.builders import two_visits

CHANGE = oc.PairedT("pain", before="baseline", after="week_4")
STUDY = two_visits([7, 6, 8, 5, 9, None], [5, 6, 2, 4, 7, 5])
RESULT = CHANGE.run(STUDY)


@pytest.mark.parametrize(
    ("style", "p", "small", "ci", "r"),
    [
        ("", "P=.03", "P<.001", "95% CI, −1.2 to 3.4", "0.42"),
        ("ama", "P = .03", "P < .001", "95% CI, −1.2 to 3.4", "0.42"),
        ("apa", "p = .031", "p < .001", "95% CI [−1.2, 3.4]", ".42"),
        ("bmj", "P=0.03", "P<0.001", "95% confidence interval −1.2 to 3.4", "0.42"),
        ("lancet", "p=0·031", "p<0·0001", "95% CI −1·2 to 3·4", "0·42"),
    ],
)
def test_the_rules_of_each_journal(style: str, p: str, small: str, ci: str, r: str) -> None:
    with written_in(style):
        assert p_value(0.0314) == p
        assert p_value(0.00001) == small
        assert interval(-1.2, 3.4, level=0.95) == ci
        assert bounded(0.42) == r
    assert p_value(0.0314) == "P=.03"


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.21, "p=0·21"), (0.0314, "p=0·031"), (0.00123, "p=0·0012"), (0.000123, "p=0·00012")],
)
def test_the_lancet_has_two_significant_figures(p: float, text: str) -> None:
    assert p_value(p, "lancet") == text


@pytest.mark.parametrize("style", STYLE_NAMES)
def test_a_sentence_and_its_table_have_the_same_p_and_interval(style: str) -> None:
    said, row = RESULT.sentence(style), oc.table(RESULT, style=style).rows[0]
    e = RESULT.estimates[0]
    with written_in(style):
        assert p_value(e.p) in said
        assert interval(e.low, e.high, level=e.level) in said
        assert row[1:3] == (number(e.value), interval(e.low, e.high))
    assert p_value(e.p, style).lstrip("pP =") == row[3]
    assert oc.table(RESULT, style=style).header[3] == p_value(0.5, style)[0]


def test_the_lancet_has_no_decimal_point_in_a_sentence() -> None:
    assert not re.search(r"\d\.\d", RESULT.sentence("lancet"))
    assert re.search(r"\d\.\d", RESULT.sentence())


def test_the_style_ends_with_its_block() -> None:
    with pytest.raises(ZeroDivisionError), written_in("lancet"):
        _ = 1 / 0
    assert number(1.5) == "1.5"


@pytest.mark.parametrize("style", STYLE_NAMES)
def test_excel_and_csv_have_the_same_numbers_in_every_style(tmp_path: Path, style: str) -> None:
    house = oc.table(RESULT).save(tmp_path / "a.csv").read_text().splitlines()[1]
    styled = oc.table(RESULT, style=style).save(tmp_path / "b.csv").read_text().splitlines()[1]
    assert house.split(",")[:4] == styled.split(",")[:4]


def test_an_unknown_style_names_those_there_are() -> None:
    for act in (lambda: RESULT.sentence("nejm"), lambda: oc.table(RESULT, style="nejm")):
        with pytest.raises(AnalysisError, match="ama, apa, bmj, lancet"):
            act()


def test_the_study_file_chooses_the_style_of_the_report(tmp_path: Path) -> None:
    rows = "".join(f"p{i},pre,{5 + i % 4}\np{i},post,{2 + i % 5}\n" for i in range(12))
    (tmp_path / "scores.csv").write_text(f"patient,visit,pain\n{rows}")
    text = """[study]
title = "Pain"
STYLE
[data]
scores = "scores.csv"
[roles]
patient = "patient"
visit = "visit"
[visits]
order = ["pre", "post"]
[outcomes]
pain = { column = "pain", title = "Pain", better = "lower" }
"""
    for style, said in (("", "95% CI, "), ('style = "bmj"', "95% confidence interval ")):
        file = tmp_path / "study.toml"
        file.write_text(text.replace("STYLE", style))
        study = oc.read_study(file)
        assert study.style == ("bmj" if style else "")
        plan = oc.Plan(oc.PairedT("pain", before="pre", after="post", role="primary"))
        report = oc.write_report(study, plan, tmp_path / "report.html").read_text()
        assert said in report and ("95% CI, " in report) == (not style)
    file.write_text(text.replace("STYLE", 'style = "nejm"'))
    with pytest.raises(oc.OutcomesError, match="ama, apa, bmj, lancet"):
        oc.read_study(file)


@pytest.mark.parametrize(
    ("style", "said"),
    [
        ("", "(95% Wilson CI, "),
        ("apa", "(95% Wilson CI ["),
        ("bmj", "(95% Wilson confidence interval "),
        ("lancet", "(95% Wilson CI "),
    ],
)
def test_the_interval_of_a_share_is_in_the_style_too(style: str, said: str) -> None:
    study = two_visits([7, 6, 8, 5, 9, 7], [2, 5, 6, 5, 3, 3])
    result = oc.Responders("pain", before="baseline", after="week_4", rules=["30%"]).run(study)
    assert said in result.sentence(style) and result.sentence(style).count("95%") == 1
