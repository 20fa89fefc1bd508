"""Every instrument of the library: worked examples, and what must hold whatever the answers."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pandas as pd
import pytest

from outcomes import instrument, instruments
from outcomes.questionnaires import Instrument, Item, run_examples, shipped

IDS = sorted(shipped())
#: A choice for every option that has no default.
NEEDED = {
    id: {o.name: (o.listed or o.choices)[0] for o in instrument(id).options if not o.default}
    for id in IDS
}
#: Those of the list, so that none gets lost.
LISTED = [
    "adverse_events",
    "bdi2",
    "bpi_sf",
    "brs",
    "cadss",
    "comm",
    "cpaq8",
    "cssrs",
    "cssrs_full",
    "dass21",
    "dass42",
    "dn4",
    "dvprs",
    "eq5d3l",
    "eq5d5l",
    "eq_vas",
    "fabq",
    "fiqr",
    "fss",
    "gad7",
    "hads",
    "hamd17",
    "hit6",
    "immpact",
    "isi",
    "lanss",
    "madrs",
    "midas",
    "mme",
    "moca",
    "ndi",
    "npsi",
    "odi",
    "ompsq10",
    "pain_nrs",
    "pain_vas",
    "paindetect",
    "pcl5",
    "pcs",
    "pcs6",
    "pdi",
    "peg",
    "pgic",
    "phq2",
    "phq4",
    "phq9",
    "promis29",
    "promis_anxiety",
    "promis_cat",
    "promis_depression",
    "promis_fatigue",
    "promis_global",
    "promis_pf",
    "promis_pi",
    "promis_sleep",
    "promis_social",
    "propr",
    "pseq",
    "pseq2",
    "psqi",
    "qids_sr16",
    "rand36",
    "rass",
    "rmdq",
    "s_lanss",
    "sf12v1",
    "sf36v1",
    "sf_mpq",
    "sf_mpq2",
    "soapp_r",
    "taps",
    "tsk",
    "who5",
    "whodas12",
]


def answers(kind: Instrument, rows: int, seed: int, missing: float = 0.0) -> pd.DataFrame:
    """Random possible answers."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({i.code: rng.choice(possible(i), rows) for i in kind.items})
    return frame.mask(rng.random(frame.shape) < missing)


def possible(item: Item) -> np.ndarray:
    if item.allowed:
        return np.array(item.allowed)
    high = item.high if math.isfinite(item.high) else 200.0
    return (
        np.linspace(item.low, high, 21)
        if not item.step
        else np.arange(item.low, high + item.step / 2, item.step)
    )


def items_of(kind: Instrument, score: str) -> set[str]:
    """The items a score is made of, through other scores."""
    codes = {i.code for i in kind.items}
    made = {s.name: s for s in kind.scores}
    return {i for c in made[score].rule.of for i in ({c} if c in codes else items_of(kind, c))}


def test_all_of_the_list_are_here() -> None:
    assert set(LISTED) <= set(IDS)


@pytest.mark.parametrize("id", IDS)
def test_worked_examples(id: str) -> None:
    kind = instrument(id)
    assert run_examples(kind) == []
    assert len(kind.examples) >= 3
    assert all(len(e["source"]) > 10 for e in kind.examples)


def test_a_wrong_worked_example_is_found() -> None:
    import dataclasses

    kind = instrument("gad7")
    wrong = {
        "items": [1] * 7,
        "scores": {"total": 8},
        "bands": {"total": "severe"},
        "source": "made up",
    }
    found = run_examples(dataclasses.replace(kind, examples=(wrong,)))
    assert found == [
        "gad7, example 1, total: expected 8, got 7",
        "gad7, example 1, band of total: expected 'severe', got 'mild'",
    ]


@pytest.mark.parametrize("id", IDS)
def test_what_every_instrument_says(id: str) -> None:
    kind = instrument(id)
    assert kind.licence and kind.references and kind.missing_rule and kind.domain
    assert kind.get(kind.default_score).name == kind.default_score
    for score in kind.scores:
        outcome = kind.outcome(score.name)
        assert outcome.name == f"{id}_{score.name}" and outcome.instrument == id and outcome.title
        assert all(t.citation for t in score.thresholds)
        assert all(t.kind in ("within-person", "between-group", "other") for t in score.thresholds)
        assert re.fullmatch(r"[a-z0-9_]+", score.name)
    page = kind._repr_html_()
    assert kind.title.split(",")[0] in page and "<script" not in page


@pytest.mark.parametrize("id", IDS)
def test_order_of_patients_does_not_matter(id: str) -> None:
    kind = instrument(id)
    frame = answers(kind, 60, seed=1, missing=0.05)
    order = np.random.default_rng(2).permutation(60)
    straight = kind.score(frame, **NEEDED[id])
    shuffled = kind.score(frame.iloc[order], **NEEDED[id])
    np.testing.assert_array_equal(straight.values.to_numpy()[order], shuffled.values.to_numpy())
    np.testing.assert_array_equal(straight.prorated.to_numpy()[order], shuffled.prorated.to_numpy())
    assert straight.problems == ()


@pytest.mark.parametrize("id", IDS)
def test_scores_lie_in_their_range(id: str) -> None:
    kind = instrument(id)
    made = kind.score(answers(kind, 2000, seed=3, missing=0.02), **NEEDED[id]).values
    for score in kind.scores:
        x = made[score.name].dropna()
        assert len(x)
        if id == "psqi" and score.name == "efficiency_percent":
            continue  # random clock times allow more sleep than time in bed
        assert x.min() >= score.low - 1e-9 and x.max() <= score.high + 1e-9, score.name


@pytest.mark.parametrize(
    "id", [i for i in IDS if i not in ("cssrs", "mme", "adverse_events", "immpact", "propr")]
)
def test_complete_answers_score_alike_strict_or_not_and_strict_fills_nothing(id: str) -> None:
    kind = instrument(id)
    options = NEEDED[id]
    full = answers(kind, 50, seed=4)
    pd.testing.assert_frame_equal(
        kind.score(full, **options).values, kind.score(full, strict=True, **options).values
    )
    holes = kind.score(answers(kind, 200, seed=5, missing=0.1), strict=True, **options)
    assert not holes.prorated.to_numpy().any()


def extremes(kind: Instrument, codes: set[str], side: str) -> pd.DataFrame:
    best = {
        i.code: i.low if (i.better == "lower") == (side == "best") else i.high
        for i in kind.items
        if i.code in codes
    }
    return pd.DataFrame({c: [float(v)] for c, v in best.items()})


DIRECTED = [
    (id, s.name)
    for id in IDS
    for s in instrument(id).scores
    if s.better
    and s.rule.kind != "function"
    and math.isfinite(s.low)
    and math.isfinite(s.high)
    and all(i.better for i in instrument(id).items if i.code in items_of(instrument(id), s.name))
    and (id, s.name)
    not in {
        ("psqi", "total"),
        ("propr", "cognition_predicted"),
        ("promis29", "physical_summary"),
        ("promis29", "mental_summary"),
        ("adverse_events", "count"),
    }
]


@pytest.mark.parametrize(("id", "name"), DIRECTED, ids=[".".join(d) for d in DIRECTED])
def test_best_answers_give_the_best_score_and_worst_the_worst(id: str, name: str) -> None:
    kind, score = instrument(id), instrument(id).get(name)
    for side in ("best", "worst"):
        got = (
            kind.score(extremes(kind, items_of(kind, name), side), **NEEDED[id])
            .values[name]
            .iloc[0]
        )
        expected = score.low if (score.better == "lower") == (side == "best") else score.high
        assert got == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("id", "name"), DIRECTED, ids=[".".join(d) for d in DIRECTED])
def test_a_worse_answer_never_improves_a_score(id: str, name: str) -> None:
    kind, score = instrument(id), instrument(id).get(name)
    codes = sorted(items_of(kind, name))
    frame = answers(kind, 300, seed=6)[codes]
    before = kind.score(frame, **NEEDED[id]).values[name]
    for item in (i for i in kind.items if i.code in codes):
        step = item.step or (item.high - item.low) / 20
        worse = frame[item.code] + (step if item.better == "lower" else -step)
        if item.allowed:
            places = np.searchsorted(item.allowed, frame[item.code]) + 1
            worse = pd.Series(np.append(item.allowed, item.high)[places], index=frame.index)
        changed = frame.assign(**{item.code: worse.clip(item.low, item.high)})
        gain = kind.score(changed, **NEEDED[id]).values[name] - before
        assert (gain * (1 if score.better == "higher" else -1)).max() <= 1e-9, item.code


SHORT = (
    "phq2",
    "phq4",
    "gad7",
    "peg",
    "isi",
    "who5",
    "dn4",
    "s_lanss",
    "pgic",
    "pain_vas",
    "eq_vas",
    "eq5d5l",
)


@pytest.mark.parametrize("id", SHORT)
def test_every_pattern_of_answers_of_a_short_instrument(id: str) -> None:
    kind = instrument(id)
    patterns = np.array(list(itertools.product(*(possible(i) for i in kind.items))))
    made = kind.score(pd.DataFrame(patterns, columns=[i.code for i in kind.items]), **NEEDED[id])
    assert not made.values.isna().to_numpy().any() and made.problems == ()
    for score in kind.scores:
        x = made.values[score.name]
        assert x.min() >= score.low and x.max() <= score.high
        if id != "eq5d5l":
            assert (x.min(), x.max()) == (score.low, score.high)
        if score.bands:
            assert (score.band(x) != "").all()


def test_refused_answers_are_missing_and_addressed_but_never_shown() -> None:
    frame = pd.DataFrame([[1.0] * 9, [1.0] * 9, [1.0] * 9], columns=[str(k) for k in range(1, 10)])
    frame.loc[0, "3"], frame.loc[2, "4"] = 77, 1.5
    made = instrument("phq9").score(frame)
    assert made.problems == (
        (0, "3", "an answer outside 0 to 3"),
        (2, "4", "an answer that is none of 0 to 3"),
    )
    assert made.values["total"].isna().tolist() == [True, False, True]  # refused, not prorated
    assert "77" not in str(made.problems)
    assert made.prorated["total"].tolist() == [0, 0, 0]


def test_columns_that_lack_make_a_score_absent() -> None:
    made = instrument("bpi_sf").score(pd.DataFrame({"worst": [5.0], "average": [4.0]}))
    assert made.absent["severity"] == ("least", "now")
    assert list(made.values) == ["average", "worst"]


def test_flags_show_what_is_unanswered() -> None:
    frame = pd.DataFrame([[0.0] * 9] * 3, columns=[str(k) for k in range(1, 10)])
    frame["9"] = [0, 1, math.nan]
    made = instrument("phq9").score(frame)
    np.testing.assert_array_equal(made.flags["item_9"], [0, 1, math.nan])


def test_given_t_scores_are_taken_as_they_are() -> None:
    given = pd.DataFrame({"anxiety": [50.0, 200.0]})
    made = instrument("promis29").score(given)
    assert made.values["anxiety"].iloc[0] == 50
    assert made.problems == ((1, "anxiety", "an answer outside 40.3 to 81.6"),)


def test_thresholds_below_the_measurement_error_are_said() -> None:
    for id, score in (
        ("bpi_sf", "interference"),
        ("pseq", "total"),
        ("tsk", "total_11"),
        ("whodas12", "simple"),
    ):
        assert any(
            "smallest detectable change" in n for n in instrument(id).outcome(score).notes
        ), id
    assert instrument("bpi_sf").outcome("interference").mdc95 == 2.34
    assert instrument("bpi_sf").get("interference").sem == pytest.approx(
        0.844, abs=1e-3
    )  # 2.34 / 2.772


def test_unverified_rules_are_said_when_used() -> None:
    made = instrument("whodas12").score(
        pd.DataFrame([[1.0] * 12], columns=[str(k) for k in range(1, 13)])
    )
    assert any("unverified" in n for n in made.notes)
    assert (
        instrument("phq9")
        .score(pd.DataFrame([[1.0] * 9], columns=[str(k) for k in range(1, 10)]))
        .notes
        == ()
    )
    ten = pd.DataFrame([[3.0] * 10], columns=[str(k) for k in range(1, 11)])
    assert instrument("pseq").score(ten).notes == ()
    assert "unverified" in instrument("pseq").score(ten.assign(**{"1": math.nan})).notes[0]


def test_declared_recodings() -> None:
    whodas = instrument("whodas12")
    frame = pd.DataFrame([[3.0] * 12], columns=[str(k) for k in range(1, 13)])
    shifted = whodas.score(frame, shift=-1)
    assert shifted.values["simple"].iloc[0] == 24
    assert "-1 added to every answer before scoring, as declared" in shifted.notes
    hads = instrument("hads")
    codes = [i.code for i in hads.items]
    one = hads.score(pd.DataFrame([[3.0] * 14], columns=codes), reverse=["7", "10"])
    assert one.values.iloc[0].tolist() == [18, 18]
    assert one.notes == ("items 7, 10 turned round before scoring, as declared",)


def test_library_table_searches() -> None:
    table = instruments()
    assert len(table) == len(IDS)
    assert set(instruments("neuropathic")["id"]) >= {
        "dn4",
        "npsi",
        "paindetect",
        "s_lanss",
        "sf_mpq2",
    }
    assert list(instruments("no such thing")["id"]) == []
    assert "<table" in table._repr_html_()


def test_no_wording_of_items() -> None:
    """Titles are neutral labels: short, no question, no first or second person."""
    for id in IDS:
        for item in instrument(id).items:
            assert len(item.title.split()) <= 8 and "?" not in item.title, (id, item.code)
            assert not re.search(r"\b(I|you|your|my|me)\b", item.title), (id, item.code)
