"""The questions that can be asked, as one table."""

from __future__ import annotations

import dataclasses
from types import MappingProxyType

import pandas as pd

from outcomes.analyses import load
from outcomes.analyses.question import Analysis
from outcomes.analyses.question import questions as registered
from outcomes.core.listing import listed_frame

#: Topics in the order a reader meets them, and the modules of `outcomes.analyses` that belong to
#: each.
TOPICS = MappingProxyType(
    {
        "Describe": ("describe", "answers_by_visit"),
        "Before and after, the same patients": (
            "paired",
            "responders.one_group",
            "responders.improvement_grid",
            "individual",
            "missing.robustness",
        ),
        "Two or more groups": (
            "groups",
            "regression",
            "responders.between_groups",
            "responders.stratified",
            "subset",
        ),
        "Repeated follow-up": ("longitudinal",),
        "Missing scores": ("missing",),
        "Crossover, N-of-1, repeated infusions": (
            "crossover",
            "longitudinal.repeated_infusions",
            "longitudinal.infusion_model",
            "longitudinal.next_infusion",
        ),
        "Side effects": ("safety", "groups.blinding"),
        "Several sites": ("sites",),
        "The score itself": ("measurement",),
    }
)
#: The topic of a question that a user has defined.
OWN = "Your own"


def topic(kind: type[Analysis]) -> str:
    """The topic of a question, by its module: the longest name in `TOPICS` that fits.

    >>> import outcomes as oc
    >>> topic(oc.Blinding), topic(oc.WelchT)
    ('Side effects', 'Two or more groups')
    """
    module = kind.__module__.removeprefix("outcomes.analyses.")
    fits = [
        (len(m), name)
        for name, modules in TOPICS.items()
        for m in modules
        if f"{module}.".startswith(f"{m}.")
    ]
    return max(fits)[1] if fits else OWN


def by_topic() -> list[tuple[str, str, type[Analysis]]]:
    """Every question as (topic, name, class): topics in reading order, names in alphabetical order
    in each.
    """
    load()
    order = [*TOPICS, OWN]
    rows = [(topic(kind), name, kind) for name, kind in registered().items()]
    return sorted(rows, key=lambda row: (order.index(row[0]), row[1]))


def questions(search: str = "") -> pd.DataFrame:
    """Every kind of question: its name, what it asks, what the method is called, its fields and its
    topic.

    `search` keeps those that have all these words in a column, or, where there is none, in their
    description.

    >>> import outcomes as oc
    >>> "PairedT" in set(oc.questions()["method"])
    True
    >>> "NOf1" in set(oc.questions("crossover")["method"])
    True
    """
    base = {f.name for f in dataclasses.fields(Analysis)}
    rows = [
        {
            "method": name,
            "question": kind.question(),
            "called": kind.short,
            "fields": ", ".join(f.name for f in dataclasses.fields(kind) if f.name not in base),
            "topic": of,
        }
        for of, name, kind in by_topic()
    ]
    table = listed_frame(rows, grouped="topic")
    return (
        table.having(search, more=[k.__doc__ or "" for _, _, k in by_topic()]) if search else table
    )
