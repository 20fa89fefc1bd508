"""Patients with a score of 0 before: every share of improvement says that it is of the others."""

from __future__ import annotations

import dataclasses

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import outcomes as oc
from tests.builders import PAIN

WHEN = {"before": "baseline", "after": "week_4"}
#: 10 go from 0 to 5, 5 stay at 0, 5 go from 6 to 0, one improves a little, one is not seen again.
BEFORE, AFTER = [0] * 15 + [6] * 5 + [8, 7], [5] * 10 + [0] * 10 + [7, None]


def study(arms: bool) -> oc.Study:
    n = len(BEFORE)
    ids = [f"p{i}" for i in range(n)]
    scores = pd.DataFrame(
        {
            "patient": ids * 2,
            "visit": ["baseline"] * n + ["week_4"] * n,
            "pain": [*BEFORE, *AFTER],
        }
    )
    more = {"patient": ids, "site": list("AABB" * 6)[:n]}
    if arms:
        more["arm"] = ["K", "P"] * (n // 2)
    return oc.Study(
        scores,
        visits=("baseline", "week_4"),
        patients=pd.DataFrame(more),
        design="parallel" if arms else "before-after",
        measures={"pain": PAIN},
    )


ABOVE = "of patients with both scores, above 0 before"


def test_a_row_says_whose_share_it_is():
    r = oc.Responders("pain", rules=("30%", "2 points"), **WHEN).run(study(False))
    named = {e.name: e.n for e in r.estimates if "both" in e.name}
    assert named == {
        f"improved ≥30%, {ABOVE}": 6,
        "worsened ≥30%, of patients with both scores": 21,
        "improved ≥2 points, of patients with both scores": 21,
        "worsened ≥2 points, of patients with both scores": 21,
    }
    assert "if missing scores and scores of 0 before are counted as non-response" in r.sentence()
    assert r.sentence().count("scores of 0 before") == 1, "a rule of points counts everybody"


def test_curves_are_titled_with_the_patients_they_are_of():
    r = oc.Responders("pain", **WHEN).run(study(False))
    figure = oc.plot(r, kind="ecdf")
    titles = " ".join(t.get_text() for t in figure.findobj(plt.Text))
    assert "(6 patients with both scores, above 0 before)" in " ".join(titles.split())
    plt.close("all")
    assert r.data["dropout"]["group"].iloc[0] == "patients with both scores, above 0 before"


def test_a_comparison_says_it_in_sentence_rows_and_picture():
    r = oc.CompareResponders("pain", rules=("30%",), **WHEN).run(study(True))
    assert r.sentence().startswith(f"{ABOVE.capitalize()}, an improvement of at least 30%")
    shares = [e for e in r.estimates if "both scores" in e.name]
    assert len(shares) == 6 and all(e.name.endswith(ABOVE) for e in shares)
    assert list(r.data["dots"]["label"][:2]) == [f"≥30%, {ABOVE}"] * 2


def test_a_stratified_comparison_counts_who_is_compared():
    r = oc.StratifiedResponders("pain", **WHEN).run(study(True))
    assert "n=6 of 22 enrolled" in r.sentence()


@pytest.mark.parametrize("kind", [oc.Responders, oc.CompareResponders])
def test_imputed_shares_name_them_in_the_sentence(kind):
    question = oc.Imputed(kind("pain", rules=("30%",), **WHEN), draws=3, seed=1)
    said = question.run(study(kind is oc.CompareResponders)).sentence()
    assert "15 patients with a score of 0 before" in said
    assert "left out" in said


def test_all_of_one_arm_and_nobody_of_the_other_is_a_difference_of_100_points():
    n = 16
    ids = [f"p{i}" for i in range(n)]
    scores = pd.DataFrame(
        {
            "patient": ids * 2,
            "visit": ["baseline"] * n + ["week_4"] * n,
            "pain": [8.0] * n + [2.0, 8.0] * (n // 2),
        }
    )
    patients = pd.DataFrame({"patient": ids, "arm": ["K", "P"] * 8, "site": list("AABB") * 4})
    apart = oc.Study(
        scores,
        visits=("baseline", "week_4"),
        patients=patients,
        design="parallel",
        measures={"pain": PAIN},
    )
    r = oc.StratifiedResponders("pain", reference="P", **WHEN).run(apart)
    assert r.main.value == 1.0 and r.main.reason == "at_limit" and r.main.p < 0.002
    assert "the risk difference was 100 percentage points (no interval" in r.sentence()
    assert "P=.001, Cochran" in r.sentence()


def test_an_interval_and_a_p_that_disagree_are_noted():
    n = 11
    ids = [f"p{i}" for i in range(2 * n)]
    after = [2.0] * 7 + [8.0] * 4 + [2.0] * 2 + [8.0] * 9
    scores = pd.DataFrame(
        {
            "patient": ids * 2,
            "visit": ["baseline"] * 2 * n + ["week_4"] * 2 * n,
            "pain": [8.0] * 2 * n + after,
        }
    )
    patients = pd.DataFrame({"patient": ids, "arm": ["K"] * n + ["P"] * n})
    trial = oc.Study(
        scores,
        visits=("baseline", "week_4"),
        patients=patients,
        design="parallel",
        measures={"pain": PAIN},
    )
    question = oc.CompareResponders("pain", rules=("30%",), reference="P", **WHEN)
    e = question.run(trial).main
    assert e.low > 0 and e.p > 0.05  # 7 of 11 against 2 of 11
    assert sum("read it as not clear" in note for note in question.run(trial).notes) == 1
    alike = dataclasses.replace(trial, scores=scores.assign(pain=[8.0] * 2 * n + [8.0] * 2 * n))
    assert not any("read it as not clear" in note for note in question.run(alike).notes)
