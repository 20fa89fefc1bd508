"""How a rule about data is made: one function that takes a Study and gives Issues."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from outcomes.study.study import Issue, Study

Rule = Callable[[Study], Iterable[Issue]]

RULES: dict[str, Rule] = {}


def rule(function: Rule) -> Rule:
    """Register a rule under its function's name; `check` runs it on every study."""
    RULES[function.__name__] = function
    return function
