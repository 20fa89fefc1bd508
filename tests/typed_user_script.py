"""A user's script, as a type checker sees it: `tests/test_public_face.py` runs `mypy --strict` over
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import assert_type

import pandas as pd

import outcomes as oc


@dataclass(frozen=True, kw_only=True)
class LastScore(oc.Analysis):
    """What was the mean of the last scores?"""

    outcome: str

    def compute(self, study: oc.Study) -> oc.Result:
        """The mean of the last scores."""
        raise oc.OutcomesError("only an example")


def main(file: Path) -> None:
    """Every kind of thing that the public face has, used once."""
    study = oc.read_study(file)
    assert_type(study, oc.Study)
    question = oc.PairedT("pain_nrs", before="baseline", after="week_4", role="primary")
    assert_type(question.before, str)
    result = question.run(study)
    assert_type(result, oc.Result)
    assert_type(result["mean change"], oc.Estimate)
    assert_type(result.sentence(), str)
    assert_type(oc.check(study), pd.DataFrame)
    assert_type(oc.questions(), pd.DataFrame)
    results = oc.Plan(question, oc.MMRM("pain_nrs"), LastScore(outcome="pain_nrs")).run(study)
    assert_type(results, oc.Results)
    assert_type(oc.write_report(study, results, "report.html"), Path)
    assert_type(oc.instrument("isi"), oc.Instrument)
    oc.plot(result)
    print(oc.table(results), oc.plans.ready_made("before-after", study), oc.wording.number(1.5))


def mistakes(study: oc.Study) -> None:
    """What a type checker must refuse; an ignore that is not needed is itself an error."""
    oc.PairedT("pain_nrs", before="baseline")  # type: ignore[call-arg]
    oc.PairedT("pain_nrs", "baseline", "week_4")  # type: ignore[call-arg]
    oc.PairedT("pain_nrs", before="baseline", after=4)  # type: ignore[arg-type]
    oc.PairedTee("pain_nrs")  # type: ignore[attr-defined]
    study.outcome(3)  # type: ignore[arg-type]
