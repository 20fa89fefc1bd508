"""Rules that are code: each with its boundaries and its missing answers."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from outcomes import instrument
from outcomes.core.errors import InstrumentError
from outcomes.questionnaires.scoring_functions import hypertension_grade, mme, rows, side_effect

NAN = math.nan


def scored(id: str, score: str, **items: list[float]) -> list[float]:
    return (
        instrument(id)
        .score(pd.DataFrame({k.lstrip("_"): v for k, v in items.items()}))
        .values[score]
        .tolist()
    )


def risk(*answers: float) -> float:
    return scored(
        "cssrs",
        "risk",
        **{
            k: [v]
            for k, v in zip(
                ("_1", "_2", "_3", "_4", "_5", "6_3mo", "6_lifetime"), answers, strict=True
            )
        },
    )[0]


def test_cssrs_classes() -> None:
    assert risk(0, 0, NAN, NAN, NAN, 0, 0) == 0
    assert risk(1, 0, NAN, NAN, NAN, 0, 0) == 1
    assert risk(1, 1, 1, 0, 0, 0, 0) == 2
    assert risk(0, 0, NAN, NAN, NAN, 0, 1) == 2
    assert risk(1, 1, 0, 0, 1, 0, 0) == 3


def test_cssrs_never_turns_unanswered_into_low() -> None:
    """Whatever is blanked: the class stays what it is certain to be, or becomes missing; it never
    falls.
    """
    full = np.array(np.meshgrid(*[[0.0, 1.0]] * 7)).reshape(7, -1).T
    full = full[~((full[:, 5] == 1) & (full[:, 6] == 0))]  # recent behaviour is behaviour
    names = [i.code for i in instrument("cssrs").items]
    known = instrument("cssrs").score(pd.DataFrame(full, columns=names)).values["risk"].to_numpy()
    skipped = {(k, j) for k in range(len(full)) for j in (2, 3, 4) if full[k, 1] == 0}
    for mask in range(1, 128):
        gone = [j for j in range(7) if mask >> j & 1]
        holes = full.copy()
        holes[:, gone] = NAN
        got = (
            instrument("cssrs").score(pd.DataFrame(holes, columns=names)).values["risk"].to_numpy()
        )
        honest = np.array(
            [not any((k, j) in skipped and full[k, j] == 1 for j in gone) for k in range(len(full))]
        )
        assert np.all(np.isnan(got) | (got == known) | ~honest), gone
    assert math.isnan(risk(NAN, NAN, NAN, NAN, NAN, NAN, NAN))
    assert math.isnan(risk(0, 0, NAN, NAN, NAN, NAN, NAN))
    assert math.isnan(risk(0, NAN, NAN, NAN, NAN, 0, 0))


def test_mme() -> None:
    np.testing.assert_array_equal(
        mme(["Oxycodone", "ketamine", "buprenorphine", "tramadol"], [10, 50, 8, NAN]),
        [15, NAN, NAN, NAN],
    )
    assert mme(["fentanyl transdermal"], [25]).tolist() == [60]
    assert mme(["buprenorphine"], [0]).tolist() == [0]
    assert len([r for r in rows("mme_factors.csv") if r["factor"]]) == 10
    with pytest.raises(InstrumentError, match="dose below 0"):
        mme(["morphine"], [-1])


def test_mme_of_several_drugs_is_missing_where_one_is() -> None:
    got = scored(
        "mme",
        "total",
        morphine=[45, 45, 45, NAN],
        oxycodone=[10, NAN, 0, NAN],
        other_opioid=[0, 0, 5, 0],
    )
    np.testing.assert_array_equal(got, [60, NAN, NAN, NAN])


def test_psqi_boundaries() -> None:
    efficiency = scored(
        "psqi", "efficiency_percent", _1=[23, 22, 1, 12], _3=[7, 6, 9, 12], _4=[6, 6.8, 6.72, 12]
    )
    assert efficiency == pytest.approx([75, 85, 84, 50])
    assert scored(
        "psqi", "efficiency", _1=[23, 22, 1, 12], _3=[7, 6, 9, 12], _4=[6, 6.8, 6.72, 12]
    ) == [1, 0, 1, 3]
    assert scored("psqi", "duration", _4=[7.1, 7, 6.9, 6, 5.9, 5, 4.9]) == [0, 0, 1, 1, 2, 2, 3]
    strict = instrument("psqi").score(pd.DataFrame({"4": [7.0, 7.5]}), seven_hours="1")
    assert strict.values["duration"].tolist() == [1, 0]
    assert scored("psqi", "latency_class", _2=[15, 16, 30, 31, 60, 61]) == [0, 1, 1, 2, 2, 3]


def test_sf36_bodily_pain() -> None:
    pain = scored("sf36v1", "bp", **{"21": [1, 2, 6, NAN, 3, NAN], "22": [1, 1, 5, 2, NAN, NAN]})
    assert pain[:5] == pytest.approx([100, 84, 0, 75, 64])  # 6 and 6; 5.4 and 5; 1 and 1; 4.75; 4.2
    assert math.isnan(pain[5])


def test_percent_change_and_importance() -> None:
    made = instrument("immpact").score(
        pd.DataFrame({"before": [10.0, 10, 10, 10, 0], "after": [9.1, 9, 7, 5, 1]})
    )
    label = instrument("immpact").get("percent_reduction").band(made.values["percent_reduction"])
    assert label.tolist() == ["none", "minimal", "moderate", "substantial", ""]


def test_propr_predicts_cognition_only_when_told() -> None:
    t = {
        "depression": 58.9,
        "fatigue": 60.7,
        "pain_interference": 65.2,
        "physical_function": 36.7,
        "sleep_disturbance": 59.8,
        "social_roles": 40.5,
        "anxiety": 59.5,
        "pain_intensity": 7.0,
    }
    frame = pd.DataFrame({k: [v] for k, v in t.items()})
    made = instrument("propr").score(frame)
    assert "index" in made.absent and "cognition_utility" in made.absent
    made = instrument("propr").score(frame, cognition="predicted")
    assert made.values["index"].iloc[0] == pytest.approx(0.147, abs=0.0011)  # authors' code, run
    assert "cognition: predicted" in made.notes


def test_propr_segments_begin_where_they_say() -> None:
    """From inclusive, to exclusive: at theta 1.124 cognition has no disutility at all."""
    assert scored("propr", "cognition_utility", cognition=[61.24]) == [1.0]
    assert 0.9999 < scored("propr", "cognition_utility", cognition=[61.239])[0] < 1


def test_promis_sums_with_blanks_are_rounded_up() -> None:
    codes = instrument("promis_pi").get("t_8a").rule.of
    frame = pd.DataFrame([[2.0, 2, 2, 2, 2, 2, 3, NAN]], columns=list(codes))
    made = instrument("promis_pi").score(frame)
    assert made.values["t_8a"].iloc[0] == 57.4  # 15 × 8 / 7 = 17.1, so 18
    assert made.prorated["t_8a"].iloc[0] == 1 and "rounding it up" in made.notes[0]


def test_blood_pressure_grades() -> None:
    np.testing.assert_array_equal(
        hypertension_grade([119, 120, 139, 140, 159, 160, NAN], [79] * 7), [0, 1, 1, 2, 2, 3, NAN]
    )
    np.testing.assert_array_equal(hypertension_grade([100] * 4, [79, 80, 90, 100]), [0, 1, 2, 3])


def test_side_effect_terms() -> None:
    assert side_effect("Double vision") == "diplopia"
    assert side_effect("light-headedness") == "dizziness"
    assert side_effect("sinus_tachycardia") == "sinus_tachycardia"
    with pytest.raises(InstrumentError, match="No side effect 'flying'"):
        side_effect("flying")


def test_side_effects_not_asked_are_not_absent() -> None:
    made = (
        instrument("adverse_events")
        .score(pd.DataFrame({"nausea": [0.0, 2, NAN], "headache": [NAN, 1, NAN]}))
        .values
    )
    np.testing.assert_array_equal(made["any"], [0, 1, NAN])
    np.testing.assert_array_equal(made["worst_grade"], [0, 2, NAN])
    np.testing.assert_array_equal(made["count"], [0, 2, NAN])


def test_unknown_columns_options_and_text_are_refused() -> None:
    with pytest.raises(InstrumentError, match="PHQ-9: No item '10'"):
        instrument("phq9").score(pd.DataFrame({"10": [1.0]}))
    with pytest.raises(InstrumentError, match=r"PHQ-9: No option 'revers'.*Did you mean 'reverse'"):
        instrument("phq9").score(pd.DataFrame({"1": [1.0]}), revers=["1"])
    with pytest.raises(InstrumentError, match="No item '99'"):
        instrument("phq9").score(pd.DataFrame({"1": [1.0]}), reverse=["99"])
    with pytest.raises(InstrumentError, match="not a number"):
        instrument("phq9").score(pd.DataFrame({"1": ["often"]}))


def ideation(*answers: float) -> float:
    return scored(
        "cssrs_full",
        "ideation_recent",
        **{f"ideation{k}_recent": [v] for k, v in enumerate(answers, 1)},
    )[0]


def behaviour(*answers: float) -> float:
    names = ("actual", "interrupted", "aborted", "preparatory")
    return scored(
        "cssrs_full",
        "behaviour_recent",
        **{f"{n}_recent": [v] for n, v in zip(names, answers, strict=True)},
    )[0]


def test_the_most_severe_ideation_is_the_highest_yes_and_never_guessed() -> None:
    assert [ideation(1, 0, 0, 0, 0), ideation(1, 1, 1, 0, 1), ideation(0, 0, 0, 0, 0)] == [1, 5, 0]
    assert ideation(0, 0, NAN, NAN, NAN) == 0  # skipped, as on the form
    assert ideation(NAN, NAN, NAN, NAN, 1) == 5  # nothing is above it
    assert ideation(1, NAN, 1, 0, 0) == 3  # what is below the highest yes does not matter
    for answers in ((0, 1, NAN, NAN, NAN), (1, 1, 0, 0, NAN), (NAN, 0, NAN, NAN, NAN)):
        assert math.isnan(ideation(*answers)), answers


def test_one_behaviour_is_enough_and_a_blank_is_never_a_no() -> None:
    assert [behaviour(0, 0, 0, 0), behaviour(NAN, 1, NAN, 0)] == [0, 1]
    assert math.isnan(behaviour(0, 0, 0, NAN))
    frame = pd.DataFrame({"actual_recent": [1.0, 0.0, NAN]})
    flags = instrument("cssrs_full").score(frame).flags["actual_recent"]
    np.testing.assert_array_equal(flags, [1, 0, NAN])


def test_answers_that_are_not_evenly_spaced() -> None:
    hit = instrument("hit6")
    codes = [i.code for i in hit.items]
    frame = pd.DataFrame([[6.0] * 6, [9.0] + [6.0] * 5, [14.0] + [6.0] * 5, [NAN] * 6])
    made = hit.score(frame.set_axis(codes, axis=1))
    np.testing.assert_array_equal(made.values["total"], [36, NAN, NAN, NAN])
    assert made.problems == (
        (2, "1", "an answer outside 6, 8, 10, 11, 13"),
        (1, "1", "an answer that is none of 6, 8, 10, 11, 13"),
    )
    whole = hit.score(pd.DataFrame([[13] * 6, [7] * 6], columns=codes))
    np.testing.assert_array_equal(whole.values["total"], [78, NAN])


def test_two_orders_of_the_psqi_give_other_totals() -> None:
    answers = [22, 16, 6, 6.76, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0]
    kind = instrument("psqi")
    frame = pd.DataFrame([answers], columns=[i.code for i in kind.items])
    first = kind.score(frame).values.iloc[0]
    last = kind.score(frame, order="quality last").values.iloc[0]
    assert (first["quality"], first["medication"]) == (3, 0)
    assert (last["quality"], last["medication"]) == (0, 3)
    assert kind.score(frame, order="quality last").notes == ("order of items 6 to 9: quality last",)
