"""Codings that do not fit are recognised and said, never repaired; what fits is left in peace."""

from __future__ import annotations

import numpy as np
import pandas as pd

from outcomes import instrument
from outcomes.questionnaires import shipped, suspicions


def people(id: str, seed: int = 1, rows: int = 120) -> pd.DataFrame:
    """Answers as patients give them: items follow one severity, with noise."""
    rng = np.random.default_rng(seed)
    kind = instrument(id)
    severity = rng.beta(2, 2, rows)
    out = {}
    for item in kind.items:
        share = np.clip(severity + rng.normal(0, 0.15, rows), 0, 1)
        share = 1 - share if item.better == "higher" else share
        high = item.high if np.isfinite(item.high) else 100
        x = item.low + share * (high - item.low)
        out[item.code] = np.round(x / item.step) * item.step if item.step else x
    return pd.DataFrame(out)


def test_well_stored_answers_raise_no_suspicion() -> None:
    for id in shipped():
        if not all(
            i.better for i in instrument(id).items
        ):  # answers of one severity cannot be made without a direction
            continue
        assert suspicions(instrument(id), people(id)) == [], id


def test_answers_that_count_from_one() -> None:
    [said] = suspicions(instrument("phq9"), people("phq9") + 1)
    assert said.startswith("PHQ-9: answers seem to count from 1") and "shift = -1" in said


def test_two_codings_in_one_file() -> None:
    frame = people("gad7", rows=200)
    frame.iloc[100:] += 1
    [said] = suspicions(instrument("gad7"), frame)
    assert "two codings seem mixed" in said


def test_t_scores_where_answers_belong() -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {c: np.round(rng.normal(55, 8, 50).clip(30, 80), 1) for c in ("anx1", "dep1", "fat1")}
    )
    [said] = suspicions(instrument("promis29"), frame)
    assert "look like T-scores" in said


def test_totals_where_answers_belong() -> None:
    [said] = suspicions(instrument("phq9"), pd.DataFrame({"1": [12.0, 18, 7, 22, 15]}))
    assert "look like totals" in said


def test_centimetres() -> None:
    frame = pd.DataFrame({"pain": np.linspace(0.4, 9.6, 40)})
    [said] = suspicions(instrument("pain_vas"), frame)
    assert "centimetres" in said


def test_items_stored_by_the_position_of_the_option() -> None:
    frame = people("hads")
    frame[["7", "10"]] = 3 - frame[["7", "10"]]
    [said] = suspicions(instrument("hads"), frame)
    assert "2 items run against the others (7 and 10)" in said and "reverse = ['7', '10']" in said
    sleep = people("promis29")
    sleep[["sleep1"]] = 6 - sleep[["sleep1"]]
    assert "sleep1" in suspicions(instrument("promis29"), sleep)[0]


def test_a_shorter_version_in_the_same_file() -> None:
    frame = people("phq9")
    frame.loc[:39, "9"] = np.nan
    [said] = suspicions(instrument("phq9"), frame)
    assert "in 40 of 120 rows the same 1 item (9) are blank" in said


def test_nothing_to_see_in_nothing() -> None:
    assert suspicions(instrument("phq9"), pd.DataFrame()) == []
    assert suspicions(instrument("phq9"), pd.DataFrame({"1": [np.nan] * 30})) == []
