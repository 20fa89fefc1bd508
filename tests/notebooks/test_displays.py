"""What a notebook shows: cards, whole tables, framed errors, and the one-liner from a wide
frame.
"""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.framed_error import frame
from outcomes.core.listing import Listing, listed_frame
from tests.builders import SLEEP, two_visits

ROOT = Path(__file__).resolve().parents[2]
WIDE = pd.DataFrame({"id": [f"p{i}" for i in range(10)], "pre": SLEEP[0], "post": SLEEP[1]})


def test_a_card_has_sentence_main_estimate_picture_and_the_rest_folded() -> None:
    result = oc.PairedT("pain", before="baseline", after="week_4").run(
        two_visits([7, 6, 8, 5], [5, 5, 4, 5])
    )
    page = result._repr_html_()
    assert html.escape(result.sentence()) in page
    shown, folded = page.split("<details>")
    assert "mean change: −1.8 (" in html.unescape(shown)
    assert shown.count("data:image/svg+xml;base64,") == 1
    assert "week 4" not in folded.split("</summary>")[0]
    assert "All estimates" in folded and "enrolled" in folded
    assert all(html.escape(n) in folded for n in result.notes)
    assert "http" not in page and "<script" not in page


def test_a_card_of_a_failed_question_says_why_and_escapes_it() -> None:
    results = oc.Plan(oc.PairedT("<b>x", before="baseline", after="week_4")).run(
        two_visits([1], [2])
    )
    page = results._repr_html_()
    assert "Not answered: No outcome &#x27;&lt;b&gt;x&#x27;" in page
    assert "<b>x" not in page


def test_cards_of_a_plan_come_without_pictures() -> None:
    question = oc.PairedT("pain", before="baseline", after="week_4")
    page = oc.Plan(question, question).run(two_visits([7, 6, 8, 5], [5, 5, 4, 5]))._repr_html_()
    assert page.count('class="oc-card"') == 2
    assert "<img" not in page


@pytest.mark.parametrize(
    "make", [oc.questions, oc.instruments, lambda: oc.check(two_visits([7, None], [5, 5]))]
)
def test_listings_show_every_word_and_stay_data_frames(make) -> None:
    frame = make()
    assert isinstance(frame, pd.DataFrame)
    page = html.unescape(re.sub(r"<[^>]+>", "", frame._repr_html_()))
    for value in frame.drop(columns=frame.grouped).to_numpy().ravel():
        assert str(value) in page
    assert "<tr><th colspan=" in frame._repr_html_()
    assert frame._repr_html_().count("<tbody>") == frame[frame.grouped].nunique()
    assert isinstance(frame.iloc[:1], Listing)
    assert frame.iloc[:1].grouped == frame.grouped


def test_a_listing_escapes_what_it_shows() -> None:
    page = listed_frame([("<script>", np.nan)], ["<a>", "b"])._repr_html_()
    assert "<script>" not in page and "<a>" not in page and "nan" not in page


def test_questions_are_found_by_words_not_only_names() -> None:
    found = set(oc.questions("crossover")["method"])
    assert {"Crossover", "CrossoverBinary", "NOf1"} <= found and "PairedT" not in found
    assert "MMRM" in set(oc.questions("Kenward")["method"]), (
        "the description is searched where no column has the word"
    )
    assert oc.questions("zzz").empty


def test_the_one_liner_answers_as_the_question_does() -> None:
    answer = oc.paired(
        WIDE,
        before="pre",
        after="post",
        patient="id",
        title="Extra sleep",
        better="higher",
        unit="hours",
    )
    scores = np.asarray(SLEEP)
    assert answer.result["mean change"].value == pytest.approx(
        (scores[1] - scores[0]).mean(), abs=1e-12
    )
    assert answer.result["mean change"].p == pytest.approx(
        0.00283289019738427, rel=1e-12
    )  # R: t.test, paired
    assert "improved" in answer.result.sentence()
    assert answer.table.rows and "Extra sleep" in repr(answer)
    assert answer._repr_html_().count("<img") == 1
    assert answer.plot().figure is not None
    rank = oc.SignedRank("score", before="pre", after="post").run(answer.study)
    assert rank.counts.analysed == 10


def test_the_one_liner_counts_missing_scores_and_takes_rows_as_patients() -> None:
    frame = WIDE.assign(post=[None, *SLEEP[1][1:]])
    answer = oc.paired(frame, before="pre", after="post")
    assert (answer.result.counts.enrolled, answer.result.counts.analysed) == (10, 9)
    assert "improved" not in answer.result.sentence() and "rose" in answer.result.sentence()


@pytest.mark.parametrize(
    ("changed", "options", "words"),
    [
        ({}, {"before": "pree"}, "No column 'pree'. There is: id, pre, post. Did you mean 'pre'?"),
        ({}, {"patient": "patient"}, "No column 'patient'. There is: id, pre, post."),
        (
            {},
            {"after": "pre"},
            r"before and after are the same column \('pre'\). Choose two of: id, pre, post.",
        ),
        ({}, {"better": "low"}, "No direction 'low'. There is: lower, higher."),
        (
            {"pre": ["7", "much", *["1"] * 8]},
            {},
            r"The column 'pre' has 1 cell\(s\) that are no numbers: row 2.",
        ),
        ({"id": ["a", "a", *"bcdefghi"]}, {}, "share the same patient and visit: row 1, row 2"),
        ({"id": [None, *"abcdefghi"]}, {}, "The column 'id' is empty in row 1"),
    ],
)
def test_the_one_liner_says_what_there_is(changed, options, words) -> None:
    how = {"before": "pre", "after": "post", "patient": "id"} | options
    with pytest.raises(oc.OutcomesError, match=words) as caught:
        oc.paired(WIDE.assign(**changed), **how)
    assert "much" not in str(caught.value)


def test_an_error_is_framed_whole() -> None:
    words = (
        "No visit 'w4'. There is: "
        + ", ".join(f"week_{i}" for i in range(40))
        + ". Did you mean 'week_4'?"
    )
    lines = frame(oc.errors.AnalysisError(words))
    assert lines[0].startswith("╭─ AnalysisError ─")
    assert " ".join(line.strip("│ ") for line in lines[1:-1]) == words
    assert len({len(line) for line in lines}) == 1


def test_in_ipython_an_error_has_its_frame_and_python_keeps_its_traceback() -> None:
    pytest.importorskip("IPython")
    code = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(colors="nocolor")
shell.run_cell("import outcomes as oc; oc.instrument('phq99')")
"""
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "╭─ InstrumentError" in said and "Did you mean 'phq9'?" in said
    assert "Traceback (most recent call last)" not in said
    plain = "import outcomes as oc; oc.instrument('phq99')"
    said = subprocess.run(
        [sys.executable, "-c", plain], cwd=ROOT, capture_output=True, text=True, check=False
    ).stderr
    assert "Traceback (most recent call last)" in said and "╭" not in said


def test_in_a_notebook_the_traceback_is_folded_and_shown_once(tmp_path: Path) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    cell = nbformat.v4.new_code_cell("import outcomes as oc\noc.instrument('phq99')")
    book = nbformat.v4.new_notebook(cells=[cell])
    nbclient.NotebookClient(book, allow_errors=True, kernel_name="python3").execute()
    outputs = book.cells[0].outputs
    shown = [o for o in outputs if o.output_type == "display_data"]
    assert len(shown) == 1
    assert shown[0].data["text/html"].startswith("<details><summary>Traceback</summary>")
    error = next(o for o in outputs if o.output_type == "error")
    assert error.ename == "InstrumentError"
    assert "╭─ InstrumentError" in "\n".join(error.traceback) and "File" not in json.dumps(
        error.traceback
    )


def test_a_printed_list_hides_no_column() -> None:
    frame = oc.questions("crossover")
    assert all(column in repr(frame) for column in frame)
