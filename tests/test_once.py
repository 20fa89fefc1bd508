"""No work is done twice: a report and a scheduled run score, check, plan and answer once."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import outcomes as oc
import outcomes.checks
from outcomes.analyses.question import Analysis
from outcomes.checks.rules import RULES
from outcomes.cli import main
from outcomes.plans.plan import Plan
from outcomes.questionnaires import Instrument
from outcomes.schedule import run_due
from outcomes.study import codes, study, tables
from tests.builders import two_visits
from tests.schedule.clinic import NOVEMBER, write_schedule

ROOT = Path(__file__).resolve().parents[1]
QUESTION = oc.PairedT("pain", before="baseline", after="week_4")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each thing was done, by name."""
    done: Counter[str] = Counter()

    def counted(name: Callable[..., str], work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            done[name(*args)] += 1
            return work(*args, **more)

        return call

    for module in pkgutil.iter_modules(outcomes.checks.__path__):
        importlib.import_module(f"outcomes.checks.{module.name}")
    for rule, work in list(RULES.items()):
        monkeypatch.setitem(RULES, rule, counted(lambda _, rule=rule: f"rule {rule}", work))
    score, read = Instrument.score, Plan.from_list.__func__  # type: ignore[attr-defined]
    monkeypatch.setattr(Instrument, "score", counted(lambda i, _: f"score {i.id}", score))
    monkeypatch.setattr(Plan, "from_list", classmethod(counted(lambda *_: "plan", read)))
    answer = counted(lambda q, s: asked(q, s.enrolled), Analysis._answered)
    monkeypatch.setattr(Analysis, "_answered", answer)
    monkeypatch.setattr(tables, "encode", counted(lambda *_: "encode", codes.encode))
    return done


def asked(question: Analysis, patients: int) -> str:
    """A question and of how many patients: those who completed since the last report are asked too,
    apart.
    """
    return f"answer {question!r} of {patients} patients"


def copied_sample(folder: Path) -> Path:
    return Path(shutil.copytree(ROOT / "data" / "sample", folder / "sample"))


def all_once(calls: Counter[str], sample: Path, *, checked: bool = True) -> None:
    plan = oc.Plan.from_toml(sample / "study.toml")
    calls["plan"] -= 1  # this very line
    assert {k: n for k, n in calls.items() if n != 1} == {}
    assert {f"rule {name}" for name in RULES if checked} <= set(calls)
    assert {"score pain_nrs", "score promis29", "score phq9", "encode"} <= set(calls)
    everybody = oc.read_study(sample / "study.toml").enrolled
    assert {asked(q, everybody) for q in plan} <= set(calls)


def test_a_report_does_everything_once(calls: Counter[str], tmp_path: Path) -> None:
    sample = copied_sample(tmp_path)
    assert main(["report", str(sample / "study.toml"), "--out", str(tmp_path / "out")]) == 0
    all_once(calls, sample)


def test_a_scheduled_run_does_everything_once(calls: Counter[str], tmp_path: Path) -> None:
    sample = copied_sample(tmp_path)
    woken = run_due(write_schedule(sample), NOVEMBER, accept=True)
    assert [m.words for m in woken.made] == ["done"]
    all_once(calls, sample)


def test_a_run_does_everything_once(calls: Counter[str], tmp_path: Path) -> None:
    sample = copied_sample(tmp_path)
    asked_for = ["--to", str(tmp_path / "results.csv")]
    assert main(["run", str(sample / "study.toml"), *asked_for]) == 0
    all_once(calls, sample, checked=False)


def test_exploring_does_everything_once(calls: Counter[str], tmp_path: Path) -> None:
    pytest.importorskip("ipywidgets")
    panel = oc.explore(copied_sample(tmp_path) / "study.toml")
    assert panel.result is not None
    panel.question.value, panel.question.value = "SignedRank", "PairedT"
    assert {k: n for k, n in calls.items() if n != 1} == {}
    assert {f"rule {name}" for name in RULES} <= set(calls)
    panel.folder.value = str(tmp_path)
    panel.buttons["Write report"].click()
    assert (tmp_path / "report.html").exists(), panel.said.value
    assert {k: n for k, n in calls.items() if n != 1} == {}


def test_an_answer_asked_alone_is_not_computed_again_in_a_plan(calls: Counter[str]) -> None:
    answered = asked(QUESTION, 4)
    data = two_visits([7, 6, 8, 5], [5, 6, 2, 4])
    alone = QUESTION.run(data)
    assert oc.Plan(QUESTION).run(data)[0].estimates == alone.estimates
    assert calls[answered] == 1
    other = two_visits([7, 6, 8, 5], [5, 6, 2, 3])
    assert QUESTION.run(other).estimates != alone.estimates
    assert calls[answered] == 2


def test_another_title_keeps_what_was_made_and_other_data_do_not() -> None:
    data = two_visits([7, 6, 8, 5], [5, 6, 2, 4], title="Before")
    first, made = QUESTION.run(data), data.wide("pain")
    titled = dataclasses.replace(data, title="After")
    assert titled.title == titled.ready.title == "After" and data.title == "Before"
    assert titled.wide("pain") is made and QUESTION.run(titled) is first
    for other in (
        dataclasses.replace(data, scores=data.scores.assign(pain=4.0)),
        dataclasses.replace(data, design="parallel"),
        dataclasses.replace(data, measures={"pain": dataclasses.replace(QUESTION_PAIN, unit="mm")}),
        data.where(lambda frame: frame.index != "p001"),
        data.with_score("pain", data.scores["pain"].to_numpy() + 1),
    ):
        again = QUESTION.run(other)
        assert again is not first
        assert (again.estimates, again.notes, again.outcome) != (
            first.estimates,
            first.notes,
            first.outcome,
        ) or other.wide("pain") is not made


QUESTION_PAIN = two_visits([1, 2], [1, 2]).outcome("pain")


def test_an_invented_sample_stays_marked_whatever_was_answered_before() -> None:
    data = two_visits([7, 6, 8, 5], [5, 6, 2, 4])
    assert not QUESTION.run(data).sample
    assert QUESTION.run(dataclasses.replace(data, sample=True)).sample


def test_scoring_the_same_study_twice_is_scoring_once(calls: Counter[str], tmp_path: Path) -> None:
    read = oc.read_study(copied_sample(tmp_path) / "study.toml")
    oc.check(read)
    oc.check(read.ready)
    oc.Plan.of(read).run(dataclasses.replace(read, title="Another"))
    assert {k: n for k, n in calls.items() if n != 1} == {}
    assert study.Study.ready.fget(read) is read.ready  # type: ignore[attr-defined]
