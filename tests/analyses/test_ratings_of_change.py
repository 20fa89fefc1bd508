"""PGIC and its kin: found by their real names, never a mean change, direction asked."""

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.questionnaires import instrument
from outcomes.reporting.parts import primary
from outcomes.study.scores import PAIN, main_score
from outcomes.study.study import InstrumentUse

PLAIN_PGIC = oc.Outcome("pgic", "PGIC", "lower", "points", 1, 7, 1)
PHQ = oc.Outcome("phq9_total", "PHQ-9", "lower", "points", 0, 27, 1, instrument="phq9")


def clinic(*, visits=("baseline", "week_4", "week_12"), turned=False, n=24, design="follow-up"):
    """PEG, PHQ-9 and PGIC; the PGIC follows the change in the PEG, or runs against it."""
    rng, rows = np.random.default_rng(3), []
    for i in range(n):
        gain = rng.integers(-1, 6)
        for j, visit in enumerate(visits):
            peg = float(np.clip(7 - gain * (j > 0) + rng.integers(-1, 2), 0, 10))
            rating = float(np.clip(4 - gain, 1, 7)) if j else np.nan
            rating = 8 - rating if turned else rating
            phq = float(rng.integers(5, 20))
            rows.append((f"p{i}", visit, phq, peg, peg, peg, rating, "ab"[i % 2]))
    names = ["patient", "visit", "phq", "p1", "p2", "p3", "global", "arm"]
    return oc.Study(
        pd.DataFrame(rows, columns=names),
        visits=visits,
        design=design,
        uses=(
            InstrumentUse("phq9", totals={"total": "phq"}),
            InstrumentUse("peg", items={"pain": "p1", "enjoyment": "p2", "activity": "p3"}),
            InstrumentUse("pgic", items={"change": "global"}),
        ),
    )


def test_every_pain_score_that_plans_look_for_exists_in_the_library():
    for name in PAIN:
        kind = next(k for k in ("pain_nrs", "pain_vas", "bpi_sf", "peg", "promis29") if k in name)
        assert instrument(kind).get(name.removeprefix(f"{kind}_")).better == "lower"


@pytest.mark.parametrize("kind", ["before-after", "follow-up", "parallel", "routes"])
def test_with_peg_and_phq9_the_primary_is_peg_and_the_pgic_is_counted(kind):
    study = clinic(design="parallel" if kind == "parallel" else "follow-up")
    if kind == "routes":
        study = oc.Study(
            study.scores.rename(columns={"arm": "route"}),
            visits=study.visits,
            design="routes",
            uses=study.uses,
        )
    plan = oc.plans.ready_made(kind, study)
    assert [q.outcome for q in plan if q.role == "primary"] == ["peg_mean"]
    rated = {type(q).__name__: q for q in plan if getattr(q, "outcome", "") == "pgic_rating"}
    expected = {
        "before-after": {"Responders"},
        "follow-up": {"Responders"},
        "parallel": {"CompareResponders", "ProportionalOdds"},
        "routes": {"ProportionalOdds"},
    }
    assert set(rated) == expected[kind]
    shares = rated.get("Responders") or rated.get("CompareResponders")
    assert shares is None or (shares.rules == ("<= 2",) and not shares.before)
    assert all(q.after == "week_12" for q in rated.values())
    assert [(r.analysis.title(), r.failed) for r in plan.run(study).failed] == []


def test_a_pgic_declared_under_outcomes_is_a_rating_too_and_is_counted_by_its_own_side():
    scores = pd.DataFrame(
        {
            "patient": list("aabbcc"),
            "visit": ["pre", "post"] * 3,
            "pgic": [np.nan, 6, np.nan, 7, np.nan, 4],
            "nrs": [7, 4, 8, 3, 6, 6],
        }
    )
    measures = {
        "pgic": oc.Outcome("pgic", "PGIC", "higher", "points", 1, 7, 1),
        "nrs": oc.Outcome("nrs", "Average pain", "lower"),
    }
    study = oc.Study(scores, visits=("pre", "post"), measures=measures)
    plan = oc.plans.before_after(study)
    assert [q.outcome for q in plan if q.role == "primary"] == ["nrs"], "not the first declared"
    (rated,) = [q for q in plan if getattr(q, "outcome", "") == "pgic"]
    assert rated.rules == (">= 6",)
    assert rated.run(study).estimates[0].value == pytest.approx(2 / 3)


@pytest.mark.parametrize("name", ["pgic", "pgic_rating"])
@pytest.mark.parametrize(
    "ask",
    [
        lambda n: oc.PairedT(n, before="week_4", after="week_12"),
        lambda n: oc.SignedRank(n, before="week_4", after="week_12"),
        lambda n: oc.CohortModel(n),
        lambda n: oc.WelchT(n, after="week_12"),
        lambda n: oc.Among(oc.PairedT(n, before="week_4", after="week_12"), where={"arm": "a"}),
        lambda n: oc.MannWhitney(n, before="week_4", after="week_12"),
    ],
)
def test_no_mean_and_no_change_is_taken_of_a_rating_of_change(ask, name):
    with pytest.raises(AnalysisError, match="PGIC is a rating of change: .*Responders"):
        ask(name).run(clinic())


def test_ordinal_questions_take_a_rating_of_change():
    study = clinic(design="parallel")
    assert oc.MannWhitney("pgic", after="week_12").run(study).estimates
    assert oc.ProportionalOdds("pgic", after="week_12").run(study).estimates


def test_the_headline_without_a_declared_primary_is_about_pain():
    study = clinic()
    plan = oc.Plan(
        oc.PairedT("phq9_total", before="baseline", after="week_4"),
        oc.PairedT("peg_mean", before="baseline", after="week_4"),
    )
    assert [r.outcome.name for r in primary(plan.run(study))] == ["peg_mean"]


def test_the_declared_primary_is_the_main_score():
    study = clinic()
    asked = [{"method": "PairedT", "outcome": "phq9", "role": "primary"}]
    declared = oc.Study(study.scores, visits=study.visits, uses=study.uses, questions=tuple(asked))
    assert main_score(declared) == "phq9_total"
    assert main_score(study) == "peg_mean"


def test_of_change_can_be_said_either_way():
    assert PLAIN_PGIC.of_change and not PHQ.of_change
    assert oc.Outcome("better", "How much better?", of_change=True).of_change
    assert not oc.Outcome("gic", "Gastric index", of_change=False).of_change
