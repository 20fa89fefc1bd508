"""Reference cases: rows of R's numbers for one data set and method, and which function of ours
answers them.

A family (`outcomes/validation/reference_adapters/`) registers with `@answers` how the numbers of a
method are found with our kernels. The shipped values, the parity page and the tests against the
whole reference table all go through here.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np

Rows = list[dict[str, str]]
#: How a data set is found by its name: rows of text, an empty cell is a missing value.
Tables = Callable[[str], Rows]
FLOOR = 1e-12  # below this absolute disagreement a relative one means nothing

#: The families in the order of the page.
FAMILIES = {
    "describe": "Description",
    "paired": "Before and after",
    "effects": "Effect sizes of pairs",
    "individual": "Individual change, equivalence, Bayes factors",
    "groups": "Groups",
    "ancova": "ANCOVA",
    "proportions": "Proportions and tables",
    "repeated": "Repeated measures",
    "mmrm": "MMRM",
    "mixed_models": "Mixed models",
    "crossover": "Crossover and n-of-1",
    "missing": "Missing scores",
    "regression": "Logistic, ordinal and marginal models",
    "survival": "Duration of relief and diaries",
    "pooling": "Pooling sites",
    "planning": "Power and multiplicity",
}


@dataclass(frozen=True, eq=False)
class Case:
    """The numbers wanted of one method on one data set."""

    name: str
    data: str
    method: str
    options: str
    expected: Mapping[str, tuple[float, float]]
    tables: Tables
    package: str = ""
    version: str = ""
    #: What the case sets, as text: "t=0.5; n=10". Adapters read it, never the case's name.
    inputs: str = ""

    def given(self, name: str) -> str:
        """One setting of the case, an empty text where it sets none of that name."""
        return settings(self.inputs).get(name, "")

    @property
    def quantities(self) -> tuple[str, ...]:
        """What the numbers are called."""
        return tuple(self.expected)

    def rows(self, data: str = "") -> Rows:
        """The data set (or another one by its name) as rows of text."""
        return self.tables(data or self.data)

    def each(self, one: Callable[[str], float]) -> dict[str, float]:
        """The answers, found quantity by quantity."""
        return {quantity: one(quantity) for quantity in self.expected}


Answer = Callable[[Case], Mapping[str, float]]


@dataclass(frozen=True)
class Method:
    """One method of the reference table: how we answer it, what it is, which R function it
    equals.
    """

    answer: Answer
    title: str
    r: str
    family: str


@dataclass(frozen=True)
class Difference:
    """Where we differ from the reference on purpose, and why; with `rtol`, still compared at this
    looser tolerance.
    """

    applies: Callable[[Case, str], bool]
    reason: str
    rtol: float = math.nan


_METHODS: dict[str, Method] = {}
_DIFFERENCES: list[Difference] = []


def answers(family: str, named: Mapping[str, tuple[str, str]]) -> Callable[[Answer], Answer]:
    """Register a function as the answer to these methods: name → (what it is, the R function)."""

    def register(answer: Answer) -> Answer:
        for name, (title, r) in named.items():
            _METHODS[name] = Method(answer, title, r, family)
        return answer

    return register


def unanswered(case: Case) -> dict[str, float]:
    """The answer to a method that is left out on purpose: `differs` says why."""
    return {}


def differs(reason: str, applies: Callable[[Case, str], bool], *, rtol: float = math.nan) -> None:
    """Declare a purposeful difference from the reference."""
    _DIFFERENCES.append(Difference(applies, reason, rtol))


@cache
def methods() -> Mapping[str, Method]:
    """All methods that can be answered, family by family."""
    for name in FAMILIES:
        import_module(f"outcomes.validation.reference_adapters.{name}")
    order = list(FAMILIES)
    return dict(sorted(_METHODS.items(), key=lambda kv: order.index(kv[1].family)))


def difference(case: Case, quantity: str) -> Difference | None:
    """The declared difference of this number, if there is one."""
    methods()
    return next((d for d in _DIFFERENCES if d.applies(case, quantity)), None)


@dataclass(frozen=True)
class Comparison:
    """One number of ours beside the reference."""

    case: Case
    quantity: str
    ours: float
    expected: float
    rtol: float
    declared: Difference | None = field(default=None)

    @property
    def compared(self) -> bool:
        """Whether the number is held to a tolerance at all."""
        return self.declared is None or not math.isnan(self.declared.rtol)

    @property
    def disagreement(self) -> float:
        """Relative disagreement, or the absolute one where that is below 1e-12; 0 where both are
        undefined.
        """
        a, b = self.ours, self.expected
        if (math.isnan(a) and math.isnan(b)) or a == b:
            return 0.0
        if not (math.isfinite(a) and math.isfinite(b)):
            return math.inf
        absolute = abs(a - b)
        relative = absolute / abs(b) if b else math.inf
        return min(absolute, relative) if absolute <= FLOOR else relative

    @property
    def agrees(self) -> bool:
        """Whether the number keeps its tolerance."""
        return not self.compared or self.disagreement <= max(self.rtol, FLOOR)


def compare(case: Case) -> list[Comparison]:
    """Our numbers beside those of a case, in its order; what is not compared is not computed
    either.
    """
    declared = {q: difference(case, q) for q in case.expected}
    wanted = {
        q: e
        for q, e in case.expected.items()
        if (d := declared[q]) is None or not math.isnan(d.rtol)
    }
    got = methods()[case.method].answer(replace(case, expected=wanted)) if wanted else {}
    out = []
    for quantity, (expected, rtol) in case.expected.items():
        d = declared[quantity]
        tolerance = rtol if d is None or math.isnan(d.rtol) else max(rtol, d.rtol)
        out.append(
            Comparison(case, quantity, float(got.get(quantity, math.nan)), expected, tolerance, d)
        )
    return out


_KEY = ("case_id", "data_file", "method", "options", "r_package", "r_version", "inputs")


def settings(inputs: str) -> dict[str, str]:
    """The settings of a case by their names.

    >>> settings("t=0.5; n=10")
    {'t': '0.5', 'n': '10'}
    """
    return dict(part.split("=", 1) for part in inputs.split("; ") if part)


def group(rows: Iterable[Mapping[str, str]], tables: Tables) -> list[Case]:
    """Cases from the rows of a reference table (case_id, data_file, method, options, inputs,
    quantity, value, rtol, …).
    """
    found: dict[tuple[str, ...], dict[str, tuple[float, float]]] = {}
    for r in rows:
        key = tuple(r[k] for k in _KEY)
        found.setdefault(key, {})[r["quantity"]] = (number(r["value"]), float(r["rtol"]))
    return [
        Case(name, data, method, options, expected, tables, package, version, inputs)
        for (name, data, method, options, package, version, inputs), expected in found.items()
    ]


def folder(path: Path) -> Tables:
    """Data sets that lie as CSV files in a folder."""

    @cache
    def read(name: str) -> Rows:
        return parse((path / name).read_text(encoding="utf-8"))

    return read


def parse(text: str) -> Rows:
    """CSV text as rows of text."""
    return list(csv.DictReader(io.StringIO(text)))


def number(text: str) -> float:
    """A number from text; empty and NA are nan."""
    return float(text) if text not in ("", "NA") else math.nan


def column(rows: Sequence[Mapping[str, str]], name: str) -> np.ndarray:
    """A column of numbers, missing = nan."""
    return np.array([number(r[name]) for r in rows])


def pairs(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """The complete pairs of a before-and-after data set."""
    rows = case.rows()
    before, after = column(rows, "pre"), column(rows, "post")
    both = ~(np.isnan(before) | np.isnan(after))
    return before[both], after[both]
