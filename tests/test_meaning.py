"""What a number means is part of its type: words, tables and summaries follow from it, never from a
name.
"""

from __future__ import annotations

import ast
from dataclasses import KW_ONLY, dataclass, fields, is_dataclass
from pathlib import Path
from typing import ClassVar

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Text

import outcomes as oc
from outcomes.analyses.question import Analysis
from outcomes.core.contrast import Contrast, Versus
from outcomes.core.direction import direction, oriented
from outcomes.core.estimate import Estimate
from outcomes.core.measure import Measure
from outcomes.core.picture import forest_frame
from outcomes.core.result import Result
from outcomes.plans.plan import kinds
from outcomes.reporting import build
from outcomes.reporting.chapters.answers import answers
from outcomes.reporting.plain_language import summary as summary_of
from outcomes.reporting.printed import printed_section
from tests.builders import two_visits
from tests.contract.small import example, small

ROOT = Path(__file__).resolve().parents[1]
PAIN = oc.Outcome("pain", "Pain", "lower", "points", 0, 10, 1)
SLEEP = oc.Outcome("sleep", "Sleep", "higher", "points", 0, 10, 1)


def summary(study, results):
    """The summary as a reader sees it."""
    return printed_section(summary_of(study, results))


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
    table = printed_section(section).blocks[1].table
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
    table = printed_section(section).blocks[1].table
    assert "direction" not in table.header
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
            measure=Measure.RATIO_OF_MEANS,
            place=place,
        )
        forest = forest_frame([("after over before", e)])
        return Result(
            self,
            (e,),
            pairs.counts,
            pairs.outcome,
            data={"forest": forest},
            pictures=("forest",),
        )

    def sentence(self, result, style="ama"):
        return "The ratio is shown."


#: Scores that fall (a ratio below 1), rise, and hardly move.
FALLS = ([7, 8, 6, 9, 7, 8, 9] * 6, [5, 5, 5, 6, 5, 7, 4] * 6)
STILL = ([7, 8, 6, 9, 7, 8, 9] * 6, [8, 7, 7, 8, 8, 7, 9] * 6)


@pytest.mark.parametrize(
    ("scores", "word", "head"),
    [
        (FALLS, "improved", "Better on average"),
        (FALLS[::-1], "worsened", "Worse on average"),
        (STILL, "not clear", "Not clear in which direction"),
    ],
)
def test_somebodys_own_ratio_question_gets_right_words_everywhere(scores, word, head, tmp_path):
    """One class in one file, and nothing else touched."""
    study = two_visits(*scores)
    paired = oc.PairedT("pain", before="baseline", after="week_4", role="primary")
    q = _Fold("pain", before="baseline", after="week_4", role="secondary", family="ratios")
    results = oc.Plan(q, q, q).run(study)
    e = results[0].main
    shown = f"{e.value:.2f} ({e.low:.2f} to {e.high:.2f})"
    # results table
    frame = results.to_frame()
    assert set(frame["measure"]) == {"ratio of means"} and set(frame["scale"]) == {"ratio"}
    assert set(frame["from_visit"]) == {"baseline"}
    # family table
    (_, section) = answers("Answers", list(results))
    table = printed_section(section).blocks[1].table
    assert {row[table.header.index("direction")] for row in table.rows} == {word}
    # summary
    told = str(summary(study, oc.Plan(paired, q).run(study)))
    assert direction(e, results[0].outcome) == word
    assert f"{head}: " in told
    # shared report: whatever it shows of the question, it turns no sign round
    wrong = {"improved": "worsened", "worsened": "improved"}.get(word, "improved")
    shared = build(study, oc.Plan(q), audience="share", ledger=tmp_path / "ledger.json")
    blocks = [b for section in shared.sections for b in section.blocks]
    text = " ".join(str(getattr(b, "text", "")) for b in blocks)
    cells = [str(b.table.rows) for b in blocks if hasattr(b, "table")]
    assert text and wrong not in text + " ".join(cells)
    # notebook card
    assert shown in results[0]._repr_html_()
    # picture
    ax = oc.plot(results[0])
    lines = [line for line in ax.get_lines() if list(line.get_xdata()) == [1.0, 1.0]]
    words = [t.get_text() for t in ax.figure.findobj(Text)]
    plt.close("all")
    assert ax.get_xscale() == "log" and len(lines) == 1
    assert any("better" in w for w in words) and any("worse" in w for w in words)


def test_a_ratio_is_turned_by_its_reciprocal():
    ratio = Estimate("fold", 0.5, 0.25, 0.8, measure=Measure.RATIO_OF_MEANS)
    turned = oriented(ratio, PAIN)
    assert (turned.value, turned.low, turned.high) == (2, 1.25, 4)
    assert oriented(ratio, SLEEP) is ratio


def test_the_results_table_says_measure_place_and_n():
    frame = oc.MMRM("pain").run(small(40)).to_frame()
    row = frame[frame["term"] == "adjusted difference | ketamine - placebo | week_4"].iloc[0]
    got = (row["measure"], row["scale"], row["group"], row["reference"], row["visit"])
    assert got == ("difference", "points", "ketamine", "placebo", "week_4")


#: Files above the questions that import a question's class, and why: all of them ask it, none asks
#: whether an answer is one.
ASKS_IT = {
    "notebooks/wide_frame.py": "answers from a table by the paired test",
    "reporting/chapters/automatic_checks.py": "adds these questions to a report",
    "validation/reference_adapters/describe.py": "runs it beside R",
}
#: The rooms of questions; a topic is a folder, or a file that stands alone.
QUESTIONS = ROOT / "outcomes" / "analyses"


#: Texts of an estimate that are for people.
TEXTS = {"label", "term", "said", "how", "notes"}
#: Methods that search a text or take it apart.
SEARCHES = {
    "startswith",
    "endswith",
    "split",
    "rsplit",
    "removeprefix",
    "removesuffix",
    "partition",
    "replace",
    "find",
}
#: Things that have a name of their own and are no estimate, by what they are called in the code:
#: outcomes, terms of a design, fields of a dataclass, sites and scores, arguments of a command.
NAMED_THINGS = ("outcome", "t", "f", "s", "args", "self", "instrument", "event", "path", "p")
#: What an answer is called where it is asked for a row.
ANSWERS = {"result", "answer", "whole", "found", "shown"}


def _text_of_estimate(node: ast.AST) -> bool:
    """Whether this is a text of an estimate: its label, its method, or its name."""
    if not isinstance(node, ast.Attribute):
        return False
    if node.attr == "name":
        base = ast.unparse(node.value)
        return not (base.split(".")[-1] in NAMED_THINGS or base.startswith("study.outcome("))
    return node.attr in TEXTS


def _asks_by_name(tree: ast.AST) -> list[int]:
    """Lines that compare, search or look up a text of an estimate, take a row of an answer by its
    label, or name the class of a question.
    """
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            inner = node.func.value
            group = isinstance(inner, ast.Attribute) and inner.attr == "group"
            if node.func.attr in SEARCHES and (_text_of_estimate(inner) or group):
                found.append(node.lineno)
        if isinstance(node, ast.Compare):
            text = ast.unparse(node)
            sides = [node.left, *node.comparators]
            if ("type(" in text and "analysis" in text and "__name__" in text) or any(
                map(_text_of_estimate, sides)
            ):
                found.append(node.lineno)
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            looked_in, wanted = node.comparators[0], node.left
            titled = isinstance(looked_in, ast.Attribute) and looked_in.attr == "title"
            error = ast.unparse(looked_in) in ("str(e)", "str(error)")
            if isinstance(wanted, ast.Constant) and (titled or error):
                found.append(node.lineno)
        if isinstance(node, ast.DictComp) and _text_of_estimate(node.key):
            found.append(node.lineno)
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            of, key = node.value, node.slice
            answer = isinstance(of, ast.Name) and of.id in ANSWERS
            asked = isinstance(of, ast.Call) and ast.unparse(of.func).endswith(".run")
            words = isinstance(key, ast.JoinedStr) or (
                isinstance(key, ast.Constant) and isinstance(key.value, str)
            )
            if ((answer or asked) and words) or _text_of_estimate(key):
                found.append(node.lineno)
    return found


def _files():
    """Every module of the package except core, with its path inside the package and its tree."""
    package = ROOT / "outcomes"
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        if not name.startswith("core/"):
            yield name, ast.parse(path.read_text("utf-8"))


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _judged_by_class(tree: ast.AST, classes: set[str]) -> list[tuple[int, str]]:
    """Lines that ask whether something is an instance of a question's class."""
    return [
        (node.lineno, name)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("isinstance", "issubclass")
        for name in _names(node.args[1]) & classes
    ]


#: Rooms below the answers: files, instruments and studies have names that are data.
BELOW = ("readers/", "questionnaires/", "study/", "config/", "schedule/")


def test_nothing_outside_core_reads_meaning_off_a_label():
    found = {
        f"{name}:{line}"
        for name, tree in _files()
        if not name.startswith(BELOW)
        for line in _asks_by_name(tree)
    }
    assert found == set()


def test_an_answer_holds_no_loose_dictionary():
    """What a question says beside its estimates is a frozen dataclass of its topic."""
    names = {f.name: f.type for f in fields(Result)}
    assert {n for n, kind in names.items() if "Any" in str(kind)} == {"analysis", "detail"}
    for name in kinds():
        result = oc.Plan(example(kinds()[name])).run(small(24, "parallel"))[0]
        detail = result.detail
        assert detail is None or is_dataclass(detail), name
        assert detail is None or type(detail).__dataclass_params__.frozen, name


def test_nothing_outside_the_questions_judges_an_answer_by_its_class():
    classes = set(kinds())
    found = [
        f"{name}:{line} {kind}"
        for name, tree in _files()
        if not name.startswith("analyses/")
        for line, kind in _judged_by_class(tree, classes)
    ]
    assert found == []
    imports = {
        name
        for name, tree in _files()
        if not name.startswith("analyses/")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and {a.name for a in node.names} & classes
    }
    assert imports <= set(ASKS_IT)


def test_questions_ask_another_topic_for_a_trait_not_for_its_class():
    ours = {n: k.__module__ for n, k in kinds().items() if k.__module__.startswith("outcomes.")}
    topic = {n: module.split(".")[2] for n, module in ours.items()}
    found = [
        f"{name}:{line} {kind}"
        for name, tree in _files()
        if name.startswith("analyses/")
        for line, kind in _judged_by_class(tree, set(topic))
        if topic[kind] != name.split("/")[1].removesuffix(".py")
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "x = [e for e in r if e.name == 'mean change']",
        "x = [row for row in rows if row.name in ('pooled', 'tau2')]",
        "e.term.split(' | ')",
        "e.group.split(' - ')",
        "'Wilson' in e.how",
        "by = {e.name: e for e in rows}",
        "verdicts[e.name]",
        "result['mean change']",
        "result[f'mean change | {v}']",
        "question.run(study)['mean change']",
        "y = type(r.analysis).__name__ == 'MMRM'",
        "free = 'unstructured' in structure.title",
        "empty = 'zero' in str(error)",
    ],
)
def test_the_rule_above_notices(code):
    assert _asks_by_name(ast.parse(code))


def test_the_rule_about_classes_notices():
    tree = ast.parse("isinstance(r.analysis, (MMRM, str))")
    assert _judged_by_class(tree, {"MMRM"}) == [(1, "MMRM")]


@pytest.mark.parametrize(
    "code", ["r.outcome.name == main", "g.levels == levels", "e.part is Pooling.MEAN", "row['n']"]
)
def test_the_rule_lets_other_names_be(code):
    assert _asks_by_name(ast.parse(code)) == []
