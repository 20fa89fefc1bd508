"""What `Robustness` asks where scores are missing: a mixed model, imputations, the tipping
value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from outcomes.analyses.longitudinal.course_models import CohortModel
from outcomes.analyses.longitudinal.mmrm import MMRM
from outcomes.analyses.missing.imputed import Imputed
from outcomes.analyses.missing.reference_based import ReferenceBased
from outcomes.analyses.missing.tipping_point import TippingPoint
from outcomes.analyses.paired.mean_change import PairedT
from outcomes.analyses.question import Analysis
from outcomes.analyses.regression.ancova import ANCOVA
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import Estimate
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, number
from outcomes.study.study import Study


@dataclass(frozen=True)
class MissingWays:
    """The rows beside the reference, the tipping value in words, and what could not be asked."""

    rows: tuple[Estimate, ...] = ()
    tipping: str = ""
    notes: tuple[str, ...] = ()


def missing_ways(
    study: Study,
    outcome: str,
    *,
    before: str,
    after: str,
    by: str = "",
    reference: str = "",
    draws: int,
    seed: int,
    level: float,
) -> MissingWays:
    """The mixed model of all visits, multiple imputation, between arms also reference-based
    imputation (jump to reference), and the tipping value; nothing where no score is missing.
    """
    wide = study.wide(outcome)
    seen = wide.loc[wide.notna().any(axis=1), [before, after]].notna()
    if len(study.keys) > 2 or seen.all(axis=None) or seen.all(axis=1).sum() < 2:
        return MissingWays()
    when: dict[str, Any] = {"before": before, "after": after, "level": level}
    arms: dict[str, Any] = {"by": by, "reference": reference}
    main: Analysis
    if by:
        main = ANCOVA(outcome, **when, **arms)
        model: Analysis = MMRM(outcome, baseline=before, visit=after, level=level, **arms)
        jump = ReferenceBased(outcome, visit=after, level=level, **arms)
    else:
        main = PairedT(outcome, **when)
        model, jump = CohortModel(outcome, baseline=before, visit=after, level=level), None
    imputed = Imputed(main, draws=draws, seed=seed, level=level)
    made = cache(lambda: imputed.filled(study))  # one set of imputations, pooled and tipped
    asked: list[tuple[str, Callable[[], Result]]] = [
        ("mixed model of all visits", lambda: model.compute(study)),
        (f"multiple imputation ({draws} draws)", lambda: imputed.pooled(made())),
    ]
    if jump is not None:
        words = "reference-based imputation (jump to reference)"
        asked.append((words, lambda: jump.compute(study)))
    rows, notes = list[Estimate](), list[str]()
    for name, answer in asked:
        try:
            found = answer().main
        except AnalysisError as e:
            notes.append(f"Not among the ways: {name}. {e}")
            continue
        if found is None or math.isnan(found.value):
            notes.append(f"Not among the ways: {name}. It has no estimate here.")
            continue
        rows.append(replace(found, name=name, visit="", group="", place=None))
    tip = TippingPoint(main, draws=draws, seed=seed, level=level)
    tipping = " ".join(_tipping(lambda: tip.tipped(study, made())))
    return MissingWays(tuple(rows), tipping, tuple(notes))


def _tipping(answer: Callable[[], Result]) -> Iterator[str]:
    """The tipping value as a sentence, where there is a conclusion to tip."""
    try:
        result = answer()
    except AnalysisError:
        return
    tip, outcome = result.estimates[0], result.outcome
    if math.isnan(tip.value) or outcome is None:
        yield f"Tipping value: none; {tip.how}."
        return
    size = number(abs(tip.value), digits_for(outcome.resolution))
    yield (
        f"The verdict tips where missing scores are {size} {outcome.unit} worse than those observed"
        " predict."
    )
