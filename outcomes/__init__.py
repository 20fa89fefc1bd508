"""Patient-reported outcomes in pain care: read, score, check, ask, report.

A frozen question, run on a study, gives a frozen answer::

    import outcomes as oc

    study = oc.read_study("data/sample/study.toml")
    oc.check(study)
    oc.PairedT("pain_nrs", before="baseline", after="week_4").run(study)

Questions (`oc.questions()` lists them) and everything below load on first use, so that `import outcomes` stays cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__version__ = "0.1.0"

#: Public name -> the module that has it.
_HOMES = {
    "Analysis": "analyses.question",
    "Counts": "core.flow",
    "Described": "plots",
    "Estimand": "plans.estimand",
    "Estimate": "core.estimate",
    "Family": "plans.families",
    "Instrument": "questionnaires",
    "InstrumentUse": "study",
    "Issue": "study",
    "Outcome": "core.outcome",
    "OutcomesError": "core.errors",
    "Plan": "plans.plan",
    "Result": "core.result",
    "Results": "core.result",
    "Study": "study",
    "check": "checks",
    "detectable_difference": "analyses.planning.formulas",
    "instrument": "questionnaires",
    "instruments": "questionnaires",
    "load_instrument": "questionnaires",
    "plot": "plots",
    "pool_summaries": "analyses.sites.summaries",
    "read_study": "readers",
    "read_table": "readers",
    "sample_size_crossover": "analyses.planning.formulas",
    "sample_size_mcnemar": "analyses.planning.formulas",
    "sample_size_non_inferiority": "analyses.planning.formulas",
    "sample_size_paired": "analyses.planning.formulas",
    "sample_size_precision": "analyses.planning.formulas",
    "sample_size_responders": "analyses.planning.formulas",
    "sample_size_two_arms": "analyses.planning.formulas",
    "simulate_power": "analyses.planning.simulation",
    "site_summary": "analyses.sites.site_summary",
    "table": "tables",
    "write_report": "reporting",
}
_MODULES = {"errors": "core.errors", "plans": "plans", "wording": "core.wording"}

__all__ = ["__version__", "questions", *sorted(_HOMES)]


def questions() -> pd.DataFrame:
    """Every kind of question: its name, what it asks, its fields, and how it is called.

    >>> import outcomes as oc
    >>> "PairedT" in set(oc.questions()["method"])
    True
    """
    import dataclasses

    import pandas as pd

    base = {f.name for f in dataclasses.fields(__getattr__("Analysis"))}
    rows = [
        {
            "method": name,
            "question": kind.question(),
            "called": kind.short,
            "fields": ", ".join(f.name for f in dataclasses.fields(kind) if f.name not in base),
        }
        for name, kind in _questions().items()
    ]
    return pd.DataFrame(rows)


def _questions() -> dict[str, Any]:
    return importlib.import_module("outcomes.plans.plan").kinds()


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(f"outcomes.{_HOMES[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"outcomes.{_MODULES[name]}")
    elif not name.startswith("_") and name[:1].isupper() and name in (found := _questions()):
        value = found[name]
    else:
        raise AttributeError(f"module 'outcomes' has no attribute '{name}'; oc.questions() lists the questions")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES, *_questions()})
