"""What numbers and words mean: answers in words, another origin, raw sums, choices left open."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from outcomes.checks import check
from outcomes.core.errors import StudyError
from outcomes.questionnaires import instrument, other_origin
from outcomes.questionnaires.answer_words import answer_words
from outcomes.readers import read_table
from tests.readers.clinic_files import csv, draft

VISITS = ("baseline", "week_4")


def answers(prefix, items, before, after, patients=8):
    """Rows of a questionnaire: everybody gives the same answers in turn, before and after."""
    rows = [["patient_id", "visit", *(f"{prefix}_{k}" for k in range(1, items + 1))]]
    for p in range(patients):
        for visit, given in zip(VISITS, (before, after), strict=True):
            rows.append([f"K{p:02d}", visit, *(given[(k + p) % len(given)] for k in range(items))])
    return rows


WORDS = {
    "en": ["Not at all", "Several days", "More than half the days", "Nearly every day"],
    "de": [
        "Überhaupt nicht",
        "An einzelnen Tagen",
        "An mehr als der Hälfte der Tage",
        "Beinahe jeden Tag",
    ],
    "fr": ["Jamais", "Plusieurs jours", "Plus de la moitié du temps", "Presque tous les jours"],
    "es": ["Ningún día", "Varios días", "Más de la mitad de los días", "Casi todos los días"],
    "it": ["Mai", "Alcuni giorni", "Più della metà dei giorni", "Quasi ogni giorno"],
}


@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("prefix, items", [("phq9", 9), ("gad7", 7)])
def test_answers_in_words_are_proposed_and_scored(tmp_path, language, prefix, items):
    words = WORDS[language]
    numbers = answers(prefix, items, [2, 3, 3], [0, 1, 2])
    rows = [numbers[0], *([*r[:2], *(words[k] for k in r[2:])] for r in numbers[1:])]
    found = draft(csv(tmp_path, rows))
    assert found.said["instruments"][prefix]["answers"] == {w: k for k, w in enumerate(words)}
    same = draft(csv(tmp_path, numbers, "numbers.csv"))
    name = f"{prefix}_total"
    assert found.study.wide(name).equals(same.study.wide(name))
    assert "unparseable" not in found.rules()


def test_words_of_any_case_and_mark_are_the_same_answer(tmp_path):
    said = {"prefix": "gad7_", "answers": {"Not at all": 0, "Several days": 1}}
    rows = answers("gad7", 7, ["several  days.", "NOT AT ALL"], ["Several days"])
    study = read_table(
        csv(tmp_path, rows), patient="patient_id", visit="visit", instruments={"gad7": said}
    )
    assert set(study.wide("gad7_total")["week_4"]) == {7}


@pytest.mark.parametrize("label", ["{n} - {w}", "{n}: {w}", "{w} ({n})", "{n} = {w}"])
def test_answers_that_tell_their_number(tmp_path, label):
    words = ["nie", "manchmal", "oft", "immer"]
    numbers = answers("phq9", 9, [2, 3, 3], [0, 1, 2])
    rows = [
        numbers[0],
        *([*r[:2], *(label.format(n=k, w=words[k]) for k in r[2:])] for r in numbers[1:]),
    ]
    found = draft(csv(tmp_path, rows))
    assert sorted(found.said["instruments"]["phq9"]["answers"].values()) == [0, 1, 2, 3]
    assert found.study.wide("phq9_total").notna().all(axis=None)


def test_unknown_words_are_asked_about_and_nothing_is_scored(tmp_path):
    found = draft(csv(tmp_path, answers("phq9", 9, ["nie", "oft"], ["immer"])))
    assert all(f'"{w}" = …' in found.text for w in ("nie", "oft", "immer"))
    assert "phq9" not in found.said["instruments"] and found.study is None


def test_a_word_without_a_number_is_listed_by_its_cell(tmp_path):
    rows = answers("gad7", 7, ["Several days"], ["Not at all"])
    rows[1][2] = "sometimes"
    found = draft(csv(tmp_path, rows))
    assert '"sometimes" = …' in found.text
    [issue] = [i for i in found.study.issues if i.rule == "unparseable"]
    assert issue.addresses == ("row 2, column gad7_1",)


def test_words_that_mean_missing_are_no_answers(tmp_path):
    rows = answers("gad7", 7, ["Several days"], ["Not at all"])
    rows[1][2] = "N/A"
    found = draft(csv(tmp_path, rows))
    assert "N/A" not in found.said["instruments"]["gad7"]["answers"]
    assert found.said["data"]["missing"] == ["N/A"]


@pytest.mark.parametrize("said", ["Not at all", {"Not at all": "none"}, [0, 1]])
def test_answers_are_words_and_numbers(tmp_path, said):
    path = csv(tmp_path, answers("gad7", 7, [1], [0]))
    with pytest.raises(StudyError, match=r"\[instruments\] gad7: answers is written as"):
        read_table(
            path,
            patient="patient_id",
            visit="visit",
            instruments={"gad7": {"prefix": "gad7_", "answers": said}},
        )


def test_every_wording_is_an_answer_of_its_instrument():
    for name in ("phq9", "phq2", "phq4", "gad7", "who5", "pgic", "promis_pi", "dn4", "rmdq"):
        known = answer_words(name)
        item = instrument(name).items[0]
        assert set(known.values()) == set(np.arange(item.low, item.high + 1))


# --- another origin -------------------------------------------------------------------------------


def test_items_from_1_are_one_error_and_no_total(tmp_path):
    path = csv(tmp_path, answers("phq9", 9, [4, 4, 3], [1, 2, 2]))
    found = draft(path)
    assert "# PHQ-9: answers seem to count from 1" in found.text and "shift = -1" in found.text
    table = check(found.study)
    errors = table[table["rule"] == "suspicious_coding"]
    assert errors["severity"].tolist() == ["error"] and "refused answer" not in set(table["rule"])
    assert found.study.wide("phq9_total").isna().all(axis=None)
    said = {"patient": "patient_id", "visit": "visit"}
    items = {"prefix": "phq9_"}
    shifted = read_table(path, **said, instruments={"phq9": {**items, "shift": -1}})
    assert shifted.wide("phq9_total")["baseline"].between(20, 27).all()
    right = read_table(path, **said, instruments={"phq9": {**items, "shift": 0}})
    assert "refused answer" in set(check(right)["rule"])
    assert right.wide("phq9_total")["week_4"].between(9, 18).all()


@pytest.mark.parametrize(
    "prefix, items, before, after",
    [
        ("gad7", 7, [4, 3, 4], [2, 1, 1]),
        ("isi", 7, [5, 4, 5], [2, 1, 3]),
        ("who5", 5, [2, 1, 3], [6, 5, 6]),
    ],
)
def test_other_instruments_from_1(tmp_path, prefix, items, before, after):
    found = draft(csv(tmp_path, answers(prefix, items, before, after)))
    assert "answers seem to count from 1" in found.text
    assert found.study.scores["patient"].nunique() == 8
    assert all(found.study.wide(o).isna().all(axis=None) for o in found.study.outcome_names)


def test_items_from_0_where_1_is_the_lowest():
    kind = instrument("eq5d5l")
    frame = pd.DataFrame([[0, 1, 3, 2, 0], [1, 2, 2, 3, 1]], columns=[i.code for i in kind.items])
    assert "count from 0" in other_origin(kind, frame) and "shift = 1" in other_origin(kind, frame)
    assert other_origin(kind, frame + 1) == ""
    assert other_origin(kind, frame.replace(3, 5)) == ""


def test_answers_on_the_scale_are_scored_as_before(tmp_path):
    found = draft(csv(tmp_path, answers("phq9", 9, [3, 2, 3], [1, 2, 0])))
    assert found.study.wide("phq9_total").notna().all(axis=None)
    assert "suspicious_coding" not in found.rules()


def test_the_safety_flag_is_of_the_shifted_answer(tmp_path):
    path = csv(tmp_path, answers("phq9", 9, [1], [4, 4, 4]))
    study = read_table(
        path,
        patient="patient_id",
        visit="visit",
        instruments={"phq9": {"prefix": "phq9_", "shift": -1}},
    )
    [flag] = check(study).query("rule == 'safety_flag'")["count"]
    assert flag == 8


# --- totals, T-scores, choices --------------------------------------------------------------------


def totals(column, before, after):
    return [["patient_id", "visit", column]] + [
        [f"K{p}", v, x[p % len(x)]]
        for p in range(8)
        for v, x in zip(VISITS, (before, after), strict=True)
    ]


@pytest.mark.parametrize(
    "column, before, score",
    [
        ("who5", [24, 20], "raw"),
        ("who5", [64, 80], "percent"),
        ("tsk11", [30, 40], "total_11"),
        ("tsk17", [40, 60], "total_17"),
    ],
)
def test_a_total_is_the_score_whose_range_it_has(tmp_path, column, before, score):
    found = draft(csv(tmp_path, totals(column, before, [b - 8 for b in before])))
    [(name, said)] = found.said["instruments"].items()
    assert said == {score: column} and found.change(f"{name}_{score}") == -8


def test_a_total_that_fits_no_score_is_asked_about(tmp_path):
    found = draft(csv(tmp_path, totals("phq9_total", [80, 70], [60, 50])))
    assert "do not fit total (0 to 27). What are they?" in found.text
    assert found.said["instruments"] == {} and found.study is None


def test_raw_sums_are_no_t_scores(tmp_path):
    found = draft(csv(tmp_path, totals("promis_pi", [16, 20, 18], [10, 12, 9])))
    assert "look like raw sums, not T-scores" in found.text and not found.said["instruments"]
    path = csv(tmp_path, totals("promis_pi", [62.5, 66.1], [55.0, 58.2]), "t.csv")
    assert draft(path).said["instruments"]["promis_pi"]


def test_no_country_is_chosen_for_a_value_set(tmp_path):
    rows = [
        ["patient_id", "visit", *(f"eq5d5l_{d}" for d in ("mo", "sc", "ua", "pd", "ad")), "nrs_avg"]
    ]
    rows += [
        [f"K{p}", v, 1 + p % 5, 2, 3, 4, 5 - p % 3, 7 - 2 * k]
        for p in range(6)
        for k, v in enumerate(VISITS)
    ]
    found = draft(csv(tmp_path, rows))
    assert "eq5d5l" not in found.said["instruments"] and "choose value_set" in found.text
    assert "Australia" not in found.text.split("value_set =")[1].splitlines()[0]
    assert found.change() == -2  # the rest of the file is read all the same
    chosen = found.text.replace("# eq5d5l =", "eq5d5l =").replace(
        'value_set = "…"', 'value_set = "Germany"'
    )
    (tmp_path / "study.toml").write_text(chosen)
    from outcomes.readers import read_study

    assert read_study(tmp_path / "study.toml").wide("eq5d5l_index").notna().all(axis=None)


@pytest.mark.parametrize(
    "column, side",
    [("sleep_hours", "higher"), ("headache", "lower"), ("quality_of_life", "higher"), ("xyz", "")],
)
def test_the_better_side_is_guessed_from_words_or_left_open(tmp_path, column, side):
    rows = [
        ["patient_id", f"{column}_pre", f"{column}_post"],
        *([f"K{p}", 7 + p, 5] for p in range(6)),
    ]
    found = draft(csv(tmp_path, rows))
    [said] = found.said["outcomes"].values()
    assert said["better"] == side
    assert ('say which side is better, "lower"' in found.text) == (side == "")
