"""The checks that a report adds by itself, because nobody should have to remember them."""

from __future__ import annotations

from dataclasses import replace

from outcomes.analyses.missing import MissingScores, companions
from outcomes.analyses.paired.regression_to_mean import RegressionToMean
from outcomes.analyses.traits import Trait
from outcomes.core.result import Result, Results
from outcomes.plans.plan import Plan
from outcomes.reporting.parts import has, many_missing, primary
from outcomes.study.study import Study

#: Imputations of the tipping point that a report adds; a plan that asks for it itself has more.
DRAWS = 10


def guards(study: Study, results: Results) -> tuple[Result, ...]:
    """What the plan does not ask and the report must not leave out.

    Without a control group, the change that regression to the mean explains, for the first primary
    answer with a visit before and after. Where more than 10% of its scores are missing, these
    scores laid open (who is missing, when, and how those who stay differ) and the tipping point of
    the first primary answer.
    """
    asked: list[object] = []
    pairs = [
        r
        for r in primary(results)
        if not r.failed and r.outcome is not None and bool(getattr(r.analysis, "before", ""))
    ]
    if (
        not study.controlled
        and not any(has(r, Trait.REGRESSION_TO_MEAN) for r in results)
        and pairs
    ):
        q = pairs[0].analysis
        asked.append(
            RegressionToMean(q.outcome, before=q.before, after=q.after, role="sensitivity")
        )
    scored = [
        r for r in primary(results) if not r.failed and r.outcome is not None and r.outcome.better
    ]
    if (
        scored
        and many_missing(scored[0])
        and not any(has(r, Trait.SHOWS_MISSING) for r in results)
        and len(study.keys) == 2
    ):
        asked.append(MissingScores(scored[0].outcome.name, role="sensitivity"))  # type: ignore[union-attr]
    dealt = any(has(r, Trait.HANDLES_MISSING) for r in results)
    if scored and many_missing(scored[0]) and not dealt and len(study.keys) == 2:
        asked += [replace(q, draws=DRAWS) for q in companions(scored[0].analysis, study, over=0)]  # type: ignore[call-arg]
    if not asked:
        return ()
    estimand = results.plan.estimand if isinstance(results.plan, Plan) else None
    return Plan(asked, estimand=estimand).run(study).results  # type: ignore[arg-type]
