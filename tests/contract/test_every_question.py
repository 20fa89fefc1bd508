"""What holds for every question, whoever wrote it."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

import outcomes as oc
from outcomes.analysis import Analysis
from outcomes.errors import OutcomesError
from outcomes.methods import load
from outcomes.result import COLUMNS
from tests.builders import two_visits

KINDS = load()


def example(kind: type[Analysis]) -> Analysis:
    """The question with plausible names in its required fields."""
    values = {"outcome": "pain", "before": "baseline", "after": "week_4", "by": "arm", "anchor": "pgic", "margin": 1.0}
    given = {}
    for f in dataclasses.fields(kind):
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
            plain = (0.0, 4.0) if str(f.type).startswith(("tuple", "Sequence")) else 0.8
            given[f.name] = values.get(f.name, plain)
    return kind(**given)


@pytest.mark.parametrize("name", KINDS)
def test_it_is_a_frozen_dataclass_with_keyword_only_visits(name):
    kind = KINDS[name]
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen
    positional = [p for p in inspect.signature(kind).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert len(positional) <= 1


@pytest.mark.parametrize("name", KINDS)
def test_it_asks_a_question_has_a_name_and_an_example(name):
    kind = KINDS[name]
    assert kind.question().endswith("?"), f"the first docstring line of {name} is not a question"
    assert kind.short
    assert ">>>" in inspect.getdoc(kind)
    assert example_or_skip(kind).methods_text().endswith(".")


def example_or_skip(kind):
    try:
        return example(kind)
    except (OutcomesError, TypeError):
        pytest.skip(f"{kind.__name__} cannot be made from plain names; its own tests cover it")


@pytest.mark.parametrize("name", KINDS)
def test_it_survives_toml(name):
    question = example_or_skip(KINDS[name])
    plan = oc.Plan(question)
    assert oc.Plan.from_toml(plan.to_toml() + "\n") == plan


@pytest.mark.parametrize("name", KINDS)
def test_a_study_that_cannot_answer_gives_a_clear_refusal_or_a_whole_answer(name):
    question = example_or_skip(KINDS[name])
    study = two_visits([7, 6, 8, 5, 9, 4], [5, 6, 2, 4, 7, 5])
    result = oc.Plan(question).run(study)[0]
    assert "internal error" not in result.failed
    assert result.sentence()
    frame = result.to_frame()
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) >= 1
    assert result.counts.enrolled >= result.counts.analysed
    assert result._repr_html_()


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("data", [([7], [5]), ([None, None], [None, None]), ([5, 5, 5], [5, 5, 5]), ([7, 6, 8], [5, 4, 6])])
def test_degenerate_data_never_break_it(name, data):
    question = example_or_skip(KINDS[name])
    result = oc.Plan(question).run(two_visits(*data))[0]
    assert "internal error" not in result.failed
    assert result.sentence()
    for e in result.estimates:
        assert not (e.p == 0 and e.reason), "an undefined p is nan, never 0"


@pytest.mark.parametrize("name", KINDS)
def test_an_unknown_outcome_is_answered_with_what_there_is(name):
    kind = KINDS[name]
    if "outcome" not in {f.name for f in dataclasses.fields(kind)}:
        pytest.skip("asks of no outcome")
    try:
        question = dataclasses.replace(example_or_skip(kind), outcome="pian")
    except OutcomesError as e:
        pytest.skip(f"its outcome goes with other fields: {e}")
    result = oc.Plan(question).run(two_visits([7, 6, 8], [5, 6, 2]))[0]
    assert result.failed
    assert "internal" not in result.failed
