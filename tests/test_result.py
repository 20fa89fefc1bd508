import math

import pytest

from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts
from outcomes.core.outcome import Outcome
from outcomes.core.result import COLUMNS


def test_counts_must_add_up():
    with pytest.raises(ValueError, match="do not add up"):
        Counts(10, 7, (("gone", 2),))


def test_a_reason_must_be_known():
    with pytest.raises(ValueError, match="too_few"):
        Estimate("x", math.nan, reason="because")


@pytest.mark.parametrize(
    ("better", "change", "word"),
    [
        ("lower", -1, "improved"),
        ("lower", 1, "worsened"),
        ("higher", 1, "improved"),
        ("higher", -1, "worsened"),
        ("", 1, "rose"),
        ("", -1, "fell"),
        ("lower", 0, "unchanged"),
        ("lower", math.nan, "undefined"),
    ],
)
def test_direction_belongs_to_the_instrument(better, change, word):
    assert Outcome("x", "X", better).direction(change) == word


def test_the_results_table_keeps_its_columns():
    assert COLUMNS == (
        "label",
        "method",
        "outcome",
        "term",
        "value",
        "low",
        "high",
        "level",
        "p",
        "p_adjusted",
        "statistic",
        "df",
        "se",
        "unit",
        "enrolled",
        "analysed",
        "role",
        "family",
        "notes",
        "measure",
        "scale",
        "visit",
        "from_visit",
        "group",
        "reference",
        "subgroup",
        "event",
        "n",
    )


def test_estimates_with_undefined_numbers_are_equal_when_they_say_the_same():
    one, other = (Estimate("mean change", -1.5, p=float("nan")) for _ in range(2))
    assert one == other and hash(one) == hash(other)
    assert one != Estimate("mean change", -1.5, p=0.5) and one != "mean change"
    assert (
        Outcome("pain", "Pain", "lower")
        == Outcome("pain", "Pain", "lower")
        != Outcome("pain", "Pain", "higher")
    )
