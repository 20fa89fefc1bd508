"""The invented studies: made again byte for byte, described completely, and true to what their
generator says.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
STUDIES = (".", "crossover", "parallel", "courses")  # the cohort lies in the folder itself
MADE = [
    f"{study}/{name}".removeprefix("./")
    for study in STUDIES
    for name in (
        "scores.csv",
        "patients.csv",
        "infusions.csv",
        "side_effects.csv",
        "dictionary.csv",
        "truth.json",
    )
]
CODES = {"", "-99", "UNK", "n/a"}
VISITS = ("baseline", "day_1", "week_1", "week_4", "week_12")


def rows(path: str) -> list[dict[str, str]]:
    with (SAMPLE / path).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@lru_cache
def truth(study: str) -> dict[str, Any]:
    return json.loads((SAMPLE / study / "truth.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def made() -> Iterator[SimpleNamespace]:
    """The generator's modules, and the complete data behind both samples."""
    sys.path.insert(0, str(SAMPLE / "generator"))
    try:
        import arms
        import clinic
        import courses
        import trial

        yield SimpleNamespace(
            clinic=clinic,
            trial=trial,
            arms=arms,
            courses=courses,
            cohort=clinic.simulate(),
            crossover=trial.simulate(),
            parallel=arms.simulate(),
            year=courses.simulate(),
        )
    finally:
        sys.path.remove(str(SAMPLE / "generator"))
        for name in (
            "arms",
            "clinic",
            "courses",
            "trial",
            "truth",
            "dictionary",
            "common",
            "generate",
        ):
            sys.modules.pop(name, None)


def number(text: str) -> float:
    """What a careful reader makes of a pain score; nan for codes and what cannot be read."""
    text = text.strip().removesuffix("/10").replace(",", ".")
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else np.nan


def observed_pain() -> dict[str, dict[str, float]]:
    out: dict[str, dict[str, float]] = {v: {} for v in VISITS}
    for row in rows("./scores.csv"):
        out[row["visit"]][row["patient_id"]] = number(row["nrs_average"])
    return out


# --- the files ------------------------------------------------------------------------------------


def test_made_again_byte_for_byte(tmp_path: Path) -> None:
    command = [sys.executable, str(SAMPLE / "generator" / "generate.py"), "--out", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.*")) == sorted(MADE)
    differ = [
        name for name in MADE if (tmp_path / name).read_bytes() != (SAMPLE / name).read_bytes()
    ]
    assert differ == []


@pytest.mark.parametrize("study", STUDIES)
def test_dictionary_lists_every_column_and_nothing_else(study: str) -> None:
    listed = [(e["table"], e["column"]) for e in rows(f"{study}/dictionary.csv")]
    there = []
    for table in ("scores", "patients", "infusions", "side_effects"):
        with (SAMPLE / study / f"{table}.csv").open(encoding="utf-8", newline="") as handle:
            there += [(table, column) for column in next(csv.reader(handle))]
    assert listed == there
    assert all(e["meaning"] and e["type"] for e in rows(f"{study}/dictionary.csv"))


@pytest.mark.parametrize("study", STUDIES)
def test_answers_stay_in_the_dictionary_s_range(study: str) -> None:
    spoilt = {(s["row"], s["column"]) for s in truth(study).get("spoilt_on_purpose", [])}
    for entry in rows(f"{study}/dictionary.csv"):
        limits = re.fullmatch(r"(\d+) to (\d+)", entry["values"])
        if not limits or entry["table"] != "scores":
            continue
        low, high = map(int, limits.groups())
        for line, row in enumerate(rows(f"{study}/scores.csv"), 2):
            text = row[entry["column"]]
            if text not in CODES and (line, entry["column"]) not in spoilt:
                assert low <= int(text) <= high, entry["column"]


@pytest.mark.parametrize("study", STUDIES)
def test_labelled_as_invented(study: str) -> None:
    declared = tomllib.loads((SAMPLE / study / "study.toml").read_text("utf-8"))
    assert declared["study"]["sample"] is True
    assert declared["study"]["title"].startswith("Invented")
    assert truth(study)["notice"].startswith("Invented data: no real patient")
    assert (SAMPLE / "README.md").read_text("utf-8").startswith("# Invented data: no real patient")


@pytest.mark.parametrize("study", STUDIES)
def test_nothing_that_looks_like_an_identifier(study: str) -> None:
    names = {e["column"] for e in rows(f"{study}/dictionary.csv")}
    forbidden = (
        r"name|birth|dob|date|phone|mail|address|zip|post_?code|ssn|mrn|initial|comment|free"
    )
    assert [n for n in names if re.search(forbidden, n)] == []
    for table in ("scores", "patients", "infusions", "side_effects"):
        text = (SAMPLE / study / f"{table}.csv").read_text("utf-8")
        assert not re.search(r"\d{4}-\d\d-\d\d|\d\d?[./]\d\d?[./]\d{2,4}|@|\d{7,}", text)


@pytest.mark.parametrize("study", STUDIES)
def test_tables_fit_together(study: str) -> None:
    patients = [r["patient_id"] for r in rows(f"{study}/patients.csv")]
    sessions = {(r["patient_id"], r["infusion"]) for r in rows(f"{study}/infusions.csv")}
    number = {".": 240, "crossover": 40, "parallel": 120, "courses": 80}
    assert len(patients) == len(set(patients)) == number[study]
    assert {p for p, _ in sessions} == set(patients)
    assert {(r["patient_id"], r["infusion"]) for r in rows(f"{study}/side_effects.csv")} <= sessions
    keys = [
        (
            r["patient_id"],
            r.get("period"),
            r.get("infusion") if study == "courses" else "",
            r["visit"],
        )
        for r in rows(f"{study}/scores.csv")
    ]
    assert len(keys) == len(set(keys))
    assert {k[0] for k in keys} == set(patients)


def test_study_file_columns_exist() -> None:
    for study in STUDIES:
        declared = tomllib.loads((SAMPLE / study / "study.toml").read_text("utf-8"))
        columns = {e["column"] for e in rows(f"{study}/dictionary.csv")}
        used = set(declared["roles"].values())
        for use in declared["instruments"].values():
            if isinstance(use, str):
                used.add(use)
            elif "prefix" in use:
                assert any(c.startswith(use["prefix"]) for c in columns)
            else:
                used |= set(use.values())
        assert used <= columns
        seen = {r["visit"] for r in rows(f"{study}/scores.csv")}
        assert seen == set(declared["visits"]["order"])


# --- the cohort -----------------------------------------------------------------------------------


def test_scores_are_the_complete_data_but_for_what_was_spoilt(made: SimpleNamespace) -> None:
    spoilt = {(s["row"], s["column"]): s for s in truth(".")["spoilt_on_purpose"]}
    left_out = 0
    for line, row in enumerate(rows("./scores.csv"), 2):
        i, v = int(row["patient_id"][1:]) - 1, VISITS.index(row["visit"])
        for column, complete in made.cohort["data"].items():
            text, answer = row[column], str(complete[i, v])
            if (line, column) in spoilt:
                assert (text, answer) == (
                    spoilt[line, column]["text"],
                    spoilt[line, column]["answer"],
                )
            elif text in CODES:
                left_out += 1
            else:
                assert text == answer, (line, column)
    assert len(spoilt) == 20
    assert left_out > 0


def test_entry_threshold_holds(made: SimpleNamespace) -> None:
    baseline = made.cohort["data"]["nrs_average"][:, 0]
    assert baseline.min() == truth(".")["entry"]["at_least"] == 4
    # the share of the referred below the threshold is what the normal model says: nobody was
    # admitted otherwise
    assert truth(".")["entry"]["share_of_referred_admitted"] == pytest.approx(0.906, abs=0.001)


def test_mean_change_of_the_sample_is_the_true_one(made: SimpleNamespace) -> None:
    t = truth(".")["population"]
    y = made.cohort["data"]["nrs_average"].astype(float)
    for v, visit in enumerate(VISITS[1:], 1):
        change = y[:, v] - y[:, 0]
        se = change.std(ddof=1) / np.sqrt(len(change))
        assert abs(change.mean() - t["nrs_average_change"][visit]) < 3 * se
        parts = t["of_which_treatment"][visit] + t["of_which_regression_to_the_mean"][visit]
        assert parts == pytest.approx(
            t["nrs_average_change"][visit], abs=0.0015
        )  # both are rounded to 3 digits


def test_regression_to_the_mean_is_what_the_formula_expects(made: SimpleNamespace) -> None:
    t = truth(".")
    by_simulation = np.mean(list(t["population"]["of_which_regression_to_the_mean"].values())[1:])
    # the formula knows no floor, ceiling or rounding
    assert by_simulation == pytest.approx(t["entry"]["regression_by_formula"], abs=0.03)
    assert by_simulation < -0.1
    untreated = made.cohort["pain"]["untreated"].astype(float)
    change = untreated[:, 1:].mean(1) - untreated[:, 0]
    assert abs(change.mean() - by_simulation) < 3 * change.std(ddof=1) / np.sqrt(len(change))


def test_reliability_and_correlation(made: SimpleNamespace) -> None:
    t, clinic = truth("."), made.clinic
    assert t["entry"]["reliability"] == pytest.approx(
        clinic.BETWEEN**2 / (clinic.BETWEEN**2 + clinic.WITHIN**2), abs=1e-4
    )
    # selection on the baseline score narrows the spread between patients (truncated normal);
    # rounding adds 1/12
    total = np.hypot(clinic.BETWEEN, clinic.WITHIN)
    z = (clinic.ENTRY - 0.5 - clinic.MEAN) / total
    hazard = np.exp(-z * z / 2) / np.sqrt(2 * np.pi) / t["entry"]["share_of_referred_admitted"]
    between = clinic.BETWEEN**2 * (1 - t["entry"]["reliability"] * hazard * (hazard - z))
    expected = between / (between + clinic.WITHIN**2 + 1 / 12)
    y = clinic.simulate(20_000, 7)["pain"]["untreated"].astype(float)[:, 1:]
    found = np.corrcoef(y, rowvar=False)[np.triu_indices(4, 1)]
    assert np.ptp(found) < 0.03  # exchangeable visits
    assert found.mean() == pytest.approx(expected, abs=0.03)


def test_dropout_share_and_its_direction(made: SimpleNamespace) -> None:
    t, seen = truth("."), made.cohort["came"]
    assert dict(zip(VISITS, seen.sum(0).tolist(), strict=True)) == t["sample_complete"]["seen"]
    assert 93 <= seen[:, 4].sum() <= 120
    for v, visit in enumerate(VISITS):
        share = t["dropout"]["share_seen"][visit]
        assert abs(seen[:, v].mean() - share) <= 3 * np.sqrt(share * (1 - share) / len(seen))
    pain = observed_pain()
    assert {v: len(p) for v, p in pain.items()} == t["sample_complete"]["seen"]
    # those who left had more pain: what is seen looks better than what is true
    assert t["dropout"]["bias_of_the_seen_change"]["week_12"] < -0.2
    y = made.cohort["data"]["nrs_average"]
    assert y[seen[:, 4], 4].mean() < y[~seen[:, 4], 4].mean() - 0.5


def test_observed_change_is_the_one_that_dropout_leaves() -> None:
    t, pain = truth(".")["dropout"]["mean_change_seen"], observed_pain()
    for visit in VISITS[1:]:
        change = np.array([y - pain["baseline"][i] for i, y in pain[visit].items()])
        change = change[~np.isnan(change)]
        assert abs(change.mean() - t[visit]) < 3 * change.std(ddof=1) / np.sqrt(len(change))


def test_calibrated_to_the_published_cohort() -> None:
    """Corriger 2022 (doi 10.1097/j.pain.0000000000002403): 6.8 (SD 1.8) before, 108 of 218 with a
    side effect at week 1.
    """
    t = truth(".")
    assert t["population"]["nrs_average_mean"]["baseline"] == pytest.approx(6.8, abs=0.1)
    assert t["population"]["nrs_average_sd"]["baseline"] == pytest.approx(1.8, abs=0.1)
    assert t["side_effects_first_session"]["overall"]["any"] == pytest.approx(108 / 218, abs=0.03)
    assert t["dropout"]["mean_change_seen"]["week_12"] == pytest.approx(5.7 - 6.8, abs=0.2)
    fall = [-t["population"]["nrs_average_change"][v] for v in VISITS[1:]]
    assert fall == sorted(fall, reverse=True)


def test_side_effects_of_the_first_session_have_their_rates(made: SimpleNamespace) -> None:
    t = truth(".")["side_effects_first_session"]
    had: dict[str, set[str]] = {"any": set()}
    for row in rows("./side_effects.csv"):
        if row["infusion"] == "1":
            had.setdefault(row["event"], set()).add(row["patient_id"])
            had["any"].add(row["patient_id"])
    for event, p in t["overall"].items():
        assert abs(len(had.get(event, ())) / 240 - p) < 3.5 * np.sqrt(p * (1 - p) / 240), event
    big = made.clinic.simulate(20_000, 11)
    for k, route in enumerate(made.clinic.ROUTES):  # the integral agrees with simulation
        rate = big["first"][big["route"] == k].any(1).mean()
        assert rate == pytest.approx(t["by_route"][route]["any"], abs=0.03)


def test_route_does_nothing_but_is_chosen_by_severity(made: SimpleNamespace) -> None:
    big = made.clinic.simulate(20_000, 13)
    y, untreated, route = big["pain"]["treated"], big["pain"]["untreated"], big["route"]
    neuropathy = big["pain"]["diagnosis"] == 0
    middling = neuropathy & (untreated[:, 3] >= 4) & (untreated[:, 3] <= 9)
    effect = [(y - untreated)[middling & (route == k), 3].mean() for k in range(3)]
    assert np.ptp(effect) < 0.2
    assert y[route == 0, 0].mean() - y[route == 2, 0].mean() > 1
    naive = truth(".")["route"]["unadjusted_change_at_week_4"]
    assert naive["IV"] < naive["oral"] - 0.4


def test_items_answer_to_their_trait(made: SimpleNamespace) -> None:
    data, traits = made.cohort["data"], made.cohort["traits"]
    for domain, trait in traits.items():
        items = np.stack([data[f"promis29_{domain}{i}"] for i in range(1, 5)], -1).reshape(-1, 4)
        assert np.corrcoef(items.sum(1), trait.ravel())[0, 1] > 0.85
        alpha = 4 / 3 * (1 - items.var(0, ddof=1).sum() / items.sum(1).var(ddof=1))
        assert 0.75 < alpha < 0.97
    assert (data["nrs_least"] <= data["nrs_average"]).all()
    assert (data["nrs_average"] <= data["nrs_worst"]).all()


def test_questionnaires_that_look_back_are_not_asked_on_day_1() -> None:
    for row in rows("./scores.csv"):
        if row["visit"] == "day_1":
            assert not any(
                row[c] for c in row if c.startswith(("promis29", "phq9", "gad7", "isi", "eq5d"))
            )
        if row["visit"] == "baseline":
            assert row["pgic"] == ""


def test_readme_quotes_the_truth() -> None:
    text, t = " ".join((SAMPLE / "README.md").read_text("utf-8").split()), truth(".")
    seen, complete = (
        t["dropout"]["mean_change_seen"]["week_12"],
        t["population"]["nrs_average_change"]["week_12"],
    )
    assert (
        f"seen at week 12 is −{-seen:.2f}; without dropout it would have been −{-complete:.2f}"
        in text
    )
    assert (
        f"{t['dropout']['mean_seen']['week_12']:.1f},"
        f" {100 * t['dropout']['share_seen']['week_12']:.0f} % seen" in text
    )
    sample = t["sample_complete"]["seen"]
    assert f"{sample['week_1']} of 240" in text
    assert f"n={sample['week_12']} |" in text
    assert (
        f"about {-t['population']['of_which_regression_to_the_mean']['week_4']:.2f} lower" in text
    )


# --- the crossover --------------------------------------------------------------------------------


def test_crossover_contrasts_are_the_true_ones(made: SimpleNamespace) -> None:
    d, t = made.crossover, truth("crossover")["population"]
    post, first = d["average"][..., 1].astype(float), d["treatment"][:, 0] == 0
    gap, totals = post[:, 0] - post[:, 1], post.sum(1)

    def contrast(x: np.ndarray, sign: int) -> tuple[float, float]:
        a, b = x[first], x[~first]
        return a.mean() + sign * b.mean(), float(
            np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
        )

    for (value, se), scale, true in (
        (contrast(gap, -1), 0.5, t["ketamine_minus_placebo_post"]),
        (contrast(gap, 1), -0.5, t["period_2_minus_1_post"]),
        (contrast(totals, -1), 1.0, 0.0),
    ):
        assert abs(scale * value - true) < 3 * abs(scale) * se
    assert t["ketamine_minus_placebo_post"] == pytest.approx(-1.1, abs=0.06)
    assert (
        abs(t["carry_over_contrast_of_totals"]) < 0.1
    )  # Monte Carlo error of 40,000 patients: SE about 0.03


def test_crossover_is_balanced_and_loses_a_few_after_period_1(made: SimpleNamespace) -> None:
    sequences = [r["sequence"] for r in rows("crossover/patients.csv")]
    assert sequences.count("KP") == sequences.count("PK") == 20
    periods = {
        p: {r["patient_id"] for r in rows("crossover/scores.csv") if r["period"] == p} for p in "12"
    }
    assert len(periods["1"]) == 40
    assert 34 <= len(periods["2"]) == int(made.crossover["stays"].sum()) < 40
    assert made.crossover["average"][:, 0, 0].min() >= 4
    order = {r["patient_id"]: r["sequence"] for r in rows("crossover/patients.csv")}
    for r in rows("crossover/scores.csv"):
        assert r["treatment"][0].upper() == order[r["patient_id"]][int(r["period"]) - 1]


def test_crossover_side_effects_by_treatment() -> None:
    given: dict[str, set[str]] = {}
    had: dict[str, set[str]] = {}
    for r in rows("crossover/infusions.csv"):
        given.setdefault(r["treatment"], set()).add(r["patient_id"])
    for r in rows("crossover/side_effects.csv"):
        had.setdefault(r["treatment"], set()).add(r["patient_id"])
    for treatment, rates in truth("crossover")["side_effects"].items():
        n, p = len(given[treatment]), rates["any"]
        assert abs(len(had[treatment]) / n - p) < 3 * np.sqrt(p * (1 - p) / n)


# --- the parallel trial ---------------------------------------------------------------------------


def test_parallel_differences_are_the_true_ones(made: SimpleNamespace) -> None:
    d, t = made.parallel, truth("parallel")["population"]
    y, ketamine = d["average"].astype(float), d["arm"] == 0
    for v, visit in enumerate(made.arms.VISITS[1:], 1):
        change = y[:, v] - y[:, 0]
        a, b = change[ketamine], change[~ketamine]
        se = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
        true = t["ketamine_minus_placebo_change"][visit]
        assert abs(a.mean() - b.mean() - true) < 3 * se
        latent = made.arms.FALL["placebo"][v] - made.arms.FALL["ketamine"][v]
        assert true == pytest.approx(latent, abs=0.1)  # whole points, and the floor at 0
    assert abs(t["ketamine_minus_placebo_change"]["week_4"] + 1.12) < 0.05  # Michelet 2018


def test_parallel_arms_are_balanced_and_those_with_pain_leave(made: SimpleNamespace) -> None:
    d = made.parallel
    assert (d["arm"] == 0).sum() == (d["arm"] == 1).sum() == 60
    assert [r["arm"] for r in rows("parallel/patients.csv")] == [
        made.arms.ARMS[k] for k in d["arm"]
    ]
    assert d["average"][:, 0].min() >= made.arms.ENTRY
    seen: dict[str, set[str]] = {}
    for r in rows("parallel/scores.csv"):
        seen.setdefault(r["visit"], set()).add(r["patient_id"])
    assert [len(seen[v]) for v in made.arms.VISITS] == d["came"].sum(0).tolist()
    assert (d["came"][:, :-1] >= d["came"][:, 1:]).all()  # nobody returns
    big = made.arms.simulate(20_000, 5)
    stayed, last = big["came"][:, 2], big["average"][:, 1]
    assert last[~stayed].mean() > last[stayed].mean() + 1
    share = truth("parallel")["dropout"]["share_seen"]
    assert share["placebo"]["week_12"] < share["ketamine"]["week_12"] - 0.05


def test_parallel_scores_are_the_complete_data(made: SimpleNamespace) -> None:
    d, lost = made.parallel, 0
    for row in rows("parallel/scores.csv"):
        i, v = int(row["patient_id"][1:]) - 1, made.arms.VISITS.index(row["visit"])
        assert int(row["nrs_average"]) == d["average"][i, v]
        lost += row["nrs_worst"] == "-99"
        assert row["pgic"] == (str(d["pgic"][i, v]) if v else "")
    assert lost == 1


def test_parallel_side_effects_by_arm() -> None:
    arm = {r["patient_id"]: r["arm"] for r in rows("parallel/patients.csv")}
    had: dict[str, set[str]] = {"ketamine": set(), "placebo": set()}
    for r in rows("parallel/side_effects.csv"):
        had[arm[r["patient_id"]]].add(r["patient_id"])
    for name, rates in truth("parallel")["side_effects"].items():
        p = rates["any"]
        assert abs(len(had[name]) / 60 - p) < 3 * np.sqrt(p * (1 - p) / 60)


def test_infusions_of_the_year_of_courses_change_as_its_truth_says(made: SimpleNamespace) -> None:
    t, given = truth("courses"), made.year["given"]
    first = [g for g in given if g["infusion"] == 1]
    for visit in made.courses.FALL:
        change = np.array([g["nrs"][visit] - g["nrs"]["before"] for g in first])
        se = change.std(ddof=1) / np.sqrt(len(change))
        expected = t["population"]["change_at_the_first_infusion"][visit]
        assert abs(change.mean() - expected) < 3 * se
        # the number of the infusion makes no difference but for the dose, which only rises
        later = t["population"]["change_at_the_fourth_infusion"][visit]
        assert -0.3 < later - expected < 0


def test_doses_of_the_year_of_courses_are_those_of_the_weight() -> None:
    weight = {r["patient_id"]: float(r["weight_kg"]) for r in rows("courses/patients.csv")}
    for r in rows("courses/infusions.csv"):
        mg = float(r["dose_mg_kg"]) * weight[r["patient_id"]]
        assert float(r["dose_mg"]) == pytest.approx(mg, abs=0.051)
