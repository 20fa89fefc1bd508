"""EQ-5D: every state of every value set against the published all-states tables, to the digits they
print.
"""

from __future__ import annotations

import csv
import gzip
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pandas as pd
import pytest

from outcomes import instrument
from outcomes.core.errors import InstrumentError
from outcomes.questionnaires.scoring_functions import rows, states, value_set
from tests.shared import INSTRUMENTS

#: Published with full health below 1.
NOT_ONE = {
    (5, "Canada"): 0.9489,
    (5, "Sweden_2020"): 0.9755,
    (5, "crosswalk Zimbabwe"): 0.9,
    (3, "Sweden"): 0.9694,
}


def table(name: str) -> tuple[list[str], dict[str, list[str]]]:
    with gzip.open(INSTRUMENTS / f"{name}.gz", "rt", encoding="utf-8", newline="") as handle:
        lines = list(csv.reader(handle))
    return [r[0] for r in lines[1:]], {
        c: [r[k] for r in lines[1:]] for k, c in enumerate(lines[0]) if k
    }


def half_up(value: float, digits: int) -> Decimal:
    return Decimal(repr(round(float(value), 10))).quantize(
        Decimal(1).scaleb(-digits), ROUND_HALF_UP
    )


def digits(texts: list[str]) -> int:
    return max(len(t.partition(".")[2]) for t in texts)


@pytest.mark.parametrize(
    ("levels", "file"),
    [(5, "eq5d_5l_index_all_states.csv"), (3, "eq5d_3l_tto_index_all_states.csv")],
)
def test_every_state_of_every_value_set(levels: int, file: str) -> None:
    names, sets = table(file)
    assert names == ["".join(map(str, s)) for s in states(levels)]
    assert len(sets) == {5: 49, 3: 33}[levels]
    for choice, printed in sets.items():
        ours = value_set(levels, choice)
        k = min(digits(printed), 9)
        expected = np.array([float(t) for t in printed])
        assert np.abs(ours - expected).max() <= 0.5 * 10.0**-k + 1e-9, choice


def test_every_state_of_every_crosswalk() -> None:
    """Ten of the thirteen tables were rounded twice before print, to four digits and then to three;
    ours is not rounded.
    """
    _, sets = table("eq5d_crosswalk_5l_index_by_country.csv")
    assert len(sets) == 13
    for country, printed in sets.items():
        ours = value_set(5, f"crosswalk {country}")
        expected = [half_up(float(t), 3) for t in printed]
        once = [half_up(v, 3) for v in ours] == expected
        twice = [half_up(float(half_up(v, 4)), 3) for v in ours] == expected
        assert once or twice, country
        assert np.abs(ours - np.array([float(t) for t in printed])).max() < 0.00056


@pytest.mark.parametrize(("levels", "id"), [(5, "eq5d5l"), (3, "eq5d3l")])
def test_full_health_is_1_and_the_best(levels: int, id: str) -> None:
    choices = instrument(id).options[0].choices
    assert len(choices) == {5: 62, 3: 44}[levels]
    for choice in choices:
        values = value_set(levels, choice)
        assert values[0] == NOT_ONE.get((levels, choice), 1), choice
        assert values.max() == values[0] and np.isfinite(values).all(), choice


def test_every_set_names_its_source_and_so_does_every_score() -> None:
    for file in ("eq5d5l_sets.csv", "eq5d3l_sets.csv"):
        assert all(r["doi"] or r["url"] for r in rows(file)), file
    frame = pd.DataFrame([[1.0] * 5], columns=["mo", "sc", "ua", "pd", "ad"])
    assert instrument("eq5d5l").score(frame, value_set="US").notes == (
        "EQ-5D value set: USA (doi 10.1016/j.jval.2019.02.009)",
    )


#: Published values, so that evidence remains without the shared tables.
@pytest.mark.parametrize(
    ("id", "choice", "state", "value"),
    [
        ("eq5d5l", "US", "55555", -0.573),
        ("eq5d5l", "England", "55555", -0.285),
        ("eq5d5l", "Germany", "55555", -0.661),
        ("eq5d5l", "Netherlands", "55555", -0.446),
        ("eq5d5l", "Japan", "55555", -0.0255),
        ("eq5d5l", "Spain", "55555", -0.4161988),
        ("eq5d5l", "Germany", "11114", 0.756),
        ("eq5d5l", "crosswalk UK", "11112", 0.879),
        ("eq5d3l", "UK", "33333", -0.594),
        ("eq5d3l", "UK", "11223", 0.255),
        ("eq5d3l", "Germany VAS", "21232", 0.2939),
        ("eq5d3l", "Argentina", "22322", 0.614),
    ],
)
def test_published_values(id: str, choice: str, state: str, value: float) -> None:
    codes = [i.code for i in instrument(id).items]
    made = instrument(id).score(
        pd.DataFrame([list(map(float, state))], columns=codes), value_set=choice
    )
    assert made.values["index"].iloc[0] == pytest.approx(value, abs=0.0006)


def test_a_missing_dimension_has_no_index_and_other_rows_keep_theirs() -> None:
    frame = pd.DataFrame(
        [[1, 1, 1, np.nan, 1], [1, 1, 1, 1, 1], [1, 1, 6, 1, 1]],
        columns=["mo", "sc", "ua", "pd", "ad"],
    )
    made = instrument("eq5d5l").score(frame, value_set="US")
    np.testing.assert_array_equal(made.values["index"], [np.nan, 1, np.nan])
    assert made.problems == ((2, "ua", "an answer outside 1 to 5"),)


def test_the_value_set_must_be_chosen_and_exist() -> None:
    frame = pd.DataFrame([[1.0] * 5], columns=["mo", "sc", "ua", "pd", "ad"])
    with pytest.raises(
        InstrumentError, match=r"EQ-5D-5L needs value_set .* There is: Australia, .*, crosswalk UK"
    ):
        instrument("eq5d5l").score(frame)
    with pytest.raises(InstrumentError, match="Did you mean 'Germany'"):
        instrument("eq5d5l").score(frame, value_set="Germny")
    with pytest.raises(InstrumentError) as caught:
        instrument("eq5d5l").score(frame, value_set="nowhere")
    assert "WePP" not in str(caught.value) and "DCE" not in str(
        caught.value
    )  # no standard tariffs: only when named
    assert instrument("eq5d5l").score(frame, value_set="WePP").values["index"].iloc[0] == 1
