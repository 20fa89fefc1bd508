"""The verdict: our numbers beside R's, method by method, and the page a hospital's IT files."""

from __future__ import annotations

import json
import math
import platform
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from textwrap import wrap

import outcomes
from outcomes.core.wording import number, plural
from outcomes.validation.cases import (
    FAMILIES,
    FLOOR,
    Case,
    Comparison,
    Rows,
    compare,
    methods,
    parse,
)

WIDTH = 62  # of the column of names
LIBRARIES = ("numpy", "scipy", "pandas")


@dataclass(frozen=True)
class Line:
    """One method beside its reference: how many numbers, the largest disagreement and what is
    allowed there.
    """

    method: str
    area: str
    title: str
    r: str
    packages: tuple[str, ...]
    compared: int
    apart: int
    failed: int
    worst: float
    allowed: float
    where: str


@dataclass(frozen=True)
class Verdict:
    """All lines, and how long they took."""

    lines: tuple[Line, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every number kept its tolerance."""
        return not any(line.failed for line in self.lines)


def lines(cases: Iterable[Case]) -> tuple[Line, ...]:
    """Every method of these cases compared with its reference; what cannot be computed counts as
    failed.
    """
    by_method: dict[str, list[Comparison]] = {}
    for case in cases:
        by_method.setdefault(case.method, []).extend(_compared(case))
    order = list(methods())
    return tuple(_line(m, by_method[m]) for m in sorted(by_method, key=order.index))


def _compared(case: Case) -> list[Comparison]:
    try:
        return compare(case)
    except Exception:  # a fault in one method is a failed line, not a lost page
        return [Comparison(case, q, math.nan, e, rtol) for q, (e, rtol) in case.expected.items()]


def _line(name: str, found: Sequence[Comparison]) -> Line:
    m = methods()[name]
    held = [c for c in found if c.compared]
    failed = [c for c in held if not c.agrees]
    strict = [
        c for c in held if c.declared is None
    ]  # what is declared looser is told apart from what is simply compared
    worst = max(failed or strict or held, key=lambda c: c.disagreement, default=None)
    packages = tuple(
        dict.fromkeys(
            f"{c.case.package} {c.case.version}" for c in found if c.case.package != "own"
        )
    )
    return Line(
        name,
        FAMILIES[m.family],
        m.title,
        m.r,
        packages,
        len(held),
        len(found) - len(held),
        len(failed),
        worst.disagreement if worst else 0.0,
        max(worst.rtol, FLOOR) if worst else FLOOR,
        f"{worst.case.name}, {worst.quantity}" if worst else "",
    )


@cache
def shipped() -> tuple[tuple[Case, ...], str]:
    """The reference cases that come with the package, and where their numbers are from."""
    body = json.loads(
        files("outcomes.validation").joinpath("reference.json").read_text(encoding="utf-8")
    )
    tables = {name: parse(text) for name, text in body["data"].items()}

    def read(name: str) -> Rows:
        return tables[name]

    return (
        tuple(
            Case(
                c["name"],
                c["data"],
                c["method"],
                c["options"],
                {q: (v, t) for q, (v, t) in c["expected"].items()},
                read,
                c["package"],
                c["version"],
                c["inputs"],
            )
            for c in body["cases"]
        ),
        body["source"],
    )


def selftest() -> Verdict:
    """Compare the kernels on this machine with the values that come with the package.

    >>> verdict = selftest()
    >>> verdict.passed, len(verdict.lines) > 150
    (True, True)
    """
    start = time.perf_counter()
    found = lines(shipped()[0])
    return Verdict(found, time.perf_counter() - start)


def bucket(value: float) -> str:
    """A disagreement in one significant step, so that noise of the machine does not show.

    >>> bucket(3e-16), bucket(4.2e-8), bucket(float("inf"))
    ('<1e-12', '<1e-07', 'undefined')
    """
    if not math.isfinite(value):
        return "undefined"
    return f"<1e{math.floor(math.log10(max(value, 1e-13))) + 1:03d}"


def page(verdict: Verdict, *, every_method: bool = False) -> str:
    """The verdict on one page: a line an area, or with `every_method` a line a method; what failed
    is always named.
    """
    n, bad = sum(x.compared for x in verdict.lines), sum(x.failed for x in verdict.lines)
    head = [
        f"outcomes {outcomes.__version__} selftest: {'PASSED' if verdict.passed else 'FAILED'}",
        (
            f"{n} numbers of {plural(len(verdict.lines), 'method')} beside R's; {bad} differ by"
            " more than their tolerance."
        ),
        "",
        f"{'Area':<{WIDTH}}{'numbers':>8}{'worst':>11}{'allowed':>9}  verdict",
    ]
    body = []
    for area in dict.fromkeys(x.area for x in verdict.lines):
        own = [x for x in verdict.lines if x.area == area]
        top = max(own, key=lambda x: (x.failed > 0, x.worst))
        failed = sum(x.failed for x in own)
        body.append(_row(area, sum(x.compared for x in own), top, failed))
        body += [
            _row(f"  {x.title}", x.compared, x, x.failed) for x in own if every_method or x.failed
        ]
        body += [f"    at {x.where}" for x in own if x.failed]
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    tail = [
        "",
        (
            "worst: largest relative disagreement in the area; allowed: the tolerance there"
            " (numbers below 1e-12: absolute)."
        ),
        (
            f"Python {platform.python_version()} on {platform.system()} {platform.machine()};"
            f" {versions}."
        ),
        f"Reference: {shipped()[1]}",
        (
            f"Run on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC in {number(verdict.seconds)} s. No"
            " patient data, no network."
        ),
    ]
    return "\n".join(head + body + [part for text in tail for part in wrap(text, 100) or [""]])


def _row(name: str, numbers: int, worst: Line, failed: int) -> str:
    said = "pass" if not failed else f"FAIL ({failed})"
    name = name if len(name) < WIDTH else f"{name[: WIDTH - 2]}…"
    return f"{name:<{WIDTH}}{numbers:>8}{bucket(worst.worst):>11}{worst.allowed:>9.0e}  {said}"
