"""What a report says, in which order, and what it adds by itself."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import StudyError
from outcomes.core.result import Results
from outcomes.reporting import SNAPSHOT, build, write_snapshot
from outcomes.reporting.chapters.changes_since import _records, read_snapshot, snapshot
from outcomes.reporting.document import (
    Bullets,
    Document,
    Figure,
    KeyNumbers,
    Paragraph,
    Section,
    TableBlock,
)
from outcomes.study.study import Study
from tests.builders import MOOD, PAIN, two_visits
from tests.contract.small import small
from tests.reporting.test_share import PLAN, clinic

CHAPTERS = [
    "Summary in plain language",
    "Who was counted",
    "The main answer",
    "Responders",
    "Side effects",
    "The course over time",
    "What this design cannot show",
]
APPENDIX = [
    "The patients",
    "Answers",
    "Responders",
    "The course over time",
    "Robustness",
    "Side effects",
    "Data quality",
    "Methods, ready for a paper",
    "Reporting checklist",
    "Plan against done",
    "Provenance",
]


def section(doc: Document, title: str) -> Section:
    return next(s for s in doc.sections if s.title == title)


def words(s: Section) -> str:
    out: list[str] = []
    for b in s.blocks:
        match b:
            case Paragraph():
                out.append(b.text)
            case Bullets():
                out += b.items
            case KeyNumbers():
                out += [f"{k.value} {k.label} {k.detail}" for k in b.items]
            case TableBlock():
                out += [" | ".join(row) for row in b.table.rows]
    return "\n".join(out)


def test_chapters_stand_in_the_order_a_reader_needs(document: Document) -> None:
    chapters = [s for s in document.sections if s.level == 2]
    assert [s.title for s in chapters if not s.appendix] == CHAPTERS
    assert [s.title for s in chapters if s.appendix] == APPENDIX
    assert [s.title for s in document.sections if s.new_page] == APPENDIX[:1]


def test_no_picture_is_drawn_twice(document: Document) -> None:
    drawn = [
        (id(b.result), b.kind) for s in document.sections for b in s.blocks if isinstance(b, Figure)
    ]
    assert len(drawn) == len(set(drawn)) > 3


def test_the_first_pages_have_the_main_picture_and_the_harms(document: Document) -> None:
    front = [s for s in document.sections if not s.appendix]
    main = next(s for s in front if s.title == "The main answer")
    assert any(isinstance(b, Figure) for b in main.blocks)
    assert "side effect" in words(next(s for s in front if s.title == "Side effects"))


def test_the_correlation_with_the_baseline_is_shown_where_the_page_has_room(
    document: Document,
) -> None:
    tables = [
        b.table
        for s in document.sections
        for b in s.blocks
        if isinstance(b, TableBlock) and "their baseline" in b.table.header
    ]
    (one,) = tables
    assert one.header[-1] == "r" and [row[-1] for row in one.rows] == [
        "\N{EN DASH}",
        "0.39",
        "0.45",
        "0.38",
        "0.49",
    ]
    assert any(note.startswith("r: correlation") for note in one.notes)


def test_the_first_page_has_no_statistician_s_terms(document: Document) -> None:
    said = words(section(document, "Summary in plain language"))
    assert "fell from 6.5 at baseline to 5.0 at week 4" in said
    assert "63 of 146 patients" in said and "no comparison group" in said
    assert not re.search(
        r"\bt\(|\bd_|\bP[<=]|\bCI\b|\bSD\b|confidence|significan|regression|signed-rank|responder|paired",
        said,
    )
    assert len(said) < 2200  # one page


def test_the_first_page_says_when_the_direction_is_open_and_when_nothing_moved() -> None:
    q = oc.PairedT("pain", before="baseline", after="week_4", role="primary")
    for after, said in (
        ([6, 7, 5, 6], "did not change"),
        ([5, 8, 5, 7], "the direction is not clear"),
        ([9, 9, 8, 9], "rose from"),
    ):
        study = two_visits([6, 7, 5, 6], after)
        assert said in words(section(build(study, oc.Plan(q)), "Summary in plain language"))


def test_an_uncontrolled_study_gets_its_guard_without_asking_and_a_trial_does_not() -> None:
    q = oc.PairedT("pain", before="baseline", after="week_4", role="primary")
    study = two_visits(
        [6, 7, 5, 6, 8, 7, 6, 5], [5, 6, 5, 4, 6, 6, 5, 4], entry={"outcome": "pain", "at_least": 5}
    )
    doc = build(study, oc.Plan(q))
    assert "the observed mean change was" in words(section(doc, "What this design cannot show"))
    assert "added by the report, not planned" in words(section(doc, "Plan against done"))
    once = build(study, oc.Plan(q, oc.RegressionToMean("pain", before="baseline", after="week_4")))
    assert "added by the report" not in words(section(once, "Plan against done"))


def test_many_missing_scores_are_said_on_the_first_page_and_looked_into() -> None:
    study = clinic(80, 3)
    doc = build(
        study, oc.Plan(oc.PairedT("pain", before="baseline", after="week_4", role="primary"))
    )
    assert "Scores are missing for" in words(section(doc, "Summary in plain language"))
    assert any("tipping point" in s.title for s in doc.sections)


def test_unplanned_answers_are_exploratory_and_unanswered_ones_stay_visible() -> None:
    planned = (
        {
            "method": "PairedT",
            "outcome": "pain",
            "before": "baseline",
            "after": "week_4",
            "role": "primary",
        },
        {"method": "SignedRank", "outcome": "pain", "before": "baseline", "after": "week_4"},
    )
    study = two_visits([6, 7, 5, 6], [5, 6, 5, 4], questions=planned)
    asked = oc.Plan(
        oc.PairedT("pain", before="baseline", after="week_4", role="primary"),
        oc.Responders("pain", before="baseline", after="week_4", role="secondary"),
        oc.PairedT("mood", before="baseline", after="week_4"),
    )
    rows = {
        r[1]: r[2:4]
        for b in section(build(study, asked), "Plan against done").blocks
        if isinstance(b, TableBlock)
        for r in b.table.rows
    }
    assert rows["average pain (NRS), baseline to week 4: paired t-test"] == (
        "primary",
        "as planned",
    )
    assert rows["average pain (NRS), baseline to week 4: responders"] == (
        "exploratory",
        "not planned",
    )
    assert ("exploratory", "planned, not done") in rows.values()
    assert any(status.startswith("not answered") for _, status in rows.values())


@pytest.mark.parametrize(
    ("design", "wanted"),
    [
        ("before-after", "STROBE and CONSORT-PRO"),
        ("parallel", "CONSORT and CONSORT-PRO"),
        ("crossover", "CONSORT crossover"),
    ],
)
def test_the_checklist_fits_the_design_and_admits_what_is_not_supplied(
    design: str, wanted: str
) -> None:
    study = two_visits(
        [6, 7, 5, 6],
        [5, 6, 5, 4],
        design=design,
        settings={"paper": {"funding": "None was received."}},
    )
    doc = build(
        study, oc.Plan(oc.PairedT("pain", before="baseline", after="week_4", role="primary"))
    )
    block = next(b for b in section(doc, "Reporting checklist").blocks if isinstance(b, TableBlock))
    assert wanted in block.table.title
    answers = {row[2]: row[3] for row in block.table.rows}
    assert answers["Funding"] == "None was received."
    assert answers["Approval and consent"] == "not supplied"
    notes = " ".join(block.table.notes)
    assert "Not listed, and left to the authors: " in notes
    assert "CONSORT-PRO were not compared with the paper" in notes
    assert ("CONSORT 2025 from 13 on were not compared" in notes) == (design != "before-after")


# --- since last time ------------------------------------------------------------------------------


def run(study: Study) -> Results:
    return oc.Plan(PLAN.questions[1:3]).run(study)


def test_new_late_changed_and_withdrawn_are_told_apart(tmp_path: Path) -> None:
    study = clinic(40, 3)
    early = study.scores[
        ~((study.scores["patient"] == "p005") & (study.scores["visit"] == "baseline"))
    ]
    early = early[~early["patient"].isin(["p038", "p039"])]
    first = Study(early, visits=study.visits, measures=study.measures)
    write_snapshot(first, run(first), tmp_path)
    later = study.scores[study.scores["patient"] != "p001"].copy()
    later.loc[(later["patient"] == "p002") & (later["visit"] == "baseline"), "pain"] = 0.0
    second = Study(later, visits=study.visits, measures=study.measures)
    said = words(section(build(second, run(second), since=tmp_path), "Since last time"))
    assert "New: 2 patients, and 0 further visits" in said
    assert "Late: 1 visit that" in said
    assert "Changed: 1 visit whose" in said
    assert "Withdrawn: 1 patient and 0 visits" in said


def test_the_run_of_results_counts_each_patient_once_and_judges_from_ten_periods(
    tmp_path: Path,
) -> None:
    last, seen = None, []
    for month in range(12):
        study = clinic(30 + 30 * month, 3)
        results = run(study)
        folder = tmp_path / str(month)
        doc = build(study, results, since=last, period=f"m{month}") if last else None
        write_snapshot(study, results, folder, since=last, period=f"m{month}")
        last = folder
        figures = (
            [b for s in doc.sections for b in s.blocks if isinstance(b, Figure) and b.kind == "run"]
            if doc
            else []
        )
        seen.append([f.caption for f in figures])
    history = read_snapshot(last)["history"]  # type: ignore[arg-type]
    pairs = clinic(30 + 30 * 11, 3).pairs("pain", before="baseline", after="week_4")
    assert sum(h["n"] for h in history) == len(pairs.patients)
    assert sum(h["n"] * h["value"] for h in history) == pytest.approx(pairs.change.sum())
    assert seen[1] == [] and len(seen[2]) == 2 and "too few periods" in seen[2][0]
    assert "too few periods" not in seen[11][0]


def test_two_points_are_no_trend_and_a_last_period_still_filling_up_is_not_judged(
    tmp_path: Path,
) -> None:
    last, said, captions = None, [], []
    for month, size in enumerate((40, 80, 120, 126)):
        study = clinic(size, 3)
        results = run(study)
        if last:
            s = section(build(study, results, since=last, period=f"m{month}"), "Since last time")
            said.append(words(s))
            captions.append([b.caption for b in s.blocks if isinstance(b, Figure)])
        write_snapshot(study, results, tmp_path / str(month), since=last, period=f"m{month}")
        last = tmp_path / str(month)
    assert "2 reports with results so far: two points are not a trend" in said[0]
    assert captions[0] == [] and len(captions[1]) == 2
    assert "still filling up" not in captions[1][0]
    assert "The last period, m3, is still filling up: " in captions[2][0]
    assert "had a score at baseline and none at week 4 yet" in said[2]


def test_a_trial_s_run_of_results_is_its_comparison(tmp_path: Path) -> None:
    study = small(60, "parallel")
    q = oc.ANCOVA("pain", before="baseline", after="week_4", by="arm", role="primary")
    results = oc.Plan(q).run(study)
    now = snapshot(study, results)["history"][0]
    assert now["value"] == pytest.approx(results[0].main.value) and now["low"] < now["value"]


def test_the_same_snapshot_again_changes_nothing(tmp_path: Path) -> None:
    study = clinic(40, 3)
    results = run(study)
    write_snapshot(study, results, tmp_path, period="m1")
    last = read_snapshot(tmp_path)
    again = snapshot(study, results, last=last, period="m2")
    assert again["patients"] == last["patients"] and again["history"][-1]["n"] == 0
    assert not re.search(r'"p0\d\d"', (tmp_path / SNAPSHOT).read_text())


def test_a_folder_without_a_snapshot_is_refused(tmp_path: Path) -> None:
    study = clinic(20, 3)
    with pytest.raises(StudyError, match=r"There is no snapshot\.json"):
        build(study, run(study), since=tmp_path)
    with pytest.raises(StudyError, match="cannot stand in a report for sharing"):
        build(study, run(study), since=tmp_path, audience="share")


def test_a_family_of_models_shows_the_main_visit_and_its_own_p() -> None:
    rng = np.random.default_rng(4)
    visits = ("baseline", "week_1", "week_4")
    moved = {"baseline": 0, "week_1": 1, "week_4": 2}
    rows = [
        (f"p{i:02d}", v, *(6 - moved[v] + rng.normal(0, 1, 3))) for i in range(20) for v in visits
    ]
    names = ("pain", "sleep", "mood")
    frame = pd.DataFrame(rows, columns=["patient", "visit", *names])
    study = Study(
        frame,
        visits=visits,
        design="follow-up",
        measures={n: oc.Outcome(n, n, "lower", resolution=1) for n in names},
    )
    doc = build(study, oc.Plan(oc.CohortModel(n, family="scores", role="secondary") for n in names))
    tables = [b.table for s in doc.sections for b in s.blocks if isinstance(b, TableBlock)]
    table = next(t for t in tables if t.title.lower().endswith("scores: mixed model of the course"))
    result = oc.CohortModel("pain").run(study)
    assert table.header[2] == "mean change · week 4"
    assert table.rows[0][2] == oc.wording.number(result["mean change | week_4"].value)
    assert "–" not in table.rows[0]


def test_who_had_a_score_at_the_end_is_said_of_a_model_and_looked_into() -> None:
    study = oc.read_study("data/sample/study.toml")
    doc = build(study, oc.Plan(oc.CohortModel("pain_nrs_average", role="primary")))
    said = words(section(doc, "Summary in plain language"))
    assert (
        "96 of 240 patients had a score at week 12" in said
        and "Scores are missing for 60 of 100 patients" in said
    )
    assert any("tipping point" in s.title for s in doc.sections)
    figures = [b.caption for s in doc.sections for b in s.blocks if isinstance(b, Figure)]
    assert any("means from the model" in c for c in figures)


def test_the_fit_of_the_primary_model_is_shown_in_the_appendix_and_of_no_other() -> None:
    study = oc.read_study("data/sample/parallel/study.toml")
    given = {"before": "baseline", "after": "week_12", "reference": "placebo"}
    plan = oc.Plan(
        oc.MMRM("pain_nrs_average", role="primary", reference="placebo"),
        oc.ANCOVA("pain_nrs_average", role="secondary", **given),
    )
    doc = build(study, plan)
    drawn = {
        type(b.result.analysis).__name__
        for s in doc.sections
        for b in s.blocks
        if isinstance(b, Figure) and b.kind == "diagnostics"
    }
    assert drawn == {"MMRM"}
    shared = build(study, plan, audience="share")
    assert not any(
        isinstance(b, Figure) and b.kind == "diagnostics" for s in shared.sections for b in s.blocks
    )


@pytest.mark.parametrize(
    ("kind", "path", "said"),
    [
        (
            "crossover",
            "data/sample/crossover/study.toml",
            "was 1.0 points lower with ketamine than with placebo",
        ),
        (
            "parallel",
            "data/sample/parallel/study.toml",
            "at week 12 was 0.5 points lower with ketamine than with placebo",
        ),
        ("routes", "data/sample/study.toml", "0.9 points higher with intranasal than with IV"),
    ],
)
def test_a_difference_is_said_plainly_and_no_sensitivity_analysis_beside_it(
    kind: str, path: str, said: str
) -> None:
    study = dataclasses.replace(oc.read_study(path), design=kind)
    question = next(q for q in oc.plans.ready_made(kind, study) if q.role == "primary")
    text = words(section(build(study, oc.Plan(question)), "Summary in plain language"))
    assert said in text
    assert not re.search(r"Hills|Koch|baselines| - ", text)
    assert ("not by chance" in text) == (kind == "routes")
    assert "no comparison group" not in text


def test_visits_after_the_last_report_are_further_and_visits_before_it_are_late() -> None:
    study = clinic(4, 3)
    study = Study(study.scores, visits=("baseline", "week_4", "week_8"), measures=study.measures)
    last = {
        "a": {"week_4": "x"},
        "b": {"baseline": "x", "week_4": "y", "week_8": "z"},
        "c": {"baseline": "x"},
    }
    now = {
        "a": {"baseline": "x", "week_4": "x", "week_8": "x"},  # one late, one further
        "b": {"baseline": "x", "week_4": "other"},  # one changed, one withdrawn
        "c": {"baseline": "x", "week_4": "x", "week_8": "x"},  # two further
        "d": {"baseline": "x"},  # a new patient; not a further visit of one already known
    }
    assert [s.split(" that")[0].split(" whose")[0] for s in _records(now, last, study)] == [
        "New: 1 patient, and 3 further visits of patients already known.",
        "Late: 1 visit",
        "Changed: 1 visit",
        "Withdrawn: 0 patients and 1 visit",
    ]


def test_the_summary_names_the_most_frequent_side_effects() -> None:
    often = {"rash": 1, "headache": 5, "nausea": 3, "itch": 2, "dizziness": 4}
    events = [(f"p{i:03d}", name) for name, n in often.items() for i in range(1, n + 1)]
    study = two_visits(
        [6.0] * 8, [5.0] * 8, events=pd.DataFrame(events, columns=["patient", "event"])
    )
    said = words(section(build(study, oc.Plan(oc.SideEffects())), "Summary in plain language"))
    assert "Most often noted: headache (5), dizziness (4) and nausea (3)" in said


def test_a_forest_of_several_scores_has_improvement_on_the_right() -> None:
    before, after = [6, 7, 5, 6, 8, 7], [3, 5, 4, 2, 5, 5]
    scores = two_visits(before, after).scores
    scores["mood"] = [*after, *before]  # pain falls and mood rises: both are better
    scores["worst"] = scores["pain"] + 1
    measures = {"pain": PAIN, "mood": MOOD, "worst": dataclasses.replace(PAIN, name="worst")}
    study = Study(scores, visits=("baseline", "week_4"), measures=measures)
    asked = [oc.PairedT(name, before="baseline", after="week_4", family="all") for name in measures]
    drawn = next(
        b
        for s in build(study, oc.Plan(*asked)).sections
        for b in s.blocks
        if isinstance(b, Figure) and b.kind == "forest"
    )
    forest = drawn.result.data["forest"]
    assert (
        (forest["low"] > 0).all()
        and (forest["low"] < forest["value"]).all()
        and (forest["value"] < forest["high"]).all()
    )
