"""Rules about data: what they find is shown, nothing is repaired."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable

import pandas as pd

from outcomes.checks.rules import RULES, Rule
from outcomes.core.listing import listed_frame
from outcomes.core.wording import listed_addresses
from outcomes.study.study import Issue, Study

COLUMNS = ("severity", "rule", "table", "column", "count", "message", "addresses")
SEVERITIES = ("error", "warning", "note")


def find_issues(study: Study) -> list[Issue]:
    """Everything that reading, scoring and the rules found, gravest first."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    rules = tuple(RULES[name] for name in sorted(RULES))
    return list(study.once(("issues", rules), lambda: _found(study.ready, rules), either=True))


def _found(ready: Study, rules: Iterable[Rule]) -> list[Issue]:
    found = [*ready.issues, *(issue for each in rules for issue in each(ready))]
    return sorted(dict.fromkeys(found), key=lambda i: SEVERITIES.index(i.severity))


def check(study: Study) -> pd.DataFrame:
    """What in these data needs a look before anybody believes a result?

    One row an issue: severity (error, warning, note), rule, table, column, count, message and
    addresses. No patient's value or identifier is in it, and nothing is repaired.

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {"patient": list("aabb"), "visit": ["pre", "post"] * 2, "pain": [7.0, 5, None, 5]}
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> list(oc.check(study)["rule"])[:1]
    ['missing_scores']
    """
    rows = [
        (i.severity, i.rule, i.table, i.column, i.count, i.message, listed_addresses(i.addresses))
        for i in find_issues(study)
    ]
    return listed_frame(rows, list(COLUMNS), grouped="severity")
