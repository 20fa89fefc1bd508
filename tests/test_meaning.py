"""What a number means is part of its type: words, tables and summaries follow from it, never from a
name.
"""

from __future__ import annotations

import ast
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import outcomes as oc
from outcomes.analyses.question import Analysis
from outcomes.core.contrast import Contrast, Versus
from outcomes.core.direction import direction, oriented
from outcomes.core.estimate import Estimate
from outcomes.core.measure import Measure
from outcomes.core.result import Result
from outcomes.plans.plan import kinds
from outcomes.reporting.chapters.answers import answers
from outcomes.reporting.plain_language import summary
from tests.builders import two_visits
from tests.contract.small import example, small

ROOT = Path(__file__).resolve().parents[1]
PAIN = oc.Outcome("pain", "Pain", "lower", "points", 0, 10, 1)
SLEEP = oc.Outcome("sleep", "Sleep", "higher", "points", 0, 10, 1)


@pytest.mark.parametrize("name", kinds())
@pytest.mark.parametrize("design", ["parallel", "crossover", "n-of-1"])
def test_every_estimate_of_every_question_says_what_it_is(name, design):
    result = oc.Plan(example(kinds()[name])).run(small(24, design))[0]
    assert [e.label for e in result.estimates if e.measure is Measure.UNSTATED] == []


@pytest.mark.parametrize(
    ("value", "low", "high", "outcome", "expected"),
    [
        (-2, -3, -1, PAIN, "improved"),
        (2, 1, 3, PAIN, "worsened"),
        (-1, -3, 1, PAIN, "not clear"),
        (2, 1, 3, SLEEP, "improved"),
        (-2, -3, -1, SLEEP, "worsened"),
        (0.5, -1, 2, SLEEP, "not clear"),
        (-2, -3, -1, oc.Outcome("x", "X"), "fell"),
    ],
)
def test_direction_of_a_change(value, low, high, outcome, expected):
    e = Estimate("anything at all", value, low, high, measure=Measure.CHANGE)
    assert direction(e, outcome) == expected


def test_direction_of_a_comparison_names_the_group():
    pair = Versus.of("ketamine", "placebo")
    e = Estimate("d", -1, -2, -0.5, measure=Measure.DIFFERENCE, group=pair)
    assert direction(e, PAIN) == "better with ketamine"
    assert direction(e, SLEEP) == "worse with ketamine"


@pytest.mark.parametrize(
    "measure", [Measure.OVERALL_TEST, Measure.SHARE, Measure.VARIANCE, Measure.LEVEL]
)
def test_what_has_no_direction_gets_no_word(measure):
    assert direction(Estimate("F", 31.0, 20, 40, p=0.001, measure=measure), PAIN) == ""


def test_a_forest_is_turned_only_where_lower_is_better_and_there_is_a_direction():
    change = Estimate("d", -1, -2, 0.5, measure=Measure.STANDARDISED_CHANGE)
    turned = oriented(change, PAIN)
    assert (turned.value, turned.low, turned.high) == (1, -0.5, 2)
    assert oriented(change, SLEEP) == change
    ratio = Estimate("or", 2, 1, 4, measure=Measure.ODDS_RATIO)
    assert oriented(ratio, PAIN) == ratio


def test_the_main_estimate_of_a_rank_test_is_its_shift_with_the_tests_p():
    result = oc.SignedRank("pain", before="baseline", after="week_4").run(
        two_visits([7, 8, 6, 9, 7, 8, 9], [5, 5, 5, 6, 5, 7, 4])
    )
    assert result.main is not None and result.main.measure is Measure.CHANGE
    assert result.main.value < 0
    tested = next(e for e in result.estimates if e.measure is Measure.OVERALL_TEST)
    assert result.main.p == tested.p


def test_a_family_of_rank_tests_says_improved_not_worsened():
    rng = np.random.default_rng(2)
    before = rng.integers(6, 11, 30).astype(float)
    study = two_visits(before, np.clip(before - 3, 0, 10))
    q = oc.SignedRank("pain", before="baseline", after="week_4", role="secondary", family="pain")
    results = oc.Plan(q, q, q).run(study)
    (_, section) = answers("Answers", list(results))
    table = section.blocks[1].table
    words = {row[table.header.index("direction")] for row in table.rows}
    assert words == {"improved"}


def test_a_family_of_overall_tests_has_no_direction_word():
    rng = np.random.default_rng(3)
    study = small(30, "parallel")
    q = oc.KruskalWallis(
        "pain", by="arm", after="week_4", before="baseline", role="secondary", family="f"
    )
    results = oc.Plan(q, q, q).run(study)
    (_, section) = answers("Answers", list(results))
    table = section.blocks[1].table
    assert not {"improved", "worsened"} & {
        row[table.header.index("direction")] for row in table.rows
    }
    assert rng is not None


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_summary_of_a_trial_leads_with_the_comparison(sign):
    study = small(40, "parallel")
    frame = study.scores.merge(study.patients[["patient", "arm"]])
    late = frame["visit"].eq("week_4") & frame["arm"].eq("ketamine")
    scores = study.scores.assign(pain=np.clip(frame["pain"] + np.where(late, 3 * sign, 0), 0, 10))
    moved = oc.Study(
        scores,
        visits=study.visits,
        patients=study.patients,
        design="parallel",
        measures=study.measures,
    )
    plan = oc.Plan(oc.ANCOVA("pain", before="baseline", after="week_4", by="arm", role="primary"))
    section = summary(moved, plan.run(moved))
    key = next(b for b in section.blocks if type(b).__name__ == "KeyNumbers").items[1]
    lead = next(b for b in section.blocks if getattr(b, "kind", "") == "lead").text
    side, word = (
        ("lower", "better with ketamine") if sign < 0 else ("higher", "worse with ketamine")
    )
    assert "difference" in key.label and word in key.label
    assert f"points {side} with ketamine than with placebo, {word}" in lead


@dataclass(frozen=True)
class _Fold(Analysis):
    """How many times as large is the score after as the score before?"""

    outcome: str
    _: KW_ONLY
    before: str
    after: str
    short: ClassVar[str] = "ratio of geometric means"

    def compute(self, study):
        pairs = study.pairs(self.outcome, before=self.before, after=self.after)
        d = np.log(pairs.after + 1) - np.log(pairs.before + 1)
        mean, half = d.mean(), 2 * d.std(ddof=1) / len(d) ** 0.5
        place = Contrast(visit=self.after, from_visit=self.before)
        e = Estimate(
            "ratio",
            *np.exp([mean, mean - half, mean + half]),
            p=0.01,
            measure=Measure.RISK_RATIO,
            place=place,
        )
        return Result(self, (e,), pairs.counts, pairs.outcome)

    def sentence(self, result, style="ama"):
        return "The ratio is shown."


def test_somebodys_own_ratio_question_gets_no_wrong_word():
    study = two_visits([7, 8, 6, 9, 7, 8, 9], [5, 5, 5, 6, 5, 7, 4])
    q = _Fold("pain", before="baseline", after="week_4", role="secondary", family="ratios")
    results = oc.Plan(q, q, q).run(study)
    (_, section) = answers("Answers", list(results))
    table = section.blocks[1].table
    assert {row[table.header.index("direction")] for row in table.rows} == {"–"}
    frame = results.to_frame()
    assert set(frame["scale"]) == {"ratio"} and set(frame["from_visit"]) == {"baseline"}
    assert "improved" not in str(summary(study, results)) and "worsened" not in str(
        summary(study, results)
    )


def test_the_results_table_says_measure_place_and_n():
    frame = oc.MMRM("pain").run(small(40)).to_frame()
    row = frame[frame["term"] == "adjusted difference | ketamine - placebo | week_4"].iloc[0]
    got = (row["measure"], row["scale"], row["group"], row["reference"], row["visit"])
    assert got == ("difference", "points", "ketamine", "placebo", "week_4")


#: Rooms below which nothing may ask what a number is by its name, and files that a later step folds
#: into the builder.
ROOMS = ("tables", "reporting", "schedule", "notebooks", "cli", "plans")
LATER = {"shared.py", "shared_answers.py"}


def _asks_by_name(tree: ast.AST) -> list[int]:
    """Lines that compare, split or search a label, name or term of an estimate, or name the class
    of a question.
    """
    found = []
    labels = {"label", "term", "said", "notes"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            inner = node.func.value
            methods = {
                "startswith",
                "endswith",
                "split",
                "removeprefix",
                "removesuffix",
                "partition",
            }
            if (
                node.func.attr in methods
                and isinstance(inner, ast.Attribute)
                and inner.attr in labels
            ):
                found.append(node.lineno)
        if isinstance(node, ast.Compare):
            text = ast.unparse(node)
            if "type(" in text and "analysis" in text and "__name__" in text:
                found.append(node.lineno)
            if isinstance(node.left, ast.Attribute) and ast.unparse(node.left) in {
                "e.name",
                "e.term",
                "e.label",
            }:
                found.append(node.lineno)
    return found


def test_no_room_above_the_questions_reads_meaning_off_a_name():
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for room in ROOMS
        for path in sorted((ROOT / "outcomes" / room).rglob("*.py"))
        if path.name not in LATER
        for line in _asks_by_name(ast.parse(path.read_text("utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "x = [e for e in r if e.name == 'mean change']",
        "e.term.split(' | ')",
        "y = type(r.analysis).__name__ == 'MMRM'",
    ],
)
def test_the_rule_above_notices(code):
    assert _asks_by_name(ast.parse(code))
