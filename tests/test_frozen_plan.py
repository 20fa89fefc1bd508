"""A plan frozen before the answers are seen, and every deviation from it."""

import dataclasses
import re

import pandas as pd
import pytest

import outcomes as oc
from outcomes.cli import main
from outcomes.core.errors import AnalysisError, StudyError
from outcomes.plans import deviations, freeze, with_frozen
from outcomes.plans.frozen import frozen_plan, read
from outcomes.reporting import build
from outcomes.reporting.builder import document
from outcomes.reporting.document import Bullets, all_blocks
from tests.builders import MOOD, PAIN

FILE = """
[study]
title = "A clinic"
[data]
scores = "scores.csv"
[visits]
order = ["baseline", "week_4", "week_12"]
[outcomes]
pain = { better = "lower", title = "Pain", low = 0, high = 10 }
mood = { better = "higher", title = "Mood" }
[families]
others = "holm"
"""
PRIMARY = """
[[analysis]]
method = "PairedT"
outcome = "pain"
before = "baseline"
after = "week_4"
role = "primary"
"""
OTHERS = """
[[analysis]]
method = "PairedT"
outcome = "mood"
before = "baseline"
after = "week_4"
role = "secondary"
family = "others"

[[analysis]]
method = "Responders"
outcome = "pain"
before = "baseline"
after = "week_4"
role = "secondary"
family = "others"
"""


def scores():
    rows = [
        (f"p{i}", visit, 8 - 2 * j - i % 3 * 0.5, 40 + 10 * j + i)
        for i in range(8)
        for j, visit in enumerate(("baseline", "week_4", "week_12"))
    ]
    return pd.DataFrame(rows, columns=["patient", "visit", "pain", "mood"])


@pytest.fixture
def clinic(tmp_path):
    scores().to_csv(tmp_path / "scores.csv", index=False)
    file = tmp_path / "study.toml"
    file.write_text(FILE + PRIMARY + OTHERS)
    assert main(["plan", "freeze", str(file), "--quiet"]) == 0
    return file


def found(file, text):
    file.write_text(text)
    study = oc.read_study(file)
    return deviations(frozen_plan(study), study, oc.Plan.of(study).run(study))


def test_the_command_writes_plan_date_and_digest_and_says_how_to_register(tmp_path, capsys):
    scores().to_csv(tmp_path / "scores.csv", index=False)
    file = tmp_path / "study.toml"
    file.write_text(FILE + PRIMARY + OTHERS)
    assert main(["plan", "freeze", str(file)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"Frozen on \d{4}-\d\d-\d\d; digest \(SHA-256\) [0-9a-f]{64}", said)
    assert "osf.io" in said and "[paper] registration" in said
    made = read(tmp_path / "study.plan.toml")
    assert made.intact and made.plan == oc.Plan.of(oc.read_study(file))
    assert made.context["visits"] == ["baseline", "week_4", "week_12"]
    assert made.context["scores"]["pain"]["better"] == "lower"


def test_what_was_frozen_and_done_has_no_deviation(clinic):
    assert found(clinic, FILE + PRIMARY + OTHERS) == ()


@pytest.mark.parametrize(
    ("text", "kinds", "words"),
    [
        (
            FILE + PRIMARY.replace("week_4", "week_12") + OTHERS,
            {"primary moved", "changed"},
            "visit after: week 4 planned, week 12 done",
        ),
        (
            FILE
            + PRIMARY.replace("primary", "secondary")
            + OTHERS.replace("secondary", "primary", 1),
            {"primary moved", "changed"},
            "Planned: Pain, baseline to week 4: paired t-test. Done: Mood",
        ),
        (
            FILE + PRIMARY.replace('"pain"', '"mood"') + OTHERS,
            {"primary moved", "changed"},
            "score: Pain planned, Mood done",
        ),
        (
            FILE + PRIMARY.replace("PairedT", "SignedRank") + OTHERS,
            {"primary moved", "changed"},
            "method: paired t-test planned, Wilcoxon signed-rank test done",
        ),
        (FILE + PRIMARY + OTHERS.split("\n\n")[0], {"dropped"}, "Planned, not done: Pain"),
        (
            FILE + PRIMARY + OTHERS + PRIMARY.replace("primary", "exploratory"),
            {"added"},
            "Done, not planned: Pain",
        ),
        (FILE.replace("holm", "BH") + PRIMARY + OTHERS, {"family"}, "adjust holm planned"),
        (
            FILE + PRIMARY + OTHERS.replace('\nfamily = "others"', "", 1),
            {"changed"},
            "family: others planned, none done",
        ),
        (
            FILE.replace('title = "Mood"', 'title = "Mood", low = 0') + PRIMARY + OTHERS,
            {"score"},
            "The score Mood: low not said when the plan was frozen, 0",
        ),
        (
            FILE.replace("[data]", 'design = "follow-up"\n[data]') + PRIMARY + OTHERS,
            {"design"},
            "The design: before-after when the plan was frozen, follow-up now.",
        ),
        (
            FILE.replace("[families]", '[estimand]\npopulation = "men"\n[families]')
            + PRIMARY
            + OTHERS,
            {"estimand"},
            "It is now: Population: men.",
        ),
        (
            FILE + PRIMARY.replace("week_4", "week_9") + OTHERS,
            {"primary moved", "changed", "not answered"},
            "Planned, not answered",
        ),
    ],
)
def test_every_kind_of_deviation_is_listed(clinic, text, kinds, words):
    listed = found(clinic, text)
    assert {d.kind for d in listed} == kinds
    assert any(words in d.text for d in listed), [d.text for d in listed]


def test_a_covariate_more_is_a_deviation():
    frame = scores().assign(arm="a", age=50)
    frame.loc[frame["patient"].isin(["p1", "p3", "p5", "p7"]), "arm"] = "b"
    patients = pd.DataFrame({"patient": [f"p{i}" for i in range(8)], "age": range(40, 48)})
    study = oc.Study(
        frame.drop(columns="age"),
        visits=("baseline", "week_4", "week_12"),
        patients=patients,
        design="parallel",
        measures={"pain": PAIN, "mood": MOOD},
    )
    asked = oc.ANCOVA("pain", before="baseline", after="week_4", role="primary")
    more = dataclasses.replace(asked, covariates=("age",))
    planned = oc.plans.FrozenPlan(oc.Plan(asked), "2026-01-15", _context(study, asked))
    (only,) = deviations(planned, study, oc.Plan(more).run(study))
    assert only.kind == "changed"
    assert "covariates: none planned, age done" in only.text


def _context(study, *asked):
    from outcomes.plans.frozen import context_of

    return context_of(study, oc.Plan(*asked))


def test_the_report_says_it_on_its_first_pages_and_in_the_methods(clinic):
    clinic.write_text(FILE + PRIMARY.replace("week_4", "week_12") + OTHERS)
    study = oc.read_study(clinic)
    doc = document(study, oc.Plan.of(study).run(study))
    first = [s for s in doc.sections if not s.appendix]
    section = next(s for s in first if s.title.startswith("The frozen plan"))
    text = " ".join(str(b) for b in section.blocks)
    assert "There are 2 deviations from it." in text and "primary question moved" in text
    methods = next(s for s in doc.sections if s.title.startswith("Methods"))
    assert any("Deviations from it: The primary" in str(b) for b in methods.blocks)
    done = next(s for s in doc.sections if s.title == "Plan against done")
    assert "not planned" in str(done.blocks) and "frozen on" in str(done.blocks)


def test_a_report_without_a_frozen_plan_says_so(clinic):
    (clinic.parent / "study.plan.toml").unlink()
    study = oc.read_study(clinic)
    doc = document(study, oc.Plan.of(study).run(study))
    assert not any(s.title.startswith("The frozen plan") for s in doc.sections)
    assert "was not frozen" in str(doc.sections)


def test_another_plan_replaces_a_frozen_one_only_with_a_reason_that_stays(clinic, capsys):
    clinic.write_text(FILE + PRIMARY.replace("week_4", "week_12") + OTHERS)
    assert main(["plan", "compare", str(clinic)]) == 5
    assert "visit after: week 4 planned" in capsys.readouterr().out
    assert main(["plan", "freeze", str(clinic)]) == 2
    assert "--replace REASON" in capsys.readouterr().err
    assert main(["plan", "freeze", str(clinic), "--replace", "week 4 is too early"]) == 0
    study = oc.read_study(clinic)
    (left,) = deviations(frozen_plan(study), study, oc.Plan.of(study))
    assert left.kind == "replaced" and "week 4 is too early" in left.text


def test_freezing_the_same_plan_again_keeps_its_date(clinic):
    study = oc.read_study(clinic)
    target = clinic.parent / "study.plan.toml"
    before = target.read_bytes()
    assert freeze(study, target, date="2030-01-01").date != "2030-01-01"
    assert target.read_bytes() == before


def test_a_frozen_plan_that_was_edited_is_found_out(clinic):
    target = clinic.parent / "study.plan.toml"
    target.write_text(target.read_text().replace('after = "week_4"', 'after = "week_12"', 1))
    study = oc.read_study(clinic)
    kinds = {d.kind for d in deviations(frozen_plan(study), study, oc.Plan.of(study))}
    assert "plan file" in kinds


def test_an_earlier_date_written_into_a_frozen_plan_is_found_out(clinic):
    target = clinic.parent / "study.plan.toml"
    was = next(line for line in target.read_text().splitlines() if line.startswith("date ="))
    target.write_text(target.read_text().replace(was, 'date = "2019-05-01"'))
    study = oc.read_study(clinic)
    kinds = {d.kind for d in deviations(frozen_plan(study), study, oc.Plan.of(study))}
    assert "plan file" in kinds
    assert main(["plan", "compare", str(clinic)]) == 5


def test_a_replaced_plan_struck_from_the_file_is_found_out(clinic):
    target = clinic.parent / "study.plan.toml"
    clinic.write_text(clinic.read_text().replace('after = "week_4"', 'after = "week_12"', 1))
    assert main(["plan", "freeze", str(clinic), "--replace", "week 4 is too early"]) == 0
    text = target.read_text()
    kept = "\n".join(line for line in text.splitlines() if "week 4 is too early" not in line)
    assert kept.count("reason") == 0 and kept != text.rstrip("\n")
    target.write_text(kept + "\n")
    study = oc.read_study(clinic)
    kinds = {d.kind for d in deviations(frozen_plan(study), study, oc.Plan.of(study))}
    assert "plan file" in kinds


def test_a_study_made_in_python_takes_a_frozen_plan_too(tmp_path):
    study = oc.Study(scores(), measures={"pain": PAIN, "mood": MOOD})
    plan = oc.Plan(oc.PairedT("pain", before="baseline", after="week_4", role="primary"))
    freeze(study, tmp_path / "p.toml", plan=plan, date="2026-01-15")
    held = with_frozen(study, tmp_path / "p.toml")
    assert deviations(frozen_plan(held), held, plan.run(held)) == ()


def test_what_is_no_frozen_plan_is_said(tmp_path, clinic):
    with pytest.raises(AnalysisError, match="no frozen plan"):
        read(clinic)
    with pytest.raises(StudyError, match="no plan to freeze"):
        freeze(oc.Study(scores(), measures={"pain": PAIN}), tmp_path / "q.toml")
    (clinic.parent / "study.plan.toml").unlink()
    assert main(["plan", "compare", str(clinic)]) == 2


def test_the_report_for_sharing_says_deviations_and_the_estimand(tmp_path):
    measures = {"pain": dataclasses.replace(PAIN, name="pain"), "mood": MOOD}
    study = oc.Study(scores(), measures=measures)
    question = oc.PairedT("pain", before="baseline", after="week_4", role="primary")
    estimand = {"population": "all with chronic pain", "treatment": "ketamine"}
    freeze(study, tmp_path / "p.toml", plan=oc.Plan(question), date="2026-01-15")
    held = with_frozen(study, tmp_path / "p.toml")
    moved = dataclasses.replace(question, after="week_12")
    plan = oc.Plan(moved, estimand=oc.Estimand.of(estimand))
    shared = build(held, plan, audience="share", ledger=tmp_path / "shared.json", folder=tmp_path)
    said = " ".join(
        " ".join(map(str, b.items)) if isinstance(b, Bullets) else str(getattr(b, "text", ""))
        for b in all_blocks(shared)
    )
    assert "The plan was frozen on 2026-01-15" in said
    assert "The primary question moved." in said
    assert "Estimand. " in said and "all with chronic pain" in said
