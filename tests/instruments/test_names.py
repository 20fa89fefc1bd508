"""Columns of a file, recognised by the names instruments declare."""

from __future__ import annotations

import pytest

from outcomes import instrument
from outcomes.questionnaires import recognise, shipped

NINE = [str(k) for k in range(1, 10)]


@pytest.mark.parametrize(
    "pattern",
    ["phq9_{}", "phq_9_0{}", "PHQ9Q{}", "PHQ-9 item {}", "phq9.{}", "Phq9 Q0{}", "phq_{}"],
)
def test_common_ways_to_name_items(pattern: str) -> None:
    columns = ["record_id", *(pattern.format(k) for k in NINE), "age"]
    [found] = recognise(columns)
    assert found.instrument == "phq9" and found.sure
    assert found.items == dict(zip(NINE, columns[1:10], strict=True))


def test_loinc_codes_and_official_item_names() -> None:
    codes = [i.loinc for i in instrument("phq9").items]
    [found] = recognise([f"/{c}" for c in codes])
    assert (found.instrument, found.sure) == ("phq9", True)
    [found] = recognise(["PAININ9", "PAININ22", "PAININ31", "PAININ34"])
    assert (
        found.items["pi1"] == "PAININ9"
        if found.instrument == "promis29"
        else found.items["painin9"] == "PAININ9"
    )
    assert not found.sure  # PROMIS-29 and the pain interference forms share these items


def test_every_instrument_recognises_its_own_id_and_codes() -> None:
    for id in shipped():
        kind = instrument(id)
        if not kind.aliases:
            continue
        columns = [f"{kind.aliases[0]}_{i.code}" for i in kind.items]
        assert kind.find(columns) == dict(
            zip((i.code for i in kind.items), columns, strict=True)
        ), id
        assert id in {r.instrument for r in recognise(columns)}, id


def test_promis29_and_prefixes() -> None:
    columns = [
        f"promis29_{c}{k}"
        for c in ("pf", "anx", "dep", "fat", "sleep", "social", "pi")
        for k in range(1, 5)
    ]
    [found] = recognise([*columns, "promis29_pain"])
    assert found.instrument == "promis29" and found.sure and len(found.items) == 29
    assert instrument("eq5d5l").find(["q_mobility", "q_pain", "other"], prefix="q_") == {
        "mo": "q_mobility",
        "pd": "q_pain",
    }
    assert instrument("phq9").find([f"dep{k}" for k in NINE], prefix="dep")["9"] == "dep9"


def test_totals_without_items() -> None:
    [found] = recognise(["phq9_total"])
    assert found.totals == {"total": "phq9_total"} and not found.items and not found.sure
    assert "only a score" in found.why
    [found] = recognise(["promis29_anxiety_t", "promis29_fatigue"])
    assert found.totals == {"anxiety": "promis29_anxiety_t", "fatigue": "promis29_fatigue"}


def test_what_is_doubtful_is_a_guess() -> None:
    columns = [f"eq5d_{d}" for d in ("mo", "sc", "ua", "pd", "ad")]
    [found] = recognise(columns)
    assert found.instrument == "eq5d5l" and not found.sure and "other instruments" in found.why
    [found] = recognise([f"eq5d5l_{d}" for d in ("mo", "sc", "ua", "pd", "ad")])
    assert (found.instrument, found.sure) == ("eq5d5l", True)
    [found] = recognise([f"phq9_{k}" for k in NINE[:5]])
    assert not found.sure and "5 of 9" in found.why  # no score can be made of these
    [found] = recognise([*(f"phq9_{k}" for k in NINE), "PHQ9Q1"])
    assert not found.sure and "several columns" in found.why


def test_other_columns_stay_alone() -> None:
    assert recognise(["record_id", "visit", "age", "sex", "diagnosis", "dose_mg", "comments"]) == []


def test_several_instruments_in_one_file() -> None:
    found = recognise(
        ["nrs_avg", "nrs_worst", *(f"gad7_{k}" for k in range(1, 8)), "pgic", "eq_vas", "bpi_int_1"]
    )
    assert {r.instrument: r.sure for r in found} == {
        "pain_nrs": True,
        "gad7": True,
        "pgic": True,
        "eq_vas": True,
        "bpi_sf": False,
    }


def test_names_a_spreadsheet_has() -> None:
    [found] = recognise(["MRN", "Worst pain (0-10)", "Pain avg (0-10)", "Least Pain"])
    assert found.items == {
        "worst": "Worst pain (0-10)",
        "average": "Pain avg (0-10)",
        "least": "Least Pain",
    }


def test_names_that_two_forms_share_are_a_guess() -> None:
    short = [f"dass{k}" for k in range(1, 22)]
    [found] = recognise(short)
    assert (found.instrument, found.sure) == ("dass21", False)
    long = [f"dass{k}" for k in range(1, 43)]
    [found] = recognise(long)
    assert (found.instrument, found.sure) == ("dass42", False)
    [found] = recognise([f"dass21_{k}" for k in range(1, 22)])
    assert (found.instrument, found.sure) == ("dass21", True)


@pytest.mark.parametrize(
    ("pattern", "id", "n"),
    [
        ("hit6_{}", "hit6", 6),
        ("HIT-6 Q{}", "hit6", 6),
        ("fabq{}", "fabq", 16),
        ("pdi_{}", "pdi", 7),
        ("lanss_{}", "lanss", 7),
        ("slanss_{}", "s_lanss", 7),
        ("bdi2_{}", "bdi2", 21),
        ("hamd_{}", "hamd17", 17),
        ("soappr_q{}", "soapp_r", 24),
        ("comm_{}", "comm", 17),
        ("brs{}", "brs", 6),
    ],
)
def test_names_of_further_instruments(pattern: str, id: str, n: int) -> None:
    [found] = recognise([pattern.format(k) for k in range(1, n + 1)])
    assert (found.instrument, found.sure, len(found.items)) == (id, True, n)


def test_ready_totals_of_further_instruments() -> None:
    found = {r.instrument: r for r in recognise(["bdi2_total", "moca_total", "midas_total"])}
    assert found["bdi2"].totals == {"total": "bdi2_total"}
    assert found["moca"].items == {"total": "moca_total"}
    assert found["midas"].totals == {"total": "midas_total"}
