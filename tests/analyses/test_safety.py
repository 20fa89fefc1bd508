"""Side effects: who was asked, per patient and per infusion, zero of n, groups, within patients,
rates, blinding, words.
"""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import outcomes as oc
from outcomes.core.errors import AnalysisError
from outcomes.plans.plan import kinds
from outcomes.stats.proportions.blinding import james
from outcomes.stats.proportions.paired import mcnemar, paired_difference
from outcomes.stats.proportions.rates import share_of_infusions
from outcomes.stats.proportions.single import wilson
from tests.contract.small import example, small
from tests.shared import reference_data, reference_rows

IDS = [f"p{i:02d}" for i in range(1, 13)]


def clinic(events, *, infusions=2, patients=None, design="before-after", **columns):
    """Twelve patients with two infusions each; `events` are (patient, infusion, event,
    severity).
    """
    frame = pd.DataFrame(events, columns=["patient", "infusion", "event", "severity"])
    given = pd.DataFrame(
        {
            "patient": IDS * infusions,
            "infusion": np.repeat(range(1, infusions + 1), len(IDS)),
            **columns,
        }
    )
    return oc.Study(
        pd.DataFrame({"patient": IDS}),
        infusions=given,
        events=frame.assign(serious="no"),
        patients=patients,
        design=design,
    )


EVENTS = [
    ("p01", 1, "nausea", "mild"),
    ("p01", 2, "nausea", "severe"),
    ("p02", 1, "nausea", "mild"),
    ("p02", 1, "dizziness", "mild"),
    ("p05", 2, "dizziness", "moderate"),
    ("p05", 2, "dizziness", "mild"),
]


def test_per_patient_per_infusion_and_per_hundred():
    result = oc.SideEffects(collected="elicited").run(clinic(EVENTS))
    assert_allclose(result["nausea, of patients"].value, 2 / 12)
    expected = wilson(2, 12)
    assert (result["nausea, of patients"].low, result["nausea, of patients"].high) == (
        expected.low,
        expected.high,
    )
    of = result["dizziness, of infusions"]
    assert_allclose(of.value, 2 / 24)  # two records at one infusion are one affected infusion …
    assert_allclose(result["dizziness, per 100 infusions"].value, 300 / 24)  # … and three records
    by_hand = share_of_infusions([0, 1, 0, 0, 1] + [0] * 7, [2] * 12)
    assert (of.low, of.high) == (by_hand.low, by_hand.high)
    assert_allclose(result["any side effect, of patients"].value, 3 / 12)


def test_zero_of_n_has_an_upper_limit_and_the_word_safe_is_never_used():
    result = oc.SideEffects().run(clinic(EVENTS))
    assert_allclose(result["serious side effect, of patients, at most"].high, 1 - 0.05 ** (1 / 12))
    text = result.sentence() + " ".join(result.notes) + oc.SideEffects().methods_text()
    assert "No serious side effect was seen in 12 patients (upper 95% limit 22%)." in text
    assert " safe" not in text


def test_the_sentence():
    result = oc.SideEffects(collected="elicited").run(clinic(EVENTS))
    assert (
        result.sentence()
        == "At least one side effect was recorded in 3 of 12 patients (25%; 95% CI, 9% to 53%) and"
        " after 4 of 24 infusions (17%; 95% CI, 5% to 44%, allowing for repeated infusions)."
        " Most frequent: dizziness, 2 of 12 (17%) and nausea, 2 of 12 (17%). No serious side"
        " effect was seen in 12 patients (upper 95% limit 22%). Side effects were asked for"
        " (elicited)."
    )


def test_not_asked_is_not_absent():
    asked = ["no" if p in ("p11", "p12") else "yes" for p in IDS * 2]
    result = oc.SideEffects().run(clinic(EVENTS, asked=asked))
    assert result.counts.left_out == (("not asked about side effects", 2),)
    assert_allclose(result["nausea, of patients"].value, 2 / 10)
    assert_allclose(result["nausea, of infusions"].value, 3 / 20)
    assert not any("taken as asked" in n for n in result.notes)
    assert any(
        "taken as asked about and free of it" in n
        for n in oc.SideEffects().run(clinic(EVENTS)).notes
    )


def test_none_is_an_answer_and_a_patient_without_infusion_is_counted():
    study = clinic([*EVENTS, ("p03", 1, "None", None), ("p04", 2, " ", None)])
    result = oc.SideEffects().run(study)
    assert not any("None" in e.name for e in result.estimates)
    assert_allclose(result["any side effect, of patients"].value, 3 / 12)
    fewer = oc.Study(
        study.scores,
        infusions=study.infusions[study.infusions["patient"] != "p12"],
        events=study.events,
    )
    assert oc.SideEffects().run(fewer).counts.left_out == (("no infusion recorded", 1),)


def test_an_event_that_fits_no_infusion_is_kept_per_patient_and_said():
    result = oc.SideEffects().run(clinic([*EVENTS, ("p07", 9, "nausea", "mild")]))
    assert_allclose(result["nausea, of patients"].value, 3 / 12)
    assert_allclose(result["nausea, of infusions"].value, 3 / 24)
    assert any("1 side effect cannot be placed at a recorded infusion" in n for n in result.notes)


def test_without_a_table_of_infusions_everybody_is_taken_as_asked():
    study = oc.Study(
        pd.DataFrame({"patient": IDS}),
        events=pd.DataFrame({"patient": ["p01"], "event": ["nausea"]}),
    )
    result = oc.SideEffects().run(study)
    assert_allclose(result["nausea, of patients"].value, 1 / 12)
    assert [e.name for e in result.estimates] == [
        "any side effect, of patients",
        "nausea, of patients",
    ]
    assert any("Everybody enrolled is taken as asked" in n for n in result.notes)


def test_chosen_events_absent_ones_and_typing_errors():
    result = oc.SideEffects(events=("nausea", "cystitis")).run(clinic(EVENTS))
    assert result["cystitis, of patients"].value == 0
    assert any("No record of cystitis" in n for n in result.notes)
    with pytest.raises(AnalysisError, match="Did you mean 'nausea'"):
        oc.SideEffects(events=("nausae",)).run(clinic(EVENTS))
    with pytest.raises(AnalysisError, match="There is: elicited, spontaneous"):
        oc.SideEffects(collected="asked")
    with pytest.raises(AnalysisError, match="events = "):
        oc.SideEffects().run(oc.Study(pd.DataFrame({"patient": IDS})))


def test_nobody_had_anything():
    study = clinic([("p01", 1, "none", None)])
    result = oc.SideEffects().run(study)
    assert result["any side effect, of patients"].value == 0
    assert_allclose(result["any side effect, of patients, at most"].high, 1 - 0.05 ** (1 / 12))
    assert "0 of 12 patients (0%" in result.sentence()
    assert (
        oc.EventTable()
        .run(study)
        .sentence()
        .startswith("0 side effects were recorded in 0 of 12 patients asked")
    )


def test_per_infusion_against_the_reference():
    rows = reference_data("rep_infusions.csv")
    infusions = pd.DataFrame(
        {"patient": [r["id"] for r in rows], "infusion": [int(r["infusion"]) for r in rows]}
    )
    events = infusions[[r["ae"] == "1" for r in rows]].assign(event="dissociation")
    study = oc.Study(
        pd.DataFrame({"patient": infusions["patient"].unique()}), infusions=infusions, events=events
    )
    e = oc.SideEffects().run(study)["dissociation, of infusions"]
    expected = {r["quantity"]: float(r["value"]) for r in _cluster_rows()}
    assert_allclose((e.value, e.se), (expected["p"], expected["se_ratio"]), rtol=1e-9)


def _cluster_rows():

    return [r for r in reference_rows() if r["method"] == "cluster_proportion"]


# --- in detail ------------------------------------------------------------------------------------


def test_the_table_takes_the_worst_of_each_patient():
    result = oc.EventTable(collected="spontaneous").run(clinic(EVENTS))
    table = result.data["event_table"].set_index("side effect")
    assert list(table.columns[:5]) == ["patients", "records", "severe", "moderate", "mild"]
    assert tuple(table.loc["nausea", ["patients", "records", "severe", "mild"]]) == (
        "2 of 12 (17%)",
        3,
        "1 (8%)",
        "1 (8%)",
    )
    assert tuple(table.loc["dizziness", ["moderate", "mild"]]) == ("1 (8%)", "1 (8%)")
    assert "Side effects were reported spontaneously." in result.notes


def test_grades_and_words_of_ones_own():
    graded = [
        (p, i, e, g) for (p, i, e, _), g in zip(EVENTS, ("1", "3", "2", "1", "2", "1"), strict=True)
    ]
    columns = list(oc.EventTable().run(clinic(graded)).data["event_table"].columns)
    assert columns[3:6] == ["grade 3", "grade 2", "grade 1"]
    with pytest.raises(AnalysisError, match="There is: stark, mild"):
        oc.EventTable(severities=("stark", "mild")).run(clinic(EVENTS))


def test_patients_without_a_recorded_severity_have_a_column_and_all_columns_add_up():
    events = pd.DataFrame(
        {
            "patient": ["p01", "p02", "p02", "p03", "p04"],
            "event": ["nausea"] * 4 + ["headache"],
            "severity": [2.0, None, 1, None, 3],
            "relation": ["", "possible", "related", None, "related"],
        }
    )
    result = oc.EventTable().run(oc.Study(pd.DataFrame({"patient": IDS}), events=events))
    table = result.data["event_table"].set_index("side effect")
    assert list(table.columns[2:7]) == [
        "grade 3",
        "grade 2",
        "grade 1",
        "severity not recorded",
        "relation: related",
    ]
    assert tuple(
        table.loc[
            "nausea", ["grade 2", "grade 1", "severity not recorded", "relation not recorded"]
        ]
    ) == ("1 (8%)", "1 (8%)", "1 (8%)", "2 (17%)")
    assert result["nausea, severity not recorded, of patients"].value == pytest.approx(1 / 12)
    for _, row in table.iterrows():
        had = int(row["patients"].split(" of ")[0])
        for mine in ("grade|severity", "relation"):
            assert sum(int(row[c].split(" ")[0]) for c in table if re.match(mine, c)) == had
    whole = events.assign(severity="mild", relation="related")
    columns = (
        oc.EventTable()
        .run(oc.Study(pd.DataFrame({"patient": IDS}), events=whole))
        .data["event_table"]
        .columns
    )
    assert not [c for c in columns if "recorded" in c]


def test_onset_and_relation():
    events = pd.DataFrame(
        {
            "patient": ["p01", "p02", "p02"],
            "event": "nausea",
            "onset": [10.0, 20, 30],
            "relation": ["possible", "related", "possible"],
        }
    )
    table = (
        oc.EventTable()
        .run(oc.Study(pd.DataFrame({"patient": IDS}), events=events))
        .data["event_table"]
    )
    row = table[table["side effect"] == "nausea"].iloc[0]
    assert row["onset, median (quartiles)"] == "20 (15 to 25)"
    assert (row["relation: related"], row["relation: possible"]) == ("1 (8%)", "1 (8%)")


# --- groups ---------------------------------------------------------------------------------------


def by_route(**more):
    patients = pd.DataFrame({"patient": IDS, "route": ["IV"] * 6 + ["oral"] * 4 + ["nasal"] * 2})
    return clinic(EVENTS, patients=patients, design="routes", **more)


def test_by_route_differences_and_one_exact_test():
    result = oc.SideEffectsByRoute(reference="oral").run(by_route())
    e = result["nausea, risk difference | IV - oral"]
    assert_allclose(e.value, 2 / 6)
    assert "Miettinen-Nurminen" in e.how
    assert result["nausea, groups differ"].p == pytest.approx(
        42 / 66
    )  # all tables but (1, 1, 0), by hand
    assert result["serious side effect, groups differ"].p == 1.0
    text = result.sentence()
    assert "Nausea: 0 of 4 with oral, 2 of 6 with IV and 0 of 2 with nasal" in text
    assert text.endswith("Groups by route were not randomised.")
    assert "better" not in text and "worse" not in text


def test_by_route_and_trend_against_the_reference():
    from tests.shared import reference_data

    rows = reference_data("grp_routes_n096.csv")
    patients = pd.DataFrame(
        {"patient": [r["id"] for r in rows], "route": [r["route"] for r in rows]}
    )
    patients["rank"] = patients["route"].map({"IV": 1, "IN": 2, "PO": 3})
    events = pd.concat(
        [
            patients.loc[[r[e] == "1" for r in rows], ["patient"]].assign(event=e)
            for e in ("nausea", "dissociation")
        ]
    )
    study = oc.Study(
        pd.DataFrame({"patient": patients["patient"]}),
        patients=patients,
        events=events,
        design="routes",
    )
    result = oc.SideEffectsByRoute(dose="rank").run(study)
    want = {
        (r["case_id"], r["method"], r["quantity"]): float(r["value"])
        for r in reference_rows()
        if r["case_id"].startswith("routes_")
    }
    for event in ("nausea", "dissociation"):
        assert_allclose(
            result[f"{event}, groups differ"].p,
            want[f"routes_{event}", "fisher_rxc", "p"],
            rtol=1e-6,
        )
        assert_allclose(
            result[f"{event}, groups differ"].value,
            want[f"routes_{event}", "cramers_v", "V"],
            rtol=1e-9,
        )
        assert_allclose(
            result[f"{event}, dose trend"].p,
            want[f"routes_{event}", "cochran_armitage", "p"],
            rtol=1e-9,
        )


def test_dose_of_the_infusions_is_averaged_and_unknown_columns_are_refused():
    study = by_route(dose=[1.0, 2] * 12)
    result = oc.SideEffectsByRoute(dose="dose").run(study)
    assert result["nausea, dose trend"].statistic == pytest.approx(0, abs=2)
    with pytest.raises(AnalysisError, match="No dose 'milligrams'"):
        oc.SideEffectsByRoute(dose="milligrams").run(study)


def test_groups_that_share_patients_are_refused():
    route = ["IV"] * 12 + ["IV"] * 6 + ["oral"] * 6
    study = clinic(EVENTS, route=route)
    for question in (oc.SideEffectsByRoute(), oc.RateRatio()):
        with pytest.raises(
            AnalysisError,
            match=r"6 patients had infusions of more than one route.*SideEffectsPaired",
        ):
            question.run(study)


def test_patients_without_a_route_are_counted():
    patients = pd.DataFrame({"patient": IDS, "route": ["IV"] * 6 + ["oral"] * 5 + [None]})
    result = oc.SideEffectsByRoute().run(clinic(EVENTS, patients=patients))
    assert result.counts.left_out == (("no route recorded", 1),)


# --- within patients ------------------------------------------------------------------------------


def crossover():
    arm = ["placebo"] * 6 + ["ketamine"] * 6 + ["ketamine"] * 6 + ["placebo"] * 6
    events = [(p, 2 if i < 6 else 1, "nausea", "mild") for i, p in enumerate(IDS[:8])] + [
        ("p01", 1, "nausea", "mild")
    ]
    return clinic(events, arm=arm, design="crossover")


def test_within_patients_is_mcnemar_and_tango():
    result = oc.SideEffectsPaired().run(crossover())
    table = (1, 0, 7, 4)
    e, expected = result["nausea, paired difference"], paired_difference(table)
    assert (e.value, e.low, e.high, e.p) == (
        expected.value,
        expected.low,
        expected.high,
        mcnemar(table).p,
    )
    assert "7 only with ketamine, 0 only with placebo" in e.how
    exact = oc.SideEffectsPaired(test="exact", interval="newcombe").run(crossover())[
        "nausea, paired difference"
    ]
    assert exact.p == mcnemar(table, method="exact").p and "method 10" in exact.how
    assert (
        result.sentence()
        == "12 patients of 12 had both placebo and ketamine. Any side effect: 7 with ketamine only,"
        " 0 with placebo only, 1 with both (McNemar mid-p test, P=.008; difference 58 percentage"
        " points, 95% CI, 20 to 81). Nausea: 7 with ketamine only, 0 with placebo only, 1 with"
        " both (McNemar mid-p test, P=.008; difference 58 percentage points, 95% CI, 20 to 81)."
    )


def test_first_against_second_infusion_and_the_wrong_column():
    result = oc.SideEffectsPaired(by="infusion", reference="1").run(clinic(EVENTS))
    assert_allclose(result["nausea, paired difference"].value, -1 / 12)
    with pytest.raises(AnalysisError, match="No column of the infusions 'dose'"):
        oc.SideEffectsPaired(by="dose").run(clinic(EVENTS))
    with pytest.raises(AnalysisError, match="Choose two"):
        oc.SideEffectsPaired(by="infusion").run(clinic(EVENTS, infusions=3))
    chosen = oc.SideEffectsPaired(by="infusion", levels=("1", "3")).run(clinic(EVENTS, infusions=3))
    assert chosen.counts.analysed == 12


def test_a_symptom_before_and_after():
    scores = pd.DataFrame(
        {
            "patient": IDS * 2,
            "visit": ["pre"] * 12 + ["post"] * 12,
            "nausea": [1, 1, 1, 0] * 3 + [0, 0, 1, 0] * 3,
        }
    )
    measures = {"nausea": oc.Outcome("nausea", "nausea", "lower")}
    study = oc.Study(scores, visits=("pre", "post"), measures=measures)
    e = oc.SideEffectsPaired("nausea", before="pre", after="post").run(study)[
        "nausea, paired difference"
    ]
    assert_allclose((e.value, e.p), (-0.5, mcnemar((3, 6, 0, 3)).p))
    with pytest.raises(AnalysisError, match="add before"):
        oc.SideEffectsPaired("nausea")
    bad = oc.Study(scores.assign(nausea=3), visits=("pre", "post"), measures=measures)
    with pytest.raises(AnalysisError, match="not a score of 0 and 1"):
        oc.SideEffectsPaired("nausea", before="pre", after="post").run(bad)


# --- rates and blinding ---------------------------------------------------------------------------


def test_rate_ratio_per_infusion_and_per_day():
    patients = pd.DataFrame(
        {
            "patient": IDS,
            "route": ["IV"] * 6 + ["oral"] * 6,
            "days": [10.0] * 6 + [20.0] * 5 + [None],
        }
    )
    study = clinic([*EVENTS, ("p08", 1, "nausea", "mild")], patients=patients)
    result = oc.RateRatio("nausea", reference="oral").run(study)
    assert_allclose(result["rate ratio"].value, 3.0)
    assert_allclose(result["rate per 100 infusions | IV"].value, 25.0)
    assert "allowing for repeated events" in result.sentence()
    by_day = oc.RateRatio("nausea", reference="oral", exposure="days").run(study)
    assert_allclose(by_day["rate ratio"].value, (3 / 60) / (1 / 100))
    assert by_day.counts.left_out == (("no days recorded", 1),)
    with pytest.raises(AnalysisError, match="No side effect 'nausae'"):
        oc.RateRatio("nausae").run(study)
    without = oc.Study(study.scores, patients=patients, events=study.events)
    with pytest.raises(AnalysisError, match="exposure time"):
        oc.RateRatio("nausea").run(without)


def test_rate_ratio_without_events_on_one_side():
    patients = pd.DataFrame({"patient": IDS, "route": ["IV"] * 6 + ["oral"] * 6})
    result = oc.RateRatio("nausea", reference="oral").run(clinic(EVENTS, patients=patients))
    assert result["rate ratio"].reason == "no_events" and math.isnan(result["rate ratio"].low)
    assert result["rate ratio, events independent"].low > 0


def guesses(answers, **more):
    arm = ["ketamine"] * 6 + ["placebo"] * 6
    patients = pd.DataFrame({"patient": IDS, "arm": arm, "guess": answers})
    return oc.Study(pd.DataFrame({"patient": IDS}), patients=patients, design="parallel", **more)


def test_blinding_by_arm():
    study = guesses(
        ["ketamine"] * 5
        + ["Do not know"]
        + ["placebo", "ketamine", "ketamine", "unsure", "placebo", None]
    )
    result = oc.Blinding().run(study)
    assert_allclose(
        [result[f"Bang index | {a}"].value for a in ("ketamine", "placebo")], [5 / 6, 0]
    )
    assert result.counts.left_out == (("no guess recorded", 1),)
    assert result.sentence().startswith(
        "Of 6 patients given ketamine, 5 guessed right, 0 wrong and 1 did not know (Bang's index"
        " 0.83;"
    )
    whole = result["James index"]
    assert_allclose(whole.value, james([[5, 2], [0, 2]], [1, 1]).value)
    assert (
        f"James' index of all arms was {whole.value:.2f} (0.5 is guessing at random, 1 that nobody"
        " knew; 95% CI, " in result.sentence()
    )
    assert len(result.data["forest"]) == 2  # Bang's; the other index has another scale


def test_blinding_of_a_crossover_has_no_interval_of_all_arms():
    rows = [
        (who, arm, guess)
        for who in IDS
        for arm, guess in (("ketamine", "ketamine"), ("placebo", "unsure"))
    ]
    infusions = pd.DataFrame(rows, columns=["patient", "arm", "guess"]).assign(
        guess=lambda d: d["guess"].where(d.index != 1, "placebo")
    )
    study = oc.Study(
        pd.DataFrame({"patient": IDS}), infusions=infusions.assign(infusion=1), design="crossover"
    )
    whole = oc.Blinding().run(study)["James index"]
    assert whole.reason == "not_estimable" and math.isnan(whole.low) and not math.isnan(whole.value)
    assert "more than one arm" in whole.how


def test_blinding_refuses_answers_it_cannot_read():
    with pytest.raises(AnalysisError, match="1 guess of another kind"):
        oc.Blinding().run(guesses(["ketamine"] * 11 + ["the strong one"]))
    with pytest.raises(AnalysisError, match="No column of guesses 'guess'"):
        oc.Blinding().run(clinic(EVENTS))


@pytest.mark.parametrize(
    "question", [oc.SideEffects(), oc.EventTable(), oc.SideEffectsByRoute(), oc.RateRatio()]
)
def test_harms_are_never_corrected_nor_called_safe(question):
    result = question.run(by_route())
    assert all(math.isnan(e.p_adjusted) for e in result.estimates)
    words = " ".join([result.sentence(), *result.notes, question.methods_text()]).casefold()
    for word in ("safe", "well tolerated", "superior", "no difference", "caused"):
        assert word not in words
    assert any("was not declared" in n for n in result.notes)


def test_an_exact_test_that_takes_too_long_is_left_undefined_and_said(monkeypatch):
    monkeypatch.setattr("outcomes.stats.proportions.contingency.LARGEST", 3)
    result = oc.SideEffectsByRoute().run(by_route())
    e = result["nausea, groups differ"]
    assert math.isnan(e.p) and e.reason == "needs_input" and "draws=" in e.how
    assert "it needs draws" in result.sentence()
    drawn = oc.SideEffectsByRoute(draws=999, seed=3).run(by_route())["nausea, groups differ"]
    assert (
        "999 random tables" in drawn.how
        and drawn.p
        == oc.SideEffectsByRoute(draws=999, seed=3).run(by_route())["nausea, groups differ"].p
    )


@pytest.mark.parametrize(
    "question", [oc.SideEffects(), oc.SideEffectsByRoute(), oc.RateRatio("nausea"), oc.EventTable()]
)
def test_every_picture_and_page_can_be_drawn(question):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    result = question.run(by_route())
    if result.pictures:
        assert oc.plot(result).figure is not None
    assert oc.table(result).rows and result._repr_html_()
    pyplot.close("all")


@pytest.mark.parametrize(
    "name", ["SideEffects", "SideEffectsByRoute", "SideEffectsPaired", "RateRatio", "EventTable"]
)
def test_every_estimate_of_a_side_effect_says_which_one(name):
    result = oc.Plan(example(kinds()[name])).run(small(24, "parallel"))[0]
    assert result.estimates and all(e.contrast.event for e in result.estimates)
    assert set(result.to_frame()["event"]) == {e.contrast.event for e in result.estimates}
