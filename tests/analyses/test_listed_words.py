"""Words that said something else than what was done: one test for each kind."""

import outcomes as oc
from outcomes.analyses.question import TOGETHER
from outcomes.reporting.builder import document
from outcomes.reporting.chapters.checklist import SOURCES
from outcomes.reporting.chapters.provenance import seeds_of
from tests.contract.small import small

CHANGE = oc.PairedT("pain", before="baseline", after="week_4", role="primary")


def test_a_comparison_of_arms_does_not_note_that_arms_are_counted_together():
    study = small(12)
    assert TOGETHER not in oc.RMANOVA("pain", by="arm").run(study).notes
    assert TOGETHER in oc.RMANOVA("pain").run(study).notes


def test_seeds_of_questions_within_questions_are_named():
    imputed = oc.Imputed(CHANGE, draws=3, seed=77)
    assert seeds_of(oc.SideBySide((CHANGE, imputed))) == [77]
    study = small(12, "before-after")
    doc = document(study, oc.Plan(CHANGE, oc.SideBySide((CHANGE, imputed))).run(study))
    provenance = next(s for s in doc.sections if s.title == "Provenance")
    assert "77" in str(provenance.blocks) and "none used" not in str(provenance.blocks)


def test_the_tipping_point_has_a_methods_sentence():
    said = oc.TippingPoint(CHANGE).methods_text()
    assert "imputed 30 times" in said and "step by step" in said


def test_the_checklist_of_trials_is_the_one_in_force():
    assert "2025" in SOURCES["CONSORT"]
