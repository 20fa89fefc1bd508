"""Release rules under attack: small groups decoded by enumeration, sums isolated by elimination,
ledgers lost and raced.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.analyses.responders.bands import band_of
from outcomes.analyses.responders.one_group import responded
from outcomes.cli import main
from outcomes.core.errors import OutputError, PrivacyError, StudyError
from outcomes.core.result import Results
from outcomes.core.wording import round_half_away
from outcomes.reporting import LEDGER, build, write_reports
from outcomes.reporting.document import all_tables
from outcomes.reporting.release.audit import Mean, Together
from outcomes.reporting.release.control import DisclosureControl
from outcomes.reporting.release.ledger import Ledger, LedgerMovedError, recorded, started
from outcomes.reporting.release.policy import PRESETS
from outcomes.reporting.release.rules import Decision, decide, half_widths
from outcomes.reporting.release.span import isolates
from outcomes.reporting.release.tables import CountTables, HiddenCounts
from tests.builders import PAIN, two_visits
from tests.reporting.test_share import PLAN, clinic, seeded  # noqa: F401

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"


def groups(count: int, seed: int) -> Iterator[np.ndarray]:
    """Small groups of scores from 0 to 10, many at the floor or the ceiling."""
    rng = np.random.default_rng(seed)
    for i in range(count):
        centre, sd = [(9.5, 1.0), (0.6, 1.0), (5.0, 2.5), (9.0, 2.0), (10.0, 0.3)][i % 5]
        yield np.clip(np.round(rng.normal(centre, sd, int(rng.integers(8, 19)))), 0, 10)


def printed(x: np.ndarray, made: Decision) -> tuple[float, ...]:
    """What a reader sees."""
    from scipy import stats

    m = float(x.mean())
    half = float(stats.t.ppf(0.975, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x)))
    return tuple(
        round_half_away(v, made.digits)
        for v in ((m, m - half, m + half) if made.interval else (m,))
    )


def agreeing(x: np.ndarray, made: Decision) -> np.ndarray:
    """All sets of scores of this size that print alike, as counts; by enumeration, independent of
    the audit.
    """
    from scipy import stats

    n = len(x)
    every = _every(n)
    grid = np.arange(11)
    m = every @ grid / n
    sd = np.sqrt(np.maximum((every @ grid**2 - n * m**2) / (n - 1), 0))
    half = stats.t.ppf(0.975, n - 1) * sd / np.sqrt(n)
    shown, spare = printed(x, made), 0.5 * 10.0**-made.digits + 1e-9
    ok = np.abs(m - shown[0]) <= spare
    if made.interval:
        ok &= (np.abs(m - half - shown[1]) <= spare) & (np.abs(m + half - shown[2]) <= spare)
    return every[ok]


_MADE: dict[int, np.ndarray] = {}


def _every(n: int) -> np.ndarray:
    if n not in _MADE:
        made, left = np.zeros((1, 0), dtype=np.int8), np.array([n])
        for _ in range(10):
            times = left + 1
            here = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
            made, left = (
                np.hstack([np.repeat(made, times, axis=0), here[:, None].astype(np.int8)]),
                np.repeat(left, times) - here,
            )
        _MADE[n] = np.hstack([made, left[:, None].astype(np.int8)]).astype(np.int16)
    return _MADE[n]


def decoded(x: np.ndarray, made: Decision) -> bool:
    """Whether a score of a patient, or a count of 1 to 7, is determined by what is printed."""
    found = agreeing(x, made)
    true = np.bincount(x.astype(int), minlength=11)
    assert (found == true).all(axis=1).any()
    width = found.max(axis=0) - found.min(axis=0)
    possible = np.flatnonzero(found.max(axis=0))
    return bool((width[(true > 0) & (true <= 7)] == 0).any() or possible[-1] - possible[0] < 5)


@pytest.mark.parametrize("count", [25, pytest.param(1000, marks=pytest.mark.slow)])
def test_no_small_group_is_decoded(count: int) -> None:
    """Where everything that may go out does, enumeration decodes no score and no cell; the old rule
    let some through.
    """
    bad, out, before = 0, 0, 0
    for x in groups(count, 20261128):
        if len(x) <= 9:
            before += decoded(x, Decision(1, True, ""))
        made = decide(x, low=0, high=10, step=1, digits=1, least=8)
        assert not made.released or len(x) >= 11
        if made.released:
            out += 1
            bad += len(x) <= 11 and decoded(x, made)
    assert bad == 0 and out > count / 4
    assert before > 0, "the attack itself must work"


def test_nine_tens_and_a_four_do_not_go_out() -> None:
    for n in (10, 12, 20):
        made = decide(np.r_[np.full(n - 1, 10.0), 4.0], low=0, high=10, step=1, digits=1, least=8)
        assert not made.released and made.words.startswith("withheld")
    spread = np.tile(np.arange(11.0), 4)
    assert decide(spread, low=0, high=10, step=1, digits=1, least=8).interval


#: The means and intervals of these twenty leave every count open; with responders and bands, integer
#: programming over all pairs of scores leaves 0 or 1 for the one patient who got worse by 1.
BEFORE = (7, 9, 7, 5, 10, 10, 8, 10, 6, 9, 7, 7, 10, 7, 7, 10, 5, 9, 10, 6)
AFTER = (2, 8, 7, 0, 8, 7, 2, 10, 0, 9, 4, 3, 8, 0, 7, 4, 6, 8, 3, 4)


def released_together(scores: pd.DataFrame, *, judged: bool) -> list[str]:
    """What stands against each of the three means with its interval at one decimal, one after the
    other.
    """
    control = DisclosureControl(PRESETS["opensafely"], Ledger("k"))
    if judged:
        for rule in ("30%", "50%"):
            control.judged(PAIN, scores, lambda b, a, rule=rule: responded(b, a, rule, -1)[0])
        for band in range(4):
            control.judged(PAIN, scores, lambda b, a, k=band: band_of(b, a, -1, (30, 50)) == k)
    told, said = control.scored(PAIN), []
    told.know(scores)
    for weights in ({"before": 1}, {"after": 1}, {"after": 1, "before": -1}):
        x = sum((w * scores[v] for v, w in weights.items()), start=0.0)
        mean = Mean.of(
            {v: (w, scores[v]) for v, w in weights.items()}, half_widths(x.to_numpy(), 1)
        )
        said.append(told.narrowed_by(mean, 7))
        told.add(mean)
    return said


def test_mean_responders_and_bands_of_one_group_are_audited_together() -> None:
    scores = pd.DataFrame({"before": BEFORE, "after": AFTER}, [f"p{i}" for i in range(20)]) * 1.0
    assert released_together(scores, judged=False) == ["", "", ""]
    assert "counts" in released_together(scores, judged=True)
    many = pd.concat([scores.set_axis([f"{i}{p}" for p in scores.index]) for i in range(6)])
    assert released_together(many, judged=True) == ["", "", ""]


ASK: dict[str, Any] = {"before": "baseline", "after": "week_4"}
CHANGE, RESPONDERS = (oc.Plan(q("pain", **ASK)) for q in (oc.PairedT, oc.Responders))


def shared(study: oc.Study, plan: oc.Plan, ledger: Path) -> dict[str, str]:
    """What a published report printed about each number, and its ledger."""
    doc = build(study, plan, audience="share", ledger=ledger)
    with recorded(doc.record):
        return {p.what.split(": ")[-1]: p.text for p in reversed(doc.review)}


MEAN = "average pain (NRS), baseline to week 4, after"


@pytest.mark.parametrize("changed", [False, True])
def test_reports_of_two_plans_are_audited_together(changed: bool, tmp_path: Path) -> None:
    """The same patients again, or with another thing known about all of them: means with their
    intervals, and responders and bands, never both.
    """
    study = two_visits(BEFORE, AFTER)
    ids = list(study.patient_ids)
    again = replace(study, patients=pd.DataFrame({"patient": ids, "sex": ["f", "m"] * 10}))
    again = again if changed else study
    first = shared(study, CHANGE, tmp_path / "a.json")
    assert first[MEAN] == "5.0 3.5 to 6.5"
    with pytest.raises(PrivacyError, match="Responders of pain"):
        shared(again, RESPONDERS, tmp_path / "a.json")
    assert shared(again, CHANGE, tmp_path / "a.json")[MEAN] == first[MEAN]
    assert shared(study, RESPONDERS, tmp_path / "b.json")["share of responders"] == "50%"
    assert shared(again, CHANGE, tmp_path / "b.json")[MEAN] == "–"


def test_a_mean_is_never_printed_in_a_second_way(tmp_path: Path) -> None:
    """5.46 is 5.5 and 5: the same number with fewer digits tells more about it."""
    x = pd.Series(np.arange(22) % 11.0, [f"p{i}" for i in range(22)])
    ledger = Ledger("k")
    for digits, text in ((1, "5.0 3.6 to 6.4"), (0, "5.0 3.6 to 6.4"), (2, "5.0 3.6 to 6.4")):
        control = DisclosureControl(PRESETS["opensafely"], ledger)
        assert " ".join(control.mean(PAIN, {"w4": (1, x)}, digits).words) == text
    there = tmp_path / LEDGER
    there.write_text(ledger.text(), "utf-8")
    read = Ledger.load(there)
    assert read.means == ledger.means and read.text() == ledger.text()


def test_patients_who_miss_a_visit_and_fine_scales_are_audited_too() -> None:
    rng = np.random.default_rng(4)
    ids = [f"p{i:02d}" for i in range(60)]
    before, after = (np.round(rng.normal(m, 15, 60).clip(0, 100), 1) for m in (60, 45))
    told = Together(0, 100, 0.1)
    told.know(pd.DataFrame({"before": before, "after": after}, ids))
    for some in (slice(0, 60), slice(0, 41)):
        seen = pd.Series(before, ids)[some]
        mean = Mean.of({"before": (1, seen)}, half_widths(seen.to_numpy(), 1))
        assert told.narrowed_by(mean, 7) == ""
        told.add(mean)
    top = pd.DataFrame({"before": np.r_[np.full(14, 100.0), 99.9]}, ids[:15])
    alike = Together(0, 100, 0.1)
    alike.know(top)
    assert alike.narrowed_by(Mean.of({"before": (1, top["before"])}, None), 7)
    gone = pd.DataFrame(
        {"before": before, "after": np.where(np.arange(60) % 3, after, np.nan)}, ids
    )
    told = Together(0, 100, 0.1)
    told.know(gone)
    seen = gone["after"].dropna()
    assert told.narrowed_by(Mean.of({"after": (1, seen)}, (3.9, 4.9)), 7) == ""


def test_a_combination_of_three_linked_means_is_found_and_not_only_pairs() -> None:
    """Before of all, after of all, and the change of all but one: no two of them tell, the three
    together do.
    """
    ids = [f"p{i}" for i in range(30)]
    owner = {f"{v}{p}": p for v in "ba" for p in ids}
    before, after = ({f"{v}{p}": 1 for p in ids} for v in "ba")
    change = {f"a{p}": 1 for p in ids[:-1]} | {f"b{p}": -1 for p in ids[:-1]}
    for pair in ([before, after], [before, change], [after, change]):
        assert not isolates(pair, owner, 8)
    assert isolates([before, after, change], owner, 8)
    parts = [{f"a{p}": 1 for p in some} for some in (ids, ids[:10], ids[10:27])]
    assert isolates(parts, owner, 8) and not isolates(parts[:2], owner, 8)


def closed(reports: list[CountTables], base: int = 5) -> set[str]:
    return {name for _, name in HiddenCounts(reports, base=base, hidden=7).narrowed()}


def test_a_hidden_count_is_bounded_over_months() -> None:
    def month(total: int, **levels: int) -> CountTables:
        shown = {"all": total} | {k: n for k, n in levels.items() if n >= 0}
        small = {k for k, n in levels.items() if n < 0}
        return CountTables([("all", tuple(levels))], shown, small=small, grows=set(levels))

    assert closed([month(40, a=30, b=10, c=-1)]) == set()
    assert closed([month(15, a=10, b=-1), month(10, a=10, b=-1)]) == set()
    assert closed([month(10, a=10, b=-1)], base=1) == {"b"}
    # month 2 alone leaves 0 to 7 open, month 1 has at least 7, and nobody leaves
    first, second = month(20, a=10, b=-1), month(20, a=15, b=-1)
    assert closed([second]) == set() and closed([first, second]) == {"b"}


def test_two_tables_that_are_safe_alone_are_not_together() -> None:
    """Sex: 33 and 1. Route: 17 and 17. The total of 34 is shown as 35, women as 35, both routes as
    15. The routes say that there are at most 34 patients; so with 33 or more women at most 1 man.
    """
    sex = CountTables([("all", ("f", "m"))], {"all": 35, "f": 35}, small={"m"})
    both = CountTables(
        [*sex.sums, ("all", ("iv", "oral"))], {**sex.shown, "iv": 15, "oral": 15}, small={"m"}
    )
    assert closed([sex]) == set() and closed([both]) == {"m"}
    control = DisclosureControl(PRESETS["opensafely"], Ledger("k"), gathering=True)
    for gathering in (True, False):
        control.gathering = gathering
        told = [control.counts({"f": 33, "m": 1}, 34, "sex")]
        told += [control.counts({"iv": 17, "oral": 17}, 34, "route")]
        told += [{"all": control.count(34)}]
    assert told[0]["m"] == "hidden"
    assert [v for t in told for v in t.values()].count("hidden") > 1
    assert not HiddenCounts([control.tables], base=5, hidden=7).narrowed()


# --- the ledger -----------------------------------------------------------------------------------


def test_a_report_that_is_only_built_leaves_no_trace_and_one_that_fails_to_be_written_none(
    tmp_path: Path,
) -> None:
    doc = build(clinic(60, 3), PLAN, audience="share", ledger=tmp_path / LEDGER)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError), recorded(doc.record):  # noqa: PT012
        assert (tmp_path / LEDGER).exists()
        raise OutputError("disk full")
    assert not (tmp_path / LEDGER).exists() and not started(tmp_path / LEDGER).exists()


def test_a_lost_ledger_and_one_of_another_study_are_refused(tmp_path: Path) -> None:
    write_reports(
        clinic(60, 3),
        PLAN,
        tmp_path / "a" / "share",
        audience="share",
        formats=("html",),
        ledger=tmp_path / LEDGER,
    )
    other = clinic(60, 3)
    renamed = oc.Study(
        other.scores.assign(patient="x" + other.scores["patient"]),
        visits=other.visits,
        measures=other.measures,
    )
    with pytest.raises(StudyError, match="of another study"):
        build(renamed, PLAN, audience="share", ledger=tmp_path / LEDGER)
    (tmp_path / LEDGER).unlink()
    with pytest.raises(StudyError, match="Restore it from a backup"):
        build(clinic(80, 3), PLAN, audience="share", ledger=tmp_path / LEDGER)


def test_two_shares_at_once_are_one_after_the_other(tmp_path: Path) -> None:
    ledger = tmp_path / LEDGER
    first, second = (build(clinic(n, 3), PLAN, audience="share", ledger=ledger) for n in (60, 63))
    with recorded(first.record):
        pass
    with pytest.raises(LedgerMovedError), recorded(second.record):
        pytest.fail("published beside the first")
    said: list[str] = []

    def go(n: int) -> None:
        try:
            write_reports(
                clinic(n, 3),
                PLAN,
                tmp_path / f"s{n}",
                audience="share",
                formats=("html",),
                ledger=ledger,
            )
            said.append("out")
        except oc.OutcomesError:
            said.append("refused")

    threads = [threading.Thread(target=go, args=(n,)) for n in (100, 103)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(said) == ["out", "refused"]


def test_nothing_is_forgotten() -> None:
    ledger = Ledger("k")
    for i in range(100):
        ledger.reports.append(frozenset({f"p{i}"}))
    assert ledger.text().count('"p') >= 100


# --- every size of clinic, every design -----------------------------------------------------------


def first(study: oc.Study, n: int) -> oc.Study:
    keep = set(list(study.patient_ids)[:n])
    return study.where(lambda f: f.index.isin(keep))


#: Each design with its sample, and the plan that is usual for it.
DESIGNED: dict[str, tuple[str, Callable[[oc.Study], oc.Plan]]] = {
    "before-after": ("", oc.Plan.of),
    "follow-up": ("", oc.plans.follow_up),
    "routes": ("", oc.plans.routes),
    "parallel": ("parallel", oc.Plan.of),
    "crossover": ("crossover", oc.Plan.of),
}
ASKED = {"Describe", "PairedT", "Responders", "Course", "SideEffects", "ANCOVA", "Crossover",
         "CohortModel", "CompareResponders"}  # fmt: skip


@pytest.mark.parametrize("design", DESIGNED)
@pytest.mark.parametrize("n", [20, 47, 140, pytest.param(0, marks=pytest.mark.slow)])
def test_a_clinic_of_any_size_gets_its_shared_report(n: int, design: str, tmp_path: Path) -> None:
    place, planned = DESIGNED[design]
    study = oc.read_study(SAMPLE / place / "study.toml")
    study = replace(study, protocol=replace(study.protocol, design=design))
    for size in [n] if n else range(20, 241):
        small = first(study, size)
        plan = oc.Plan(q for q in planned(small) if type(q).__name__ in ASKED)
        path = write_reports(
            small,
            plan,
            tmp_path / str(size),
            audience="share",
            formats=("html",),
            ledger=tmp_path / f"{size}.json",
        )
        assert path[0].stat().st_size > 5000
        assert "How patients are protected" in path[0].read_text("utf-8")


def test_the_sample_still_says_its_main_answer_responders_and_harms(
    results: Results, tmp_path: Path
) -> None:
    doc = build(results.study, results, audience="share", ledger=tmp_path / LEDGER)
    tables = {t.title.split(". ", 1)[-1]: t for t in all_tables(doc)}
    change = next(t for title, t in tables.items() if title.startswith("Change of the same"))
    assert change.rows[0][-1] == "improved"
    assert any(row[3] != "–" for row in tables["Responders"].rows)
    assert len(tables["Side effects, patients with at least one"].rows) > 2


#: Of each sample with groups: a part of the title of the table of its main answer, of responders and
#: of harms, and rows of it that go out (the first cell, and what its numbers look like).
KEPT_OUT = {
    "parallel": {
        "MMRM": ("adjusted difference · ketamine − placebo · week 4", r"−\d\.\d"),
        "responders between groups": ("≥30%, of patients with both scores", r"\d+ of \d+ \(\d+%\)"),
        "Side effects by arm": ("any side effect", r"\d+ of \d+ \(\d+%\)"),
    },
    "crossover": {
        "crossover mixed model": ("treatment difference · ketamine − placebo", r"−\d\.\d"),
        "Side effects, within patients": ("any side effect", r"\d+ of \d+ \(\d+%\)"),
        "Side effects, patients with": ("any side effect", r"\d+"),
    },
}


@pytest.mark.parametrize("sample", KEPT_OUT)
def test_shared_trials_still_say_their_main_answer_responders_and_harms(
    sample: str, tmp_path: Path
) -> None:
    study = oc.read_study(SAMPLE / sample / "study.toml")
    doc = build(study, oc.Plan.of(study), audience="share", ledger=tmp_path / LEDGER)
    for title, (label, looks) in KEPT_OUT[sample].items():
        table = next(t for t in all_tables(doc) if title in t.title)
        row = next(r for r in table.rows if r[0] == label)
        assert [c for c in row[1:] if re.match(looks, c)], (title, row)


def test_the_review_lists_each_number_with_its_rule_and_publishes_nothing(
    seeded: Path,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ledger, out = tmp_path / LEDGER, tmp_path / "review.csv"
    assert (
        main(
            [
                "share",
                "--review",
                str(seeded / "study.toml"),
                "--ledger",
                str(ledger),
                "--to",
                str(out),
            ]
        )
        == 0
    )
    frame = pd.read_csv(out)
    assert (
        list(frame) == ["number", "as printed", "rule"]
        and frame["rule"].notna().all()
        and len(frame) > 10
    )
    assert frame["rule"].str.contains("audit").any() and not ledger.exists()
    assert "To publish" in capsys.readouterr().out
